//! Epochs and settings that should not be as they are.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::problem::{Kind, Problem, listed};
use crate::model::{ClusterReport, Node, NodeAddr, shell_word};
use crate::plan::announced::BadAddress;
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
        let message = format!("masters {} have the same config epoch, {epoch}", listed(&names));
        let fix = format!("rcluster fix {}", cluster.entry().via);
        Problem::warning(Kind::EpochCollision, message).at(names).mended_by(fix)
    };
    shared
        .filter(|(_, nodes)| nodes.iter().map(|node| node.id).unique().count() > 1)
        .map(problem)
        .collect()
}

/// Addresses that nodes announce and that no other node can use: links that there are last until they
/// are made anew. Which address is right only its owner knows.
pub(super) fn announced(cluster: &ClusterReport) -> Vec<Problem> {
    let bad = cluster.nodes.iter().filter_map(BadAddress::of);
    let problem = |bad: BadAddress| {
        let node = bad.node();
        let (host, port) = (node.shell_host(), node.port());
        let fix = format!("redis-cli -h {host} -p {port} CONFIG SET cluster-announce-ip IP");
        let message = format!("{bad}. Set it: {fix}, and the same in its config file");
        Problem::error(Kind::AnnouncedAddress, message).at([node.to_string()])
    };
    bad.map(problem).collect()
}

/// Settings that matter to the cluster as a whole and differ between its nodes.
pub(super) fn differ(cluster: &ClusterReport) -> Vec<Problem> {
    let names = cluster.nodes.iter().flat_map(|report| report.settings.keys().copied());
    names.sorted().dedup().filter_map(|name| setting(cluster, name)).collect()
}

fn setting(cluster: &ClusterReport, name: &'static str) -> Option<Problem> {
    let told = |node: &&NodeAddr| node.to_string();
    let mut values: BTreeMap<&str, Vec<&NodeAddr>> = BTreeMap::new();
    for report in &cluster.nodes {
        if let Some(value) = report.settings.get(name) {
            values.entry(value).or_default().push(&report.via);
        }
    }
    let before = |value: &str| match name {
        "cluster-node-timeout" => value.parse().ok().and_then(timeout_before),
        _ => None,
    };
    let left_behind = |value: &str| before(value).is_some();
    if values.len() < 2 && !values.keys().any(|value| left_behind(value)) {
        return None;
    }
    let differs = if values.len() < 2 { "is" } else { "differs:" };
    let mut said = values.iter().map(|(value, nodes)| {
        let mark = if left_behind(value) { ", left by an interrupted rcluster" } else { "" };
        format!("{value} on {}{mark}", listed(&nodes.iter().map(told).collect_vec()))
    });
    let message = format!("{name} {differs} {}", said.join("; "));
    let kept = values.iter().filter(|(value, _)| !left_behind(value));
    let kept = kept.map(|(value, nodes)| (*value, nodes.len())).collect_vec();
    // Where nobody has it any more, the lowered value itself tells what it was.
    let lowered = || values.keys().find_map(|value| before(value)).map(|value| value.to_string());
    let meant = if kept.is_empty() { lowered() } else { meant(&kept) };
    let odd = values.iter().filter(|(value, _)| meant.as_deref() != Some(**value));
    let odd = odd.flat_map(|(_, nodes)| nodes.iter().copied()).collect_vec();
    let fix = meant.map(|value| {
        let value = shell_word(&value);
        let set = |node: &&NodeAddr| {
            format!(
                "redis-cli -h {} -p {} CONFIG SET {name} {value}",
                node.shell_host(),
                node.port()
            )
        };
        odd.iter().map(set).join(" && ")
    });
    let nodes = odd.iter().map(told).collect_vec();
    Some(Problem::warning(Kind::SettingsDiffer, message).at(nodes).mended_by(fix))
}

/// The value that all nodes should have, from those that somebody chose and on how many nodes: the
/// one that most have. `None` where two are as common, as only their owner knows which is meant.
fn meant(kept: &[(&str, usize)]) -> Option<String> {
    let most = kept.iter().map(|(_, count)| *count).max()?;
    let common = kept.iter().filter(|(_, count)| *count == most).exactly_one().ok()?;
    Some(common.0.to_owned())
}
