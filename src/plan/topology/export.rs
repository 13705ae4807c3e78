//! A running cluster as a file.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde::Serialize;

use super::write::{OutShard, name, slots};
use crate::model::{ClusterReport, NodeAddr, NodeId, Role, SlotSet};

/// What is written of the settings: those that all nodes should have alike and a running server
/// takes.
const SETTINGS: [&str; 3] =
    ["cluster-allow-replica-migration", "cluster-node-timeout", "cluster-require-full-coverage"];

#[derive(Serialize)]
struct OutFile {
    shard: Vec<OutShard>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    zones: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<&'static str, String>,
}

/// The file of this cluster, and what it does not hold, a sentence each.
///
/// Nodes that are unreachable stand where the others have them.
pub fn export(cluster: &ClusterReport) -> (String, Vec<String>) {
    let nodes = members(cluster);
    let mut left_out = Vec::new();
    let masters = nodes.iter().filter(|(_, (role, _, _))| *role == Role::Master);
    let masters = masters.sorted_by_key(|(id, (_, owned, _))| {
        (owned.slots().next().is_none(), owned.slots().next(), **id)
    });
    let shard = |(id, (_, owned, addr)): (&NodeId, &(Role, SlotSet, NodeAddr))| {
        let is_own = |(role, ..): &&(Role, SlotSet, NodeAddr)| role.master() == Some(*id);
        let replicas = nodes.values().filter(is_own).map(|(.., addr)| name(addr));
        OutShard { master: name(addr), slots: slots(owned), replicas: replicas.sorted().collect() }
    };
    let shard = masters.map(shard).collect_vec();
    for (role, _, addr) in nodes.values() {
        if role.master().is_some_and(|of| nodes.get(&of).is_none_or(|of| of.0 != Role::Master)) {
            left_out.push(format!("{addr} replicates no master that is known"));
        }
    }
    let owned = nodes.values().fold(SlotSet::EMPTY, |all, (_, owned, _)| all.union(owned));
    let uncovered = owned.complement();
    if !uncovered.is_empty() {
        left_out.push(format!("{} have no owner", uncovered.summary()));
    }
    let zones =
        cluster.nodes.iter().filter_map(|node| Some((node.via.to_string(), node.zone.clone()?)));
    let mut settings = BTreeMap::new();
    for setting in SETTINGS {
        let values = cluster.nodes.iter().filter_map(|node| node.settings.get(setting)).unique();
        match values.collect_vec()[..] {
            [value] => drop(settings.insert(setting, value.clone())),
            [] => {}
            ref several => left_out.push(format!(
                "{setting} differs between nodes: {}",
                several.iter().sorted().join(", ")
            )),
        }
    }
    let file = OutFile { shard, zones: zones.collect(), settings };
    (toml::to_string(&file).unwrap_or_default(), left_out)
}

/// Every node that the cluster has, with its role, slots and address: by its own word, or where it is
/// unreachable by that of another.
fn members(cluster: &ClusterReport) -> BTreeMap<NodeId, (Role, SlotSet, NodeAddr)> {
    let mut members = BTreeMap::new();
    for node in &cluster.nodes {
        let me = node.view.me();
        let usual = u32::from(node.via.port()) + 10_000;
        let bus = node.reached.bus_port().filter(|bus| u32::from(*bus) != usual);
        members.insert(me.id, (me.role, me.slots.clone(), node.via.clone().with_bus_port(bus)));
    }
    for unreachable in &cluster.unreachable {
        let known = cluster.nodes.iter().find_map(|node| node.view.node(unreachable.id));
        if let Some((node, addr)) = known.and_then(|node| Some((node, node.addr.clone()?))) {
            let addr = addr.with_bus_port(None);
            members.entry(node.id).or_insert((node.role, node.slots.clone(), addr));
        }
    }
    members
}
