//! How slots are moved.

use clap::Args;

use super::consent::Drawing;
use crate::ops::Deadline;
use crate::ops::migrate::{ConflictPolicy, MigrationOptions, ROUTES};

#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Show the plan; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Format of the plan: table or svg
    #[arg(
        hide_short_help = true,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        requires = "dry_run"
    )]
    pub format: Drawing,
    /// Skip confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Keep masters that lose their last slot as masters
    ///
    /// Holds off replica migration (cluster-allow-replica-migration no) during the run.
    #[arg(long)]
    pub keep_empty: bool,
    /// Use SETSLOT and MIGRATE only
    ///
    /// Servers with atomic slot migration use that otherwise.
    #[arg(long)]
    pub classic: bool,
    /// The source's value wins a key conflict (classic)
    #[arg(long)]
    pub replace: bool,
    /// Move at most KEYS keys/s (classic)
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rate: Option<u32>,
    /// Move over at most N routes at a time
    ///
    /// A route is a source and a target. A source sends to one target at a time, whatever N is.
    #[arg(
        long,
        value_name = "N",
        default_value_t = ROUTES,
        value_parser = clap::value_parser!(u16).range(1..=512),
        hide_short_help = true
    )]
    pub max_parallel: u16,
    /// Skip slots with a key over BYTES bytes (classic)
    ///
    /// They stay on the source and are reported, as do in any case keys that would block their
    /// nodes for too long for --timeout or cluster-node-timeout.
    #[arg(long, value_name = "BYTES")]
    pub big_key: Option<u64>,
}

impl MoveArgs {
    /// The options as they stand in the command line that finishes a run.
    pub fn flags(&self) -> String {
        // Whoever adds an option says here how it is repeated. Consent is asked for anew.
        let MoveArgs {
            dry_run: _,
            format: _,
            yes: _,
            keep_empty,
            classic,
            replace,
            max_rate,
            max_parallel,
            big_key,
        } = self;
        let flags = [
            keep_empty.then(|| " --keep-empty".to_owned()),
            classic.then(|| " --classic".to_owned()),
            replace.then(|| " --replace".to_owned()),
            max_rate.map(|keys| format!(" --max-rate {keys}")),
            (*max_parallel != ROUTES).then(|| format!(" --max-parallel {max_parallel}")),
            big_key.map(|bytes| format!(" --big-key {bytes}")),
        ];
        flags.into_iter().flatten().collect()
    }

    pub fn options(&self, deadline: Deadline) -> MigrationOptions {
        MigrationOptions {
            deadline,
            classic: self.classic,
            policy: if self.replace { ConflictPolicy::Source } else { ConflictPolicy::KeepBoth },
            keep_empty: self.keep_empty,
            max_rate: self.max_rate,
            big_key: self.big_key,
            max_parallel: self.max_parallel,
        }
    }
}
