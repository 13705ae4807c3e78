//! What becomes of replicas with a say in slots, as text and as JSON.

use serde::Serialize;

use crate::model::{ClusterReport, SlotSet};
use crate::plan::fix::FixPlan;
use crate::plan::replica_slots::{Clearing, ReplicaSlots};

/// A replica with a say in slots.
#[derive(Debug, Serialize)]
pub struct ReplicaJson {
    pub node: String,
    pub master: String,
    /// Slots that it claims, which are taken away.
    pub claims: SlotSet,
    /// Slots that are migrating or importing at it.
    pub open: SlotSet,
    /// What clears these: `master` (SETSLOT STABLE there), `rejoin` or `wait`.
    pub action: &'static str,
}

/// A node that joins anew as a replica.
#[derive(Debug, Serialize)]
pub struct RejoinJson {
    pub node: String,
    pub master: String,
}

pub(super) fn replica_json(found: &ReplicaSlots, report: &ClusterReport) -> ReplicaJson {
    ReplicaJson {
        node: report.name(found.node),
        master: report.name(found.master),
        claims: found.claims.clone(),
        open: found.open.clone(),
        action: match found.clearing {
            Clearing::Master => "master",
            Clearing::Rejoin => "rejoin",
            Clearing::Wait => "wait",
        },
    }
}

/// A sentence for each.
pub(super) fn replica_lines(plan: &FixPlan, report: &ClusterReport) -> Vec<String> {
    let mut lines = Vec::new();
    for found in &plan.replicas {
        let (node, master) = (report.name(found.node), report.name(found.master));
        if !found.claims.is_empty() {
            let claims = found.claims.words();
            lines.push(format!("{node} is a replica and claims {claims}: unassigned there"));
        }
        if !found.open.is_empty() {
            let open = found.open.words();
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
