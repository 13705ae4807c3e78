//! Creating a cluster: which nodes may take part, and what each has to do.

use std::collections::{BTreeMap, HashMap, HashSet};

use itertools::Itertools;

use super::announced::{BadAddress, FamiliesApart};
use super::bus_tls::TlsApart;
use super::formation::{Member, Step, TopologyPlan};
use super::layout::Layout;
use super::new_node::is_new;
use crate::model::{Flag, NodeAddr, NodeId, NodeReport, Role, SlotSet};

/// Why a node cannot take part in a new cluster; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Precondition {
    /// Two addresses of one server; with its id.
    #[error("{0} and {1} are one node (id {2}): name each node once")]
    TwoNames(NodeAddr, NodeAddr, NodeId),
    /// Two servers with one node id, which would keep them from meeting.
    #[error(
        "{0} and {1} are two servers with one node id ({2}): one of them was started on a copy of the other's nodes.conf"
    )]
    SameId(NodeAddr, NodeAddr, NodeId),
    /// Some use TLS on the cluster bus, others do not.
    #[error(transparent)]
    TlsApart(#[from] TlsApart),
    /// A node announces an address that others cannot use.
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    /// Some would be listed by IPv4, others by IPv6.
    #[error(transparent)]
    FamiliesApart(#[from] FamiliesApart),
    /// The node knows nodes that are not to take part.
    #[error("{node} already belongs to a cluster: it lists {others}")]
    NotAlone {
        /// The node.
        node: NodeAddr,
        /// Up to three of the others, and how many more there are.
        others: String,
    },
    /// The node owns slots that the plan does not give it.
    #[error("{node} already owns {}; this plan gives it {planned}", slots.summary())]
    OwnsSlots {
        /// The node.
        node: NodeAddr,
        /// All slots that it owns.
        slots: SlotSet,
        /// All slots that it would own.
        planned: SlotSet,
    },
    /// The node has migrating or importing slots.
    #[error("{node} has migrating or importing slots: {slots}")]
    OpenSlots {
        /// The node.
        node: NodeAddr,
        /// Those slots.
        slots: SlotSet,
    },
    /// The node is a replica and is to be something else.
    #[error("{node} is already a replica of {master}")]
    WrongRole {
        /// The node.
        node: NodeAddr,
        /// The master that it replicates now.
        master: String,
    },
    /// The node holds keys, which would end up in other nodes' slots.
    #[error("{node} holds {keys} key{}", if *keys == 1 { "" } else { "s" })]
    HasKeys {
        /// The node.
        node: NodeAddr,
        /// Keys in all its databases.
        keys: u64,
    },
    /// The node holds functions, which the other masters would not have.
    #[error("{node} holds {libraries} function librar{}", if *libraries == 1 { "y" } else { "ies" })]
    HasFunctions {
        /// The node.
        node: NodeAddr,
        /// How many function libraries.
        libraries: usize,
    },
}

impl Precondition {
    /// The node, if it could take part once it is reset.
    pub fn node(&self) -> Option<&NodeAddr> {
        match self {
            Precondition::TwoNames(..)
            | Precondition::SameId(..)
            | Precondition::TlsApart(_)
            | Precondition::BadAddress(_)
            | Precondition::FamiliesApart(_) => None,
            Precondition::NotAlone { node, .. }
            | Precondition::OwnsSlots { node, .. }
            | Precondition::OpenSlots { node, .. }
            | Precondition::WrongRole { node, .. }
            | Precondition::HasKeys { node, .. }
            | Precondition::HasFunctions { node, .. } => Some(node),
        }
    }
}

/// Plans how the nodes of `reports` become the cluster of `layout`, whose indices are those of
/// `reports`.
///
/// A node may be empty, or as an interrupted run of the same plan left it: then only what is
/// missing is planned.
///
/// # Errors
/// Everything that keeps nodes from taking part.
pub fn plan(reports: &[NodeReport], layout: &Layout) -> Result<TopologyPlan, Vec<Precondition>> {
    let shared = shared_ids(reports);
    if !shared.is_empty() {
        return Err(shared);
    }
    let id = |seat: usize| reports[seat].id();
    let mut targets: BTreeMap<usize, (Role, SlotSet)> = BTreeMap::new();
    for shard in &layout.shards {
        targets.insert(shard.master, (Role::Master, shard.slots.clone()));
        let replica = (Role::Replica { of: id(shard.master) }, SlotSet::EMPTY);
        targets.extend(shard.replicas.iter().map(|&seat| (seat, replica.clone())));
    }
    let ids: HashSet<NodeId> = reports.iter().map(NodeReport::id).collect();
    let own = targets.iter();
    let own = own.flat_map(|(&seat, (role, slots))| unmet(reports, &ids, seat, *role, slots));
    let bad = reports.iter().filter_map(BadAddress::of).map(Precondition::from);
    let families = FamiliesApart::of_new(reports).map(Precondition::from);
    let apart = TlsApart::of(reports).map(Precondition::from).into_iter().chain(families);
    let unmet: Vec<Precondition> = apart.chain(bad).chain(own).collect();
    if !unmet.is_empty() {
        return Err(unmet);
    }
    let members = targets.into_iter().map(|(seat, (role, slots))| {
        let me = reports[seat].view.me();
        let left = slots.difference(&me.slots);
        let mut steps = Vec::new();
        // In this order: setting the epoch has a server decide anew whether it is in a minority.
        if !left.is_empty() {
            steps.push(Step::AddSlots(left));
        }
        if is_new(&reports[seat]) {
            steps.push(Step::SetEpoch(seat as u64 + 1));
        }
        if let Role::Replica { of } = role.to_owned()
            && me.role != role
        {
            steps.push(Step::Follow(of));
        }
        Member {
            known: true,
            id: me.id,
            addr: reports[seat].reached.clone(),
            role: Some(role),
            slots: Some(slots),
            steps,
        }
    });
    Ok(TopologyPlan::new(members.collect(), &reports.iter().collect_vec(), true))
}

/// What a user should know before such a cluster is created, one sentence each.
pub fn warnings(layout: &Layout, reports: &[NodeReport]) -> Vec<String> {
    let mut warnings = Vec::new();
    let masters = layout.shards.len();
    if masters < 3 {
        let only = if masters == 1 {
            "only 1 master".to_owned()
        } else {
            format!("only {masters} masters")
        };
        warnings.push(format!(
            "{only}: if one fails, there is no majority and no failover; 3 masters can lose one"
        ));
    }
    if layout.shards.iter().all(|shard| shard.replicas.is_empty()) {
        warnings.push(
            "no replicas: if a master fails, its slots are unavailable until it is back".to_owned(),
        );
    }
    let on_loopback = |report: &&NodeReport| report.reached.ip().is_some_and(|ip| ip.is_loopback());
    let loopback = reports.iter().filter(on_loopback).count();
    if loopback > 0 && loopback < reports.len() {
        warnings.push("some nodes are named by a loopback address, others are not: nodes on other hosts cannot reach the former".to_owned());
    }
    warnings
}

fn shared_ids(reports: &[NodeReport]) -> Vec<Precondition> {
    let mut first: HashMap<NodeId, &NodeReport> = HashMap::new();
    let mut found = Vec::new();
    for report in reports {
        let NodeReport { via, run_id, .. } = report;
        let other = *first.entry(report.id()).or_insert(report);
        if other.run_id != *run_id {
            found.push(Precondition::SameId(other.via.clone(), via.clone(), report.id()));
        } else if other.via != *via {
            found.push(Precondition::TwoNames(other.via.clone(), via.clone(), report.id()));
        }
    }
    found
}

fn unmet(
    reports: &[NodeReport],
    ids: &HashSet<NodeId>,
    seat: usize,
    role: Role,
    planned: &SlotSet,
) -> Vec<Precondition> {
    let report = &reports[seat];
    let node = report.via.clone();
    let me = report.view.me();
    let mut found = Vec::new();

    let meets_ours = |addr: &NodeAddr| reports.iter().any(|other| other.reached == *addr);
    let foreign = report.view.peers().filter(|peer| {
        let handshake = peer.flags.has(Flag::Handshake);
        !(ids.contains(&peer.id) || handshake && peer.addr.as_ref().is_some_and(meets_ours))
    });
    let others = foreign.map(|peer| peer.name()).collect_vec();
    if !others.is_empty() {
        let more = others.len().saturating_sub(3);
        let mut names = others.iter().take(3).join(", ");
        if more > 0 {
            names += &format!(" and {more} more");
        }
        found.push(Precondition::NotAlone { node: node.clone(), others: names });
    }
    if !me.slots.difference(planned).is_empty() {
        let (slots, planned) = (me.slots.clone(), planned.clone());
        found.push(Precondition::OwnsSlots { node: node.clone(), slots, planned });
    }
    if !report.view.open.is_empty() {
        let slots = report.view.open.iter().map(|open| open.slot).collect();
        found.push(Precondition::OpenSlots { node: node.clone(), slots });
    }
    if let Role::Replica { of } = me.role
        && me.role != role
    {
        let known = report.view.node(of);
        let master = known.map_or_else(|| of.short(), |master| master.name());
        found.push(Precondition::WrongRole { node: node.clone(), master });
    }
    // A node that is as planned may have been in use since.
    let in_place =
        me.role == role && me.slots == *planned && (role != Role::Master || !planned.is_empty());
    if report.keys > 0 && !in_place {
        found.push(Precondition::HasKeys { node: node.clone(), keys: report.keys });
    }
    if report.functions > 0 && !in_place {
        found.push(Precondition::HasFunctions { node, libraries: report.functions });
    }
    found
}
