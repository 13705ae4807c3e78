//! Epochs and settings that should not be as they are.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::{Kind, Problem, listed};
use crate::model::{ClusterReport, Node};
use crate::plan::formation::timeout_before;

/// Masters with one config epoch: neither wins where both claim a slot. Servers sort it out among
/// themselves once they talk (cluster specification, "Config epoch conflicts resolution").
pub(super) fn epochs(cluster: &ClusterReport) -> Vec<Problem> {
    let masters = cluster.nodes.iter().map(|report| report.view.me());
    let masters = masters.filter(|node| node.is_master() && !node.slots.is_empty());
    let shared =
        masters.into_group_map_by(|node| node.epoch).into_iter().sorted_by_key(|entry| entry.0);
    let problem = |(epoch, nodes): (u64, Vec<&Node>)| {
        let names = nodes.iter().map(|node| cluster.name(node.id)).collect_vec();
        let message = format!("masters {} have one config epoch, {epoch}", listed(&names));
        Problem::warning(Kind::EpochCollision, message).at(names)
    };
    shared
        .filter(|(_, nodes)| nodes.iter().map(|node| node.id).unique().count() > 1)
        .map(problem)
        .collect()
}

/// Settings that matter to the cluster as a whole and differ between its nodes.
pub(super) fn differ(cluster: &ClusterReport) -> Vec<Problem> {
    let names = cluster.nodes.iter().flat_map(|report| report.settings.keys().copied());
    names.sorted().dedup().filter_map(|name| setting(cluster, name)).collect()
}

fn setting(cluster: &ClusterReport, name: &'static str) -> Option<Problem> {
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for report in &cluster.nodes {
        if let Some(value) = report.settings.get(name) {
            values.entry(value).or_default().push(report.via.to_string());
        }
    }
    let left_behind = |value: &str| {
        name == "cluster-node-timeout" && value.parse().ok().and_then(timeout_before).is_some()
    };
    if values.len() < 2 && !values.keys().any(|value| left_behind(value)) {
        return None;
    }
    // The value most nodes have is taken for the one that is meant.
    let common =
        values.iter().filter(|(value, _)| !left_behind(value)).max_by_key(|entry| entry.1.len());
    let mut said = values.iter().map(|(value, nodes)| {
        let mark = if left_behind(value) { ", left by an interrupted rcluster" } else { "" };
        format!("{value} on {}{mark}", listed(nodes))
    });
    let message = format!("{name} differs: {}", said.join("; "));
    let odd = values.iter().filter(|entry| Some(entry.0) != common.map(|common| common.0));
    let odd = odd.flat_map(|(_, nodes)| nodes.clone()).collect_vec();
    let fix = common.and_then(|(value, _)| {
        let (host, port) = odd.first()?.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        Some(format!("redis-cli -h {host} -p {port} CONFIG SET {name} {value}"))
    });
    Some(Problem::warning(Kind::SettingsDiffer, message).at(odd).mended_by(fix))
}
