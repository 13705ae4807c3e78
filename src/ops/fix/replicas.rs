//! Replicas with a say in slots: their claims are taken away, and those at which slots stay open
//! otherwise are reset.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::run::FixRun;
use crate::model::{Link, NodeId, SlotSet};
use crate::ops::abort::AbortCause;
use crate::ops::event::Tally;
use crate::plan::fix::FixPlan;
use crate::plan::replica_slots::Clearing;
use crate::wire::all_at_once;

/// What replicas claim.
pub(super) fn claims(plan: &FixPlan) -> impl Iterator<Item = (NodeId, SlotSet)> {
    let claims = plan.replicas.iter().map(|found| (found.node, found.claims.clone()));
    claims.filter(|(_, slots)| !slots.is_empty())
}

/// Slots that are open at replicas, with the masters that pass on that they are not.
pub(super) fn passed_on(plan: &FixPlan) -> impl Iterator<Item = (NodeId, SlotSet)> {
    let passed_on = plan.replicas.iter().filter(|found| found.clearing == Clearing::Master);
    let passed_on = passed_on.map(|found| (found.master, found.open.clone()));
    passed_on.filter(|(_, slots)| !slots.is_empty())
}

impl FixRun<'_> {
    /// Resets replicas, each only while its master answers and has the data, and it is in sync: a reset
    /// deletes its copy.
    pub(super) fn reset_replicas(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let found = self.plan.replicas.iter().filter(|found| found.resets());
        let work = found.map(|found| (found.node, found.master)).collect_vec();
        tally.expect(work.len());
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let asked = nodes.filter(|(node, _)| work.iter().any(|(_, master)| *master == node.id()));
        let masters = all_at_once(asked, |(_, server)| server.report());
        let masters = masters.into_iter().flatten().filter(|node| node.view.me().is_master());
        let held: BTreeMap<NodeId, u64> = masters.map(|node| (node.id(), node.keys)).collect();
        self.all(&work, tally, |server, master| {
            let now = server.report()?;
            let follows = now.view.me().role.master() == Some(*master);
            let is_copied = held.get(master).is_some_and(|keys| *keys > 0 || now.keys == 0);
            match follows && is_copied && now.link == Some(Link::Up) {
                true => server.reset(false),
                false => Ok(()),
            }
        })
    }
}
