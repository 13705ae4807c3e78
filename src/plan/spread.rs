//! How a running cluster is spread over hosts and zones: what `check` warns about.

use super::flow::{Network, Price};
use super::layout::{Domains, NodeLocation, fewest_pairs, pairs, tally};
use itertools::Itertools;

/// A shard as it is; nodes by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentShard {
    /// Its master.
    pub master: usize,
    /// Its replicas.
    pub replicas: Vec<usize>,
}

impl CurrentShard {
    /// The master, then the replicas.
    pub fn copies(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.master).chain(self.replicas.iter().copied())
    }
}

/// A kind of failure domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainKind {
    /// Nodes with one host name or IP address.
    Host,
    /// Hosts with one zone.
    Zone,
}

/// Several nodes of a shard in one failure domain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedDomain {
    /// Index of the shard.
    pub shard: usize,
    /// Host or zone.
    pub kind: DomainKind,
    /// Its name.
    pub name: String,
    /// The nodes that share it, by index; in a zone they are not all on one host.
    pub nodes: Vec<usize>,
    /// The same nodes in shards of the same sizes can have fewer pairs that share a domain of this
    /// kind, over the whole cluster.
    pub avoidable: bool,
}

/// A failure domain with half of the masters or more: without it the others are not a majority, and
/// no replica is promoted (cluster specification, "Replica election and promotion").
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrowdedDomain {
    /// Host or zone.
    pub kind: DomainKind,
    /// Its name.
    pub name: String,
    /// How many masters are in it.
    pub masters: usize,
    /// How many masters there are.
    pub of: usize,
    /// With other masters on the same nodes no domain of this kind would hold half of them.
    pub avoidable: bool,
}

/// A domain's number for each seat, its names, and its kind.
struct Layer<'a> {
    kind: DomainKind,
    number: Box<dyn Fn(usize) -> usize + 'a>,
    names: Vec<&'a str>,
}

/// Hosts and, where any seat names one, zones.
fn layers(domains: &Domains) -> Vec<Layer<'_>> {
    let hosts = Layer {
        kind: DomainKind::Host,
        number: Box::new(|seat| domains.places[seat].host),
        names: domains.hosts.iter().map(|(name, _)| name.as_str()).collect(),
    };
    let zones = Layer {
        kind: DomainKind::Zone,
        number: Box::new(|seat| domains.places[seat].zone),
        names: domains.zones.iter().map(String::as_str).collect(),
    };
    std::iter::once(hosts).chain(domains.zoned.then_some(zones)).collect()
}

/// Where nodes of a shard share a host or a zone.
///
/// Whether that is avoidable is exact. Sorted by zone and host and dealt over the shards in turn,
/// the nodes make shards of one size with the fewest pairs in a zone and on a host at once, and
/// those are as few as each domain's nodes make when they lie evenly. Shards of other sizes may
/// have to have more.
pub fn shared_domains(nodes: &[NodeLocation], shards: &[CurrentShard]) -> Vec<SharedDomain> {
    let domains = Domains::new(nodes);
    let mut found = Vec::new();
    for Layer { kind, number, names } in layers(&domains) {
        let sums = tally(names.len(), shards.iter().flat_map(CurrentShard::copies).map(&number));
        let fewest: usize = sums.iter().map(|&sum| fewest_pairs(sum, shards.len())).sum();
        let in_shard = |shard: &CurrentShard| tally(names.len(), shard.copies().map(&number));
        let now: usize = shards.iter().map(|shard| pairs(&in_shard(shard))).sum();
        let avoidable = now > fewest && now > fewest_pairs_in(&sums, shards);
        for (index, shard) in shards.iter().enumerate() {
            for (at, nodes) in shard.copies().into_group_map_by(|&node| number(node)) {
                let one_host = nodes.iter().map(|&node| domains.places[node].host).all_equal();
                if nodes.len() > 1 && (kind == DomainKind::Host || !one_host) {
                    let name = names[at].to_owned();
                    found.push(SharedDomain { shard: index, kind, name, nodes, avoidable });
                }
            }
        }
    }
    found.sort_by(|a, b| (a.shard, a.kind, &a.nodes).cmp(&(b.shard, b.kind, &b.nodes)));
    found
}

