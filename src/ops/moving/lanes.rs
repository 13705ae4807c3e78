//! Routes side by side, as many as do not get in each other's way.

use std::sync::{Condvar, Mutex};

use super::{MoveError, Mover, Run};
use crate::plan::transfer::Route;
use crate::wire::side_by_side;

/// Most routes at a time.
const AT_ONCE: usize = 16;

#[derive(Default)]
struct Lanes<'a> {
    waiting: Vec<&'a Route>,
    under_way: Vec<&'a Route>,
    failed: bool,
}

/// Carries every route; after the first failure those under way come to their end and no other is
/// begun. Further failures are noted in the run's outcome.
pub(super) fn carry(mover: &dyn Mover, run: &Run, routes: &[Route]) -> Result<(), MoveError> {
    if routes.is_empty() {
        return Ok(());
    }
    let lanes = Mutex::new(Lanes { waiting: routes.iter().rev().collect(), ..Lanes::default() });
    let lock = || lanes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let freed = Condvar::new();
    let next = || {
        let mut lanes = lock();
        loop {
            if lanes.failed || lanes.waiting.is_empty() {
                return None;
            }
            let free =
                |route: &&Route| !lanes.under_way.iter().any(|busy| mover.excludes(busy, route));
            if let Some(index) = lanes.waiting.iter().rposition(free) {
                let route = lanes.waiting.remove(index);
                lanes.under_way.push(route);
                return Some(route);
            }
            lanes = freed.wait(lanes).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    };
    let worker = || {
        let mut errors = Vec::new();
        while let Some(route) = next() {
            let stopped = run.stopped();
            let carried = stopped.map_or_else(|| mover.carry(run, route), Err);
            let mut lanes = lock();
            lanes.under_way.retain(|busy| !std::ptr::eq(*busy, route));
            if let Err(error) = carried {
                lanes.failed = true;
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
    run.outcome(|outcome| outcome.errors.extend(errors.filter(|error| error.to_string() != words)));
    Err(first)
}
