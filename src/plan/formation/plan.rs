//! The plan itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use itertools::Itertools;

use super::introductions::introductions;
use super::lack::{Lack, lacking, moved_members, outranked, unlinked};
use super::member::{Member, Step, reachable};
use super::timeout::timeout_before;
use crate::model::{ClusterReport, ClusterView, Flag, Node, NodeId, NodeReport, SlotSet};
use crate::plan::bus_tls;

/// A set with more members is large: where those share a few cores, whatever each does with each
/// other at once is more than they can answer in time. A lowered node timeout is that: every node
/// pings every other within half of it.
const LARGE: usize = 128;

/// A plan for a set of nodes.
#[derive(Clone, Debug)]
pub struct TopologyPlan {
    /// The nodes. Other fields name them by their index here.
    pub members: Vec<Member>,
    index: BTreeMap<NodeId, usize>,
    /// Pairs of members that do not know each other: indices, the smaller first.
    pub unmet_pairs: Vec<(usize, usize)>,
    /// Who lists a member at an address where it is not: the observer, the member, and when that
    /// answered last.
    moved: BTreeMap<(NodeId, NodeId), u64>,
    /// Members that some view does not show as planned: they have to announce themselves.
    pub unseen: BTreeSet<usize>,
    /// Whether every node has to have a connection over the cluster bus to every other.
    pub connects: bool,
    /// Whether all slots have an owner in the end, so that every node must report
    /// `cluster_state:ok`.
    pub covers: bool,
    /// Whether some node did not report `cluster_state:ok`.
    pub waits_for_ok: bool,
    /// Whether node timeouts may be lowered for a moment: no node holds a key, so a failover would
    /// do no harm, and the nodes are few enough.
    pub may_lower_timeouts: bool,
    /// Whether the cluster bus uses TLS, so that certificates can keep nodes apart.
    pub bus_tls: bool,
    /// For how long the youngest node has been up: no node reports `ok` in its first two seconds
    /// (`CLUSTER_WRITABLE_DELAY` in the server's `cluster.c` or `cluster_legacy.c`).
    pub youngest: Duration,
}

impl TopologyPlan {
    /// Compares `reports` with what `members` must become.
    ///
    /// `reports` are the members' own, in the same order. `connects` requires a bus connection
    /// between any two: for a plan that connects nodes, while a small change to a cluster need not
    /// wait for all of them.
    pub fn new(mut members: Vec<Member>, reports: &[&NodeReport], connects: bool) -> TopologyPlan {
        for (member, report) in members.iter_mut().zip(reports) {
            let before = report.node_timeout().and_then(timeout_before);
            member.steps.extend(before.map(Step::RestoreTimeout));
        }
        let index: BTreeMap<NodeId, usize> =
            members.iter().enumerate().map(|(i, member)| (member.id, i)).collect();
        let mut unknown = BTreeSet::new();
        let mut unseen: BTreeSet<usize> = (0..members.len())
            .filter(|&i| {
                members[i]
                    .steps
                    .iter()
                    .any(|step| matches!(step, Step::AddSlots(_) | Step::Follow(_)))
            })
            .collect();
        let mut moved = BTreeMap::new();
        for (observer, report) in reports.iter().enumerate() {
            let elsewhere = connects.then(|| moved_members(&members, reports, report));
            for (subject, ponged) in elsewhere.into_iter().flatten() {
                let at = index[&subject];
                unknown.insert((observer.min(at), observer.max(at)));
                moved.insert((report.id(), subject), ponged);
            }
            let links = if connects { unlinked(&members, &report.view) } else { Vec::new() };
            for (id, lack) in lacking(&members, &report.view).into_iter().chain(links) {
                let subject = index[&id];
                if matches!(lack, Lack::Unknown | Lack::Link) {
                    unknown.insert((observer.min(subject), observer.max(subject)));
                }
                if lack != Lack::Link {
                    unseen.insert(subject);
                }
            }
        }
        let owned = members.iter().zip(reports).fold(SlotSet::EMPTY, |all, (member, report)| {
            all.union(member.slots.as_ref().unwrap_or(&report.view.me().slots))
        });
        TopologyPlan {
            bus_tls: bus_tls::may_fail(reports.iter().copied()),
            connects,
            moved,
            unmet_pairs: unknown.into_iter().collect(),
            unseen,
            covers: owned == SlotSet::all(),
            waits_for_ok: reports.iter().any(|report| !report.info.ok),
            may_lower_timeouts: members.len() <= LARGE
                && reports.iter().all(|report| report.keys == 0),
            youngest: reports.iter().map(|report| report.uptime).min().unwrap_or_default(),
            members,
            index,
        }
    }

