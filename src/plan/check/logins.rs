//! Replicas that are without a connection because they cannot log in at their masters.

use super::problem::{Kind, Problem};
use crate::model::{ClusterReport, NodeReport};

pub(super) fn failing(cluster: &ClusterReport) -> Vec<Problem> {
    cluster.nodes.iter().filter_map(|report| failure(cluster, report)).collect()
}

fn failure(cluster: &ClusterReport, report: &NodeReport) -> Option<Problem> {
    let failure = report.login_failure.as_ref()?;
    let master = &cluster.node(report.view.me().role.master()?)?.via;
    let message = format!("{} cannot log in at its master {master}: {failure}", report.via);
    let fix = failure.remedy(&report.via, master);
    let ends = [report.via.to_string(), master.to_string()];
    Some(Problem::error(Kind::ReplicaLogin, message).at(ends).mended_by(fix))
}
