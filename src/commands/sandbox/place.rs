//! Where a sandbox is, and how long its servers may take.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::sandbox::DIR;

/// A server is up in a fraction of a second; one with data takes longer to load it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to end whose data is deleted next: there is nothing to save.
pub const PURGE_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub struct Place {
    /// The directory of the sandbox
    #[arg(long, env = DIR, default_value = "rcluster-sandbox", value_parser = folder)]
    pub dir: PathBuf,
}

/// A config file is read by lines: it cannot name such a folder.
pub fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\n') {
        return Err("a directory's name is not empty and has no line break".to_owned());
    }
    Ok(text.into())
}
