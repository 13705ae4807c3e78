//! `rcluster del-node`

use std::time::{Duration, Instant};

use clap::Args;
use itertools::Itertools;

use super::args::duration;
use super::args::{ConsentArgs, WITHIN};
use super::flow::Context;
use super::flow::followers;
use super::flow::migrate;
use super::flow::rights;
use super::shell::quoted;
use crate::model::{ClusterReport, FindError, NodeId, NodeList, NodeRef};
use crate::ops;
use crate::plan::leave::{self, Leave};
use crate::plan::reset::NodeReset;
use crate::render::Failure;
use crate::wire::{Cluster, Server, load_cluster};

/// Remove nodes, also unreachable ones
///
/// Their replicas get another master. Nodes that are reachable are reset first and get a new id, so
/// that gossip cannot bring them back and they can be added again at once. Then every node forgets
/// them.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster del-node 127.0.0.1:7001 127.0.0.1:8004\n\
    \x20 rcluster del-node 127.0.0.1:7001 127.0.0.1:7004 --drain\n\
    \x20 rcluster del-node 127.0.0.1:7001 07c37dfe")]
pub struct DelNode {
    /// Any node of the cluster that stays
    pub entry: NodeList,
    /// Nodes to remove: addresses, ids, or starts of ids
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<NodeRef>,
    /// Move their slots away first, with their keys
    #[arg(long)]
    drain: bool,
    /// Accept replicas too old to copy any other master
    #[arg(long)]
    force: bool,
    /// Check again after TIME that no node lists them
    ///
    /// Servers refuse a forgotten node for 60 s only.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    verify_after: Option<Duration>,
    #[command(flatten)]
    consent: ConsentArgs,
}

