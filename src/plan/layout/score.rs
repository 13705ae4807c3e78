//! How good a layout is, level by level; less is better everywhere.

use std::collections::BTreeMap;

use super::domains::{Domains, Place, tally};

/// The values of levels 1 to 3 of a layout, compared in this order, that of the fields. Less is
/// better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// Level 1.
    pub apart: Apart,
    /// Level 2.
    pub masters: MasterSpread,
    /// Level 3.
    pub takeover: Takeover,
}

/// Level 1: nodes of one shard that share a failure domain. A node without a zone has its host as a
/// zone of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apart {
    /// Replicas in their master's zone.
    pub master_zone: usize,
    /// Replicas on their master's host.
    pub master_host: usize,
    /// Pairs of replicas of one shard in one zone.
    pub replica_zone: usize,
    /// Pairs of replicas of one shard on one host.
    pub replica_host: usize,
}

/// Level 2: where the masters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MasterSpread {
    /// Some zone holds half of the masters or more.
    pub half_in_a_zone: bool,
    /// Sum over the zones of the square of their number of masters.
    pub zone_squares: usize,
    /// The same over the hosts.
    pub host_squares: usize,
}

/// Level 3: which hosts take over when one fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Takeover {
    /// The most replicas that one host has of another single host's masters.
    pub most: usize,
    /// Sum of the squares of these numbers over all pairs of different hosts.
    pub squares: usize,
}

impl MasterSpread {
    /// Counts it, given the number of masters in each zone and on each host.
    pub(super) fn of(zones: &[usize], hosts: &[usize]) -> MasterSpread {
        let squares = |sums: &[usize]| sums.iter().map(|sum| sum * sum).sum();
        let masters: usize = zones.iter().sum();
        MasterSpread {
            half_in_a_zone: zones.iter().any(|sum| 2 * sum >= masters),
            zone_squares: squares(zones),
            host_squares: squares(hosts),
        }
    }
}

impl Takeover {
    /// Counts it, given how many replicas one host has of another's masters, for each pair.
    pub(super) fn of(promotions: impl IntoIterator<Item = usize>) -> Takeover {
        promotions.into_iter().fold(Takeover::default(), |sum, count| Takeover {
            most: sum.most.max(count),
            squares: sum.squares + count * count,
        })
    }
}

impl Score {
    /// The score of shards given as a master and its replicas, all seats of `domains`.
    pub(in crate::plan) fn of<'a>(
        domains: &Domains,
        shards: impl IntoIterator<Item = (usize, &'a [usize])>,
    ) -> Score {
        let place = |&seat: &usize| domains.places[seat];
        let (mut apart, mut masters) = (Apart::default(), Vec::new());
        let mut promotions: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (master, replicas) in shards {
            let home = place(&master);
            masters.push(home);
            for (at, replica) in replicas.iter().map(place).enumerate() {
                apart.master_zone += usize::from(replica.zone == home.zone);
                apart.master_host += usize::from(replica.host == home.host);
                for other in replicas[..at].iter().map(place) {
                    apart.replica_zone += usize::from(replica.zone == other.zone);
                    apart.replica_host += usize::from(replica.host == other.host);
                }
                if replica.host != home.host {
                    *promotions.entry((home.host, replica.host)).or_default() += 1;
                }
            }
        }
        let count = |size, domain: fn(&Place) -> usize| tally(size, masters.iter().map(domain));
        let zones = count(domains.zones.len(), |place| place.zone);
        let hosts = count(domains.hosts.len(), |place| place.host);
        Score {
            apart,
            masters: MasterSpread::of(&zones, &hosts),
            takeover: Takeover::of(promotions.into_values()),
        }
    }
}
