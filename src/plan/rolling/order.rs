//! Who is next.

use std::collections::BTreeSet;

use itertools::Itertools;

use super::request::{Progress, Request, replicas_of, serves};
use crate::model::{ClusterReport, NodeId, NodeReport};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// These are restarted at the same time; none serves slots.
    Restart(Vec<NodeId>),
    /// The best of these replicas takes the place of a master that is to be restarted.
    Replace {
        /// The master.
        master: NodeId,
        /// Its replicas that answer.
        replicas: Vec<NodeId>,
    },
    /// This replica becomes master again.
    Return {
        /// The replica.
        replica: NodeId,
        /// Its master now.
        master: NodeId,
    },
    /// Nothing.
    Done,
}

/// A step of the plan as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// These are restarted at the same time.
    Restart(Vec<NodeId>),
    /// One of these replicas takes the master's place, and the master is restarted.
    Replace {
        /// The master.
        master: NodeId,
        /// Its replicas that answer.
        replicas: Vec<NodeId>,
    },
    /// This node becomes master again.
    Return(NodeId),
}

/// A node that is still to be restarted, and serves no slots.
struct Idle {
    id: NodeId,
    /// The master of its shard; itself where it is a master without slots.
    shard: NodeId,
    zone: Option<String>,
    /// Whether it answers: one that an interrupted run has left down is first.
    is_up: bool,
    name: String,
}

fn is_wanted(request: &Request, progress: &Progress, id: NodeId) -> bool {
    let is_named = request.only.as_ref().is_none_or(|only| only.contains(&id));
    is_named && !progress.restarted.contains(&id)
}

fn is_pending(request: &Request, progress: &Progress, node: &NodeReport, now: u64) -> bool {
    is_wanted(request, progress, node.id()) && !request.until.is_met_by(node, now)
}

/// The nodes that could be restarted at once, in their order.
fn idle(cluster: &ClusterReport, request: &Request, progress: &Progress, now: u64) -> Vec<Idle> {
    let up = cluster.nodes.iter().filter(|node| {
        !serves(node)
            && is_pending(request, progress, node, now)
            && !(request.replicas_only && node.view.me().is_master())
    });
    let up = up.map(|node| Idle {
        id: node.id(),
        shard: node.view.me().role.master().unwrap_or(node.id()),
        zone: node.zone.clone(),
        is_up: true,
        name: cluster.name(node.id()),
    });
    let down = cluster.unreachable.iter().filter(|node| is_wanted(request, progress, node.id));
    let down = down.filter_map(|node| {
        let master = cluster.nodes.iter().find_map(|other| other.view.node(node.id)?.role.master());
        let name = cluster.name(node.id);
        Some(Idle { id: node.id, shard: master?, zone: None, is_up: false, name })
    });
    let all = up.chain(down).unique_by(|node| node.id);
    all.sorted_by(|a, b| (a.is_up, &a.zone, &a.name).cmp(&(b.is_up, &b.zone, &b.name))).collect()
}

/// The masters that are to be restarted, once a replica has taken their place.
fn masters<'a>(
    cluster: &'a ClusterReport,
    request: &Request,
    progress: &Progress,
    now: u64,
) -> Vec<&'a NodeReport> {
    let serving = cluster.nodes.iter().filter(|node| serves(node) && !request.replicas_only);
    let pending = serving.filter(|node| is_pending(request, progress, node, now));
    pending.sorted_by_key(|node| cluster.name(node.id())).collect()
}

/// Replicas of different shards in one zone.
fn wave(idle: &[Idle], at_once: usize) -> Vec<NodeId> {
    let Some(first) = idle.first() else { return Vec::new() };
    let alike = idle.iter().filter(|node| node.zone == first.zone && node.is_up == first.is_up);
    alike.unique_by(|node| node.shard).map(|node| node.id).take(at_once).collect()
}

/// What is to be done next, by facts that were read at `now` (milliseconds since 1970).
pub fn next(cluster: &ClusterReport, request: &Request, progress: &Progress, now: u64) -> Next {
    let idle = idle(cluster, request, progress, now);
    if !idle.is_empty() {
        return Next::Restart(wave(&idle, request.at_once));
    }
    let masters = masters(cluster, request, progress, now);
    if let Some(master) = masters.iter().find(|master| !progress.passed_over.contains(&master.id()))
    {
        let master = master.id();
        let replicas = replicas_of(cluster, master).map(NodeReport::id).collect();
        return Next::Replace { master, replicas };
    }
    match returns(cluster, request, progress).first() {
        Some((replica, master)) => Next::Return { replica: *replica, master: *master },
        None => Next::Done,
    }
}

/// The replicas that are to become master again, each with its master.
fn returns(
    cluster: &ClusterReport,
    request: &Request,
    progress: &Progress,
) -> Vec<(NodeId, NodeId)> {
    let Some(wanted) = request.masters.as_ref().filter(|_| !request.replicas_only) else {
        return Vec::new();
    };
    let back = cluster.nodes.iter().filter_map(|node| {
        let master = node.view.me().role.master()?;
        let is_wanted = wanted.contains(&node.id()) && !wanted.contains(&master);
        (is_wanted && !progress.passed_over.contains(&node.id())).then(|| (node.id(), master))
    });
    back.sorted_by_key(|(replica, _)| cluster.name(*replica)).collect()
}

/// All steps, as far as the facts of now tell.
pub fn outline(cluster: &ClusterReport, request: &Request, now: u64) -> Vec<Step> {
    let mut progress = Progress::default();
    let mut steps = Vec::new();
    loop {
        let wave = wave(&idle(cluster, request, &progress, now), request.at_once);
        if wave.is_empty() {
            break;
        }
        progress.restarted.extend(wave.iter().copied());
        steps.push(Step::Restart(wave));
    }
    let mut back: BTreeSet<(String, NodeId)> = returns(cluster, request, &progress)
        .into_iter()
        .map(|(replica, _)| (cluster.name(replica), replica))
        .collect();
    for master in masters(cluster, request, &progress, now) {
        let id = master.id();
        let replicas: Vec<NodeId> = replicas_of(cluster, id).map(NodeReport::id).collect();
        if replicas.is_empty() {
            continue;
        }
        if request.masters.as_ref().is_some_and(|masters| masters.contains(&id)) {
            back.insert((cluster.name(id), id));
        }
        steps.push(Step::Replace { master: id, replicas });
    }
    steps.extend(back.into_iter().map(|(_, id)| Step::Return(id)));
    steps
}

/// Masters that are to be restarted and have no replica: they are left out.
pub fn left_out(cluster: &ClusterReport, request: &Request, now: u64) -> Vec<NodeId> {
    let masters = masters(cluster, request, &Progress::default(), now).into_iter();
    let alone = masters.filter(|master| replicas_of(cluster, master.id()).next().is_none());
    alone.map(NodeReport::id).collect()
}
