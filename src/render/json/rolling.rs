//! Nodes that are restarted one by one.

use serde::Serialize;

use crate::model::NodeAddr;

/// What `rolling` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RollingJson {
    pub changed: bool,
    pub dry_run: bool,
    /// The steps of the plan, a sentence each.
    pub actions: Vec<String>,
    /// What they cost.
    pub notes: Vec<String>,
    /// Nodes that were restarted, in their order.
    pub restarted: Vec<NodeAddr>,
    /// Replicas that became masters, in their order.
    pub promoted: Vec<NodeAddr>,
    /// What was left out, and why.
    pub passed_over: Vec<String>,
    /// Whether `check` finds the cluster healthy afterwards; null if nothing was changed.
    pub healthy: Option<bool>,
    pub elapsed_ms: u128,
}
