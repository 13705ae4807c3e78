//! What a server of the playground is started with.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use super::LocalError;
use super::access::LocalAccess;
use super::files::{LOG, PIDFILE, files, quoted, vet_name};
use super::state::State;

const SETPRIV: &str = "/usr/bin/setpriv";

/// What to start.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The server program.
    pub server: PathBuf,
    /// A program and arguments that start the server in their turn, if any.
    pub launcher: Vec<String>,
    /// The loopback address to bind.
    pub ip: IpAddr,
    pub port: u16,
    /// Whether it can be of a cluster; its bus listens 10000 above its port.
    pub in_cluster_mode: bool,
    /// The node's own folder.
    pub dir: PathBuf,
    /// What clients and the other nodes need to log in.
    pub access: LocalAccess,
    /// Further lines of `redis.conf`.
    pub settings: Vec<String>,
}

impl NodeSpec {
    /// The node at `port` of the playground in `root`.
    pub fn new(server: &Path, root: &Path, port: u16) -> NodeSpec {
        NodeSpec {
            server: server.to_owned(),
            launcher: Vec::new(),
            ip: Ipv4Addr::LOCALHOST.into(),
            port,
            in_cluster_mode: true,
            dir: root.join(port.to_string()),
            access: LocalAccess::default(),
            settings: Vec::new(),
        }
    }

    /// Has the kernel end the server where this process, or the thread that starts it, ends without a
    /// word. Where there is no setpriv it stays.
    pub fn end_with_us(&mut self) {
        self.launcher = NodeSpec::ending_with_us();
    }

    /// The launcher that does so.
    pub fn ending_with_us() -> Vec<String> {
        match Path::new(SETPRIV).exists() {
            true => [SETPRIV, "--pdeathsig", "KILL"].map(str::to_owned).to_vec(),
            false => Vec::new(),
        }
    }

    /// Looks whether it can run, and makes nothing: gives whether it runs already.
    pub(super) fn vet(&self) -> Result<bool, LocalError> {
        let port = self.port;
        let bus = match self.in_cluster_mode {
            true => Some(port.checked_add(10_000).ok_or(LocalError::PortTooHigh { port })?),
            false => None,
        };
        let dir = std::path::absolute(&self.dir).map_err(files(&self.dir))?;
        let dir = vet_name(dir.canonicalize().unwrap_or(dir))?;
        if State::of((self.ip, port).into(), &dir, &self.access).pid().is_some() {
            return Ok(true);
        }
        for port in [Some(port), bus].into_iter().flatten() {
            TcpListener::bind((self.ip, port)).map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => LocalError::PortTaken { port },
                _ => LocalError::PortUnusable { port, source },
            })?;
        }
        Ok(false)
    }

    pub(super) fn config_text(&self, dir: &Path) -> String {
        let own = |name: &str| quoted(&dir.join(name).display().to_string());
        let mut lines = self.access.settings(self.port);
        lines.extend([
            format!("bind {}", self.ip),
            format!("dir {}", own("")),
            format!("pidfile {}", own(PIDFILE)),
            format!("logfile {}", own(LOG)),
            "daemonize no".to_owned(),
        ]);
        if self.in_cluster_mode {
            lines.extend(
                ["cluster-enabled yes", "cluster-config-file nodes.conf"].map(str::to_owned),
            );
        }
        lines.extend(self.settings.iter().cloned());
        lines.join("\n") + "\n"
    }
}
