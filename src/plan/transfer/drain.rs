//! Masters that leave the cluster end without slots.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use itertools::Itertools;

use super::facts::Facts;
use super::{Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Goal, moves};

/// Plans that these nodes end without slots, which go to the masters that stay and own the fewest.
/// Nothing moves between those.
///
/// # Errors
/// No master stays, or one that takes part could not: [`TransferError`].
pub fn drain(report: &ClusterReport, leaving: &[NodeId]) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let leaves = facts.masters.iter().map(|node| leaving.contains(&node.id())).collect_vec();
    let open = facts.open(|_, _, target| target.filter(|target| !leaves[*target]))?;
    let mut goal = facts.owned.iter().map(SlotSet::len).collect_vec();
    let stays = |index: &usize| !leaves[*index];
    let owns = |index: &usize| !facts.owned[*index].is_empty();
    let all = (0..goal.len()).filter(stays).collect_vec();
    let owners = all.iter().copied().filter(owns).collect_vec();
    let takers = if owners.is_empty() { all } else { owners };
    let mut fill: BinaryHeap<_> =
        takers.into_iter().map(|index| Reverse((goal[index], index))).collect();
    for source in (0..goal.len()).filter(|index| leaves[*index]) {
        for _ in 0..std::mem::take(&mut goal[source]) {
            let Some(Reverse((slots, index))) = fill.pop() else {
                return Err(TransferError::NoMasters);
            };
            goal[index] = slots + 1;
            fill.push(Reverse((slots + 1, index)));
        }
    }
    let planned =
        moves(&facts.owned, &Goal::Counts(goal), false).map_err(TransferError::Weights)?;
    let steps = planned.moves.into_iter().map(|step| (step.from, step.to, step.slots)).collect();
    facts.transfer(open, steps)
}
