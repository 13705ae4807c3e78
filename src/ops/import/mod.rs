//! Keys of other servers come into a cluster.
//!
//! Some threads, a bounded number over all sources, list keys and carry them: a window of keys is
//! read at the source, written at the master that owns them, and, where they are to be taken away, deleted at
//! the source if none of them has changed since it was read (WATCH). A key is at one end at least,
//! wherever a run ends.

mod carry;
mod list;
mod ours;
mod queue;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::event::{Event, Observer, Phase, Tally};
use super::wait::Deadline;
use crate::model::NodeAddr;
use crate::plan::import::{Source, Targets};
use crate::wire::{Access, Key, Server, WireError, side_by_side};
use carry::Carrier;
use list::Lister;
use queue::{Piece, Queue};

/// How many windows of one source may be carried at a time. A slot's keys are always in the same
/// lane: SCAN may tell a key twice, and two that carry one key would undo each other.
const LANES: usize = 4;

/// Most threads, over all sources.
const THREADS: usize = 32;

/// Most connections to masters, over all threads, below the usual limit of open files.
const CONNECTIONS: usize = 512;

/// Keys that an outcome names, of each sort.
const NAMED: usize = 1000;

/// What becomes of a key that the cluster holds already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Where both are equal the import is done with it; where they differ both are kept.
    #[default]
    Compare,
    /// The source's replaces it.
    Replace,
    /// Both are kept, unseen.
    Skip,
}

/// How keys are brought.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    pub deadline: Deadline,
    /// The sources keep their keys.
    pub copy: bool,
    pub existing: Existing,
    /// Only keys that match, as SCAN understands it.
    pub pattern: Option<String>,
    /// The database there, and the one here.
    pub databases: (u32, u32),
}

/// Why an import ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportAborted {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{to} refused key {key} of {from}: {said}")]
    Refused { from: NodeAddr, to: NodeAddr, key: String, said: String },
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// Keys that were brought.
    pub keys: u64,
    /// Bytes of their values, in the servers' own form.
    pub bytes: u64,
    /// Keys that were there already, and equal.
    pub present: u64,
    /// Keys that were there already and were let be, unseen.
    pub skipped: u64,
    /// Keys that both ends hold and that differ: the first of them in words, and how many.
    pub conflicts: Vec<String>,
    pub conflicting: u64,
    /// Keys that could not be brought, in the same way.
    pub left: Vec<String>,
    pub leaving: u64,
    /// Whether anything was written.
    pub changed: bool,
    pub halt: Option<ImportAborted>,
}

impl ImportReport {
    /// What both came to.
    pub fn and(mut self, other: ImportReport) -> ImportReport {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.present += other.present;
        self.skipped += other.skipped;
        self.conflicting += other.conflicting;
        self.leaving += other.leaving;
        self.conflicts.extend(other.conflicts);
        self.conflicts.truncate(NAMED);
        self.left.extend(other.left);
        self.left.truncate(NAMED);
        self.changed |= other.changed;
        self.halt = self.halt.or(other.halt);
        self
    }
}

/// Keys to be carried, all for one master.
struct Job {
    target: usize,
    keys: Vec<Key>,
}

/// What all threads of an import share.
struct ImportRun<'a> {
    targets: &'a Targets,
    /// How the sources are reached, and how the cluster.
    access: (&'a Access, &'a Access),
    options: &'a ImportOptions,
    tally: Tally<'a>,
    report: Mutex<ImportReport>,
    stopped: AtomicBool,
    begun: Instant,
}

/// Brings the keys of all sources, `total` of them.
pub fn import(
    sources: &[Source],
    targets: &Targets,
    total: u64,
    access: (&Access, &Access),
    options: &ImportOptions,
    observer: &dyn Observer,
) -> ImportReport {
    let run = ImportRun {
        targets,
        access,
        options,
        tally: Tally::new(Phase::Copy, observer),
        report: Mutex::default(),
        stopped: AtomicBool::new(false),
        begun: Instant::now(),
    };
    run.tally.expect(usize::try_from(total).unwrap_or(usize::MAX));
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
    if report.halt.is_none() {
        observer.on(Event::Done { phase: Phase::Copy, elapsed: run.begun.elapsed() });
    }
    report
}

impl ImportRun<'_> {
    fn report(&self) -> MutexGuard<'_, ImportReport> {
        self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether no further keys are to be begun.
    fn is_over(&self) -> bool {
        if let Some(signal) = self.options.deadline.interrupt().signal() {
            self.abort_on(Err(ImportAborted::Interrupted(signal)));
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Notes the first failure; the other threads end what they have in hand.
    fn abort_on(&self, result: Result<(), ImportAborted>) {
        if let Err(halt) = result {
            self.stopped.store(true, Ordering::Relaxed);
            self.report().halt.get_or_insert(halt);
        }
    }

    fn tell(&self, dealt_with: usize) {
        let (keys, bytes) = {
            let report = self.report();
            (report.keys, report.bytes)
        };
        self.tally.add(dealt_with);
        self.tally.moved(keys, bytes, self.begun.elapsed());
    }
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

fn connect(addr: &NodeAddr, access: &Access, database: u32) -> Result<Server, WireError> {
    let mut server = Server::connect(addr, access)?;
    if database != 0 {
        server.select(database)?;
    }
    Ok(server)
}
