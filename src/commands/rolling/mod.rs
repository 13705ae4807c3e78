//! `rcluster rolling`

mod args;
mod planned;
mod show;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use itertools::Itertools;

use super::flow::Context;
use super::flow::followers::{self, AFTER_FAILOVER};
use super::flow::load::{SETTLE, settled_within};
use super::flow::rights;
use crate::model::{ClusterReport, NodeAddr, NodeId, NodeRef, NodeReport};
use crate::ops::rolling::{self, RollingOptions, RollingReport};
use crate::ops::{Event, Observer, clock};
use crate::plan::check::check;
use crate::plan::rolling::{
    FactsByNode, Refusal, Request, Step, left_out, notes, outline, refusals, restarted, serves,
    vet_command,
};
use crate::render::{Failure, step_lines};
use crate::wire::{Cluster, Server, all_at_once};

pub use args::Rolling;
use planned::Planned;

/// How long a run that resumes another waits for a node that is on its way up.
const RESUMED: Duration = Duration::from_secs(60);

impl Rolling {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        // What a run that resumes this one takes for its start.
        let begun = clock();
        let mut cluster = cx.load_to_change(&self.entry)?;
        let planned = self.settled(cx, &mut cluster, begun)?;
        let others = if self.entry.names_one() { others(&cluster.report) } else { Vec::new() };
        let again = self.again(&planned.request, &others, begun);
        if !cx.ui.wants_json() {
            cx.ui.print(&show::plan(&cluster.report, &planned))?;
        }
        let mut outcome = RollingReport::default();
        let is_done = planned.steps.is_empty();
        if !is_done || !planned.left_out.is_empty() {
            self.vet(cx, &mut cluster, &planned)?;
        }
        if !self.dry_run && !is_done {
            let nodes = restarted(&planned.steps).len();
            cx.ui.confirm(&show::question(nodes), self.yes)?;
            show::resume(cx, begun, &again);
            let options = self.options(cx, &planned, nodes)?;
            let rolled = rolling::roll(&self.entry, &options, &cx.progress());
            outcome = rolled.map_err(|stopped| Failure::of_rolling(*stopped, &again))?;
        }
        self.report(cx, start, &planned, outcome)
    }

    /// The plan, once no passing state speaks against it.
    fn settled(&self, cx: &Context, cluster: &mut Cluster, begun: u64) -> Result<Planned, Failure> {
        let timeout = if self.resumes() { RESUMED.min(self.node_timeout) } else { SETTLE };
        let may_pass = |planned: &Result<Planned, Failure>| {
            planned.as_ref().is_ok_and(|planned| {
                planned.refusals.iter().any(|refusal| match refusal {
                    Refusal::Unhealthy(_)
                    | Refusal::NoReplica { .. }
                    | Refusal::FewReplicas { .. } => true,
                    Refusal::NoPersistence { .. }
                    | Refusal::Downgrade { .. }
                    | Refusal::Unreadable { .. } => false,
                })
            })
        };
        let is_told = Cell::new(false);
        let load = || {
            if self.resumes() && !is_told.replace(true) {
                let message =
                    format!("waiting up to {} s until all nodes are ready", timeout.as_secs());
                cx.progress().on(Event::Note { message });
            }
            Ok(cx.load(&self.entry)?)
        };
        settled_within(timeout, cluster, load, |cluster| self.plan(cx, cluster, begun), may_pass)
    }

    fn plan(&self, cx: &Context, cluster: &mut Cluster, begun: u64) -> Result<Planned, Failure> {
        let zones = self.zones.read()?;
        for addr in zones.apply(&mut cluster.report) {
            cx.warn(&format!("a zone is named for {addr}, which is no node of this cluster"));
        }
        let facts = facts(cluster);
        let report = &cluster.report;
        let request = self.request(cx, report, begun)?;
        let now = clock();
        let steps = outline(report, &request, now);
        if let Some(command) = &self.exec {
            vet_command(report, &steps, command)?;
        }
        let zone = |node: &NodeReport| Some((node.id(), node.zone.clone()?));
        Ok(Planned {
            actions: step_lines(report, &steps),
            notes: notes(report, &facts, &request, now),
            refusals: refusals(report, &facts, &request, now),
            left_out: left_out(report, &request, now).iter().map(|id| report.name(*id)).collect(),
            before: check(report),
            zones: report.nodes.iter().filter_map(zone).collect(),
            request,
            steps,
        })
    }

    fn request(
        &self,
        cx: &Context,
        report: &ClusterReport,
        begun: u64,
    ) -> Result<Request, Failure> {
        let ids = |nodes: &[NodeRef]| {
            nodes.iter().map(|node| cx.id_of(report, node)).collect::<Result<BTreeSet<_>, _>>()
        };
        let only = if self.only.is_empty() { None } else { Some(ids(&self.only)?) };
        let masters = match (self.keep_roles || self.replicas_only, self.masters.is_empty()) {
            (true, _) => None,
            (false, false) => Some(ids(&self.masters)?),
            (false, true) => {
                Some(report.nodes.iter().filter(|node| serves(node)).map(NodeReport::id).collect())
            }
        };
        Ok(Request {
            only,
            until: self.until(begun),
            replicas_only: self.replicas_only,
            masters,
            at_once: self.max_parallel.into(),
            resumes: self.resumes(),
        })
    }

    /// Refuses what is not safe, unless it is forced, and what our user may not do.
    fn vet(&self, cx: &Context, cluster: &mut Cluster, planned: &Planned) -> Result<(), Failure> {
        match self.force {
            true => planned.refusals.iter().for_each(|refusal| cx.warn(&refusal.to_string())),
            false if planned.refusals.is_empty() => {}
            false => return Err(planned.refusals.clone().into()),
        }
        let successors = planned.steps.iter().filter_map(|step| match step {
            Step::Replace { replicas, .. } => replicas.first().copied(),
            Step::Return(id) => Some(*id),
            Step::Restart(_) => None,
        });
        let successors: Vec<NodeId> = successors.collect();
        let followers =
            followers::of_successors(&cluster.report, &successors, &mut cluster.servers);
        followers::warn(cx, followers, AFTER_FAILOVER);
        match successors.is_empty() || self.dry_run {
            true => Ok(()),
            false => rights::vet("rolling", &mut cluster.servers),
        }
    }

    fn options(
        &self,
        cx: &Context,
        planned: &Planned,
        total: usize,
    ) -> Result<RollingOptions, Failure> {
        Ok(RollingOptions {
            request: planned.request.clone(),
            exec: self.exec.clone(),
            pause: self.pause,
            node_timeout: self.node_timeout,
            access: cx.access.clone(),
            interrupt: cx.interrupt()?,
            before: planned.before.clone(),
            zones: planned.zones.clone(),
            total,
        })
    }
}

/// Two more nodes by which the cluster is found, of other shards than the first if there are any: these
/// are not restarted at the same time.
fn others(report: &ClusterReport) -> Vec<NodeAddr> {
    let shard = |node: &NodeReport| node.view.me().role.master().unwrap_or(node.id());
    let first = report.entry();
    let others = report.nodes.iter().filter(|node| node.id() != first.id());
    let by_shard =
        others.sorted_by_key(|node| shard(node) == shard(first)).unique_by(|node| shard(node));
    by_shard.take(2).map(|node| node.via.clone()).collect()
}

/// What restarts depend on, of every node that answers.
fn facts(cluster: &mut Cluster) -> FactsByNode {
    let facts = all_at_once(&mut cluster.servers, Server::restart_facts);
    let nodes = cluster.report.nodes.iter().map(NodeReport::id);
    nodes.zip(facts).map(|(id, facts)| (id, facts.unwrap_or_default())).collect()
}
