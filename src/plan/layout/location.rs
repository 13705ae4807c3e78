//! Where a node is.

/// The failure domains of a node that the planner may place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLocation {
    /// The host it runs on: nodes with equal hosts fail together.
    pub host: String,
    /// The zone its host is in; without one, the host counts as a zone of its own.
    pub zone: Option<String>,
}
