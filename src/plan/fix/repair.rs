//! Slots that are alike in everything that is wrong with them, and what becomes of them.

use crate::model::{NodeId, OpenState, SlotSet};

/// What one node says of, or holds of, some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSlotState {
    pub node: NodeId,
    pub epoch: u64,
    /// In all these slots together.
    pub keys: u64,
    /// Whether it says that it owns them.
    pub claims: bool,
    pub open: Vec<(OpenState, NodeId)>,
    /// Whether it takes another for the owner than will be.
    pub stale_owner: bool,
}

/// What becomes of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairAction {
    /// A move that was begun is finished.
    Finish { from: NodeId, to: NodeId },
    /// One master owns them and has all their keys; marks are taken away.
    Settle { owner: NodeId },
    /// They belong to a node that gives no answer, and wait for it, or for a replica of it that has
    /// its keys and does.
    Wait { of: NodeId, replica: Option<NodeId> },
}

/// Slots that are alike in everything, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    pub slots: SlotSet,
    pub ends: Vec<NodeSlotState>,
    pub action: RepairAction,
    /// The unreachable node whose they were, where they are taken from it.
    pub lost: Option<NodeId>,
}

impl Repair {
    /// The one owner in the end, where there is to be one now.
    pub fn owner(&self) -> Option<NodeId> {
        match self.action {
            RepairAction::Finish { to, .. } => Some(to),
            RepairAction::Settle { owner } => Some(owner),
            RepairAction::Wait { .. } => None,
        }
    }

    fn settles(&self) -> Option<NodeId> {
        match self.action {
            RepairAction::Settle { owner } => Some(owner),
            _ => None,
        }
    }

    /// The owner-to-be, where it does not say so yet.
    pub fn taker(&self) -> Option<NodeId> {
        let owner = self.settles()?;
        (!self.ends.iter().any(|end| end.node == owner && end.claims)).then_some(owner)
    }

    /// Nodes that own the slots by their own word and have to give them up.
    pub fn former_owners(&self) -> impl Iterator<Item = &NodeSlotState> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.claims && owner.is_some_and(|id| id != end.node))
    }

    /// Nodes whose keys of these slots go to the owner.
    pub fn orphan_holders(&self) -> impl Iterator<Item = &NodeSlotState> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.keys > 0 && owner.is_some_and(|id| id != end.node))
    }

    /// Nodes that mark these slots as open, where that is to end.
    pub fn marked(&self) -> impl Iterator<Item = &NodeSlotState> {
        let settles = self.settles().is_some();
        self.ends.iter().filter(move |end| settles && !end.open.is_empty())
    }

    /// Whether anybody has to hear anew who the owner is.
    pub fn is_announced(&self) -> bool {
        let stale_owner = self.ends.iter().any(|end| end.stale_owner);
        self.settles().is_some()
            && (stale_owner || self.taker().is_some() || self.former_owners().next().is_some())
    }
}
