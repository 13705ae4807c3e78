//! Connecting nodes to a cluster (CLUSTER MEET).

use itertools::Itertools;

use super::announced::{BadAddress, FamiliesApart};
use super::bus_tls::TlsApart;
use super::formation::{Member, Step, TopologyPlan};
use super::new_node::is_new;
use crate::model::{ClusterReport, Flag, NodeAddr, NodeId, NodeReport, SlotSet};

/// Why a node is not connected; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeetError {
    /// The node knows nodes that the cluster does not.
    #[error(
        "{node} belongs to another cluster: it lists {others}; meeting it would merge the two clusters"
    )]
    OtherCluster {
        /// The node.
        node: NodeAddr,
        /// The other nodes, with commas between them.
        others: String,
        /// The cluster that it was to join, where that is one node in no cluster.
        lone: Option<NodeAddr>,
    },
    /// The node owns slots that a node of the cluster owns.
    #[error("{node} owns {}, which {owner} of this cluster owns as well: one of them would lose its slots", slots.summary())]
    SlotClash {
        /// The node.
        node: NodeAddr,
        /// The node of the cluster.
        owner: String,
        /// The slots that both own.
        slots: SlotSet,
    },
    /// Two servers share a node id.
    #[error(
        "{0} and {1} have one node id ({2}): name each node once; if they are two servers, one was started on a copy of the other's nodes.conf"
    )]
    SameId(NodeAddr, NodeAddr, NodeId),
    /// Some use TLS on the cluster bus, others do not.
    #[error(transparent)]
    TlsApart(#[from] TlsApart),
    /// A newcomer announces an address that others cannot use.
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    /// A newcomer would be listed by another address family than the members.
    #[error(transparent)]
    FamiliesApart(#[from] FamiliesApart),
}

/// Plans that every node of the cluster and every newcomer know each other. Newcomers that are
/// members already are left alone.
///
/// # Errors
/// A newcomer belongs to another cluster, or could not be connected: [`MeetError`].
pub fn plan(cluster: &ClusterReport, newcomers: &[NodeReport]) -> Result<TopologyPlan, MeetError> {
    let (members, all) = members(cluster, newcomers)?;
    let mut plan = TopologyPlan::new(members, &all, true);
    if plan.unmet_pairs.is_empty() {
        plan.members.iter_mut().for_each(|member| member.steps.clear());
    }
    Ok(plan)
}

/// The members of such a plan, and the report of each.
pub(super) fn members<'a>(
    cluster: &'a ClusterReport,
    newcomers: &'a [NodeReport],
) -> Result<(Vec<Member>, Vec<&'a NodeReport>), MeetError> {
    let mut all: Vec<&NodeReport> = cluster.nodes.iter().collect();
    for newcomer in newcomers {
        match all.iter().find(|report| report.id() == newcomer.id()) {
            Some(known) if known.run_id == newcomer.run_id => {}
            Some(known) => {
                return Err(MeetError::SameId(
                    known.via.clone(),
                    newcomer.via.clone(),
                    newcomer.id(),
                ));
            }
            None => all.push(newcomer),
        }
    }
    if all.len() > cluster.nodes.len()
        && let Some(apart) = TlsApart::of(all.iter().copied())
    {
        return Err(apart.into());
    }
    let (members, joining) = all.split_at(cluster.nodes.len());
    if let Some(bad) = joining.iter().find_map(|report| BadAddress::of(report)) {
        return Err(bad.into());
    }
    if let Some(apart) = FamiliesApart::of(members, joining) {
        return Err(apart.into());
    }
    let unreachable = |id: NodeId| cluster.unreachable.iter().any(|node| node.id == id);
    for newcomer in &all[cluster.nodes.len()..] {
        let foreign = newcomer.view.peers().filter(|peer| !peer.flags.has(Flag::Handshake));
        let others = foreign
            .filter(|peer| {
                !unreachable(peer.id) && !all.iter().any(|report| report.id() == peer.id)
            })
            .map(|peer| peer.name())
            .join(", ");
        if !others.is_empty() {
            let lone = match &cluster.nodes[..] {
                [one] if one.view.nodes().len() == 1 && one.view.me().slots.is_empty() => {
                    Some(one.via.clone())
                }
                _ => None,
            };
            return Err(MeetError::OtherCluster { node: newcomer.via.clone(), others, lone });
        }
        for other in all.iter().filter(|other| other.id() != newcomer.id()) {
            let slots = other.view.me().slots.intersection(&newcomer.view.me().slots);
            if !slots.is_empty() {
                let (node, owner) = (newcomer.via.clone(), other.via.to_string());
                return Err(MeetError::SlotClash { node, owner, slots });
            }
        }
    }
    // Nodes that are all new get distinct epochs here, while they accept one: else masters share
    // epoch 0 and have to sort it out among themselves later. One that comes to owners of slots
    // must not outrank them: a server that restarts with an old data file claims its slots.
    let has_owners = cluster.nodes.iter().any(|report| !report.view.me().slots.is_empty());
    let mut epoch = all.iter().map(|report| report.info.current_epoch).max().unwrap_or(0);
    let members = all.iter().map(|report| {
        let mut steps = Vec::new();
        if is_new(report) && !has_owners {
            epoch += 1;
            steps.push(Step::SetEpoch(epoch));
        }
        let me = report.view.me();
        // What the cluster's own nodes think of each other is not this command's affair.
        let joins = cluster.node(me.id).is_none();
        let (role, slots) = (joins.then_some(me.role), joins.then(|| me.slots.clone()));
        Member { id: me.id, addr: report.reached.clone(), role, known: true, slots, steps }
    });
    Ok((members.collect(), all))
}
