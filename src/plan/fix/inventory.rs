//! Which keys masters hold, and which of them have to be counted.

use std::collections::BTreeMap;

use crate::model::{ClusterReport, NodeId, Slot, SlotSet};
use crate::plan::check::owners;

/// How many keys nodes hold, by slot (CLUSTER COUNTKEYSINSLOT); empty slots are left out.
pub type KeyCounts = BTreeMap<NodeId, BTreeMap<Slot, u64>>;

/// A function library: its name and its code.
pub type Library = (String, Vec<u8>);

/// The facts that a report does not have.
#[derive(Clone, Debug, Default)]
pub struct KeyInventory {
    /// Keys in the slots that were counted.
    pub keys: KeyCounts,
    /// How many orphaned keys masters hold that counting by slot has not found.
    pub orphaned: BTreeMap<NodeId, u64>,
    /// The function libraries of each master, if any has some.
    pub libraries: BTreeMap<NodeId, Vec<Library>>,
}

/// The masters that hold keys, each with the slots whose keys have to be counted: those that it
/// does not own, those that another node claims as well, and those that are migrating or importing
/// anywhere.
pub fn to_count(report: &ClusterReport) -> Vec<(NodeId, SlotSet)> {
    let open = report.nodes.iter().flat_map(|node| &node.view.open).map(|open| open.slot);
    let open: SlotSet = open.collect();
    let masters = report.nodes.iter().filter(|node| node.view.me().is_master() && node.keys > 0);
    let claimed = owners(report);
    masters
        .map(|node| {
            let own = &node.view.me().slots;
            let others = claimed.iter().filter(|(id, _)| *id != node.id());
            let shared =
                others.fold(SlotSet::EMPTY, |all, (_, slots)| all.union(&slots.intersection(own)));
            (node.id(), own.complement().union(&shared).union(&open))
        })
        .collect()
}

/// What has to be counted next: the owners of slots in which another node holds keys, with those
/// slots.
pub fn to_count_next(report: &ClusterReport, counted: &KeyCounts) -> Vec<(NodeId, SlotSet)> {
    let held: SlotSet = counted.values().flat_map(|slots| slots.keys().copied()).collect();
    let masters = report.nodes.iter().filter(|node| node.view.me().is_master() && node.keys > 0);
    let asked = masters.map(|node| (node.id(), node.view.me().slots.intersection(&held)));
    asked.filter(|(_, slots)| !slots.is_empty()).collect()
}
