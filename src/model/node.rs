//! A node as some node describes it: one line of CLUSTER NODES.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{NodeAddr, SlotSet};

/// A node's id: 160 random bits, written as 40 hexadecimal digits (cluster specification, "Cluster
/// node attributes"). A node keeps it for life, whatever its address; CLUSTER RESET HARD changes
/// it.
///
/// ```
/// use rcluster::model::NodeId;
///
/// let id: NodeId = "07c37dfeb235213a872192d90877d0cd55635b91".parse()?;
/// assert_eq!(id.short(), "07c37dfe");
/// # Ok::<(), rcluster::model::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 20]);

/// A text that is not a node id; it holds the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a node id: an id has 40 hexadecimal digits")]
pub struct IdError(pub String);

impl NodeId {
    /// The first 8 digits: enough for people to distinguish the nodes of a cluster.
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

/// Whether a node is a master or a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It may own slots; it votes if it owns any.
    Master,
    /// It holds a copy of a master's data.
    Replica {
        /// The master's id, which may be unknown to the describing node.
        of: NodeId,
    },
    /// Not known yet: in handshake, or a replica without a master.
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

    /// The master that it replicates, if it is a replica.
    pub const fn master(self) -> Option<NodeId> {
        match self {
            Role::Replica { of } => Some(of),
            _ => None,
        }
    }
}

/// A state that one node sees another in: a flag of CLUSTER NODES (`CLUSTER_NODE_*` in the server's
/// `cluster.h`, `cluster_legacy.h` since 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Flag {
    /// Failed: a majority of the masters could not reach it within the node timeout (cluster
    /// specification, "Failure detection").
    #[serde(rename = "fail")]
    Fail,
    /// Possibly failed: the describing node alone could not reach it within the node timeout.
    #[serde(rename = "fail?")]
    PFail,
    /// Met, not yet confirmed; its id is random until then.
    #[serde(rename = "handshake")]
    Handshake,
    /// Its address is not known.
    #[serde(rename = "noaddr")]
    NoAddr,
    /// A replica that does not start an election (`cluster-replica-no-failover`).
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

    /// The flag with this name; `None` for roles, `myself`, `noflags` and unknown names.
    pub fn from_name(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name() == name)
    }
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Whether the flag is set.
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Each flag that is set, in the order of [`Flag`]'s variants.
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

/// One node as another node (or itself) describes it: one line of CLUSTER NODES
/// (`clusterGenNodeDescription` in the server's `cluster.c` or `cluster_legacy.c`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// Its id; random while the node has [`Flag::Handshake`].
    pub id: NodeId,
    /// Where it listens, with its bus port; `None` if the describing node has no address for it.
    pub addr: Option<NodeAddr>,
    /// The host name it announces (`cluster-announce-hostname`).
    pub hostname: Option<Box<str>>,
    /// Master or replica.
    pub role: Role,
    /// States that the describing node sees it in.
    pub flags: Flags,
    /// Its config epoch, a replica's being its master's: the larger one wins where two masters
    /// claim a slot (cluster specification, "Hash slots configuration propagation").
    pub epoch: u64,
    /// Whether the describing node has a bus connection to it, or is connecting.
    pub connected: bool,
    /// When the ping was sent whose answer is awaited, in milliseconds since 1970 by the describing
    /// node's clock; 0 if none is.
    pub pinged: u64,
    /// When it answered a ping last, in the same milliseconds; 0 if it never did. A server that
    /// starts sets it to now for every node in its `nodes.conf`.
    pub ponged: u64,
    /// Whether it has ever answered a ping of the describing node over the bus. If not, `connected`
    /// proves nothing.
    pub heard: bool,
    /// The slots that it owns in the describing node's view.
    pub slots: SlotSet,
}

impl Node {
    /// Whether its role is [`Role::Master`], with or without slots.
    pub fn is_master(&self) -> bool {
        self.role == Role::Master
    }

    /// What to call it in a sentence: `host:port`, or the [short id](NodeId::short) if it has no
    /// address.
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
