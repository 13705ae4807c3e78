//! Replicas with a say in slots, which only masters should have: they own some by their own view, or
//! keep a slot migrating or importing.
//!
//! Servers take ADDSLOTS on a replica, and keep what their `nodes.conf` has. Nobody else hears of it:
//! a replica announces its master's slots.

use itertools::Itertools;

use crate::model::{ClusterReport, Link, NodeId, NodeReport, OpenSlot, Role, SlotSet};

/// One such replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSlots {
    pub node: NodeId,
    pub master: NodeId,
    /// Slots that it owns by its own view.
    pub claims: SlotSet,
    /// Slots that are migrating or importing at it.
    pub open: SlotSet,
    pub clearing: Clearing,
}

/// How a replica is rid of slots that are open at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// SETSLOT STABLE to the master, which Valkey passes on.
    Master,
    /// Redis takes no SETSLOT on a replica: it is reset, and joins and copies its master anew.
    Rejoin,
    /// Its master does not answer, or it is not in sync: it may hold the only copy of the keys.
    Wait,
}

impl ReplicaSlots {
    /// Whether it is reset.
    pub fn resets(&self) -> bool {
        !self.open.is_empty() && self.clearing == Clearing::Rejoin
    }

    /// Whether `fix` can do anything about it now.
    pub fn is_repairable(&self) -> bool {
        !self.claims.is_empty() || self.clearing != Clearing::Wait
    }
}

/// Every replica that answers and has a say in slots.
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
