//! Routes side by side, as many as do not get in each other's way.

use std::sync::{Condvar, Mutex};

use super::MigrateError;
use super::migration::{Migration, Mover};
use crate::plan::transfer::Route;
use crate::wire::side_by_side;

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
    let most = usize::from(migration.options.max_parallel);
    let errors = side_by_side(most, || lock().waiting.len(), worker);
    let mut errors = errors.into_iter().flatten();
    let Some(first) = errors.next() else { return Ok(()) };
    // A signal or the deadline stops every route in the same words.
    let words = first.to_string();
    migration
        .change(|outcome| outcome.errors.extend(errors.filter(|error| error.to_string() != words)));
    Err(first)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::{ClusterReport, ClusterView, NodeId, SlotSet};
    use crate::ops::event::{Event, Observer, Phase, Tally};
    use crate::ops::migrate::big_keys::Limits;
    use crate::ops::migrate::options::{ConflictPolicy, MigrationOptions};
    use crate::ops::migrate::pace::Pace;
    use crate::ops::{Deadline, Interrupt};
    use crate::wire::Access;

    struct Nobody;

    impl Observer for Nobody {
        fn on(&self, _: Event) {}
    }

    /// A way that passes only with so many routes under way, and counts them.
    struct Together {
        barrier: Barrier,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Mover for Together {
        fn excludes(&self, _: &Route, _: &Route) -> bool {
            false
        }

        fn carry(&self, _: &Migration, _: &Route) -> Result<(), MigrateError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            self.barrier.wait();
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn as_many_routes_as_the_user_allows_are_under_way() {
        let id = |digit: usize| format!("{digit:040x}").parse::<NodeId>().unwrap();
        let text = format!("{} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected\n", id(1));
        let view = ClusterView::parse(&text, &"127.0.0.1:7001".parse().unwrap()).unwrap();
        let (report, tally) = (ClusterReport::of_view(&view), Tally::new(Phase::Move, &Nobody));
        let deadline = Deadline::after(Duration::from_secs(60), Interrupt::default());
        for max_parallel in [1, 3] {
            let options = MigrationOptions {
                deadline: deadline.clone(),
                classic: true,
                policy: ConflictPolicy::KeepBoth,
                keep_empty: false,
                max_rate: None,
                big_key: None,
                max_parallel,
            };
            let migration = Migration {
                report: &report,
                access: Access::default(),
                limits: Limits::new(&report, &Access::default(), &options),
                options: &options,
                tally: &tally,
                pace: Pace::new(None, deadline.clone()),
                outcome: Mutex::default(),
                arrived: Mutex::default(),
                taken: Mutex::default(),
                begun: Instant::now(),
            };
            let route = |node| Route { from: id(node), to: id(node + 10), slots: SlotSet::all() };
            let routes: Vec<Route> = (0..6).map(route).collect();
            let way = Together {
                barrier: Barrier::new(max_parallel.into()),
                now: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
            };
            carry(&way, &migration, &routes).unwrap();
            assert_eq!(way.most.into_inner(), usize::from(max_parallel));
        }
    }
}
