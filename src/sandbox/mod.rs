//! Floor 2, a local playground of real server processes: used by `rcluster sandbox` and by the
//! tests alike.
//!
//! Every node has a folder of its own, named after its port, with its `redis.conf`, `nodes.conf`,
//! pid file and log. A server is known to be the playground's by the config file it runs on, which
//! it tells itself: nothing else is ever stopped.

mod find;
mod node;
mod probe;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use find::{find_server, server_version};
pub use node::{LocalNode, NodeSpec};

/// What can go wrong with local servers.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("no redis-server and no valkey-server is on PATH")]
    NoServer,
    #[error("{}: cannot be run: {source}", path.display())]
    NotRunnable { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Files { path: PathBuf, source: io::Error },
    #[error("port {port} is too high: the cluster bus of a node listens 10000 above its port")]
    PortTooHigh { port: u16 },
    #[error("port {port} is taken by another program")]
    PortTaken { port: u16 },
    #[error("the server on port {port} ended at once; the end of {}:\n{tail}", log.display())]
    Ended { port: u16, log: PathBuf, tail: String },
    #[error("the server on port {port} gave no answer within {}; its log is {}", humantime::format_duration(*after), log.display())]
    NoAnswer { port: u16, after: Duration, log: PathBuf },
    #[error("the server on port {port} (pid {pid}) did not end within {}", humantime::format_duration(*after))]
    WontEnd { port: u16, pid: u32, after: Duration },
    #[error("{} holds no sandbox", .0.display())]
    NoSandbox(PathBuf),
}
