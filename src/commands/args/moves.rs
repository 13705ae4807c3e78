//! How slots are moved.

use clap::Args;

use crate::ops::Deadline;
use crate::ops::migrate::{ConflictPolicy, MigrationOptions};

#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct MoveArgs {
    /// Show which slots would move, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Masters that lose their last slot stay masters: replica migration is held off for the run
    #[arg(long)]
    pub keep_empty: bool,
    /// Move by SETSLOT and MIGRATE, whatever else the servers can do
    #[arg(long)]
    pub classic: bool,
    /// Where both ends hold a key with different values, the source's wins (classic)
    #[arg(long)]
    pub replace: bool,
    /// Move at most so many keys a second (classic)
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rate: Option<u32>,
    /// Leave slots where they are that hold a key of more bytes (classic)
    #[arg(long, value_name = "BYTES")]
    pub big_key: Option<u64>,
}

impl MoveArgs {
    pub fn options(&self, deadline: Deadline) -> MigrationOptions {
        MigrationOptions {
            deadline,
            classic: self.classic,
            policy: if self.replace { ConflictPolicy::Source } else { ConflictPolicy::KeepBoth },
            keep_empty: self.keep_empty,
            max_rate: self.max_rate,
            big_key: self.big_key,
        }
    }
}
