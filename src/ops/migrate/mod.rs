//! Moving slots with their keys: routes side by side, each by the best way that its two servers know.
//!
//! Why nothing is lost wherever a run ends is told in `docs/moving-slots.md`.

mod atomic;
mod big_keys;
mod capability;
mod classic;
mod epoch;
mod error;
mod guard;
mod migration;
mod notify;
mod options;
mod orphans;
mod pace;
mod report;
mod resume;
mod scheduler;
mod session;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Instant;

use super::event::{Observer, Phase};
use super::phases::timed;
use crate::model::ClusterReport;
use crate::plan::transfer::{Route, Transfer};
use crate::wire::Access;
use atomic::Atomic;
use big_keys::Limits;
pub use big_keys::{BigKey, big_keys};
pub use capability::{
    Capabilities, MigrationMethod, Rehearsal, capabilities, method, rehearse, until_idle,
};
use classic::Classic;
pub use error::{MigrateError, Obstacle, Unable};
use guard::ReplicaMigrationGuard;
use migration::{FINISH, Migration};
pub use options::{ConflictPolicy, MigrationOptions, ROUTES};
use orphans::OrphanMover;
use pace::Pace;
pub use report::{CopiesLeft, KeptSlot, MigrationReport};

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
        let worked = carry(migration, plan, capabilities);
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
    let Ok(report) = timed(Phase::Move, observer, |tally| {
        tally.expect(plan.slots());
        let cutoff = options.deadline.interrupt().cutoff(FINISH.1);
        let migration = Migration {
            report,
            access: Access { cutoff, ..access.clone() },
            limits: Limits::new(report, access, options),
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
        Ok::<_, Infallible>(
            migration.outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()),
        )
    });
    report
}

/// Moves that were begun first, then each route by the best way for it.
fn carry(
    migration: &Migration,
    plan: &Transfer,
    capabilities: &Capabilities,
) -> Result<(), MigrateError> {
    scheduler::carry(&Classic { resumed: true }, migration, &plan.finish)?;
    let mut by_method: BTreeMap<MigrationMethod, Vec<Route>> = BTreeMap::new();
    for route in &plan.routes {
        let method = method(capabilities, migration.options, route);
        by_method.entry(method).or_default().push(route.clone());
    }
    for (method, routes) in by_method {
        match method {
            MigrationMethod::Classic => {
                scheduler::carry(&Classic { resumed: false }, migration, &routes)?;
            }
            MigrationMethod::Atomic(support) => {
                let atomic = Atomic { support, plan, fallen: Mutex::default() };
                scheduler::carry(&atomic, migration, &routes)?;
                atomic.finish(migration)?;
            }
        }
    }
    Ok(())
}
