//! How keys are brought.

use crate::ops::wait::Deadline;

/// What becomes of a key that the cluster holds already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Where both are equal the import is done with it; where they differ both are kept.
    #[default]
    Compare,
    /// The source's replaces it.
    Replace,
    /// Both are kept, unseen.
    Skip,
}

/// How keys are brought.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    pub deadline: Deadline,
    /// The sources keep their keys.
    pub copy: bool,
    pub existing: Existing,
    /// Only keys that match, as SCAN understands it.
    pub pattern: Option<String>,
    /// The database there, and the one here.
    pub databases: (u32, u32),
}
