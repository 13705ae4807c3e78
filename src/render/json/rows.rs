//! Nodes and shards, as tables show them too.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde::Serialize;

use crate::model::{ClusterReport, Flags, Node, NodeAddr, NodeId, NodeReport, SLOTS, SlotSet};
use crate::plan::layout::{Layout, PlannedShard};

/// One node.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NodeJson {
    pub id: NodeId,
    pub addr: Option<NodeAddr>,
    pub role: &'static str,
    pub master_id: Option<NodeId>,
    pub slots: SlotSet,
    pub flags: Flags,
    pub epoch: u64,
    /// The bus connection from the entry node to it: `connected` or `disconnected`.
    pub link: &'static str,
    /// The address at which it is reached, if --address-map names another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer: Option<NodeAddr>,
}

/// One node of a plan.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlaceJson {
    pub id: NodeId,
    pub addr: NodeAddr,
}

/// A master and its slots.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MasterJson {
    pub id: NodeId,
    pub addr: NodeAddr,
    pub slots: SlotSet,
}

/// One shard of a plan.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShardJson {
    pub master: MasterJson,
    pub replicas: Vec<PlaceJson>,
}

/// What `nodes` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NodesJson {
    pub nodes: Vec<NodeJson>,
}

/// Every known node: as it describes itself where it answered, else as the others do; flags and
/// link as the entry sees them.
pub fn node_rows(cluster: &ClusterReport) -> Vec<NodeJson> {
    let mut nodes: BTreeMap<NodeId, &Node> = BTreeMap::new();
    for node in cluster.nodes.iter().flat_map(|report| report.view.members()) {
        nodes.entry(node.id).or_insert(node);
    }
    let row = |(id, seen): (NodeId, &Node)| {
        let own = cluster.node(id).map_or(seen, |report| report.view.me());
        NodeJson {
            id,
            addr: seen.addr.clone().or_else(|| own.addr.clone()),
            role: own.role.name(),
            master_id: own.role.master(),
            slots: own.slots.clone(),
            flags: seen.flags,
            epoch: own.epoch,
            link: if seen.connected { "connected" } else { "disconnected" },
            outer: None,
        }
    };
    // By first slot, replicas after their master, masters without slots last.
    let rows = nodes.into_iter().map(row).collect_vec();
    let first = |id: NodeId| {
        let master = rows.iter().find(|row| row.id == id);
        master.and_then(|row| Some(row.slots.ranges().first()?.first().get())).unwrap_or(SLOTS)
    };
    let key = |row: &NodeJson| {
        let shard = row.master_id.unwrap_or(row.id);
        (first(shard), shard, row.master_id.is_some(), row.addr.clone())
    };
    let keys = rows.iter().map(key).collect_vec();
    keys.into_iter().zip(rows).sorted_by(|a, b| a.0.cmp(&b.0)).map(|(_, row)| row).collect()
}

/// Every shard of a plan.
pub fn shards_json(layout: &Layout, nodes: &[NodeReport]) -> Vec<ShardJson> {
    let place = |&seat: &usize| PlaceJson { id: nodes[seat].id(), addr: nodes[seat].via.clone() };
    let shard = |shard: &PlannedShard| {
        let PlaceJson { id, addr } = place(&shard.master);
        let master = MasterJson { id, addr, slots: shard.slots.clone() };
        ShardJson { master, replicas: shard.replicas.iter().map(place).collect() }
    };
    layout.shards.iter().map(shard).collect()
}
