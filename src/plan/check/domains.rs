//! How the cluster lies over hosts and zones.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::owners::owners;
use super::problem::{Kind, Problem, listed};
use crate::model::{ClusterReport, NodeId, Role};
use crate::plan::layout::NodeLocation;
use crate::plan::roles;
use crate::plan::spread::{
    CrowdedDomain, CurrentShard, DomainKind, crowded_domains, shared_domains,
};
use crate::plan::versions::left_behind;

/// The cluster as the planner sees one: seats and shards by index.
struct Spread {
    ids: Vec<NodeId>,
    seats: Vec<NodeLocation>,
    shards: Vec<CurrentShard>,
}

impl Spread {
    fn of(cluster: &ClusterReport) -> Spread {
        let mut roles: BTreeMap<NodeId, (Role, NodeLocation)> = BTreeMap::new();
        let seen = cluster.nodes.iter().flat_map(|report| report.view.members());
        for node in seen.unique_by(|node| node.id) {
            let told = cluster.node(node.id);
            let host = node
                .addr
                .as_ref()
                .map_or_else(|| node.id.to_string(), |addr| addr.host().to_owned());
            let seat = NodeLocation { host, zone: told.and_then(|report| report.zone.clone()) };
            let role = told.map_or(node.role, |report| report.view.me().role);
            roles.insert(node.id, (role, seat));
        }
        let ids = roles.keys().copied().collect_vec();
        let index: BTreeMap<NodeId, usize> = ids.iter().copied().zip(0..).collect();
        let copies = roles.iter().filter_map(|(id, (role, _))| Some((role.master()?, index[id])));
        let mut copies = copies.into_group_map();
        let masters = owners(cluster).into_iter().map(|(id, _)| id).unique();
        let shard = |id: NodeId| {
            let master = *index.get(&id)?;
            Some(CurrentShard { master, replicas: copies.remove(&id).unwrap_or_default() })
        };
        let shards = masters.filter_map(shard).collect();
        Spread { ids, seats: roles.into_values().map(|(_, seat)| seat).collect(), shards }
    }

    fn names(&self, cluster: &ClusterReport, seats: &[usize]) -> Vec<String> {
        seats.iter().map(|&seat| cluster.name(self.ids[seat])).collect()
    }

    /// The masters on the host, or in the zone, that the domain names.
    fn masters_in(&self, domain: &CrowdedDomain) -> Vec<usize> {
        let there = |&seat: &usize| {
            let NodeLocation { host, zone } = &self.seats[seat];
            match domain.kind {
                DomainKind::Host => *host == domain.name,
                DomainKind::Zone => zone.as_ref() == Some(&domain.name),
            }
        };
        self.shards.iter().map(|shard| shard.master).filter(there).collect()
    }
}

const fn word(kind: DomainKind) -> &'static str {
    match kind {
        DomainKind::Host => "host",
        DomainKind::Zone => "zone",
    }
}

/// Copies of a shard that share a host or zone, where they need not; and hosts or zones without
/// which no majority of masters is left.
pub(super) fn spread(cluster: &ClusterReport) -> Vec<Problem> {
    let spread = Spread::of(cluster);
    let shared = shared_domains(&spread.seats, &spread.shards);
    let together = shared.into_iter().filter(|shared| shared.avoidable).map(|shared| {
        let names = spread.names(cluster, &shared.nodes);
        let (kind, name) = (word(shared.kind), &shared.name);
        let message = format!(
            "{} are nodes of one shard on one {kind}, {name}: another placement separates them",
            listed(&names)
        );
        let slots = owners(cluster)
            .into_iter()
            .find(|(id, _)| *id == spread.ids[spread.shards[shared.shard].master]);
        Problem::warning(Kind::CopiesTogether, message)
            .at(names)
            .with_slots(slots.map(|(_, slots)| slots).unwrap_or_default())
    });
    let crowded = crowded_domains(&spread.seats, &spread.shards);
    // Of fewer than 3 masters, or in fewer than 3 places, one place always holds half or more.
    let hosts = spread.seats.iter().map(|seat| &seat.host).unique().count();
    let zones = spread.seats.iter().filter_map(|seat| seat.zone.as_ref()).unique().count();
    let choice = |crowded: &CrowdedDomain| match crowded.kind {
        _ if crowded.of < 3 => false,
        // A host whose nodes name several zones is still one host.
        DomainKind::Host => hosts > 1 && crowded.avoidable || hosts > 2,
        // Nodes without a zone are no zone to move to, and their hosts are told as hosts.
        DomainKind::Zone => {
            let named = spread.masters_in(crowded).len() == crowded.masters;
            named && (zones > 1 && crowded.avoidable || zones > 2)
        }
    };
    let crowded =
        crowded.into_iter().filter(choice).map(|crowded| self::crowded(cluster, &spread, &crowded));
    together.chain(crowded).collect()
}

fn crowded(cluster: &ClusterReport, spread: &Spread, crowded: &CrowdedDomain) -> Problem {
    let CrowdedDomain { kind, name, masters, of, avoidable } = crowded;
    let kind = word(*kind);
    let message =
        format!("{kind} {name} holds {masters} of the {of} masters: losing it prevents failover");
    let names = spread.names(cluster, &spread.masters_in(crowded));
    let swaps = if *avoidable { roles::swaps(&spread.seats, &spread.shards) } else { Vec::new() };
    let replicas = swaps.iter().filter_map(|swap| cluster.node(spread.ids[swap.replica]));
    let replicas = replicas.filter(|replica| left_behind(cluster, replica.id()).is_empty());
    let entry = &cluster.entry().via;
    let fix = replicas.map(|replica| format!("rcluster failover {entry} {}", replica.via));
    let fix = fix.collect_vec();
    let fix = (!fix.is_empty()).then(|| fix.join(" && "));
    Problem::warning(Kind::MastersCrowded, message).at(names).mended_by(fix)
}

/// The fewest promotions after which the masters are spread as well as their shards allow:
/// `(replica, master)`, both of which replied. [`roles::swaps`](crate::plan::roles::swaps) explains
/// the choice.
pub fn swaps(cluster: &ClusterReport) -> Vec<(NodeId, NodeId)> {
    let spread = Spread::of(cluster);
    let swaps = roles::swaps(&spread.seats, &spread.shards).into_iter();
    let ids = swaps.map(|swap| (spread.ids[swap.replica], spread.ids[swap.master]));
    ids.filter(|(replica, _)| cluster.node(*replica).is_some()).collect()
}
