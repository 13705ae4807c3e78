//! Replicas with a say in slots: their claims are taken away, and those at which slots stay open
//! otherwise are reset.

use itertools::Itertools;

use super::Run;
use crate::model::{Link, NodeId, SlotSet};
use crate::ops::event::Tally;
use crate::ops::halt::HaltCause;
use crate::plan::fix::Fix;
use crate::plan::replica_slots::Clearing;

/// What replicas claim.
pub(super) fn claims(plan: &Fix) -> impl Iterator<Item = (NodeId, SlotSet)> {
    let claims = plan.replicas.iter().map(|found| (found.node, found.claims.clone()));
    claims.filter(|(_, slots)| !slots.is_empty())
}

/// Slots that are open at replicas, with the masters that pass on that they are not.
pub(super) fn passed_on(plan: &Fix) -> impl Iterator<Item = (NodeId, SlotSet)> {
    let passed_on = plan.replicas.iter().filter(|found| found.clearing == Clearing::Master);
    let passed_on = passed_on.map(|found| (found.master, found.open.clone()));
    passed_on.filter(|(_, slots)| !slots.is_empty())
}

impl Run<'_> {
    /// Resets replicas, each only while it is in sync with a master that answers: a reset deletes its
    /// copy of the data.
    pub(super) fn reset_replicas(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let masters = self.plan.replicas.iter().filter(|found| found.resets());
        let work = masters.map(|found| (found.node, found.master)).collect_vec();
        tally.expect(work.len());
        self.all(&work, tally, |server, master| {
            let now = server.report()?;
            let is_in_sync = now.link == Some(Link::Up);
            match now.view.me().role.master() == Some(*master) && is_in_sync {
                true => server.reset(false),
                false => Ok(()),
            }
        })
    }
}
