//! What is to be done next, over all sources: whoever is free takes it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use super::run::{Job, LANES};

/// Batches of a source that wait while it is listed further.
const WAITING: usize = 2 * LANES;

/// One thing to do.
pub(super) enum Piece {
    /// List more of a source.
    List,
    /// Carry some of its keys.
    Carry(usize, Job),
}

#[derive(Default)]
struct Backlog {
    begun: bool,
    is_listed: bool,
    is_all_listed: bool,
    jobs: [VecDeque<Job>; LANES],
    busy: [bool; LANES],
}

impl Backlog {
    /// Keys go before more are listed.
    fn next(&mut self) -> Option<Piece> {
        let ready = |lane: &usize| !self.busy[*lane] && !self.jobs[*lane].is_empty();
        if let Some(lane) = (0..LANES).find(ready) {
            let job = self.jobs[lane].pop_front()?;
            self.busy[lane] = true;
            return Some(Piece::Carry(lane, job));
        }
        let waiting: usize = self.jobs.iter().map(VecDeque::len).sum();
        if self.is_listed || self.is_all_listed || waiting >= WAITING {
            return None;
        }
        (self.begun, self.is_listed) = (true, true);
        Some(Piece::List)
    }

    fn is_done(&self) -> bool {
        self.is_all_listed && self.jobs.iter().all(VecDeque::is_empty)
    }
}

pub(super) struct Queue {
    sources: Mutex<Vec<Backlog>>,
    changed: Condvar,
}

impl Queue {
    pub fn new(sources: usize) -> Queue {
        let sources = (0..sources).map(|_| Backlog::default()).collect();
        Queue { sources: Mutex::new(sources), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Backlog>> {
        self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn is_done(&self) -> bool {
        self.lock().iter().all(Backlog::is_done)
    }

    /// The next thing to do, and for which source: waits for it while others may yet find some. A
    /// source is begun only where those that are under way have nothing to do.
    pub fn next(&self, is_over: impl Fn() -> bool) -> Option<Taken<'_>> {
        let mut sources = self.lock();
        while !is_over() && !sources.iter().all(Backlog::is_done) {
            let places = (0..sources.len()).map(|place| (!sources[place].begun, place));
            let mut places: Vec<_> = places.collect();
            places.sort_unstable();
            for (_, source) in places {
                if let Some(piece) = sources[source].next() {
                    let lane = match &piece {
                        Piece::List => None,
                        Piece::Carry(lane, _) => Some(*lane),
                    };
                    return Some(Taken { queue: self, source, lane, piece: Some(piece) });
                }
            }
            sources = self.changed.wait(sources).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        None
    }

    /// What a source's listing has found.
    pub fn found(&self, source: usize, jobs: Vec<(usize, Job)>, is_all: bool) {
        let mut sources = self.lock();
        sources[source].is_all_listed = is_all;
        jobs.into_iter().for_each(|(lane, job)| sources[source].jobs[lane].push_back(job));
    }
}

/// A piece that somebody works at: nobody else gets one of the same lane, or lists the same source,
/// until this is dropped.
pub(super) struct Taken<'q> {
    queue: &'q Queue,
    pub source: usize,
    lane: Option<usize>,
    pub piece: Option<Piece>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut sources = self.queue.lock();
        match self.lane {
            None => sources[self.source].is_listed = false,
            Some(lane) => sources[self.source].busy[lane] = false,
        }
        self.queue.changed.notify_all();
    }
}
