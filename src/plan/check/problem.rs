//! One problem, and the words that are in many of them.

use crate::model::SlotSet;

/// What sort of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Slots without an owner.
    SlotsUncovered,
    /// Slots that two masters own, each in its own view.
    SlotsConflict,
    /// A slot left migrating or importing.
    SlotOpen,
    /// A replica owns slots in its own view.
    ReplicaClaimsSlots,
    /// A slot left migrating or importing at a replica.
    ReplicaSlotOpen,
    /// A node rejects queries: it reports `cluster_state:fail`.
    StateNotOk,
    /// A known node is unreachable.
    NodeUnreachable,
    /// A node is loading its data, and rejects commands until then.
    NodeLoading,
    /// Another node replies at the address of a known one.
    AddressTaken,
    /// A node that others flag `fail`, `fail?` or `noaddr`.
    NodeFailing,
    /// A node that others have not confirmed yet.
    NodeHandshake,
    /// A node that has never answered another over the cluster bus.
    BusClosed,
    /// Two servers with one node id.
    IdShared,
    /// A line of CLUSTER NODES that cannot be read.
    UnreadableLine,
    /// A node's view of another differs from that node's own view.
    ViewsDiffer,
    /// A replica whose replication link is down.
    ReplicaLinkDown,
    /// A replica that cannot authenticate to its master: `masterauth`, or the rights of its user.
    ReplicaLogin,
    /// A replica whose initial sync is not complete.
    ReplicaSyncing,
    /// A replica of a replica.
    ReplicaOfReplica,
    /// A master without a replica, while others have one.
    NoReplica,
    /// The last background save failed.
    SaveFailed,
    /// The last write to the append-only file failed.
    AofFailed,
    /// A master without eviction is near its `maxmemory`.
    MemoryNearlyFull,
    /// A master with fewer replicas in sync than it needs to accept writes.
    TooFewReplicas,
    /// Two masters with one config epoch.
    EpochCollision,
    /// Nodes with different settings.
    SettingsDiffer,
    /// A node announces an address that no other node can use.
    AnnouncedAddress,
    /// Nodes of a shard on one host or in one zone, although another layout would keep them apart.
    CopiesTogether,
    /// A host or zone with half of the masters or more.
    MastersCrowded,
}

/// How bad it is: an error makes the cluster unhealthy, a warning only with `--strict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Data is unavailable or at risk, or nodes disagree.
    Error,
    /// The cluster works, but less safely than it could.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One problem of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What sort of problem.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, in lower case and without a full stop.
    pub message: String,
    /// The nodes concerned, by address; may be empty.
    pub nodes: Vec<String>,
    /// The slots concerned; may be empty.
    pub slots: SlotSet,
    /// The command line that fixes it, if there is one.
    pub fix: Option<String>,
}

impl Problem {
    fn new(kind: Kind, severity: Severity, message: String) -> Problem {
        Problem { kind, severity, message, nodes: Vec::new(), slots: SlotSet::EMPTY, fix: None }
    }

    pub(super) fn error(kind: Kind, message: String) -> Problem {
        Problem::new(kind, Severity::Error, message)
    }

    pub(super) fn warning(kind: Kind, message: String) -> Problem {
        Problem::new(kind, Severity::Warning, message)
    }

    pub(super) fn at(mut self, nodes: impl IntoIterator<Item = String>) -> Problem {
        self.nodes.extend(nodes);
        self
    }

    pub(super) fn with_slots(mut self, slots: SlotSet) -> Problem {
        self.slots = slots;
        self
    }

    pub(super) fn mended_by(mut self, fix: impl Into<Option<String>>) -> Problem {
        self.fix = fix.into();
        self
    }
}

/// `a, b and 3 others`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] if names.len() <= 3 => format!("{} and {last}", rest.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} others", rest.len()),
    }
}

/// `is` or `are`, `slot` or `slots`: the word that fits the number.
pub(super) fn by_number<'a>(number: usize, one: &'a str, several: &'a str) -> &'a str {
    if number == 1 { one } else { several }
}
