//! How a cluster is repaired: the owner of each troubled slot, which keys move to it, and what else
//! has to be set. `docs/fix.md` explains why nothing is lost by it.

mod inventory;
mod rejoin;
mod repair;
mod request;
mod routes;
mod slots;

pub use inventory::{KeyCounts, KeyInventory, Library, to_count, to_count_next};
pub use repair::{NodeSlotState, Repair, RepairAction};
pub use request::{FixRequest, Prefer};
pub use routes::routes;

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::formation::{Step, TopologyPlan, timeout_before};
use super::meet::MeetError;
use super::replica_slots::{ReplicaSlots, replica_slots};
use crate::model::{ClusterReport, NodeId, SlotSet};

/// A change of `cluster-node-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// The node.
    pub node: NodeId,
    /// Its setting now, in milliseconds.
    pub from: u64,
    /// What it is set to, in milliseconds.
    pub to: u64,
}

/// A plan of repairs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FixPlan {
    /// Connects nodes that have lost each other.
    pub meet: TopologyPlan,
    /// Node timeouts that differ from most others'.
    pub timeouts: Vec<Timeout>,
    /// Groups of masters with slots that share a config epoch.
    pub collisions: Vec<Vec<NodeId>>,
    /// Replicas that own slots, or have slot states.
    pub replicas: Vec<ReplicaSlots>,
    /// Nodes that become replicas once they are introduced: those that are reset for the slots that
    /// are open at them, and former replicas that know no other node. With their masters.
    pub rejoins: BTreeMap<NodeId, NodeId>,
    /// What becomes of each troubled slot, by first slot.
    pub repairs: Vec<Repair>,
    /// Masters with keys that are not their own, and how many: of which slots is found out last.
    pub orphaned: BTreeMap<NodeId, u64>,
    /// Function libraries that masters lack.
    pub libraries: Vec<(NodeId, Vec<Library>)>,
    /// Names of libraries whose code differs between masters: left alone.
    pub odd_libraries: Vec<String>,
}

impl FixPlan {
    /// Whether there is nothing to repair, or nothing that can be repaired now.
    pub fn is_done(&self) -> bool {
        self.meet.is_done()
            && self.timeouts.is_empty()
            && self.collisions.is_empty()
            && self.libraries.is_empty()
            && self.orphaned.is_empty()
            && !self.replicas.iter().any(ReplicaSlots::is_repairable)
            && self.repairs.iter().all(|repair| matches!(repair.action, RepairAction::Wait { .. }))
    }

    /// Whether the servers may do all of this by themselves, as gossip spreads.
    pub fn may_pass(&self) -> bool {
        let passes = |repair: &Repair| {
            let quiet = |end: &NodeSlotState| end.open.is_empty() && (end.keys == 0 || end.claims);
            repair.ends.iter().all(quiet) && repair.ends.iter().any(|end| end.claims)
        };
        self.meet.is_done()
            && self.timeouts.is_empty()
            && self.libraries.is_empty()
            && self.orphaned.is_empty()
            && self.replicas.is_empty()
            && self.repairs.iter().all(passes)
            && !self.is_done()
    }

    /// Slots that are taken from unreachable nodes; their keys are lost.
    pub fn lost(&self) -> BTreeMap<NodeId, SlotSet> {
        let mut lost: BTreeMap<NodeId, SlotSet> = BTreeMap::new();
        for repair in &self.repairs {
            if let Some(node) = repair.lost {
                let slots = lost.entry(node).or_insert(SlotSet::EMPTY);
                *slots = slots.union(&repair.slots);
            }
        }
        lost
    }
}

/// Plans all repairs. `inventory` has the key counts of [`to_count`] and [`to_count_next`].
///
/// # Errors
/// Two servers share a node id, or nodes cannot be connected.
pub fn plan(
    report: &ClusterReport,
    inventory: &KeyInventory,
    request: &FixRequest,
) -> Result<FixPlan, MeetError> {
    let replicas = replica_slots(report);
    let rejoins = rejoin::rejoins(report, &replicas);
    let mut meet = rejoin::meet(report, &rejoins)?;
    // Nobody is ok before the slots are; and timeouts are this plan's own.
    meet.waits_for_ok = false;
    for member in &mut meet.members {
        member.steps.retain(|step| !matches!(step, Step::RestoreTimeout(_)));
    }
    let (libraries, odd_libraries) = libraries(&inventory.libraries);
    Ok(FixPlan {
        meet,
        timeouts: timeouts(report),
        collisions: collisions(report),
        replicas,
        rejoins,
        repairs: slots::repairs(report, &inventory.keys, request),
        orphaned: inventory.orphaned.clone(),
        libraries,
        odd_libraries,
    })
}

/// Masters with slots that share a config epoch, in groups.
pub fn collisions(report: &ClusterReport) -> Vec<Vec<NodeId>> {
    let masters = report.nodes.iter().map(|node| node.view.me());
    let masters = masters.filter(|node| node.is_master() && !node.slots.is_empty());
    let groups = masters.map(|node| (node.epoch, node.id)).into_group_map();
    let groups = groups.into_values().map(|ids| ids.into_iter().unique().sorted().collect_vec());
    groups.filter(|ids| ids.len() > 1).sorted().collect()
}

/// Every node gets the node timeout that most have, the longest of those that are as common. A
/// timeout that an interrupted `create` has lowered counts as what it was.
fn timeouts(report: &ClusterReport) -> Vec<Timeout> {
    let now = report.nodes.iter().filter_map(|node| Some((node.id(), node.node_timeout()?)));
    let now = now.collect_vec();
    let meant = now.iter().map(|(_, timeout)| timeout_before(*timeout).unwrap_or(*timeout));
    let votes = meant.counts().into_iter().map(|(timeout, votes)| (votes, timeout));
    let Some((_, to)) = votes.max() else { return Vec::new() };
    let differs = now.into_iter().filter(|(_, from)| *from != to);
    differs.map(|(node, from)| Timeout { node, from, to }).collect()
}

/// The libraries that each master lacks, and the names of those that differ between masters.
fn libraries(held: &BTreeMap<NodeId, Vec<Library>>) -> (Vec<(NodeId, Vec<Library>)>, Vec<String>) {
    let all: BTreeSet<&Library> = held.values().flatten().collect();
    let by_name = all.iter().counts_by(|library| &library.0);
    let odd = by_name.iter().filter(|(_, codes)| **codes > 1).map(|(name, _)| *name);
    let odd = odd.map(|name| name.to_string()).sorted().collect();
    let lacked = held.iter().map(|(node, own)| {
        let has = |name: &String| own.iter().any(|library| library.0 == *name);
        let lacks = all.iter().filter(|library| by_name[&library.0] == 1 && !has(&library.0));
        (*node, lacks.map(|library| (*library).clone()).collect_vec())
    });
    (lacked.filter(|(_, lacks)| !lacks.is_empty()).collect(), odd)
}

#[cfg(test)]
mod tests;
