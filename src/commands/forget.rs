//! `rcluster forget`

use std::time::Instant;

use clap::Args;
use itertools::Itertools;

use super::args::{ConsentArgs, WITHIN};
use super::del_node::has_left;
use super::flow::Context;
use super::flow::rights;
use crate::model::{FindError, NodeList, NodeRef, Unreadable};
use crate::ops;
use crate::plan::check::kept_unreadable;
use crate::render::Failure;
use crate::wire::Cluster;

/// Remove a node from all node tables
///
/// For a node that is lost for good. A reachable node is removed with del-node, which resets it
/// first: otherwise gossip brings it back.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster forget 127.0.0.1:7001 07c37dfe\n\
    \x20 rcluster forget 127.0.0.1:7001 --unreadable")]
pub struct Forget {
    /// Any node of the cluster that stays
    entry: NodeList,
    /// The node to forget: an address, an id or its start
    #[arg(required_unless_present = "unreadable")]
    node: Option<NodeRef>,
    /// Forget nodes with unreadable CLUSTER NODES lines
    #[arg(long, conflicts_with = "node")]
    unreadable: bool,
    #[command(flatten)]
    consent: ConsentArgs,
}

impl Forget {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut cluster = cx.load_to_change(&self.entry)?;
        let Some(node) = &self.node else { return self.unreadable(cx, cluster, start) };
        let id = match cx.id_of(&cluster.report, node) {
            Err(FindError::Unknown(..)) if has_left(cx, node) => {
                let changes = self.consent.ask(cx, &[], "nothing to do: no node lists it")?;
                return self.consent.report(cx, start, changes, Vec::new(), Vec::new(), "");
            }
            found => found?,
        };
        let name = cluster.report.name(id);
        if let Some(failure) = Failure::loading(&cluster.report, &[id], &self.entry) {
            return Err(failure);
        }
        let owners = crate::plan::check::owners(&cluster.report);
        if let Some((_, slots)) = owners.iter().find(|(owner, _)| *owner == id) {
            let failure = Failure::refused(format!(
                "{name} owns {}: without it they would have no owner",
                slots.summary()
            ));
            let entry = &self.entry;
            return Err(failure
                .hint(match cluster.report.node(id) {
                    Some(_) => format!("rcluster del-node {entry} {name} --drain"),
                    None => format!(
                        "its reachable replica has their keys: rcluster failover {entry} REPLICA --force; if there is none: rcluster replace-node {entry} {id} NEW"
                    ),
                }));
        }
        let follows = |node: &&crate::model::NodeReport| node.view.me().role.master() == Some(id);
        if let Some(replica) = cluster.report.nodes.iter().find(follows) {
            return Err(Failure::refused(format!("{} is a replica of {name}", replica.via)).hint(
                format!("rcluster del-node {} {id} gives it another master first", self.entry),
            ));
        }
        let nodes = cluster.report.nodes.iter().zip(std::mem::take(&mut cluster.servers));
        let mut servers: Vec<_> =
            nodes.filter(|(node, _)| node.id() != id).map(|(_, server)| server).collect();
        let actions = vec![format!("{} nodes forget {name} ({id})", servers.len())];
        if !self.consent.dry_run {
            rights::vet("forget", &mut servers)?;
        }
        let changes = self.consent.ask(cx, &actions, "")?;
        let mut not_notified = Vec::new();
        if changes {
            let deadline = self.consent.deadline(cx, WITHIN)?;
            not_notified = ops::forget(&[id], &mut servers, &deadline, &cx.progress())?;
        }
        let not_notified = not_notified.iter().map(ToString::to_string).collect();
        let done = format!("no reachable node lists {name} any more");
        self.consent.report(cx, start, changes, actions, not_notified, &done)
    }

    /// Forgets what no node can be called by.
    fn unreadable(&self, cx: &Context, cluster: Cluster, start: Instant) -> Result<u8, Failure> {
        let Cluster { report, mut servers } = cluster;
        let kept = kept_unreadable(&report);
        if !kept.is_empty() {
            let message = format!(
                "{} would have no owner: only a node that cannot be read does",
                kept.summary()
            );
            let hint = "restart the node that owns them, with a good copy of its nodes.conf";
            return Err(Failure::refused(message).hint(hint));
        }
        let lines = report.nodes.iter().flat_map(|node| &node.view.unreadable);
        let names = lines.filter(|line| line.has_bad_id()).map(Unreadable::name).unique();
        let actions = names.map(|name| format!("all nodes forget {name}")).collect_vec();
        let nothing = "nothing to do: every line of every node can be read";
        let changes = self.consent.ask(cx, &actions, nothing)?;
        let mut not_notified = Vec::new();
        if changes {
            let deadline = self.consent.deadline(cx, WITHIN)?;
            not_notified = ops::forget_unreadable(&mut servers, &deadline, &cx.progress())?;
        }
        let not_notified = not_notified.iter().map(ToString::to_string).collect();
        let done = "no reachable node lists such a node any more";
        self.consent.report(cx, start, changes, actions, not_notified, done)
    }
}
