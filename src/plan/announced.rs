//! Addresses that nodes announce (`cluster-announce-ip`): other nodes have to be able to use them,
//! and all have to list a node by the same one.

use std::net::IpAddr;

use itertools::Itertools;

use super::new_node::is_new;
use crate::model::{NodeAddr, NodeReport};

/// The setting with the address that a node announces.
pub(crate) const ANNOUNCE_IP: &str = "cluster-announce-ip";

/// Servers keep so many bytes of it, and send that to the others.
const KEPT: usize = 45;

/// An address that a node announces and no other node can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAddress {
    /// It is neither an IP address nor a host name.
    #[error(
        "{node} announces '{said}' (cluster-announce-ip): that is no IP address and no host name"
    )]
    NoHost {
        /// The node.
        node: NodeAddr,
        /// The address.
        said: String,
    },
    /// Servers cut it to 45 bytes (`NET_IP_STR_LEN` in the server's `server.h`).
    #[error(
        "{node} announces a name of {} bytes (cluster-announce-ip): servers keep {KEPT} of them, and others look for '{}'",
        said.len(), cut(said)
    )]
    TooLong {
        /// The node.
        node: NodeAddr,
        /// The name, whole.
        said: String,
    },
}

fn cut(name: &str) -> &str {
    let ends = (0..=KEPT.min(name.len())).rev();
    ends.filter_map(|end| name.get(..end)).next().unwrap_or_default()
}

impl BadAddress {
    /// Looks at what a node announces, or lists itself by; `None` if others can use it.
    pub fn of(report: &NodeReport) -> Option<BadAddress> {
        let node = report.via.clone();
        let own = report.view.me().addr.as_ref()?;
        let said = report.announced.as_deref().unwrap_or(own.host()).to_owned();
        if said.len() > KEPT {
            return Some(BadAddress::TooLong { node, said });
        }
        let is_usable = NodeAddr::is_host(&said);
        (!is_usable).then_some(BadAddress::NoHost { node, said })
    }

    /// The node that announces it.
    pub fn node(&self) -> &NodeAddr {
        match self {
            BadAddress::NoHost { node, .. } | BadAddress::TooLong { node, .. } => node,
        }
    }
}

/// Nodes that would be listed by IPv4 and others by IPv6, while not all of them announce an
/// address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "{v4} would be known by IPv4 and {v6} by IPv6: nodes of one family cannot reach those of the other, and views differ in which address they list"
)]
pub struct FamiliesApart {
    /// Addresses of the nodes with IPv4, with commas between them.
    pub v4: String,
    /// Those of the nodes with IPv6.
    pub v6: String,
}

impl FamiliesApart {
    /// For `newcomers` of a cluster of `members`; `None` if each newcomer's family is there
    /// already, or every node announces its address.
    pub fn of(members: &[&NodeReport], newcomers: &[&NodeReport]) -> Option<FamiliesApart> {
        let is_v6 = |report: &&&NodeReport| listed(report).map(|ip| ip.is_ipv6());
        let there = members.iter().filter_map(|report| is_v6(&report)).unique().collect_vec();
        let fits = |report: &&NodeReport| match is_v6(&report) {
            Some(is_v6) => there.is_empty() || there.contains(&is_v6),
            None => true,
        };
        let all = members.iter().chain(newcomers).copied().collect_vec();
        let announced = |report: &&NodeReport| report.announced.is_some();
        let names = |six: bool| {
            let of = all.iter().filter(|report| is_v6(report) == Some(six));
            of.map(|report| report.via.to_string()).join(", ")
        };
        let (v4, v6) = (names(false), names(true));
        let is_mixed = !v4.is_empty() && !v6.is_empty();
        let is_meant = newcomers.iter().all(fits) && !there.is_empty() || all.iter().all(announced);
        (is_mixed && !is_meant).then_some(FamiliesApart { v4, v6 })
    }

    /// The same for nodes of a new cluster, some of which an interrupted run may have connected.
    pub fn of_new(reports: &[NodeReport]) -> Option<FamiliesApart> {
        let has_new = reports.iter().any(is_new);
        FamiliesApart::of(&[], &reports.iter().collect_vec()).filter(|_| has_new)
    }
}

/// The IP that others will list a node by: the one that it announces or is listed by, else the one
/// by which it was reached. A name may lead to either family.
fn listed(report: &NodeReport) -> Option<IpAddr> {
    match &report.announced {
        Some(announced) => announced.parse().ok(),
        None => report.reached.ip(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    fn node(via: &str, announced: Option<&str>) -> NodeReport {
        let via: NodeAddr = via.parse().unwrap();
        let host = announced.map_or(String::new(), |text| text.chars().take(KEPT).collect());
        let line = format!("{} {host}:1@2 myself,master - 0 0 0 connected\n", "a".repeat(40));
        let view = ClusterView::parse(line, &via).unwrap();
        let announced = announced.map(str::to_owned);
        NodeReport { via: via.clone(), reached: via, announced, ..NodeReport::of_view(view) }
    }

    #[test]
    fn what_others_cannot_use_is_named() {
        let said = |text: &str| BadAddress::of(&node("10.0.0.1:1", Some(text)));
        for good in ["10.0.0.1", "fd00::1", "redis-1.example.com", &"n".repeat(45)] {
            assert_eq!(said(good), None, "{good}");
        }
        assert_eq!(BadAddress::of(&node("10.0.0.1:1", None)), None);
        let port = said("10.0.0.1:6379").unwrap().to_string();
        assert!(port.contains("'10.0.0.1:6379' (cluster-announce-ip): that is no IP"), "{port}");
        let long = said(&format!("{}.example.com", "n".repeat(40))).unwrap().to_string();
        assert!(long.contains("of 52 bytes") && long.ends_with(".exam'"), "{long}");
        // Where CONFIG is denied, the view tells.
        let denied = NodeReport { announced: None, ..node("10.0.0.1:1", Some("10.0.0.1:2")) };
        assert!(BadAddress::of(&denied).is_some());
    }

    #[test]
    fn families_meet_where_somebody_chose_so() {
        let (v4, v6) = (node("10.0.0.1:1", None), node("[fd00::1]:1", None));
        let apart = FamiliesApart::of(&[], &[&v4, &v6]).unwrap();
        assert_eq!((&*apart.v4, &*apart.v6), ("10.0.0.1:1", "[fd00::1]:1"));
        assert_eq!(FamiliesApart::of(&[], &[&v4, &v4]), None);
        assert!(FamiliesApart::of(&[&v4], &[&v6]).is_some());
        assert_eq!(FamiliesApart::of(&[&v4, &v6], &[&v6]), None, "there are both already");
        let (by_v4, by_v6) =
            (node("[fd00::1]:1", Some("10.0.0.1")), node("10.0.0.2:1", Some("fd00::2")));
        assert_eq!(FamiliesApart::of(&[&v4], &[&by_v4]), None);
        assert_eq!(FamiliesApart::of(&[], &[&by_v4, &by_v6]), None, "each says which");
        assert_eq!(FamiliesApart::of(&[], &[&v4, &node("h:1", Some("h"))]), None);
    }
}
