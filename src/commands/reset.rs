//! `rcluster reset`

use std::time::Instant;

use clap::Args;

use super::args::{ChangeArgs, each_once};
use super::flow::Context;
use super::flow::rights;
use crate::model::{NodeList, NodeReport};
use crate::ops;
use crate::plan::reset::{self, Consent, NodeReset};
use crate::render::{Failure, ResetJson, exit};
use crate::wire::load_nodes;

/// Make nodes empty and standalone
///
/// Nodes that are not named still list them: reset the nodes of a failed attempt together.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster reset 127.0.0.1:7001 127.0.0.1:7002\n\
    \x20 rcluster reset 127.0.0.1:7004 --hard --flush")]
pub struct Reset {
    /// The nodes to reset
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<NodeList>,
    /// Give each a new id and config epoch too
    #[arg(long)]
    hard: bool,
    /// Delete their keys and functions
    #[arg(long)]
    flush: bool,
    /// Reset masters of a working cluster too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Reset {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let nodes = cx.addresses(&self.nodes)?;
        each_once(&nodes)?;
        let (mut servers, reports) = load_nodes(&nodes, &cx.access)?;
        let consent = Consent { flush: self.flush, force: self.force };
        let plan = reset::plan(&reports, consent, self.hard)?;
        if !cx.ui.wants_json() {
            cx.ui.print(&self.text(&plan, &reports))?;
        }
        let mut changed = false;
        if !self.change.dry_run {
            if !plan.iter().all(NodeReset::is_done) {
                rights::vet_reset(&plan, &mut servers)?;
                cx.ui.confirm("Reset these nodes?", self.change.yes)?;
            }
            let deadline = self.change.options(cx, nodes.len())?.deadline;
            changed = ops::reset(&plan, self.hard, &mut servers, &deadline, &cx.progress())?;
        }
        if cx.ui.wants_json() {
            let elapsed_ms = start.elapsed().as_millis();
            let dry_run = self.change.dry_run;
            cx.ui.print_json(&ResetJson { changed, dry_run, nodes, elapsed_ms })?;
        } else if changed {
            cx.ui.print(&format!(
                "{} empty and standalone",
                if self.nodes.len() == 1 {
                    "1 node is".to_owned()
                } else {
                    format!("{} nodes are", self.nodes.len())
                }
            ))?;
        }
        Ok(exit::OK)
    }

    /// What happens to each node, in words.
    fn text(&self, plan: &[NodeReset], reports: &[NodeReport]) -> String {
        let line = |(plan, report): (&NodeReset, &NodeReport)| {
            let known = report.view.nodes().len() - 1;
            let mut words = Vec::new();
            if plan.flush_keys || (plan.reset && report.keys > 0) {
                words.push(format!("delete {} keys", report.keys));
            }
            if plan.flush_functions {
                words.push(format!("delete {} function libraries", report.functions));
            }
            if plan.reset {
                let slots = report.view.me().slots.summary();
                words.push(format!("forget {known} nodes, own no slots (now {slots})"));
            }
            words.extend(
                plan.timeout.map(|timeout| format!("cluster-node-timeout back to {timeout}")),
            );
            let words =
                if words.is_empty() { "nothing to do".to_owned() } else { words.join("; ") };
            format!("{}  {words}\n", report.via)
        };
        plan.iter().zip(reports).map(line).collect()
    }
}
