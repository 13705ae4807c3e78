//! What may change on the way to a declared cluster.

use crate::model::SlotSet;

/// One change; nodes by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node joins: as a master without slots, or as a replica.
    Add {
        node: usize,
        replica_of: Option<usize>,
    },
    /// A member and others do not know each other yet.
    Introduce {
        node: usize,
    },
    /// A node becomes a replica of another master: a full copy.
    Replicate {
        node: usize,
        from: Option<usize>,
        of: usize,
    },
    /// A replica leaves its shard, to come back as a master.
    Detach {
        node: usize,
        from: usize,
    },
    /// Slots without an owner get one.
    Assign {
        slots: SlotSet,
        to: usize,
    },
    Move {
        slots: SlotSet,
        from: usize,
        to: usize,
    },
    /// Slots are on the move from an earlier run: they arrive.
    FinishMoves,
    /// A replica takes its master's place.
    Promote {
        node: usize,
        replaces: usize,
    },
    /// A node leaves the cluster.
    Remove {
        node: usize,
    },
}

/// Changes that are made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub changes: Vec<Change>,
    /// Shards that have fewer copies meanwhile than before and after: by master, how many for how
    /// many.
    pub lowers: Vec<(usize, usize, usize)>,
}

impl From<Vec<Change>> for Stage {
    fn from(changes: Vec<Change>) -> Stage {
        Stage { changes, lowers: Vec::new() }
    }
}

impl Stage {
    /// How many full copies of a master's data it takes.
    pub fn copies(&self) -> usize {
        let is_copy = |change: &&Change| {
            matches!(change, Change::Add { replica_of: Some(_), .. } | Change::Replicate { .. })
        };
        self.changes.iter().filter(is_copy).count()
    }

    /// How many slots move.
    pub fn slots(&self) -> usize {
        let slots = self.changes.iter().map(|change| match change {
            Change::Move { slots, .. } => slots.len(),
            _ => 0,
        });
        slots.sum()
    }
}
