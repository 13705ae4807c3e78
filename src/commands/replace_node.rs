//! `rcluster replace-node`

use std::time::Instant;

use clap::Args;

use super::add_node::{Newcomer, Parent};
use super::args::ConsentArgs;
use super::del_node::{depart, parted};
use super::flow::Context;
use crate::model::{ClusterReport, FindError, NodeAddr, NodeId, NodeList, NodeRef, SlotSet};
use crate::ops;
use crate::plan::join::Place;
use crate::plan::leave::lost_with;
use crate::render::{Failure, OutcomeJson};

/// Replace a failed node
///
/// The new node becomes a replica in the failed node's shard. If the whole shard is lost, it
/// becomes the owner of its slots, whose keys are lost. Then every node forgets the failed node.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster replace-node 127.0.0.1:7001 07c37dfe 127.0.0.1:7007\n\
    \x20 rcluster replace-node 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7007 --dry-run")]
pub struct ReplaceNode {
    /// A reachable node of the cluster
    entry: NodeList,
    /// The failed node: an address, an id or its start
    dead: NodeRef,
    /// The new node: empty, in no cluster
    new: NodeAddr,
    /// Its master, if the shard is unknown
    ///
    /// Needed if no node lists the failed node's shard any more.
    #[arg(long, value_name = "NODE")]
    replica_of: Option<NodeRef>,
    /// Accept losing the keys of a lost shard
    #[arg(long)]
    accept_data_loss: bool,
    /// Accept a node too old to copy its master
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    consent: ConsentArgs,
}

/// What the new node becomes, and who is forgotten.
struct ReplacementPlan {
    place: Place,
    gone: Vec<NodeId>,
}

impl ReplaceNode {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut new = Newcomer::load(cx, &self.new)?;
        let mut cluster = cx.load(&self.entry)?;
        let dead = match cx.id_of(&cluster.report, &self.dead) {
            Err(FindError::Unknown(..)) if cluster.report.node(new.report.id()).is_some() => {
                let nothing =
                    format!("nothing to do: {} is in, and no node lists the other", self.new);
                let changes = self.consent.ask(cx, &[], &nothing)?;
                return self.consent.report(cx, start, changes, Vec::new(), Vec::new(), "");
            }
            found => found?,
        };
        if let Some(failure) = Failure::loading(&cluster.report, &[dead], &self.entry) {
            return Err(failure);
        }
        let name = cluster.report.name(dead);
        let ReplacementPlan { place, gone } = self.replacement(cx, &cluster.report, dead, &name)?;
        new.vet(cx, &cluster.report, &place, self.force)?;
        if !self.consent.dry_run {
            new.vet_rights("replace-node", &mut cluster)?;
        }
        let actions = self.actions(&cluster.report, &place, &gone);
        let changes = self.consent.ask(cx, &actions, "")?;
        let mut not_notified = Vec::new();
        if changes {
            let (plan, mut servers) = new.join(cluster, &place, true)?;
            let options = self.consent.options(cx)?;
            ops::apply(&plan.formation, &mut servers, &options, &cx.progress())?;
            let left = cx.load(&self.entry).map_err(Failure::from).and_then(|cluster| {
                let (stay, going) = parted(cluster, &gone);
                depart(cx, stay, going, &gone, &options.deadline)
            });
            let joined = || OutcomeJson {
                actions: actions.first().cloned().into_iter().collect(),
                ..OutcomeJson::default()
            };
            not_notified = left.map_err(|failure| failure.after(joined()))?;
        }
        let done = format!("{} has taken the place of {name}", self.new);
        self.consent.report(cx, start, changes, actions, not_notified, &done)
    }

    fn replacement(
        &self,
        cx: &Context,
        report: &ClusterReport,
        dead: NodeId,
        name: &str,
    ) -> Result<ReplacementPlan, Failure> {
        let entry = &self.entry;
        if report.node(dead).is_some() {
            return Err(Failure::refused(format!("{name} has not failed: it is reachable"))
                .hint(format!(
                    "add the new node: rcluster add-node {} {entry}; remove the old one: rcluster del-node {entry} {name}",
                    self.new
                )));
        }
        let follows = |of: NodeId| move |id: &NodeId| role_of(report, *id) == Some(of);
        let replicas: Vec<NodeId> = known(report).filter(follows(dead)).collect();
        let lost = lost_with(report, dead);
        if !lost.is_empty() {
            if let Some(successor) = replicas.iter().find(|id| report.node(**id).is_some()) {
                let successor = report.name(*successor);
                return Err(Failure::refused(format!(
                    "{successor}, a replica of {name}, is reachable and has its keys"
                ))
                .hint(format!(
                    "promote it first: rcluster failover {entry} {successor} --force (or --takeover)"
                )));
            }
            self.consents(name, &lost)?;
            let gone = std::iter::once(dead).chain(replicas).collect();
            return Ok(ReplacementPlan {
                place: Place::SlotSuccessor { of: dead, slots: lost },
                gone,
            });
        }
        let place = match (&self.replica_of, role_of(report, dead)) {
            (Some(node), _) => Parent::Node(node.clone()).place(cx, report)?,
            (None, Some(of)) if report.node(of).is_some() => Place::Replica { of },
            (None, Some(of)) => {
                let master = report.name(of);
                return Err(Failure::refused(format!(
                    "{master}, the master of {name}, has failed too"
                ))
                .hint(format!(
                    "replace the master: rcluster replace-node {entry} {master} {}",
                    self.new
                )));
            }
            // A master that failed over: its shard is the one that lacks a copy.
            (None, None) => Place::Auto,
        };
        Ok(ReplacementPlan { place, gone: vec![dead] })
    }

    fn consents(&self, name: &str, lost: &SlotSet) -> Result<(), Failure> {
        if self.accept_data_loss {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "the whole shard of {name} has failed: the keys of {} would be lost",
            lost.summary()
        ))
        .hint("restart one of its nodes, or accept losing the keys: --accept-data-loss"))
    }

    fn actions(&self, report: &ClusterReport, place: &Place, gone: &[NodeId]) -> Vec<String> {
        let new = &self.new;
        let becomes = match place {
            Place::SlotSuccessor { slots, .. } => {
                format!("{new} becomes the owner of {}; their keys are lost", slots.summary())
            }
            Place::Replica { of } => format!("{new} becomes a replica of {}", report.name(*of)),
            Place::Master | Place::Auto => {
                format!("{new} becomes a replica of the master with the fewest replicas")
            }
        };
        let stay = report.nodes.len() + 1;
        let forgets = gone.iter().map(|id| format!("{stay} nodes forget {}", report.name(*id)));
        std::iter::once(becomes).chain(forgets).collect()
    }
}

/// Every node that anyone who answers knows of.
fn known(report: &ClusterReport) -> impl Iterator<Item = NodeId> {
    let told = report.nodes.iter().map(|node| node.id());
    told.chain(report.unreachable.iter().map(|node| node.id))
}

/// Whom a node follows, by its own word or else by the others'.
fn role_of(report: &ClusterReport, id: NodeId) -> Option<NodeId> {
    let own = report.node(id).map(|node| node.view.me());
    let others = || report.nodes.iter().find_map(|node| node.view.node(id));
    own.or_else(others)?.role.master()
}
