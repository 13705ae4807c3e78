//! One look at a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Activity, ClusterReport, NodeId, Slot, SlotSet};
use crate::plan::check::Problem;

/// What a node reported beside its report, and when.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// When it was read, counted from when the watch began.
    pub at: Duration,
    /// Its counters.
    pub activity: Activity,
    /// What of them the watch itself has caused so far: commands, bytes received, bytes sent.
    pub own: [u64; 3],
    /// Its own moves of slots that are not over.
    pub tasks: Vec<SlotTask>,
    /// The keys of some of its slots.
    pub keys: BTreeMap<Slot, u64>,
}

/// One look at a cluster.
#[derive(Debug)]
pub struct Look<'a> {
    /// What the nodes reported.
    pub cluster: &'a ClusterReport,
    /// A reading for each of `cluster.nodes`.
    pub readings: &'a [Reading],
    /// What `check` finds.
    pub problems: Vec<Problem>,
    /// When it was, counted from when the watch began.
    pub at: Duration,
    /// The same in milliseconds since 1970.
    pub clock: u64,
}

/// A server's own move of slots (CLUSTER MIGRATION, CLUSTER MIGRATESLOTS) that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotTask {
    /// The source.
    pub from: NodeId,
    /// The target.
    pub to: NodeId,
    /// What moves.
    pub slots: SlotSet,
    /// The server's word for how far it is.
    pub state: String,
}
