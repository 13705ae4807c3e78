//! Contexts: clusters by name.

use std::path::PathBuf;

use serde::Serialize;

/// What `context list` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ContextsJson {
    /// The file that they are in, or would be.
    pub file: Option<PathBuf>,
    pub contexts: Vec<ContextJson>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ContextJson {
    pub name: String,
    /// As they are written: host:port, or dns+name:port.
    pub entries: Vec<String>,
    /// Whether a change has to be confirmed by the name.
    pub protected: bool,
}

/// What `context show` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownContextJson {
    pub name: String,
    pub file: Option<PathBuf>,
    pub settings: Vec<OptionJson>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OptionJson {
    pub name: String,
    /// Several with commas. Of a password only where it comes from.
    pub value: String,
    /// `flag`, `environment: NAME`, `context` or `default`.
    pub source: String,
}

/// What `context add` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AddedContextJson {
    pub name: String,
    /// The file that it was written to.
    pub file: PathBuf,
}

/// What `context test` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestedContextJson {
    pub name: String,
    /// Whether every entry replied.
    pub ok: bool,
    pub entries: Vec<EntryJson>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EntryJson {
    pub entry: String,
    pub ok: bool,
    /// What its nodes are, if they replied.
    pub reply: Option<String>,
    pub error: Option<String>,
    pub elapsed_ms: u128,
}
