//! What speaks against it.

use itertools::Itertools;

use super::command::{CommandNode, UnsafeHost};
use super::order::{Step, left_out, outline};
use super::request::{FactsByNode, Request, replicas_of};
use super::target::Target;
use crate::model::{ClusterReport, Link, NodeId, NodeReport, ServerVersion};
use crate::plan::check::{Kind, Problem, Severity, check};

/// Why nothing is restarted unless it is forced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `check` finds an error: its message.
    #[error("the cluster is unhealthy: {0}")]
    Unhealthy(String),
    /// A master to restart has nobody to take its place.
    #[error(
        "{master} has no replica in sync that could take its place: while it restarts, its slots would be down"
    )]
    NoReplica {
        /// Its name.
        master: String,
    },
    /// A node that is a master, now or for a while, keeps nothing over a restart.
    #[error(
        "{node} saves nothing to disk (save \"\", appendonly no): if it restarts while it is a master, it comes back \
         empty and its replicas copy that"
    )]
    NoPersistence {
        /// Its name.
        node: String,
    },
    /// The wanted version is older.
    #[error("{node} has {version}: {target} is older and does not start on its data files")]
    Downgrade {
        /// Its name.
        node: String,
        /// What it has.
        version: String,
        /// What is wanted.
        target: Target,
    },
    /// The wanted version is of another kind and does not know the data's format.
    #[error("{node} has {version}: {target} does not read its data files")]
    Unreadable {
        /// Its name.
        node: String,
        /// What it has.
        version: String,
        /// What is wanted.
        target: Target,
    },
    /// A master rejects writes while one of its replicas is away.
    #[error(
        "{master} requires {needed} replicas in sync (min-replicas-to-write) and has {good}: while one restarts, it \
         rejects writes"
    )]
    FewReplicas {
        /// Its name.
        master: String,
        /// `min-replicas-to-write`.
        needed: u64,
        /// Its replicas in sync.
        good: u64,
    },
}

/// All that speaks against the plan; nothing does where there is nothing to restart.
pub fn refusals(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    request: &Request,
    now: u64,
) -> Vec<Refusal> {
    let steps = outline(cluster, request, now);
    let alone = left_out(cluster, request, now);
    if steps.is_empty() && alone.is_empty() {
        return Vec::new();
    }
    let restarted = restarted(&steps);
    let down = down(cluster, request, &restarted);
    let replaced = steps.iter().filter_map(|step| match step {
        Step::Replace { master, .. } => Some(*master),
        _ => None,
    });
    let replaced = replaced.chain(alone).collect_vec();
    let unhealthy = unhealthy(cluster, down.as_deref()).map(Refusal::Unhealthy);
    let no_replica = replaced
        .iter()
        .filter(|master| down.is_none() && !has_replica_in_sync(cluster, **master))
        .map(|master| Refusal::NoReplica { master: cluster.name(*master) });
    let versions = restarted
        .iter()
        .chain(&replaced)
        .unique()
        .filter_map(|id| version(cluster.node(*id)?, request.until.version.as_ref()?));
    let mut all = unhealthy.chain(no_replica).chain(versions).collect_vec();
    all.extend(without_persistence(cluster, facts, &restarted, &replaced));
    all.extend(few_replicas(cluster, &restarted));
    all
}

/// The nodes that are restarted in these steps.
pub fn restarted(steps: &[Step]) -> Vec<NodeId> {
    let nodes = |step: &Step| match step {
        Step::Restart(nodes) => nodes.clone(),
        Step::Replace { master, .. } => vec![*master],
        Step::Return(_) => Vec::new(),
    };
    steps.iter().flat_map(nodes).collect()
}

/// The one node that an interrupted run may have left down: it is restarted first.
fn down(cluster: &ClusterReport, request: &Request, restarted: &[NodeId]) -> Option<String> {
    let [node] = &cluster.unreachable[..] else { return None };
    (request.resumes && restarted.contains(&node.id)).then(|| cluster.name(node.id))
}

