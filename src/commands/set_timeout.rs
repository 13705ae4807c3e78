//! `rcluster set-timeout`

use std::time::Instant;

use clap::Args;

use super::args::ConsentArgs;
use super::flow::Context;
use super::flow::rights;
use crate::model::{NodeList, NodeReport};
use crate::ops;
use crate::render::{Failure, Manner};

/// Set cluster-node-timeout on all nodes, persistently
///
/// Each node is read back and saves its config file. If one node fails, all get their old value
/// back.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster set-timeout 127.0.0.1:7001 5000")]
pub struct SetTimeout {
    /// Any node of the cluster
    entry: NodeList,
    /// The timeout in ms, at least 100
    #[arg(value_parser = clap::value_parser!(u64).range(100..=2_147_483_647))]
    milliseconds: u64,
    /// Skip unreachable nodes
    #[arg(long)]
    pub force: bool,
    /// Do not save config files
    ///
    /// A node that restarts uses the timeout in its config file.
    #[arg(long)]
    runtime_only: bool,
    #[command(flatten)]
    consent: ConsentArgs,
}

impl SetTimeout {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut cluster = cx.load_to_change(&self.entry)?;
        let not_notified = cluster.report.nodes.iter().find(|node| node.node_timeout().is_none());
        if let Some(node) = not_notified {
            return Err(Failure::refused(format!("{} does not report its timeout", node.via))
                .hint("nothing was changed; the user needs the right to CONFIG on every node"));
        }
        if !self.force && !cluster.report.unreachable.is_empty() {
            let nodes = cluster.report.unreachable.iter().map(|node| cluster.report.name(node.id));
            let nodes = nodes.collect::<Vec<_>>().join(", ");
            let message = format!("{nodes} unreachable: it would keep its old timeout");
            return Err(Failure::cannot_notify(message));
        }
        let wanted = self.milliseconds;
        let old = |node: &NodeReport| node.node_timeout().filter(|old| *old != wanted);
        let manner = cx.ui.manner();
        let actions = cluster.report.nodes.iter().filter_map(|node| {
            old(node).map(|old| match manner {
                Manner::Own => format!("{}: {old} ms becomes {wanted} ms", node.via),
                Manner::Old(_) => format!("*** New timeout set for {}", node.via),
            })
        });
        let actions = actions.collect::<Vec<_>>();
        let every = cluster.report.nodes.len();
        let (done, nothing) = match manner {
            Manner::Own => {
                let done =
                    format!("cluster-node-timeout is {wanted} ms on all {every} reachable nodes");
                let nothing = format!("nothing to do: {done}");
                (done, nothing)
            }
            Manner::Old(_) => {
                let done = format!(">>> New node timeout set. {every} OK, 0 ERR.");
                (done.clone(), done)
            }
        };
        if !self.consent.dry_run && !actions.is_empty() {
            rights::vet("set-timeout", &mut cluster.servers)?;
        }
        let changes = self.consent.ask(cx, &actions, &nothing)?;
        let mut unsaved = Vec::new();
        if changes {
            unsaved = ops::set_timeouts(wanted, !self.runtime_only, &mut cluster, &cx.progress())?;
            if self.runtime_only {
                cx.warn(&format!(
                    "not saved: a node that restarts uses the timeout in its config file; to save \
                     it later: rcluster call {} CONFIG REWRITE",
                    cluster.report.entry().via
                ));
            }
        }
        for node in &unsaved {
            cx.warn(&format!(
                "{node} runs without a config file: the timeout is lost when it restarts"
            ));
        }
        self.consent.report(cx, start, changes, actions, Vec::new(), &done)
    }
}
