//! Slots without an owner, with two, and left open.

use itertools::Itertools;

use super::{Kind, Problem, by_number, covered, owners};
use crate::model::{ClusterReport, OpenState, SlotSet};

pub(super) fn uncovered(cluster: &ClusterReport) -> Option<Problem> {
    let slots = covered(cluster).complement();
    if slots.is_empty() {
        return None;
    }
    let count = slots.len();
    let message = format!(
        "{count} {} no owner ({slots}): their keys cannot be read or written",
        by_number(count, "slot has", "slots have"),
    );
    // The master that owns fewest is the one to ask; any other would do as well.
    let masters = cluster.nodes.iter().filter(|report| report.view.me().is_master());
    let fix = masters.min_by_key(|report| report.view.me().slots.len()).map(|master| {
        let ranges = slots.ranges().iter().join(" ");
        format!("rcluster addslots {} {ranges}", master.via)
    });
    Some(Problem::error(Kind::SlotsUncovered, message).with_slots(slots).mended_by(fix))
}

pub(super) fn conflicts(cluster: &ClusterReport) -> Vec<Problem> {
    // Two owners that share a slot stand next to each other among the ranges, or are covered by
    // one that began before.
    let owners = owners(cluster);
    let mut claims = owners
        .iter()
        .flat_map(|(id, slots)| slots.ranges().iter().map(move |range| (*range, *id)))
        .sorted();
    let mut clashing = Vec::new();
    if let Some(mut widest) = claims.next() {
        for claim in claims {
            if claim.0.first() <= widest.0.last() && claim.1 != widest.1 {
                clashing.push((widest.1.min(claim.1), widest.1.max(claim.1)));
            }
            if claim.0.last() > widest.0.last() {
                widest = claim;
            }
        }
    }
    let slots_of = |id| owners.iter().filter(move |owner| owner.0 == id).map(|owner| &owner.1);
    let problem = |(a, b)| {
        let pairs = slots_of(a).cartesian_product(slots_of(b));
        let both = pairs.fold(SlotSet::EMPTY, |all, (x, y)| all.union(&x.intersection(y)));
        let names = [cluster.name(a), cluster.name(b)];
        let message = format!(
            "{} {} claimed by both {} and {}",
            both.words(),
            by_number(both.len(), "is", "are"),
            names[0],
            names[1]
        );
        Problem::error(Kind::SlotsConflict, message).at(names).with_slots(both)
    };
    clashing.into_iter().sorted().dedup().map(problem).collect()
}

/// Open slots, the two ends of a move joined: one problem a pair of nodes.
pub(super) fn open(cluster: &ClusterReport) -> Vec<Problem> {
    let ends = cluster.nodes.iter().flat_map(|report| {
        report.view.open.iter().map(move |open| match open.state {
            OpenState::Migrating => ((report.id(), open.peer), open.slot, open.state),
            OpenState::Importing => ((open.peer, report.id()), open.slot, open.state),
        })
    });
    let moves = ends.into_group_map_by(|(pair, ..)| *pair);
    let problem = |(pair, ends): (_, Vec<(_, _, OpenState)>)| {
        let (from, to): (_, _) = pair;
        let names = [cluster.name(from), cluster.name(to)];
        let of = |state| ends.iter().filter(move |end| end.2 == state).map(|end| end.1);
        let migrating: SlotSet = of(OpenState::Migrating).collect();
        let importing: SlotSet = of(OpenState::Importing).collect();
        let said = |what: &str, slots: &SlotSet, end: &str| {
            (!slots.is_empty()).then(|| format!("{slots} {what} at {end}"))
        };
        let halves =
            [said("migrating", &migrating, &names[0]), said("importing", &importing, &names[1])];
        let all = migrating.union(&importing);
        let message = format!(
            "{} from {} to {} {} left open: {}",
            by_number(all.len(), "a slot on its way", "slots on their way"),
            names[0],
            names[1],
            by_number(all.len(), "was", "were"),
            halves.iter().flatten().join(", "),
        );
        Problem::error(Kind::SlotOpen, message).at(names).with_slots(all)
    };
    moves.into_iter().sorted_by_key(|(pair, _)| *pair).map(problem).collect()
}