/// The fewest pairs of copies in one domain, when shards keep their sizes and `sums` are the
/// domains' nodes.
fn fewest_pairs_in(sums: &[usize], shards: &[CurrentShard]) -> usize {
    let mut network = Network::default();
    let (source, sink) = (network.add_node(), network.add_node());
    let domain = |network: &mut Network, sum: usize| {
        let node = network.add_node();
        network.add_edge(node, sink, sum, Price::default());
        (node, sum)
    };
    let domains = sums.iter().map(|&sum| domain(&mut network, sum)).collect_vec();
    let pair = Price { pair: 1, bins: 1, ..Price::default() };
    let mut edges = Vec::new();
    for size in shards.iter().map(|shard| shard.copies().count()) {
        let node = network.add_node();
        network.add_edge(source, node, size, Price::default());
        let to = domains.iter();
        edges.extend(to.map(|&(domain, sum)| network.add_edge(node, domain, size.min(sum), pair)));
    }
    network.send(source, sink);
    pairs(&edges.into_iter().map(|edge| network.units(edge)).collect_vec())
}

/// The hosts and zones that hold half of the masters or more, if there are at least two masters.
pub fn crowded_domains(nodes: &[NodeLocation], shards: &[CurrentShard]) -> Vec<CrowdedDomain> {
    let domains = Domains::new(nodes);
    let of = shards.len();
    // The most masters in a domain that are less than half.
    let minority = of.saturating_sub(1) / 2;
    let mut found = Vec::new();
    for Layer { kind, number, names } in layers(&domains) {
        let nodes = tally(names.len(), shards.iter().flat_map(CurrentShard::copies).map(&number));
        let masters = tally(names.len(), shards.iter().map(|shard| number(shard.master)));
        let avoidable = nodes.iter().map(|&sum| sum.min(minority)).sum::<usize>() >= of;
        let crowded = names.into_iter().zip(masters).filter(|(_, sum)| of > 1 && 2 * sum >= of);
        found.extend(crowded.map(|(name, masters)| CrowdedDomain {
            kind,
            name: name.to_owned(),
            masters,
            of,
            avoidable,
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(text: &str) -> Vec<NodeLocation> {
        let seat = |word: &str| match word.split_once('/') {
            Some((zone, host)) => {
                NodeLocation { host: host.to_owned(), zone: Some(zone.to_owned()) }
            }
            None => NodeLocation { host: word.to_owned(), zone: None },
        };
        text.split(' ').map(seat).collect()
    }

    fn shards(list: &[&[usize]]) -> Vec<CurrentShard> {
        let shard =
            |copies: &&[usize]| CurrentShard { master: copies[0], replicas: copies[1..].to_vec() };
        list.iter().map(shard).collect()
    }

    #[test]
    fn a_pair_on_one_host_is_avoidable_if_swapping_partners_helps() {
        let seats = seats("a a b b c c");
        let found = shared_domains(&seats, &shards(&[&[0, 1], &[2, 4], &[3, 5]]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].shard, found[0].name.as_str(), found[0].avoidable), (0, "a", true));
        assert_eq!(shared_domains(&seats, &shards(&[&[0, 2], &[3, 4], &[5, 1]])), []);
    }

    #[test]
    fn what_no_layout_can_part_is_not_avoidable() {
        let seats = seats("z/a z/b z/c y/d");
        let found = shared_domains(&seats, &shards(&[&[0, 1], &[2, 3]]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].avoidable), (DomainKind::Zone, false));
        assert_eq!(found[0].nodes, [0, 1]);
    }

    #[test]
    fn shards_of_unequal_sizes_are_measured_by_their_sizes() {
        let all_on_one = seats("a a a a a a");
        let found = shared_domains(&all_on_one, &shards(&[&[0, 1, 2, 3], &[4, 5]]));
        assert!(found.len() == 2 && found.iter().all(|domain| !domain.avoidable), "{found:?}");
        // Four copies on two hosts: two and two is as good as it gets, and one of three is not.
        let two = seats("a a a b b b");
        let best = shared_domains(&two, &shards(&[&[0, 1, 3, 4], &[2, 5]]));
        assert!(best.iter().all(|domain| !domain.avoidable), "{best:?}");
        let worse = shared_domains(&two, &shards(&[&[0, 1, 2, 3], &[4, 5]]));
        assert!(worse.iter().all(|domain| domain.avoidable), "{worse:?}");
    }

    #[test]
    fn half_of_the_masters_is_too_many() {
        let seats = seats("a b c a b c");
        let found = crowded_domains(&seats, &shards(&[&[0, 1], &[3, 4], &[2, 5]]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].masters, found[0].avoidable), ("a", 2, true));
        assert_eq!(crowded_domains(&seats, &shards(&[&[0, 4], &[1, 5], &[2, 3]])), []);
        let two = crowded_domains(&seats, &shards(&[&[0, 1], &[2, 3]]));
        assert!(two.len() == 2 && two.iter().all(|domain| !domain.avoidable));
        assert_eq!(crowded_domains(&seats, &shards(&[&[0, 1]])), [], "one master is always all");
    }
}
