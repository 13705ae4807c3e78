//! Moving slots with their keys: routes side by side, each by the best way that its two servers know.
//!
//! Why nothing is lost wherever a run ends is told in `docs/moving-slots.md`.

mod atomic;
mod capability;
mod classic;
mod epoch;
mod error;
mod guard;
mod notify;
mod options;
mod orphans;
mod pace;
mod report;
mod resume;
mod scheduler;
mod session;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::event::{Event, Observer, Phase, Tally};
use crate::model::{ClusterReport, NodeAddr, NodeId, SlotSet};
use crate::plan::transfer::{Route, Transfer};
use crate::wire::{Access, Server};
use atomic::Atomic;
pub use capability::{
    Capabilities, MigrationMethod, Rehearsal, capabilities, method, rehearse, until_idle,
};
use classic::Classic;
pub use error::{MigrateError, Obstacle, Unable};
use guard::ReplicaMigrationGuard;
pub use options::{ConflictPolicy, MigrationOptions};
use orphans::OrphanMover;
use pace::Pace;
pub use report::{CopiesLeft, KeptSlot, MigrationReport};

/// How long after a signal slots in hand may be finished, and exchanges may wait for a server.
const FINISH: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(8));

/// What all routes of a run share.
struct Migration<'a> {
    report: &'a ClusterReport,
    /// Cut off some time after a signal; settings are put back over connections without that.
    access: Access,
    options: &'a MigrationOptions,
    tally: Tally<'a>,
    pace: Pace,
    outcome: Mutex<MigrationReport>,
    /// Slots that have arrived at each target.
    arrived: Mutex<BTreeMap<NodeId, SlotSet>>,
    /// Bytes that each target's network had taken in at the first and at the last look.
    taken: Mutex<BTreeMap<NodeId, (u64, u64)>>,
    begun: Instant,
}

/// One way to move the slots of a route.
trait Mover: Sync {
    /// Whether two routes must not be under way together.
    fn excludes(&self, one: &Route, other: &Route) -> bool;

    /// Moves the slots of `route`. Whatever happens, the run's report says what has moved, and
    /// nothing is left that the same command would not finish.
    fn carry(&self, migration: &Migration, route: &Route) -> Result<(), MigrateError>;
}

/// Whether one node would send to another that sends as well. MIGRATE keeps a server from answering:
/// two that send to each other would both wait until it fails.
fn crosses(one: &Route, other: &Route) -> bool {
    one.from == other.from || turns(one, other)
}

/// Whether a node would take slots while others leave it: its config epoch must not grow then
/// ([`epoch`]).
fn turns(one: &Route, other: &Route) -> bool {
    one.from == other.to || one.to == other.from
}

/// Carries `plan` out: moves that were begun first, then its routes.
pub fn migrate(
    plan: &Transfer,
    report: &ClusterReport,
    capabilities: &Capabilities,
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
) -> MigrationReport {
    run(plan, report, access, options, observer, |migration| {
        resume::close_stale(migration, plan)?;
        resume::await_new_source(migration, plan)?;
        let guard = match options.keep_empty {
            true => Some(ReplicaMigrationGuard::hold(report, access, plan)?),
            false => None,
        };
        let worked = migration.carry(plan, capabilities);
        let moved = migration.change(|outcome| outcome.moved.clone());
        let left = guard.map(|guard| guard.release(&plan.emptied, &moved, observer));
        migration.change(|outcome| outcome.left.extend(left.into_iter().flatten()));
        worked
    })
}

/// Finishes moves that were begun, and moves orphaned keys: `orphans` goes from masters that hold
/// keys of slots that they do not own to the slots' owners.
pub fn move_orphans(
    finish: Vec<Route>,
    orphans: &[Route],
    report: &ClusterReport,
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
) -> MigrationReport {
    let plan = Transfer { finish, routes: orphans.to_vec(), ..Transfer::default() };
    run(&plan, report, access, options, observer, |migration| {
        scheduler::carry(&Classic { resumed: true }, migration, &plan.finish)?;
        scheduler::carry(&OrphanMover, migration, orphans)
    })
}

