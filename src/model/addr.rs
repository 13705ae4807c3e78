//! Where a node listens: the one parser of addresses.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::NodeUrl;
use super::printable::shell_word;

/// The port of a URL that names none.
const USUAL_PORT: &str = "6379";

/// `host:port` or `host:port@busport`; the host is a name, an IPv4 or an IPv6 address.
///
/// Two addresses are equal if host and port are: the port of the cluster bus does not count.
///
/// ```
/// use rcluster::model::NodeAddr;
///
/// let addr: NodeAddr = "[::1]:7001@17001".parse()?;
/// assert_eq!((addr.host(), addr.port(), addr.bus_port()), ("::1", 7001, Some(17001)));
/// assert_eq!(addr.to_string(), "[::1]:7001");
/// assert!("127.0.0.1".parse::<NodeAddr>().is_err(), "a port is required");
/// # Ok::<(), rcluster::model::AddrError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NodeAddr {
    host: Arc<str>,
    port: u16,
    bus_port: Option<u16>,
}

/// Why a text is not a node's address. Each variant has the text as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddrError {
    /// A host alone: there is no default port, except in a URL.
    #[error("'{0}' has no port: write host:port, like 127.0.0.1:7001 or [::1]:7001")]
    NoPort(String),
    /// A port alone, such as `:7001`.
    #[error("'{0}' has no host: write host:port, like 127.0.0.1:7001 or [::1]:7001")]
    NoHost(String),
    /// A port, or a bus port, that is not a number from 1 to 65535.
    #[error("'{text}' has a bad port '{port}': ports go from 1 to 65535")]
    BadPort {
        /// The whole address.
        text: String,
        /// The part of it that should be a port.
        port: String,
    },
    /// The host is neither an IP address nor a name after RFC 1123 (underscores are accepted).
    #[error(
        "'{0}' is neither a host name nor an IP address: write host:port, like redis1:7001 or [::1]:7001"
    )]
    BadHost(String),
}

impl NodeAddr {
    /// An address from its parts. They are not checked: what is typed goes through [`FromStr`].
    pub fn new(host: impl Into<Arc<str>>, port: u16, bus_port: Option<u16>) -> NodeAddr {
        NodeAddr { host: host.into(), port, bus_port }
    }

    /// The host: a name or an IP, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as a shell takes it for one word. One that is typed is a word as it is; servers can
    /// announce any text.
    pub fn shell_host(&self) -> Cow<'_, str> {
        shell_word(&self.host)
    }

    /// `host:port` for programs: IPv6 in brackets, and nothing quoted.
    pub fn unquoted(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }

    /// Takes the other's host where it is the same text, so that there is one of it in memory.
    pub(crate) fn share_host(&mut self, other: &NodeAddr) {
        if self.host == other.host {
            self.host = Arc::clone(&other.host);
        }
    }

    /// The port for clients, 1 to 65535 where the address was parsed.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the cluster bus, where it is known: the client port plus 10000 unless the server
    /// sets `cluster-port` or `cluster-announce-bus-port`.
    pub fn bus_port(&self) -> Option<u16> {
        self.bus_port
    }

    /// The same address with another bus port.
    pub fn with_bus_port(mut self, bus_port: Option<u16>) -> NodeAddr {
        self.bus_port = bus_port;
        self
    }

    /// Whether a text names a host: an IP address, IPv6 without brackets, or a host name.
    pub fn is_host(text: &str) -> bool {
        text.parse::<IpAddr>().is_ok() || is_host_name(text) || ipv4(text).is_some()
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

/// IPv4 as libc reads it (inet_aton): one to four numbers, the last of which fills the rest, each
/// decimal, octal (`01`) or hexadecimal (`0x1`).
fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| {
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(hex) => (hex, 16),
            None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
            None => (text, 10),
        };
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
    };
    let numbers: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = numbers.split_last()?;
    let fits = bytes.len() < 4 && bytes.iter().all(|byte| *byte < 256);
    let room = 32 - 8 * bytes.len().min(3) as u32;
    if !fits || u64::from(*last) >= 1u64 << room {
        return None;
    }
    let head = bytes.iter().zip([24, 16, 8]).map(|(byte, shift)| byte << shift).sum::<u32>();
    Some((head + last).into())
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
        // What a URL holds beside the place is read by whoever connects, and shown by nobody.
        if let Some(url) = NodeUrl::read(text) {
            let host_only = url.place.ends_with(']') || !url.place.contains(':');
            return match host_only && !url.place.is_empty() {
                true => format!("{}:{USUAL_PORT}", url.place).parse(),
                false => url.place.parse(),
            };
        }
        // A word of a list with commas between them.
        let text = text.strip_suffix(',').unwrap_or(text);
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
        let is_ip = |host: &str| host.parse::<IpAddr>().is_ok();
        let host = match unbracketed {
            Some(inner) => is_ip(inner).then(|| inner.to_owned()),
            None if is_ip(host) => Some(host.to_owned()),
            None => ipv4(host)
                .map(|ip| ip.to_string())
                .or_else(|| is_host_name(host).then(|| host.to_owned())),
        };
        let host = host.ok_or_else(|| AddrError::BadHost(text.to_owned()))?;
        Ok(NodeAddr::new(host, port, bus))
    }
}

/// `host:port`, IPv6 in brackets. Addresses stand in commands that are copied into a shell: a host
/// that is no word there is quoted.
impl fmt::Display for NodeAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.shell_host();
        f.pad(&match host == self.host() {
            true => self.unquoted(),
            false => format!("{host}:{}", self.port),
        })
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
        serializer.serialize_str(&self.unquoted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_announces_is_one_word_of_a_shell() {
        let addr = NodeAddr::new("$(reboot)", 7001, None);
        assert_eq!((&*addr.to_string(), addr.host()), ("'$(reboot)':7001", "$(reboot)"));
        assert_eq!(serde_json::to_string(&addr).unwrap(), r#""$(reboot):7001""#);
        assert_eq!(NodeAddr::new("::1", 7001, None).to_string(), "[::1]:7001");
    }

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
            ("127.0.0.1:7001,", "127.0.0.1", 7001, None, "127.0.0.1:7001"),
            ("127.0.0.01:7001", "127.0.0.1", 7001, None, "127.0.0.1:7001"),
            ("127.1:7001", "127.0.0.1", 7001, None, "127.0.0.1:7001"),
            ("0x7f.0.0xA:1", "127.0.0.10", 1, None, "127.0.0.10:1"),
            ("2130706433:1", "127.0.0.1", 1, None, "127.0.0.1:1"),
            ("redis://ann:pw@h:7001/0", "h", 7001, None, "h:7001"),
            ("rediss://[::1]/0", "::1", 6379, None, "[::1]:6379"),
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
            ("local host:7001", "neither a host name"),
            ("256.1.1.1:7001", "neither a host name"),
            ("[localhost]:7001", "neither a host name"),
            ("127.0.0.08:7001", "neither a host name"),
            ("127.0.256.1:7001", "neither a host name"),
            ("1.2.3.4.5:7001", "neither a host name"),
            ("http://h:7001", "neither a host name"),
            ("redis://ann:pw@:7001", "':7001' has no host"),
            ("redis://ann:pw@/0", "'' has no port"),
            ("redis://ann:pw@h:x", "'h:x' has a bad port"),
        ] {
            let error = text.parse::<NodeAddr>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
