//! `rcluster check`

use std::time::Duration;

use clap::Args;

use super::args::ZoneArgs;
use super::args::duration;
use super::flow::Context;
use crate::model::NodeList;
use crate::plan::check::is_healthy;
use crate::render::{Manner, exit, health_json, health_text, legacy};

/// Ask every node for its view, compare them, and tell every problem
///
/// Exits 0 where the cluster is healthy, else 1.
#[derive(Debug, Args)]
pub struct Check {
    /// Any node of the cluster
    entry: NodeList,
    /// Keep looking until the cluster is healthy, this long at most
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
    /// Count warnings as failures
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    zones: ZoneArgs,
}

impl Check {
    pub fn run(self, cx: &Context) -> anyhow::Result<u8> {
        let (cluster, problems) =
            cx.check_until_healthy(&self.entry, self.wait, self.strict, &self.zones.read()?)?;
        if cx.ui.wants_json() {
            cx.ui.print_json(&health_json(&cluster, &problems, self.strict))?;
        } else {
            if cx.ui.manner() == Manner::RedisCli {
                cx.ui.print(&legacy::head(&cluster))?;
            }
            cx.ui.print(&health_text(&cx.ui, &cluster, &problems, self.strict))?;
        }
        Ok(if is_healthy(&problems, self.strict) { exit::OK } else { exit::PROBLEMS })
    }
}
