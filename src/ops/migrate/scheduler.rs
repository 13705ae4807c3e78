//! Routes side by side, as many as do not get in each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::{MigrateError, Migration, Mover};
use crate::plan::transfer::Route;

/// Most routes at a time.
const AT_ONCE: usize = 16;

/// How often a signal is looked for while all routes wait for their servers.
const POLL: Duration = Duration::from_millis(50);

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
    let waiting = routes.iter().rev().collect();
    let scheduler = Mutex::new(RouteScheduler { waiting, ..RouteScheduler::default() });
    let lock = || scheduler.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let freed = Condvar::new();
    let next = || {
        let mut routes = lock();
        loop {
            if routes.failed || routes.waiting.is_empty() {
                return None;
            }
            let free =
                |route: &&Route| !routes.under_way.iter().any(|busy| mover.excludes(busy, route));
            if let Some(index) = routes.waiting.iter().rposition(free) {
                let route = routes.waiting.remove(index);
                routes.under_way.push(route);
                return Some(route);
            }
            routes = freed.wait(routes).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    };
    let workers = routes.len().min(AT_ONCE);
    let (busy, watcher) = (AtomicUsize::new(workers), std::thread::current());
    let worker = || {
        let mut errors = Vec::new();
        while let Some(route) = next() {
            let stopped = migration.stopped();
            let carried = stopped.map_or_else(|| mover.carry(migration, route), Err);
            let mut routes = lock();
            routes.under_way.retain(|busy| !std::ptr::eq(*busy, route));
            if let Err(error) = carried {
                routes.failed = true;
                errors.push(error);
            }
            freed.notify_all();
        }
        busy.fetch_sub(1, Ordering::Release);
        watcher.unpark();
        errors
    };
    let errors: Vec<MigrateError> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        while busy.load(Ordering::Acquire) > 0 {
            migration.stopped();
            std::thread::park_timeout(POLL);
        }
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<MigrateError>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect()
    });
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else { return Ok(()) };
    // A signal or the deadline stops every route in the same words.
    let words = first.to_string();
    let others = errors.filter(|error| error.to_string() != words);
    migration.change(|outcome| outcome.errors.extend(others));
    Err(first)
}
