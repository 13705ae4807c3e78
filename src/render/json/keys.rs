use serde::Serialize;

use crate::ops::import::ImportReport;

/// What `import` and `restore` say of the keys.
#[derive(Debug, Serialize)]
pub struct KeysJson {
    /// Keys that were brought.
    keys: u64,
    /// Bytes of their values, in the servers' own form.
    bytes: u64,
    /// Keys that were there already, and equal.
    present: u64,
    /// Keys that were there already and were let be, unseen.
    skipped: u64,
    /// Keys that both ends hold and that differ: the first of them in words, and how many.
    conflicts: Vec<String>,
    conflicting: u64,
    /// Keys that could not be brought, in the same way.
    left: Vec<String>,
    leaving: u64,
    /// Whether anything was written.
    changed: bool,
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
