//! Slots with the same problem, and what becomes of them.

use crate::model::{NodeId, OpenState, SlotSet};

/// What one node claims or holds of some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSlotState {
    /// The node.
    pub node: NodeId,
    /// Its config epoch.
    pub epoch: u64,
    /// Its keys in all these slots together.
    pub keys: u64,
    /// Whether it owns them in its own view.
    pub claims: bool,
    /// Its slot states for them, each with the other node.
    pub open: Vec<(OpenState, NodeId)>,
    /// Whether its view has another owner than the one to come.
    pub stale_owner: bool,
}

/// What becomes of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RepairAction {
    /// An interrupted move is finished.
    Finish {
        /// The source.
        from: NodeId,
        /// The target.
        to: NodeId,
    },
    /// One master owns them and gets all their keys; slot states are cleared.
    Settle {
        /// That master.
        owner: NodeId,
    },
    /// They are left alone: their owner is unreachable.
    Wait {
        /// The owner.
        of: NodeId,
        /// A replica of it that replied, and has its keys.
        replica: Option<NodeId>,
    },
}

/// Slots with the same problem, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// The slots.
    pub slots: SlotSet,
    /// Every node that claims or holds something of them, or has another owner in its view.
    pub ends: Vec<NodeSlotState>,
    /// What becomes of them.
    pub action: RepairAction,
    /// The unreachable node that they are taken from, if they are.
    pub lost: Option<NodeId>,
}

impl Repair {
    /// The owner in the end; `None` if they are left alone.
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

    /// The owner to come, if it does not own them in its own view yet.
    pub fn taker(&self) -> Option<NodeId> {
        let owner = self.settles()?;
        (!self.ends.iter().any(|end| end.node == owner && end.claims)).then_some(owner)
    }

    /// The nodes that own the slots in their own view and have to give them up.
    pub fn former_owners(&self) -> impl Iterator<Item = &NodeSlotState> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.claims && owner.is_some_and(|id| id != end.node))
    }

    /// The nodes whose keys of these slots move to the owner.
    pub fn orphan_holders(&self) -> impl Iterator<Item = &NodeSlotState> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.keys > 0 && owner.is_some_and(|id| id != end.node))
    }

    /// The nodes whose slot states for these slots are cleared.
    pub fn marked(&self) -> impl Iterator<Item = &NodeSlotState> {
        let settles = self.settles().is_some();
        self.ends.iter().filter(move |end| settles && !end.open.is_empty())
    }

    /// Whether the owner has to be announced to any node.
    pub fn is_announced(&self) -> bool {
        let stale_owner = self.ends.iter().any(|end| end.stale_owner);
        self.settles().is_some()
            && (stale_owner || self.taker().is_some() || self.former_owners().next().is_some())
    }
}
