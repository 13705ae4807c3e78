//! Slots move from masters that own more than their share to those that own less.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::facts::Facts;
use super::{Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Goal, moves};

/// What the user asks of a rebalance.
#[derive(Clone, Debug, PartialEq)]
pub struct RebalanceRequest {
    /// What a master should own, relative to 1 for any that is not named; 0 leaves it without
    /// slots.
    pub weights: BTreeMap<NodeId, f64>,
    /// Whether masters without slots get some if they are not named.
    pub use_empty: bool,
    /// Nothing moves if no master is further than this from its share, in percent of the share.
    pub threshold: f64,
    /// One range of slots per master, at the price of more moves.
    pub defrag: bool,
}

/// Plans the moves after which every master owns its share: the fewest, unless `defrag` is set.
///
/// ```
/// use rcluster::model::{ClusterReport, ClusterView};
/// use rcluster::plan::transfer::{RebalanceRequest, rebalance};
///
/// let reply = "\
/// 07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383
/// 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7001@17001 master - 0 1426238316232 2 connected
/// ";
/// let cluster = ClusterReport::of_view(&ClusterView::parse(reply, &"10.0.0.1:7001".parse()?)?);
/// let weights = Default::default();
/// let request = RebalanceRequest { weights, use_empty: true, threshold: 2.0, defrag: false };
/// let plan = rebalance(&cluster, &request)?;
///
/// assert_eq!((plan.slots(), plan.routes.len()), (8192, 1));
/// assert_eq!(plan.routes[0].from, cluster.entry().id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No master owns slots, a named node is not a master that replied, or one that takes part could
/// not: [`TransferError`].
pub fn rebalance(
    report: &ClusterReport,
    request: &RebalanceRequest,
) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let open = facts.open(|_, _, target| target)?;
    let weights = facts.weights(request)?;
    let planned = moves(&facts.owned, &Goal::Weights(weights.clone()), request.defrag)
        .map_err(TransferError::Weights)?;
    let is_off = request.defrag || facts.is_off(&weights, request.threshold);
    let routes = planned.moves.into_iter().filter(|_| is_off);
    let routes = routes.map(|step| (step.from, step.to, step.slots)).collect();
    facts.transfer(open, routes)
}

impl Facts<'_> {
    /// The weight of each master.
    ///
    /// # Errors
    /// A named node is not a master that replied, or no master owns slots.
    pub fn weights(&self, request: &RebalanceRequest) -> Result<Vec<f64>, TransferError> {
        for id in request.weights.keys() {
            self.master(*id)?;
        }
        let weight = |index: usize| {
            let named = request.weights.get(&self.masters[index].id()).copied();
            let takes_part = request.use_empty || !self.owned[index].is_empty();
            named.unwrap_or(if takes_part { 1.0 } else { 0.0 })
        };
        if self.owned.iter().all(SlotSet::is_empty) {
            return Err(TransferError::NoMasters);
        }
        Ok((0..self.masters.len()).map(weight).collect_vec())
    }

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
