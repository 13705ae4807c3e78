//! Which slots move from which master to which, so that every master owns its share.
//!
//! In this order: the fewest slots move; then few ranges are left; then few pairs of a source and
//! a target take part. The first is the provable minimum. The other two are hard to minimise (a
//! choice of ranges that fills a share exactly is a subset sum), so they are found by rules with
//! a bound: with `s` sources and `t` targets there are at most `s + t - 1` ranges more than
//! before.

mod defrag;
mod runs;

use std::collections::BTreeMap;

use super::slots::{Quotas, WeightError};
use crate::model::{SLOTS, Slot, SlotSet};
use runs::Runs;

/// What every master should own, in the order of the masters.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// Shares in proportion to these, each within one slot of exact. Which of them are rounded up
    /// is chosen so that the fewest slots move.
    Weights(Vec<f64>),
    /// Exactly so many slots; their sum is the number of slots that have an owner.
    Counts(Vec<usize>),
}

/// Slots that move from one master to another; masters by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The owner now.
    pub from: usize,
    /// The owner afterwards.
    pub to: usize,
    /// The slots, at least one.
    pub slots: SlotSet,
}

/// Moves, at most one for each pair of masters, and their totals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moves {
    /// The moves, by source and target.
    pub moves: Vec<Move>,
    /// How many slots move.
    pub moved: usize,
    /// The fewest that have to move for this goal; `defrag` moves more.
    pub least: usize,
    /// Ranges of slots over all masters, before the moves.
    pub ranges_before: usize,
    /// The same after the moves.
    pub ranges_after: usize,
    /// Slots without an owner; they are left alone, and shares are of the others.
    pub unowned: SlotSet,
}

/// Why there are no moves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MovesError {
    /// The weights are not numbers to share by.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The goal does not have one entry per master.
    #[error("{goals} shares do not fit {masters} masters")]
    Lengths {
        /// How many masters there are.
        masters: usize,
        /// How many entries the goal has.
        goals: usize,
    },
    /// The counts of the goal are not as many slots as have owners.
    #[error("the shares add up to {asked} slots, the masters own {owned}")]
    Sum {
        /// The sum of the counts.
        asked: usize,
        /// How many slots have owners.
        owned: usize,
    },
    /// The ownership contradicts itself.
    #[error("slot {slot} is owned by two masters, {first} and {second}")]
    Overlap {
        /// The first such slot.
        slot: Slot,
        /// One owner, by index.
        first: usize,
        /// The other owner.
        second: usize,
    },
}

/// Plans the moves from `current` ownership to the goal.
///
/// With `defrag` every master ends with one range (more only if unowned slots split it), at the
/// price of more moves.
///
/// ```
/// use rcluster::model::SlotSet;
/// use rcluster::plan::moves::{Goal, moves};
///
/// let all = SlotSet::all();
/// let plan = moves(&[all, SlotSet::EMPTY], &Goal::Weights(vec![3.0, 1.0]), false)?;
/// assert_eq!((plan.moved, plan.moves[0].from, plan.moves[0].to), (4096, 0, 1));
/// # Ok::<(), rcluster::plan::moves::MovesError>(())
/// ```
///
/// # Errors
/// The goal does not fit the masters, or two of them own a slot.
pub fn moves(current: &[SlotSet], goal: &Goal, defrag: bool) -> Result<Moves, MovesError> {
    let before = owners(current)?;
    let sizes: Vec<usize> = current.iter().map(SlotSet::len).collect();
    let targets = targets(&sizes, goal)?;
    let after = if defrag {
        defrag::whole_ranges(&before, &targets)
    } else {
        Runs::new(&before, &sizes, &targets).settle()
    };
    let least = sizes.iter().zip(&targets).map(|(size, target)| size.saturating_sub(*target)).sum();
    Ok(report(&before, &after, least))
}

/// The owner of each slot.
fn owners(current: &[SlotSet]) -> Result<Vec<Option<usize>>, MovesError> {
    let mut owners = vec![None; SLOTS as usize];
    for (second, slots) in current.iter().enumerate() {
        for slot in slots.slots() {
            if let Some(first) = owners[slot.get() as usize].replace(second) {
                return Err(MovesError::Overlap { slot, first, second });
            }
        }
    }
    Ok(owners)
}

/// How many slots each master is to own.
///
/// A share that is no whole number is rounded up or down. A master that owns more than its share
/// rounded down keeps one slot more where it is rounded up, any other gains nothing by it: so the
/// former come first, and no other choice moves fewer slots.
fn targets(sizes: &[usize], goal: &Goal) -> Result<Vec<usize>, MovesError> {
    let owned: usize = sizes.iter().sum();
    let goals = match goal {
        Goal::Weights(weights) => weights.len(),
        Goal::Counts(counts) => counts.len(),
    };
    if goals != sizes.len() {
        return Err(MovesError::Lengths { masters: sizes.len(), goals });
    }
    match goal {
        Goal::Counts(counts) => {
            let asked = counts.iter().fold(0, |sum: usize, &count| sum.saturating_add(count));
            if asked == owned { Ok(counts.clone()) } else { Err(MovesError::Sum { asked, owned }) }
        }
        Goal::Weights(weights) => {
            let Quotas { floors: mut targets, remainders } = Quotas::new(owned, weights)?;
            let mut up: Vec<usize> = (0..goals).filter(|&i| remainders[i] > 0).collect();
            up.sort_by_key(|&i| std::cmp::Reverse((sizes[i] > targets[i], remainders[i])));
            let left = owned - targets.iter().sum::<usize>();
            up.into_iter().take(left).for_each(|i| targets[i] += 1);
            Ok(targets)
        }
    }
}

fn report(before: &[Option<usize>], after: &[Option<usize>], least: usize) -> Moves {
    let mut pairs: BTreeMap<(usize, usize), Vec<Slot>> = BTreeMap::new();
    let mut unowned = Vec::new();
    let slots = (0..SLOTS).filter_map(Slot::new);
    for (slot, (&from, &to)) in slots.zip(before.iter().zip(after)) {
        match (from, to) {
            (Some(from), Some(to)) if from != to => pairs.entry((from, to)).or_default().push(slot),
            (None, _) => unowned.push(slot),
            _ => {}
        }
    }
    Moves {
        moved: pairs.values().map(Vec::len).sum(),
        least,
        ranges_before: ranges(before),
        ranges_after: ranges(after),
        unowned: unowned.into_iter().collect(),
        moves: pairs
            .into_iter()
            .map(|((from, to), slots)| Move { from, to, slots: slots.into_iter().collect() })
            .collect(),
    }
}

/// How many ranges the masters own together.
fn ranges(owners: &[Option<usize>]) -> usize {
    let starts = owners.windows(2).filter(|pair| pair[1].is_some() && pair[0] != pair[1]).count();
    starts + usize::from(owners.first().is_some_and(Option::is_some))
}

#[cfg(test)]
mod tests;
