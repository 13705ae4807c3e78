//! Members that are not where they are listed: they give no answer, or another node does.
//!
//! Whoever follows a remedy blindly must not lose a slot or a key by it. So a node that owns slots
//! is never forgotten: a replica that lives takes its place first, and where there is none, only
//! its return saves them.

use std::cmp::Reverse;

use itertools::Itertools;

use super::owners::owners;
use super::problem::{Kind, Problem, by_number, listed};
use crate::model::{ClusterReport, Link, NodeId, NodeReport, SlotSet, Stranger, UnreachableNode};
use crate::plan::bus_tls::TLS_CLUSTER;
use crate::plan::leave::lost_of;

/// Who owns what.
type Owners = [(NodeId, SlotSet)];

pub(super) fn absent(cluster: &ClusterReport) -> Vec<Problem> {
    let (mut problems, mut lost) = (Vec::new(), Vec::new());
    let owners = owners(cluster);
    let absent = cluster.unreachable.iter().filter(|node| node.loading.is_none());
    for node in absent.sorted_by_key(|node| &node.addr) {
        match (node.taken_by, &node.addr) {
            (Some(stranger), _) => problems.push(taken(cluster, &owners, node, stranger)),
            (None, None) => problems.push(nowhere(cluster, &owners, node)),
            (None, Some(_)) => lost.push(node),
        }
    }
    problems.extend(unreachable(cluster, &owners, &lost));
    problems
}

/// Members that give no answer where they are listed: they are down, or have moved.
fn unreachable(
    cluster: &ClusterReport,
    owners: &Owners,
    lost: &[&UnreachableNode],
) -> Option<Problem> {
    let why = |unreachable: &&UnreachableNode| {
        let name = cluster.name(unreachable.id);
        // Errors of the wire name the address themselves.
        let why = unreachable.why.strip_prefix(&format!("{name}: ")).unwrap_or(&unreachable.why);
        format!("{name} (id {}): {why}", unreachable.id.short())
    };
    let count = lost.len();
    let message = format!(
        "{count} {} where {} not reply, {}",
        by_number(count, "member is listed at an address", "members are listed at addresses"),
        by_number(count, "it does", "they do"),
        listed(&lost.iter().map(why).collect_vec()),
    );
    let moved = format!(
        "; if {} came back elsewhere, meet {}",
        by_number(count, "it", "they"),
        by_number(count, "it there", "them there")
    );
    // CLUSTER NODES has the addresses for clients and no other.
    let mapped = match cluster.entry().for_clients.is_empty() {
        true => "",
        false => {
            "; the addresses are those that nodes announce to clients (cluster-announce-client-ipv4, -ipv6): if rcluster cannot reach nodes by them, add --address-map LISTED=REACHABLE"
        }
    };
    let has_plain_bus =
        cluster.entry().settings.get(TLS_CLUSTER).is_some_and(|value| value == "no");
    let plain = match has_plain_bus && lost.iter().any(|node| node.why.contains("TLS failed")) {
        true => {
            "; with tls-cluster no, servers before Redis 7.2 list plain ports to TLS clients too: use the plain ports without --tls, or add --address-map HOST:PLAIN-PORT=HOST:TLS-PORT"
        }
        false => "",
    };
    let owner_of_slots = |node: &&&UnreachableNode| !lost_of(cluster, owners, node.id).is_empty();
    let successors =
        lost.iter().filter(owner_of_slots).filter_map(|node| successor(cluster, node.id));
    let takeovers = successors.map(|replica| takes_over(cluster, owners, replica)).join(" && ");
    let takeover = match takeovers.is_empty() || has_majority(cluster, owners) {
        true => String::new(),
        false => format!(
            "; too few masters are reachable to elect a replica; if {} not come back: {takeovers}",
            by_number(count, "it does", "they do")
        ),
    };
    let names = lost.iter().map(|node| cluster.name(node.id));
    let problem =
        Problem::error(Kind::NodeUnreachable, message + &moved + &takeover + mapped + plain)
            .at(names);
    (count > 0).then(|| problem.mended_by(meet(cluster)))
}

/// The new address is what only its owner knows.
fn meet(cluster: &ClusterReport) -> String {
    format!("rcluster meet {} NEW-ADDRESS", cluster.entry().via)
}

