//! What a run came to.

use super::MigrateError;
use crate::model::{NodeAddr, Slot, SlotSet};
use crate::ops::guard::SettingLeft;
use crate::wire::WireError;

/// What a run that moves keys came to.
#[derive(Clone, Debug, Default)]
pub struct MigrationReport {
    /// Slots that have a new owner.
    pub moved: SlotSet,
    /// Keys that have moved with them, or to the owner of their slot.
    pub keys: u64,
    /// Slots that were kept where they are for one of their keys.
    pub kept: Vec<KeptSlot>,
    /// Keys that went back and that a target would not delete.
    pub copies: Vec<CopiesLeft>,
    /// Slots that are still on their way: a node of theirs did not answer, or time was up.
    pub open: SlotSet,
    /// Nodes that could not be told of new owners; they hear of them from the others.
    pub not_notified: Vec<WireError>,
    /// Why it ended early, where it did; the first reason of each route.
    pub errors: Vec<MigrateError>,
    /// Settings that could not be put back.
    pub left: Vec<SettingLeft>,
    /// Whether anything is otherwise than before.
    pub changed: bool,
}

impl MigrationReport {
    /// A node keeps one more copy.
    pub(super) fn left_copy(&mut self, node: NodeAddr, slot: Slot, said: String) {
        let slots = SlotSet::from_iter([slot]);
        self.changed = true;
        match self.copies.iter_mut().find(|copies| copies.node == node) {
            Some(copies) => {
                copies.slots = copies.slots.union(&slots);
                copies.keys += 1;
            }
            None => self.copies.push(CopiesLeft { node, slots, keys: 1, said }),
        }
    }

    /// In words, of so many slots that were to move.
    pub fn summary(&self, slots: usize) -> String {
        format!("{} of {slots} slots moved, with {} keys", self.moved.len(), self.keys)
    }
}

/// Copies of keys that a node keeps, as it refused to delete them; their slots' owner has the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiesLeft {
    pub node: NodeAddr,
    pub slots: SlotSet,
    pub keys: u64,
    /// Word for word.
    pub said: String,
}

/// A slot that stays where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSlot {
    pub slot: Slot,
    pub node: NodeAddr,
    pub why: String,
}
