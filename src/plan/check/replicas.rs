//! Replicas that own slots by their own view, or keep some migrating or importing.

use super::problem::{Kind, Problem, by_number};
use super::slots;
use crate::model::ClusterReport;
use crate::plan::replica_slots::{Clearing, ReplicaSlots, replica_slots};

pub(super) fn with_slots(cluster: &ClusterReport) -> Vec<Problem> {
    let found = replica_slots(cluster);
    found
        .iter()
        .flat_map(|found| [claims(cluster, found), open(cluster, found)])
        .flatten()
        .collect()
}

fn claims(cluster: &ClusterReport, found: &ReplicaSlots) -> Option<Problem> {
    let (name, slots) = (cluster.name(found.node), &found.claims);
    let message = format!(
        "{name} is a replica and claims {}: clients are redirected to the wrong node",
        slots.summary()
    );
    let problem = Problem::error(Kind::ReplicaClaimsSlots, message).at([name]);
    (!slots.is_empty()).then(|| problem.with_slots(slots.clone()).mended_by(slots::fix(cluster)))
}

fn open(cluster: &ClusterReport, found: &ReplicaSlots) -> Option<Problem> {
    let (name, slots) = (cluster.name(found.node), &found.open);
    let mut message = format!(
        "{} {} migrating or importing at {name}, a replica: after its promotion the slot state is back",
        slots.summary(),
        by_number(slots.len(), "is", "are"),
    );
    if found.clearing == Clearing::Wait {
        message += &format!(
            "; fix can clear that once {name} is in sync with its master {}",
            cluster.name(found.master)
        );
    }
    let fix = (found.clearing != Clearing::Wait).then(|| slots::fix(cluster));
    let problem = Problem::warning(Kind::ReplicaSlotOpen, message).at([name]);
    (!slots.is_empty()).then(|| problem.with_slots(slots.clone()).mended_by(fix))
}
