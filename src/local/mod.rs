//! Floor 2, local server processes, one by one: used by the sandbox, by `restore` and by the tests.
//!
//! Every node has a folder of its own, named after its port, with its `redis.conf`, `nodes.conf`,
//! pid file and log. A server is known to be the playground's by the config file it runs on, which
//! it tells itself; where it tells nothing, by a process in the node's folder that the node's pid
//! file names. Nothing else is ever stopped, and what does not tell is never taken for stopped.

mod access;
mod files;
mod find;
mod group;
mod loader;
mod log;
mod node;
mod probe;
mod process;
mod spec;
mod state;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use access::{LocalAccess, TlsFiles};
pub use files::{temporary, write_secret};
pub use find::{ServerProgram, find_server, look_at};
pub use group::{start_all, stop_each, vet_all};
pub use loader::{Loader, password};
pub use node::LocalNode;
pub use process::kill_family;
pub use spec::NodeSpec;
pub use state::State;
pub use tls::has_tls;

/// What can go wrong with local servers.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("no redis-server and no valkey-server is on PATH")]
    NoServer,
    #[error("{}: not found on PATH", name.display())]
    NotOnPath { name: PathBuf },
    #[error("{}: cannot be run: {source}", path.display())]
    NotRunnable { path: PathBuf, source: io::Error },
    #[error("{}: this is no redis-server or valkey-server: {}", path.display(), if said.is_empty() { "it prints no version".to_owned() } else { format!("it prints '{}'", said.escape_debug()) })]
    NoServerProgram { path: PathBuf, said: String },
    #[error("{}: too old for clusters, which need version 3.0 or later: {version}", path.display())]
    TooOld { path: PathBuf, version: String },
    #[error("{}: {source}", path.display())]
    Files { path: PathBuf, source: io::Error },
    #[error("no temporary directory can be made in {}: {why}", dir.display())]
    NoTemporary { dir: PathBuf, why: io::ErrorKind },
    #[error("no server program can be run with a password: the system gives no random bytes")]
    NoRandom,
    #[error("port {port} is too high: the cluster bus of a node listens 10000 above its port")]
    PortTooHigh { port: u16 },
    #[error("port {port} is taken by another program")]
    PortTaken { port: u16 },
    #[error("port {port} cannot be used: {source}")]
    PortUnusable { port: u16, source: io::Error },
    #[error("{path:?} has a line break in it, which no config file can name")]
    FolderName { path: PathBuf },
    #[error("the server on port {port} exited at once; from {}: {tail}", log.display())]
    Ended { port: u16, log: PathBuf, tail: String },
    #[error("the server on port {port} did not reply within {}; its log is {}", humantime::format_duration(*after), log.display())]
    NoAnswer { port: u16, after: Duration, log: PathBuf },
    #[error("the server on port {port} (pid {pid}) did not end within {}", humantime::format_duration(*after))]
    WontEnd { port: u16, pid: u32, after: Duration },
    #[error("{addr} does not report its config file, so its owner is unknown{}", said.as_ref().map_or_else(String::new, |said| format!("; it replied: {said}")))]
    OwnerUnknown { addr: SocketAddr, said: Option<String> },
    #[error("{addr} belongs to another server now")]
    Foreign { addr: SocketAddr },
    #[error("{addr} still runs: its data is not deleted")]
    StillRuns { addr: SocketAddr },
    #[error("stopped by {0}; the servers that this run started are stopped again")]
    Interrupted(&'static str),
    #[error("{} holds no sandbox", .0.display())]
    NoSandbox(PathBuf),
    #[error("{addr} does not run")]
    NotRunning { addr: SocketAddr },
}
