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
    /// Levels 1 to 3 are the best there are.
    pub proven: bool,
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
        let apart = Apart {
            master_zone: stuck_zone,
            master_host: stuck_host,
            replica_zone: Bounds::pairs(task, &zone_sizes, stuck_zone),
            replica_host: Bounds::pairs(task, &task.sizes().collect_vec(), stuck_host),
        };
        Bounds { low, hosts, zones, apart }
    }

    /// The fewest pairs of replicas in domains of these sizes, `stuck` replicas being with their
    /// masters: every domain's seats make pairs even if they lie evenly over all shards, and where
    /// no replica is stuck, those of a shard have one domain less to lie in.
    fn pairs(task: &Task, sizes: &[usize], stuck: usize) -> usize {
        let by_domain: usize = sizes.iter().map(|&size| fewest_pairs(size, task.masters)).sum();
        let others = sizes.len() - 1;
        let by_shard = (task.masters - task.extra) * fewest_pairs(task.each, others)
            + task.extra * fewest_pairs(task.each + 1, others);
        by_domain.saturating_sub(stuck).max(if stuck == 0 { by_shard } else { 0 })
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

/// The best numbers of masters that can be found, and whether nothing is better for certain.
pub(super) fn choose(task: &Task) -> Choice {
    let bounds = Bounds::new(task);
    let mut judge = Judge { task, known: BTreeMap::new(), flows: 0 };
    let (masters, value, proven) = match bounds.all(task) {
        Some(all) => {
            let (masters, value) = best_of_all(task, &bounds, all, &mut judge);
            (masters, value, true)
        }
        None => search(task, &bounds, &mut judge),
    };
    Choice { masters, most: value.2.most, proven }
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
/// the budget lasts.
fn search(task: &Task, bounds: &Bounds, judge: &mut Judge) -> (Vec<usize>, Value, bool) {
    let cells = task.hosts.len() * task.hosts.len();
    let budget = (SEARCH_CELLS / cells).clamp(2, 200);
    // By shape alone, so that the order of the seats does not change the score.
    let mut masters = bounds.most_even(task, |host, _| host);
    let most_even = task.master_spread(&masters);
    let mut value = judge.value(&masters);
    let proven = loop {
        let best_spread = value.0 == bounds.apart && value.1 == most_even;
        if best_spread && value.2.most <= 1 {
            break true;
        }
        let mut others = neighbours(task, bounds, &masters);
        if best_spread {
            // The most even choices are connected by such moves (they are an M-convex set), so
            // if none leads to one of another shape, all have the same score.
            others.retain(|(spread, _)| *spread == most_even);
            if others.is_empty() {
                break true;
            }
        }
        match better(judge, others, value, budget) {
            Some(better) => (masters, value) = better,
            None => break false,
        }
    };
    // Then the user's order, where it costs nothing.
    let earliest = bounds.most_even(task, |host, n| task.hosts[host].seats[n]);
    let masters = if judge.value(&earliest) == value { earliest } else { masters };
    (masters, value, proven)
}

/// The choices that differ by one master's host, one of each shape.
fn neighbours(task: &Task, bounds: &Bounds, masters: &[usize]) -> Vec<(MasterSpread, Vec<usize>)> {
    let mut seen = BTreeSet::from([task.normal_form(masters)]);
    let hosts = task.representatives(masters);
    let mut found = Vec::new();
    for (&from, &to) in hosts.iter().cartesian_product(&hosts) {
        let fits = masters[from] > bounds.low[from] && masters[to] < task.hosts[to].seats.len();
        if from != to && fits {
            let mut other = masters.to_vec();
            other[from] -= 1;
            other[to] += 1;
            if seen.insert(task.normal_form(&other)) {
                found.push((task.master_spread(&other), other));
            }
        }
    }
    found
}

fn better(
    judge: &mut Judge,
    others: Vec<(MasterSpread, Vec<usize>)>,
    value: Value,
    budget: usize,
) -> Option<(Vec<usize>, Value)> {
    others.into_iter().take(budget.saturating_sub(judge.flows)).find_map(|(_, other)| {
        let found = judge.value(&other);
        (found < value).then_some((other, found))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Seat;
    use super::super::domains::Domains;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// The search that large clusters get, on clusters small enough to try everything.
        #[test]
        fn what_the_search_proves_is_true(
            hosts in proptest::collection::vec((0..5usize, prop_oneof![1..4usize, 1..9usize]), 2..7),
            replicas in 1..4usize,
        ) {
            let hosts = hosts.iter().enumerate();
            let seats = hosts.flat_map(|(host, &(zone, seats))| {
                let seat = Seat { host: host.to_string(), zone: Some(zone.to_string()) };
                std::iter::repeat_n(seat, seats)
            });
            let seats = seats.collect_vec();
            prop_assume!(seats.len() > replicas);
            let masters = seats.len() / (replicas + 1);
            let task = Task::new(&Domains::new(&seats), masters, &vec![false; seats.len()]);
            let bounds = Bounds::new(&task);
            let judge = || Judge { task: &task, known: BTreeMap::new(), flows: 0 };
            let Some(all) = bounds.all(&task) else { return Ok(()) };
            let (_, best) = best_of_all(&task, &bounds, all, &mut judge());
            let (_, found, proven) = search(&task, &bounds, &mut judge());
            prop_assert!(best <= found);
            prop_assert!(!proven || best == found);
            prop_assert_eq!(best.0.master_zone, found.0.master_zone, "always exact");
            let roomy = task.by_zone(task.sizes()).into_iter().all(|size| size <= masters);
            prop_assert!(!roomy || (best.0, best.1) == (found.0, found.1), "levels 1 and 2");
        }
    }
}
