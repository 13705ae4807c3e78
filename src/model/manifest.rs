//! What a backup holds: `manifest.json`, without which no backup is complete.

use serde::{Deserialize, Serialize};

/// The file's name in the backup's folder.
pub const MANIFEST: &str = "manifest.json";

/// The only format there is so far.
pub const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// When the backup was begun (RFC 3339, UTC).
    pub created: String,
    /// The cluster's largest epoch then.
    pub current_epoch: u64,
    pub slots_covered: usize,
    pub keys: u64,
    pub bytes: u64,
    pub shards: Vec<ManifestShard>,
}

/// One master's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestShard {
    /// The RDB file's name in the same folder.
    pub file: String,
    pub node: String,
    pub id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`: no older server loads the file.
    pub version: String,
    pub epoch: u64,
    /// Ranges: `0-5460`.
    pub slots: Vec<String>,
    /// Keys in the file; those of them that have ended since are not loaded any more.
    pub keys: u64,
    pub bytes: u64,
    pub sha256: String,
    /// The place in the master's stream of changes that the file stands for.
    pub replication_id: String,
    pub replication_offset: u64,
}
