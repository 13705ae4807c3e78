//! Slots that an earlier run has left half-way.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::facts::Facts;
use super::{Marks, Route, Transfer, TransferError};
use crate::model::{NodeId, OpenState, Slot, SlotSet};

/// That a slot is open, by the word of one node.
struct Mark {
    at: NodeId,
    from: NodeId,
    to: NodeId,
}

/// Open slots, by what becomes of them.
#[derive(Default)]
struct Sorted {
    finish: BTreeMap<(usize, usize), Vec<Slot>>,
    stale: BTreeMap<NodeId, Vec<Slot>>,
    without_source: BTreeMap<NodeId, Vec<Slot>>,
}

impl Facts<'_> {
    /// Sorts the slots that are open: those that this plan finishes, which are taken as if they had
    /// moved, and marks that are left of slots that have arrived.
    ///
    /// `finishes` is given a slot, its source, and its target if that still is a master that
    /// replied; it returns the target that the slot is to move to, if any.
    ///
    /// # Errors
    /// A slot that is open in any other way.
    pub fn open(
        &mut self,
        finishes: impl Fn(Slot, usize, Option<usize>) -> Option<usize>,
    ) -> Result<Transfer, TransferError> {
        let mut sorted = Sorted::default();
        for (slot, marks) in self.marks() {
            self.sort(slot, &marks, &finishes, &mut sorted)?;
        }
        let mut finish = Vec::new();
        for ((source, target), slots) in sorted.finish {
            let slots: SlotSet = slots.into_iter().collect();
            self.owned[source] = self.owned[source].difference(&slots);
            self.owned[target] = self.owned[target].union(&slots);
            let (from, to) = (self.masters[source].id(), self.masters[target].id());
            finish.push(Route { from, to, slots });
        }
        let marks = |slots: BTreeMap<NodeId, Vec<Slot>>| -> Marks {
            slots.into_iter().map(|(node, slots)| (node, slots.into_iter().collect())).collect()
        };
        let (stale, without_source) = (marks(sorted.stale), marks(sorted.without_source));
        Ok(Transfer { finish, stale, without_source, ..Transfer::default() })
    }

    /// What is open at a replica holds up no move: `check` tells of it.
    fn marks(&self) -> BTreeMap<Slot, Vec<Mark>> {
        let mut marks: BTreeMap<Slot, Vec<Mark>> = BTreeMap::new();
        for node in &self.masters {
            for open in &node.view.open {
                let (from, to) = match open.state {
                    OpenState::Migrating => (node.id(), open.peer),
                    OpenState::Importing => (open.peer, node.id()),
                };
                marks.entry(open.slot).or_default().push(Mark { at: node.id(), from, to });
            }
        }
        marks
    }

    fn sort(
        &self,
        slot: Slot,
        marks: &[Mark],
        finishes: &impl Fn(Slot, usize, Option<usize>) -> Option<usize>,
        sorted: &mut Sorted,
    ) -> Result<(), TransferError> {
        let owner = self.owned.iter().position(|owned| owned.contains(slot));
        let owner_id = owner.map(|owner| self.masters[owner].id());
        if marks.iter().all(|mark| Some(mark.to) == owner_id) {
            for mark in marks {
                sorted.stale.entry(mark.at).or_default().push(slot);
            }
            return Ok(());
        }
        let pairs = marks.iter().map(|mark| (mark.from, mark.to)).unique().collect_vec();
        let (source, from, to) = match (owner, &pairs[..]) {
            // Where the source has gone meanwhile, its successor takes its place.
            (Some(source), &[(from, to)]) if Some(from) == owner_id || !self.is_master(from) => {
                (source, from, to)
            }
            _ => return Err(self.oddly(slot, &pairs, owner_id)),
        };
        let target = self.masters.iter().position(|node| node.id() == to);
        let Some(target) = finishes(slot, source, target) else {
            let (from, to) = (self.report.name(from), self.report.name(to));
            return Err(TransferError::OpenElsewhere { slot, from, to });
        };
        sorted.finish.entry((source, target)).or_default().push(slot);
        if Some(from) != owner_id && self.is_master(to) {
            sorted.without_source.entry(to).or_default().push(slot);
        }
        Ok(())
    }

    fn oddly(
        &self,
        slot: Slot,
        pairs: &[(NodeId, NodeId)],
        owner: Option<NodeId>,
    ) -> TransferError {
        let name = |id: NodeId| self.report.name(id);
        let ends = pairs.iter().map(|(from, to)| format!("from {} to {}", name(*from), name(*to)));
        let owner = owner.map_or_else(|| "nobody".to_owned(), name);
        let ends = ends.chain([format!("owned by {owner}")]).join(", ");
        TransferError::OpenOddly { slot, ends }
    }
}
