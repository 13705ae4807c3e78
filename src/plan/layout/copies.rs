//! Who copies whom, once it is known how many masters each host has: a flow of replicas.
//!
//! A unit of flow is a replica. It leaves a *group* of shards whose masters share a host, enters
//! a zone, enters a host there, and ends at that host's free seats. What a group takes from a
//! zone or host is later dealt evenly over its shards (sorted by zone and host and dealt in turn,
//! no two shards get numbers from one zone or host that differ by more than one), so the fewest
//! pairs within a shard are a convex function of the flow on an edge. Levels 1 and 3 are then one
//! lexicographic cost, and the flow is optimal for both, given the masters.

use std::collections::BTreeMap;

use super::domains::fewest_pairs;
use super::score::{Apart, Takeover};
use super::task::Task;
use crate::plan::flow::{Network, Price};

/// Shards whose masters are on one host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub host: usize,
    pub shards: usize,
}

/// Levels 1 and 3 of the best copies, given the masters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    pub apart: Apart,
    pub takeover: Takeover,
}

/// A solved flow.
pub(super) struct Copies {
    pub network: Network,
    /// For each group, the hosts it may take replicas from and the edge that counts them.
    pub cells: Vec<Vec<(usize, usize)>>,
    /// Every replica found a place.
    pub complete: bool,
}

/// One group per host, with its number of masters.
pub(super) fn groups_of(masters: &[usize]) -> Vec<Group> {
    let groups = masters.iter().enumerate().map(|(host, &shards)| Group { host, shards });
    groups.filter(|group| group.shards > 0).collect()
}

/// Lowers the largest takeover as long as level 1 bears it.
pub(super) fn lower_takeover(
    task: &Task,
    masters: &[usize],
    mut best: (Copies, Worth),
) -> (Copies, Worth) {
    let groups = groups_of(masters);
    let bound = takeover_bound(task, masters, &best.1.apart);
    while best.1.takeover.most > bound {
        let other = solve(task, masters, &groups, best.1.takeover.most - 1);
        if !other.0.complete || other.1.apart != best.1.apart {
            break;
        }
        best = other;
    }
    best
}

/// No layout with these masters and this level 1 has a smaller largest takeover.
fn takeover_bound(task: &Task, masters: &[usize], apart: &Apart) -> usize {
    if apart.master_zone > 0 || task.seats() == task.masters {
        return 1;
    }
    let replicas = |host: usize| task.hosts[host].seats.len() - masters[host];
    let all = 0..task.hosts.len();
    // With all replicas in other zones, a host's masters have only so many hosts to go to.
    let givers = task.by_zone(all.clone().map(|host| usize::from(masters[host] > 0)));
    let takers = task.by_zone(all.clone().map(|host| usize::from(replicas(host) > 0)));
    let (all_givers, all_takers) = (givers.iter().sum::<usize>(), takers.iter().sum::<usize>());
    let bound = |host: usize| {
        let zone = task.hosts[host].zone;
        let row = (masters[host] * task.each).div_ceil((all_takers - takers[zone]).max(1));
        let column = replicas(host).div_ceil((all_givers - givers[zone]).max(1));
        row.max(column)
    };
    all.map(bound).max().unwrap_or(1).max(1)
}

/// The flow with at most `limit` replicas on one host of another host's masters, and its worth;
/// not all replicas find a place if the limit is too low.
pub(super) fn solve(
    task: &Task,
    masters: &[usize],
    groups: &[Group],
    limit: usize,
) -> (Copies, Worth) {
    let replicas: Vec<usize> = task.sizes().zip(masters).map(|(size, &n)| size - n).collect();
    let (source, sink, mut copies) = build(task, groups, &replicas, limit);
    copies.complete = copies.network.send(source, sink) == task.seats() - task.masters;
    let worth = worth(task, groups, &copies);
    (copies, worth)
}

/// Costs that make one number of a lexicographic order.
struct Weights {
    master_zone: i128,
    master_host: i128,
    replica_zone: i128,
    replica_host: i128,
}

