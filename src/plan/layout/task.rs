//! The planning task with names and order taken out: hosts by shape.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::domains::Domains;
use super::score::MasterSpread;

/// A host, as far as levels 1 to 3 care, and its seats for level 4.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub zone: usize,
    /// Pinned ones first, then in the user's order.
    pub seats: Vec<usize>,
    /// How many of them must be masters.
    pub pinned: usize,
}

/// What is to be planned.
///
/// Zones and hosts stand in an order that depends on their shapes first and on the user's order
/// only between equal shapes. Whatever is searched in this order alone gets the same score for
/// every order of the seats.
#[derive(Debug)]
pub(super) struct Task {
    pub hosts: Vec<Host>,
    pub zones: usize,
    pub masters: usize,
    /// Replicas of every master.
    pub each: usize,
    /// Masters with one replica more.
    pub extra: usize,
}

impl Task {
    pub fn new(domains: &Domains, masters: usize, pinned: &[bool]) -> Task {
        let mut hosts: Vec<Host> = domains
            .hosts
            .iter()
            .map(|&(_, zone)| Host { zone, seats: Vec::new(), pinned: 0 })
            .collect();
        let seats = pinned.len();
        for seat in (0..seats).sorted_by_key(|&seat| !pinned[seat]) {
            let host = &mut hosts[domains.places[seat].host];
            host.seats.push(seat);
            host.pinned += usize::from(pinned[seat]);
        }
        let shape = |host: &Host| (host.seats.len(), host.pinned);
        hosts.sort_by_key(|host| std::cmp::Reverse(shape(host)));
        let mut zones = vec![Vec::new(); domains.zones.len()];
        hosts.into_iter().for_each(|host| zones[host.zone].push(host));
        zones.sort_by_cached_key(|hosts: &Vec<Host>| {
            std::cmp::Reverse(hosts.iter().map(shape).collect_vec())
        });
        let count = zones.len();
        let numbered = zones.into_iter().enumerate();
        let hosts = numbered
            .flat_map(|(zone, hosts)| hosts.into_iter().map(move |host| Host { zone, ..host }));
        Task {
            hosts: hosts.collect(),
            zones: count,
            masters,
            each: seats / masters - 1,
            extra: seats % masters,
        }
    }

    pub fn seats(&self) -> usize {
        self.masters * (self.each + 1) + self.extra
    }

    /// Sums of a number per host over the zones.
    pub fn by_zone(&self, hosts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut zones = vec![0; self.zones];
        self.hosts.iter().zip(hosts).for_each(|(host, number)| zones[host.zone] += number);
        zones
    }

    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.hosts.iter().map(|host| host.seats.len())
    }

    /// Level 2 of a number of masters per host.
    pub fn master_spread(&self, masters: &[usize]) -> MasterSpread {
        MasterSpread::of(&self.by_zone(masters.iter().copied()), masters)
    }

    /// The seats that are masters when each host takes its first ones, in the user's order.
    pub fn master_seats(&self, masters: &[usize]) -> Vec<usize> {
        let chosen = self.hosts.iter().zip(masters).flat_map(|(host, &n)| &host.seats[..n]);
        chosen.copied().sorted_unstable().collect()
    }

    /// The same for all numbers of masters that only swap hosts or zones of one shape: their
    /// scores are equal.
    pub fn normal_form(&self, masters: &[usize]) -> Vec<Vec<[usize; 3]>> {
        let mut zones = vec![Vec::new(); self.zones];
        for (host, &masters) in self.hosts.iter().zip(masters) {
            zones[host.zone].push([host.seats.len(), host.pinned, masters]);
        }
        zones.iter_mut().for_each(|hosts: &mut Vec<_>| hosts.sort_unstable());
        zones.sort_unstable();
        zones
    }

    /// Hosts that stand for all: at most two zones of each form, and in them at most two hosts
    /// that are alike.
    pub fn representatives(&self, masters: &[usize]) -> Vec<usize> {
        let alike =
            |host: usize| [self.hosts[host].seats.len(), self.hosts[host].pinned, masters[host]];
        let by_zone = (0..self.hosts.len()).chunk_by(|&host| self.hosts[host].zone);
        let mut forms: BTreeMap<Vec<[usize; 3]>, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for (_, hosts) in &by_zone {
            let hosts = hosts.collect_vec();
            let form = hosts.iter().map(|&host| alike(host)).sorted_unstable().collect_vec();
            let met = forms.entry(form).or_default();
            *met += 1;
            if *met <= 2 {
                let mut kinds: BTreeMap<[usize; 3], usize> = BTreeMap::new();
                found.extend(hosts.into_iter().filter(|&host| {
                    let met = kinds.entry(alike(host)).or_default();
                    *met += 1;
                    *met <= 2
                }));
            }
        }
        found
    }
}
