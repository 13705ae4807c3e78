//! A cluster's shards, as pictures show them.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde::Serialize;

use super::key_place::{NodeNameJson, SlotMoveJson};
use super::problem::{ProblemJson, problems_json};
use super::rows::{NodeJson, node_rows};
use crate::model::{ClusterReport, NodeId, OpenState, Slot, SlotSet};
use crate::plan::check::{Problem, Severity, covered};

/// What `map` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MapJson {
    /// By their first slot; those without slots last.
    pub shards: Vec<MapShardJson>,
    /// Slots without an owner.
    pub uncovered: SlotSet,
    pub moves: Vec<MapMoveJson>,
    pub problems: Vec<ProblemJson>,
}

/// A master and its replicas.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MapShardJson {
    /// null if no node lists the replicas' master.
    pub master: Option<MapNodeJson>,
    pub slots: SlotSet,
    pub slot_count: usize,
    pub replicas: Vec<MapNodeJson>,
}

/// One node.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MapNodeJson {
    #[serde(flatten)]
    pub node: NodeNameJson,
    pub zone: Option<String>,
    /// Problems that name the node, and not all nodes.
    pub errors: usize,
    pub warnings: usize,
}

/// A migrating or importing slot.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MapMoveJson {
    pub slot: Slot,
    #[serde(flatten)]
    pub ends: SlotMoveJson,
}

pub fn map_json(cluster: &ClusterReport, problems: &[Problem]) -> MapJson {
    let rows = node_rows(cluster);
    let node = |row: &NodeJson| {
        let name = cluster.name(row.id);
        // What all nodes have marks none.
        let all = cluster.nodes.len().max(2);
        let some = problems.iter().filter(|problem| problem.nodes.len() < all);
        let named = some.filter(|problem| problem.nodes.contains(&name));
        let (errors, warnings): (Vec<_>, Vec<_>) =
            named.partition(|problem| problem.severity == Severity::Error);
        MapNodeJson {
            node: NodeNameJson::of(cluster, row.id),
            zone: cluster.node(row.id).and_then(|report| report.zone.clone()),
            errors: errors.len(),
            warnings: warnings.len(),
        }
    };
    let mut shards: Vec<MapShardJson> = Vec::new();
    let mut index: BTreeMap<NodeId, usize> = BTreeMap::new();
    for row in &rows {
        let at = *index.entry(row.master_id.unwrap_or(row.id)).or_insert(shards.len());
        if at == shards.len() {
            let slots = SlotSet::EMPTY;
            shards.push(MapShardJson { master: None, slots, slot_count: 0, replicas: Vec::new() });
        }
        let shard = &mut shards[at];
        match row.master_id {
            Some(_) => shard.replicas.push(node(row)),
            None => {
                shard.master = Some(node(row));
                shard.slot_count = row.slots.len();
                shard.slots = row.slots.clone();
            }
        }
    }
    let moves = cluster.nodes.iter().flat_map(|report| {
        report.view.open.iter().map(move |open| match open.state {
            OpenState::Migrating => (open.slot, report.id(), open.peer),
            OpenState::Importing => (open.slot, open.peer, report.id()),
        })
    });
    let name = |id| NodeNameJson::of(cluster, id);
    let moves = moves.unique().sorted().map(|(slot, from, to)| MapMoveJson {
        slot,
        ends: SlotMoveJson { from: name(from), to: name(to) },
    });
    MapJson {
        shards,
        uncovered: covered(cluster).complement(),
        moves: moves.collect(),
        problems: problems_json(problems),
    }
}