fn run(
    plan: &Transfer,
    report: &ClusterReport,
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
    work: impl FnOnce(&Migration) -> Result<(), MigrateError>,
) -> MigrationReport {
    let tally = Tally::new(Phase::Move, observer);
    tally.expect(plan.slots());
    let migration = Migration {
        report,
        access: Access { cutoff: options.deadline.interrupt().cutoff(FINISH.1), ..access.clone() },
        options,
        tally,
        pace: Pace::new(options.max_rate, options.deadline.clone()),
        outcome: Mutex::default(),
        arrived: Mutex::default(),
        taken: Mutex::default(),
        begun: Instant::now(),
    };
    if let Err(error) = work(&migration) {
        // First of all why it ended, then what became of that.
        migration.change(|outcome| outcome.errors.insert(0, error));
    }
    notify::owners(&migration, plan);
    let elapsed = migration.begun.elapsed();
    observer.on(Event::Done { phase: Phase::Move, elapsed });
    migration.outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Migration<'_> {
    fn carry(&self, plan: &Transfer, capabilities: &Capabilities) -> Result<(), MigrateError> {
        scheduler::carry(&Classic { resumed: true }, self, &plan.finish)?;
        let mut by_method: BTreeMap<MigrationMethod, Vec<Route>> = BTreeMap::new();
        for route in &plan.routes {
            let method = method(capabilities, self.options, route);
            by_method.entry(method).or_default().push(route.clone());
        }
        for (method, routes) in by_method {
            match method {
                MigrationMethod::Classic => {
                    scheduler::carry(&Classic { resumed: false }, self, &routes)?;
                }
                MigrationMethod::Atomic(support) => {
                    let atomic = Atomic { support, plan, fallen: Mutex::default() };
                    scheduler::carry(&atomic, self, &routes)?;
                    atomic.finish(self)?;
                }
            }
        }
        Ok(())
    }

    fn change<T>(&self, change: impl FnOnce(&mut MigrationReport) -> T) -> T {
        change(&mut self.outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn changed(&self) {
        self.change(|outcome| outcome.changed = true);
    }

    /// These slots stay on their way.
    fn leave_open(&self, slots: &SlotSet) {
        self.change(|outcome| {
            outcome.changed |= !slots.is_empty();
            outcome.open = outcome.open.union(slots);
        });
    }

    /// A target's network has taken in so many bytes by now; a server that cannot tell costs the
    /// count and nothing else.
    fn looks_at(&self, id: NodeId, target: &mut Server) {
        let Ok(bytes) = target.bytes_in() else { return };
        let mut targets = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (_, last) = targets.entry(id).or_insert((bytes, bytes));
        *last = (*last).max(bytes);
    }

    /// These slots have arrived at a node, with so many keys.
    fn arrived(&self, to: NodeId, slots: &SlotSet, keys: u64) {
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
    fn count_keys(&self, keys: u64) {
        self.change(|outcome| {
            outcome.changed |= keys > 0;
            outcome.keys += keys;
        });
    }

    /// What ends this run early, if anything does.
    fn stopped(&self) -> Option<MigrateError> {
        let deadline = &self.options.deadline;
        match deadline.interrupt().signal() {
            Some(signal) => Some(MigrateError::Interrupted(signal)),
            None => deadline.is_over().then(|| MigrateError::Late(deadline.allowed())),
        }
    }

    /// Whether slots in hand cannot be finished any more either.
    fn is_late(&self) -> bool {
        self.options.deadline.interrupt().is_older_than(FINISH.0)
    }

    /// A connection of its own to a node.
    fn connect(&self, id: NodeId) -> Result<Server, MigrateError> {
        let report = self.report.node(id).ok_or(MigrateError::Gone(id))?;
        Ok(Server::connect(&report.via, &self.access)?)
    }

    /// Where a node's peers reach another.
    fn addr(&self, id: NodeId, seen_by: NodeId) -> Result<NodeAddr, MigrateError> {
        let view = &self.report.node(seen_by).ok_or(MigrateError::Gone(seen_by))?.view;
        let seen =
            view.node(id).and_then(|node| node.addr.clone()).ok_or(MigrateError::Gone(id))?;
        let own = self.report.node(id).filter(|node| node.is_for_clients(&seen));
        Ok(own.map_or(seen, |node| node.reached.clone()))
    }
}
