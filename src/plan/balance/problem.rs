//! One problem of balance: slots with load, who owns them, what each master should bear.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::shares::{Item, Shares, shares};
use crate::model::{Slot, SlotSet};

/// No sum of so much for each of 16,384 slots overflows.
const MOST: u64 = u64::MAX >> 15;

/// A gain of less is none, where masters without slots take part.
const LEAST_GAIN: f64 = 0.001;

/// Room for rounding.
const ROUNDING: f64 = 1e-9;

/// How good a distribution is: less is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Cost {
    /// The largest load of a master, relative to its share; no less than what is aimed at.
    pub level: f64,
    pub moved: u64,
    pub count: usize,
}

#[derive(Debug)]
pub(super) struct Problem<'a> {
    loads: &'a BTreeMap<Slot, u64>,
    pub slots: Vec<Slot>,
    /// Heaviest first; none without load.
    pub items: Vec<Item>,
    pub shares: Vec<f64>,
    /// The master of each item that stays alone.
    pub alone: Vec<Option<usize>>,
    /// What a master may bear relative to its share.
    pub aim: f64,
    threshold: f64,
    has_leavers: bool,
    has_new: bool,
}

impl<'a> Problem<'a> {
    pub fn new(
        owned: &[SlotSet],
        loads: &'a BTreeMap<Slot, u64>,
        weights: &[f64],
        threshold: f64,
    ) -> Problem<'a> {
        let all = owned.iter().enumerate().flat_map(|(owner, slots)| {
            slots.slots().map(move |slot| (slot, Item { load: load(loads, slot), owner }))
        });
        let all = all.filter(|(_, item)| item.load > 0);
        let all = all.sorted_by_key(|(slot, item)| (std::cmp::Reverse(item.load), *slot));
        let (slots, items): (Vec<_>, Vec<_>) = all.unzip();
        let Shares { shares, alone: found } = shares(&items, weights);
        let mut alone = vec![None; items.len()];
        found.iter().for_each(|&(item, master)| alone[item] = Some(master));
        let is_new = |at: usize| owned[at].is_empty() && weights[at] > 0.0;
        let new: f64 = (0..owned.len()).filter(|&at| is_new(at)).map(|at| shares[at]).sum();
        let old = shares.iter().sum::<f64>() - new;
        // Masters that may all stay above their shares leave nothing for those without slots.
        let part = if new > 0.0 { (new / old).min(1.0) } else { 1.0 };
        let aim = 1.0 + threshold / 2.0 * part;
        let has_leavers = items.iter().any(|item| weights[item.owner] == 0.0);
        let has_new = new > 0.0;
        Problem { loads, slots, items, shares, alone, aim, threshold, has_leavers, has_new }
    }

    /// What these slots bear together.
    pub fn load(&self, slots: &SlotSet) -> u64 {
        slots.slots().map(|slot| load(self.loads, slot)).sum()
    }

    pub fn items(&self) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.slots.iter().zip(&self.items).map(|(slot, item)| (*slot, item.load))
    }

    /// The owner of each item now.
    pub fn owners(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.owner).collect()
    }

    /// What each master bears.
    pub fn sums(&self, owners: &[usize]) -> Vec<u64> {
        let mut sums = vec![0; self.shares.len()];
        self.items.iter().zip(owners).for_each(|(item, owner)| sums[*owner] += item.load);
        sums
    }

    /// What a master bears relative to its share.
    pub fn level_of(&self, master: usize, sum: u64) -> f64 {
        if sum == 0 { 0.0 } else { sum as f64 / self.shares[master] }
    }

    fn level(&self, owners: &[usize]) -> f64 {
        let sums = self.sums(owners).into_iter().enumerate();
        sums.map(|(master, sum)| self.level_of(master, sum)).fold(0.0, f64::max)
    }

    pub fn cost(&self, owners: &[usize]) -> Cost {
        let moved = self.items.iter().zip(owners).filter(|(item, owner)| item.owner != **owner);
        let (count, moved) =
            moved.fold((0, 0), |(count, sum), (item, _)| (count + 1, sum + item.load));
        Cost { level: self.level(owners).max(self.aim), moved, count }
    }

    /// Whether a master is above the threshold, has to end without slots, or has none yet.
    pub fn has_to_change(&self) -> bool {
        !self.items.is_empty() && (self.has_leavers || self.has_new || !self.is_within())
    }

    pub fn is_within(&self) -> bool {
        self.is_within_at(self.level(&self.owners()))
    }

    fn is_within_at(&self, level: f64) -> bool {
        level <= 1.0 + self.threshold + ROUNDING
    }

    /// Whether these owners are enough of a gain over those now.
    pub fn is_worth_it(&self, owners: &[usize]) -> bool {
        let before = self.owners();
        if before == owners {
            return false;
        }
        let (level, gain) = (self.level(owners), self.level(&before) - self.level(owners));
        let is_off = !self.is_within_at(self.level(&before));
        self.has_leavers
            || (self.has_new && gain > LEAST_GAIN)
            || (is_off && (self.is_within_at(level) || gain > self.threshold.max(LEAST_GAIN)))
    }

    pub fn owned_after(&self, owned: &[SlotSet], owners: &[usize]) -> Vec<SlotSet> {
        let mut gained = vec![Vec::new(); owned.len()];
        let mut given = vec![Vec::new(); owned.len()];
        for ((slot, item), owner) in self.slots.iter().zip(&self.items).zip(owners) {
            if item.owner != *owner {
                given[item.owner].push(*slot);
                gained[*owner].push(*slot);
            }
        }
        let moved = owned.iter().zip(given).zip(gained);
        moved
            .map(|((owned, given), gained)| {
                owned.difference(&given.into_iter().collect()).union(&gained.into_iter().collect())
            })
            .collect()
    }
}

fn load(loads: &BTreeMap<Slot, u64>, slot: Slot) -> u64 {
    loads.get(&slot).copied().unwrap_or(0).min(MOST)
}
