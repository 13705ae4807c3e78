//! Slots go from masters that have more than their share to those that have less.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::facts::Facts;
use super::{Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Goal, moves};

/// What a rebalance is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RebalanceRequest {
    /// What a master should own, against 1 for any that is not named.
    pub weights: BTreeMap<NodeId, f64>,
    /// Whether masters without slots get some, although they are not named.
    pub use_empty: bool,
    /// Nothing moves while no master is further than this from its share, in percent.
    pub threshold: f64,
    /// One range a master, at the price of more moves.
    pub defrag: bool,
}

/// Plans the moves after which every master owns its share.
pub fn rebalance(
    report: &ClusterReport,
    request: &RebalanceRequest,
) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    for id in request.weights.keys() {
        facts.master(*id)?;
    }
    let open = facts.open(|_, _, target| target)?;
    let weight = |index: usize| {
        let named = request.weights.get(&facts.masters[index].id()).copied();
        let takes_part = request.use_empty || !facts.owned[index].is_empty();
        named.unwrap_or(if takes_part { 1.0 } else { 0.0 })
    };
    let weights = (0..facts.masters.len()).map(weight).collect_vec();
    if facts.owned.iter().all(SlotSet::is_empty) {
        return Err(TransferError::NoMasters);
    }
    let planned = moves(&facts.owned, &Goal::Weights(weights.clone()), request.defrag)
        .map_err(TransferError::Weights)?;
    let is_off = request.defrag || facts.is_off(&weights, request.threshold);
    let routes = planned.moves.into_iter().filter(|_| is_off);
    let routes = routes.map(|step| (step.from, step.to, step.slots)).collect();
    facts.transfer(open, routes)
}

impl Facts<'_> {
    /// Whether any master is further from its share than `threshold` percent.
    fn is_off(&self, weights: &[f64], threshold: f64) -> bool {
        let total: f64 = weights.iter().sum();
        let owned: usize = self.owned.iter().map(SlotSet::len).sum();
        self.owned.iter().zip(weights).any(|(slots, weight)| {
            let (have, share) = (slots.len() as f64, owned as f64 * weight / total);
            // A share is no whole number: one slot off is as near as can be.
            (have - share).abs() >= 1.0 && (have - share).abs() > share * threshold / 100.0
        })
    }
}
