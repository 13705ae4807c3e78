//! What every command is given: the way to the user and the way to the servers.

use std::sync::OnceLock;
use std::time::Duration;

use crate::commands::args::{AUTH, ConnectArgs, FROM_AUTH, Given, OutputArgs, UrlLogin, UrlLogins};
use crate::commands::contexts::NamedCluster;
use crate::ops::{Deadline, Event, Interrupt, Observer};
use crate::render::{Failure, Manner, Progress, ProgressMode, Ui};
use crate::wire::Access;

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    pub ui: Ui,
    pub access: Access,
    /// The connection options as redis-cli takes them.
    pub redis_cli_flags: Vec<String>,
    /// What stands for variables of the environment.
    pub given: Vec<Given>,
    /// What URLs say of the source of an import.
    pub source_url: UrlLogin,
    /// The tree of all commands.
    pub tree: fn() -> clap::Command,
    /// The cluster that the line names by its context.
    pub cluster: Option<NamedCluster>,
    progress: ProgressMode,
    /// Set once signals are only noted.
    interrupt: OnceLock<Interrupt>,
}

impl Context {
    pub fn new(
        ui: Ui,
        connect: ConnectArgs,
        output: &OutputArgs,
        mut given: Vec<Given>,
        urls: UrlLogins,
        tree: fn() -> clap::Command,
    ) -> Result<Context, Failure> {
        given.extend(urls.cluster.password.clone().map(|password| (AUTH, password)));
        given.extend(urls.source.password.clone().map(|password| (FROM_AUTH, password)));
        let cx = Context {
            ui,
            tree,
            cluster: None,
            access: connect.access(&given)?,
            redis_cli_flags: connect.redis_cli_flags(),
            given,
            source_url: urls.source.clone(),
            progress: output.progress,
            interrupt: OnceLock::new(),
        };
        if urls.has_password() {
            cx.warn(&format!(
                "a password in a URL is visible in the process list: use {AUTH}, {FROM_AUTH} or a password file"
            ));
        }
        // Whoever writes --insecure in redis-cli's words knows.
        if let Some(tls) = cx.access.tls.as_ref().filter(|_| cx.ui.manner() == Manner::Own)
            && let Some(warning) = tls.warning
        {
            cx.warn(warning);
        }
        Ok(cx)
    }

    /// The same for other servers: how they are reached, and the options of rcluster and of redis-cli
    /// that say so.
    pub fn reaching(&self, access: Access, rcluster: String, redis_cli: Vec<String>) -> Context {
        Context {
            ui: self.ui.clone().with_options(rcluster, redis_cli.join(" ")),
            access,
            redis_cli_flags: redis_cli,
            given: Vec::new(),
            source_url: UrlLogin::default(),
            tree: self.tree,
            progress: self.progress,
            cluster: None,
            interrupt: self.interrupt.clone(),
        }
    }

    pub fn progress(&self) -> Progress<'_> {
        Progress::new(&self.ui, self.progress)
    }

    /// Warns a person on stderr, or a program by an event.
    pub fn warn(&self, text: &str) {
        match self.progress {
            ProgressMode::Json => self
                .progress()
                .on(Event::Note { message: format!("warning: {}", self.ui.runnable(text)) }),
            _ => self.ui.warn(text),
        }
    }

    /// A deadline that Ctrl-C ends early; from here on signals no longer end the process by
    /// themselves.
    pub fn deadline(&self, allowed: Duration) -> Result<Deadline, Failure> {
        Ok(Deadline::after(allowed, self.interrupt()?))
    }

    /// The flag, where signals are noted already.
    pub fn interrupt_if_caught(&self) -> Interrupt {
        self.interrupt.get().cloned().unwrap_or_default()
    }

    /// One flag for the whole run: a signal that comes between two deadlines ends the second.
    pub fn interrupt(&self) -> Result<Interrupt, Failure> {
        match self.interrupt.get() {
            Some(interrupt) => Ok(interrupt.clone()),
            None => {
                let caught = Interrupt::catch().map_err(Failure::system)?;
                Ok(self.interrupt.get_or_init(|| caught).clone())
            }
        }
    }
}