impl DelNode {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut cluster = cx.load_to_change(&self.entry)?;
        let leaving = self.leaving(cx, &cluster.report)?;
        if let Some(failure) = Failure::loading(&cluster.report, &leaving, &self.entry) {
            return Err(failure);
        }
        let plan = leave::plan(&cluster.report, &leaving, self.drain)?;
        let homing = plan.homing(&cluster.report);
        let nodes: Vec<_> = cluster.report.nodes.iter().collect();
        followers::vet(cx, followers::of_plan(&homing, &nodes, &mut cluster.servers), self.force)?;
        if !self.consent.dry_run && !leaving.is_empty() {
            rights::vet("del-node", &mut cluster.servers)?;
        }
        let actions = actions(&cluster.report, &plan);
        let changes = self.consent.ask(cx, &actions, "nothing to do: no node lists them")?;
        let mut not_notified = Vec::new();
        if changes {
            let stays = |node: &&crate::model::NodeReport| !leaving.contains(&node.id());
            let stayer = cluster.report.nodes.iter().find(stays);
            let entry = stayer.map_or_else(|| self.entry.clone(), |node| node.via.clone().into());
            not_notified = if plan.drain.is_some() {
                let again = self.again();
                let drained = migrate::drain(
                    cx,
                    &entry,
                    |report| Ok(leave::plan(report, &leaving, true)?.drain),
                    |_| again.clone(),
                )?;
                let left = load_cluster(&entry, &cx.access).map_err(Failure::from);
                left.and_then(|cluster| self.leave(cx, &entry, cluster, &leaving))
                    .map_err(|failure| failure.after(drained))?
            } else {
                self.leave(cx, &entry, cluster, &leaving)?
            };
        }
        let done = "no reachable node lists them any more";
        self.consent.report(cx, start, changes, actions, not_notified, done)
    }

    /// Everything after the slots have moved; gives who could not be told.
    fn leave(
        &self,
        cx: &Context,
        entry: &NodeList,
        cluster: Cluster,
        leaving: &[NodeId],
    ) -> Result<Vec<String>, Failure> {
        let options = self.consent.options(cx)?;
        let plan = leave::plan(&cluster.report, leaving, false)?;
        let (mut stay, going) = parted(cluster, leaving);
        if !plan.homes.is_empty() {
            let homing = plan.homing(&stay.report);
            ops::apply(&homing, &mut stay.servers, &options, &cx.progress())?;
        }
        let untold = depart(cx, stay, going, leaving, &options.deadline)?;
        if let Some(after) = self.verify_after {
            self.verify(cx, entry, leaving, after)?;
        }
        Ok(untold)
    }

    /// The ids of the nodes that leave; none for one that has left already.
    fn leaving(&self, cx: &Context, report: &ClusterReport) -> Result<Vec<NodeId>, Failure> {
        let mut leaving = Vec::new();
        for node in &self.nodes {
            match cx.id_of(report, node) {
                Ok(id) => leaving.push(id),
                Err(error @ FindError::Unknown(..)) if !has_left(cx, node) => {
                    return Err(error.into());
                }
                Err(FindError::Unknown(..)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(leaving.into_iter().unique().collect())
    }

    fn again(&self) -> String {
        let DelNode { entry, nodes, drain: _, force, verify_after, consent } = self;
        let nodes = nodes.iter().map(|node| node.to_string().trim_matches('\'').to_owned());
        let time = |name: &str, time: &Duration| {
            let given = humantime::format_duration(*time).to_string();
            format!(" {name} {}", quoted(given.as_ref()))
        };
        let flags = [
            force.then(|| " --force".to_owned()),
            verify_after.map(|after| time("--verify-after", &after)),
            consent.within.map(|within| time("--within", &within)),
        ];
        let flags = flags.into_iter().flatten().collect::<String>();
        format!("rcluster del-node {entry} {} --drain{flags}", nodes.format(" "))
    }

    fn verify(
        &self,
        cx: &Context,
        entry: &NodeList,
        leaving: &[NodeId],
        after: Duration,
    ) -> Result<(), Failure> {
        let mut cluster = load_cluster(entry, &cx.access)?;
        let deadline = self.consent.deadline(cx, after + WITHIN)?;
        let progress = cx.progress();
        ops::verify_forgotten(leaving, &mut cluster.servers, after, &deadline, &progress)?;
        Ok(())
    }
}

/// Whether it is no node of the cluster because it left: a whole id that nobody lists, or a node
/// that answers and is alone.
pub fn has_left(cx: &Context, node: &NodeRef) -> bool {
    match node {
        NodeRef::Id(id) => id.len() == 40,
        NodeRef::Addr(addr) => Server::connect(addr, &cx.access)
            .and_then(|mut server| server.view())
            .is_ok_and(|view| view.nodes().len() == 1),
    }
}

/// The cluster as it will be, and the nodes that leave it and answer.
pub fn parted(cluster: Cluster, leaving: &[NodeId]) -> (Cluster, Vec<Server>) {
    let Cluster { mut report, servers } = cluster;
    let (mut stay, mut going) = (Vec::new(), Vec::new());
    for (node, server) in report.nodes.iter().zip(servers) {
        if leaving.contains(&node.id()) { going.push(server) } else { stay.push(server) }
    }
    report.nodes.retain(|node| !leaving.contains(&node.id()));
    report.unreachable.retain(|node| !leaving.contains(&node.id));
    (Cluster { report, servers: stay }, going)
}

/// Resets the nodes that are going and has the others forget all that leave; gives who could not be
/// told.
pub fn depart(
    cx: &Context,
    mut stay: Cluster,
    mut going: Vec<Server>,
    leaving: &[NodeId],
    deadline: &ops::Deadline,
) -> Result<Vec<String>, Failure> {
    let reset = NodeReset { flush_keys: false, flush_functions: false, timeout: None, reset: true };
    let plan = vec![reset; going.len()];
    // They keep their ids until nobody lists them: a run that is killed can find them again.
    ops::reset(&plan, false, &mut going, deadline, &cx.progress())?;
    let not_notified = ops::forget(leaving, &mut stay.servers, deadline, &cx.progress())?;
    let report = &stay.report;
    let unreachable = report.unreachable.iter();
    let unreachable = unreachable.map(|node| format!("{}: {}", report.name(node.id), node.why));
    let not_notified =
        not_notified.iter().map(ToString::to_string).chain(unreachable).collect::<Vec<_>>();
    match not_notified.is_empty() {
        true => drop(ops::reset(&plan, true, &mut going, deadline, &cx.progress())?),
        false => cx.warn("when these nodes are back, rerun to notify them:"),
    }
    Ok(not_notified)
}

/// What is done, a sentence each.
fn actions(report: &ClusterReport, plan: &Leave) -> Vec<String> {
    let routes = plan.drain.iter().flat_map(|drain| drain.all());
    let moves = routes.map(|route| {
        let (from, to) = (report.name(route.from), report.name(route.to));
        format!("{} move from {from} to {to}", route.slots.summary())
    });
    let homes = plan.homes.iter().map(|(replica, master)| {
        format!("{} becomes a replica of {}", report.name(*replica), report.name(*master))
    });
    let stay = report.nodes.iter().filter(|node| !plan.leaving.contains(&node.id())).count();
    let leaves = plan.leaving.iter().map(|id| {
        let name = report.name(*id);
        match report.node(*id) {
            Some(_) => format!("{name} is reset, and {stay} nodes forget it"),
            None => format!("{name} is unreachable; {stay} nodes forget it"),
        }
    });
    moves.chain(homes).chain(leaves).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::DelNode;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        del_node: DelNode,
    }

    #[test]
    fn the_command_that_finishes_a_run_has_all_its_options() {
        let typed = "rcluster del-node 10.0.0.1:7001 07c37dfe 10.0.0.2:7001 --drain --force \
                     --verify-after 1m --within 2m";
        let words = typed.split_whitespace().filter(|word| *word != "del-node");
        assert_eq!(Line::parse_from(words).del_node.again(), typed);
    }
}
