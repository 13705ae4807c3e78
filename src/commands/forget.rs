//! `rcluster forget`

use std::time::Instant;

use clap::Args;

use super::context::Context;
use super::del_node::has_left;
use super::rights;
use super::step::{ConsentArgs, WITHIN};
use crate::model::{FindError, NodeList, NodeRef};
use crate::ops;
use crate::render::Failure;

/// Strike a node off the list of every other node at once
///
/// For a node that is gone for good. One that answers is better taken out with del-node, which
/// resets it first: it would introduce itself again.
#[derive(Debug, Args)]
pub struct Forget {
    /// Any node of the cluster that stays
    entry: NodeList,
    /// The node to forget: an id, the start of an id, or an address
    node: NodeRef,
    #[command(flatten)]
    consent: ConsentArgs,
}

impl Forget {
    pub fn run(self, cx: &Context) -> anyhow::Result<u8> {
        let start = Instant::now();
        let mut cluster = cx.load_to_change(&self.entry)?;
        let id = match cx.id_of(&cluster.report, &self.node) {
            Err(FindError::Unknown(..)) if has_left(cx, &self.node) => {
                let changes = self.consent.ask(cx, &[], "nothing to do: no node lists it")?;
                return self.consent.report(cx, start, changes, Vec::new(), Vec::new(), "");
            }
            found => found?,
        };
        let name = cluster.report.name(id);
        let owners = crate::plan::check::owners(&cluster.report);
        if let Some((_, slots)) = owners.iter().find(|(owner, _)| *owner == id) {
            let failure =
                Failure::refused(format!("{name} owns {}: without it nobody would", slots.words()));
            let entry = &self.entry;
            return Err(failure
                .hint(match cluster.report.node(id) {
                    Some(_) => format!("rcluster del-node {entry} {name} --drain"),
                    None => format!(
                        "a replica of it that answers has their keys: rcluster failover {entry} REPLICA --force;\n\
                         where there is none: rcluster replace-node {entry} {id} NEW"
                    ),
                })
                .into());
        }
        let follows = |node: &&crate::model::NodeReport| node.view.me().role.master() == Some(id);
        if let Some(replica) = cluster.report.nodes.iter().find(follows) {
            return Err(Failure::refused(format!("{} is a replica of {name}", replica.via))
                .hint(format!(
                    "rcluster del-node {} {id} gives it another master first",
                    self.entry
                ))
                .into());
        }
        let nodes = cluster.report.nodes.iter().zip(std::mem::take(&mut cluster.servers));
        let mut servers: Vec<_> =
            nodes.filter(|(node, _)| node.id() != id).map(|(_, server)| server).collect();
        let actions = vec![format!("{} nodes forget {name} ({id})", servers.len())];
        if !self.consent.dry_run {
            rights::vet("forget", &mut servers)?;
        }
        let changes = self.consent.ask(cx, &actions, "")?;
        let mut untold = Vec::new();
        if changes {
            let deadline = self.consent.deadline(cx, WITHIN)?;
            untold = ops::forget(&[id], &mut servers, &deadline, &cx.progress())?;
        }
        let untold = untold.iter().map(ToString::to_string).collect();
        let done = format!("no node that answers lists {name} any more");
        self.consent.report(cx, start, changes, actions, untold, &done)
    }
}
