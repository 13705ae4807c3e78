//! Nodes leave a cluster: who takes their slots, whom their replicas follow then.

use super::check::owners;
use super::formation::{Step, TopologyPlan};
use super::join::best_parent;
use super::transfer::{self, Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, Role, SlotSet};

/// Why nodes do not leave.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LeaveError {
    #[error("{node} owns {slots}: they need another owner first")]
    OwnsSlots { node: String, slots: String },
    #[error("{node} gives no answer and still owns {slots}: without it nobody would")]
    DeadOwner { node: String, slots: String, replica: Option<String> },
    #[error("{node} holds {keys} keys of slots that it does not own: leaving would delete them")]
    HoldsKeys { node: String, keys: u64 },
    #[error("nobody who answers would stay")]
    NobodyStays,
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// Who goes, and what has to be done before.
#[derive(Clone, Debug)]
pub struct Leave {
    pub leaving: Vec<NodeId>,
    /// Slots that have to be moved away first.
    pub drain: Option<Transfer>,
    /// Replicas of those that leave, and whom they will follow.
    pub homes: Vec<(NodeId, NodeId)>,
}

impl Leave {
    /// The plan by which the replicas come to their new masters.
    pub fn homing(&self, cluster: &ClusterReport) -> TopologyPlan {
        TopologyPlan::of_cluster(cluster, |node, member| {
            if let Some((_, of)) = self.homes.iter().find(|(id, _)| *id == node.id()) {
                member.role = Some(Role::Replica { of: *of });
                member.steps.push(Step::Follow(*of));
            }
        })
    }
}

/// Plans that these nodes leave; with `drain`, slots of theirs go to those that stay.
pub fn plan(cluster: &ClusterReport, leaving: &[NodeId], drain: bool) -> Result<Leave, LeaveError> {
    if cluster.nodes.iter().all(|report| leaving.contains(&report.id())) {
        return Err(LeaveError::NobodyStays);
    }
    let owners = owners(cluster);
    let mut has_slots = false;
    for &id in leaving {
        let node = cluster.name(id);
        let slots = owners.iter().find(|(owner, _)| *owner == id).map(|(_, slots)| slots);
        match (cluster.node(id), slots) {
            (None, Some(slots)) => {
                // Where it was a master that failed over, the heir's word counts.
                let others = owners
                    .iter()
                    .filter(|(owner, _)| *owner != id && cluster.node(*owner).is_some());
                let left = others.fold(slots.clone(), |left, (_, slots)| left.difference(slots));
                if !left.is_empty() {
                    let heir = |report: &&crate::model::NodeReport| {
                        report.view.me().role.master() == Some(id)
                            && !leaving.contains(&report.id())
                    };
                    let replica = cluster.nodes.iter().find(heir).map(|heir| heir.via.to_string());
                    return Err(LeaveError::DeadOwner { node, slots: left.words(), replica });
                }
            }
            (Some(_), Some(slots)) if !drain => {
                return Err(LeaveError::OwnsSlots { node, slots: slots.words() });
            }
            (Some(_), Some(_)) => has_slots = true,
            (Some(report), None) if report.view.me().is_master() && report.keys > 0 => {
                return Err(LeaveError::HoldsKeys { node, keys: report.keys });
            }
            _ => {}
        }
    }
    let mut homes: Vec<(NodeId, NodeId)> = Vec::new();
    for report in cluster.nodes.iter().filter(|report| !leaving.contains(&report.id())) {
        let of = report.view.me().role.master();
        if of.is_some_and(|of| leaving.contains(&of))
            && let Some(parent) = best_parent(cluster, report, leaving, &homes)
        {
            homes.push((report.id(), parent));
        }
    }
    let drain = match has_slots {
        true => Some(transfer::drain(cluster, leaving)?),
        false => None,
    };
    Ok(Leave { leaving: leaving.to_vec(), drain, homes })
}

/// The slots that no live node owns or could take over: what is lost with a dead shard.
pub fn lost_with(cluster: &ClusterReport, dead: NodeId) -> SlotSet {
    let owners = owners(cluster);
    let slots = owners.iter().find(|(owner, _)| *owner == dead).map(|(_, slots)| slots.clone());
    let alive = owners.iter().filter(|(owner, _)| cluster.node(*owner).is_some());
    alive.fold(slots.unwrap_or_default(), |left, (_, slots)| left.difference(slots))
}
