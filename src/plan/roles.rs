//! Which masters should swap roles with one of their replicas to spread the masters again.
//!
//! Failovers move masters, never data: after some, one zone may hold most of them. A swap is a
//! manual failover (CLUSTER FAILOVER; cluster specification, "Manual failover").

use super::flow::{Network, Price};
use super::layout::{Domains, NodeLocation};
use super::spread::CurrentShard;

/// A shard's replica that should become its master; nodes by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swap {
    /// Index of the shard.
    pub shard: usize,
    /// Its master now.
    pub master: usize,
    /// The replica to promote.
    pub replica: usize,
}

/// The fewest swaps after which the masters are spread as well as these shards allow: level 2 of
/// a layout, [`MasterSpread`](super::layout::MasterSpread).
///
/// Exact: each shard sends a unit to the host of one of its copies and on to the zone, squares
/// over zones cost most, then squares over hosts, then swaps, then copies that the new master
/// would share its zone or host with. The masters per zone that shards can have are the bases of
/// a polymatroid, where the least sum of squares also has the least maximum: a zone with half of
/// the masters is only left if it has to be.
pub fn swaps(nodes: &[NodeLocation], shards: &[CurrentShard]) -> Vec<Swap> {
    let domains = Domains::new(nodes);
    let weights = Weights::new(nodes.len(), shards.len());
    let mut net = Network::default();
    let [source, sink] = std::array::from_fn(|_| net.add_node());
    let zones: Vec<usize> = domains.zones.iter().map(|_| net.add_node()).collect();
    let most = shards.len();
    for &zone in &zones {
        net.add_edge(zone, sink, most, Price { square: weights.zones, ..Price::default() });
    }
    let mut hosts = Vec::with_capacity(domains.hosts.len());
    for &(_, zone) in &domains.hosts {
        let host = net.add_node();
        net.add_edge(host, zones[zone], most, Price { square: weights.hosts, ..Price::default() });
        hosts.push(host);
    }
    let mut choices = Vec::new();
    for (index, shard) in shards.iter().enumerate() {
        let node = net.add_node();
        net.add_edge(source, node, 1, Price::default());
        for seat in shard.copies() {
            let swap = if seat == shard.master { 0 } else { weights.swap };
            let each = swap + shares(&domains, shard, seat);
            let host = hosts[domains.places[seat].host];
            let edge = net.add_edge(node, host, 1, Price { each, ..Price::default() });
            choices.push((index, seat, edge));
        }
    }
    net.send(source, sink);
    let chosen = choices
        .into_iter()
        .filter(|&(shard, seat, edge)| net.units(edge) == 1 && seat != shards[shard].master);
    chosen
        .map(|(shard, replica, _)| Swap { shard, master: shards[shard].master, replica })
        .collect()
}

/// Each is more than all that the next ones can add up to.
struct Weights {
    zones: i128,
    hosts: i128,
    swap: i128,
}

impl Weights {
    fn new(seats: usize, shards: usize) -> Weights {
        let (seats, shards) = (seats as i128, shards as i128);
        let swap = 2 * seats * shards + 1;
        let hosts = swap * (shards + 1);
        Weights { zones: hosts * (shards * shards + 1), hosts, swap }
    }
}

/// How many other copies share the zone of `seat`, and how many its host.
fn shares(domains: &Domains, shard: &CurrentShard, seat: usize) -> i128 {
    let here = domains.places[seat];
    let others = shard.copies().filter(|&other| other != seat).map(|other| domains.places[other]);
    others
        .map(|place| i128::from(place.zone == here.zone) + i128::from(place.host == here.host))
        .sum()
}

#[cfg(test)]
mod tests {
    use itertools::Itertools;
    use proptest::prelude::*;

    use super::*;
    use crate::plan::layout::{MasterSpread, Score};

    fn spread(domains: &Domains, masters: &[usize]) -> MasterSpread {
        Score::of(domains, masters.iter().map(|&master| (master, &[][..]))).masters
    }

    #[test]
    fn a_failed_over_zone_gets_its_master_back() {
        let seat =
            |zone: &str| NodeLocation { host: format!("h{zone}"), zone: Some(zone.to_owned()) };
        let seats = ["a", "b", "c", "a", "b", "c"].map(seat);
        let shard = |master, replica| CurrentShard { master, replicas: vec![replica] };
        let shards = [shard(4, 0), shard(1, 5), shard(2, 3)];
        assert_eq!(swaps(&seats, &shards), [Swap { shard: 0, master: 4, replica: 0 }]);
        assert_eq!(swaps(&seats, &[shard(0, 4), shard(1, 5), shard(2, 3)]), []);
        assert_eq!(swaps(&[], &[]), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Against every choice of masters.
        #[test]
        fn no_other_roles_are_spread_better_or_need_fewer_swaps(
            domains in proptest::collection::vec((0..4usize, 0..3usize), 1..11),
            sizes in proptest::collection::vec(1..4usize, 5),
        ) {
            let seat = |(host, zone): (usize, usize)| NodeLocation {
                host: host.to_string(),
                zone: Some(zone.to_string()),
            };
            let seats: Vec<NodeLocation> = domains.into_iter().map(seat).collect();
            let mut next = 0..seats.len();
            let shards: Vec<CurrentShard> = sizes
                .into_iter()
                .filter_map(|size| {
                    let master = next.next()?;
                    Some(CurrentShard { master, replicas: next.by_ref().take(size - 1).collect() })
                })
                .collect();
            let domains = Domains::new(&seats);
            let now: Vec<usize> = shards.iter().map(|shard| shard.master).collect();
            let value = |masters: &[usize]| {
                let swaps = masters.iter().zip(&now).filter(|(a, b)| a != b).count();
                (spread(&domains, masters), swaps)
            };
            let best = shards
                .iter()
                .map(|shard| shard.copies().collect_vec())
                .multi_cartesian_product()
                .map(|masters| value(&masters))
                .min();
            let mut masters = now.clone();
            for Swap { shard, master, replica } in swaps(&seats, &shards) {
                prop_assert_eq!(masters[shard], master);
                prop_assert!(shards[shard].replicas.contains(&replica));
                masters[shard] = replica;
            }
            prop_assert_eq!(Some(value(&masters)), best);
        }
    }
}
