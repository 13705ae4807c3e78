//! Why a command failed, and what it came to.

use serde::Serialize;

use super::outcome::OutcomeJson;

/// What every command prints in place of its own document if it fails.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ErrorJson {
    pub error: CauseJson,
    /// What the run came to that stopped; null if nothing was changed.
    pub outcome: Option<OutcomeJson>,
}

/// Why it failed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CauseJson {
    pub message: String,
    /// Further lines: each node that failed, each problem that is left.
    pub details: Vec<String>,
    /// What to do about it, with the commands to run.
    pub hint: Option<String>,
    /// What the process exits with.
    pub exit_code: u8,
    /// Whether anything was changed on any node.
    pub changed: bool,
}
