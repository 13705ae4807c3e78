//! Which slots go where, so that masters own what a file declares.

use itertools::Itertools;

use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Goal, Move, MovesError, moves};
use crate::plan::transfer::{self, Transfer, TransferError};

/// What masters are to own.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotGoal {
    Exact(Vec<SlotSet>),
    /// Shares, each within one slot of exact, by the fewest moves.
    Weights(Vec<f64>),
}

impl SlotGoal {
    /// The moves between masters that own this now; further ones are to end without slots.
    pub(super) fn moves(&self, owned: &[SlotSet]) -> Result<Vec<Move>, MovesError> {
        match self {
            SlotGoal::Weights(weights) => {
                let mut weights = weights.clone();
                weights.resize(owned.len(), 0.0);
                Ok(moves(owned, &Goal::Weights(weights), false)?.moves)
            }
            SlotGoal::Exact(wanted) => {
                let pairs = (0..owned.len()).cartesian_product(0..wanted.len());
                let pairs = pairs.filter(|(from, to)| from != to);
                let steps = pairs.map(|(from, to)| Move {
                    from,
                    to,
                    slots: owned[from].intersection(&wanted[to]),
                });
                Ok(steps.filter(|step| !step.slots.is_empty()).collect())
            }
        }
    }
}

/// Plans that `masters` own what `goal` says, which is in their order; masters of `emptied` end without
/// slots. What others own is left alone.
pub fn arrange(
    report: &ClusterReport,
    masters: &[NodeId],
    emptied: &[NodeId],
    goal: &SlotGoal,
) -> Result<Transfer, TransferError> {
    let all = masters.iter().chain(emptied).copied().collect_vec();
    transfer::between(report, &all, |owned| goal.moves(owned))
}
