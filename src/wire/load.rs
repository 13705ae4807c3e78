//! Loading facts: the reports of nodes that the user named, or of every node a cluster knows.

use std::collections::{HashMap, HashSet};

use itertools::Itertools;

use super::access::Access;
use super::error::WireError;
use super::fleet::all_at_once;
use super::resolve::first_of;
use super::server::Server;
use super::talk::{Wait, alone, together};
use crate::model::{
    ClusterReport, ClusterView, Flag, Link, Node, NodeAddr, NodeId, NodeList, NodeReport, Stranger,
    UnreachableNode,
};

/// A cluster's facts, and an open connection to each node that answered.
#[derive(Debug)]
pub struct Cluster<S = Server> {
    pub report: ClusterReport,
    /// In the order of `report.nodes`.
    pub servers: Vec<S>,
}

/// Connects to every address at once and asks each for its report; `Err` holds everyone that
/// failed.
pub fn load_nodes(
    addrs: &[NodeAddr],
    access: &Access,
) -> Result<(Vec<Server>, Vec<NodeReport>), Vec<WireError>> {
    let answers = ask_nodes(addrs, access);
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition_result();
    if bad.is_empty() { Ok(good.into_iter().unzip()) } else { Err(bad) }
}

/// The same; an answer or a failure for each address.
pub fn ask_nodes(
    addrs: &[NodeAddr],
    access: &Access,
) -> Vec<Result<(Server, NodeReport), WireError>> {
    together(addrs, async |addr, wait| ask(addr, access, wait).await)
}

/// Asks the first entry that answers, then at once every node it knows, then those that only they know, until
/// nobody names a new one.
///
/// # Errors
/// No entry gives a report, or we may not open connections to all nodes; any other node lands in the
/// report's `unreachable`.
pub fn load_cluster(entry: &NodeList, access: &Access) -> Result<Cluster, WireError> {
    load_cluster_with(entry, Vec::new(), access).map(|(cluster, _)| cluster)
}

/// The same, where members may be at addresses that no view has: those of `found` that are members
/// are taken in; gives the others.
pub fn load_cluster_with(
    entry: &NodeList,
    found: Vec<(Server, NodeReport)>,
    access: &Access,
) -> Result<(Cluster, Vec<(Server, NodeReport)>), WireError> {
    let first = first_of(entry, access, |addr| alone(async |wait| ask(addr, access, wait).await))?;
    let seen = first.1.view.clone();
    let ask = async |addr: NodeAddr, wait: &Wait| {
        let (server, mut report) = ask(&addr, access, wait).await?;
        report.view.share_hosts(&seen);
        Ok((server, report))
    };
    let mut ours = None;
    let ask_all = |addrs: Vec<NodeAddr>| {
        let answers = together(addrs, ask);
        let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
        let is_ours = |error: &&WireError| matches!(error, WireError::OpenFiles { .. });
        ours = ours.take().or_else(|| errors.find(is_ours).cloned());
        answers
    };
    let (mut cluster, found) = gather(first, found, ask_all);
    // No node is to blame for that, or has been asked.
    if let Some(error) = ours {
        return Err(error);
    }
    cluster.try_logins(access);
    Ok((cluster, found))
}

/// The cluster of the `first` node: every node that it knows is asked, then those that only they know,
/// until no new one is named. Takes in those of `found` that are members; gives the others.
///
/// `ask` has an answer for each address; with each report comes what it was asked through.
pub fn gather<S>(
    (server, report): (S, NodeReport),
    found: Vec<(S, NodeReport)>,
    mut ask: impl FnMut(Vec<NodeAddr>) -> Vec<Result<(S, NodeReport), WireError>>,
) -> (Cluster<S>, Vec<(S, NodeReport)>) {
    // A place is an id at an address: one id at two addresses is two servers, or one with two names.
    let mut asked: HashSet<(NodeId, NodeAddr)> = HashSet::new();
    asked.extend(report.view.me().addr.clone().map(|addr| (report.id(), addr)));
    asked.insert((report.id(), report.reached.clone()));
    let mut cluster = Cluster {
        report: ClusterReport { nodes: vec![report], unreachable: Vec::new() },
        servers: vec![server],
    };
    let mut found = cluster.admit(found);
    let mut told = 0;
    while told < cluster.servers.len() {
        let places = cluster.report.nodes[told..].iter().flat_map(places).unique();
        let fresh = places.filter(|(id, addr)| {
            addr.as_ref().is_none_or(|addr| asked.insert((*id, addr.clone())))
        });
        let fresh: Vec<(NodeId, Option<NodeAddr>)> = fresh.collect();
        told = cluster.servers.len();
        let places = by_address(fresh);
        let mut answers =
            ask(places.iter().filter_map(|(addr, _)| addr.clone()).collect()).into_iter();
        // Views are the only proof of membership: a node that is where another is listed may be a
        // member that has moved, or none at all.
        let mut candidates = Vec::new();
        for (addr, ids) in places {
            match addr.as_ref().and_then(|_| answers.next()) {
                Some(Ok((server, report))) => {
                    let stranger = Stranger {
                        id: report.id(),
                        is_new: knows_nobody(&report) && report.keys == 0,
                    };
                    let why = format!("another node is at that address now, {}", report.id());
                    for id in ids.iter().filter(|id| **id != stranger.id) {
                        cluster.unreachable(*id, addr.clone(), why.clone(), Some(stranger));
                    }
                    match ids.contains(&stranger.id) {
                        true => cluster.take(server, report),
                        false => candidates.push((server, report)),
                    }
                }
                Some(Err(error)) => {
                    for id in ids {
                        cluster.unreachable(id, addr.clone(), error.to_string(), None);
                        let added = cluster.report.unreachable.last_mut();
                        added.into_iter().for_each(|node| node.loading = error.loading());
                    }
                }
                None => {
                    let why = "no node knows its address";
                    ids.into_iter()
                        .for_each(|id| cluster.unreachable(id, None, why.to_owned(), None));
                }
            }
        }
        cluster.admit(candidates);
        found = cluster.admit(found);
    }
    let nodes = &cluster.report.nodes;
    cluster.report.unreachable.retain(|node| !nodes.iter().any(|report| report.id() == node.id));
    cluster.report.unreachable.sort_by_key(|node| (node.taken_by.is_none(), node.addr.is_none()));
    let mut named = HashSet::new();
    cluster.report.unreachable.retain(|node| named.insert(node.id));
    (cluster, found)
}

