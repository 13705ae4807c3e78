//! What the user allows and wants.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::NodeId;
use crate::ops::conflict::Side;
use crate::ops::wait::Deadline;
use crate::plan::transfer::Route;

/// Routes at a time, where the user says nothing else.
pub const ROUTES: u16 = 16;

/// What the user allows and wants of a run that moves keys.
#[derive(Clone, Debug)]
pub struct MigrationOptions {
    pub deadline: Deadline,
    /// SETSLOT and MIGRATE, whatever else the servers can do.
    pub classic: bool,
    /// Whose value wins where both ends have a key with different ones.
    pub policy: ConflictPolicy,
    /// Emptied masters stay masters.
    pub keep_empty: bool,
    /// Keys a second, over all routes.
    pub max_rate: Option<u32>,
    /// Slots with a key beyond so many bytes stay where they are.
    pub big_key: Option<u64>,
    /// Most routes at a time.
    pub max_parallel: u16,
}

impl MigrationOptions {
    /// What only the classic way can do.
    pub fn needs_classic(&self) -> bool {
        self.classic
            || self.policy != ConflictPolicy::KeepBoth
            || self.max_rate.is_some()
            || self.big_key.is_some()
    }
}

/// Whose value wins where two nodes hold a key with different ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Both are kept, and their slot stays where it is.
    #[default]
    KeepBoth,
    Source,
    /// The node that ranks higher, one that is not named lowest; both are kept where they rank alike.
    Ranked(BTreeMap<NodeId, u64>),
}

impl ConflictPolicy {
    pub(super) fn winner(&self, route: &Route) -> Option<Side> {
        match self {
            ConflictPolicy::KeepBoth => None,
            ConflictPolicy::Source => Some(Side::Source),
            ConflictPolicy::Ranked(ranks) => {
                match ranks.get(&route.from).cmp(&ranks.get(&route.to)) {
                    Ordering::Greater => Some(Side::Source),
                    Ordering::Less => Some(Side::Target),
                    Ordering::Equal => None,
                }
            }
        }
    }
}
