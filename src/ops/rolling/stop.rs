//! Why a run stopped before its end.

use std::time::Duration;

use super::exec::CommandFailure;
use crate::model::{NodeAddr, NodeId};
use crate::ops::abort::{Aborted, PhaseError};
use crate::plan::check::Problem;
use crate::plan::rolling::UnsafeHost;
use crate::wire::WireError;

/// Why nothing more is restarted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Stop {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("stopped by {0}")]
    Interrupted(&'static str),
    #[error("{node}: the command {failure}")]
    Command { node: NodeAddr, failure: CommandFailure },
    #[error(transparent)]
    UnsafeHost(#[from] UnsafeHost),
    #[error("{node} was not ready within {}: it {why}", humantime::format_duration(*after))]
    NotReady { node: NodeAddr, why: String, after: Duration },
    #[error("{node} came back empty: with a new id, {id}, and without the cluster")]
    Empty { node: NodeAddr, id: NodeId },
    #[error("{node} came back as another node, {id}")]
    Stranger { node: NodeAddr, id: NodeId },
    #[error("{node} came back with {version}, not with {wanted}")]
    OtherVersion { node: NodeAddr, version: String, wanted: String },
    #[error("the cluster got worse")]
    Worse(Vec<Problem>),
    #[error("no replica of {master} can take its place: {why}")]
    NoSuccessor { master: String, why: String },
    #[error("{0}")]
    NotPromoted(Box<Aborted>),
}

impl PhaseError for Stop {
    fn interrupted(signal: &'static str) -> Stop {
        Stop::Interrupted(signal)
    }

    fn is_wait(&self) -> bool {
        matches!(self, Stop::NotReady { .. })
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct RollingReport {
    /// Restarted and ready, in their order.
    pub restarted: Vec<NodeAddr>,
    /// Replicas that became masters, in their order.
    pub promoted: Vec<NodeAddr>,
    /// Masters that were not restarted, or not made masters again, and why.
    pub passed_over: Vec<String>,
    /// Whether a command was run, a node was asked for, or a role changed.
    pub changed: bool,
}

/// A run that stopped.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Stopped {
    pub cause: Stop,
    pub outcome: RollingReport,
}
