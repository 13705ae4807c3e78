//! Which slots of a running cluster go where, and whether they can.
//!
//! [`reshard`] moves chosen slots to one master, [`rebalance`] gives each master its share,
//! [`rebalance_by`] its share of a measured load, [`drain`] leaves nodes without slots. The whole plan
//! exists before the first move.
//!
//! A master's own view decides which slots it owns. Slots that an interrupted run has left
//! migrating or importing are part of the plan, or the plan is refused (cluster specification,
//! "Cluster live reconfiguration").

mod between;
mod by_load;
mod drain;
mod facts;
mod open;
mod rebalance;
mod reshard;

pub use between::between;
pub use by_load::{LoadBalance, MasterBalance, rebalance_by};
pub use drain::drain;
pub use rebalance::{RebalanceRequest, rebalance};
pub use reshard::{ReshardRequest, reshard};

use super::moves::MovesError;
use crate::model::{NodeId, Slot, SlotSet};

/// Slots that move from one master to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The source.
    pub from: NodeId,
    /// The target.
    pub to: NodeId,
    /// The slots, at least one.
    pub slots: SlotSet,
}

/// Slots that are migrating or importing at a node.
pub type Marks = Vec<(NodeId, SlotSet)>;

/// A plan of moves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// Slots that an earlier run left migrating or importing between these two: they move first.
    pub finish: Vec<Route>,
    /// Slots that their target owns already, but that are still migrating or importing at a node.
    pub stale: Marks,
    /// Slots of `finish` that a target is importing from a node that is not a master any more. The
    /// target ignores new owners of an importing slot (`clusterUpdateSlotsConfigWith` in the
    /// server's `cluster.c` or `cluster_legacy.c`).
    pub without_source: Marks,
    /// All other moves.
    pub routes: Vec<Route>,
    /// Masters that own slots now and none afterwards.
    pub emptied: Vec<NodeId>,
}

impl Transfer {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.finish.is_empty() && self.stale.is_empty() && self.routes.is_empty()
    }

    /// Every route, those of [`finish`](Self::finish) first.
    pub fn all(&self) -> impl Iterator<Item = &Route> {
        self.finish.iter().chain(&self.routes)
    }

    /// How many slots move.
    pub fn slots(&self) -> usize {
        self.all().map(|route| route.slots.len()).sum()
    }
}

/// Why there is no plan; nothing has been changed. Nodes are named by address.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A source or target is not a master.
    #[error("{node} is a replica of {master}: slots belong to masters")]
    IsReplica {
        /// The node.
        node: String,
        /// Its master.
        master: String,
    },
    /// A source or target did not report, or is not in the cluster.
    #[error("{node} is unreachable: {why}")]
    Unreachable {
        /// The node.
        node: String,
        /// The cause.
        why: String,
    },
    /// A source or target reports `cluster_state:fail`.
    #[error("{node} reports cluster_state:fail: slots cannot be moved")]
    NotServing {
        /// The node.
        node: String,
    },
    /// Two masters own slots in their own views.
    #[error("{slots} are claimed by both {one} and {other}")]
    Conflict {
        /// The slots.
        slots: SlotSet,
        /// One of the masters.
        one: String,
        /// The other one.
        other: String,
    },
    /// Requested slots have no owner that replied.
    #[error("no reachable node owns {slots}")]
    Unowned {
        /// Those slots.
        slots: SlotSet,
    },
    /// More slots are requested than the sources own.
    #[error("{asked} slots requested, but {from} own {owned}")]
    TooMany {
        /// The requested number.
        asked: usize,
        /// What the sources own together.
        owned: usize,
        /// The sources.
        from: String,
    },
    /// The target is one of the sources.
    #[error("{0} is both where slots come from and where they go")]
    ToItself(String),
    /// A slot is migrating between other masters than this plan would move it between.
    #[error("slot {slot} is migrating from {from} to {to}: this move would not finish it")]
    OpenElsewhere {
        /// The first such slot.
        slot: Slot,
        /// Its source.
        from: String,
        /// Its target.
        to: String,
    },
    /// A slot has slot states that contradict each other or its owner; `fix` resolves them.
    #[error("slot {slot} has conflicting slot states: {ends}")]
    OpenOddly {
        /// The first such slot.
        slot: Slot,
        /// Every slot state, and the owner.
        ends: String,
    },
    /// A target uses as much memory as its `maxmemory` and would reject keys.
    #[error("{node} is out of memory: it uses {used} of {limit} bytes (maxmemory, noeviction)")]
    NoRoom {
        /// The target.
        node: String,
        /// Bytes in use.
        used: u64,
        /// Its `maxmemory` in bytes.
        limit: u64,
    },
    /// The weights are not numbers to share by.
    #[error("{0}")]
    Weights(MovesError),
    /// There is no master to take slots, or none that owns any.
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
