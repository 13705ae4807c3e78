//! Which slots have an owner, and who that is.

use std::collections::BTreeMap;

use crate::model::{ClusterReport, NodeId, NodeReport, SlotSet};

/// The owners of slots, each with its slots: masters as in their own views, unreachable nodes as in
/// the others' views. Slots that a replica claims are not among them.
pub fn owners(cluster: &ClusterReport) -> Vec<(NodeId, SlotSet)> {
    let told = masters(cluster).map(|report| (report.id(), report.view.me().slots.clone()));
    let mut unreachable: BTreeMap<NodeId, SlotSet> =
        cluster.unreachable.iter().map(|node| (node.id, SlotSet::EMPTY)).collect();
    if !unreachable.is_empty() {
        for node in cluster.nodes.iter().flat_map(|report| report.view.nodes()) {
            if let Some(slots) = unreachable.get_mut(&node.id)
                && *slots != node.slots
            {
                *slots = slots.union(&node.slots);
            }
        }
    }
    told.chain(unreachable).filter(|(_, slots)| !slots.is_empty()).collect()
}

/// The owners of slots by id, as [`owners`] finds them; `None` while a slot is migrating or
/// importing at a master.
pub fn settled_owners(cluster: &ClusterReport) -> Option<Vec<(NodeId, SlotSet)>> {
    let is_settled = masters(cluster).all(|node| node.view.open.is_empty());
    is_settled.then(|| {
        let mut owners = owners(cluster);
        owners.sort_by_key(|(id, _)| *id);
        owners
    })
}

/// The nodes that replied and are not replicas.
pub(super) fn masters(cluster: &ClusterReport) -> impl Iterator<Item = &NodeReport> {
    cluster.nodes.iter().filter(|report| report.view.me().role.master().is_none())
}

/// The slots that have an owner.
pub fn covered(cluster: &ClusterReport) -> SlotSet {
    owners(cluster).iter().fold(SlotSet::EMPTY, |all, (_, slots)| all.union(slots))
}

/// The slots of nodes whose lines in CLUSTER NODES [cannot be read](crate::model::Unreadable), and
/// that have no other owner.
pub fn kept_unreadable(cluster: &ClusterReport) -> SlotSet {
    let lines = cluster.nodes.iter().flat_map(|report| &report.view.unreadable);
    let listed = lines.fold(SlotSet::EMPTY, |all, line| all.union(&line.slots));
    if listed.is_empty() { listed } else { listed.difference(&covered(cluster)) }
}
