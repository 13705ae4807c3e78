//! One shard of a planned cluster.

use crate::model::SlotSet;

/// A master, its slots and its replicas; nodes by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedShard {
    /// The master.
    pub master: usize,
    /// The slots that it owns: one range, unless the layout was written by hand; may be empty.
    pub slots: SlotSet,
    /// The nodes that replicate it.
    pub replicas: Vec<usize>,
}