    /// The plan for a change to a cluster: a member per node that replied, with nothing to do and
    /// nothing to agree on except what `change` writes into it.
    pub fn of_cluster(
        report: &ClusterReport,
        change: impl Fn(&NodeReport, &mut Member),
    ) -> TopologyPlan {
        let members = report.nodes.iter().map(|node| {
            let addr = reachable(report, node);
            let mut member = Member {
                id: node.id(),
                addr,
                role: None,
                known: false,
                slots: None,
                steps: Vec::new(),
            };
            change(node, &mut member);
            member
        });
        TopologyPlan::new(members.collect(), &report.nodes.iter().collect::<Vec<_>>(), false)
    }

    /// The members that are not planned to be replicas, by index.
    pub fn masters(&self) -> impl Iterator<Item = usize> {
        let is_master = |member: &Member| member.role.is_none_or(|role| role.master().is_none());
        (0..self.members.len()).filter(move |&index| is_master(&self.members[index]))
    }

    /// Whether there are more than 128 members, so that what all do with all has to be spread over
    /// time.
    pub fn is_large(&self) -> bool {
        self.members.len() > LARGE
    }

    /// The index of the member with this id.
    pub fn index_of(&self, id: NodeId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// For each member, the members to send CLUSTER MEET for to it, by index.
    pub fn introductions(&self) -> Vec<BTreeSet<usize>> {
        introductions(self.members.len(), &self.unmet_pairs)
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.unmet_pairs.is_empty()
            && self.unseen.is_empty()
            && self.members.iter().all(|member| member.steps.is_empty())
            && !(self.covers && self.waits_for_ok)
    }

    /// The members that the node of `view` does not know yet, or has no connection to.
    pub fn lacks_touch(&self, view: &ClusterView) -> Vec<(NodeId, Lack)> {
        let mut lacks = lacking(&self.members, view);
        lacks.retain(|(_, lack)| *lack == Lack::Unknown);
        lacks.extend(self.connects.then(|| unlinked(&self.members, view)).into_iter().flatten());
        let me = view.me().id;
        let away = |node: &&Node| {
            let before = self.moved.get(&(me, node.id));
            let doubted = node.flags.has(Flag::PFail) || node.flags.has(Flag::Fail);
            // Whoever answers anew is where it is listed now.
            before.is_some_and(|before| doubted || !node.connected || node.ponged <= *before)
        };
        let away = view.members().filter(away).map(|node| (node.id, Lack::Link)).collect_vec();
        let is_new = |(id, _): &(NodeId, Lack)| !lacks.iter().any(|(other, _)| other == id);
        let away = away.into_iter().filter(is_new).collect_vec();
        lacks.extend(away);
        lacks
    }

    /// What `view` still lacks of this plan.
    pub fn lacks(&self, view: &ClusterView) -> Vec<(NodeId, Lack)> {
        let mut lacks = lacking(&self.members, view);
        let lacked: HashSet<NodeId> = lacks.iter().map(|(id, _)| *id).collect();
        let in_handshake = view.peers().filter(|peer| peer.flags.has(Flag::Handshake));
        let in_handshake: HashSet<_> = in_handshake.filter_map(|peer| peer.addr.as_ref()).collect();
        let met_again =
            |member: &&Member| in_handshake.contains(&member.addr) && !lacked.contains(&member.id);
        let met_again = self.members.iter().filter(met_again);
        lacks.extend(met_again.map(|member| (member.id, Lack::Handshake)));
        lacks.extend(outranked(&self.members, view));
        lacks
    }
}
