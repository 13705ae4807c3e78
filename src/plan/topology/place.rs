//! Nodes that the file only lists find their places, with as little change as can be.
//!
//! Masters with slots stay masters. The rest is a flow: every other node is a unit that goes to a
//! shard; shards of even size come first, then few copies of a shard in one zone, then on one host,
//! then few full copies. Which copy is master decides nothing of that, so masters are spread over the
//! zones afterwards, by promotions.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::shard::{GoalShard, owners};
use super::state::{Now, State};
use crate::plan::flow::{Network, Price};
use crate::plan::layout::{Domains, NodeLocation};
use crate::plan::roles::swaps;
use crate::plan::spread::CurrentShard;

pub(super) fn place(state: &State, replicas: usize, prune: bool) -> Vec<GoalShard> {
    let nodes = free_nodes(state, prune);
    let masters = (nodes.len() / (replicas + 1)).max(1);
    let mut shards = masters_of(state, &nodes, masters, prune);
    let is_master = |index: usize| shards.iter().any(|shard| shard.master == index);
    let others = nodes.into_iter().filter(|&index| !is_master(index)).collect_vec();
    for (index, shard) in assigned(state, &shards, &others) {
        shards[shard].replicas.push(index);
    }
    spread(state, &mut shards);
    shards
}

/// The nodes of the file that may be placed: those that copy a master which is to be left alone stay
/// with it.
fn free_nodes(state: &State, prune: bool) -> Vec<usize> {
    let is_bound = |index: usize| {
        let of = state.master_of(index);
        !prune && of.is_some_and(|of| !state.members[of].declared && !state.slots(of).is_empty())
    };
    let declared = (0..state.members.len()).filter(|&index| state.members[index].declared);
    declared.filter(|&index| !is_bound(index)).collect()
}

/// So many shards with their masters: running ones, those of the file and with most slots first, then
/// new ones.
fn masters_of(state: &State, nodes: &[usize], count: usize, prune: bool) -> Vec<GoalShard> {
    let is_ours = |owner: &usize| {
        let declared = state.members[*owner].declared;
        declared || (prune && state.replicas(*owner).any(|index| nodes.contains(&index)))
    };
    let rank = |owner: &usize| {
        let slots = state.slots(*owner).len();
        (!state.members[*owner].declared, std::cmp::Reverse(slots), *owner)
    };
    let running =
        owners(state).filter(is_ours).sorted_by_key(rank).take(count).sorted().collect_vec();
    let domains = domains(state);
    let mut shards: Vec<GoalShard> = Vec::new();
    for &owner in running.iter().filter(|owner| state.members[**owner].declared) {
        shards.push(GoalShard { master: owner, replicas: Vec::new(), takes_over: None });
    }
    let lost =
        running.iter().filter(|owner| !state.members[**owner].declared).map(|&owner| Some(owner));
    let new = std::iter::repeat_n(None, count - running.len());
    for takes_over in lost.chain(new) {
        let here = |index: usize| domains.places[index];
        let free = nodes.iter().copied().filter(|&index| {
            let is_taken = shards.iter().any(|shard| shard.master == index);
            !is_taken && state.slots(index).is_empty() && state.members[index].unreachable.is_none()
        });
        let best = free.min_by_key(|&index| {
            let copies = takes_over.is_some() && state.master_of(index) == takes_over;
            let is_replica = matches!(state.members[index].now, Now::Replica(_));
            let masters = shards.iter().map(|shard| here(shard.master));
            let zone = masters.clone().filter(|place| place.zone == here(index).zone).count();
            let host = masters.filter(|place| place.host == here(index).host).count();
            (!copies, is_replica, zone, host, index)
        });
        if let Some(master) = best {
            shards.push(GoalShard { master, replicas: Vec::new(), takes_over });
        }
    }
    shards
}

fn domains(state: &State) -> Domains {
    Domains::new(&locations(state))
}

fn locations(state: &State) -> Vec<NodeLocation> {
    state.members.iter().map(|member| member.location.clone()).collect()
}

/// A shard for each node.
fn assigned(state: &State, shards: &[GoalShard], nodes: &[usize]) -> Vec<(usize, usize)> {
    let domains = domains(state);
    let count = nodes.len() as i128 + 1;
    // Each is more than all that the next ones can add up to.
    let copy = 1;
    let host = copy * count;
    let zone = host * count * count;
    let size = zone * count * count;
    let mut net = Network::default();
    let [source, sink] = std::array::from_fn(|_| net.add_node());
    let ends = shards.iter().map(|_| net.add_node()).collect_vec();
    for &end in &ends {
        net.add_edge(end, sink, nodes.len(), Price { square: size, ..Price::default() });
    }
    let mut inner: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut outer: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut choices = Vec::new();
    for &index in nodes {
        let unit = net.add_node();
        net.add_edge(source, unit, 1, Price::default());
        for (number, shard) in shards.iter().enumerate() {
            let source_of = shard.takes_over.unwrap_or(shard.master);
            let stays = state.master_of(index) == Some(source_of);
            if state.members[index].unreachable.is_some() && !stays {
                continue;
            }
            let (here, there) = (domains.places[index], domains.places[shard.master]);
            let shared = |weight: i128, is_shared: bool| Price {
                each: if is_shared { weight } else { 0 },
                pair: weight,
                bins: 1,
                ..Price::default()
            };
            let on_zone = *outer.entry((number, here.zone)).or_insert_with(|| {
                let node = net.add_node();
                let price = shared(zone, here.zone == there.zone);
                net.add_edge(node, ends[number], nodes.len(), price);
                node
            });
            let on_host = *inner.entry((number, here.host)).or_insert_with(|| {
                let node = net.add_node();
                net.add_edge(node, on_zone, nodes.len(), shared(host, here.host == there.host));
                node
            });
            let each = if stays { 0 } else { copy };
            let edge = net.add_edge(unit, on_host, 1, Price { each, ..Price::default() });
            choices.push((index, number, edge));
        }
    }
    net.send(source, sink);
    let chosen = choices.into_iter().filter(|(.., edge)| net.units(*edge) == 1);
    chosen.map(|(index, number, _)| (index, number)).collect()
}

/// Spreads the masters over zones and hosts by the fewest promotions.
fn spread(state: &State, shards: &mut [GoalShard]) {
    let may_lead = |shard: &GoalShard, index: usize| {
        let member = &state.members[index];
        // A shard without data begins with a node that has none.
        let fits = shard.takes_over.is_some()
            || !state.slots(shard.master).is_empty()
            || !matches!(member.now, Now::Replica(_));
        fits && member.unreachable.is_none()
    };
    let current = shards.iter().map(|shard| CurrentShard {
        master: shard.master,
        replicas: shard.replicas.iter().copied().filter(|&index| may_lead(shard, index)).collect(),
    });
    for swap in swaps(&locations(state), &current.collect_vec()) {
        let shard = &mut shards[swap.shard];
        shard.replicas.retain(|&index| index != swap.replica);
        shard.replicas.push(shard.master);
        let has_data = !state.slots(shard.master).is_empty();
        shard.takes_over = shard.takes_over.or(has_data.then_some(shard.master));
        shard.master = swap.replica;
    }
}
