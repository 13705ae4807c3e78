//! Taking nodes out of whatever they are in.

use crate::model::{NodeAddr, NodeReport};
use crate::plan::formation::timeout_before;

/// What the user agrees to lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Keys and functions may be deleted.
    pub flush: bool,
    /// Slots of a cluster that works may lose their owner.
    pub force: bool,
}

/// Why a node is not reset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetError {
    #[error("{node} holds {what}: a reset would delete them")]
    HoldsData { node: NodeAddr, what: String },
    #[error("{node} is a master of a working cluster and owns {slots}: nobody would serve them")]
    Serves { node: NodeAddr, slots: String },
}

/// What one node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReset {
    /// FLUSHALL: only a master takes it, a replica drops its copy by being reset.
    pub flush_keys: bool,
    pub flush_functions: bool,
    /// The node timeout, in milliseconds, that an interrupted run changed.
    pub timeout: Option<u64>,
    /// Whether there is anything to reset: it knows other nodes, owns slots, or follows a master.
    pub reset: bool,
}

impl NodeReset {
    pub fn is_done(&self) -> bool {
        !(self.reset || self.flush_keys || self.flush_functions || self.timeout.is_some())
    }
}

/// Plans that each of these nodes is empty and alone; everything that speaks against it is given.
///
/// `hard` gives each a new id and epoch too, so there is always something to do.
pub fn plan(
    reports: &[NodeReport],
    consent: Consent,
    hard: bool,
) -> Result<Vec<NodeReset>, Vec<ResetError>> {
    let errors: Vec<ResetError> =
        reports.iter().flat_map(|report| objections(report, consent)).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let plan = reports.iter().map(|report| {
        let me = report.view.me();
        let alone = report.view.nodes().len() == 1 && me.slots.is_empty() && me.is_master();
        NodeReset {
            flush_keys: report.keys > 0 && me.is_master(),
            flush_functions: report.functions > 0,
            timeout: report.node_timeout().and_then(timeout_before),
            reset: hard || !alone || !report.view.open.is_empty(),
        }
    });
    Ok(plan.collect())
}

fn objections(report: &NodeReport, consent: Consent) -> Vec<ResetError> {
    let node = || report.via.clone();
    let mut found = Vec::new();
    let counted = |count: u64, one: &str, several: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {several}")),
    };
    let keys = counted(report.keys, "key", "keys");
    let functions = counted(report.functions as u64, "function library", "function libraries");
    let holds: Vec<String> = keys.into_iter().chain(functions).collect();
    if !holds.is_empty() && !consent.flush {
        found.push(ResetError::HoldsData { node: node(), what: holds.join(" and ") });
    }
    let me = report.view.me();
    let alone = report.view.nodes().len() == 1;
    if report.info.ok && !me.slots.is_empty() && !alone && !consent.force {
        found.push(ResetError::Serves { node: node(), slots: me.slots.words() });
    }
    found
}
