//! An argument that names nodes: one, several with commas, or all of a DNS name.

use std::fmt;
use std::str::FromStr;

use itertools::Itertools;

use super::{AddrError, NodeAddr, NodeUrl};

/// The prefix of a name whose addresses are all meant, as Thanos and Prometheus write it.
const DNS: &str = "dns+";

/// One entry of a [`NodeList`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `host:port`: the node at this address.
    One(NodeAddr),
    /// `dns+name:port`: every address that the name resolves to, each with this port.
    All(NodeAddr),
}

/// `host:port`, `a:6379,b:6379`, `dns+name:6379`. Where one node is wanted, the first of them that
/// replies; where several are, all of them.
///
/// ```
/// use rcluster::model::{NodeList, Place};
///
/// let list: NodeList = "redis1:6379,dns+redis.svc:6379".parse()?;
/// assert!(matches!(list.places(), [Place::One(_), Place::All(_)]));
/// # Ok::<(), rcluster::model::AddrError>(())
/// ```
///
/// A list may belong to a cluster that has a name on this machine, a context: it is printed as
/// `name` then, or as `name/host:port` where it is not the context's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeList {
    places: Box<[Place]>,
    context: Option<Box<InContext>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct InContext {
    name: String,
    /// Whether the name alone stands for the list.
    is_whole: bool,
}

impl NodeList {
    fn new(places: Vec<Place>) -> NodeList {
        NodeList { places: places.into(), context: None }
    }

    /// The entries, in the order they were written; at least one.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Whether it names just one node.
    pub fn names_one(&self) -> bool {
        matches!(self.places[..], [Place::One(_)])
    }

    /// The same as the own list of a context.
    pub fn named(self, context: &str) -> NodeList {
        self.in_context(context, true)
    }

    /// The same as some nodes of a context.
    pub fn within(self, context: &str) -> NodeList {
        self.in_context(context, false)
    }

    fn in_context(self, name: &str, is_whole: bool) -> NodeList {
        let context = InContext { name: name.to_owned(), is_whole };
        NodeList { context: Some(Box::new(context)), ..self }
    }

    /// This list and more nodes of the same cluster.
    pub fn also(&self, nodes: &[NodeAddr]) -> NodeList {
        let places = self.places.iter().cloned().chain(nodes.iter().cloned().map(Place::One));
        let list = NodeList::new(places.collect());
        match &self.context {
            Some(context) => list.in_context(&context.name, context.is_whole && nodes.is_empty()),
            None => list,
        }
    }
}

/// The parts of a word between its commas, except commas inside the password of a URL.
pub fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some(end) = end_of_part(rest) {
        parts.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    parts.push(rest);
    parts
}

/// Where the first comma that ends a part is. A password in a URL may hold commas too.
fn end_of_part(text: &str) -> Option<usize> {
    let mut commas = text.match_indices(',').map(|(at, _)| at);
    let next_url = commas.find(|at| NodeUrl::read(&text[at + 1..]).is_some());
    let login = match NodeUrl::read(text) {
        Some(_) => text[..next_url.unwrap_or(text.len())].rfind('@').unwrap_or(0),
        None => 0,
    };
    text[login..].find(',').map(|at| login + at)
}

impl FromStr for NodeList {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<NodeList, AddrError> {
        let place = |part: &str| match part.strip_prefix(DNS) {
            Some(name) => name.parse().map(Place::All),
            None => part.parse().map(Place::One),
        };
        // A list that was copied from elsewhere may end in a comma.
        let list = text.strip_suffix(',').unwrap_or(text);
        parts(list)
            .into_iter()
            .map(str::trim)
            .map(place)
            .collect::<Result<_, _>>()
            .map(NodeList::new)
    }
}

impl From<NodeAddr> for NodeList {
    fn from(addr: NodeAddr) -> NodeList {
        NodeList::new(vec![Place::One(addr)])
    }
}

/// Any of these nodes; at least one.
impl From<Vec<NodeAddr>> for NodeList {
    fn from(addrs: Vec<NodeAddr>) -> NodeList {
        NodeList::new(addrs.into_iter().map(Place::One).collect())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::One(addr) => addr.fmt(f),
            Place::All(addr) => write!(f, "{DNS}{addr}"),
        }
    }
}

/// As it can be typed again.
impl fmt::Display for NodeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = || self.places.iter().join(",");
        f.pad(&match self.context.as_deref() {
            Some(InContext { name, is_whole: true }) => name.clone(),
            Some(InContext { name, is_whole: false }) => format!("{name}/{}", list()),
            None => list(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_a_context_are_printed_with_its_name() {
        let list: NodeList = "a:1,b:2".parse().unwrap();
        let other: NodeAddr = "c:3".parse().unwrap();
        let (whole, part) = (list.clone().named("prod"), list.clone().within("prod"));
        assert_eq!((&*whole.to_string(), &*part.to_string()), ("prod", "prod/a:1,b:2"));
        assert_eq!(whole.also(&[]).to_string(), "prod");
        assert_eq!(whole.also(std::slice::from_ref(&other)).to_string(), "prod/a:1,b:2,c:3");
        assert_eq!(list.also(&[other]).to_string(), "a:1,b:2,c:3");
    }

    #[test]
    fn lists_are_read_and_printed_back() {
        for (text, printed) in [
            ("a:1", "a:1"),
            ("a:1,", "a:1"),
            ("a:1,b:2@12,[::1]:3", "a:1,b:2,[::1]:3"),
            ("dns+redis.ns.svc:6379,a:1", "dns+redis.ns.svc:6379,a:1"),
            ("redis://u:p,q@h:1,h2:2,rediss://h3", "h:1,h2:2,h3:6379"),
            ("redis://h:1,redis://u:p@h:2", "h:1,h:2"),
        ] {
            let list: NodeList = text.parse().unwrap();
            assert_eq!(list.to_string(), printed, "{text}");
        }
        assert_eq!(parts("redis://u:p,q@h:1,h2:2"), ["redis://u:p,q@h:1", "h2:2"]);
        for bad in ["", ",", "a:1,,b:2", "dns+:1", "a:1,b"] {
            assert!(bad.parse::<NodeList>().is_err(), "{bad}");
        }
    }
}
