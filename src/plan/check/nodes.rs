//! Nodes that are down, doubted or doubled, and replicas that do not do their work.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::owners::owners;
use super::problem::{Kind, Problem, listed};
use crate::model::{ClusterReport, Flag, Link, Loading, NodeId, NodeReport, Role};
use crate::plan::bus_tls;

/// Whether nodes reject all queries while a slot has no owner.
const FULL_COVERAGE: &str = "cluster-require-full-coverage";

/// Seconds within which a first copy has begun to arrive, or will not.
const FIRST_COPY: u64 = 60;

/// Seconds after which a master knows of a replica that says it is being sent a copy.
const KNOWN: u64 = 5;

pub(super) fn not_ok(cluster: &ClusterReport) -> Option<Problem> {
    let failed = cluster.nodes.iter().filter(|report| !report.info.ok);
    let names = failed.map(|report| report.via.to_string()).collect_vec();
    if names.is_empty() {
        return None;
    }
    let message = match names.len() {
        all if all == cluster.nodes.len() && all > 1 => {
            "every node reports cluster_state:fail: queries are rejected".to_owned()
        }
        1 => format!("{} reports cluster_state:fail", names[0]),
        _ => format!("{} report cluster_state:fail", listed(&names)),
    };
    Some(Problem::error(Kind::StateNotOk, message).at(names))
}

/// Nodes that load their data: they serve none of it, and everything else of them is as it should
/// be.
pub(super) fn loading(cluster: &ClusterReport) -> Vec<Problem> {
    let unreachable = cluster.unreachable.iter().filter_map(|node| Some((node.id, node.loading?)));
    let problem = |(id, loading): (NodeId, Loading)| {
        let name = cluster.name(id);
        let master = cluster.nodes.iter().find_map(|node| node.view.node(id)?.role.master());
        match master.filter(|_| loading.is_first_copy) {
            Some(master) => {
                let master = cluster.name(master);
                let message = format!("{name} is loading the initial sync of {master}: {loading}");
                Problem::warning(Kind::ReplicaSyncing, message).at([name, master])
            }
            None => {
                let message = format!("{name} is loading its data: {loading}");
                let wait = format!("rcluster check {} --wait 10m", cluster.entry().via);
                Problem::error(Kind::NodeLoading, message).at([name]).mended_by(wait)
            }
        }
    };
    unreachable.map(problem).collect()
}

/// Nodes in fail, fail?, handshake or noaddr state, and who sees them so.
pub(super) fn flagged(cluster: &ClusterReport) -> Vec<Problem> {
    let flags = [Flag::Fail, Flag::PFail, Flag::NoAddr, Flag::Handshake];
    let mut seen: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
    for report in &cluster.nodes {
        for node in report.view.peers() {
            for (order, _) in flags.iter().enumerate().filter(|(_, flag)| node.flags.has(**flag)) {
                seen.entry((order, node.name())).or_default().push(report.via.to_string());
            }
        }
    }
    let problem = |((order, name), observers): ((usize, String), Vec<String>)| {
        let all = observers.len() + 1 >= cluster.nodes.len() && observers.len() > 1;
        let who = if all { "every other reachable node".to_owned() } else { listed(&observers) };
        let (kind, words) = match flags[order] {
            Flag::Fail => (Kind::NodeFailing, "is marked as failed by"),
            Flag::PFail => (Kind::NodeFailing, "does not reply on the cluster bus (fail?) to"),
            Flag::NoAddr => (Kind::NodeFailing, "has no known address (noaddr) at"),
            _ => (Kind::NodeHandshake, "is still in handshake with"),
        };
        let message = format!("{name} {words} {who}");
        match kind {
            Kind::NodeHandshake => Problem::warning(kind, message).at([name]),
            _ => Problem::error(kind, message).at([name]),
        }
    };
    seen.into_iter().map(problem).collect()
}

/// Nodes that answer us, but have never answered another node over the bus: between those two the
/// bus is open in one direction only, and neither sees the other fail.
pub(super) fn bus_unreachable(cluster: &ClusterReport) -> Vec<Problem> {
    let mut bus_unreachable: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for report in &cluster.nodes {
        let quiet = report.view.peers().filter(|node| {
            let doubted = [Flag::Handshake, Flag::NoAddr, Flag::PFail, Flag::Fail];
            !node.heard && !doubted.iter().any(|flag| node.flags.has(*flag))
        });
        for node in quiet.filter(|node| cluster.node(node.id).is_some()) {
            let bus = node.addr.as_ref().map(|addr| addr.bus()).unwrap_or_default();
            let named = format!("{bus}, the bus of {}", node.name());
            bus_unreachable.entry(named).or_default().push(report.via.to_string());
        }
    }
    let cause = match bus_tls::may_fail(&cluster.nodes) {
        true => ": the port is closed, or TLS fails there (tls-cluster is yes)",
        false => "",
    };
    let problem = |(bus, observers): (String, Vec<String>)| {
        let message = format!("{} never had a reply from {bus}{cause}", listed(&observers));
        Problem::error(Kind::BusClosed, message).at(observers)
    };
    bus_unreachable.into_iter().map(problem).collect()
}

