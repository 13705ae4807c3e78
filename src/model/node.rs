//! A node as some node describes it: one line of CLUSTER NODES.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{NodeAddr, SlotSet};

/// A node's id: 160 bits, written as 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 20]);

/// A text that is no node id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no node id: an id has 40 hexadecimal digits")]
pub struct IdError(pub String);

impl NodeId {
    /// The first 8 digits: enough for a person to tell nodes apart.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<NodeId, IdError> {
        let error = || IdError(text.to_owned());
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(error());
        }
        let value = |digit: u8| (digit as char).to_digit(16);
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = value(pair[0]).zip(value(pair[1])).ok_or_else(error)?;
            *byte = (high * 16 + low) as u8;
        }
        Ok(NodeId(id))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a node does in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Master,
    Replica {
        of: NodeId,
    },
    /// Not known yet: in handshake, or a replica that names no master.
    Unknown,
}

impl Role {
    /// `master`, `replica` or `unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Master => "master",
            Role::Replica { .. } => "replica",
            Role::Unknown => "unknown",
        }
    }

    /// The master it follows, where it is a replica.
    pub const fn master(self) -> Option<NodeId> {
        match self {
            Role::Replica { of } => Some(of),
            _ => None,
        }
    }
}

/// A state that one node sees another in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Flag {
    /// A majority of masters agreed that it is down.
    #[serde(rename = "fail")]
    Fail,
    /// The seeing node alone thinks that it is down.
    #[serde(rename = "fail?")]
    PFail,
    /// Met, not yet trusted; its id is a random stand-in.
    #[serde(rename = "handshake")]
    Handshake,
    /// Its address is not known.
    #[serde(rename = "noaddr")]
    NoAddr,
    /// A replica that will not try to take over.
    #[serde(rename = "nofailover")]
    NoFailover,
}

impl Flag {
    const ALL: [Flag; 5] =
        [Flag::Fail, Flag::PFail, Flag::Handshake, Flag::NoAddr, Flag::NoFailover];

    /// As CLUSTER NODES writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Flag::Fail => "fail",
            Flag::PFail => "fail?",
            Flag::Handshake => "handshake",
            Flag::NoAddr => "noaddr",
            Flag::NoFailover => "nofailover",
        }
    }

    /// The flag with this name; `None` for roles, `myself`, `noflags` and what is not known here.
    pub fn from_name(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name() == name)
    }
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Each flag that is set.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |&flag| self.has(flag))
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Flags {
        Flags(flags.into_iter().fold(0, |bits, flag| bits | 1 << flag as u8))
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// One node as another (or itself) describes it.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    /// Where it listens, with its bus port; `None` where the describing node does not know.
    pub addr: Option<NodeAddr>,
    /// The host name it announces (`cluster-announce-hostname`).
    pub hostname: Option<Box<str>>,
    pub role: Role,
    pub flags: Flags,
    /// Its config epoch: the larger wins where two masters claim a slot.
    pub epoch: u64,
    /// Whether the describing node has a bus connection to it, or is still trying to have one.
    pub connected: bool,
    /// When a ping to it was sent that it has not answered, by the describing node's clock in
    /// milliseconds; 0 where none is waited for.
    pub pinged: u64,
    /// When it answered last. A server that starts sets it to now for all it has in its file.
    pub ponged: u64,
    /// Whether it ever answered the describing node's ping over the bus: where it never did, the
    /// connection is only wished for.
    pub heard: bool,
    pub slots: SlotSet,
}

impl Node {
    pub fn is_master(&self) -> bool {
        self.role == Role::Master
    }

    /// Its address, or its short id where it has none: something to call it by.
    pub fn name(&self) -> String {
        self.addr.as_ref().map_or_else(|| self.id.short(), NodeAddr::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_printed_back() {
        let text = "07c37dfeb235213a872192d90877d0cd55635b91";
        let id: NodeId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.short(), "07c37dfe");
        for bad in ["", "07c3", &text[1..], &text.replace('0', "g"), &"é".repeat(20)] {
            assert_eq!(bad.parse::<NodeId>(), Err(IdError(bad.to_owned())));
        }
    }

    #[test]
    fn flags_keep_their_names() {
        let flags: Flags = [Flag::PFail, Flag::NoAddr].into_iter().collect();
        assert_eq!(serde_json::to_string(&flags).unwrap(), r#"["fail?","noaddr"]"#);
        assert!(Flag::ALL.iter().all(|&flag| Flag::from_name(flag.name()) == Some(flag)));
        assert_eq!(Flag::from_name("myself"), None);
    }
}
