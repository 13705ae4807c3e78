//! Loading facts: the reports of nodes that the user named, or of every node a cluster knows.

use std::collections::HashSet;

use itertools::{Either, Itertools};

use super::access::Access;
use super::error::WireError;
use super::fleet::all_at_once;
use super::resolve::first_of;
use super::server::Server;
use crate::model::{ClusterReport, Flag, NodeAddr, NodeId, NodeList, NodeReport, Silent};

/// A cluster's facts, and an open connection to each node that answered.
#[derive(Debug)]
pub struct Cluster {
    pub report: ClusterReport,
    /// In the order of `report.nodes`.
    pub servers: Vec<Server>,
}

/// Connects to every address at once and asks each for its report; `Err` holds everyone that
/// failed.
pub fn load_nodes(
    addrs: &[NodeAddr],
    access: &Access,
) -> Result<(Vec<Server>, Vec<NodeReport>), Vec<WireError>> {
    let answers = all_at_once(addrs, |addr| ask(addr, access));
    let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition_result();
    if bad.is_empty() { Ok(good.into_iter().unzip()) } else { Err(bad) }
}

/// Asks the first entry that answers, then at once every node it knows, then those that only they know, until
/// nobody names a new one.
///
/// # Errors
/// Only where no entry gives a report; any other node lands in the report's `silent`.
pub fn load_cluster(entry: &NodeList, access: &Access) -> Result<Cluster, WireError> {
    let (server, report) = first_of(entry, access, |addr| ask(addr, access))?;
    // A place is an id at an address: one id at two addresses is two servers, or one with two names.
    let mut asked: HashSet<(NodeId, NodeAddr)> = HashSet::new();
    asked.extend(report.view.me().addr.clone().map(|addr| (report.id(), addr)));
    asked.insert((report.id(), report.reached.clone()));
    let mut cluster = Cluster {
        report: ClusterReport { nodes: vec![report], silent: Vec::new() },
        servers: vec![server],
    };
    let mut told = 0;
    while told < cluster.servers.len() {
        let fresh: Vec<(NodeId, Option<NodeAddr>)> = cluster.report.nodes[told..]
            .iter()
            .flat_map(|report| report.view.peers())
            .filter(|node| !node.flags.has(Flag::Handshake))
            .map(|node| (node.id, node.addr.clone()))
            .unique()
            .filter(|(id, addr)| addr.as_ref().is_none_or(|addr| asked.insert((*id, addr.clone()))))
            .collect();
        told = cluster.servers.len();
        let answers = all_at_once(fresh, |(id, addr)| match addr {
            Some(addr) => match ask(&addr, access) {
                Ok((_, report)) if report.id() != id && knows_nobody(&report) => {
                    let why = format!("another node is there now, {}", report.id());
                    Err((id, Some(addr), why))
                }
                answer => answer.map_err(|error| (id, Some(addr), error.to_string())),
            },
            None => Err((id, None, "no node knows its address".to_owned())),
        });
        let (good, bad): (Vec<_>, Vec<_>) =
            answers.into_iter().partition_map(|answer| match answer {
                Ok(found) => Either::Left(found),
                Err((id, addr, why)) => Either::Right(Silent { id, addr, why }),
            });
        for (server, report) in good {
            let known =
                |other: &NodeReport| other.run_id == report.run_id && other.id() == report.id();
            if !cluster.report.nodes.iter().any(known) {
                cluster.report.nodes.push(report);
                cluster.servers.push(server);
            }
        }
        cluster.report.silent.extend(bad);
    }
    let nodes = &cluster.report.nodes;
    cluster.report.silent.retain(|silent| !nodes.iter().any(|report| report.id() == silent.id));
    cluster.report.silent.sort_by_key(|silent| silent.addr.is_none());
    let mut named = HashSet::new();
    cluster.report.silent.retain(|silent| named.insert(silent.id));
    Ok(cluster)
}

/// A node that was reset, or replaced by a new one, is none of the cluster that still lists its place.
fn knows_nobody(report: &NodeReport) -> bool {
    report.view.nodes().len() == 1
}

fn ask(addr: &NodeAddr, access: &Access) -> Result<(Server, NodeReport), WireError> {
    let mut server = Server::connect(addr, access)?;
    let report = server.report()?;
    Ok((server, report))
}
