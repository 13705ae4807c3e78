//! What level 1 and the pins leave to choose among the numbers of masters per host.

use itertools::Itertools;

use super::domains::fewest_pairs;
use super::score::Apart;
use super::task::Task;

/// All choices are listed where there are at most this many.
const EXHAUSTIVE: usize = 2_000;

/// What the numbers of masters must keep to, from level 1 and the pins.
pub(super) struct Bounds {
    pub low: Vec<usize>,
    hosts: Vec<usize>,
    zones: Vec<usize>,
    /// No layout is better than this on level 1.
    pub apart: Apart,
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

    pub fn new(task: &Task) -> Bounds {
        let low: Vec<usize> = task.hosts.iter().map(|host| host.pinned).collect();
        let zone_low = task.by_zone(low.iter().copied());
        let zone_sizes = task.by_zone(task.sizes());
        let covers = |caps: &[usize], low: &[usize]| caps.iter().zip(low).all(|(a, b)| a >= b);
        // At most one domain has replicas stuck (two would fill more than all shards), so the
        // least total is the least that a common limit can be.
        let zone_caps =
            |stuck| zone_sizes.iter().map(|&s| Bounds::cap(task, s, stuck)).collect_vec();
        let stuck_zone = least(task.seats(), |stuck| {
            let caps = zone_caps(stuck);
            covers(&caps, &zone_low) && caps.iter().sum::<usize>() >= task.masters
        });
        let zones = zone_caps(stuck_zone);
        let host_caps = |stuck| task.sizes().map(|s| Bounds::cap(task, s, stuck)).collect_vec();
        let stuck_host = least(task.seats(), |stuck| {
            let caps = host_caps(stuck);
            let by_zone = task.by_zone(caps.iter().copied());
            let room: usize = by_zone.iter().zip(&zones).map(|(a, b)| a.min(b)).sum();
            covers(&caps, &low) && room >= task.masters
        });
        let hosts = host_caps(stuck_host);
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
    pub fn most_even(&self, task: &Task, tie: impl Fn(usize, usize) -> usize) -> Vec<usize> {
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
    pub fn all(&self, task: &Task) -> Option<Vec<Vec<usize>>> {
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

/// The least number that fits, if every number from it up to `most` does.
fn least(most: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = usize::midpoint(low, high);
        if fits(middle) { high = middle } else { low = middle + 1 }
    }
    low
}
