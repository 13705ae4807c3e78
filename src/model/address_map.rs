//! Where nodes are reached from outside: the addresses that they announce to each other, and the
//! forwarded ones (NAT, Docker, port-forwards).

use std::fmt;
use std::str::FromStr;

use super::{AddrError, NodeAddr};

/// A host, with one port or with all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    host: String,
    port: Option<u16>,
}

impl Spot {
    fn holds(&self, addr: &NodeAddr) -> bool {
        *self.host == *addr.host() && self.port.is_none_or(|port| port == addr.port())
    }

    /// The same port of this host, or its own.
    fn of(&self, addr: &NodeAddr) -> NodeAddr {
        NodeAddr::new(self.host.clone(), self.port.unwrap_or(addr.port()), addr.bus_port())
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}", NodeAddr::new(self.host.clone(), port, None)),
            None => write!(f, "{}", self.host),
        }
    }
}

/// A host, or host and port.
impl FromStr for Spot {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Spot, AddrError> {
        let is_bare = |text: &str| text.parse::<std::net::IpAddr>().is_ok() || !text.contains(':');
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        // A port that no host has is put there for the parser of addresses, and taken away again.
        let has_port = !is_bare(bare);
        let addr: NodeAddr = match has_port {
            true => text.parse()?,
            false if bare.contains(':') => format!("[{bare}]:1").parse()?,
            false => format!("{bare}:1").parse()?,
        };
        Ok(Spot { host: addr.host().to_owned(), port: has_port.then_some(addr.port()) })
    }
}

/// One entry of an [`AddressMap`], written `INNER=OUTER`: a host, or a host and a port, on each
/// side.
///
/// `INNER` is what the nodes announce to each other, `OUTER` where this machine reaches them.
/// Parsing fails with a sentence for the user; `host=host:port` is refused, as it would lead to one
/// node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    inner: Spot,
    outer: Spot,
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.inner, self.outer)
    }
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Mapping, String> {
        let (inner, outer) = text.split_once('=').ok_or_else(|| {
            format!("'{text}' has to be INNER=OUTER, like 10.0.0.1:6379=127.0.0.1:7001")
        })?;
        let read = |text: &str| text.trim().parse::<Spot>().map_err(|error| error.to_string());
        let mapping = Mapping { inner: read(inner)?, outer: read(outer)? };
        match (mapping.inner.port, mapping.outer.port) {
            (None, Some(_)) => Err(format!(
                "'{text}' leads every port of a host to one port: name the inner port too"
            )),
            _ => Ok(mapping),
        }
    }
}

/// From the addresses that nodes announce to those where this machine reaches them. An entry with a
/// port takes precedence over one with a host alone.
///
/// ```
/// use rcluster::model::{AddressMap, NodeAddr};
///
/// let map = AddressMap::new(["10.0.0.1:6379=127.0.0.1:7001".parse()?]);
/// let (inner, outer): (NodeAddr, NodeAddr) = ("10.0.0.1:6379".parse()?, "127.0.0.1:7001".parse()?);
/// assert_eq!(map.outer(&inner), Some(outer.clone()));
/// assert_eq!(map.inner(&outer), Some(inner));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressMap(Vec<Mapping>);

impl AddressMap {
    /// A map of these entries; the order counts only between two for the same address: the first
    /// wins.
    pub fn new(mappings: impl IntoIterator<Item = Mapping>) -> AddressMap {
        let mut mappings: Vec<Mapping> = mappings.into_iter().collect();
        mappings.sort_by_key(|mapping| mapping.inner.port.is_none());
        AddressMap(mappings)
    }

    /// Where a node that announces `addr` is reached; `None` if no entry matches.
    pub fn outer(&self, addr: &NodeAddr) -> Option<NodeAddr> {
        let found = self.0.iter().find(|mapping| mapping.inner.holds(addr))?;
        Some(found.outer.of(addr))
    }

    /// The address that a node announces, for one that was named as it is reached; `None` if no
    /// entry matches, if several do, or if `addr` is an announced address itself.
    pub fn inner(&self, addr: &NodeAddr) -> Option<NodeAddr> {
        if self.outer(addr).is_some() {
            return None;
        }
        let mut fits = self.0.iter().filter(|mapping| mapping.outer.holds(addr));
        // Where several hosts are behind one, none can be told.
        match (fits.next(), fits.next()) {
            (Some(mapping), None) => Some(mapping.inner.of(addr)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&str]) -> AddressMap {
        AddressMap::new(lines.iter().map(|line| line.parse::<Mapping>().unwrap()))
    }

    #[test]
    fn ports_count_more_than_hosts_and_the_way_back_is_found() {
        let map =
            map(&["10.0.0.1=gw", "10.0.0.1:6380=gw:7001", "fd00::1=[::1]", "[fd00::2]:1=h:2"]);
        let outer = |text: &str| {
            map.outer(&text.parse().unwrap()).map(|addr| addr.to_string()).unwrap_or_default()
        };
        assert_eq!(outer("10.0.0.1:6379"), "gw:6379");
        assert_eq!(outer("10.0.0.1:6380"), "gw:7001");
        assert_eq!(outer("[fd00::1]:5"), "[::1]:5");
        assert_eq!(outer("[fd00::2]:1"), "h:2");
        assert_eq!(outer("10.0.0.2:6379"), "");
        let inner = |text: &str| map.inner(&text.parse().unwrap()).map(|addr| addr.to_string());
        assert_eq!(inner("h:2").as_deref(), Some("[fd00::2]:1"));
        assert_eq!(inner("gw:6379").as_deref(), Some("10.0.0.1:6379"));
        assert_eq!(inner("gw:7001"), None, "it could be either");
        assert_eq!(inner("10.0.0.1:6379"), None);
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        for (text, says) in [
            ("10.0.0.1", "INNER=OUTER"),
            ("10.0.0.1=h:1", "name the inner port"),
            ("10.0.0.1:x=h:1", "bad port"),
            ("=h", "no host"),
        ] {
            let error = text.parse::<Mapping>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
