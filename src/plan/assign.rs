//! Giving slots to a node by hand, and taking them away.

use super::formation::{Step, TopologyPlan};
use crate::model::{ClusterReport, Role, SlotSet};

/// Why slots are not given or taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    #[error("{owner} already owns {}", slots.words())]
    Taken { slots: SlotSet, owner: String },
    #[error("{node} is a replica of {master}: only masters own slots")]
    IsReplica { node: String, master: String },
    #[error("{node} does not own {}{}", slots.words(), owner.as_ref().map(|owner| format!(", {owner} does")).unwrap_or_default())]
    NotOwned { node: String, slots: SlotSet, owner: Option<String> },
    #[error("{} on the move (open at {node}): finish or undo that first", slots.words())]
    Open { node: String, slots: SlotSet },
}

/// Plans that the entry node owns `slots` too, and that all nodes see it.
///
/// Slots that it owns already are no error: the same command may run again.
pub fn add(cluster: &ClusterReport, slots: &SlotSet) -> Result<TopologyPlan, AssignError> {
    let entry = cluster.entry();
    let me = entry.view.me();
    if let Role::Replica { of } = me.role {
        return Err(AssignError::IsReplica { node: me.name(), master: cluster.name(of) });
    }
    let others = cluster.nodes.iter().flat_map(|report| report.view.nodes());
    for node in others.filter(|node| node.id != me.id) {
        let taken = node.slots.intersection(slots);
        if !taken.is_empty() {
            return Err(AssignError::Taken { slots: taken, owner: node.name() });
        }
    }
    let left = slots.difference(&me.slots);
    Ok(TopologyPlan::of_cluster(cluster, |node, member| {
        if node.id() == me.id {
            member.slots = Some(me.slots.union(slots));
            if !left.is_empty() {
                member.steps.push(Step::AddSlots(left.clone()));
            }
        }
    }))
}

/// Plans that the entry node no longer owns `slots`, in every node's view.
///
/// A node that drops a slot does not tell: the others have to be told one by one (cluster
/// specification, CLUSTER DELSLOTS).
pub fn delete(cluster: &ClusterReport, slots: &SlotSet) -> Result<TopologyPlan, AssignError> {
    let me = cluster.entry().view.me();
    let open = cluster.nodes.iter().find_map(|report| {
        let open: SlotSet = report.view.open.iter().map(|open| open.slot).collect();
        let open = open.intersection(slots);
        (!open.is_empty()).then(|| AssignError::Open { node: report.via.to_string(), slots: open })
    });
    if let Some(open) = open {
        return Err(open);
    }
    // A slot that no node sees at this node is either gone already or somebody else's.
    let elsewhere = cluster.nodes.iter().flat_map(|report| report.view.nodes());
    for node in elsewhere.filter(|node| node.id != me.id) {
        let taken = node.slots.intersection(slots).difference(&me.slots);
        if !taken.is_empty() {
            let owner = Some(node.name());
            return Err(AssignError::NotOwned { node: me.name(), slots: taken, owner });
        }
    }
    let seen = cluster.nodes.iter().filter_map(|report| report.view.node(me.id));
    let seen = seen.fold(SlotSet::EMPTY, |all, node| all.union(&node.slots));
    let nowhere = slots.difference(&seen);
    if !nowhere.is_empty() {
        return Err(AssignError::NotOwned { node: me.name(), slots: nowhere, owner: None });
    }
    Ok(TopologyPlan::of_cluster(cluster, |node, member| {
        if member.id == me.id {
            member.slots = Some(me.slots.difference(slots));
        }
        let seen = node.view.node(me.id).map(|node| node.slots.intersection(slots));
        let left = seen.unwrap_or_default();
        if !left.is_empty() {
            member.steps.push(Step::DelSlots(left));
        }
    }))
}
