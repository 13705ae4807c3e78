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
    /// The same as redis-cli commands
    Script,
    /// The layout as a file for create --layout
    Layout,
    /// A picture of before and after
    Svg,
}

/// How a plan of moves is shown by a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Drawing {
    /// For people
    Table,
    /// A picture of before and after
    Svg,
}

/// Options of every command that changes something.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Show the plan; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// table, script, layout or svg
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        requires = "dry_run"
    )]
    pub format: Format,
    /// Skip confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// How long nodes may take to agree [default: 60s]
    ///
    /// More by default for over 100 nodes.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub join_timeout: Option<Duration>,
    /// Change no setting, not even temporarily
    ///
    /// Waits up to 5 s longer for cluster_state:ok.
    #[arg(long, hide_short_help = true)]
    pub no_config_set: bool,
}

/// Options of commands that change something without forming anything.
#[derive(Debug, Args)]
pub struct ConsentArgs {
    /// Show the plan; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Skip confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// How long nodes may take to agree [default: 60s]
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
