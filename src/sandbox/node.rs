//! One server process of the playground.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, test_kill_process_group};

use super::SandboxError;
use super::files::{CONFIG, LOG, files, vet_name};
use super::log::excerpt_since;
use super::process::{as_pid, signal_group, signal_process};
use super::spec::NodeSpec;
use super::state::{State, lives_in};

/// Between two looks at a server that starts or stops.
const POLL: Duration = Duration::from_millis(10);

/// A server of the playground, running or not.
#[derive(Debug)]
pub struct LocalNode {
    addr: SocketAddr,
    dir: PathBuf,
    /// What this value has started: the server, or a program that has the server as its child. It
    /// leads a process group, in which the server is.
    child: Option<Child>,
    /// Where in the log what it says from now on begins.
    log_start: u64,
}

impl LocalNode {
    /// Starts the server, unless it runs already; does not wait until it answers.
    pub fn start(spec: &NodeSpec) -> Result<LocalNode, SandboxError> {
        let runs = spec.vet()?;
        fs::create_dir_all(&spec.dir).map_err(files(&spec.dir))?;
        let dir = vet_name(spec.dir.canonicalize().map_err(files(&spec.dir))?)?;
        let addr = (spec.ip, spec.port).into();
        let mut node = LocalNode { addr, dir, child: None, log_start: 0 };
        // An earlier run's errors are not this one's.
        node.log_start = fs::metadata(node.log()).map_or(0, |log| log.len());
        if runs {
            return Ok(node);
        }
        let config = node.dir.join(CONFIG);
        fs::write(&config, spec.config_text(&node.dir)).map_err(files(&config))?;
        let path = node.log();
        let log = File::options().create(true).append(true).open(&path).map_err(files(&path))?;
        let complaints = log.try_clone().map_err(files(&path))?;
        let words: Vec<_> = spec
            .launcher
            .iter()
            .map(Into::into)
            .chain([spec.server.clone().into_os_string()])
            .collect();
        let (program, arguments) = (&words[0], &words[1..]);
        // A group of its own: Ctrl-C in the terminal is for rcluster, not for the servers.
        let child = Command::new(program)
            .args(arguments)
            .arg(&config)
            .current_dir(&node.dir)
            // Servers since 7.2 end if the user's locale is not installed.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(complaints)
            .process_group(0)
            .spawn()
            .map_err(|source| SandboxError::NotRunnable { path: spec.server.clone(), source })?;
        node.child = Some(child);
        Ok(node)
    }

