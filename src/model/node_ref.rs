//! How people name a node of a cluster: by address, by id, or by the start of its id.

use std::fmt;
use std::str::FromStr;

use itertools::Itertools;

use super::{AddrError, ClusterReport, Flag, Node, NodeAddr, nearest};

/// How a user names a node of a cluster.
///
/// Up to 40 hexadecimal digits are read as an id; a text with a `:` can only be an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// An address: as the node announces it, as this machine reaches it, or by its announced host
    /// name.
    Addr(NodeAddr),
    /// A node id or the start of one, 1 to 40 hexadecimal digits in lower case.
    Id(String),
}

/// Why a [`NodeRef`] stands for no node of the cluster, or for several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// No node matches.
    #[error("no node of the cluster is {}; it has {}", .0.node, .0.names)]
    Unknown(Box<UnknownNode>),
    /// The start of an id that several nodes share, or a host name that leads to several; with their
    /// names and ids.
    #[error("{0} is ambiguous: it fits {1}")]
    Ambiguous(NodeRef, String),
}

/// A [`NodeRef`] that stands for no node, among those that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownNode {
    /// What was asked for.
    pub node: NodeRef,
    /// All nodes, by name.
    pub names: String,
    /// The one that may be meant.
    pub meant: Option<String>,
}

impl FindError {
    /// `node` fits each of these.
    pub fn ambiguous(node: &NodeRef, several: &[&Node]) -> FindError {
        let names = several.iter().map(|node| format!("{} ({})", node.name(), node.id));
        FindError::Ambiguous(node.clone(), names.sorted().join(" and "))
    }
}

impl FromStr for NodeRef {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<NodeRef, AddrError> {
        let hex = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            Ok(NodeRef::Id(text.to_ascii_lowercase()))
        } else {
            text.parse().map(NodeRef::Addr)
        }
    }
}

impl fmt::Display for NodeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeRef::Addr(addr) => addr.fmt(f),
            NodeRef::Id(prefix) => write!(f, "'{prefix}'"),
        }
    }
}

impl NodeRef {
    /// The node that this names, as the entry node sees it, or else the first node that knows it.
    ///
    /// # Errors
    /// No node matches, or several do.
    pub fn find<'a>(&self, report: &'a ClusterReport) -> Result<&'a Node, FindError> {
        let known = report.nodes.iter().skip(1).flat_map(|report| report.view.members());
        let nodes = report.entry().view.nodes().iter().chain(known);
        let nodes = nodes.unique_by(|node| node.id).collect_vec();
        let fits = |node: &&&Node| match self {
            NodeRef::Id(prefix) => node.id.to_string().starts_with(prefix),
            NodeRef::Addr(addr) => {
                let answered = report.node(node.id);
                let announced = node.hostname.as_ref().is_some_and(|name| {
                    **name == *addr.host()
                        && node.addr.as_ref().map(NodeAddr::port) == Some(addr.port())
                });
                announced
                    || node.addr.as_ref() == Some(addr)
                    || answered.is_some_and(|report| report.via == *addr || report.reached == *addr)
            }
        };
        let mut fitting = nodes.iter().filter(fits).copied().collect_vec();
        // A node that is met once more stands there twice for a while, with an id made up for it.
        if fitting.iter().any(|node| !node.flags.has(Flag::Handshake)) {
            fitting.retain(|node| !node.flags.has(Flag::Handshake));
        }
        match fitting[..] {
            [node] => Ok(node),
            [] => {
                let names = nodes.iter().map(|node| node.name()).join(", ");
                let unknown = UnknownNode { node: self.clone(), names, meant: self.meant(&nodes) };
                Err(FindError::Unknown(Box::new(unknown)))
            }
            ref several => Err(FindError::ambiguous(self, several)),
        }
    }
}

impl NodeRef {
    /// The one of these nodes whose name or id differs little from this.
    fn meant(&self, nodes: &[&Node]) -> Option<String> {
        let names = nodes.iter().flat_map(|node| match self {
            NodeRef::Addr(addr) => {
                let announced =
                    node.hostname.as_ref().map(|host| format!("{host}:{}", addr.port()));
                [Some(node.name()), announced]
            }
            // A few digits fit by chance.
            NodeRef::Id(start) if start.len() < 6 => [None, None],
            NodeRef::Id(start) => [Some(node.id.to_string()[..start.len()].to_owned()), None],
        });
        let names = names.flatten().collect_vec();
        let typed = self.to_string();
        nearest(typed.trim_matches('\''), names.iter().map(String::as_str)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    #[test]
    fn addresses_and_ids_are_told_apart() {
        let read = |text: &str| text.parse::<NodeRef>().unwrap();
        assert_eq!(read("07C37d"), NodeRef::Id("07c37d".to_owned()));
        assert_eq!(read("cafe:7001"), NodeRef::Addr("cafe:7001".parse().unwrap()));
        assert!("not-an-id".parse::<NodeRef>().is_err());
    }

    #[test]
    fn a_handshake_with_a_known_node_makes_its_address_no_riddle() {
        let [one, two, made_up] = ["1", "2", "3"].map(|digit| digit.repeat(40));
        let line = |id: &str, port: u16, flags: &str| {
            format!("{id} 127.0.0.1:{port}@1{port} {flags} - 0 0 1 connected\n")
        };
        let text = line(&one, 7001, "myself,master")
            + &line(&two, 7002, "master")
            + &line(&made_up, 7002, "handshake")
            + &line(&"4".repeat(40), 7004, "handshake");
        let view = ClusterView::parse(&text, &"127.0.0.1:7001".parse().unwrap()).unwrap();
        let report = ClusterReport::of_view(&view);
        let found = |addr: &str| {
            let node = addr.parse::<NodeRef>().unwrap();
            node.find(&report).unwrap().id.to_string()
        };
        assert_eq!(found("127.0.0.1:7002"), two);
        assert_eq!(found("127.0.0.1:7004"), "4".repeat(40));
    }
}
