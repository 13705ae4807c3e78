//! Where a node listens: the one parser of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// `host:port` or `host:port@busport`; the host is a name, an IPv4 or an IPv6 address.
///
/// Two addresses are equal if host and port are; the bus port is a detail of the same place.
#[derive(Clone, Debug)]
pub struct NodeAddr {
    host: Box<str>,
    port: u16,
    bus_port: Option<u16>,
}

/// What is wrong with an address that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddrError {
    #[error("'{0}' has no port: write host:port, like 127.0.0.1:7001 or [::1]:7001")]
    NoPort(String),
    #[error("'{0}' has no host: write host:port, like 127.0.0.1:7001 or [::1]:7001")]
    NoHost(String),
    #[error("'{text}' has a bad port '{port}': ports go from 1 to 65535")]
    BadPort { text: String, port: String },
    #[error(
        "'{0}' is no host name and no IP address: write host:port, like redis1:7001 or [::1]:7001"
    )]
    BadHost(String),
}

impl NodeAddr {
    /// An address from its parts, taken as they are.
    pub fn new(host: impl Into<Box<str>>, port: u16, bus_port: Option<u16>) -> NodeAddr {
        NodeAddr { host: host.into(), port, bus_port }
    }

    /// The host: a name or an IP, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the cluster bus, where it is known.
    pub fn bus_port(&self) -> Option<u16> {
        self.bus_port
    }

    /// The same place with another bus port.
    pub fn with_bus_port(mut self, bus_port: Option<u16>) -> NodeAddr {
        self.bus_port = bus_port;
        self
    }

    /// The IP address, where the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `ip:busport` as an operator would put it into a firewall rule; `?` where it is unknown.
    pub fn bus(&self) -> String {
        let bus = self.bus_port.map_or_else(|| "?".to_owned(), |port| port.to_string());
        format!("{}:{bus}", bracketed(&self.host))
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn port(text: &str, digits: &str) -> Result<u16, AddrError> {
    digits
        .parse()
        .ok()
        .filter(|&port| port > 0 && digits.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| AddrError::BadPort { text: text.to_owned(), port: digits.to_owned() })
}

/// Host names after RFC 1123, with the underscore that container networks use.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // All digits and dots would be an IP address with a mistake in it.
    host.len() <= 253
        && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
        && !host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

impl FromStr for NodeAddr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<NodeAddr, AddrError> {
        let (place, bus) = match text.split_once('@') {
            Some((place, bus)) => (place, Some(port(text, bus)?)),
            None => (text, None),
        };
        let (host, digits) =
            place.rsplit_once(':').ok_or_else(|| AddrError::NoPort(text.to_owned()))?;
        let unbracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if place.ends_with(']') {
            return Err(AddrError::NoPort(text.to_owned()));
        }
        if host.is_empty() {
            return Err(AddrError::NoHost(text.to_owned()));
        }
        let port = port(text, digits)?;
        let host = match unbracketed {
            Some(inner) => inner.parse::<IpAddr>().is_ok().then_some(inner),
            None => (host.parse::<IpAddr>().is_ok() || is_host_name(host)).then_some(host),
        };
        let host = host.ok_or_else(|| AddrError::BadHost(text.to_owned()))?;
        Ok(NodeAddr::new(host, port, bus))
    }
}

/// `host:port`, IPv6 in brackets.
impl fmt::Display for NodeAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", bracketed(&self.host), self.port))
    }
}

impl PartialEq for NodeAddr {
    fn eq(&self, other: &NodeAddr) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }
}

impl Eq for NodeAddr {}

impl PartialOrd for NodeAddr {
    fn partial_cmp(&self, other: &NodeAddr) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NodeAddr {
    fn cmp(&self, other: &NodeAddr) -> std::cmp::Ordering {
        (&self.host, self.port).cmp(&(&other.host, other.port))
    }
}

impl std::hash::Hash for NodeAddr {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.host, self.port).hash(state);
    }
}

impl Serialize for NodeAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_printed_back() {
        for (text, host, port, bus, printed) in [
            ("127.0.0.1:7001", "127.0.0.1", 7001, None, "127.0.0.1:7001"),
            (
                "redis-1.example.com:6379",
                "redis-1.example.com",
                6379,
                None,
                "redis-1.example.com:6379",
            ),
            ("my_node:6379@16380", "my_node", 6379, Some(16380), "my_node:6379"),
            ("[::1]:7001", "::1", 7001, None, "[::1]:7001"),
            ("[fe80::1]:7001@7002", "fe80::1", 7001, Some(7002), "[fe80::1]:7001"),
            ("::1:21831@31831", "::1", 21831, Some(31831), "[::1]:21831"),
        ] {
            let addr: NodeAddr = text.parse().unwrap();
            assert_eq!((addr.host(), addr.port(), addr.bus_port()), (host, port, bus), "{text}");
            assert_eq!(addr.to_string(), printed);
        }
    }

    #[test]
    fn bad_addresses_say_what_is_wrong() {
        for (text, says) in [
            ("127.0.0.1", "no port"),
            ("[::1]", "no port"),
            ("", "no port"),
            (":7001", "no host"),
            ("localhost:", "bad port ''"),
            ("localhost:0", "bad port '0'"),
            ("localhost:65536", "bad port '65536'"),
            ("localhost:+80", "bad port '+80'"),
            ("localhost:7001@x", "bad port 'x'"),
            ("local host:7001", "no host name"),
            ("256.1.1.1:7001", "no host name"),
            ("[localhost]:7001", "no host name"),
            ("redis://h:7001", "no host name"),
        ] {
            let error = text.parse::<NodeAddr>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
