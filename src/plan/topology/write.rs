//! Writing a layout down, as the file is read.

use serde::Serialize;

use crate::model::{NodeAddr, SlotSet};
use crate::plan::layout::{Layout, PlannedShard};

#[derive(Serialize)]
struct OutFile {
    shard: Vec<OutShard>,
}

#[derive(Serialize)]
pub(super) struct OutShard {
    pub master: String,
    pub slots: String,
    pub replicas: Vec<String>,
}

/// With its bus port, where one was named: the file has to lead to the same place.
pub(super) fn name(node: &NodeAddr) -> String {
    let bus = node.bus_port().map(|port| format!("@{port}")).unwrap_or_default();
    format!("{node}{bus}")
}

pub(super) fn slots(slots: &SlotSet) -> String {
    if slots.is_empty() { String::new() } else { slots.to_string() }
}

/// Writes a layout down, as [`parse`](super::parse) reads it.
pub fn write(layout: &Layout, nodes: &[NodeAddr]) -> String {
    let shard = |shard: &PlannedShard| OutShard {
        master: name(&nodes[shard.master]),
        slots: slots(&shard.slots),
        replicas: shard.replicas.iter().map(|&index| name(&nodes[index])).collect(),
    };
    let file = OutFile { shard: layout.shards.iter().map(shard).collect() };
    toml::to_string(&file).unwrap_or_default()
}
