//! What all threads of an import share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::options::ImportOptions;
use super::report::{ImportAborted, ImportReport};
use crate::model::NodeAddr;
use crate::ops::event::Tally;
use crate::plan::import::Targets;
use crate::wire::{Access, Key, Server, WireError};

/// How many windows of one source may be carried at a time. A slot's keys are always in the same
/// lane: SCAN may tell a key twice, and two that carry one key would undo each other.
pub(super) const LANES: usize = 4;

/// Keys to be carried, all for one master.
pub(super) struct Job {
    pub target: usize,
    pub keys: Vec<Key>,
}

/// What all threads of an import share.
pub(super) struct ImportRun<'a> {
    pub targets: &'a Targets,
    /// How the sources are reached, and how the cluster.
    pub access: (&'a Access, &'a Access),
    pub options: &'a ImportOptions,
    pub tally: &'a Tally<'a>,
    pub report: Mutex<ImportReport>,
    pub stopped: AtomicBool,
    pub begun: Instant,
}

impl ImportRun<'_> {
    pub fn report(&self) -> MutexGuard<'_, ImportReport> {
        self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether no further keys are to be begun.
    pub fn is_over(&self) -> bool {
        if let Some(signal) = self.options.deadline.interrupt().signal() {
            self.abort_on(Err(ImportAborted::Interrupted(signal)));
        }
        self.stopped.load(Ordering::Relaxed)
    }

    /// Notes the first failure; the other threads end what they have in hand.
    pub fn abort_on(&self, result: Result<(), ImportAborted>) {
        if let Err(aborted) = result {
            self.stopped.store(true, Ordering::Relaxed);
            self.report().aborted.get_or_insert(aborted);
        }
    }

    pub fn tell(&self, dealt_with: usize) {
        let (keys, bytes) = {
            let report = self.report();
            (report.keys, report.bytes)
        };
        self.tally.add(dealt_with);
        self.tally.moved(keys, bytes, self.begun.elapsed());
    }
}

pub(super) fn connect(
    addr: &NodeAddr,
    access: &Access,
    database: u32,
) -> Result<Server, WireError> {
    let mut server = Server::connect(addr, access)?;
    if database != 0 {
        server.select(database)?;
    }
    Ok(server)
}
