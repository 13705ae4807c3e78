//! `rcluster sandbox exec`

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use clap::Args;
use itertools::Itertools;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use super::place::{PATIENCE, PURGE_TIMEOUT, folder};
use super::servers::{ServerArgs, reaching};
use super::show::{addr, variables};
use crate::commands::flow::Context;
use crate::ops::{Deadline, FormOptions};
use crate::render::{Failure, Usage, exit};
use crate::sandbox::{LocalNode, form, heal, purge, stop_each, temporary};

/// The masters of a cluster whose size is not said.
const SHARDS: usize = 3;

/// How long the nodes may take to agree.
const AGREE: Duration = Duration::from_secs(60);

/// How long the command may run on after a signal.
const GRACE: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(10);

/// Start a cluster, run a command, and delete the cluster
///
/// The command finds the cluster by environment variables: REDIS_URL, REDIS_NODES, with a password
/// REDIS_PASSWORD and REDISCLI_AUTH, with --tls REDIS_TLS_CA, REDIS_TLS_CERT and REDIS_TLS_KEY.
/// RCLUSTER_SANDBOX has the sandbox commands find it. The exit code is the command's, or 128 and
/// the number of the signal that ended it. SIGTERM, SIGINT and SIGHUP are passed on to it.
#[derive(Debug, Args)]
pub struct Exec {
    /// Keep the servers' files in this directory
    #[arg(long, value_parser = folder)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    servers: ServerArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Servers that end with this value.
struct Running {
    root: PathBuf,
    /// Where the files go with the servers.
    temporary: Option<TempDir>,
}

impl Exec {
    pub fn run(self, cx: &Context, tls: bool) -> Result<u8, Failure> {
        let Exec { dir, servers, command } = self;
        let servers = servers.or_shards(SHARDS);
        if let Some(dir) = dir.as_ref().filter(|dir| LocalNode::all_in(dir).is_ok()) {
            return Err(Usage::new(format!("{} holds a sandbox", dir.display()))
                .hint("name another directory with --dir, or none: its files are deleted then")
                .into());
        }
        let interrupt = cx.interrupt()?;
        vet(&command)?;
        let temporary = match dir {
            Some(_) => None,
            None => Some(temporary("rcluster-sandbox-")?),
        };
        let root =
            dir.unwrap_or_else(|| temporary.iter().map(|dir| dir.path().to_owned()).collect());
        let setup = servers.setup(&root, tls, true)?;
        let running = Running { root, temporary };
        let nodes = setup.start(PATIENCE, &|| interrupt.signal())?;
        let to = reaching(cx, &running.root)?;
        let addrs = nodes.iter().map(addr).collect_vec();
        let deadline = Deadline::after(AGREE, interrupt.clone());
        let options = FormOptions { deadline, config_set: true };
        let formed = form(&addrs, servers.replicas, &to.access, &options, &to.progress());
        formed.map_err(|error| without_a_trace(error.into()))?;
        let ran = supervise(&command, &running.root, &nodes, || interrupt.signal());
        let ended = running.end();
        let code = ran?;
        ended?;
        Ok(code)
    }
}

/// What failed of a cluster that is deleted then: there is nothing to resume.
fn without_a_trace(failure: Failure) -> Failure {
    Failure { hint: None, changed: false, exit_code: exit::PROBLEMS, outcome: None, ..failure }
}

/// A command that is not there is told before servers are started. PATH has a default of the system's
/// own where it is not set.
fn vet(command: &[OsString]) -> Result<(), Failure> {
    let Some(program) = command.first() else { return Ok(()) };
    let is_path = program.as_encoded_bytes().contains(&b'/');
    let is_known = is_path || std::env::var_os("PATH").is_some();
    match is_known && which::which(program).is_err() {
        true => {
            let why = if is_path { "no program is there" } else { "it is not on PATH" };
            Err(Usage::new(format!("{}: cannot be run: {why}", program.display())).into())
        }
        false => Ok(()),
    }
}

fn supervise(
    command: &[OsString],
    root: &Path,
    nodes: &[LocalNode],
    interrupted: impl Fn() -> Option<&'static str>,
) -> Result<u8, Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::system)?;
    // One that came before that is not among them.
    if let Some(signal) = interrupted() {
        return Err(Failure::refused(format!("stopped by {signal} before the command was run")));
    }
    let (program, arguments) = command.split_first().ok_or_else(|| Usage::new("no command"))?;
    let mut child =
        Command::new(program).args(arguments).envs(variables(root, nodes)?).spawn().map_err(
            |error| Usage::new(format!("{}: cannot be run: {error}", program.display())),
        )?;
    let mut kill_at: Option<Instant> = None;
    loop {
        for signal in signals.pending() {
            // The terminal has sent it to the command too, which may go on.
            if signal != SIGINT || !is_in_foreground() {
                pass_on(&child, signal);
                kill_at.get_or_insert_with(|| Instant::now() + GRACE);
            }
        }
        if let Some(status) = child.try_wait().map_err(Failure::system)? {
            return Ok(code_of(status));
        }
        if kill_at.is_some_and(|at| Instant::now() >= at) {
            child.kill().map_err(Failure::system)?;
        }
        std::thread::sleep(POLL);
    }
}

/// Whether Ctrl-C in a terminal goes to this process, and to those that it starts.
fn is_in_foreground() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp())
}

fn pass_on(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = match signal {
        SIGINT => Signal::INT,
        SIGTERM => Signal::TERM,
        _ => Signal::HUP,
    };
    // One that has ended in the meantime is no error.
    let _ = pid.map(|pid| kill_process(pid, signal));
}

/// As a shell tells it.
fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

impl Running {
    /// Ends the servers, also those that the command has started again.
    fn end(mut self) -> Result<(), Failure> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Failure> {
        let mut nodes = LocalNode::all_in(&self.root).unwrap_or_default();
        nodes.iter().try_for_each(heal)?;
        stop_each(&mut nodes, |node| match self.temporary {
            // Nothing of it is kept.
            Some(_) if node.state().pid().is_some() => node.kill_now(PURGE_TIMEOUT),
            _ => node.stop(PURGE_TIMEOUT).map(drop),
        })?;
        if let Some(dir) = self.temporary.take() {
            purge(dir.path(), &nodes)?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What failed first is told.
        let _ = self.stop();
    }
}
