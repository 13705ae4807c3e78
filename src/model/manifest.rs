//! What a backup holds: `manifest.json`, written last, without which no backup is complete.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::printable;

/// The manifest's file name in the backup's directory.
pub const MANIFEST: &str = "manifest.json";

/// The value of [`Manifest::format`] that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The contents of `manifest.json`: what a backup of a whole cluster holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Manifest {
    /// The version of this layout: [`FORMAT`].
    pub format: u32,
    /// When the backup was started (RFC 3339, UTC).
    pub created: String,
    /// The cluster's largest epoch then.
    pub current_epoch: u64,
    /// How many slots the saved masters own together, 0 to 16384.
    pub slots_covered: usize,
    /// Keys in all files.
    pub keys: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// One file per master with slots.
    pub shards: Vec<ManifestShard>,
}

/// One master's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ManifestShard {
    /// The RDB file's name in the same directory.
    pub file: String,
    /// The master's address, `host:port`.
    pub node: String,
    /// The master's node id, 40 hexadecimal digits.
    pub id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`: no older server loads the file.
    pub version: String,
    /// The master's config epoch.
    pub epoch: u64,
    /// The ranges of slots that the master owned: `0-5460`.
    pub slots: Vec<String>,
    /// Keys in the file; those that have expired since are not restored.
    pub keys: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// The replication id (`master_replid`) of the stream that the file is a point of.
    pub replication_id: String,
    /// That point: the offset in the replication stream.
    pub replication_offset: u64,
}

impl Manifest {
    /// Reads a manifest; whoever wrote the file, its texts are printable.
    ///
    /// # Errors
    /// The bytes are not JSON, or not that of a manifest.
    pub fn read(bytes: &[u8]) -> Result<Manifest, serde_json::Error> {
        serde_json::from_value(made_printable(serde_json::from_slice(bytes)?))
    }
}

fn made_printable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(text.as_bytes())),
        Value::Array(items) => items.into_iter().map(made_printable).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, made_printable(value))).collect()
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_from_elsewhere_does_nothing_to_a_terminal() {
        let text = r#"{"format":1,"created":"\u001b[2J","current_epoch":1,"slots_covered":1,
            "keys":1,"bytes":1,"shards":[{"file":"a","node":"h:1","id":"i","version":"\u202e7",
            "epoch":1,"slots":["0-1"],"keys":1,"bytes":1,"sha256":"","replication_id":"r",
            "replication_offset":1}]}"#;
        let manifest = Manifest::read(text.as_bytes()).unwrap();
        assert_eq!(
            (&*manifest.created, &*manifest.shards[0].version),
            ("\\u{1b}[2J", "\\u{202e}7")
        );
        assert!(Manifest::read(b"[]").is_err());
    }
}
