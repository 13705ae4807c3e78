//! Nodes whose views differ, and in what.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use itertools::Itertools;

use super::problem::{Kind, Problem, by_number, listed};
use super::unreadable;
use crate::model::{ClusterReport, Flag, Node, NodeAddr, NodeId, Role, SlotSet};
use crate::plan::announced::ANNOUNCE_IP;

/// One way in which a view of a node differs from what that node says itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Unknown,
    Role(String),
    Slots(String),
    /// Where it is seen, and where most others see it.
    Address(NodeAddr, NodeAddr),
}

/// Compares every view of a node with what the node says of itself; where it is unreachable, with
/// what the first view that knows it says.
pub(super) fn differ(cluster: &ClusterReport) -> Vec<Problem> {
    let mut truths: BTreeMap<NodeId, &Node> = BTreeMap::new();
    for node in cluster.nodes.iter().map(|report| report.view.me()) {
        truths.entry(node.id).or_insert(node);
    }
    for node in cluster.nodes.iter().flat_map(|report| report.view.members()) {
        truths.entry(node.id).or_insert(node);
    }
    // A node does not know its own address until it is met: the others' word counts.
    let addresses = addresses(cluster);
    let mut found: BTreeMap<(NodeId, Difference), Vec<String>> = BTreeMap::new();
    let none = SlotSet::EMPTY;
    for report in &cluster.nodes {
        let me = report.view.me();
        // What it has elsewhere it cannot list as the owner's.
        let claims = if me.role.master().is_some() { &me.slots } else { &none };
        let lines = report.view.unreadable.iter();
        let elsewhere =
            lines.fold(Cow::Borrowed(claims), |all, line| Cow::Owned(all.union(&line.slots)));
        let known: HashMap<NodeId, &Node> =
            report.view.nodes().iter().map(|node| (node.id, node)).collect();
        for (id, truth) in &truths {
            let differences = match known.get(id) {
                Some(node) if node.flags.has(Flag::Handshake) => Vec::new(),
                Some(node) => compare(cluster, node, truth, addresses.get(id).copied(), &elsewhere),
                None => vec![Difference::Unknown],
            };
            for difference in differences {
                found.entry((*id, difference)).or_default().push(report.via.to_string());
            }
        }
    }
    let problems = found
        .into_iter()
        .map(|((id, difference), observers)| problem(cluster, &truths, id, difference, observers));
    problems.collect()
}

fn addresses(cluster: &ClusterReport) -> HashMap<NodeId, &NodeAddr> {
    let mut votes: HashMap<NodeId, BTreeMap<&NodeAddr, usize>> = HashMap::new();
    for node in cluster.nodes.iter().flat_map(|report| report.view.peers()) {
        if let Some(addr) = &node.addr {
            *votes.entry(node.id).or_default().entry(addr).or_default() += 1;
        }
    }
    let most = |votes: BTreeMap<_, usize>| votes.into_iter().max_by_key(|vote| vote.1);
    votes.into_iter().filter_map(|(id, votes)| Some((id, most(votes)?.0))).collect()
}

fn compare(
    cluster: &ClusterReport,
    seen: &Node,
    truth: &Node,
    addr: Option<&NodeAddr>,
    elsewhere: &SlotSet,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    if seen.role != truth.role {
        differences.push(Difference::Role(role(cluster, seen.role)));
    }
    // What a replica claims, or a line that cannot be read has, is a problem of its own.
    let is_replica = truth.role.master().is_some();
    let agrees = seen.slots == truth.slots || seen.slots == truth.slots.difference(elsewhere);
    if !is_replica && !agrees {
        differences.push(Difference::Slots(seen.slots.to_string()));
    }
    // `noaddr` is reported as a state; a node's own line has the host it was asked through.
    if let (Some(own), Some(addr)) = (&seen.addr, addr)
        && !std::ptr::eq(seen, truth)
        && own != addr
    {
        differences.push(Difference::Address(own.clone(), addr.clone()));
    }
    differences
}

fn role(cluster: &ClusterReport, role: Role) -> String {
    match role {
        Role::Master => "a master".to_owned(),
        Role::Replica { of } => format!("a replica of {}", cluster.name(of)),
        Role::Unknown => "neither master nor replica".to_owned(),
    }
}

fn problem(
    cluster: &ClusterReport,
    truths: &BTreeMap<NodeId, &Node>,
    id: NodeId,
    difference: Difference,
    observers: Vec<String>,
) -> Problem {
    let name = cluster.name(id);
    let who = listed(&observers);
    let many = observers.len();
    let lists = by_number(many, "lists", "list");
    let truth = truths.get(&id);
    let is_here = cluster.node(id).is_some();
    let mut slots = SlotSet::EMPTY;
    let fix;
    let message = match difference {
        Difference::Unknown => {
            // Where one that gives no answer is listed, a stranger may be by now.
            let there = cluster.node(id).zip(observers.first());
            fix = there.map(|(node, observer)| format!("rcluster meet {observer} {}", node.via));
            format!("{who} {} not list {name} (id {})", by_number(many, "does", "do"), id.short())
        }
        Difference::Role(seen) => {
            let own = truth.map_or_else(String::new, |node| role(cluster, node.role));
            fix = unreadable::follow(cluster, id);
            let itself = if is_here { "it reports itself as" } else { "others list it as" };
            format!("{who} {lists} {name} as {seen}; {itself} {own}")
        }
        Difference::Slots(seen) => {
            let own = truth.map(|node| node.slots.clone()).unwrap_or_default();
            let itself = if is_here { "it reports" } else { "others list" };
            let message = format!("{who} {lists} {name} with slots {seen}; {itself} {own}");
            slots = own;
            fix = Some(format!("rcluster fix {}", cluster.entry().via));
            message
        }
        Difference::Address(seen, most) => {
            let is_v6 = |addr: &NodeAddr| addr.ip().map(|ip| ip.is_ipv6());
            let is_shared = |addr: &NodeAddr| {
                let listed = cluster.nodes.iter().flat_map(|report| report.view.peers());
                listed.filter(|node| node.addr.as_ref() == Some(addr)).any(|node| node.id != id)
            };
            let there = cluster.node(id).filter(|node| node.via != seen);
            let there = there.zip(observers.first());
            fix = match cluster.node(id) {
                // It was met by either family, or through an address translation: no MEET changes that.
                Some(node)
                    if is_v6(&seen) != is_v6(&most) || is_shared(&seen) || is_shared(&most) =>
                {
                    let (host, port) = (node.via.shell_host(), node.via.port());
                    let ip = if is_shared(&most) {
                        node.reached.shell_host()
                    } else {
                        most.shell_host()
                    };
                    Some(format!("redis-cli -h {host} -p {port} CONFIG SET {ANNOUNCE_IP} {ip}"))
                }
                _ => there.map(|(node, by)| format!("rcluster meet {by} {}", node.via)),
            };
            format!("{who} {lists} node {} at {seen}; others list it at {most}", id.short())
        }
    };
    let nodes = observers.into_iter().chain([name]).unique();
    Problem::error(Kind::ViewsDiffer, message).at(nodes).with_slots(slots).mended_by(fix)
}
