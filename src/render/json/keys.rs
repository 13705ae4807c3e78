//! Keys that come from elsewhere, or go to a backup.

use std::path::Path;

use serde::Serialize;

use crate::model::{Manifest, NodeAddr};
use crate::ops::import::ImportReport;

/// What `import` and `restore` say of the keys.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeysJson {
    /// Keys that were imported.
    keys: u64,
    /// Bytes of their values, in the servers' own form.
    bytes: u64,
    /// Keys that the cluster had already, with equal values.
    present: u64,
    /// Keys that the cluster had already, skipped without a comparison.
    skipped: u64,
    /// Key conflicts, the first of them: the values differ, and both are kept.
    conflicts: Vec<String>,
    /// How many key conflicts there are.
    conflicting: u64,
    /// Keys that could not be imported: the first of them, and why.
    left: Vec<String>,
    /// How many keys could not be imported.
    leaving: u64,
    /// Whether anything was written.
    changed: bool,
}

/// What `import` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportJson {
    pub dry_run: bool,
    pub sources: Vec<SourceJson>,
    #[serde(flatten)]
    pub report: KeysJson,
    pub elapsed_ms: u128,
}

/// A server that keys are imported from.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SourceJson {
    pub node: NodeAddr,
    pub version: String,
    /// Keys in the database that is imported.
    pub keys: u64,
}

/// What `restore` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RestoreJson {
    pub dry_run: bool,
    /// Keys in the backup.
    pub saved: u64,
    /// Keys that were loaded; the others have expired since.
    pub loaded: u64,
    #[serde(flatten)]
    pub outcome: KeysJson,
    /// Function libraries that were restored.
    pub libraries: usize,
    pub elapsed_ms: u128,
}

/// What `backup` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BackupJson<'a> {
    pub dir: &'a Path,
    /// Whether every file is as the manifest says.
    pub whole: bool,
    pub flaws: Vec<String>,
    pub manifest: &'a Manifest,
    pub elapsed_ms: u128,
}

impl From<&ImportReport> for KeysJson {
    fn from(report: &ImportReport) -> KeysJson {
        KeysJson {
            keys: report.keys,
            bytes: report.bytes,
            present: report.present,
            skipped: report.skipped,
            conflicts: report.conflicts.clone(),
            conflicting: report.conflicting,
            left: report.left.clone(),
            leaving: report.leaving,
            changed: report.changed,
        }
    }
}
