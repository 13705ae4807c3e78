//! `rcluster check`

use std::time::Duration;

use clap::Args;

use super::args::ZoneArgs;
use super::args::duration;
use super::flow::Context;
use crate::model::NodeList;
use crate::render::{Failure, Manner, exit, health_json, health_text, legacy};

/// Compare all views, report problems
///
/// Exits 0 if the cluster is healthy, 1 if not.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster check 127.0.0.1:7001\n\
    \x20 rcluster check 127.0.0.1:7001 --wait 30s --strict\n\
    \x20 rcluster check 127.0.0.1:7001 --json | jq .problems")]
pub struct Check {
    /// Any node of the cluster
    pub entry: NodeList,
    /// Wait up to TIME until it is healthy
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    zones: ZoneArgs,
}

impl Check {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let (cluster, problems) =
            cx.check_until_healthy(&self.entry, self.wait, self.strict, &self.zones.read()?)?;
        if cx.ui.wants_json() {
            cx.ui.print_json(&health_json(&cluster, &problems, self.strict))?;
        } else {
            if let Manner::Old(dialect) = cx.ui.manner() {
                cx.ui.print(&legacy::head(&cluster, dialect))?;
            }
            cx.ui.print(&health_text(&cx.ui, &cluster, &problems, self.strict))?;
        }
        Ok(if cx.is_healthy(&cluster, &problems, self.strict) { exit::OK } else { exit::PROBLEMS })
    }
}
