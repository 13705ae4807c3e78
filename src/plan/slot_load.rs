//! How much each slot bears: keys, memory, CPU time and network traffic, and which bear most.

use itertools::Itertools;

use crate::model::{NodeId, Slot};

/// What makes a slot heavy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Keys in all databases.
    Keys,
    /// Bytes that the keys and their values take.
    Memory,
    /// Microseconds of CPU time.
    Cpu,
    /// Bytes received and sent.
    Network,
}

/// What a server counts for a slot (CLUSTER SLOT-STATS); counters since they were enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotStats {
    /// Keys in all databases.
    pub keys: u64,
    /// Microseconds of CPU time; `None` if the server does not count it.
    pub cpu: Option<u64>,
    /// Bytes received; `None` if the server does not count them.
    pub network_in: Option<u64>,
    /// Bytes sent; `None` if the server does not count them.
    pub network_out: Option<u64>,
    /// Bytes of memory; `None` if the server does not count them.
    pub memory: Option<u64>,
}

impl SlotStats {
    /// The value of a measure, if the server counts it.
    pub fn amount(&self, by: Measure) -> Option<u64> {
        match by {
            Measure::Keys => Some(self.keys),
            Measure::Memory => self.memory,
            Measure::Cpu => self.cpu,
            Measure::Network => Some(self.network_in?.saturating_add(self.network_out?)),
        }
    }

    /// The change since an earlier reading, a second; keys and memory stay as they are now.
    pub fn rate_since(&self, earlier: &SlotStats, seconds: f64) -> SlotStats {
        let rate = |now: Option<u64>, before: Option<u64>| {
            let change = now?.saturating_sub(before.unwrap_or(0));
            Some((change as f64 / seconds).round() as u64)
        };
        SlotStats {
            cpu: rate(self.cpu, earlier.cpu),
            network_in: rate(self.network_in, earlier.network_in),
            network_out: rate(self.network_out, earlier.network_out),
            ..*self
        }
    }
}

/// Keys of a slot in one database, and the sizes of some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// How many keys there are.
    pub keys: u64,
    /// The bytes that each key of the sample takes.
    pub sizes: Vec<u64>,
}

/// A sum, and how far it may be off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The most likely sum.
    pub amount: u64,
    /// The true sum lies within this much of it in 95 of 100 cases; 0 if it is exact.
    pub error: u64,
}

/// The bytes that all keys take, from samples: one for each database, or for each slot.
///
/// The mean of a sample stands for its other keys; the error is that of a sample without
/// replacement, with Student's t for small ones. A sample of one key among several has an error as
/// large as its estimate.
pub fn estimate(samples: &[Sample]) -> Estimate {
    let (mut amount, mut variance) = (0.0, 0.0);
    for Sample { keys, sizes } in samples.iter().filter(|sample| !sample.sizes.is_empty()) {
        // Keys may be gone since they were counted.
        let (size, all) = (sizes.len() as f64, (*keys).max(sizes.len() as u64) as f64);
        let mean = sizes.iter().map(|size| *size as f64).sum::<f64>() / size;
        amount += mean * all;
        let margin = match sizes.len() {
            count if count as f64 == all => 0.0,
            1 => mean * all,
            count => {
                let squares = sizes.iter().map(|size| (*size as f64 - mean).powi(2));
                let spread = squares.sum::<f64>() / (size - 1.0);
                student(count - 1) * all * (spread / size * (1.0 - size / all)).sqrt()
            }
        };
        variance += margin * margin;
    }
    Estimate { amount: amount.round() as u64, error: variance.sqrt().ceil() as u64 }
}

/// Student's t for 95%, two-sided, with so many degrees of freedom.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 10] =
        [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    match freedom {
        0 => f64::INFINITY,
        few if few <= TABLE.len() => TABLE[few - 1],
        11..=30 => 2.21,
        _ => 2.05,
    }
}

/// How much one slot bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLoad {
    /// The slot.
    pub slot: Slot,
    /// Its owner.
    pub owner: NodeId,
    /// Its counters; of those that were not read only the keys.
    pub stats: SlotStats,
    /// What it bears of the measure that was asked for.
    pub load: Estimate,
}

/// What all bear together.
pub fn total<'a>(loads: impl IntoIterator<Item = &'a SlotLoad>) -> Estimate {
    let (mut amount, mut variance) = (0u64, 0.0);
    for SlotLoad { load, .. } in loads {
        amount = amount.saturating_add(load.amount);
        variance += (load.error as f64).powi(2);
    }
    Estimate { amount, error: f64::sqrt(variance).ceil() as u64 }
}

/// The slots that bear most, heaviest first, without those that bear nothing.
pub fn heaviest(loads: &[SlotLoad], most: usize) -> Vec<&SlotLoad> {
    let loads = loads.iter().filter(|load| load.load.amount > 0);
    loads
        .sorted_by_key(|load| (std::cmp::Reverse(load.load.amount), load.slot))
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(keys: u64, sizes: &[u64]) -> Sample {
        Sample { keys, sizes: sizes.to_vec() }
    }

    #[test]
    fn what_was_seen_whole_is_exact() {
        let whole = [sample(3, &[10, 20, 60]), sample(1, &[5]), sample(0, &[])];
        assert_eq!(estimate(&whole), Estimate { amount: 95, error: 0 });
        assert_eq!(estimate(&[sample(100, &[8; 20])]), Estimate { amount: 800, error: 0 });
        assert_eq!(estimate(&[sample(10, &[8])]), Estimate { amount: 80, error: 80 });
        // A key of the sample came after they were counted.
        assert_eq!(estimate(&[sample(1, &[5, 5])]), Estimate { amount: 10, error: 0 });
    }

    /// The stated error holds in about 95 of 100 samples.
    #[test]
    fn the_error_holds() {
        let all: Vec<u64> = (0..2000).map(|n| 50 + (n * 7919) % 1000).collect();
        let truth: u64 = all.iter().sum();
        let (mut random, mut held) = (1u64, 0);
        for _ in 0..500 {
            let mut next = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) as usize % all.len()
            };
            let sizes: Vec<u64> =
                std::iter::repeat_with(&mut next).unique().take(30).map(|at| all[at]).collect();
            let Estimate { amount, error } = estimate(&[Sample { keys: 2000, sizes }]);
            held += usize::from(amount.abs_diff(truth) <= error);
        }
        assert!((460..=495).contains(&held), "{held} of 500");
    }

    #[test]
    fn the_heaviest_come_first() {
        let owner: NodeId = "a".repeat(40).parse().unwrap();
        let load = |slot, amount, error| SlotLoad {
            slot: Slot::new(slot).unwrap(),
            owner,
            stats: SlotStats::default(),
            load: Estimate { amount, error },
        };
        let loads = [load(1, 5, 3), load(2, 0, 0), load(3, 9, 4), load(4, 5, 0)];
        let slots = heaviest(&loads, 3).iter().map(|load| load.slot.get()).collect_vec();
        assert_eq!(slots, [3, 1, 4]);
        assert_eq!(total(&loads), Estimate { amount: 19, error: 5 });
    }

    #[test]
    fn rates_are_a_second() {
        let before = SlotStats { keys: 1, cpu: Some(100), ..SlotStats::default() };
        let now =
            SlotStats { keys: 2, cpu: Some(1100), network_in: Some(3), ..SlotStats::default() };
        let rate = now.rate_since(&before, 2.0);
        assert_eq!((rate.keys, rate.cpu, rate.network_in), (2, Some(500), Some(2)));
        assert_eq!((rate.amount(Measure::Network), rate.amount(Measure::Keys)), (None, Some(2)));
    }
}
