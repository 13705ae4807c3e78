//! Making a node a replica.

use super::formation::{Step, TopologyPlan};
use crate::model::{ClusterReport, FindError, Flag, NodeRef, Role, SlotSet};

/// Why a node does not become a replica; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicateError {
    /// The master that the user named is not a node of the cluster, or is ambiguous.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The entry node was named as its own master.
    #[error("{0} cannot replicate itself")]
    Itself(String),
    /// The named node is a replica: chains of replicas are not supported by clusters.
    #[error("{node} is not a master, it is a replica of {master}: name {master} instead")]
    NotAMaster {
        /// The named node.
        node: String,
        /// Its master.
        master: String,
    },
    /// The named node has not been confirmed by the others.
    #[error("{0} is still in handshake: wait until the cluster knows it")]
    Handshake(String),
    /// The entry node owns slots.
    #[error("{node} still owns {}: a replica owns none", slots.summary())]
    OwnsSlots {
        /// The entry node.
        node: String,
        /// Its slots.
        slots: SlotSet,
    },
    /// The entry node is a master with keys, which a replica drops in its initial sync.
    #[error("{node} still holds {keys} key{}: they would be deleted", if *keys == 1 { "" } else { "s" })]
    HasKeys {
        /// The entry node.
        node: String,
        /// Keys in all its databases.
        keys: u64,
    },
}

/// Plans that the entry node replicates `master` (CLUSTER REPLICATE), and that all nodes see it.
///
/// # Errors
/// `master` is not one other master of the cluster, or the entry node owns slots or keys.
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
