//! Who becomes master, who replicates whom, and who owns which slots.

use std::collections::BTreeMap;

use crate::model::{SLOTS, SlotRange, SlotSet};

/// A node that the planner may place, and the failure domains it sits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The host it runs on: nodes with equal hosts die together.
    pub host: String,
}

/// A planned cluster; nodes are indices into the seats that were planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub shards: Vec<PlannedShard>,
}

/// A master, what it owns, and who copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedShard {
    pub master: usize,
    pub slots: SlotSet,
    pub replicas: Vec<usize>,
}

/// Why there is no layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error("{nodes} nodes are too few for {replicas} replicas a master: that takes at least {}", replicas + 1)]
    TooFewNodes { nodes: usize, replicas: usize },
    #[error("{masters} masters are more than the 16384 slots")]
    TooManyMasters { masters: usize },
}

/// Plans a cluster of `seats` in which every master has at least `replicas` replicas.
///
/// With all seats on one host the first become masters, in order. With several, masters are dealt
/// over the hosts in turn, as redis-cli does; a replica goes to the master with the fewest
/// replicas, and among those to one on another host.
pub fn plan(seats: &[Seat], replicas: usize) -> Result<Layout, LayoutError> {
    let masters = seats.len() / (replicas + 1);
    if masters == 0 {
        return Err(LayoutError::TooFewNodes { nodes: seats.len(), replicas });
    }
    if masters > SLOTS as usize {
        return Err(LayoutError::TooManyMasters { masters });
    }
    let order = over_hosts(seats);
    let mut shards: Vec<PlannedShard> = order[..masters]
        .iter()
        .zip(deal(masters))
        .map(|(&master, slots)| PlannedShard { master, slots, replicas: Vec::new() })
        .collect();
    for &replica in &order[masters..] {
        let host = &seats[replica].host;
        let cost = |shard: &PlannedShard| {
            let shared = std::iter::once(&shard.master).chain(&shard.replicas);
            (shard.replicas.len(), shared.filter(|&&seat| seats[seat].host == *host).count())
        };
        if let Some(shard) = shards.iter_mut().min_by_key(|shard| cost(shard)) {
            shard.replicas.push(replica);
        }
    }
    Ok(Layout { shards })
}

/// Seats in turn over hosts, hosts in the order of their first seat.
fn over_hosts(seats: &[Seat]) -> Vec<usize> {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut order: Vec<(usize, usize, usize)> = Vec::with_capacity(seats.len());
    for (index, seat) in seats.iter().enumerate() {
        let turn = turns.entry(&seat.host).or_default();
        let first = *first.entry(&seat.host).or_insert(index);
        order.push((*turn, first, index));
        *turn += 1;
    }
    order.sort_unstable();
    order.into_iter().map(|(_, _, index)| index).collect()
}

/// Deals all slots to `masters` masters as contiguous ranges whose sizes differ by at most one.
///
/// The borders are `16384 i / masters`, rounded: for 3 masters 0-5460, 5461-10922 and 10923-16383,
/// as redis-cli deals them.
pub fn deal(masters: usize) -> Vec<SlotSet> {
    let border = |i: usize| ((2 * i * SLOTS as usize + masters) / (2 * masters)) as u16;
    (0..masters)
        .map(|i| SlotRange::half_open(border(i), border(i + 1)).into_iter().collect())
        .collect()
}
