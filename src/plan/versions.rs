//! Nodes that could not replicate a master, as its data format is newer than theirs.

use crate::model::{ClusterReport, NodeId, NodeReport};

/// A node that could not replicate a master: it would lose its data and copy nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{replica} cannot replicate {master}: it does not read that version's data")]
pub struct TooNew {
    /// Each with its version.
    pub replica: String,
    pub master: String,
}

impl TooNew {
    /// `None` where it can.
    pub fn of(replica: &NodeReport, master: &NodeReport) -> Option<TooNew> {
        let named = |report: &NodeReport| format!("{} ({})", report.via, report.version);
        let cannot = !replica.can_replicate(master);
        cannot.then(|| TooNew { replica: named(replica), master: named(master) })
    }
}

/// The nodes of a replica's shard that could not follow it, were it promoted.
pub fn left_behind(cluster: &ClusterReport, heir: NodeId) -> Vec<TooNew> {
    let Some(heir) = cluster.node(heir) else { return Vec::new() };
    let shard = |node: &NodeReport| node.view.me().role.master().unwrap_or(node.id());
    let others = cluster.nodes.iter().filter(|node| node.id() != heir.id());
    let others = others.filter(|node| shard(node) == shard(heir));
    others.filter_map(|node| TooNew::of(node, heir)).collect()
}
