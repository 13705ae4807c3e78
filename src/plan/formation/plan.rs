//! The plan itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use itertools::Itertools;

use super::introductions::introductions;
use super::lack::{Lack, lacking, moved_members, unlinked};
use super::member::{Member, Step, reachable};
use super::timeout::timeout_before;
use crate::model::{ClusterReport, ClusterView, Flag, Node, NodeId, NodeReport, SlotSet};
use crate::plan::bus_tls;

/// A set with more members is large: where those share a few cores, whatever each does with each
/// other at once is more than they can answer in time. A lowered node timeout is that: every node
/// pings every other within half of it.
const LARGE: usize = 128;

/// A whole plan.
#[derive(Clone, Debug)]
pub struct TopologyPlan {
    pub members: Vec<Member>,
    index: BTreeMap<NodeId, usize>,
    /// Pairs of members that do not know each other: indices, the smaller first.
    pub unmet_pairs: Vec<(usize, usize)>,
    /// Who lists a member at an address where it is not: the observer, the member, and when that
    /// answered last.
    moved: BTreeMap<(NodeId, NodeId), u64>,
    /// Members that the others do not see as the plan wants: they have to make themselves known.
    pub unseen: BTreeSet<usize>,
    /// Whether every node has to have a bus connection to every other.
    pub connects: bool,
    /// Whether all slots are owned in the end, so that every node must become `ok`.
    pub covers: bool,
    /// Whether some node was not `ok` when it was asked.
    pub waits_for_ok: bool,
    /// Whether timeouts may be lowered for a moment: no node holds a key, so no failover could do
    /// harm, and the nodes are few enough.
    pub may_lower_timeouts: bool,
    /// Whether the bus speaks TLS, so that certificates can keep nodes apart.
    pub bus_tls: bool,
    /// How long the youngest node had been up: no node is `ok` in its first two seconds.
    pub youngest: Duration,
}

impl TopologyPlan {
    /// Compares what `reports` say with what `members` must become.
    ///
    /// `reports` are the members' own, in the same order. `connects` wants a bus connection from
    /// each to each: a plan that introduces nodes does, while a small change to a cluster need not
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
            for (subject, ponged) in moved_members(&members, reports, report).filter(|_| connects) {
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

    /// The plan for a change to a cluster: every node that answered, with nothing to do and nothing
    /// to agree on but what `change` writes into it.
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

    /// The members that are to be masters, or are not said to be anything else, by index.
    pub fn masters(&self) -> impl Iterator<Item = usize> {
        let is_master = |member: &Member| member.role.is_none_or(|role| role.master().is_none());
        (0..self.members.len()).filter(move |&index| is_master(&self.members[index]))
    }

    /// Whether there are so many members that what all do with all has to be spread over time.
    pub fn is_large(&self) -> bool {
        self.members.len() > LARGE
    }

    /// Which member an id is of, by index.
    pub fn index_of(&self, id: NodeId) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// Whom each member has to introduce itself to, by index.
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

    /// The nodes that the node of `view` has still to get in touch with.
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
        let strangers = view.peers().filter(|peer| peer.flags.has(Flag::Handshake));
        let strangers: HashSet<_> = strangers.filter_map(|peer| peer.addr.as_ref()).collect();
        let met_again =
            |member: &&Member| strangers.contains(&member.addr) && !lacked.contains(&member.id);
        let met_again = self.members.iter().filter(met_again);
        lacks.extend(met_again.map(|member| (member.id, Lack::Handshake)));
        lacks
    }
}
