//! The 16,384 slots in as many cells as there is room for.

use crate::model::SLOTS;
use crate::render::json::WatchJson;

/// One slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The number of the owner's shard.
    owner: Option<u16>,
    is_moving: bool,
}

/// What a cell of the strip shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Most of its slots are of this shard.
    Owned(usize),
    /// The same, and at least one is on its way.
    Moving(usize),
    /// At least one has no owner.
    Uncovered,
}

/// Every slot with its owner.
#[derive(Debug)]
pub(super) struct Strip(Vec<Place>);

impl Strip {
    /// `numbers` has that of each shard.
    pub(super) fn of(tick: &WatchJson, numbers: &[usize]) -> Strip {
        let mut places = vec![Place::default(); usize::from(SLOTS)];
        for (number, shard) in numbers.iter().zip(&tick.shards) {
            for slot in shard.slots.slots() {
                places[usize::from(slot.get())].owner = u16::try_from(*number).ok();
            }
        }
        for slot in tick.uncovered.slots() {
            places[usize::from(slot.get())].owner = None;
        }
        for slot in tick.moves.iter().flat_map(|route| route.slots.slots()) {
            places[usize::from(slot.get())].is_moving = true;
        }
        Strip(places)
    }

    /// So many cells, the slots dealt among them in order.
    pub(super) fn cells(&self, count: usize) -> Vec<Cell> {
        let count = count.clamp(1, self.0.len());
        let first = |cell: usize| cell * self.0.len() / count;
        (0..count).map(|cell| look(&self.0[first(cell)..first(cell + 1)])).collect()
    }
}

fn look(slots: &[Place]) -> Cell {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for place in slots {
        // However few there are, they are to be seen.
        let Some(owner) = place.owner.map(usize::from) else { return Cell::Uncovered };
        match counts.iter_mut().find(|(shard, _)| *shard == owner) {
            Some((_, count)) => *count += 1,
            None => counts.push((owner, 1)),
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count).map_or(0, |(shard, _)| *shard);
    match slots.iter().any(|place| place.is_moving) {
        true => Cell::Moving(most),
        false => Cell::Owned(most),
    }
}
