//! What becomes of replicas with a say in slots, as text.

use crate::model::ClusterReport;
use crate::plan::fix::FixPlan;
use crate::plan::replica_slots::Clearing;

/// A sentence for each.
pub(super) fn replica_lines(plan: &FixPlan, report: &ClusterReport) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &plan.replicas {
        let (node, master) = (report.name(found.node), report.name(found.master));
        if !found.claims.is_empty() {
            let claims = found.claims.summary();
            lines.push(format!("{node} is a replica and claims {claims}: unassigned there"));
        }
        if !found.open.is_empty() {
            let open = found.open.summary();
            let becomes = match found.clearing {
                Clearing::Master => format!("cleared by its master {master}"),
                Clearing::Rejoin => format!(
                    "cleared by CLUSTER RESET; it rejoins as a replica of {master} and copies its data again"
                ),
                Clearing::Wait => format!(
                    "left alone until it is in sync with its master {master}: rcluster check {}",
                    report.entry().via
                ),
            };
            lines.push(format!("{open} migrating or importing at the replica {node}: {becomes}"));
        }
    }
    for (node, master) in &plan.rejoins {
        if !plan.replicas.iter().any(|found| found.node == *node) {
            let (node, master) = (report.name(*node), report.name(*master));
            lines.push(format!("{node} was a replica of {master} and has been reset: it rejoins"));
        }
    }
    lines
}
