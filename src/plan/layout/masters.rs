//! How many masters each host gets: levels 1 and 2, and level 3 where they leave a choice.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::copies::{Worth, groups_of, lower_takeover, solve};
use super::domains::fewest_pairs;
use super::score::{Apart, MasterSpread, Takeover};
use super::task::Task;

/// All numbers of masters per host are tried where there are at most this many.
const EXHAUSTIVE: usize = 2_000;
/// Otherwise the search for better ones looks at this many cells of flows.
const SEARCH_CELLS: usize = 200_000;

/// Level by level, what is compared between two choices.
type Value = (Apart, MasterSpread, Takeover);

/// Masters per host, and the largest takeover between two hosts that goes with them.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub masters: Vec<usize>,
    pub most: usize,
}

/// What the numbers of masters must keep to, from level 1 and the pins.
struct Bounds {
    low: Vec<usize>,
    hosts: Vec<usize>,
    zones: Vec<usize>,
    /// No layout is better than this on level 1.
    apart: Apart,
}

impl Bounds {
    /// The replicas that must stay in a domain of `size` seats, `m` of them masters: those that
    /// are more than all shards with a master elsewhere can take. It never falls as `m` grows.
    fn stuck(task: &Task, size: usize, m: usize) -> usize {
        let elsewhere = task.masters - m;
        let room = elsewhere * task.each + task.extra.min(elsewhere);
        (size - m).saturating_sub(room)
    }

    /// The most masters in a domain that leave at most `stuck` replicas stuck there.
    fn cap(task: &Task, size: usize, stuck: usize) -> usize {
        let fits = |&m: &usize| Bounds::stuck(task, size, m) <= stuck;
        (0..=size.min(task.masters)).rev().find(fits).unwrap_or(0)
    }

    fn new(task: &Task) -> Bounds {
        let low: Vec<usize> = task.hosts.iter().map(|host| host.pinned).collect();
        let zone_low = task.by_zone(low.iter().copied());
        let zone_sizes = task.by_zone(task.sizes());
        let (mut stuck_zone, mut stuck_host) = (0, 0);
        // At most one domain has replicas stuck (two would fill more than all shards), so the
        // least total is the least that a common limit can be.
        let zones = loop {
            let caps = zone_sizes.iter().map(|&size| Bounds::cap(task, size, stuck_zone));
            let caps = caps.collect_vec();
            let pins_fit = caps.iter().zip(&zone_low).all(|(cap, low)| cap >= low);
            if pins_fit && caps.iter().sum::<usize>() >= task.masters {
                break caps;
            }
            stuck_zone += 1;
        };
        let hosts = loop {
            let caps = task.sizes().map(|size| Bounds::cap(task, size, stuck_host)).collect_vec();
            let by_zone = task.by_zone(caps.iter().copied());
            let room: usize = by_zone.iter().zip(&zones).map(|(a, b)| a.min(b)).sum();
            if caps.iter().zip(&low).all(|(cap, low)| cap >= low) && room >= task.masters {
                break caps;
            }
            stuck_host += 1;
        };
        let all_pairs = |sizes: &mut dyn Iterator<Item = usize>| -> usize {
            sizes.map(|size| fewest_pairs(size, task.masters)).sum()
        };
        let apart = Apart {
            master_zone: stuck_zone,
            master_host: stuck_host,
            replica_zone: all_pairs(&mut zone_sizes.into_iter()).saturating_sub(stuck_zone),
            replica_host: all_pairs(&mut task.sizes()).saturating_sub(stuck_host),
        };
        Bounds { low, hosts, zones, apart }
    }

    /// The most even numbers of masters within the bounds; `tie` says which of two hosts in equal
    /// need comes first, given how many masters it has.
    ///
    /// Handing out one master at a time where it costs least is exact: bounds on hosts and zones
    /// are a laminar family, so the choices are the bases of a polymatroid and both sums of
    /// squares are separable convex over it.
    fn most_even(&self, task: &Task, tie: impl Fn(usize, usize) -> usize) -> Vec<usize> {
        let mut masters = self.low.clone();
        let mut zones = task.by_zone(masters.iter().copied());
        for _ in masters.iter().sum()..task.masters {
            let open = |&host: &usize| {
                let zone = task.hosts[host].zone;
                masters[host] < self.hosts[host] && zones[zone] < self.zones[zone]
            };
            let cost = |&host: &usize| {
                (zones[task.hosts[host].zone], masters[host], tie(host, masters[host]))
            };
            let Some(host) = (0..masters.len()).filter(open).min_by_key(cost) else { break };
            masters[host] += 1;
            zones[task.hosts[host].zone] += 1;
        }
        masters
    }

