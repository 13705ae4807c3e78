//! How a run that does not come to its end is told of.

use std::fmt;
use std::time::Duration;

use super::event::Phase;
use super::guard::SettingLeft;
use crate::model::NodeAddr;
use crate::plan::formation::Lack;
use crate::wire::WireError;

fn nodes(left: &[SettingLeft]) -> String {
    left.iter().map(|left| left.node.to_string()).collect::<Vec<_>>().join(", ")
}

/// What one node still lacked when waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose view it is.
    pub observer: NodeAddr,
    /// The node it does not see as planned.
    pub subject: NodeAddr,
    pub lack: Lack,
}

/// `10.0.0.1:6379 does not know 10.0.0.2:6379`
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.lack {
            Lack::Unknown => "does not list",
            Lack::Link => "has no bus link to",
            Lack::Role => "does not list the new role of",
            Lack::Slots => "does not list the slots of",
            Lack::Handshake => "is still in handshake with",
            Lack::Epoch => "lists a higher config epoch than that of",
        };
        write!(f, "{} {what} {}", self.observer, self.subject)
    }
}

/// Why a plan was not carried out to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AbortCause {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("the nodes did not finish the handshake within {}", humantime::format_duration(*after))]
    NotMet {
        gaps: Vec<Gap>,
        /// How many nodes there are in all.
        nodes: usize,
        /// Whether the bus speaks TLS.
        bus_tls: bool,
        after: Duration,
    },
    #[error("the nodes did not converge within {}", humantime::format_duration(*after))]
    NotAgreed { gaps: Vec<Gap>, after: Duration },
    #[error("{nodes} did not report cluster_state:ok within {}", humantime::format_duration(*after))]
    NotServing { nodes: String, after: Duration },
    #[error("cluster-node-timeout was lowered temporarily and could not be restored on {}", nodes(.0))]
    TimeoutLeft(Vec<SettingLeft>),
    #[error("{nodes} did not become empty and standalone within {}: gossip of other nodes may add them again", humantime::format_duration(*after))]
    NotReset { nodes: String, after: Duration },
    #[error("not all nodes listed {replica} as master within {}", humantime::format_duration(*after))]
    NotPromoted {
        replica: NodeAddr,
        /// Who does not see it, and what speaks against it.
        why: Vec<String>,
        after: Duration,
    },
    #[error("{replica} replicates {master} now: it would take that one's place")]
    Rehomed { replica: NodeAddr, master: String },
    #[error("{replica} was not ready to become master within {}: it {why}", humantime::format_duration(*after))]
    NotReady { replica: NodeAddr, why: String, after: Duration },
    #[error("{nodes} still list a node that left after {}", humantime::format_duration(*after))]
    NotForgotten { nodes: String, after: Duration },
    #[error("{nodes} did not complete the initial sync within {}", humantime::format_duration(*after))]
    NotInSync { nodes: String, after: Duration },
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

/// Why a phase did not come to its end.
pub(super) trait PhaseError {
    fn interrupted(signal: &'static str) -> Self;

    /// Whether a wait has come to its end with something left to wait for.
    fn is_wait(&self) -> bool;
}

impl PhaseError for AbortCause {
    fn interrupted(signal: &'static str) -> AbortCause {
        AbortCause::Interrupted(signal)
    }

    fn is_wait(&self) -> bool {
        matches!(
            self,
            AbortCause::NotMet { .. }
                | AbortCause::NotAgreed { .. }
                | AbortCause::NotServing { .. }
                | AbortCause::NotReset { .. }
                | AbortCause::NotPromoted { .. }
                | AbortCause::NotReady { .. }
                | AbortCause::NotForgotten { .. }
                | AbortCause::NotInSync { .. }
        )
    }
}

/// A plan stopped half-way: why, and what was done before.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Aborted {
    pub cause: AbortCause,
    /// The phases that were completed.
    pub done: Vec<Phase>,
    /// The phase that was not.
    pub during: Phase,
    /// Whether anything was changed on any node.
    pub changed: bool,
}
