//! Nodes that list themselves where they were once.
//!
//! A server learns its own address when it is met. One that comes back with another is listed there
//! by the others as soon as it reaches them, but its own line stays as it was.

use std::collections::BTreeMap;

use super::problem::{Kind, Problem};
use crate::model::{ClusterReport, NodeAddr, NodeReport};

pub(super) fn stale(cluster: &ClusterReport) -> Vec<Problem> {
    let found = cluster.nodes.iter().filter_map(|report| {
        let own = report.view.me().addr.as_ref()?;
        if own.host() == report.via.host() || own.host() == report.reached.host() {
            return None;
        }
        let others = listed_by_others(cluster, report)?;
        let is_v6 = |addr: &NodeAddr| addr.ip().map(|ip| ip.is_ipv6());
        // An own host that is empty reads as the one that was asked; one that is announced, and one of
        // the other family, is as somebody set it.
        let is_set = report.announced.is_some() || report.is_for_clients(own);
        let is_here = [&report.reached, &report.via].iter().any(|at| at.host() == others.host());
        let differs = own.host() != others.host();
        if is_set || !is_here || !differs || is_v6(own) != is_v6(others) {
            return None;
        }
        let message = format!(
            "{} lists itself at {own}, and the others list it at {others}: it sends clients to the former",
            report.via
        );
        let other = cluster.nodes.iter().find(|other| other.id() != report.id());
        let fix = other.map(|other| {
            let (host, port) = (other.via.shell_host(), other.via.port());
            let bus = others.bus_port().map(|bus| format!(" {bus}")).unwrap_or_default();
            let at = others.shell_host();
            format!("redis-cli -h {host} -p {port} CLUSTER MEET {at} {}{bus}", others.port())
        });
        let problem = Problem::warning(Kind::ViewsDiffer, message);
        Some(problem.at([report.via.to_string()]).mended_by(fix))
    });
    found.collect()
}

/// Where most of the others list a node.
fn listed_by_others<'a>(cluster: &'a ClusterReport, node: &NodeReport) -> Option<&'a NodeAddr> {
    let others = cluster.nodes.iter().filter(|other| other.id() != node.id());
    let listed = others.filter_map(|other| other.view.node(node.id())?.addr.as_ref());
    let mut votes: BTreeMap<&NodeAddr, usize> = BTreeMap::new();
    listed.for_each(|addr| *votes.entry(addr).or_default() += 1);
    votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(addr, _)| addr)
}
