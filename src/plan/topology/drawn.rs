//! The layout of a new cluster, as a file of shards draws it.

use super::file::{Declared, Mistake, Shape, Written};
use super::shares::dealt;
use crate::model::NodeAddr;
use crate::plan::layout::{Layout, NodeLocation, PlannedShard};

/// A file and the nodes that were named do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrittenError {
    #[error(transparent)]
    Mistake(#[from] Mistake),
    #[error("{0} was named but has no place in the layout")]
    NotPlaced(NodeAddr),
    #[error("it lists no shards: a layout has a [[shard]] for each master")]
    NoShards,
}

impl Declared {
    /// The layout that a file of shards draws for these nodes, by their indices: exactly as written.
    ///
    /// # Errors
    /// A node of the file that was not named, or one that was named and is not in the file.
    pub fn place(
        &self,
        nodes: &[NodeAddr],
        locations: &[NodeLocation],
    ) -> Result<Layout, WrittenError> {
        let Shape::Shards(shards) = &self.shape else { return Err(WrittenError::NoShards) };
        let index = |written: &Written<NodeAddr>| {
            let index = nodes.iter().position(|node| *node == written.value);
            index.ok_or_else(|| {
                WrittenError::Mistake(Mistake {
                    at: written.at,
                    what: format!("{} is none of the nodes that were named", written.value),
                })
            })
        };
        let slots = dealt(shards);
        let shards = shards.iter().zip(slots).map(|(shard, slots)| {
            Ok(PlannedShard {
                master: index(&shard.master)?,
                slots,
                replicas: shard.replicas.iter().map(index).collect::<Result<_, _>>()?,
            })
        });
        let shards = shards.collect::<Result<Vec<_>, WrittenError>>()?;
        let written = self.addrs();
        match nodes.iter().find(|node| !written.contains(node)) {
            Some(left) => Err(WrittenError::NotPlaced(left.clone())),
            None => Ok(Layout::given(locations, shards)),
        }
    }
}
