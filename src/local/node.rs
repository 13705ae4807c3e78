//! One server process of the playground.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, test_kill_process_group};

use super::LocalError;
use super::access::LocalAccess;
use super::files::{CONFIG, LOG, PARTITIONED, PROGRAM, files, vet_name, write_secret};
use super::log::excerpt_since;
use super::process::{as_pid, signal_group, signal_process};
use super::spec::NodeSpec;
use super::state::{State, is_suspended, lives_in};

/// Between two looks at a server that starts or stops.
const POLL: Duration = Duration::from_millis(10);

/// A server of the playground, running or not.
#[derive(Debug)]
pub struct LocalNode {
    addr: SocketAddr,
    dir: PathBuf,
    access: LocalAccess,
    /// What this value has started: the server, or a program that has the server as its child. It
    /// leads a process group, in which the server is.
    child: Option<Child>,
    /// Where in the log what it says from now on begins.
    log_start: u64,
}

impl LocalNode {
    /// Starts the server, unless it runs already; does not wait until it answers.
    pub fn start(spec: &NodeSpec) -> Result<LocalNode, LocalError> {
        let runs = spec.vet()?;
        fs::create_dir_all(&spec.dir).map_err(files(&spec.dir))?;
        let dir = vet_name(spec.dir.canonicalize().map_err(files(&spec.dir))?)?;
        let addr = (spec.ip, spec.port).into();
        let access = spec.access.clone();
        let mut node = LocalNode { addr, dir, access, child: None, log_start: 0 };
        if runs {
            node.log_start = node.log_length();
            return Ok(node);
        }
        let config = node.dir.join(CONFIG);
        write_secret(&config, &spec.config_text(&node.dir)).map_err(files(&config))?;
        let program = node.dir.join(PROGRAM);
        fs::write(&program, spec.server.as_os_str().as_bytes()).map_err(files(&program))?;
        node.launch(&spec.server, &spec.launcher)?;
        Ok(node)
    }

    /// Starts the server again, with the program and the settings that it had; does not wait until it
    /// answers.
    pub fn start_again(&mut self, launcher: &[String]) -> Result<(), LocalError> {
        match self.state() {
            State::Stopped => {}
            State::Foreign => return Err(LocalError::PortTaken { port: self.addr.port() }),
            _ => return Ok(()),
        }
        let program = self.program()?;
        self.launch(&program, launcher)
    }

