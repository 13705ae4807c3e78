//! One run of moves: what all its routes share, and what every way to move a slot has to do.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::big_keys::Limits;
use super::error::MigrateError;
use super::options::MigrationOptions;
use super::pace::Pace;
use super::report::MigrationReport;
use crate::model::{ClusterReport, NodeAddr, NodeId, SlotSet};
use crate::ops::event::Tally;
use crate::plan::transfer::Route;
use crate::wire::{Access, Server};

/// How long after a signal slots in hand may be finished, and exchanges may wait for a server.
pub(super) const FINISH: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(8));

/// What all routes of a run share.
pub(super) struct Migration<'a> {
    pub report: &'a ClusterReport,
    /// Cut off some time after a signal; settings are put back over connections without that.
    pub access: Access,
    /// Of keys that are too big to move.
    pub limits: Limits,
    pub options: &'a MigrationOptions,
    pub tally: &'a Tally<'a>,
    pub pace: Pace,
    pub outcome: Mutex<MigrationReport>,
    /// Slots that have arrived at each target.
    pub arrived: Mutex<BTreeMap<NodeId, SlotSet>>,
    /// Bytes that each target's network had taken in at the first and at the last look.
    pub taken: Mutex<BTreeMap<NodeId, (u64, u64)>>,
    pub begun: Instant,
}

/// One way to move the slots of a route.
pub(super) trait Mover: Sync {
    /// Whether two routes must not be under way together.
    fn excludes(&self, one: &Route, other: &Route) -> bool;

    /// Moves the slots of `route`. Whatever happens, the run's report says what has moved, and
    /// nothing is left that the same command would not finish.
    fn carry(&self, migration: &Migration, route: &Route) -> Result<(), MigrateError>;
}

/// Whether one node would send to another that sends as well. MIGRATE keeps a server from answering:
/// two that send to each other would both wait until it fails.
pub(super) fn crosses(one: &Route, other: &Route) -> bool {
    one.from == other.from || turns(one, other)
}

/// Whether a node would take slots while others leave it: its config epoch must not grow then
/// ([`super::epoch`]).
pub(super) fn turns(one: &Route, other: &Route) -> bool {
    one.from == other.to || one.to == other.from
}

impl Migration<'_> {
    pub fn change<T>(&self, change: impl FnOnce(&mut MigrationReport) -> T) -> T {
        change(&mut self.outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn changed(&self) {
        self.change(|outcome| outcome.changed = true);
    }

    /// These slots stay on their way.
    pub fn leave_open(&self, slots: &SlotSet) {
        self.change(|outcome| {
            outcome.changed |= !slots.is_empty();
            outcome.open = outcome.open.union(slots);
        });
    }

    /// A target's network has taken in so many bytes by now; a server that cannot tell costs the
    /// count and nothing else.
    pub fn looks_at(&self, id: NodeId, target: &mut Server) {
        let Ok(bytes) = target.bytes_in() else { return };
        let mut targets = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (_, last) = targets.entry(id).or_insert((bytes, bytes));
        *last = (*last).max(bytes);
    }

    /// These slots have arrived at a node, with so many keys.
    pub fn arrived(&self, to: NodeId, slots: &SlotSet, keys: u64) {
        let mut arrived = self.arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let there = arrived.entry(to).or_insert(SlotSet::EMPTY);
        *there = there.union(slots);
        drop(arrived);
        let keys = self.change(|outcome| {
            outcome.changed = true;
            outcome.moved = outcome.moved.union(slots);
            outcome.keys += keys;
            outcome.keys
        });
        let targets = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let bytes = targets.values().map(|(first, last)| last - first).sum();
        self.tally.add(slots.len());
        self.tally.moved(keys, bytes, self.begun.elapsed());
    }

    /// So many keys more have moved.
    pub fn count_keys(&self, keys: u64) {
        self.change(|outcome| {
            outcome.changed |= keys > 0;
            outcome.keys += keys;
        });
    }

    /// What ends this run early, if anything does.
    pub fn stopped(&self) -> Option<MigrateError> {
        let deadline = &self.options.deadline;
        match deadline.interrupt().signal() {
            Some(signal) => Some(MigrateError::Interrupted(signal)),
            None => deadline.is_over().then(|| MigrateError::Late(deadline.allowed())),
        }
    }

    /// Whether slots in hand cannot be finished any more either.
    pub fn is_late(&self) -> bool {
        self.options.deadline.interrupt().is_older_than(FINISH.0)
    }

    /// A connection of its own to a node.
    pub fn connect(&self, id: NodeId) -> Result<Server, MigrateError> {
        let report = self.report.node(id).ok_or(MigrateError::Gone(id))?;
        Ok(Server::connect(&report.via, &self.access)?)
    }

    /// Where a node's peers reach another.
    pub fn addr(&self, id: NodeId, seen_by: NodeId) -> Result<NodeAddr, MigrateError> {
        let view = &self.report.node(seen_by).ok_or(MigrateError::Gone(seen_by))?.view;
        let seen =
            view.node(id).and_then(|node| node.addr.clone()).ok_or(MigrateError::Gone(id))?;
        let own = self.report.node(id).filter(|node| node.is_for_clients(&seen));
        Ok(own.map_or(seen, |node| node.reached.clone()))
    }
}
