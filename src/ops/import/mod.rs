//! Keys of other servers come into a cluster.
//!
//! Some threads, a bounded number over all sources, list keys and carry them: a window of keys is
//! read at the source, written at the master that owns them, and, where they are to be taken away, deleted at
//! the source if none of them has changed since it was read (WATCH). A key is at one end at least,
//! wherever a run ends.

mod carrier;
mod carry;
mod list;
mod options;
mod ours;
mod queue;
mod report;
mod run;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::event::{Observer, Phase};
use super::phases::timed;
use crate::plan::import::{Source, Targets};
use crate::wire::{Access, side_by_side};
use carrier::Carrier;
use list::Lister;
pub use options::{Existing, ImportOptions};
use queue::{Piece, Queue};
pub use report::{ImportAborted, ImportReport};
use run::{ImportRun, LANES, connect};

/// Most threads, over all sources.
const THREADS: usize = 32;

/// Most connections to masters, over all threads, below the usual limit of open files.
const CONNECTIONS: usize = 512;

/// Brings the keys of all sources, `total` of them.
pub fn import(
    sources: &[Source],
    targets: &Targets,
    total: u64,
    access: (&Access, &Access),
    options: &ImportOptions,
    observer: &dyn Observer,
) -> ImportReport {
    let report = timed(Phase::Copy, observer, |tally| {
        tally.expect(usize::try_from(total).unwrap_or(usize::MAX));
        let run = ImportRun {
            targets,
            access,
            options,
            tally,
            report: Mutex::default(),
            stopped: AtomicBool::new(false),
            begun: Instant::now(),
        };
        let listers = sources.iter().map(|(addr, origin)| {
            Mutex::new(Lister::new(addr, origin.in_cluster_mode && !options.copy))
        });
        let listers: Vec<_> = listers.collect();
        let queue = Queue::new(sources.len());
        let most = THREADS.min(sources.len() * (LANES + 1));
        let room = CONNECTIONS / most.max(1);
        let left = || if run.is_over() || queue.is_done() { 0 } else { most };
        side_by_side(most, left, || work(&run, sources, &listers, &queue, room));
        let report = run.report.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        if report.aborted.is_none() { Ok(report) } else { Err(Box::new(report)) }
    });
    report.unwrap_or_else(|aborted| *aborted)
}

/// What each thread does: whatever is next, with connections of its own.
fn work(
    run: &ImportRun,
    sources: &[Source],
    listers: &[Mutex<Lister>],
    queue: &Queue,
    room: usize,
) {
    let mut carrier: Option<(usize, Carrier)> = None;
    while let Some(mut taken) = queue.next(|| run.is_over()) {
        let source = taken.source;
        let mut done = || match taken.piece.take() {
            Some(Piece::Carry(_, job)) => {
                let (_, carrier) = match carrier.take().filter(|(of, _)| *of == source) {
                    Some(known) => carrier.insert(known),
                    None => {
                        let (access, databases) = (run.access.0, run.options.databases);
                        let server = connect(&sources[source].0, access, databases.0)?;
                        carrier.insert((source, Carrier::new(run, server, room)))
                    }
                };
                carrier.carry(job)
            }
            Some(Piece::List) => {
                let lister = listers[source].lock();
                let mut lister = lister.unwrap_or_else(|poisoned| poisoned.into_inner());
                lister.step(run).map(|(jobs, is_all)| queue.found(source, jobs, is_all))
            }
            None => Ok(()),
        };
        run.abort_on(done());
    }
}