    /// The nodes of the playground in `root`, by port, running or not.
    pub fn all_in(root: &Path) -> Result<Vec<LocalNode>, SandboxError> {
        let none = || SandboxError::NoSandbox(root.to_owned());
        let entries = fs::read_dir(root).map_err(|_| none())?;
        let mut nodes: Vec<LocalNode> = entries
            .filter_map(|entry| {
                let dir = entry.ok()?.path().canonicalize().ok()?;
                let port: u16 = dir.file_name()?.to_str()?.parse().ok()?;
                let config = fs::read_to_string(dir.join(CONFIG)).ok()?;
                let ip =
                    config.lines().find_map(|line| line.strip_prefix("bind "))?.parse().ok()?;
                let addr = SocketAddr::new(ip, port);
                Some(LocalNode { addr, dir, child: None, log_start: 0 })
            })
            .collect();
        nodes.sort_by_key(|node| node.addr);
        if nodes.is_empty() { Err(none()) } else { Ok(nodes) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join(LOG)
    }

    /// Looks.
    pub fn state(&self) -> State {
        State::of(self.addr, &self.dir)
    }

    /// Whether this value has started the server.
    pub fn is_child(&self) -> bool {
        self.child.is_some()
    }

    /// Waits until the server answers.
    pub fn wait_ready(&mut self, timeout: Duration) -> Result<u32, SandboxError> {
        self.wait_ready_unless(timeout, &|| None)
    }

    /// Waits until the server answers, or a signal comes, which `interrupted` gives the name of.
    pub(super) fn wait_ready_unless(
        &mut self,
        timeout: Duration,
        interrupted: &dyn Fn() -> Option<&'static str>,
    ) -> Result<u32, SandboxError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(pid) = self.ready()? {
                return Ok(pid);
            }
            if let Some(signal) = interrupted() {
                return Err(SandboxError::Interrupted(signal));
            }
            if Instant::now() >= deadline {
                let (port, log) = (self.addr.port(), self.log());
                return Err(SandboxError::NoAnswer { port, after: timeout, log });
            }
            std::thread::sleep(POLL);
        }
    }

    /// The pid of the server, if it answers; fails where no waiting helps.
    fn ready(&mut self) -> Result<Option<u32>, SandboxError> {
        let state = self.state();
        let has_ended = match self.child {
            Some(_) => self.live_group().is_none(),
            None => matches!(state, State::Stopped | State::Foreign),
        };
        match state {
            State::Running { pid } => Ok(Some(pid)),
            _ if has_ended => {
                let (port, log, tail) = (self.addr.port(), self.log(), self.log_excerpt());
                Err(SandboxError::Ended { port, log, tail })
            }
            State::NoAnswer { said: Some(said), .. } if said.starts_with("NOAUTH") => {
                Err(SandboxError::OwnerUnknown { addr: self.addr, said: Some(said) })
            }
            _ => Ok(None),
        }
    }

    /// What its log says of it, where the server that this value started has ended.
    pub fn ended(&mut self) -> Option<String> {
        let has_ended = self.child.is_some() && self.live_group().is_none();
        has_ended.then(|| self.log_excerpt())
    }

    fn log_excerpt(&self) -> String {
        excerpt_since(&self.log(), self.log_start)
    }

    /// Asks the server to end, which saves its data, and waits until it has; kills it where it does
    /// not. Gives whether it was running; fails where that cannot be known.
    pub fn stop(&mut self, timeout: Duration) -> Result<bool, SandboxError> {
        let state = self.state();
        let own = state.pid();
        let Some(pid) = own.or_else(|| self.live_group()) else {
            return state.vet_stop(self.addr).map(|()| false);
        };
        for signal in [Signal::TERM, Signal::KILL] {
            let escalates = signal == Signal::KILL;
            // One that is suspended ends, and saves its data, once it goes on.
            for signal in [signal, Signal::CONT] {
                match (&self.child, own) {
                    // A wrapper script outlives its server by what it does afterwards.
                    (Some(child), own) if own.is_none() || escalates => signal_group(child, signal),
                    _ => signal_process(pid, signal),
                }
            }
            let deadline = Instant::now() + timeout;
            while Instant::now() < deadline {
                if self.has_left(pid) {
                    self.reap();
                    return Ok(true);
                }
                std::thread::sleep(POLL);
            }
        }
        Err(SandboxError::WontEnd { port: self.addr.port(), pid, after: timeout })
    }

    fn has_left(&mut self, pid: u32) -> bool {
        self.live_group().is_none()
            && !lives_in(pid, &self.dir)
            && matches!(self.state(), State::Stopped | State::Foreign)
    }

    /// The process group that this value has started, while any process is in it.
    fn live_group(&mut self) -> Option<u32> {
        let child = self.child.as_mut()?;
        // One that has ended is of the group until it is waited for.
        let runs = matches!(child.try_wait(), Ok(None));
        (runs || as_pid(child.id()).is_some_and(|group| test_kill_process_group(group).is_ok()))
            .then(|| child.id())
    }

    /// Deletes the node's folder, if nobody at all listens on its port.
    pub fn purge(&self) -> Result<(), SandboxError> {
        match self.state() {
            state if state.pid().is_some() => {
                return Err(SandboxError::StillRuns { addr: self.addr });
            }
            state => state.vet_purge(self.addr)?,
        }
        fs::remove_dir_all(&self.dir).map_err(files(&self.dir))
    }

    /// Kills the server at once, as a power cut would. Only for a server that this value started.
    pub fn kill(&mut self) {
        if let Some(child) = &self.child {
            signal_group(child, Signal::KILL);
        }
        self.reap();
    }

    /// Sends a signal to the server. Only for a server that this value started.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            signal_process(child.id(), signal);
        }
    }

    fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}
