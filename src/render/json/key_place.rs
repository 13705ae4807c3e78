//! Where keys and slots are.

use serde::Serialize;

use crate::model::{ClusterReport, NodeAddr, NodeId, Slot};

/// What `keys` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyPlacesJson {
    /// In the order of the arguments.
    pub keys: Vec<KeyPlaceJson>,
}

/// One key or slot.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyPlaceJson {
    /// null for a slot, and for a key that is not UTF-8.
    pub key: Option<String>,
    /// A key that is not UTF-8.
    pub key_base64: Option<String>,
    /// The part of the key that its slot is computed from, if that is not the whole key; for a slot,
    /// a hash tag that leads to it.
    pub hash_tag: Option<String>,
    pub slot: Slot,
    /// null with --offline.
    pub place: Option<SlotPlaceJson>,
}

/// Where a slot is.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlotPlaceJson {
    /// One master, unless the slot is uncovered or several masters claim it.
    pub owners: Vec<NodeNameJson>,
    pub replicas: Vec<NodeNameJson>,
    /// The masters between which the slot is migrating or importing.
    pub moves: Vec<SlotMoveJson>,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NodeNameJson {
    pub id: NodeId,
    pub addr: Option<NodeAddr>,
    pub reachable: bool,
}

/// The two ends of a move.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlotMoveJson {
    pub from: NodeNameJson,
    pub to: NodeNameJson,
}

impl NodeNameJson {
    pub fn of(cluster: &ClusterReport, id: NodeId) -> NodeNameJson {
        let itself = cluster.node(id);
        let views = itself.into_iter().chain(&cluster.nodes).map(|report| &report.view);
        let addr = views.filter_map(|view| view.node(id)).find_map(|node| node.addr.clone());
        NodeNameJson { id, addr, reachable: itself.is_some() }
    }

    pub fn name(&self) -> String {
        self.addr.as_ref().map_or_else(|| self.id.short(), NodeAddr::to_string)
    }
}
