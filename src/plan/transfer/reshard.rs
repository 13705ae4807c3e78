//! A number of slots, these slots, or all slots of a master, to one master.

use std::cmp::Reverse;

use itertools::Itertools;

use super::facts::{Facts, Step};
use super::{Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Goal, moves};
use crate::plan::slots::Quotas;

/// What the user asks of a reshard. Nodes should be masters: [`reshard`] checks that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReshardRequest {
    /// A number of slots, from each source in proportion to what it owns.
    Count {
        /// How many.
        count: usize,
        /// The sources; `None` means all other masters.
        from: Option<Vec<NodeId>>,
        /// The target.
        to: NodeId,
    },
    /// These slots, from their owners.
    Slots {
        /// The slots.
        slots: SlotSet,
        /// The target.
        to: NodeId,
    },
    /// All slots of one master.
    All {
        /// The source.
        from: NodeId,
        /// The target.
        to: NodeId,
    },
}

impl ReshardRequest {
    fn to(&self) -> NodeId {
        match self {
            ReshardRequest::Count { to, .. }
            | ReshardRequest::Slots { to, .. }
            | ReshardRequest::All { to, .. } => *to,
        }
    }
}

/// Plans the move of slots to one master.
///
/// # Errors
/// The request does not fit the cluster, or a master that takes part could not: [`TransferError`].
pub fn reshard(
    report: &ClusterReport,
    request: &ReshardRequest,
) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let to = facts.master(request.to())?;
    let from: Option<Vec<usize>> = match request {
        ReshardRequest::Count { from: Some(from), .. } => {
            Some(from.iter().map(|id| facts.master(*id)).try_collect()?)
        }
        ReshardRequest::All { from, .. } => Some(vec![facts.master(*from)?]),
        _ => None,
    };
    if from.iter().flatten().contains(&to) {
        return Err(TransferError::ToItself(facts.name(to)));
    }
    let takes_from = |index: usize| from.as_ref().is_none_or(|from| from.contains(&index));
    let open = facts.open(|slot, source, target| {
        let asked = match request {
            ReshardRequest::Slots { slots, .. } => slots.contains(slot),
            _ => takes_from(source),
        };
        // Where the target has gone meanwhile, this one takes its place.
        (asked && source != to && target.is_none_or(|target| target == to)).then_some(to)
    })?;
    let done: usize = open.finish.iter().map(|route| route.slots.len()).sum();
    let routes = match request {
        ReshardRequest::Slots { slots, .. } => facts.of_slots(slots, to)?,
        ReshardRequest::All { .. } => {
            let from = from.iter().flatten().next().copied();
            from.into_iter().map(|from| (from, to, facts.owned[from].clone())).collect()
        }
        ReshardRequest::Count { count, .. } => {
            let sources = (0..facts.masters.len()).filter(|&i| i != to && takes_from(i));
            facts.of_count(count.saturating_sub(done), &sources.collect_vec(), to)?
        }
    };
    facts.transfer(open, routes)
}

impl Facts<'_> {
    fn of_slots(&self, slots: &SlotSet, to: usize) -> Result<Vec<Step>, TransferError> {
        let unowned = self.owned.iter().fold(slots.clone(), |left, owned| left.difference(owned));
        if !unowned.is_empty() {
            return Err(TransferError::Unowned { slots: unowned });
        }
        let others = (0..self.owned.len()).filter(|&index| index != to);
        let steps = others.map(|from| (from, to, self.owned[from].intersection(slots)));
        Ok(steps.filter(|(.., slots)| !slots.is_empty()).collect())
    }

    /// So many slots from all the sources, from each in proportion to what it owns, in as few
    /// ranges as can be.
    fn of_count(
        &self,
        count: usize,
        sources: &[usize],
        to: usize,
    ) -> Result<Vec<Step>, TransferError> {
        let owned: usize = sources.iter().map(|&source| self.owned[source].len()).sum();
        if count > owned {
            let from = sources.iter().map(|&source| self.name(source)).join(", ");
            return Err(TransferError::TooMany { asked: count, owned, from });
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let sizes = sources.iter().map(|&source| self.owned[source].len() as f64).collect_vec();
        let Quotas { floors: mut shares, remainders } =
            Quotas::new(count, &sizes).map_err(|error| TransferError::Weights(error.into()))?;
        let left = count - shares.iter().sum::<usize>();
        let order = (0..shares.len()).sorted_by_key(|&i| Reverse(remainders[i]));
        order.take(left).for_each(|index| shares[index] += 1);
        let mut goal = self.owned.iter().map(SlotSet::len).collect_vec();
        goal[to] += count;
        sources.iter().zip(shares).for_each(|(&source, share)| goal[source] -= share);
        let planned =
            moves(&self.owned, &Goal::Counts(goal), false).map_err(TransferError::Weights)?;
        Ok(planned.moves.into_iter().map(|step| (step.from, step.to, step.slots)).collect())
    }
}
