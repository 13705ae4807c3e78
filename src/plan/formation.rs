//! A plan for a set of nodes: what each has to do, and what every one of them must say afterwards.
//!
//! `create`, `meet`, `addslots`, `delslots` and `replicate` all plan one of these, so one piece of
//! code carries them out, and each is as safe to repeat as the other.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use itertools::Itertools;

use super::bus_tls;
use crate::model::{
    ClusterReport, ClusterView, Flag, Node, NodeAddr, NodeId, NodeReport, Role, SlotSet,
};

/// The `cluster-node-timeout` that a master gets while it waits to be `ok`, instead of `original`
/// (both in milliseconds); `None` where it is left alone.
///
/// A master that was without a majority refuses `ok` for its node timeout, but 500 ms at least
/// (`cluster.c`, `clusterUpdateState`), so any value below will do. It is 499 less two for each
/// second of the original: an odd number that nobody chooses, from which a later run can tell what
/// it was, should this one be killed. Timeouts that are not whole seconds up to 99 are not touched.
pub fn hurried_timeout(original: u64) -> Option<u64> {
    let seconds = original / 1000;
    (original.is_multiple_of(1000) && (1..=99).contains(&seconds)).then(|| 499 - 2 * seconds)
}

/// What a node timeout was before an interrupted run lowered it to `now`; `None` where it did not.
pub fn timeout_before(now: u64) -> Option<u64> {
    let lowered = now % 2 == 1 && (301..=497).contains(&now);
    lowered.then(|| (499 - now) / 2 * 1000)
}

/// A set with more members is large: where those share a few cores, whatever each does with each
/// other at once is more than they can answer in time. A lowered node timeout is that: every node
/// pings every other within half of it.
const LARGE: usize = 128;

/// Up to so many introductions for each member, every pair of strangers is introduced. It is the
/// fastest way while the pairs are few, and leaves nothing to gossip.
const DIRECT: usize = 32;

/// Something one node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Accepted only while the node knows no other.
    SetEpoch(u64),
    /// A config epoch above all that the node knows of.
    BumpEpoch,
    AddSlots(SlotSet),
    DelSlots(SlotSet),
    Follow(NodeId),
    /// A function library: its name and its code.
    LoadLibrary {
        name: Vec<u8>,
        code: Vec<u8>,
    },
    /// Put the node timeout, in milliseconds, back to what an interrupted run changed it from.
    RestoreTimeout(u64),
}

/// One node of the plan.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: NodeId,
    /// Where the others reach it: an IP, its port, its bus port.
    pub addr: NodeAddr,
    /// The role that all must see it in; `None` where the plan does not care.
    pub role: Option<Role>,
    /// Whether all must know it, be it in whatever role.
    pub known: bool,
    /// The slots that all must see it own; `None` where the plan does not care.
    pub slots: Option<SlotSet>,
    pub steps: Vec<Step>,
}

/// What one view still lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// The node is not known, or still in handshake.
    Unknown,
    /// It is known, but there is no connection to its bus.
    Link,
    Role,
    Slots,
    /// It is known and seen as planned, but a second handshake with it is not over.
    Handshake,
}

/// A whole plan.
#[derive(Clone, Debug)]
pub struct Formation {
    pub members: Vec<Member>,
    index: BTreeMap<NodeId, usize>,
    /// Pairs of members that do not know each other: indices, the smaller first.
    pub strangers: Vec<(usize, usize)>,
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
    pub may_hurry: bool,
    /// Whether the bus speaks TLS, so that certificates can keep nodes apart.
    pub bus_tls: bool,
    /// How long the youngest node had been up: no node is `ok` in its first two seconds.
    pub youngest: Duration,
}

