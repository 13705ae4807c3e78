//! What can go wrong with a sandbox.

use std::path::PathBuf;

use crate::local::LocalError;
use crate::ops::Aborted;
use crate::plan::create::Precondition;
use crate::plan::layout::LayoutError;
use crate::wire::{TlsError, WireError};

/// Why servers are not started, or not found.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("no server {wanted} was found")]
    NoSuchServer {
        wanted: String,
        /// What there is, each with its version.
        found: Vec<String>,
        servers: Option<PathBuf>,
    },
    #[error("{}: built without TLS: {version}", path.display())]
    NoTls { path: PathBuf, version: String },
    #[error("the sandbox in {} was started {other}", root.display())]
    Differs { root: PathBuf, other: &'static str },
    #[error("certificates cannot be made: {0}")]
    Certificates(#[from] rcgen::Error),
    #[error("fewer than {wanted} ports are free between {} and {}", range.0, range.1)]
    NoPorts { wanted: usize, range: (u16, u16) },
    #[error("{node}: not a node of this sandbox")]
    NoNode { node: String, nodes: Vec<String> },
    #[error("partitions are unavailable: {0}")]
    NoPartition(String),
}

/// Why servers that run do not become a cluster.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error("{}", .0.first().map_or_else(String::new, WireError::to_string))]
    Unreachable(Vec<WireError>),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("{}", .0.first().map_or_else(String::new, Precondition::to_string))]
    Refused(Vec<Precondition>),
    #[error(transparent)]
    Aborted(#[from] Aborted),
}