    /// Every choice within the pins and the zones' bounds, or `None` where there are too many.
    fn all(&self, task: &Task) -> Option<Vec<Vec<usize>>> {
        let mut found = vec![(Vec::new(), vec![0; task.zones], 0)];
        for (host, &low) in task.hosts.iter().zip(&self.low) {
            let mut longer = Vec::new();
            for (masters, zones, sum) in &found {
                for n in low..=host.seats.len() {
                    if zones[host.zone] + n <= self.zones[host.zone] && sum + n <= task.masters {
                        let mut next = (Vec::clone(masters), Vec::clone(zones), sum + n);
                        next.0.push(n);
                        next.1[host.zone] += n;
                        longer.push(next);
                    }
                }
            }
            if longer.len() > EXHAUSTIVE {
                return None;
            }
            found = longer;
        }
        let whole = found.into_iter().filter(|(_, _, sum)| *sum == task.masters);
        Some(whole.map(|(masters, _, _)| masters).collect())
    }
}

/// Evaluates choices, each shape once.
struct Judge<'a> {
    task: &'a Task,
    known: BTreeMap<Vec<Vec<[usize; 3]>>, Worth>,
    flows: usize,
}

impl Judge<'_> {
    fn value(&mut self, masters: &[usize]) -> Value {
        let task = self.task;
        let flows = &mut self.flows;
        let worth = self.known.entry(task.normal_form(masters)).or_insert_with(|| {
            *flows += 1;
            let plain = solve(task, masters, &groups_of(masters), usize::MAX);
            lower_takeover(task, masters, plain).1
        });
        (worth.apart, task.master_spread(masters), worth.takeover)
    }
}

/// The best numbers of masters: proven best where there are few enough to try them all, or where
/// the first one meets the bounds.
pub(super) fn choose(task: &Task) -> Choice {
    let bounds = Bounds::new(task);
    let mut judge = Judge { task, known: BTreeMap::new(), flows: 0 };
    let (masters, value) = match bounds.all(task) {
        Some(all) => best_of_all(task, &bounds, all, &mut judge),
        None => search(task, &bounds, &mut judge),
    };
    Choice { masters, most: value.2.most }
}

/// Tries every choice, the most even and earliest first, until none that is left can be better.
fn best_of_all(
    task: &Task,
    bounds: &Bounds,
    all: Vec<Vec<usize>>,
    judge: &mut Judge,
) -> (Vec<usize>, Value) {
    let mut in_order = all.into_iter().map(|m| (task.master_spread(&m), task.master_seats(&m), m));
    let mut in_order = in_order.by_ref().sorted().map(|(spread, _, masters)| (spread, masters));
    let first = in_order.next().map(|(_, masters)| masters).unwrap_or_default();
    let mut best = (judge.value(&first), first);
    for (spread, masters) in in_order {
        let (apart, best_spread, takeover) = best.0;
        let even = apart == bounds.apart;
        if even && (spread > best_spread || takeover.most <= 1) {
            break;
        }
        let value = judge.value(&masters);
        if value < best.0 {
            best = (value, masters);
        }
    }
    (best.1, best.0)
}

/// The most even choice, bettered by moving one master at a time from host to host for as long as
/// the budget lasts; stops at once where the bounds prove that nothing is better.
fn search(task: &Task, bounds: &Bounds, judge: &mut Judge) -> (Vec<usize>, Value) {
    let cells = task.hosts.len() * task.hosts.len();
    let budget = (SEARCH_CELLS / cells).clamp(2, 200);
    // By shape alone, so that the order of the seats does not change the score.
    let mut masters = bounds.most_even(task, |host, _| host);
    let mut value = judge.value(&masters);
    while let Some(better) = better_neighbour(task, bounds, judge, budget, (&masters, value)) {
        (masters, value) = better;
    }
    // Then the user's order, where it costs nothing.
    let earliest = bounds.most_even(task, |host, n| task.hosts[host].seats[n]);
    if judge.value(&earliest) == value { (earliest, value) } else { (masters, value) }
}

fn better_neighbour(
    task: &Task,
    bounds: &Bounds,
    judge: &mut Judge,
    budget: usize,
    (masters, value): (&[usize], Value),
) -> Option<(Vec<usize>, Value)> {
    let proven = value.0 == bounds.apart;
    if proven && value.2.most <= 1 {
        return None;
    }
    let mut seen = BTreeSet::from([task.normal_form(masters)]);
    let hosts = task.representatives(masters);
    for (&from, &to) in hosts.iter().cartesian_product(&hosts) {
        let fits = masters[from] > bounds.low[from] && masters[to] < task.hosts[to].seats.len();
        if from == to || !fits {
            continue;
        }
        let mut other = masters.to_vec();
        other[from] -= 1;
        other[to] += 1;
        if proven && task.master_spread(&other) > value.1 {
            continue;
        }
        if !seen.insert(task.normal_form(&other)) {
            continue;
        }
        if judge.flows >= budget {
            return None;
        }
        let found = judge.value(&other);
        if found < value {
            return Some((other, found));
        }
    }
    None
}
