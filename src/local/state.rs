//! What is known of a node: whether it runs, and whether that can be known at all.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::LocalError;
use super::access::LocalAccess;
use super::files::{CONFIG, PIDFILE};
use super::probe::{Occupant, probe};

/// What a look at a node finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It answers, and tells that it is this node's server.
    Running { pid: u32 },
    /// Nobody listens on its port, and no process is left.
    Stopped,
    /// It does not run: a server that tells another config file has its port.
    Foreign,
    /// Something is there that does not tell whose it is. It may well be this node's server, and
    /// is for certain where its pid is known.
    NoAnswer { pid: Option<u32>, said: Option<String> },
}

impl State {
    /// Looks at the node of this folder.
    pub(super) fn of(addr: SocketAddr, dir: &Path, access: &LocalAccess) -> State {
        let own = || own_pid(dir);
        match probe(addr, access) {
            Occupant::Server { pid, config } if config == dir.join(CONFIG) => {
                State::Running { pid }
            }
            Occupant::Stranger { said } => State::NoAnswer { pid: own(), said },
            occupant => match own() {
                // It starts or ends just now, or was moved to another port.
                pid @ Some(_) => State::NoAnswer { pid, said: None },
                None if occupant == Occupant::Nobody => State::Stopped,
                None => State::Foreign,
            },
        }
    }

    /// The pid of this node's own server.
    pub fn pid(&self) -> Option<u32> {
        match self {
            State::Running { pid } => Some(*pid),
            State::NoAnswer { pid, .. } => *pid,
            State::Stopped | State::Foreign => None,
        }
    }

    /// Refuses where stopping this node may miss its server.
    pub fn vet_stop(&self, addr: SocketAddr) -> Result<(), LocalError> {
        match self {
            State::NoAnswer { pid: None, said } => {
                Err(LocalError::OwnerUnknown { addr, said: said.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses where its data may be in use once it is stopped.
    pub fn vet_purge(&self, addr: SocketAddr) -> Result<(), LocalError> {
        match self {
            State::Foreign => Err(LocalError::Foreign { addr }),
            state => state.vet_stop(addr),
        }
    }
}

/// The process that the pid file names, if it is this node's: an old pid file may name anybody's.
fn own_pid(dir: &Path) -> Option<u32> {
    let pid = fs::read_to_string(dir.join(PIDFILE)).ok()?.trim().parse().ok()?;
    lives_in(pid, dir).then_some(pid)
}

/// Whether the process is stopped by a signal. Only Linux tells.
pub(super) fn is_suspended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name, in brackets, may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Whether the process is alive and works in this folder. Only Linux tells: elsewhere none does.
pub(super) fn lives_in(pid: u32, dir: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir)
}
