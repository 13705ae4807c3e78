//! What is wanted, what was done, and the facts that restarts depend on.

use std::collections::{BTreeMap, BTreeSet};

use super::target::Until;
use crate::model::{ClusterReport, NodeId, NodeReport};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Request {
    /// The nodes to restart; `None`: all.
    pub only: Option<BTreeSet<NodeId>>,
    /// When a node needs no restart.
    pub until: Until,
    /// Whether masters stay as they are.
    pub replicas_only: bool,
    /// Who is to be master at the end; `None`: whoever is by then.
    pub masters: Option<BTreeSet<NodeId>>,
    /// How many replicas may be restarted at the same time.
    pub at_once: usize,
    /// Whether an earlier run may have left a node down.
    pub resumes: bool,
}

/// What a run has done so far.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Restarted and ready again.
    pub restarted: BTreeSet<NodeId>,
    /// Masters that no replica could replace, and replicas that could not become master again.
    pub passed_over: BTreeSet<NodeId>,
}

/// What a restart of a node depends on, as far as the node reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartFacts {
    /// Whether it has an append-only file: a replica that starts with one needs a full sync.
    pub appendonly: bool,
    /// Whether it saves its data to disk at all.
    pub saves: Option<bool>,
    /// Seconds for which it collects replicas before a full sync, if it does.
    pub sync_delay: Option<u64>,
    /// Bytes of `repl-backlog-size`.
    pub backlog: Option<u64>,
    /// Bytes a second that it sends to its replicas.
    pub replicates: Option<u64>,
}

/// The same of all nodes that report it.
pub type FactsByNode = BTreeMap<NodeId, RestartFacts>;

/// Whether a node serves slots: then it is not restarted.
pub fn serves(node: &NodeReport) -> bool {
    let me = node.view.me();
    me.is_master() && !me.slots.is_empty()
}

/// The replicas that answer of a master.
pub(super) fn replicas_of(
    cluster: &ClusterReport,
    master: NodeId,
) -> impl Iterator<Item = &NodeReport> {
    cluster.nodes.iter().filter(move |node| node.view.me().role.master() == Some(master))
}
