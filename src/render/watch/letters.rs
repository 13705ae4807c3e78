//! What shards are called. Slots move and replicas take over: a shard keeps its letter meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use crate::model::NodeId;
use crate::render::json::{WatchJson, WatchShardJson};

/// The number of each node's shard, from 0; `map::sign` has the letters.
#[derive(Debug, Default)]
pub(super) struct Letters(BTreeMap<NodeId, usize>);

impl Letters {
    /// The number of each shard, those that own slots first. A new master has the number of the shard
    /// that it was a replica of.
    pub(super) fn assign(&mut self, tick: &WatchJson) -> Vec<usize> {
        let mut numbers = vec![0; tick.shards.len()];
        let mut taken = BTreeSet::new();
        let by_need =
            tick.shards.iter().enumerate().sorted_by_key(|(_, shard)| shard.slot_count == 0);
        for (index, shard) in by_need {
            let known = nodes(shard).filter_map(|id| self.0.get(&id)).copied();
            let free = (0..).find(|number| !taken.contains(number) && !self.is_used(*number));
            let number = known.filter(|number| !taken.contains(number)).chain(free).next();
            numbers[index] = number.unwrap_or(index);
            taken.insert(numbers[index]);
            self.0.extend(nodes(shard).map(|id| (id, numbers[index])));
        }
        numbers
    }

    fn is_used(&self, number: usize) -> bool {
        self.0.values().any(|used| *used == number)
    }
}

/// The master first.
fn nodes(shard: &WatchShardJson) -> impl Iterator<Item = NodeId> {
    shard.master.iter().chain(&shard.replicas).map(|node| node.node.id)
}
