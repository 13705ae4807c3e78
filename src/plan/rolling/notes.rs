//! What restarts cost, as far as that can be told beforehand.

use itertools::Itertools;

use super::order::outline;
use super::refuse::restarted;
use super::request::{FactsByNode, Request};
use crate::model::{ClusterReport, NodeId, NodeReport};

/// Seconds that a restart may well take.
const RESTART: u64 = 60;

/// `repl-diskless-sync-delay` where it is not told.
const SYNC_DELAY: u64 = 5;

/// Sentences for whoever decides whether to go ahead.
pub fn notes(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    request: &Request,
    now: u64,
) -> Vec<String> {
    let steps = outline(cluster, request, now);
    if steps.is_empty() {
        return Vec::new();
    }
    let restarted = restarted(&steps);
    let found = [
        point_of_no_return(cluster, request),
        full_syncs(cluster, facts, &restarted),
        short_backlogs(cluster, facts, &restarted),
        wandering(cluster),
        save_unknown(cluster, facts, &restarted),
    ];
    found.into_iter().flatten().collect()
}

/// Up to the first failover, the old server starts again once the data files of its replicas are
/// deleted; afterwards the masters' data is the newer version's.
fn point_of_no_return(cluster: &ClusterReport, request: &Request) -> Option<String> {
    let target = request.until.version.as_ref()?;
    let old = cluster.nodes.iter().find(|node| !target.is_met_by(&node.version))?;
    Some(match request.replicas_only {
        true => format!(
            "only replicas are upgraded: back to {} they go with their data files deleted and nodes.conf kept",
            old.version
        ),
        false => format!(
            "the first failover to {target} is the point of no return to {}: --replicas-only stops before it",
            old.version
        ),
    })
}

/// The master that a node copies, or copied as its replica.
fn master_of(cluster: &ClusterReport, id: NodeId) -> Option<&NodeReport> {
    let node = cluster.node(id)?;
    node.view.me().role.master().map_or(Some(node), |master| cluster.node(master))
}

fn full_syncs(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    restarted: &[NodeId],
) -> Option<String> {
    let full = restarted.iter().filter(|id| {
        facts.get(id).is_some_and(|facts| facts.appendonly || facts.saves == Some(false))
    });
    let full = full.copied().collect_vec();
    let masters = full.iter().filter_map(|id| master_of(cluster, *id)).collect_vec();
    let bytes: u64 = masters.iter().map(|master| master.memory).sum();
    let delay = |master: &&NodeReport| {
        facts.get(&master.id()).map_or(SYNC_DELAY, |facts| facts.sync_delay.unwrap_or(0))
    };
    let seconds: u64 = masters.iter().map(delay).sum();
    (!full.is_empty()).then(|| {
        format!(
            "{} of {} restarts end in a full sync (appendonly yes, or no saves), of {} MiB in total; \
             repl-diskless-sync-delay alone adds {seconds} s",
            full.len(),
            restarted.len(),
            bytes >> 20,
        )
    })
}

fn short_backlogs(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    restarted: &[NodeId],
) -> Option<String> {
    let masters = restarted
        .iter()
        .filter(|id| facts.get(id).is_some_and(|facts| !facts.appendonly))
        .filter_map(|id| master_of(cluster, *id))
        .unique_by(|node| node.id());
    let covers = |node: &NodeReport| {
        let facts = facts.get(&node.id())?;
        Some((facts.backlog?, facts.backlog? / facts.replicates.filter(|rate| *rate > 0)?))
    };
    let short = masters.filter_map(|node| Some((node, covers(node)?)));
    let short = short.filter(|(_, (_, seconds))| *seconds < RESTART);
    let (node, (bytes, seconds)) = short.min_by_key(|(_, (_, seconds))| *seconds)?;
    Some(format!(
        "repl-backlog-size of {} ({} KiB) holds {seconds} s of its writes: a restart that takes longer ends in a \
         full sync",
        cluster.name(node.id()),
        bytes >> 10,
    ))
}

/// Spare replicas move to shards that are left without one.
fn wandering(cluster: &ClusterReport) -> Option<String> {
    let by_master = cluster.nodes.iter().filter_map(|node| node.view.me().role.master()).counts();
    let spares = by_master.values().any(|replicas| *replicas > 1);
    let migrates = |node: &NodeReport| {
        node.settings.get("cluster-allow-replica-migration").is_none_or(|value| value == "yes")
    };
    let timeout = cluster.nodes.iter().filter_map(NodeReport::node_timeout).min();
    (spares && cluster.nodes.iter().any(migrates)).then(|| {
        format!(
            "spare replicas may move to other shards and stay there, if a node stays away for longer than \
             cluster-node-timeout{} (cluster-allow-replica-migration yes)",
            timeout.map(|ms| format!(", {} s", ms as f64 / 1000.0)).unwrap_or_default(),
        )
    })
}

fn save_unknown(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    restarted: &[NodeId],
) -> Option<String> {
    let save_unknown = restarted
        .iter()
        .filter(|id| facts.get(id).is_none_or(|facts| facts.saves.is_none()))
        .map(|id| cluster.name(*id))
        .collect_vec();
    (!save_unknown.is_empty()).then(|| {
        format!(
            "whether {} save their data cannot be told (CONFIG GET is denied)",
            save_unknown.join(", ")
        )
    })
}
