//! Whether to show, to ask or to go ahead, and how long a change may take.

use std::time::Duration;

use clap::Args;
use itertools::Itertools;

use super::time::duration;
use crate::model::NodeAddr;
use crate::render::Usage;

/// How a plan is shown by a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// The plain redis-cli commands that a person would type
    Script,
    /// The layout as a file for create --layout
    Layout,
}

/// Options of every command that changes something.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct ChangeArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How --dry-run shows the plan
    #[arg(long, value_name = "FORMAT", default_value = "table", requires = "dry_run")]
    pub format: Format,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long nodes may take to know each other and agree [default: 60s, more for many nodes]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub join_timeout: Option<Duration>,
    /// Change no setting, not even for a moment: waits up to 5 s longer for cluster_state:ok
    #[arg(long)]
    pub no_config_set: bool,
}

/// Options of commands that change something without forming anything.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct ConsentArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long it may take until every node sees the change [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub within: Option<Duration>,
}

/// How long a change of roles or of members may usually take.
pub const WITHIN: Duration = Duration::from_secs(60);

/// Refuses a node that is named twice.
pub fn each_once(nodes: &[NodeAddr]) -> Result<(), Usage> {
    match nodes.iter().duplicates().next() {
        Some(node) => Err(Usage::new(format!("{node} is given twice")).hint("name each node once")),
        None => Ok(()),
    }
}
