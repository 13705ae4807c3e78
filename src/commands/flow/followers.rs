//! Replicas that could not copy the masters that a plan gives them: told before anything changes.

use itertools::Itertools;

use super::context::Context;
use crate::model::{ClusterReport, LoginFailure, NodeAddr, NodeId, NodeReport};
use crate::plan::check::{Kind, check};
use crate::plan::formation::{Step, TopologyPlan};
use crate::plan::versions::TooNew;
use crate::render::Failure;
use crate::wire::{Server, all_at_once};

/// When a master becomes a replica.
pub const AFTER_FAILOVER: &str = "after a failover";

/// A node that is to replicate another.
pub struct Follower<'a> {
    pub report: &'a NodeReport,
    pub server: &'a mut Server,
    pub master: &'a NodeReport,
}

/// Those whom a plan makes a replica; `reports` and `servers` are the members', in their order.
pub fn of_plan<'a>(
    plan: &TopologyPlan,
    reports: &[&'a NodeReport],
    servers: &'a mut [Server],
) -> Vec<Follower<'a>> {
    of_pairs(&pairs(plan), reports, servers)
}

/// The masters that a plan gives replicas, each as the replica that it is after a failover.
pub fn after_failover<'a>(
    plan: &TopologyPlan,
    reports: &[&'a NodeReport],
    servers: &'a mut [Server],
) -> Vec<Follower<'a>> {
    let swapped = pairs(plan).into_iter().map(|(replica, master)| (master, replica));
    of_pairs(&swapped.collect_vec(), reports, servers)
}

/// The first of each pair as a replica of the second, by index; a node is a replica once.
fn of_pairs<'a>(
    pairs: &[(usize, usize)],
    reports: &[&'a NodeReport],
    servers: &'a mut [Server],
) -> Vec<Follower<'a>> {
    let nodes = reports.iter().zip(servers).enumerate();
    nodes
        .filter_map(|(index, (report, server))| {
            let (_, master) = pairs.iter().find(|(replica, _)| *replica == index)?;
            Some(Follower { report, server, master: *reports.get(*master)? })
        })
        .collect()
}

/// Those who follow a replica once it is promoted: its master and the master's other replicas.
pub fn of_successors<'a>(
    cluster: &'a ClusterReport,
    successors: &[NodeId],
    servers: &'a mut [Server],
) -> Vec<Follower<'a>> {
    let shard = |node: &NodeReport| node.view.me().role.master().unwrap_or(node.id());
    let successors = successors.iter().filter_map(|id| cluster.node(*id)).collect_vec();
    let nodes = cluster.nodes.iter().zip(servers);
    nodes
        .filter_map(|(report, server)| {
            let mut successors =
                successors.iter().filter(|successor| successor.id() != report.id());
            let master = successors.find(|successor| shard(successor) == shard(report))?;
            Some(Follower { report, server, master })
        })
        .collect()
}

/// Who follows whom by a plan, by index.
fn pairs(plan: &TopologyPlan) -> Vec<(usize, usize)> {
    let follows = |step: &Step| match step {
        Step::Follow(of) => plan.index_of(*of),
        _ => None,
    };
    let members = plan.members.iter().enumerate();
    members
        .filter_map(|(index, member)| Some((index, member.steps.iter().find_map(follows)?)))
        .collect()
}

/// Refuses a plan in which a replica cannot log in at its master, or, unless `force`, cannot read
/// its data.
pub fn vet(cx: &Context, followers: Vec<Follower>, force: bool) -> Result<(), Failure> {
    let gaps = followers.iter().filter_map(|node| TooNew::of(node.report, node.master));
    vet_versions(cx, &gaps.collect_vec(), force, "--force")?;
    let failures = failures(cx, followers);
    if failures.is_empty() { Ok(()) } else { Err(refusal(&failures)) }
}

/// Refuses nodes that could not read their master's data; warns of them where the user has
/// `accepted` that by the option `flag`, or otherwise.
pub fn vet_versions(
    cx: &Context,
    gaps: &[TooNew],
    accepted: bool,
    flag: &str,
) -> Result<(), Failure> {
    if accepted {
        gaps.iter().for_each(|gap| {
            cx.warn(&format!("{gap}: a full sync leaves it without data until it is upgraded"))
        });
        return Ok(());
    }
    let failure = match gaps {
        [] => return Ok(()),
        [one] => Failure::refused(one),
        several => Failure::refused(format!("{} nodes cannot replicate", several.len()))
            .details(several.iter().map(TooNew::to_string)),
    };
    Err(failure.hint(format!(
        "nothing was changed; upgrade the replica first. With {flag}: a full sync leaves it \
         without data until it is upgraded"
    )))
}

/// Warns of nodes that could not log in at a master that they may get, and `when` that is.
pub fn warn(cx: &Context, followers: Vec<Follower>, when: &str) {
    for (replica, master, failure) in failures(cx, followers) {
        let remedy = failure.remedy(&replica, &master);
        cx.warn(&format!(
            "{replica} cannot log in at {master}: {failure}: {when} it does not replicate; {remedy}"
        ));
    }
}

/// Warns of replicas that have no connection to their masters as they cannot log in there.
pub fn warn_of_apart(cx: &Context, cluster: &ClusterReport) {
    for problem in check(cluster).iter().filter(|problem| problem.kind == Kind::ReplicaLogin) {
        let fix = problem.fix.as_deref().unwrap_or_default();
        cx.warn(&format!("{}: it does not replicate; {fix}", problem.message));
    }
}

fn failures(cx: &Context, followers: Vec<Follower>) -> Vec<(NodeAddr, NodeAddr, LoginFailure)> {
    let failures = all_at_once(followers, |Follower { report, server, master }| {
        let failure = server.login_failure_at(&master.via, &cx.access)?;
        Some((report.via.clone(), master.via.clone(), failure))
    });
    failures.into_iter().flatten().collect()
}

fn refusal(failures: &[(NodeAddr, NodeAddr, LoginFailure)]) -> Failure {
    let line = |(replica, master, failure): &(NodeAddr, NodeAddr, LoginFailure)| {
        format!("{replica} cannot log in at its master {master}: {failure}")
    };
    let failure = match failures {
        [one] => Failure::refused(line(one)),
        several => Failure::refused(format!(
            "{} nodes cannot log in at their masters and would never replicate",
            several.len()
        ))
        .details(several.iter().map(line)),
    };
    let remedies =
        failures.iter().map(|(replica, master, failure)| failure.remedy(replica, master));
    let remedies: Vec<String> = remedies.collect();
    failure.hint(format!("nothing was changed; run these, then rerun:\n{}", remedies.join("\n")))
}
