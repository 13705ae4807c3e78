//! What makes a node a new one.

use crate::model::NodeReport;

/// Whether the node has never been in a cluster: only then it accepts CLUSTER SET-CONFIG-EPOCH.
pub(super) fn is_new(report: &NodeReport) -> bool {
    let is_alone = report.view.nodes().len() == 1 && report.view.unreadable.is_empty();
    is_alone && report.view.me().epoch == 0
}
