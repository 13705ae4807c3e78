//! A source's keys, listed by SCAN and put together for whoever carries them.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::report::ImportAborted;
use super::run::{ImportRun, Job, LANES, connect};
use crate::model::{NodeAddr, Slot};
use crate::wire::{Key, Server};

/// Keys that are handed to a carrier at a time.
const BATCH: usize = 500;

/// Keys that wait for others of their slot.
const HOARD: usize = 50_000;

/// How far a source has been listed.
pub(super) struct Lister<'a> {
    source: &'a NodeAddr,
    /// Where they are deleted in cluster mode, keys of one slot go together.
    by_slot: bool,
    server: Option<Server>,
    cursor: u64,
    hoarded: usize,
    heaps: BTreeMap<(usize, usize, Option<Slot>), Vec<Key>>,
}

impl<'a> Lister<'a> {
    pub fn new(source: &'a NodeAddr, by_slot: bool) -> Lister<'a> {
        Lister { source, by_slot, server: None, cursor: 0, hoarded: 0, heaps: BTreeMap::new() }
    }

    /// Lists some keys; gives those that can be carried, each batch for one master and with its lane,
    /// and whether there are no more.
    pub fn step(&mut self, run: &ImportRun) -> Result<(Vec<(usize, Job)>, bool), ImportAborted> {
        let server = match &mut self.server {
            Some(server) => server,
            none => none.insert(connect(self.source, run.access.0, run.options.databases.0)?),
        };
        let (next, keys) = server.scan(self.cursor, run.options.pattern.as_deref())?;
        self.cursor = next;
        self.hoarded += keys.len();
        for key in keys {
            let slot = Slot::of_key(&key);
            let place = (usize::from(slot.get()) % LANES, run.targets.of(slot));
            let slot = self.by_slot.then_some(slot);
            self.heaps.entry((place.0, place.1, slot)).or_default().push(key);
        }
        let all = self.cursor == 0 || self.hoarded >= HOARD;
        let mut jobs = Vec::new();
        for ((lane, target, _), heap) in &mut self.heaps {
            while heap.len() >= BATCH || all && !heap.is_empty() {
                let keys = heap.split_off(heap.len().saturating_sub(BATCH));
                self.hoarded -= keys.len();
                let keys = keys.into_iter().unique().collect();
                jobs.push((*lane, Job { target: *target, keys }));
            }
        }
        let is_end = self.cursor == 0;
        if is_end {
            self.server = None;
        }
        Ok((jobs, is_end))
    }
}