/// Refuses a command if a node that it is for announces what must not be put into it.
pub fn vet_command(
    cluster: &ClusterReport,
    steps: &[Step],
    command: &str,
) -> Result<(), UnsafeHost> {
    let addr = |id| cluster.nodes.iter().find_map(|node| node.view.node(id)?.addr.clone());
    let nodes = restarted(steps).into_iter().filter_map(|id| Some((id, addr(id)?)));
    let mut filled =
        nodes.map(|(id, addr)| CommandNode { addr, id, role: "replica" }.fill(command));
    filled.try_for_each(|filled| filled.map(drop))
}

fn unhealthy(cluster: &ClusterReport, down: Option<&str>) -> impl Iterator<Item = String> {
    let errors = check(cluster).into_iter().filter(|problem| problem.severity == Severity::Error);
    let is_of_down = |problem: &Problem| {
        down.is_some_and(|down| {
            !problem.nodes.is_empty() && problem.nodes.iter().all(|n| n == down)
        })
    };
    errors
        .filter(|problem| !is_of_down(problem))
        .map(|problem| problem.message)
        .collect_vec()
        .into_iter()
}

fn has_replica_in_sync(cluster: &ClusterReport, master: NodeId) -> bool {
    replicas_of(cluster, master).any(|node| node.link == Some(Link::Up))
}

fn version(node: &NodeReport, target: &Target) -> Option<Refusal> {
    let (now, then) = (ServerVersion::parse(&node.version)?, target.after(&node.version)?);
    let (node, version, target) = (node.via.to_string(), node.version.clone(), target.clone());
    match (then.is_before(now), then.reads_files_of(now)) {
        (true, _) => Some(Refusal::Downgrade { node, version, target }),
        (_, false) => Some(Refusal::Unreadable { node, version, target }),
        _ => None,
    }
}

/// Nodes that lose their data with their process, and are masters now or for a while.
fn without_persistence(
    cluster: &ClusterReport,
    facts: &FactsByNode,
    restarted: &[NodeId],
    replaced: &[NodeId],
) -> Vec<Refusal> {
    let masters = restarted.iter().filter_map(|id| cluster.node(*id)?.view.me().role.master());
    let successors = replaced.iter().flat_map(|id| replicas_of(cluster, *id)).map(NodeReport::id);
    let serving = masters.chain(replaced.iter().copied()).chain(successors).unique();
    let without =
        serving.filter(|id| facts.get(id).is_some_and(|facts| facts.saves == Some(false)));
    without
        .map(|id| cluster.name(id))
        .sorted()
        .map(|node| Refusal::NoPersistence { node })
        .collect()
}

/// Masters that reject writes while one replica is away.
fn few_replicas(cluster: &ClusterReport, restarted: &[NodeId]) -> Vec<Refusal> {
    let shard = |id: &NodeId| {
        let node = cluster.node(*id)?;
        cluster.node(node.view.me().role.master().unwrap_or(*id))
    };
    let masters = restarted.iter().filter_map(shard).unique_by(|node| node.id());
    let few = masters.filter_map(|node| {
        let (good, needed) = node.writes.replicas?;
        let master = cluster.name(node.id());
        (good <= needed).then_some(Refusal::FewReplicas { master, needed, good })
    });
    few.collect()
}

/// What `check` finds that it did not find `before`. Settings that differ, and masters that are
/// crowded, are what a rolling change and its failovers lead to.
pub fn worse(before: &[Problem], now: &[Problem]) -> Vec<Problem> {
    let passing = [Kind::SettingsDiffer, Kind::MastersCrowded];
    let is_old = |problem: &Problem| {
        before.iter().any(|old| old.kind == problem.kind && old.nodes == problem.nodes)
    };
    now.iter()
        .filter(|problem| !passing.contains(&problem.kind) && !is_old(problem))
        .cloned()
        .collect()
}
