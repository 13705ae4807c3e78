//! Doing one thing with many nodes at once.

use std::sync::Mutex;

/// Most conversations at a time: enough for any cluster, below the usual limit of open files.
const AT_ONCE: usize = 512;

/// Does `work` with every item at once, each on its own thread, and gives the results in the
/// items' order.
pub fn all_at_once<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let items: Vec<I> = items.into_iter().collect();
    if items.len() <= 1 {
        return items.into_iter().map(work).collect();
    }
    let threads = items.len().min(AT_ONCE);
    let queue = Mutex::new(items.into_iter().enumerate());
    // A worker that panics poisons nothing of worth: the scope passes its panic on.
    let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let worker = || {
        let mut done = Vec::new();
        while let Some((index, item)) = next() {
            done.push((index, work(item)));
        }
        done
    };
    let mut results = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
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