impl Weights {
    /// Each weight is larger than all that the lower ones can add up to: no count of replicas,
    /// pairs or squares is above the square of the number of replicas.
    fn new(replicas: usize) -> Weights {
        let base = (replicas * replicas) as i128 + 1;
        Weights {
            replica_host: base,
            replica_zone: base * base,
            master_host: base * base * base,
            master_zone: base * base * base * (replicas as i128 + 1),
        }
    }
}

fn build(
    task: &Task,
    groups: &[Group],
    replicas: &[usize],
    limit: usize,
) -> (usize, usize, Copies) {
    let weights = Weights::new(task.seats() - task.masters);
    let mut net = Network::default();
    let [source, sink, extra] = std::array::from_fn(|_| net.add_node());
    let free = Price::default();
    net.add_edge(source, extra, task.extra, free);
    let seats: Vec<usize> = task.hosts.iter().map(|_| net.add_node()).collect();
    for (&node, &count) in seats.iter().zip(replicas) {
        net.add_edge(node, sink, count, free);
    }
    let open = |host: &usize| replicas[*host] > 0;
    let mut zones: Vec<Vec<usize>> = vec![Vec::new(); task.zones];
    (0..task.hosts.len()).filter(open).for_each(|host| zones[task.hosts[host].zone].push(host));
    let mut groups_on = vec![0; task.hosts.len()];
    groups.iter().for_each(|group| groups_on[group.host] += 1);
    // Where several groups share a host, their takeovers meet in a node per pair of hosts.
    let mut meeting: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut cells = Vec::with_capacity(groups.len());
    for group in groups {
        let (home, bins) = (group.host, group.shards);
        let from = net.add_node();
        net.add_edge(source, from, group.shards * task.each, free);
        net.add_edge(extra, from, group.shards, free);
        let mut own = Vec::new();
        for (zone, hosts) in zones.iter().enumerate().filter(|(_, hosts)| !hosts.is_empty()) {
            let at_home = if zone == task.hosts[home].zone { weights.master_zone } else { 0 };
            let enter = Price { each: at_home, pair: weights.replica_zone, bins, square: 0 };
            // A zone of one host needs no node: what enters it enters the host.
            let (gate, toll) = match hosts.len() {
                1 => (from, enter),
                _ => {
                    let gate = net.add_node();
                    net.add_edge(from, gate, usize::MAX, enter);
                    (gate, free)
                }
            };
            for &host in hosts {
                let same = host == home;
                let mut price = Price { bins, ..toll };
                price.each += if same { weights.master_host } else { 0 };
                price.pair += weights.replica_host;
                let square = Price { square: i128::from(!same), ..free };
                let room = if same { usize::MAX } else { limit };
                let edge = if groups_on[home] == 1 {
                    price.square = square.square;
                    net.add_edge(gate, seats[host], room, price)
                } else {
                    let node = *meeting.entry((home, host)).or_insert_with(|| {
                        let node = net.add_node();
                        net.add_edge(node, seats[host], room, square);
                        node
                    });
                    net.add_edge(gate, node, usize::MAX, price)
                };
                own.push((host, edge));
            }
        }
        cells.push(own);
    }
    (source, sink, Copies { network: net, cells, complete: false })
}

fn worth(task: &Task, groups: &[Group], copies: &Copies) -> Worth {
    let mut apart = Apart::default();
    let mut promotions: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (group, cells) in groups.iter().zip(&copies.cells) {
        let mut zones = vec![0; task.zones];
        for &(host, edge) in cells {
            let units = copies.network.units(edge);
            zones[task.hosts[host].zone] += units;
            apart.replica_host += fewest_pairs(units, group.shards);
            if host == group.host {
                apart.master_host += units;
            } else if units > 0 {
                *promotions.entry((group.host, host)).or_default() += units;
            }
        }
        apart.master_zone += zones[task.hosts[group.host].zone];
        apart.replica_zone +=
            zones.iter().map(|&units| fewest_pairs(units, group.shards)).sum::<usize>();
    }
    Worth { apart, takeover: Takeover::of(promotions.into_values()) }
}
