//! What an import came to.

use crate::model::NodeAddr;
use crate::wire::WireError;

/// Keys that a report names, of each sort.
pub(super) const NAMED: usize = 1000;

/// Why an import ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportAborted {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{to} refused key {key} of {from}: {said}")]
    Refused { from: NodeAddr, to: NodeAddr, key: String, said: String },
    #[error("stopped by {0}")]
    Interrupted(&'static str),
}

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// Keys that were brought.
    pub keys: u64,
    /// Bytes of their values, in the servers' own form.
    pub bytes: u64,
    /// Keys that were there already, and equal.
    pub present: u64,
    /// Keys that were there already and were let be, unseen.
    pub skipped: u64,
    /// Keys that both ends hold and that differ: the first of them in words, and how many.
    pub conflicts: Vec<String>,
    pub conflicting: u64,
    /// Keys that could not be brought, in the same way.
    pub left: Vec<String>,
    pub leaving: u64,
    /// Whether anything was written.
    pub changed: bool,
    pub aborted: Option<ImportAborted>,
}

impl ImportReport {
    /// What both came to.
    pub fn and(mut self, other: ImportReport) -> ImportReport {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.present += other.present;
        self.skipped += other.skipped;
        self.conflicting += other.conflicting;
        self.leaving += other.leaving;
        self.conflicts.extend(other.conflicts);
        self.conflicts.truncate(NAMED);
        self.left.extend(other.left);
        self.left.truncate(NAMED);
        self.changed |= other.changed;
        self.aborted = self.aborted.or(other.aborted);
        self
    }
}