    /// The program that it was started with.
    pub fn program(&self) -> Result<PathBuf, LocalError> {
        let path = self.dir.join(PROGRAM);
        let program = fs::read(&path).map_err(files(&path))?;
        Ok(OsString::from_vec(program).into())
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    fn launch(&mut self, server: &Path, launcher: &[String]) -> Result<(), LocalError> {
        // An earlier run's errors are not this one's.
        self.log_start = self.log_length();
        let config = self.dir.join(CONFIG);
        let path = self.log();
        let log = File::options().create(true).append(true).open(&path).map_err(files(&path))?;
        let complaints = log.try_clone().map_err(files(&path))?;
        let words: Vec<_> =
            launcher.iter().map(Into::into).chain([server.as_os_str().to_owned()]).collect();
        let (program, arguments) = (&words[0], &words[1..]);
        // A group of its own: Ctrl-C in the terminal is for rcluster, not for the servers.
        let child = Command::new(program)
            .args(arguments)
            .arg(&config)
            .current_dir(&self.dir)
            // Servers since 7.2 end if the user's locale is not installed.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(complaints)
            .process_group(0)
            .spawn()
            .map_err(|source| LocalError::NotRunnable { path: server.to_owned(), source })?;
        self.child = Some(child);
        Ok(())
    }

    /// The nodes of the playground in `root`, by port, running or not.
    pub fn all_in(root: &Path) -> Result<Vec<LocalNode>, LocalError> {
        let none = || LocalError::NoSandbox(root.to_owned());
        let entries = fs::read_dir(root).map_err(|_| none())?;
        let access = LocalAccess::of(&root.canonicalize().map_err(files(root))?);
        let mut nodes: Vec<LocalNode> = entries
            .filter_map(|entry| {
                let dir = entry.ok()?.path().canonicalize().ok()?;
                let port: u16 = dir.file_name()?.to_str()?.parse().ok()?;
                let config = fs::read_to_string(dir.join(CONFIG)).ok()?;
                let ip =
                    config.lines().find_map(|line| line.strip_prefix("bind "))?.parse().ok()?;
                let addr = SocketAddr::new(ip, port);
                Some(LocalNode { addr, dir, access: access.clone(), child: None, log_start: 0 })
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
        State::of(self.addr, &self.dir, &self.access)
    }

    /// Whether this value has started the server.
    pub fn is_child(&self) -> bool {
        self.child.is_some()
    }

    /// Waits until the server answers.
    pub fn wait_ready(&mut self, timeout: Duration) -> Result<u32, LocalError> {
        self.wait_ready_unless(timeout, &|| None)
    }

    /// Waits until the server answers, or a signal comes, which `interrupted` gives the name of.
    pub(super) fn wait_ready_unless(
        &mut self,
        timeout: Duration,
        interrupted: &dyn Fn() -> Option<&'static str>,
    ) -> Result<u32, LocalError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(pid) = self.ready()? {
                return Ok(pid);
            }
            if let Some(signal) = interrupted() {
                return Err(LocalError::Interrupted(signal));
            }
            if Instant::now() >= deadline {
                let (port, log) = (self.addr.port(), self.log());
                return Err(LocalError::NoAnswer { port, after: timeout, log });
            }
            std::thread::sleep(POLL);
        }
    }

    /// The pid of the server, if it answers; fails where no waiting helps.
    fn ready(&mut self) -> Result<Option<u32>, LocalError> {
        let state = self.state();
        let has_ended = match self.child {
            Some(_) => self.live_group().is_none(),
            None => matches!(state, State::Stopped | State::Foreign),
        };
        match state {
            State::Running { pid } => Ok(Some(pid)),
            _ if has_ended => {
                let (port, log, tail) = (self.addr.port(), self.log(), self.log_excerpt());
                Err(LocalError::Ended { port, log, tail })
            }
            State::NoAnswer { said: Some(said), .. } if said.starts_with("NOAUTH") => {
                Err(LocalError::OwnerUnknown { addr: self.addr, said: Some(said) })
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
    pub fn stop(&mut self, timeout: Duration) -> Result<bool, LocalError> {
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
            if self.leaves_within(pid, timeout) {
                return Ok(true);
            }
        }
        Err(LocalError::WontEnd { port: self.addr.port(), pid, after: timeout })
    }

    /// Waits until the server is gone; whether it is.
    fn leaves_within(&mut self, pid: u32, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while !self.has_left(pid) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
        self.reap();
        true
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
    pub fn purge(&self) -> Result<(), LocalError> {
        match self.state() {
            state if state.pid().is_some() => {
                return Err(LocalError::StillRuns { addr: self.addr });
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

    /// Kills the server, whoever started it, and waits until it is gone.
    pub fn kill_now(&mut self, timeout: Duration) -> Result<(), LocalError> {
        let pid = self.pid()?;
        signal_process(pid, Signal::KILL);
        match self.leaves_within(pid, timeout) {
            true => Ok(()),
            false => Err(LocalError::WontEnd { port: self.addr.port(), pid, after: timeout }),
        }
    }

    /// Has the server stand still: it takes connections, and answers nothing.
    pub fn pause(&self) -> Result<(), LocalError> {
        self.pid().map(|pid| signal_process(pid, Signal::STOP))
    }

    /// Has a server that stands still go on.
    pub fn resume(&self) -> Result<(), LocalError> {
        self.pid().map(|pid| signal_process(pid, Signal::CONT))
    }

    pub fn is_paused(&self) -> bool {
        self.state().pid().is_some_and(is_suspended)
    }

    fn pid(&self) -> Result<u32, LocalError> {
        let state = self.state();
        state.vet_stop(self.addr)?;
        state.pid().ok_or(LocalError::NotRunning { addr: self.addr })
    }

    /// The file that is there while a packet filter holds the node apart.
    pub fn partition_mark(&self) -> PathBuf {
        self.dir.join(PARTITIONED)
    }

    /// The config file that it runs on.
    pub fn config(&self) -> PathBuf {
        self.dir.join(CONFIG)
    }

    pub fn access(&self) -> &LocalAccess {
        &self.access
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
