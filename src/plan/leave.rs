//! Nodes leave a cluster: which masters take their slots, and which their replicas.

use super::check::owners;
use super::formation::{Step, TopologyPlan};
use super::join::best_parent;
use super::transfer::{self, Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, Role, SlotSet};

/// Why nodes do not leave; nothing has been changed. Nodes are named by address.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// The node owns slots, and they are not to be moved.
    #[error("{node} owns {slots}: they need another owner first")]
    OwnsSlots {
        /// The node.
        node: String,
        /// `slots 0-5460`.
        slots: String,
    },
    /// The node is unreachable and owns slots that no other master owns.
    #[error("{node} is unreachable and still owns {slots}: without it they would have no owner")]
    DeadOwner {
        /// The node.
        node: String,
        /// `slots 0-5460`.
        slots: String,
        /// A replica of it that replied and stays.
        replica: Option<String>,
    },
    /// A master without slots holds keys: orphaned keys, which a reset would delete.
    #[error("{node} holds {keys} keys of slots that it does not own: leaving would delete them")]
    HoldsKeys {
        /// The node.
        node: String,
        /// Keys in all its databases.
        keys: u64,
    },
    /// Every node that replied is to leave.
    #[error("no reachable node would stay")]
    NobodyStays,
    /// The slots of the nodes cannot be moved.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// Which nodes leave, and what has to be done before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leave {
    /// The nodes that leave.
    pub leaving: Vec<NodeId>,
    /// The moves of their slots, if they own any.
    pub drain: Option<Transfer>,
    /// The replicas of masters that leave, each with its new master.
    pub homes: Vec<(NodeId, NodeId)>,
}

impl Leave {
    /// The plan that gives the replicas their new masters.
    pub fn homing(&self, cluster: &ClusterReport) -> TopologyPlan {
        TopologyPlan::of_cluster(cluster, |node, member| {
            if let Some((_, of)) = self.homes.iter().find(|(id, _)| *id == node.id()) {
                member.role = Some(Role::Replica { of: *of });
                member.steps.push(Step::Follow(*of));
            }
        })
    }
}

/// Plans that these nodes leave; with `drain`, their slots move to the masters that stay.
///
/// # Errors
/// No node would stay, slots would be left without an owner, or keys would be lost: [`LeaveError`].
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
                // If a replica was promoted in its place, that one's claim counts.
                let others = owners
                    .iter()
                    .filter(|(owner, _)| *owner != id && cluster.node(*owner).is_some());
                let left = others.fold(slots.clone(), |left, (_, slots)| left.difference(slots));
                if !left.is_empty() {
                    let successor = |report: &&crate::model::NodeReport| {
                        report.view.me().role.master() == Some(id)
                            && !leaving.contains(&report.id())
                    };
                    let replica = cluster
                        .nodes
                        .iter()
                        .find(successor)
                        .map(|successor| successor.via.to_string());
                    return Err(LeaveError::DeadOwner { node, slots: left.summary(), replica });
                }
            }
            (Some(_), Some(slots)) if !drain => {
                return Err(LeaveError::OwnsSlots { node, slots: slots.summary() });
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

/// The slots that would be left without an owner if the node were removed: those that the others
/// have for it, and that no node that replied owns.
pub fn lost_with(cluster: &ClusterReport, dead: NodeId) -> SlotSet {
    lost_of(cluster, &owners(cluster), dead)
}

/// The same, by the owners of all slots, for whoever asks of many nodes.
pub fn lost_of(cluster: &ClusterReport, owners: &[(NodeId, SlotSet)], dead: NodeId) -> SlotSet {
    let slots = owners.iter().find(|(owner, _)| *owner == dead).map(|(_, slots)| slots.clone());
    let alive = owners.iter().filter(|(owner, _)| cluster.node(*owner).is_some());
    alive.fold(slots.unwrap_or_default(), |left, (_, slots)| left.difference(slots))
}
