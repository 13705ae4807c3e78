//! Failure domains: which seats share a host, which hosts share a zone.

use std::collections::BTreeMap;

use super::NodeLocation;

/// Where a seat sits, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Place {
    pub host: usize,
    pub zone: usize,
}

/// Seats numbered by host and zone.
///
/// A seat without a zone counts its host as a zone of its own. A host that is named in two zones
/// counts as one host in each.
#[derive(Debug)]
pub(in crate::plan) struct Domains {
    pub places: Vec<Place>,
    /// Name and zone of each host, in the order of their first seats.
    pub hosts: Vec<(String, usize)>,
    pub zones: Vec<String>,
    /// Some seat names a zone; otherwise zones are hosts, and sentences speak of hosts.
    pub zoned: bool,
}

impl Domains {
    pub fn new(seats: &[NodeLocation]) -> Domains {
        let (mut zone_numbers, mut host_numbers) = (BTreeMap::new(), BTreeMap::new());
        let mut domains = Domains {
            places: Vec::with_capacity(seats.len()),
            hosts: Vec::new(),
            zones: Vec::new(),
            zoned: seats.iter().any(|seat| seat.zone.is_some()),
        };
        for seat in seats {
            let name = seat.zone.as_ref().unwrap_or(&seat.host);
            let zone = *zone_numbers.entry((seat.zone.is_some(), name)).or_insert_with(|| {
                domains.zones.push(name.clone());
                domains.zones.len() - 1
            });
            let host = *host_numbers.entry((zone, &seat.host)).or_insert_with(|| {
                domains.hosts.push((seat.host.clone(), zone));
                domains.hosts.len() - 1
            });
            domains.places.push(Place { host, zone });
        }
        domains
    }

    /// 'zone' or, where nobody named any, 'host'.
    pub fn word(&self) -> &'static str {
        if self.zoned { "zone" } else { "host" }
    }
}

/// How many of `places` fall on each of `count` numbers.
pub(in crate::plan) fn tally(count: usize, places: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut sums = vec![0; count];
    places.into_iter().for_each(|place| sums[place] += 1);
    sums
}

/// The fewest pairs that share a bin when `items` lie in `bins` bins: when they lie evenly.
pub(in crate::plan) fn fewest_pairs(items: usize, bins: usize) -> usize {
    if bins == 0 {
        return 0;
    }
    let (full, over) = (items / bins, items % bins);
    bins * (full * full.saturating_sub(1) / 2) + over * full
}

/// How many pairs lie in one bin.
pub(in crate::plan) fn pairs(sums: &[usize]) -> usize {
    sums.iter().map(|&sum| sum * sum.saturating_sub(1) / 2).sum()
}
