//! Replicas that join their cluster anew, under the ids that they have.

use std::collections::BTreeMap;

use crate::model::{ClusterReport, NodeId, NodeReport, Role};
use crate::plan::formation::{Step, TopologyPlan};
use crate::plan::meet::{self, MeetError};
use crate::plan::replica_slots::ReplicaSlots;

/// Who joins anew, and as whose replica.
pub(super) fn rejoins(
    report: &ClusterReport,
    replicas: &[ReplicaSlots],
) -> BTreeMap<NodeId, NodeId> {
    let reset = replicas.iter().filter(|found| found.resets());
    let reset = reset.map(|found| (found.node, found.master));
    let former = report.nodes.iter().filter_map(|node| Some((node.id(), former(report, node)?)));
    reset.chain(former).collect()
}

/// The master of a node that was a replica and has been reset: it knows nobody and is empty, and
/// the others list it as before. A run that was killed between reset and join leaves one.
fn former(report: &ClusterReport, node: &NodeReport) -> Option<NodeId> {
    let me = node.view.me();
    let is_reset = node.view.nodes().len() == 1 && me.slots.is_empty() && node.keys == 0;
    let seen = report.nodes.iter().filter_map(|other| other.view.node(me.id));
    let of = seen.filter_map(|seen| seen.role.master()).next().filter(|_| is_reset)?;
    report.node(of)?.view.me().is_master().then_some(of)
}

/// Plans that all nodes know each other, and those that join anew replicate their masters.
pub(super) fn meet(
    report: &ClusterReport,
    rejoins: &BTreeMap<NodeId, NodeId>,
) -> Result<TopologyPlan, MeetError> {
    if rejoins.is_empty() {
        return meet::plan(report, &[]);
    }
    let mut after = report.clone();
    let known = |node: &&mut NodeReport| rejoins.contains_key(&node.id());
    after.nodes.iter_mut().filter(known).for_each(|node| node.view = node.view.alone());
    let (mut members, all) = meet::members(&after, &[])?;
    for member in &mut members {
        if let Some(of) = rejoins.get(&member.id) {
            member.role = Some(Role::Replica { of: *of });
            member.steps = vec![Step::Follow(*of)];
        }
    }
    Ok(TopologyPlan::new(members, &all, true))
}
