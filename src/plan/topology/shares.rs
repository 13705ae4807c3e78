//! What the masters of a file own where nothing has owners yet.

use itertools::Itertools;

use super::file::{DeclaredShard, Share};
use crate::model::SlotSet;
use crate::plan::slots;

/// The slots of each shard: as listed, or dealt by weight in the order of the file.
pub(super) fn dealt(shards: &[DeclaredShard]) -> Vec<SlotSet> {
    let weight = |shard: &DeclaredShard| match shard.share {
        Share::Weight(weight) => weight,
        Share::Slots(_) => 0.0,
    };
    // A file is read only with weights that can be dealt; where slots are listed there are none.
    let dealt = slots::deal(&shards.iter().map(weight).collect_vec()).unwrap_or_default();
    let slots = shards.iter().enumerate().map(|(index, shard)| match &shard.share {
        Share::Slots(slots) => slots.value.clone(),
        Share::Weight(_) => dealt.get(index).cloned().unwrap_or_default(),
    });
    slots.collect()
}
