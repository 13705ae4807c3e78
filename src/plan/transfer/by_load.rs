//! Slots move so that the measured load is balanced.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{RebalanceRequest, Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, Slot};
use crate::plan::balance::{Balance, Gaps, balance};
use crate::plan::moves::MovesError;

/// A master before and after the moves.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MasterBalance {
    /// The master.
    pub id: NodeId,
    /// Its weight.
    pub weight: f64,
    /// What it would bear if slots could be divided.
    pub share: f64,
    /// What it bears now, and afterwards.
    pub load: [u64; 2],
    /// How many slots it owns now, and afterwards.
    pub slots: [usize; 2],
}

/// What a plan does to the load.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoadBalance {
    /// Masters with slots before or after.
    pub masters: Vec<MasterBalance>,
    /// Slots heavier than the largest share: what they bear, and their owner afterwards.
    pub heavy: Vec<(Slot, u64, NodeId)>,
    /// The load that moves.
    pub moved: u64,
    /// Whether all masters end within the threshold.
    pub is_within: bool,
    /// Whether no other plan that gets as far moves less load.
    pub is_exact: bool,
}

/// Plans the moves after which no master is further above its share of these loads than the
/// threshold, or as near as whole slots allow; see [`balance`]. Slots that are on their way arrive
/// first; `defrag` does not count.
///
/// # Errors
/// As for [`rebalance`](super::rebalance).
pub fn rebalance_by(
    report: &ClusterReport,
    request: &RebalanceRequest,
    loads: &BTreeMap<Slot, u64>,
    gaps: Gaps,
) -> Result<(Transfer, LoadBalance), TransferError> {
    let mut facts = Facts::read(report)?;
    let open = facts.open(|_, _, target| target)?;
    let weights = facts.weights(request)?;
    let found = balance(&facts.owned, loads, &weights, request.threshold, gaps);
    let found = found.map_err(|error| TransferError::Weights(MovesError::Weights(error)))?;
    let Balance { before, after, shares, heavy, moved, is_within, is_exact, moves, .. } = found;
    let steps = moves.iter().map(|step| (step.from, step.to, step.slots.clone()));
    let transfer = facts.transfer(open, steps.collect())?;
    let count = |at: usize| {
        let before = facts.owned[at].len();
        let sum = |is_mine: &dyn Fn(usize, usize) -> bool| {
            let mine = moves.iter().filter(|step| is_mine(step.from, step.to));
            mine.map(|step| step.slots.len()).sum::<usize>()
        };
        [before, before + sum(&|_, to| to == at) - sum(&|from, _| from == at)]
    };
    let master = |at: usize| MasterBalance {
        id: facts.masters[at].id(),
        weight: weights[at],
        share: shares[at],
        load: [before[at], after[at]],
        slots: count(at),
    };
    let masters = (0..weights.len()).map(master).filter(|master| master.slots != [0, 0]);
    let heavy = heavy.iter().map(|heavy| (heavy.slot, heavy.load, facts.masters[heavy.owner].id()));
    let balance = LoadBalance {
        masters: masters.collect(),
        heavy: heavy.collect(),
        moved,
        is_within,
        is_exact,
    };
    Ok((transfer, balance))
}
