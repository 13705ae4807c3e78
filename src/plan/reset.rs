//! Making nodes empty and standalone (CLUSTER RESET).

use crate::model::{NodeAddr, NodeReport};
use crate::plan::formation::timeout_before;

/// What the user accepts to lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Keys and functions are deleted.
    pub flush: bool,
    /// Slots of a healthy cluster lose their owner.
    pub force: bool,
}

/// Why a node is not reset; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// The node holds keys or functions, and [`Consent::flush`] is not given.
    #[error("{node} holds {what}: a reset would delete them")]
    HoldsData {
        /// The node.
        node: NodeAddr,
        /// `3 keys and 1 function library`.
        what: String,
    },
    /// The node owns slots of a healthy cluster, and [`Consent::force`] is not given.
    #[error("{node} is a master of a working cluster and owns {slots}: they would have no owner")]
    Serves {
        /// The node.
        node: NodeAddr,
        /// `slots 0-5460`.
        slots: String,
    },
}

/// What is done to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeReset {
    /// FLUSHALL: masters only, as a replica drops its copy when it is reset.
    pub flush_keys: bool,
    /// FUNCTION FLUSH, which a replica accepts only once the reset has made it a master.
    pub flush_functions: bool,
    /// The node timeout to restore, in milliseconds, if an interrupted run has lowered it.
    pub timeout: Option<u64>,
    /// Whether there is anything to reset: it knows other nodes, owns slots, or follows a master.
    pub reset: bool,
}

impl NodeReset {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        !(self.reset || self.flush_keys || self.flush_functions || self.timeout.is_some())
    }
}

/// Plans that each of these nodes becomes empty and standalone, in the order of `reports`.
///
/// `hard` (CLUSTER RESET HARD) also gives each a new id and epoch 0, so there is always something
/// to do.
///
/// # Errors
/// Every loss that the user has not accepted.
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
        found.push(ResetError::Serves { node: node(), slots: me.slots.summary() });
    }
    found
}