pub(super) fn shared_ids(cluster: &ClusterReport) -> Vec<Problem> {
    let servers = cluster.nodes.iter().into_group_map_by(|report| report.id());
    let problem = |(id, reports): (NodeId, Vec<&NodeReport>)| {
        let names = reports.iter().map(|report| report.via.to_string()).sorted().collect_vec();
        let message = format!(
            "{} are different servers with one node id ({id}): they were started on copies of one nodes.conf",
            listed(&names)
        );
        Problem::error(Kind::IdShared, message).at(names)
    };
    let doubled = servers.into_iter().filter(|(_, reports)| reports.len() > 1);
    doubled.sorted_by_key(|(id, _)| *id).map(problem).collect()
}

/// Replicas whose link is not up, and replicas of replicas.
pub(super) fn replicas(cluster: &ClusterReport) -> Vec<Problem> {
    cluster.nodes.iter().flat_map(|report| replica(cluster, report)).collect()
}

fn replica(cluster: &ClusterReport, report: &NodeReport) -> Vec<Problem> {
    let Role::Replica { of } = report.view.me().role else { return Vec::new() };
    let (name, master) = (report.via.to_string(), cluster.name(of));
    let mut found = Vec::new();
    // A replica that its master feeds waits for its first copy: repl-diskless-sync-delay, and then
    // as long as the data takes. One that is still between two tries after a minute gets nowhere.
    // A master knows its replicas by what they announce, so it is asked for their number only.
    let waits = |node: &&NodeReport| {
        node.view.me().role.master() == Some(of) && node.link != Some(Link::Up)
    };
    let waiting = cluster.nodes.iter().filter(waits).count();
    let fed = cluster.node(of).is_some_and(|master| master.syncing_replicas >= waiting);
    let down_for =
        report.link_down_for.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
    let stuck = report.link_down_for.is_some_and(|seconds| seconds > FIRST_COPY);
    // A replica that its master turns away says that a copy is on its way all the same, while it waits
    // for what never comes (Valkey 9).
    let turned_away = cluster.node(of).is_some_and(|master| master.replicas == Some(0))
        && report.link_down_for.is_some_and(|seconds| seconds > KNOWN);
    let ends = [name.clone(), master.clone()];
    match report.link {
        Some(link) if turned_away && link != Link::Up || link == Link::Down && (!fed || stuck) => {
            let message = format!(
                "{name}: the replication link to its master {master} is down{down_for} (master_link_status:down)"
            );
            found.push(Problem::error(Kind::ReplicaLinkDown, message).at(ends));
        }
        Some(Link::Down | Link::Syncing) => {
            let message = format!("{name} waits for its initial sync with {master}");
            found.push(Problem::warning(Kind::ReplicaSyncing, message).at(ends));
        }
        Some(Link::Up) | None => {}
    }
    let above = cluster.node(of).and_then(|master| master.view.me().role.master());
    if let Some(top) = above {
        let top = cluster.name(top);
        let message = format!("{name} replicates {master}, which is itself a replica of {top}");
        let fix = format!("rcluster replicate {name} {top}");
        let problem = Problem::error(Kind::ReplicaOfReplica, message);
        found.push(problem.at([name, master, top]).mended_by(fix));
    }
    found
}

pub(super) fn without_replica(cluster: &ClusterReport) -> Vec<Problem> {
    let views = cluster.nodes.iter().flat_map(|report| report.view.nodes());
    let copied: BTreeSet<NodeId> = views.filter_map(|node| node.role.master()).collect();
    let masters = owners(cluster).into_iter().map(|(id, _)| id).unique().collect_vec();
    if !masters.iter().any(|id| copied.contains(id)) {
        return Vec::new();
    }
    let problem = |id: &NodeId| {
        let name = cluster.name(*id);
        let covers = cluster.node(*id).and_then(|node| node.settings.get(FULL_COVERAGE));
        let all = match covers.is_some_and(|value| value == "yes") {
            true => ", and every node rejects queries (cluster-require-full-coverage yes)",
            false => "",
        };
        let message = format!(
            "{name} has no replica, other masters have: if it fails, its slots are unavailable{all}"
        );
        Problem::warning(Kind::NoReplica, message).at([name])
    };
    masters.iter().filter(|id| !copied.contains(id)).map(problem).collect()
}
