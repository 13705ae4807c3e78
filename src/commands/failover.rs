//! `rcluster failover`

use std::time::{Duration, Instant};

use clap::Args;

use super::args::ZoneArgs;
use super::args::{ConsentArgs, WITHIN};
use super::flow::Context;
use super::flow::followers::{self, AFTER_FAILOVER};
use super::flow::rights;
use crate::model::{ClusterReport, NodeId, NodeList, NodeRef};
use crate::ops;
use crate::plan::check::swaps;
use crate::plan::versions::left_behind;
use crate::render::Failure;
use crate::wire::Promotion;

/// Promote a replica to master
///
/// Returns when every node lists the new master, and the rest of the shard as its replicas.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster failover 127.0.0.1:7001 127.0.0.1:8001\n\
    \x20 rcluster failover 127.0.0.1:7001 --roles --dry-run")]
pub struct Failover {
    /// Any node of the cluster
    entry: NodeList,
    /// The replica: an address, an id or its start
    #[arg(required_unless_present = "roles", conflicts_with = "roles")]
    node: Option<NodeRef>,
    /// FORCE: without the master, by vote
    ///
    /// The other masters vote. Writes that the master accepted last can be lost.
    #[arg(long, conflicts_with = "roles")]
    force: bool,
    /// TAKEOVER: without a vote
    ///
    /// For a cluster that has lost the majority of its masters.
    #[arg(long, conflicts_with_all = ["roles", "force"])]
    takeover: bool,
    /// Accept replicas too old to copy the new master
    ///
    /// As in a rolling upgrade: after a full sync they have no data until they are upgraded.
    #[arg(long)]
    accept_older_replicas: bool,
    /// Spread masters over hosts and zones again
    ///
    /// Makes the fewest promotions that do so.
    #[arg(long)]
    roles: bool,
    #[command(flatten)]
    zones: ZoneArgs,
    #[command(flatten)]
    consent: ConsentArgs,
}

impl Failover {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut cluster = cx.load_to_change(&self.entry)?;
        for addr in self.zones.read()?.apply(&mut cluster.report) {
            cx.warn(&format!("a zone is named for {addr}, which is no node of this cluster"));
        }
        let report = &cluster.report;
        let replicas = match &self.node {
            Some(node) => self.one(cx, report, node)?.into_iter().collect(),
            None => swaps(report).into_iter().map(|(replica, _)| replica).collect::<Vec<_>>(),
        };
        let actions: Vec<String> = replicas.iter().map(|id| action(report, *id)).collect();
        self.vet_versions(cx, report, &replicas)?;
        let successors = followers::of_successors(report, &replicas, &mut cluster.servers);
        followers::warn(cx, successors, AFTER_FAILOVER);
        if !self.consent.dry_run && !replicas.is_empty() {
            rights::vet("failover", &mut cluster.servers)?;
        }
        let changes = self.consent.ask(cx, &actions, &self.nothing(cx, report))?;
        let mut not_notified = Vec::new();
        if changes {
            let how = match (self.force, self.takeover) {
                (_, true) => Promotion::Takeover,
                (true, _) => Promotion::Forced,
                _ => Promotion::Agreed,
            };
            // One after the other: elections side by side compete for the masters' votes.
            for replica in replicas {
                let deadline = self.consent.deadline(cx, timeout(&cluster.report))?;
                let progress = cx.progress();
                not_notified = ops::promote(&mut cluster, replica, how, &deadline, &progress)?;
            }
        }
        let not_notified = not_notified.iter().map(ToString::to_string).collect();
        let done = "every reachable node lists the new roles";
        self.consent.report(cx, start, changes, actions, not_notified, done)
    }

    fn nothing(&self, cx: &Context, report: &ClusterReport) -> String {
        let master = self.node.as_ref().and_then(|node| cx.id_of(report, node).ok());
        match master {
            Some(id) => format!("nothing to do: {} is a master already", report.name(id)),
            None => "nothing to do: no promotion spreads the masters better".to_owned(),
        }
    }

    /// Refuses a promotion that other nodes of the shard could not follow. Where the master is
    /// gone, it is warned of: that replica may be the last that has the keys.
    fn vet_versions(
        &self,
        cx: &Context,
        report: &ClusterReport,
        successors: &[NodeId],
    ) -> Result<(), Failure> {
        let accepted = self.accept_older_replicas || self.force || self.takeover;
        let gaps: Vec<_> =
            successors.iter().flat_map(|successor| left_behind(report, *successor)).collect();
        followers::vet_versions(cx, &gaps, accepted, "--accept-older-replicas")
    }

    /// The replica that was named; none where it is a master already.
    fn one(
        &self,
        cx: &Context,
        report: &ClusterReport,
        node: &NodeRef,
    ) -> Result<Option<NodeId>, Failure> {
        let id = cx.id_of(report, node)?;
        let name = report.name(id);
        let Some(replica) = report.node(id) else {
            let unreachable = report.unreachable.iter().find(|node| node.id == id);
            let why = unreachable.map_or("no node knows its address", |node| &node.why);
            return Err(Failure::unreachable(&name, why));
        };
        let Some(master) = replica.view.me().role.master() else {
            return Ok(None);
        };
        if report.node(master).is_none() && !self.force && !self.takeover {
            let master = report.name(master);
            return Err(Failure::refused(format!(
                "{name}: its master {master} is unreachable and cannot take part in the failover"
            ))
            .hint(format!(
                "by vote of the other masters: rcluster failover {} {name} --force; if they are no majority: --takeover",
                self.entry
            )));
        }
        Ok(Some(id))
    }
}

/// A replica whose election got no majority tries again after four node timeouts (`cluster.c`,
/// clusterHandleSlaveFailover): a majority denies where the shard had another promotion within
/// two.
fn timeout(report: &ClusterReport) -> Duration {
    let longest = report.nodes.iter().filter_map(|node| node.node_timeout()).max();
    WITHIN.max(Duration::from_millis(longest.unwrap_or(0) * 4) + Duration::from_secs(20))
}

fn action(report: &ClusterReport, replica: NodeId) -> String {
    let master = report.node(replica).and_then(|node| node.view.me().role.master());
    let master = master.map_or_else(|| "its master".to_owned(), |id| report.name(id));
    format!("{} becomes master in place of {master}", report.name(replica))
}