impl Formation {
    /// Compares what `reports` say with what `members` must become.
    ///
    /// `reports` are the members' own, in the same order. `connects` wants a bus connection from
    /// each to each: a plan that introduces nodes does, while a small change to a cluster need not
    /// wait for all of them.
    pub fn new(mut members: Vec<Member>, reports: &[&NodeReport], connects: bool) -> Formation {
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
            for (subject, ponged) in self::moved(&members, report).filter(|_| connects) {
                let at = index[&subject];
                unknown.insert((observer.min(at), observer.max(at)));
                moved.insert((report.id(), subject), ponged);
            }
            let links = if connects { links(&members, &report.view) } else { Vec::new() };
            for (id, lack) in lacks(&members, &report.view).into_iter().chain(links) {
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
        Formation {
            bus_tls: bus_tls::may_fail(reports.iter().copied()),
            connects,
            moved,
            strangers: unknown.into_iter().collect(),
            unseen,
            covers: owned == SlotSet::all(),
            waits_for_ok: reports.iter().any(|report| !report.info.ok),
            may_hurry: members.len() <= LARGE && reports.iter().all(|report| report.keys == 0),
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
    ) -> Formation {
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
        Formation::new(members.collect(), &report.nodes.iter().collect::<Vec<_>>(), false)
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
    ///
    /// All strangers, or, where those are too many, the members 1, 2, 4, 8 … places further round
    /// the ring: gossip then fills in the rest, sooner than all those handshakes would
    /// (measured in `docs/formation.md`).
    pub fn introductions(&self) -> Vec<BTreeSet<usize>> {
        let members = self.members.len();
        let direct = self.strangers.len() <= DIRECT * members;
        let mut guests = vec![BTreeSet::new(); members];
        for &(one, other) in &self.strangers {
            // Whoever has the shorter way round speaks: so all have about as many to speak to.
            let ahead = other - one;
            let (host, guest, way) = match ahead <= members / 2 {
                true => (one, other, ahead),
                false => (other, one, members - ahead),
            };
            if direct || way.is_power_of_two() || (members - way).is_power_of_two() {
                guests[host].insert(guest);
            }
        }
        guests
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.strangers.is_empty()
            && self.unseen.is_empty()
            && self.members.iter().all(|member| member.steps.is_empty())
            && !(self.covers && self.waits_for_ok)
    }

    /// The nodes that the node of `view` has still to get in touch with.
    pub fn lacks_touch(&self, view: &ClusterView) -> Vec<(NodeId, Lack)> {
        let mut lacks = lacks(&self.members, view);
        lacks.retain(|(_, lack)| *lack == Lack::Unknown);
        lacks.extend(self.connects.then(|| links(&self.members, view)).into_iter().flatten());
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
        let mut lacks = lacks(&self.members, view);
        let lacking: HashSet<NodeId> = lacks.iter().map(|(id, _)| *id).collect();
        let strangers = view.peers().filter(|peer| peer.flags.has(Flag::Handshake));
        let strangers: HashSet<_> = strangers.filter_map(|peer| peer.addr.as_ref()).collect();
        let met_again =
            |member: &&Member| strangers.contains(&member.addr) && !lacking.contains(&member.id);
        let met_again = self.members.iter().filter(met_again);
        lacks.extend(met_again.map(|member| (member.id, Lack::Handshake)));
        lacks
    }
}

fn lacks(members: &[Member], view: &ClusterView) -> Vec<(NodeId, Lack)> {
    let known: BTreeMap<NodeId, _> = view.members().map(|node| (node.id, node)).collect();
    let lack = |member: &Member| match known.get(&member.id) {
        None => Some(Lack::Unknown),
        Some(node) if node.flags.has(Flag::NoAddr) => Some(Lack::Unknown),
        Some(node) if member.role.is_some_and(|role| role != node.role) => Some(Lack::Role),
        Some(node) if member.slots.as_ref().is_some_and(|slots| *slots != node.slots) => {
            Some(Lack::Slots)
        }
        Some(_) => None,
    };
    let matters =
        |member: &&Member| member.known || member.role.is_some() || member.slots.is_some();
    members.iter().filter(matters).filter_map(|member| Some((member.id, lack(member)?))).collect()
}

/// Members that a view knows but has never had an answer from over the bus. A link that once worked
/// is the server's to make anew: a MEET would only cut it again.
fn links(members: &[Member], view: &ClusterView) -> Vec<(NodeId, Lack)> {
    let ids: BTreeSet<NodeId> = members.iter().map(|member| member.id).collect();
    let unlinked = view
        .peers()
        .filter(|peer| ids.contains(&peer.id) && !peer.heard && !peer.flags.has(Flag::Handshake));
    unlinked.map(|peer| (peer.id, Lack::Link)).collect()
}

/// Members that a node lists elsewhere than they were reached and is not in touch with. An address
/// in a view is where a node was seen last; behind NAT it is rightly another than ours.
fn moved<'a>(
    members: &'a [Member],
    report: &'a NodeReport,
) -> impl Iterator<Item = (NodeId, u64)> + 'a {
    let others = members.iter().filter(|member| member.id != report.id());
    others.filter_map(|member| {
        let node = report.view.members().find(|node| node.id == member.id)?;
        let elsewhere = node.addr.as_ref().is_some_and(|addr| *addr != member.addr);
        (elsewhere && !report.is_in_touch_with(node)).then_some((node.id, node.ponged))
    })
}

/// Where other nodes reach a member: as those know it that are in touch with it, or, while nobody
/// is, as we did. Where it was seen last a stranger may be by now.
fn reachable(report: &ClusterReport, node: &NodeReport) -> NodeAddr {
    let others = report.nodes.iter().filter(|other| other.id() != node.id());
    let known = others.filter_map(|other| {
        let seen = other.view.node(node.id()).filter(|seen| other.is_in_touch_with(seen));
        seen?.addr.clone()
    });
    known.into_iter().next().unwrap_or_else(|| node.reached.clone())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    /// A plan for members that do not know each other.
    fn strangers(members: usize) -> Formation {
        let pairs = (0..members).flat_map(|one| (one + 1..members).map(move |other| (one, other)));
        Formation {
            bus_tls: false,
            members: vec![
                Member {
                    id: NodeId::from_str(&"0".repeat(40)).unwrap(),
                    addr: "10.0.0.1:6379".parse().unwrap(),
                    role: None,
                    known: true,
                    slots: None,
                    steps: Vec::new(),
                };
                members
            ],
            index: BTreeMap::new(),
            strangers: pairs.collect(),
            unseen: BTreeSet::new(),
            moved: BTreeMap::new(),
            connects: true,
            covers: false,
            waits_for_ok: false,
            may_hurry: false,
            youngest: Duration::ZERO,
        }
    }

    #[test]
    fn few_strangers_are_all_introduced_and_each_member_speaks_about_as_often() {
        for members in [2, 3, 6, 30, 64] {
            let guests = strangers(members).introductions();
            let sizes: Vec<usize> = guests.iter().map(BTreeSet::len).collect();
            assert_eq!(sizes.iter().sum::<usize>(), members * (members - 1) / 2, "{members}");
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
    }

    #[test]
    fn many_strangers_get_a_few_introductions_each_and_stay_in_one_piece() {
        for members in [100, 300, 1000] {
            let guests = strangers(members).introductions();
            assert!(guests.iter().all(|guests| guests.len() <= 20), "{members}");
            let next = |index: usize| (index + 1) % members;
            assert!((0..members).all(|index| guests[index].contains(&next(index))), "{members}");
        }
    }

    #[test]
    fn a_lowered_timeout_tells_what_it_was() {
        for seconds in 1..=99 {
            let lowered = hurried_timeout(seconds * 1000).unwrap();
            assert!(lowered < 500 && timeout_before(lowered) == Some(seconds * 1000), "{seconds}");
        }
        for left_alone in [0, 300, 450, 500, 900, 1500, 15_001, 100_000] {
            assert_eq!(hurried_timeout(left_alone), None, "{left_alone}");
            assert_eq!(timeout_before(left_alone), None, "{left_alone}");
        }
    }
}
