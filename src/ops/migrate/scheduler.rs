//! Routes side by side, as many as do not get in each other's way.

use std::sync::{Condvar, Mutex};

use super::MigrateError;
use super::migration::{Migration, Mover};
use crate::plan::transfer::Route;
use crate::wire::side_by_side;

/// Most routes at a time.
const AT_ONCE: usize = 16;

#[derive(Default)]
struct RouteScheduler<'a> {
    waiting: Vec<&'a Route>,
    under_way: Vec<&'a Route>,
    failed: bool,
}

/// Carries every route; after the first failure those under way come to their end and no other is
/// begun. Further failures are noted in the run's report.
pub(super) fn carry(
    mover: &dyn Mover,
    migration: &Migration,
    routes: &[Route],
) -> Result<(), MigrateError> {
    if routes.is_empty() {
        return Ok(());
    }
    let scheduler = Mutex::new(RouteScheduler {
        waiting: routes.iter().rev().collect(),
        ..RouteScheduler::default()
    });
    let lock = || scheduler.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let freed = Condvar::new();
    let next = || {
        let mut scheduler = lock();
        loop {
            if scheduler.failed || scheduler.waiting.is_empty() {
                return None;
            }
            let free = |route: &&Route| {
                !scheduler.under_way.iter().any(|busy| mover.excludes(busy, route))
            };
            if let Some(index) = scheduler.waiting.iter().rposition(free) {
                let route = scheduler.waiting.remove(index);
                scheduler.under_way.push(route);
                return Some(route);
            }
            scheduler = freed.wait(scheduler).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    };
    let worker = || {
        let mut errors = Vec::new();
        while let Some(route) = next() {
            let stopped = migration.stopped();
            let carried = stopped.map_or_else(|| mover.carry(migration, route), Err);
            let mut scheduler = lock();
            scheduler.under_way.retain(|busy| !std::ptr::eq(*busy, route));
            if let Err(error) = carried {
                scheduler.failed = true;
                errors.push(error);
            }
            freed.notify_all();
        }
        errors
    };
    let errors = side_by_side(AT_ONCE, || lock().waiting.len(), worker);
    let mut errors = errors.into_iter().flatten();
    let Some(first) = errors.next() else { return Ok(()) };
    // A signal or the deadline stops every route in the same words.
    let words = first.to_string();
    migration
        .change(|outcome| outcome.errors.extend(errors.filter(|error| error.to_string() != words)));
    Err(first)
}
