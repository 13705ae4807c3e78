//! Replicas that own slots in their own view, or have migrating or importing slots, as only masters
//! should.
//!
//! Servers accept ADDSLOTS on a replica, and keep what their `nodes.conf` has. The other nodes do
//! not learn of it: a replica announces its master's slots (`clusterBuildMessageHdr` in the
//! server's `cluster.c` or `cluster_legacy.c`).

use itertools::Itertools;

use crate::model::{ClusterReport, Link, NodeId, NodeReport, OpenSlot, Role, SlotSet};

/// One such replica.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaSlots {
    /// The replica.
    pub node: NodeId,
    /// Its master.
    pub master: NodeId,
    /// Slots that it owns in its own view.
    pub claims: SlotSet,
    /// Slots that are migrating or importing at it.
    pub open: SlotSet,
    /// How `open` can be cleared.
    pub clearing: Clearing,
}

/// How the slot states of a replica are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clearing {
    /// CLUSTER SETSLOT STABLE on the master, which Valkey replicates.
    Master,
    /// Redis rejects SETSLOT on a replica: it is reset, and added as a replica again.
    Rejoin,
    /// Not now: its master is unreachable, or it is not in sync. It may hold the only copy of the
    /// keys.
    Wait,
}

impl ReplicaSlots {
    /// Whether it has to be reset.
    pub fn resets(&self) -> bool {
        !self.open.is_empty() && self.clearing == Clearing::Rejoin
    }

    /// Whether `fix` can do anything about it now.
    pub fn is_repairable(&self) -> bool {
        !self.claims.is_empty() || self.clearing != Clearing::Wait
    }
}

/// Every replica that replied and has such slots, by id.
pub fn replica_slots(cluster: &ClusterReport) -> Vec<ReplicaSlots> {
    let found = cluster.nodes.iter().filter_map(|node| replica(cluster, node));
    found.sorted_by_key(|found| found.node).collect()
}

fn replica(cluster: &ClusterReport, node: &NodeReport) -> Option<ReplicaSlots> {
    let Role::Replica { of } = node.view.me().role else { return None };
    let master = cluster.node(of).filter(|master| master.view.me().is_master());
    let is_valkey = node.version.starts_with("Valkey");
    // Valkey's replicas are told of what is open at their master.
    let is_passed_on = |open: &&OpenSlot| {
        is_valkey && master.is_some_and(|master| master.view.open.contains(open))
    };
    let open = node.view.open.iter().filter(|open| !is_passed_on(open)).map(|open| open.slot);
    let open: SlotSet = open.collect();
    let claims = node.view.me().slots.clone();
    let clearing = match (master, node.link) {
        (Some(_), _) if is_valkey => Clearing::Master,
        (Some(_), Some(Link::Up)) => Clearing::Rejoin,
        _ => Clearing::Wait,
    };
    let found = ReplicaSlots { node: node.id(), master: of, claims, open, clearing };
    (!found.claims.is_empty() || !found.open.is_empty()).then_some(found)
}
