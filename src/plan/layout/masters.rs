//! How many masters each host gets: levels 1 and 2, and level 3 where they leave a choice.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::bounds::Bounds;
use super::copies::{Worth, groups_of, lower_takeover, solve};
use super::score::{Apart, MasterSpread, Takeover};
use super::task::Task;

/// Where not every choice can be tried, the search looks at this many cells of flows.
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

    use super::super::NodeLocation;
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
                let seat = NodeLocation { host: host.to_string(), zone: Some(zone.to_string()) };
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
