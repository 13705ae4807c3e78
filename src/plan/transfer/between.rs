//! Moves between some masters, by a plan that is given what each of them owns.

use itertools::Itertools;

use super::facts::Facts;
use super::{Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::plan::moves::{Move, MovesError};

/// Plans moves between these masters; what others own stays there. Slots that are on their way arrive
/// first.
pub fn between(
    report: &ClusterReport,
    masters: &[NodeId],
    plan: impl FnOnce(&[SlotSet]) -> Result<Vec<Move>, MovesError>,
) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let indices: Vec<usize> = masters.iter().map(|id| facts.master(*id)).try_collect()?;
    // Where the target has gone meanwhile, any of them takes its place: what follows moves it on.
    let open = facts.open(|_, source, target| {
        target.or_else(|| indices.iter().copied().find(|index| *index != source))
    })?;
    let owned = indices.iter().map(|&index| facts.owned[index].clone()).collect_vec();
    let steps = plan(&owned).map_err(TransferError::Weights)?;
    // Who gives all its slots away is empty for a moment, whatever comes: it has to stay a master.
    let left = |at: usize| {
        let given = steps.iter().filter(|step| step.from == at);
        given.fold(owned[at].clone(), |left, step| left.difference(&step.slots))
    };
    let gives_all = |at: &usize| !owned[*at].is_empty() && left(*at).is_empty();
    let emptied = (0..owned.len()).filter(gives_all).map(|at| masters[at]).collect_vec();
    let steps = steps.into_iter().map(|step| (indices[step.from], indices[step.to], step.slots));
    let mut transfer = facts.transfer(open, steps.collect())?;
    transfer.emptied = transfer.emptied.into_iter().chain(emptied).unique().collect();
    Ok(transfer)
}
