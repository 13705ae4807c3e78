//! Doing one thing with many nodes at once.

use std::sync::Mutex;
use std::time::Duration;

/// Most conversations at a time: enough for any cluster, below the usual limit of open files.
const AT_ONCE: usize = 512;

/// Threads to begin with. Starting one takes longer than a nearby server's answer, so where servers
/// are near a few threads are through before more have started.
const AT_FIRST: usize = 4;

/// While items are left after this long, the threads become twice as many: all 512 are under way
/// after seven times this, which is nothing where servers are far.
const GRACE: Duration = Duration::from_millis(2);

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
    let foreman = std::thread::current();
    let worker = || {
        let mut done = Vec::new();
        loop {
            let next = queue().next();
            let Some((index, item)) = next else { break };
            done.push((index, work(item)));
        }
        foreman.unpark();
        done
    };
    let mut results = std::thread::scope(|scope| {
        let mut workers = Vec::new();
        while workers.len() < AT_ONCE && queue().len() > 0 {
            let more = AT_FIRST.max(workers.len()).min(AT_ONCE - workers.len()).min(queue().len());
            workers.extend((0..more).map(|_| scope.spawn(worker)));
            std::thread::park_timeout(GRACE);
        }
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<(usize, T)>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

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
}
