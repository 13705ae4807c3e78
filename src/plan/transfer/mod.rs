//! Which slots of a running cluster go where, and whether they can.
//!
//! The whole plan exists before the first move. Balance is by slots; what each master should own is
//! a weight, so keys, bytes or processor time can take its place.

mod drain;
mod facts;
mod open;
mod rebalance;
mod reshard;

pub use drain::drain;
pub use rebalance::{RebalanceRequest, rebalance};
pub use reshard::{ReshardRequest, reshard};

use super::moves::MovesError;
use crate::model::{NodeId, Slot, SlotSet};

/// Slots that go from one master to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub from: NodeId,
    pub to: NodeId,
    pub slots: SlotSet,
}

/// Slots that are marked as open at a node.
pub type Marks = Vec<(NodeId, SlotSet)>;

/// A whole plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Slots that an earlier run left open between these two: they are finished first.
    pub finish: Vec<Route>,
    /// Slots that have arrived, but are still marked as open at a node.
    pub stale: Marks,
    /// Slots among those to be finished that a target imports from a node that has gone. Redis hears
    /// of no new owner of a slot while it is marked so (`cluster.c`, `clusterUpdateSlotsConfigWith`).
    pub without_source: Marks,
    pub routes: Vec<Route>,
    /// Masters that own no slot afterwards and did before.
    pub emptied: Vec<NodeId>,
}

impl Transfer {
    pub fn is_done(&self) -> bool {
        self.finish.is_empty() && self.stale.is_empty() && self.routes.is_empty()
    }

    /// Every route, those to be finished first.
    pub fn all(&self) -> impl Iterator<Item = &Route> {
        self.finish.iter().chain(&self.routes)
    }

    /// How many slots move.
    pub fn slots(&self) -> usize {
        self.all().map(|route| route.slots.len()).sum()
    }
}

/// Why there is no plan; nothing has been changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransferError {
    #[error("{node} is a replica of {master}: slots belong to masters")]
    IsReplica { node: String, master: String },
    #[error("{node} gives no answer: {why}")]
    Unreachable { node: String, why: String },
    #[error("{node} says cluster_state:fail: slots are moved where all nodes serve")]
    NotServing { node: String },
    #[error("{slots} are claimed by both {one} and {other}")]
    Conflict { slots: SlotSet, one: String, other: String },
    #[error("nobody who answers owns {slots}")]
    Unowned { slots: SlotSet },
    #[error("{asked} slots are asked for, and {from} own {owned}")]
    TooMany { asked: usize, owned: usize, from: String },
    #[error("{0} is both where slots come from and where they go")]
    ToItself(String),
    #[error("slot {slot} is open, on its way from {from} to {to}: this move would not finish it")]
    OpenElsewhere { slot: Slot, from: String, to: String },
    #[error("slot {slot} is open in a way that no single move leaves behind: {ends}")]
    OpenOddly { slot: Slot, ends: String },
    #[error("{node} has no room: it uses {used} of {limit} bytes (maxmemory) and evicts nothing")]
    NoRoom { node: String, used: u64, limit: u64 },
    #[error("{0}")]
    Weights(MovesError),
    #[error("the cluster has no master that owns slots")]
    NoMasters,
}

impl TransferError {
    /// Whether waiting may help: two nodes may both claim a slot for a moment after it has moved, or
    /// report a cluster that fails.
    pub fn may_pass(&self) -> bool {
        matches!(self, TransferError::Conflict { .. } | TransferError::NotServing { .. })
    }
}

#[cfg(test)]
mod tests;
