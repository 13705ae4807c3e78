//! The file that declares a cluster: TOML, read with the place of everything in it.
//!
//! ```toml
//! [cluster]
//! replicas = 1
//! nodes = ["10.0.1.1:6379", "10.0.2.1:6379"]   # placed by the planner, or:
//! [[shard]]
//! master = "10.0.1.1:6379"
//! replicas = ["10.0.2.1:6379"]
//! slots = "0-5460,16383"                        # or weight = 2
//! [zones]
//! "10.0.1.1" = "a"
//! [settings]
//! cluster-node-timeout = 5000
//! ```

use std::fmt;

use crate::model::{NodeAddr, SlotSet};

/// Where something stands in a file, both counted from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Its line and column, as compilers print them.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    pub value: T,
    pub at: Position,
}

/// What is wrong in the file, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Mistake {
    pub at: Position,
    pub what: String,
}

/// A cluster as somebody wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    pub shape: Shape,
    /// By host, or by address.
    pub zones: Vec<(Written<String>, String)>,
    pub settings: Vec<DeclaredSetting>,
}

/// Which nodes there are, and how far their places are given.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The planner finds a place for each; so many replicas for each master at least.
    Nodes { nodes: Vec<Written<NodeAddr>>, replicas: usize },
    /// Exactly these shards.
    Shards(Vec<DeclaredShard>),
}

/// A shard by addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredShard {
    pub master: Written<NodeAddr>,
    pub replicas: Vec<Written<NodeAddr>>,
    pub share: Share,
}

/// What a master is to own.
#[derive(Clone, Debug, PartialEq)]
pub enum Share {
    Slots(Written<SlotSet>),
    Weight(f64),
}

/// A setting that all nodes are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSetting {
    pub name: Written<String>,
    pub value: String,
}

impl Declared {
    /// Every node, in the order of the file.
    pub fn nodes(&self) -> Vec<&Written<NodeAddr>> {
        match &self.shape {
            Shape::Nodes { nodes, .. } => nodes.iter().collect(),
            Shape::Shards(shards) => {
                let shards = shards.iter();
                shards
                    .flat_map(|shard| std::iter::once(&shard.master).chain(&shard.replicas))
                    .collect()
            }
        }
    }

    pub fn addrs(&self) -> Vec<NodeAddr> {
        self.nodes().into_iter().map(|node| node.value.clone()).collect()
    }

    /// The zone that the file gives a node: its own, else its host's.
    pub fn zone(&self, node: &NodeAddr) -> Option<String> {
        let named = |name: &str| self.zones.iter().find(|(key, _)| key.value == name);
        let own = named(&node.to_string()).or_else(|| named(node.host()));
        own.map(|(_, zone)| zone.clone())
    }
}
