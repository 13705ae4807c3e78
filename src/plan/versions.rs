//! Nodes that could not replicate a master, as its data format is newer than theirs.

use crate::model::{ClusterReport, NodeId, NodeReport};

/// A node that could not replicate a master: it would drop its data and fail to load the master's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{replica} cannot replicate {master}: it does not read that version's data")]
pub struct TooNew {
    /// The node's address and version: `127.0.0.1:7001 (Redis 7.0.15)`.
    pub replica: String,
    /// The same of the master.
    pub master: String,
}

impl TooNew {
    /// Compares versions; `None` if `replica` can replicate `master`.
    pub fn of(replica: &NodeReport, master: &NodeReport) -> Option<TooNew> {
        let named = |report: &NodeReport| format!("{} ({})", report.via, report.version);
        let cannot = !replica.can_replicate(master);
        cannot.then(|| TooNew { replica: named(replica), master: named(master) })
    }
}

/// The nodes of a replica's shard that could not replicate it after a failover to it.
pub fn left_behind(cluster: &ClusterReport, successor: NodeId) -> Vec<TooNew> {
    let Some(successor) = cluster.node(successor) else { return Vec::new() };
    let shard = |node: &NodeReport| node.view.me().role.master().unwrap_or(node.id());
    let others = cluster.nodes.iter().filter(|node| node.id() != successor.id());
    let others = others.filter(|node| shard(node) == shard(successor));
    others.filter_map(|node| TooNew::of(node, successor)).collect()
}
