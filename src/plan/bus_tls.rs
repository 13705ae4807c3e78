//! TLS on the cluster bus: nodes meet only where all of them speak it, or none.

use itertools::Itertools;

use crate::model::NodeReport;

/// The setting that switches it on.
pub const TLS_CLUSTER: &str = "tls-cluster";

/// Whether a node speaks TLS on its bus; `None` where it does not tell its settings.
fn speaks_tls(report: &NodeReport) -> Option<bool> {
    match report.settings.get(TLS_CLUSTER) {
        Some(value) => Some(value == "yes"),
        // A server that was built without TLS has no such setting.
        None => (!report.settings.is_empty()).then_some(false),
    }
}

/// Whether TLS can be why these nodes do not reach each other.
pub fn may_fail<'a>(reports: impl IntoIterator<Item = &'a NodeReport>) -> bool {
    reports.into_iter().any(|report| speaks_tls(report) == Some(true))
}

/// Nodes that cannot meet, as some speak TLS on the bus and others do not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "tls-cluster is yes on {with} and no on {without}: their buses do not understand each other"
)]
pub struct TlsApart {
    pub with: String,
    pub without: String,
}

impl TlsApart {
    /// `None` where all are alike.
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a NodeReport>) -> Option<TlsApart> {
        let known = reports.into_iter().filter_map(|report| Some((speaks_tls(report)?, report)));
        let (with, without): (Vec<_>, Vec<_>) = known.partition(|(speaks, _)| *speaks);
        let names = |nodes: Vec<(bool, &NodeReport)>| {
            nodes.iter().map(|(_, report)| report.via.to_string()).join(", ")
        };
        let apart = !with.is_empty() && !without.is_empty();
        apart.then(|| TlsApart { with: names(with), without: names(without) })
    }
}