/// The ids of the nodes at each address, in their order: it is asked once, however many nodes a
/// server says are there.
fn by_address(places: Vec<(NodeId, Option<NodeAddr>)>) -> Vec<(Option<NodeAddr>, Vec<NodeId>)> {
    let mut index = HashMap::new();
    let mut addresses: Vec<(Option<NodeAddr>, Vec<NodeId>)> = Vec::new();
    for (id, addr) in places {
        let at = *index.entry(addr.clone()).or_insert(addresses.len());
        match addresses.get_mut(at) {
            Some((_, ids)) => ids.push(id),
            None => addresses.push((addr, vec![id])),
        }
    }
    addresses
}

impl<S> Cluster<S> {
    /// Takes in those that belong to the cluster; gives the others.
    fn admit(&mut self, mut found: Vec<(S, NodeReport)>) -> Vec<(S, NodeReport)> {
        while let Some(next) = found.iter().position(|(_, report)| self.has_member(report)) {
            let (server, report) = found.swap_remove(next);
            self.take(server, report);
        }
        found
    }

    /// Whether the node is known to the cluster, or knows of it. A second server with the id of one
    /// that has answered is nobody's member.
    fn has_member(&self, report: &NodeReport) -> bool {
        let nodes = &self.report.nodes;
        let is_twin = |node: &NodeReport| node.id() == report.id() && node.run_id != report.run_id;
        let knows = |view: &ClusterView, id| view.members().any(|node| node.id == id);
        let is_known =
            |node: &NodeReport| knows(&node.view, report.id()) || knows(&report.view, node.id());
        !nodes.iter().any(is_twin) && nodes.iter().any(is_known)
    }

    fn take(&mut self, server: S, report: NodeReport) {
        let known = |other: &NodeReport| other.run_id == report.run_id && other.id() == report.id();
        if !self.report.nodes.iter().any(known) {
            self.report.nodes.push(report);
            self.servers.push(server);
        }
    }

    fn unreachable(
        &mut self,
        id: NodeId,
        addr: Option<NodeAddr>,
        why: String,
        by: Option<Stranger>,
    ) {
        self.report.unreachable.push(UnreachableNode {
            id,
            addr,
            why,
            taken_by: by,
            loading: None,
        });
    }
}

impl Cluster {
    /// Has replicas without a connection to their masters tell why they cannot log in there.
    fn try_logins(&mut self, access: &Access) {
        let Cluster { report, servers } = self;
        let nodes = &report.nodes;
        let of = |node: &NodeReport| {
            let master = report.node(node.view.me().role.master()?)?;
            let is_apart = match node.link? {
                Link::Up => false,
                Link::Down => true,
                // Said also by one that is turned away (Valkey 9).
                Link::Syncing => master.replicas == Some(0),
            };
            is_apart.then(|| master.via.clone())
        };
        let apart = nodes.iter().zip(servers).enumerate();
        let apart = apart.filter_map(|(index, (node, server))| Some((index, server, of(node)?)));
        let failures = all_at_once(apart, |(index, server, master)| {
            (index, server.login_failure_at(&master, access))
        });
        for (index, failure) in failures {
            report.nodes[index].login_failure = failure;
        }
    }
}

/// Where a node's view has each other node. Of a master that it lost the address of, a replica still
/// has the one that it copies from.
fn places(report: &NodeReport) -> Vec<(NodeId, Option<NodeAddr>)> {
    let peers = report.view.peers().filter(|node| !node.flags.has(Flag::Handshake));
    let copied = |id: NodeId| {
        let (host, port) = report.copies.clone()?;
        let of_master = report.view.me().role.master() == Some(id);
        of_master.then(|| NodeAddr::new(host, port, None))
    };
    let place = |node: &Node| (node.id, node.addr.clone().or_else(|| copied(node.id)));
    peers.map(place).collect()
}

/// A node that was reset, or replaced by a new one, knows no other.
fn knows_nobody(report: &NodeReport) -> bool {
    report.view.nodes().len() == 1
}

async fn ask(
    addr: &NodeAddr,
    access: &Access,
    wait: &Wait,
) -> Result<(Server, NodeReport), WireError> {
    let mut server = Server::open(addr, access, wait).await?;
    let report = server.report_within(wait).await?;
    Ok((server, report))
}
