//! Doing one thing with many nodes at once.

use std::sync::Mutex;
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Duration;

use itertools::Itertools;

/// Most conversations at a time: enough for any cluster, below the usual limit of open files.
const AT_ONCE: usize = 512;

/// Threads to begin with. Starting one takes longer than a nearby server's answer, so where servers
/// are near a few threads are through before more have started.
const AT_FIRST: usize = 4;

/// While items are left after this long, the threads become twice as many: all 512 are under way
/// after seven times this, which is nothing where servers are far.
const GRACE: Duration = Duration::from_millis(1);

/// Does `work` with every item at once, as soon as one takes its time each on its own thread, and
/// gives the results in the items' order.
pub fn all_at_once<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let items: Vec<I> = items.into_iter().collect();
    if items.len() <= 1 {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    // A worker that panics poisons nothing of worth: the scope passes its panic on.
    let queue = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let worker = || {
        let mut done = Vec::new();
        loop {
            let next = queue().next();
            let Some((index, item)) = next else { break };
            done.push((index, work(item)));
        }
        done
    };
    let done = side_by_side(AT_ONCE, || queue().len(), worker);
    let results = done.into_iter().flatten().sorted_unstable_by_key(|(index, _)| *index);
    results.map(|(_, result)| result).collect()
}

/// Has threads do `work`, more of them for as long as something is `waiting`, at most `most`, and
/// gives what each came to. Where the system refuses a thread, the caller's own takes part, and those
/// there are do all of it.
pub fn side_by_side<T: Send>(
    most: usize,
    waiting: impl Fn() -> usize,
    work: impl Fn() -> T + Sync,
) -> Vec<T> {
    crew(Builder::new, most, waiting, work)
}

fn crew<T: Send>(
    thread: impl Fn() -> Builder,
    most: usize,
    waiting: impl Fn() -> usize,
    work: impl Fn() -> T + Sync,
) -> Vec<T> {
    let foreman = std::thread::current();
    let worker = || {
        let done = work();
        foreman.unpark();
        done
    };
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        let mut own = None;
        while own.is_none() && workers.len() < most {
            let more = AT_FIRST.max(workers.len()).min(most - workers.len()).min(waiting());
            if more == 0 {
                break;
            }
            let started = (0..more).map_while(|_| thread().spawn_scoped(scope, worker).ok());
            let before = workers.len();
            workers.extend(started);
            match workers.len() - before < more {
                true => own = Some(work()),
                false => std::thread::park_timeout(GRACE),
            }
        }
        let join = |worker: ScopedJoinHandle<'_, T>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).chain(own).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_keep_the_order_and_all_run_at_once() {
        // The barrier opens only if all 100 are under way together.
        let barrier = Barrier::new(100);
        let squares = all_at_once(0..100, |n| {
            barrier.wait();
            n * n
        });
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
    }

    #[test]
    fn more_items_than_threads_are_all_done() {
        assert_eq!(all_at_once(0..2000, |n| n), (0..2000).collect::<Vec<_>>());
    }

    /// A thread that no system has the memory for.
    fn refused() -> Builder {
        Builder::new().stack_size(1 << 60)
    }

    fn drain(thread: impl Fn() -> Builder) -> (usize, Vec<usize>) {
        let left = Mutex::new((0..2000).collect::<Vec<usize>>());
        let worker = || {
            let mut done = Vec::new();
            while let Some(item) = { left.lock().unwrap().pop() } {
                done.push(item);
            }
            done
        };
        let done = crew(thread, 16, || left.lock().unwrap().len(), worker);
        (done.len(), done.into_iter().flatten().sorted_unstable().collect())
    }

    #[test]
    fn where_no_thread_can_be_had_the_callers_own_does_it_all() {
        assert_eq!(drain(refused), (1, (0..2000).collect()));
    }

    #[test]
    fn where_few_threads_can_be_had_they_and_the_callers_own_do_it_all() {
        let started = AtomicUsize::new(0);
        let some = || match started.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Builder::new(),
            _ => refused(),
        };
        assert_eq!(drain(some), (3, (0..2000).collect()));
    }
}
