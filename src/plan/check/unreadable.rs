//! Lines of CLUSTER NODES that cannot be read.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::owners::kept_unreadable;
use super::problem::{Kind, Problem, by_number, listed};
use crate::model::{ClusterReport, NodeId, Role, SlotSet, Unreadable};

/// The command after which a replica whose master's id is damaged follows the one that all others
/// see it follow.
pub(super) fn follow(cluster: &ClusterReport, id: NodeId) -> Option<String> {
    let node = cluster.node(id).filter(|node| node.view.me().role == Role::Unknown)?;
    let seen = cluster.nodes.iter().filter_map(|other| other.view.node(id)?.role.master());
    let master = cluster.name(seen.unique().exactly_one().ok()?);
    Some(format!("rcluster replicate {} {master}", node.via))
}

pub(super) fn lines(cluster: &ClusterReport) -> Vec<Problem> {
    let mut seen: BTreeMap<&[u8], (&Unreadable, SlotSet, Vec<String>)> = BTreeMap::new();
    for report in &cluster.nodes {
        for line in &report.view.unreadable {
            let first = || (line, SlotSet::EMPTY, Vec::new());
            let (_, slots, observers) = seen.entry(&line.id).or_insert_with(first);
            *slots = slots.union(&line.slots);
            observers.push(report.via.to_string());
        }
    }
    let kept = kept_unreadable(cluster);
    let problem = |(line, slots, observers): (&Unreadable, SlotSet, Vec<String>)| {
        let (verb, who) = (by_number(observers.len(), "lists", "list"), listed(&observers));
        let mut message = format!("{who} {verb} a node with a bad {}: {}", line.what, line.text);
        let is_kept = !kept.intersection(&slots).is_empty();
        if is_kept {
            let kept = kept.intersection(&slots).summary();
            message += &format!(
                "; no other node owns {kept}: restart the node that does, with a good copy of its nodes.conf"
            );
        }
        // A node cannot forget the master that it follows.
        let followers =
            cluster.nodes.iter().filter(|node| observers.contains(&node.via.to_string()));
        let follow = followers.filter_map(|node| follow(cluster, node.id()));
        let forget = format!("rcluster forget {} --unreadable", cluster.entry().via);
        let forget = follow.chain([forget]).join(" && ");
        // Whoever asks a node that lists slots there is sent nowhere.
        let fix = (line.has_bad_id() && !is_kept).then_some(forget);
        let problem = match slots.is_empty() {
            true => Problem::warning(Kind::UnreadableLine, message),
            false => Problem::error(Kind::UnreadableLine, message),
        };
        problem.at(observers).with_slots(slots).mended_by(fix)
    };
    seen.into_values().map(problem).collect()
}
