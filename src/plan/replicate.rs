//! Making a node a replica.

use super::formation::{Step, TopologyPlan};
use crate::model::{ClusterReport, FindError, Flag, NodeRef, Role, SlotSet};

/// Why a node does not become a replica.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplicateError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("{0} cannot replicate itself")]
    Itself(String),
    #[error("{node} is no master, it is a replica of {master}: name {master} instead")]
    NotAMaster { node: String, master: String },
    #[error("{0} is still in handshake: wait until the cluster knows it")]
    Handshake(String),
    #[error("{node} still owns {}: a replica owns none", slots.words())]
    OwnsSlots { node: String, slots: SlotSet },
    #[error("{node} still holds {keys} key{}: they would be deleted", if *keys == 1 { "" } else { "s" })]
    HasKeys { node: String, keys: u64 },
}

/// Plans that the entry node replicates `master`, and that all nodes see it.
pub fn plan(cluster: &ClusterReport, master: &NodeRef) -> Result<TopologyPlan, ReplicateError> {
    let entry = cluster.entry();
    let me = entry.view.me();
    let target = master.find(cluster)?;
    if target.id == me.id {
        return Err(ReplicateError::Itself(me.name()));
    }
    if target.flags.has(Flag::Handshake) {
        return Err(ReplicateError::Handshake(target.name()));
    }
    if let Some(of) = target.role.master() {
        return Err(ReplicateError::NotAMaster { node: target.name(), master: cluster.name(of) });
    }
    if !me.slots.is_empty() {
        return Err(ReplicateError::OwnsSlots { node: me.name(), slots: me.slots.clone() });
    }
    if me.is_master() && entry.keys > 0 {
        return Err(ReplicateError::HasKeys { node: me.name(), keys: entry.keys });
    }
    let role = Role::Replica { of: target.id };
    Ok(TopologyPlan::of_cluster(cluster, |node, member| {
        if node.id() == me.id {
            member.role = Some(role);
            if me.role != role {
                member.steps.push(Step::Follow(target.id));
            }
        }
    }))
}