/// A member whose address is known to nobody: it can be neither reached nor met again.
fn nowhere(cluster: &ClusterReport, owners: &Owners, unreachable: &UnreachableNode) -> Problem {
    let name = cluster.name(unreachable.id);
    let (words, fix) = remedy(cluster, owners, unreachable);
    let message = format!(
        "{name} (id {}) is unreachable: {}{words}",
        unreachable.id.short(),
        unreachable.why
    );
    Problem::error(Kind::NodeUnreachable, message).at([name]).mended_by(fix)
}

/// Another node answers where a member is listed.
fn taken(
    cluster: &ClusterReport,
    owners: &Owners,
    unreachable: &UnreachableNode,
    stranger: Stranger,
) -> Problem {
    let place =
        unreachable.addr.as_ref().map_or_else(|| cluster.name(unreachable.id), ToString::to_string);
    let is_ours = cluster.node(stranger.id).is_some();
    let what = match (is_ours, stranger.is_new) {
        (true, _) => "a member of this cluster",
        (_, true) => "new and empty",
        _ => "no member of this cluster",
    };
    let (words, fix) = remedy(cluster, owners, unreachable);
    let message = format!(
        "the node at {place} is not the one that is listed there: listed is {}, there is {}, {what}{words}",
        unreachable.id.short(),
        stranger.id.short(),
    );
    Problem::error(Kind::AddressTaken, message).at([place]).mended_by(fix)
}

/// What becomes of the data of a member that is not there, in words, and the command that mends it.
fn remedy(
    cluster: &ClusterReport,
    owners: &Owners,
    unreachable: &UnreachableNode,
) -> (String, Option<String>) {
    let (entry, id) = (&cluster.entry().via, unreachable.id);
    let new =
        unreachable.taken_by.filter(|stranger| stranger.is_new).and(unreachable.addr.as_ref());
    let replace = new.map(|new| format!("rcluster replace-node {entry} {id} {new}"));
    let slots = lost_of(cluster, owners, id);
    match successor(cluster, id) {
        Some(successor) if !slots.is_empty() => {
            let failover = takes_over(cluster, owners, successor);
            let words =
                format!("; it owned {}, {}", slots.summary(), keeps(successor, unreachable));
            (words, Some(std::iter::once(failover).chain(replace).join(" && ")))
        }
        // Its replicas have to find another master first, as they do by themselves.
        Some(_) => (String::new(), None),
        None if !slots.is_empty() => {
            let words = format!(
                "; it owns {}, and no replica of it is reachable: if it came back elsewhere, meet it there",
                slots.summary()
            );
            (words, Some(meet(cluster)))
        }
        None => match (replace, unreachable.taken_by) {
            (Some(replace), _) => (String::new(), Some(replace)),
            (None, Some(_)) => {
                ("; if that one came back elsewhere, meet it there".to_owned(), Some(meet(cluster)))
            }
            (None, None) => (String::new(), Some(format!("rcluster forget {entry} {id}"))),
        },
    }
}

/// The replica with the most keys of those that answer.
fn successor(cluster: &ClusterReport, id: NodeId) -> Option<&NodeReport> {
    let replicas = cluster.nodes.iter().filter(|node| node.view.me().role.master() == Some(id));
    replicas.min_by_key(|node| (Reverse(node.keys), &node.via))
}

/// The command that puts a replica in the place of a master that is not there.
fn takes_over(cluster: &ClusterReport, owners: &Owners, successor: &NodeReport) -> String {
    let how = if has_majority(cluster, owners) { "--force" } else { "--takeover" };
    format!("rcluster failover {} {} {how}", cluster.entry().via, successor.via)
}

/// Whether the replica still has its master's data: it copies whoever answers at that address.
fn keeps(successor: &NodeReport, unreachable: &UnreachableNode) -> String {
    let keys = successor.keys;
    match (successor.link, unreachable.taken_by) {
        (Some(Link::Up | Link::Syncing), Some(_)) => format!(
            "and its replica {} copies the node that is there now: it has {keys} {}; what is missing is in a backup only",
            successor.via,
            if keys == 1 { "key" } else { "keys" },
        ),
        _ => format!(
            "its replica {} has {keys} {} and takes its place",
            successor.via,
            if keys == 1 { "key" } else { "keys" },
        ),
    }
}

/// Whether the masters that answer can elect one.
fn has_majority(cluster: &ClusterReport, owners: &Owners) -> bool {
    let alive = owners.iter().filter(|(id, _)| cluster.node(*id).is_some()).count();
    alive > owners.len() / 2
}
