//! Level 4: which seats the planned numbers of masters and replicas become.

use itertools::Itertools;

use super::copies::{Copies, Group, groups_of, lower_takeover, solve};
use super::masters::Choice;
use super::task::Task;

/// Up to this many shards times hosts, the earliest order of the replicas is found exactly.
const EXACT_CELLS: usize = 1_024;

/// Gives each of `order`'s masters its replicas, in the best way for levels 1 and 3 and then in
/// the user's order: the earliest seats go round the shards in turn.
pub(super) fn replicas(task: &Task, choice: &Choice, order: &[usize]) -> Vec<Vec<usize>> {
    let mut home = vec![0; task.seats()];
    for (number, host) in task.hosts.iter().enumerate() {
        host.seats.iter().for_each(|&seat| home[seat] = number);
    }
    let homes = order.iter().map(|&seat| home[seat]).collect_vec();
    let free = task.hosts.iter().zip(&choice.masters).map(|(host, &n)| {
        // The last ones first: seats are taken from the end.
        host.seats[n..].iter().copied().rev().collect()
    });
    let mut free: Vec<Vec<usize>> = free.collect();
    if homes.len() * task.hosts.len() <= EXACT_CELLS {
        exact(task, choice, &homes, &mut free)
    } else {
        dealt(task, choice, &homes, &mut free)
    }
}

/// Plans every shard by itself, then fixes its replicas one by one: in each round over the shards
/// the earliest free seat with which the rest still has the best score.
fn exact(
    task: &Task,
    choice: &Choice,
    homes: &[usize],
    free: &mut [Vec<usize>],
) -> Vec<Vec<usize>> {
    let groups = homes.iter().map(|&host| Group { host, shards: 1 }).collect_vec();
    let limit = choice.most.max(1);
    let Copies { mut network, cells, .. } = solve(task, &choice.masters, &groups, limit).0;
    let mut floor = vec![0; network.edges()];
    let mut replicas = vec![Vec::new(); homes.len()];
    for (_, shard) in (0..=task.each).cartesian_product(0..homes.len()) {
        let earliest = cells[shard]
            .iter()
            .filter_map(|&(host, edge)| free[host].last().map(|&seat| (seat, host, edge)));
        let fits = earliest.sorted_unstable().find(|&(_, _, edge)| {
            network.units(edge) > floor[edge] || network.shift_onto(edge, &floor)
        });
        if let Some((seat, host, edge)) = fits {
            floor[edge] += 1;
            free[host].pop();
            replicas[shard].push(seat);
        }
    }
    replicas
}

/// Plans the shards of each host together and deals what the host takes over its shards in turn.
fn dealt(
    task: &Task,
    choice: &Choice,
    homes: &[usize],
    free: &mut [Vec<usize>],
) -> Vec<Vec<usize>> {
    let groups = groups_of(&choice.masters);
    let plain = solve(task, &choice.masters, &groups, usize::MAX);
    let copies = lower_takeover(task, &choice.masters, plain).0;
    let mut wanted: Vec<Vec<usize>> = vec![Vec::new(); homes.len()];
    for (group, cells) in groups.iter().zip(&copies.cells) {
        let shards = homes.iter().positions(|&host| host == group.host).collect_vec();
        // Cells stand by zone, then host: dealt in turn, both come out even.
        let hosts = cells.iter().flat_map(|&(host, edge)| vec![host; copies.network.units(edge)]);
        hosts.enumerate().for_each(|(turn, host)| wanted[shards[turn % shards.len()]].push(host));
    }
    let mut replicas = vec![Vec::new(); homes.len()];
    for (_, shard) in (0..=task.each).cartesian_product(0..homes.len()) {
        let earliest = wanted[shard].iter().copied().position_min_by_key(|&host| {
            // Seats are numbers: none left sorts last.
            free[host].last().copied().unwrap_or(usize::MAX)
        });
        if let Some(at) = earliest {
            let host = wanted[shard].swap_remove(at);
            replicas[shard].extend(free[host].pop());
        }
    }
    replicas
}
