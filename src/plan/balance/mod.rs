//! Which slots move so that the measured load of masters is balanced: keys, memory, CPU time or network
//! traffic.
//!
//! Slots bear different loads, so this is bin packing and not arithmetic. In this order:
//!
//! 1. No master bears more than half the threshold above its share; where slots are too heavy for
//!    that, the most loaded master bears as little as can be.
//! 2. The least load moves, then the fewest slots.
//!
//! Small inputs are searched to the end (`exact`), and so is any other whose first answer proves to
//! be the least. For all others (`fill`): no master ends above both that level and its share plus
//! the load of the heaviest slot that is not alone, and each master gives less than one slot's load
//! more than it is above the level that was reached.
//!
//! Slots without load stay where they are, unless they lie between others that move: ranges stay few
//! then. CPU time and network traffic are another thing: a slot without any may hold many keys.
//!
//! A slot heavier than a share is left alone on its master, and the others share the rest
//! (`shares`).
//!
//! A plan is made where a master is above the threshold, and only if it gets all masters within it or
//! the most loaded one down by more than it. So the next run, which measures almost the same, moves
//! nothing.

mod exact;
mod fill;
mod problem;
mod shares;

use std::collections::BTreeMap;

use itertools::Itertools;

use super::moves::Move;
use super::slots::WeightError;
use crate::model::{Slot, SlotRange, SlotSet};
use problem::Problem;

/// What becomes of slots without load between others that move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// They move along.
    Move,
    /// They stay.
    Stay,
}

/// A slot heavier than the largest share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeavySlot {
    /// The slot.
    pub slot: Slot,
    /// What it bears.
    pub load: u64,
    /// Its owner after the moves, by index.
    pub owner: usize,
}

/// Moves, and the load of every master before and after them; masters by index.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Balance {
    /// The moves, by source and target.
    pub moves: Vec<Move>,
    /// What each master bears.
    pub before: Vec<u64>,
    /// The same after the moves.
    pub after: Vec<u64>,
    /// What each would bear if slots could be divided.
    pub shares: Vec<f64>,
    /// Slots heavier than the largest of these shares.
    pub heavy: Vec<HeavySlot>,
    /// The load that moves.
    pub moved: u64,
    /// Whether all masters end within the threshold.
    pub is_within: bool,
    /// Whether no other plan is better: one that gets as far moves no less load.
    pub is_exact: bool,
}

/// Plans the moves that balance these loads; a slot that is not in them bears nothing.
///
/// A master of weight 0 ends without slots. One that has none and a weight above 0 gets its share.
///
/// ```
/// use std::collections::BTreeMap;
/// use rcluster::model::{Slot, SlotRange, SlotSet};
/// use rcluster::plan::balance::{Gaps, balance};
///
/// let owned = ["0-8191", "8192-16383"].map(|range| range.parse::<SlotRange>().map(SlotSet::from));
/// let [one, other] = owned;
/// let loads = [(1, 500), (2, 300), (9000, 200)];
/// let loads: BTreeMap<Slot, u64> =
///     loads.into_iter().filter_map(|(slot, load)| Some((Slot::new(slot)?, load))).collect();
/// let plan = balance(&[one?, other?], &loads, &[1.0, 1.0], 2.0, Gaps::Move)?;
/// assert_eq!((plan.before, plan.after), (vec![800, 200], vec![500, 500]));
/// assert_eq!((plan.moves[0].slots.to_string(), plan.is_exact), ("2".to_owned(), true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A weight is no number from 0 up, or none is above 0.
pub fn balance(
    owned: &[SlotSet],
    loads: &BTreeMap<Slot, u64>,
    weights: &[f64],
    threshold: f64,
    gaps: Gaps,
) -> Result<Balance, WeightError> {
    super::slots::shares(weights)?;
    let threshold = threshold / 100.0;
    let mut now = owned.to_vec();
    let first = Problem::new(owned, loads, weights, threshold);
    let mut is_exact = true;
    // What was found may be bettered from there, until it is not: so a second run moves nothing. Each
    // time the most loaded master bears less.
    loop {
        let problem = Problem::new(&now, loads, weights, threshold);
        if !problem.has_to_change() {
            break;
        }
        let is_first = now == owned;
        let (found, is_best) = exact::improve(&problem, fill::fill(&problem));
        let is_worth_it = problem.is_worth_it(&found);
        if is_first || is_worth_it {
            is_exact = is_best && is_first;
        }
        if !is_worth_it {
            break;
        }
        now = problem.owned_after(&now, &found);
    }
    let now = without_leavers(&now, weights);
    let now = if gaps == Gaps::Move { without_gaps(owned, now, loads) } else { now };
    let sums = |owned: &[SlotSet]| owned.iter().map(|slots| first.load(slots)).collect_vec();
    let (before, after) = (sums(owned), sums(&now));
    let total: u64 = before.iter().sum();
    let weight: f64 = weights.iter().sum();
    let shares = weights.iter().map(|own| total as f64 * own / weight).collect_vec();
    let largest = shares.iter().copied().fold(0.0, f64::max);
    let moves = differences(owned, &now);
    let heavy =
        first.items().filter(|(_, load)| *load as f64 > largest).filter_map(|(slot, load)| {
            let owner = now.iter().position(|slots| slots.contains(slot))?;
            Some(HeavySlot { slot, load, owner })
        });
    Ok(Balance {
        heavy: heavy.collect(),
        moved: moves.iter().map(|step| first.load(&step.slots)).sum(),
        is_within: Problem::new(&now, loads, weights, threshold).is_within(),
        moves,
        before,
        after,
        shares,
        is_exact,
    })
}

