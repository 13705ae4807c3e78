//! Which keys move where once all nodes agree on the owners of slots.

use std::collections::BTreeMap;

use super::{FixPlan, RepairAction};
use crate::model::{NodeId, SlotSet};
use crate::plan::transfer::Route;

/// The moves of a plan: those to be finished, and those of orphaned keys to the owners of their
/// slots.
pub fn routes(plan: &FixPlan) -> (Vec<Route>, Vec<Route>) {
    let mut finish: BTreeMap<(NodeId, NodeId), SlotSet> = BTreeMap::new();
    let mut orphans: BTreeMap<(NodeId, NodeId), SlotSet> = BTreeMap::new();
    for repair in &plan.repairs {
        let add = |routes: &mut BTreeMap<_, SlotSet>, ends| {
            let slots = routes.entry(ends).or_insert(SlotSet::EMPTY);
            *slots = slots.union(&repair.slots);
        };
        match repair.action {
            RepairAction::Finish { from, to } => add(&mut finish, (from, to)),
            RepairAction::Settle { owner } => {
                repair.orphan_holders().for_each(|holder| add(&mut orphans, (holder.node, owner)));
            }
            RepairAction::Wait { .. } => {}
        }
    }
    let routes = |ends: BTreeMap<_, _>| {
        ends.into_iter().map(|((from, to), slots)| Route { from, to, slots }).collect()
    };
    (routes(finish), routes(orphans))
}
