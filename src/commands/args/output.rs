//! How output is made.

use clap::Args;

use crate::render::{Color, ProgressMode};

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print one JSON document on stdout
    #[arg(hide_short_help = true, long, global = true)]
    pub json: bool,
    /// When to use colors
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Color,
    /// How to report progress on stderr
    #[arg(hide_short_help = true, long, global = true, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
}