/// Slots without load that masters of weight 0 still own go to the others, in whole pieces, first to
/// those that own the fewest.
fn without_leavers(owned: &[SlotSet], weights: &[f64]) -> Vec<SlotSet> {
    let mut after = owned.to_vec();
    let stays = (0..owned.len()).filter(|&at| weights[at] > 0.0);
    let fewest = |&at: &usize| (owned[at].len() as f64 / weights[at], at);
    let takers = stays.sorted_by(|a, b| fewest(a).partial_cmp(&fewest(b)).unwrap_or(a.cmp(b)));
    let takers = takers.collect_vec();
    for leaver in (0..owned.len()).filter(|&at| weights[at] == 0.0) {
        let left: Vec<Slot> = std::mem::take(&mut after[leaver]).slots().collect();
        let pieces = left.chunks(left.len().div_ceil(takers.len().max(1)).max(1));
        for (piece, &taker) in pieces.zip(&takers) {
            after[taker] = after[taker].union(&piece.iter().copied().collect());
        }
    }
    after
}

/// A slot without load goes where the slots with load on both sides go, if those have one owner now.
fn without_gaps(
    before: &[SlotSet],
    mut after: Vec<SlotSet>,
    loads: &BTreeMap<Slot, u64>,
) -> Vec<SlotSet> {
    let owners = owners(&after);
    let has_load = |slot: &Slot| loads.get(slot).is_some_and(|load| *load > 0);
    for (from, owned) in before.iter().enumerate() {
        let pairs = owned
            .ranges()
            .iter()
            .flat_map(|range| range.slots().filter(has_load).tuple_windows::<(Slot, Slot)>());
        let to = |slot: &Slot| owners.get(slot).copied().filter(|to| *to != from);
        let gaps = pairs.filter_map(|(one, other)| {
            let between = SlotRange::half_open(one.get() + 1, other.get())?;
            Some((to(&one).filter(|_| to(&one) == to(&other))?, between))
        });
        for (to, gaps) in gaps.into_group_map() {
            let gaps: SlotSet = gaps.into_iter().collect();
            after[from] = after[from].difference(&gaps);
            after[to] = after[to].union(&gaps);
        }
    }
    after
}

fn owners(owned: &[SlotSet]) -> BTreeMap<Slot, usize> {
    let owners = owned.iter().enumerate();
    owners.flat_map(|(at, slots)| slots.slots().map(move |slot| (slot, at))).collect()
}

fn differences(before: &[SlotSet], after: &[SlotSet]) -> Vec<Move> {
    let owners = owners(after);
    let mut pairs: BTreeMap<(usize, usize), Vec<Slot>> = BTreeMap::new();
    for (from, slots) in before.iter().enumerate() {
        for slot in slots.slots() {
            if let Some(&to) = owners.get(&slot).filter(|to| **to != from) {
                pairs.entry((from, to)).or_default().push(slot);
            }
        }
    }
    let moves = pairs.into_iter();
    moves.map(|((from, to), slots)| Move { from, to, slots: slots.into_iter().collect() }).collect()
}

#[cfg(test)]
mod tests;
