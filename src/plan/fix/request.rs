//! What a user wants of a repair.

use crate::model::NodeId;

/// Whose word counts where two nodes say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefer {
    /// Nobody's: values that differ are both kept.
    Nobody,
    Node(NodeId),
    /// The node with the higher config epoch.
    NewestEpoch,
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixRequest {
    pub prefer: Prefer,
    /// Whether slots of masters that give no answer go to others.
    pub abandon: bool,
}
