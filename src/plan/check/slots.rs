//! Slots without an owner, with two, and left open.

use itertools::Itertools;

use super::owners::{covered, kept_unreadable, masters, owners};
use super::problem::{Kind, Problem, by_number};
use crate::model::{ClusterReport, NodeAddr, OpenState, SlotSet};

pub(super) fn uncovered(cluster: &ClusterReport) -> Option<Problem> {
    let slots = covered(cluster).complement().difference(&kept_unreadable(cluster));
    if slots.is_empty() {
        return None;
    }
    let count = slots.len();
    let message = format!(
        "{} no owner: {} keys cannot be read or written",
        by_number(count, &format!("slot {slots} has"), &format!("slots {slots} have")),
        by_number(count, "its", "their"),
    );
    // Only `fix` finds out which node holds keys of them.
    let holds_keys = cluster.nodes.iter().any(|report| report.keys > 0);
    let fix = if holds_keys { Some(fix(cluster)) } else { mend(cluster, &slots) };
    Some(Problem::error(Kind::SlotsUncovered, message).with_slots(slots).mended_by(fix))
}

/// Who should own slots that nobody says it owns: the node that others still take for the owner,
/// for the rest the master that owns fewest.
fn mend(cluster: &ClusterReport, slots: &SlotSet) -> Option<String> {
    let mut left = slots.clone();
    let mut commands = Vec::new();
    let mut give = |addr: &NodeAddr, slots: &SlotSet| {
        commands.push(format!("rcluster addslots {addr} {}", slots.ranges().iter().join(" ")));
    };
    let masters = cluster.nodes.iter().filter(|report| report.view.me().is_master()).collect_vec();
    for master in &masters {
        let seen = cluster.nodes.iter().filter_map(|report| report.view.node(master.id()));
        let seen =
            seen.fold(SlotSet::EMPTY, |all, node| all.union(&node.slots.intersection(&left)));
        if !seen.is_empty() {
            give(&master.via, &seen);
            left = left.difference(&seen);
        }
    }
    if !left.is_empty() {
        let smallest = masters.into_iter().min_by_key(|report| report.view.me().slots.len())?;
        give(&smallest.via, &left);
    }
    Some(commands.join(" && "))
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
            both.summary(),
            by_number(both.len(), "is", "are"),
            names[0],
            names[1]
        );
        Problem::error(Kind::SlotsConflict, message)
            .at(names)
            .with_slots(both)
            .mended_by(fix(cluster))
    };
    clashing.into_iter().sorted().dedup().map(problem).collect()
}

pub(super) fn fix(cluster: &ClusterReport) -> String {
    format!("rcluster fix {}", cluster.entry().via)
}

/// Open slots, the two ends of a move joined: one problem a pair of nodes.
pub(super) fn open(cluster: &ClusterReport) -> Vec<Problem> {
    let ends = masters(cluster).flat_map(|report| {
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
            "{} from {} to {} {} left migrating or importing: {}",
            by_number(all.len(), "a slot that moves", "slots that move"),
            names[0],
            names[1],
            by_number(all.len(), "was", "were"),
            halves.iter().flatten().join(", "),
        );
        Problem::error(Kind::SlotOpen, message).at(names).with_slots(all).mended_by(fix(cluster))
    };
    moves.into_iter().sorted_by_key(|(pair, _)| *pair).map(problem).collect()
}
