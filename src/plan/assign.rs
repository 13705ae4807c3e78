//! Assigning slots to a node by hand, and unassigning them (CLUSTER ADDSLOTS, DELSLOTS).

use super::formation::{Step, TopologyPlan};
use crate::model::{ClusterReport, Role, SlotSet};

/// Why slots are not assigned or unassigned; nothing has been changed. Nodes are named by address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignError {
    /// Some of the slots have an owner in some node's view.
    #[error("{owner} already owns {}", slots.summary())]
    Taken {
        /// Those of the slots that it owns.
        slots: SlotSet,
        /// The other node.
        owner: String,
    },
    /// The entry node is a replica.
    #[error("{node} is a replica of {master}: only masters own slots")]
    IsReplica {
        /// The entry node.
        node: String,
        /// Its master.
        master: String,
    },
    /// Some of the slots are not the entry node's.
    #[error("{node} does not own {}{}", slots.summary(), owner.as_ref().map(|owner| format!(", {owner} does")).unwrap_or_default())]
    NotOwned {
        /// The entry node.
        node: String,
        /// Those of the slots that it does not own in any view.
        slots: SlotSet,
        /// Another node that owns some of them, if any does.
        owner: Option<String>,
    },
    /// Some of the slots are migrating or importing.
    #[error("{} migrating or importing at {node}: finish or undo that first", slots.summary())]
    Open {
        /// Where they are.
        node: String,
        /// Those of the slots that are migrating or importing there.
        slots: SlotSet,
    },
}

/// Plans that the entry node also owns `slots`, and that all nodes see it.
///
/// Slots that it owns already are not an error, so the same request can be repeated.
///
/// # Errors
/// The entry node is a replica, or another node owns one of the slots.
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
/// A node that drops a slot does not notify the others, so each of them gets a step of its own
/// ([CLUSTER DELSLOTS](https://redis.io/docs/latest/commands/cluster-delslots/)).
///
/// # Errors
/// A slot is migrating or importing at any node, or is not the entry node's in any view.
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
    // A slot that no view has at this node is either unassigned already or another node's.
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
