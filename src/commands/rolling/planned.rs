//! The plan, and what there is to say of it.

use std::collections::BTreeMap;

use crate::model::NodeId;
use crate::plan::check::Problem;
use crate::plan::rolling::{Refusal, Request, Step};

/// What is to be done, and what there is to say of it.
pub struct Planned {
    pub request: Request,
    pub steps: Vec<Step>,
    /// A sentence each.
    pub actions: Vec<String>,
    pub notes: Vec<String>,
    pub refusals: Vec<Refusal>,
    /// Masters that cannot be restarted, by name.
    pub left_out: Vec<String>,
    pub before: Vec<Problem>,
    pub zones: BTreeMap<NodeId, String>,
}
