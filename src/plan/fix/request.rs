//! What a user wants of a repair.

use crate::model::NodeId;

/// Which node's value counts if two masters hold a key with different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefer {
    /// None: values that differ are both kept, each on its node.
    Nobody,
    /// This node's.
    Node(NodeId),
    /// That of the node with the higher config epoch.
    NewestEpoch,
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixRequest {
    /// How key conflicts are resolved; it also decides between masters that claim one slot.
    pub prefer: Prefer,
    /// Whether slots of unreachable masters without a replica go to others; their keys are lost.
    pub abandon: bool,
}
