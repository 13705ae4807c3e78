//! Keys of other servers come into a cluster.
//!
//! For each source one thread lists keys, and several carry them: a window of keys is read at the
//! source, written at the master that owns them, and, where they are to be taken away, deleted at
//! the source if none of them has changed since it was read (WATCH). A key is at one end at least,
//! wherever a run ends.

mod carry;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use itertools::Itertools;
use serde::Serialize;

use super::event::{Event, Observer, Phase, Tally};
use super::wait::Deadline;
use crate::model::{NodeAddr, Slot};
use crate::plan::import::{Source, Targets};
use crate::wire::{Access, Key, Server, WireError};
use carry::Carrier;

/// Threads that carry keys from one source. A slot's keys are always the same one's: SCAN may tell a
/// key twice, and two that carry one key would undo each other.
const CARRIERS: usize = 4;

/// Batches that wait for a carrier.
const WAITING: usize = 2;

/// Keys that are handed to a carrier at a time.
const BATCH: usize = 500;

/// Keys that wait for others of their slot.
const HOARD: usize = 50_000;

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
pub struct Options {
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
pub enum ImportHalt {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{to} takes no key {key} of {from}: {said}")]
    Refused { from: NodeAddr, to: NodeAddr, key: String, said: String },
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

/// What an import came to; in JSON, what the commands that import tell of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
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
    #[serde(skip)]
    pub halt: Option<ImportHalt>,
}

impl Outcome {
    /// What both came to.
    pub fn and(mut self, other: Outcome) -> Outcome {
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
struct Run<'a> {
    targets: &'a Targets,
    /// How the sources are reached, and how the cluster.
    access: (&'a Access, &'a Access),
    options: &'a Options,
    tally: Tally<'a>,
    outcome: Mutex<Outcome>,
    stopped: AtomicBool,
    begun: Instant,
}

/// Brings the keys of all sources, `total` of them.
pub fn import(
    sources: &[Source],
    targets: &Targets,
    total: u64,
    access: (&Access, &Access),
    options: &Options,
    observer: &dyn Observer,
) -> Outcome {
    let run = Run {
        targets,
        access,
        options,
        tally: Tally::new(Phase::Copy, observer),
        outcome: Mutex::default(),
        stopped: AtomicBool::new(false),
        begun: Instant::now(),
    };
    run.tally.expect(usize::try_from(total).unwrap_or(usize::MAX));
    std::thread::scope(|scope| {
        for (addr, origin) in sources {
            let (jobs, carriers): (Vec<_>, Vec<_>) =
                (0..CARRIERS).map(|_| sync_channel(WAITING)).unzip();
            let by_slot = origin.in_cluster_mode && !options.copy;
            let run = &run;
            scope.spawn(move || run.halt_on(list(run, addr, by_slot, &jobs)));
            for jobs in carriers {
                scope.spawn(move || run.halt_on(carry_all(run, addr, &jobs)));
            }
        }
    });
    let outcome = run.outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    if outcome.halt.is_none() {
        observer.on(Event::Done { phase: Phase::Copy, elapsed: run.begun.elapsed() });
    }
    outcome
}

impl Run<'_> {
    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether no further keys are to be begun.
    fn is_over(&self) -> bool {
        if let Some(signal) = self.options.deadline.interrupt().signal() {
            self.halt_on(Err(ImportHalt::Interrupted(signal)));
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Notes the first failure; the other threads end what they have in hand.
    fn halt_on(&self, result: Result<(), ImportHalt>) {
        if let Err(halt) = result {
            self.stopped.store(true, Ordering::Relaxed);
            self.outcome().halt.get_or_insert(halt);
        }
    }

    fn tell(&self, dealt_with: usize) {
        let (keys, bytes) = {
            let outcome = self.outcome();
            (outcome.keys, outcome.bytes)
        };
        self.tally.add(dealt_with);
        self.tally.moved(keys, bytes, self.begun.elapsed());
    }
}

/// Lists a source's keys and hands them out, those for one master together; where they are deleted
/// in cluster mode, those of one slot.
fn list(
    run: &Run,
    source: &NodeAddr,
    by_slot: bool,
    jobs: &[SyncSender<Job>],
) -> Result<(), ImportHalt> {
    let mut server = connect(source, run.access.0, run.options.databases.0)?;
    let mut heaps: BTreeMap<(usize, usize, Option<Slot>), Vec<Key>> = BTreeMap::new();
    let (mut cursor, mut hoarded) = (0, 0);
    while !run.is_over() {
        let (next, keys) = server.scan(cursor, run.options.pattern.as_deref())?;
        cursor = next;
        hoarded += keys.len();
        for key in keys {
            let slot = Slot::of_key(&key);
            let target = run.targets.of(slot);
            let carrier = usize::from(slot.get()) % jobs.len();
            heaps.entry((carrier, target, by_slot.then_some(slot))).or_default().push(key);
        }
        let all = cursor == 0 || hoarded >= HOARD;
        for ((carrier, target, _), heap) in &mut heaps {
            while heap.len() >= BATCH || all && !heap.is_empty() {
                let keys = heap.split_off(heap.len().saturating_sub(BATCH));
                hoarded -= keys.len();
                let keys = keys.into_iter().unique().collect();
                // Whoever would take it has failed, and says so.
                if jobs[*carrier].send(Job { target: *target, keys }).is_err() {
                    return Ok(());
                }
            }
        }
        if cursor == 0 {
            break;
        }
    }
    Ok(())
}

fn carry_all(run: &Run, source: &NodeAddr, jobs: &Receiver<Job>) -> Result<(), ImportHalt> {
    let mut carrier = Carrier::new(run, connect(source, run.access.0, run.options.databases.0)?);
    for job in jobs {
        if !run.is_over() {
            run.halt_on(carrier.carry(job));
        }
    }
    Ok(())
}

fn connect(addr: &NodeAddr, access: &Access, database: u32) -> Result<Server, WireError> {
    let mut server = Server::connect(addr, access)?;
    if database != 0 {
        server.select(database)?;
    }
    Ok(server)
}
