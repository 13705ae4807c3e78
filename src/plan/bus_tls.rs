//! TLS on the cluster bus: nodes can meet only if all of them use it, or none.

use itertools::Itertools;

use crate::model::NodeReport;

/// The setting that enables it.
pub(crate) const TLS_CLUSTER: &str = "tls-cluster";

/// Whether a node uses TLS on its bus; `None` if its settings are unknown.
fn speaks_tls(report: &NodeReport) -> Option<bool> {
    match report.settings.get(TLS_CLUSTER) {
        Some(value) => Some(value == "yes"),
        // A server that was built without TLS has no such setting.
        None => (!report.settings.is_empty()).then_some(false),
    }
}

/// Whether TLS can keep these nodes from reaching each other: at least one uses it.
pub fn may_fail<'a>(reports: impl IntoIterator<Item = &'a NodeReport>) -> bool {
    reports.into_iter().any(|report| speaks_tls(report) == Some(true))
}

/// Nodes that cannot meet, as some use TLS on the bus and others do not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("tls-cluster is yes on {with} and no on {without}: their buses cannot connect")]
pub struct TlsApart {
    /// Addresses of the nodes with `tls-cluster yes`, with commas between them.
    pub with: String,
    /// Those of the others.
    pub without: String,
}

impl TlsApart {
    /// Compares nodes; `None` if all whose settings are known are alike.
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
