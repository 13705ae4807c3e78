//! What each slot of a node bears: as the server counts it, or counted and sampled key by key.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use itertools::Itertools;

use crate::model::{NodeId, Slot, SlotSet};
use crate::plan::slot_load::{Estimate, Measure, Sample, SlotLoad, SlotStats, estimate, heaviest};
use crate::wire::{Key, KeyBatch, Server, WireError};

/// Keys of a node whose sizes are asked for in the first pass, over all slots.
const FIRST: usize = 20_000;

/// Keys of a slot that are sampled at least, for an error, and at most.
const FEWEST: usize = 2;
const MOST: usize = 100;

/// Keys of each of the heaviest slots that are sampled then.
const SECOND: usize = 1_000;

/// How many of the heaviest slots are looked at closely, and how often others take their place.
const CLOSELY: usize = 100;
const LOOKS: usize = 8;

/// Keys that are listed in one exchange.
const LISTED: usize = 5_000;

/// How a node's loads were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server counts them (CLUSTER SLOT-STATS).
    Stats,
    /// Each slot's keys were counted (CLUSTER COUNTKEYSINSLOT).
    Counts,
    /// Some keys of each slot were measured (MEMORY USAGE): how many.
    Samples(usize),
}

/// The loads of a node's slots.
#[derive(Debug)]
pub struct NodeLoads {
    pub id: NodeId,
    pub source: Source,
    pub loads: Vec<SlotLoad>,
}

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub by: Measure,
    /// How many of the heaviest slots are looked at closely.
    pub top: usize,
    /// Between two readings; counters are read once otherwise.
    pub between: Option<Duration>,
}

/// Up to `most` keys of a slot, from the first databases that hold some; the largest of `LISTED` if
/// sizes count.
pub fn some_keys(
    server: &mut Server,
    slot: Slot,
    most: usize,
    by: Measure,
) -> Result<Vec<Key>, WireError> {
    let is_by_size = by == Measure::Memory;
    let (only, listed) = (SlotSet::from_iter([slot]), if is_by_size { LISTED } else { most });
    let mut keys = Vec::new();
    for database in server.databases()? {
        server.select(database)?;
        let mut found: Vec<Key> =
            server.list_some(&only, listed)?.into_iter().flat_map(|batch| batch.keys).collect();
        if is_by_size {
            let sizes = server.sizes(&found)?;
            let sized = found.into_iter().zip(sizes).sorted_by_key(|(_, size)| Reverse(*size));
            found = sized.map(|(key, _)| key).collect();
        }
        keys.extend(found);
        if keys.len() >= most {
            break;
        }
    }
    keys.truncate(most);
    Ok(keys)
}

/// Measures the slots that a node owns; `Err` inside says why the node cannot tell.
pub fn measure(
    server: &mut Server,
    id: NodeId,
    slots: &SlotSet,
    wanted: Wanted,
) -> Result<Result<NodeLoads, String>, WireError> {
    let stats = read(server, wanted.between)?;
    let counts = |stats: &BTreeMap<Slot, SlotStats>| {
        // A server counts the same for all of its slots.
        stats.values().next().is_none_or(|stats| stats.amount(wanted.by).is_some())
    };
    let (source, loads) = match (stats, wanted.by) {
        (Ok(stats), by) if counts(&stats) => (Source::Stats, counted(id, slots, by, &stats)),
        (_, Measure::Keys) => {
            let keys = server.count_keys(slots)?;
            let stats = keys
                .into_iter()
                .map(|(slot, keys)| (slot, SlotStats { keys, ..SlotStats::default() }));
            (Source::Counts, counted(id, slots, Measure::Keys, &stats.collect()))
        }
        (_, Measure::Memory) => {
            let (sizes, loads) = sampled(server, id, slots, wanted.top)?;
            (Source::Samples(sizes), loads)
        }
        (Ok(_), _) => return Ok(Err("cluster-slot-stats-enabled is no".to_owned())),
        (Err(said), _) => return Ok(Err(format!("CLUSTER SLOT-STATS was refused: {said}"))),
    };
    Ok(Ok(NodeLoads { id, source, loads }))
}

type Stats = Result<BTreeMap<Slot, SlotStats>, String>;

/// The server's counters, or what they grew by a second between two readings.
fn read(server: &mut Server, between: Option<Duration>) -> Result<Stats, WireError> {
    let begun = Instant::now();
    let (first, between) = match (server.slot_stats()?, between) {
        (Ok(first), Some(between)) => (first, between),
        (first, _) => return Ok(first),
    };
    std::thread::sleep(between);
    let second = server.slot_stats()?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(second.map(|mut second| {
        // A slot that came meanwhile begins with what it had elsewhere: nothing is known of it.
        second.retain(|slot, _| first.contains_key(slot));
        for (slot, stats) in &mut second {
            if let Some(earlier) = first.get(slot) {
                *stats = stats.rate_since(earlier, seconds);
            }
        }
        second
    }))
}

fn counted(
    owner: NodeId,
    slots: &SlotSet,
    by: Measure,
    stats: &BTreeMap<Slot, SlotStats>,
) -> Vec<SlotLoad> {
    let own = stats.iter().filter(|(slot, _)| slots.contains(**slot));
    let load = |(slot, stats): (&Slot, &SlotStats)| {
        let amount = stats.amount(by)?;
        let load = Estimate { amount, error: 0 };
        Some(SlotLoad { slot: *slot, owner, stats: *stats, load })
    };
    own.filter_map(load).collect()
}

type Samples = BTreeMap<Slot, Vec<Sample>>;

/// Some keys of every slot, then more of those that seem heaviest; gives how many were measured.
fn sampled(
    server: &mut Server,
    owner: NodeId,
    slots: &SlotSet,
    top: usize,
) -> Result<(usize, Vec<SlotLoad>), WireError> {
    let mut all = Samples::new();
    let databases = server.databases()?;
    for database in &databases {
        let keys = server.count_keys_at([*database], slots)?;
        let each = (FIRST / keys.len().max(1)).clamp(FEWEST, MOST);
        sample(server, &keys, each, &mut all)?;
    }
    // Of many rough estimates the highest are too high: after a closer look others come first.
    let mut close = SlotSet::EMPTY;
    for _ in 0..LOOKS {
        let first = loads(owner, &all);
        let heaviest = heaviest(&first, top.min(CLOSELY)).into_iter().map(|load| load.slot);
        let next: SlotSet = heaviest.filter(|slot| !close.contains(*slot)).collect();
        if next.is_empty() {
            break;
        }
        next.slots().for_each(|slot| drop(all.remove(&slot)));
        for database in &databases {
            let keys = server.count_keys_at([*database], &next)?;
            sample(server, &keys, SECOND, &mut all)?;
        }
        close = close.union(&next);
    }
    let sizes = all.values().flatten().map(|sample| sample.sizes.len()).sum();
    Ok((sizes, loads(owner, &all)))
}

/// Measures up to `each` keys of each slot in the selected database.
fn sample(
    server: &mut Server,
    keys: &BTreeMap<Slot, u64>,
    each: usize,
    samples: &mut Samples,
) -> Result<(), WireError> {
    let slots: Vec<Slot> = keys.keys().copied().collect();
    for slots in slots.chunks((LISTED / each).max(1)) {
        let batches = server.list_some(&slots.iter().copied().collect(), each)?;
        let listed: Vec<Key> = batches.iter().flat_map(|batch| batch.keys.clone()).collect();
        let mut sizes = server.sizes(&listed)?.into_iter();
        for KeyBatch { slot, keys: own } in batches {
            let keys = keys.get(&slot).copied().unwrap_or_default();
            // A key that is gone has no size.
            let sizes = sizes.by_ref().take(own.len()).filter(|size| *size > 0).collect();
            samples.entry(slot).or_default().push(Sample { keys, sizes });
        }
    }
    Ok(())
}

fn loads(owner: NodeId, samples: &Samples) -> Vec<SlotLoad> {
    let load = |(slot, samples): (&Slot, &Vec<Sample>)| SlotLoad {
        slot: *slot,
        owner,
        stats: SlotStats {
            keys: samples.iter().map(|sample| sample.keys).sum(),
            ..SlotStats::default()
        },
        load: estimate(samples),
    };
    samples.iter().map(load).collect()
}
