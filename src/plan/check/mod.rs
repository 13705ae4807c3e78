//! What is wrong with a cluster: the reports of all nodes in, every problem out.
//!
//! Ownership is read from each master's own view, other nodes' views are compared with it. That is
//! more than `redis-cli --cluster check` looks at (`clusterManagerCheckCluster` in `redis-cli.c`).

mod absent;
mod domains;
mod logins;
mod nodes;
mod replicas;
mod settings;
mod slots;
mod unreadable;
mod views;
mod writes;

use std::collections::BTreeMap;

use crate::model::{ClusterReport, NodeId, NodeReport, SlotSet};
pub use domains::swaps;

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

    fn error(kind: Kind, message: String) -> Problem {
        Problem::new(kind, Severity::Error, message)
    }

    fn warning(kind: Kind, message: String) -> Problem {
        Problem::new(kind, Severity::Warning, message)
    }

    fn at(mut self, nodes: impl IntoIterator<Item = String>) -> Problem {
        self.nodes.extend(nodes);
        self
    }

    fn with_slots(mut self, slots: SlotSet) -> Problem {
        self.slots = slots;
        self
    }

    fn mended_by(mut self, fix: impl Into<Option<String>>) -> Problem {
        self.fix = fix.into();
        self
    }
}

/// Finds all problems of a cluster, errors first; none means healthy.
///
/// ```
/// use rcluster::model::{ClusterReport, ClusterView};
/// use rcluster::plan::check::{Kind, check, is_healthy};
///
/// let reply = "\
/// 07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-8191
/// 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7001@17001 master - 0 1426238316232 2 connected 8192-16382
/// ";
/// let view = ClusterView::parse(reply, &"10.0.0.1:7001".parse()?)?;
/// let problems = check(&ClusterReport::of_view(&view));
///
/// assert!(!is_healthy(&problems, false));
/// assert_eq!((problems[0].kind, problems[0].slots.to_string()), (Kind::SlotsUncovered, "16383".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check(cluster: &ClusterReport) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(slots::uncovered(cluster));
    problems.extend(slots::conflicts(cluster));
    problems.extend(slots::open(cluster));
    problems.extend(replicas::with_slots(cluster));
    problems.extend(nodes::not_ok(cluster));
    problems.extend(absent::absent(cluster));
    problems.extend(nodes::loading(cluster));
    problems.extend(nodes::flagged(cluster));
    problems.extend(nodes::unheard(cluster));
    problems.extend(nodes::shared_ids(cluster));
    problems.extend(unreadable::lines(cluster));
    problems.extend(views::differ(cluster));
    problems.extend(nodes::replicas(cluster));
    problems.extend(logins::failing(cluster));
    problems.extend(nodes::without_replica(cluster));
    problems.extend(writes::rejected(cluster));
    problems.extend(settings::epochs(cluster));
    problems.extend(settings::differ(cluster));
    problems.extend(settings::announced(cluster));
    problems.extend(domains::spread(cluster));
    problems
        .sort_by(|a, b| (a.severity, a.kind, &a.message).cmp(&(b.severity, b.kind, &b.message)));
    problems
}

/// Whether a cluster with these problems is healthy: it has no error, and with `strict` no warning.
pub fn is_healthy(problems: &[Problem], strict: bool) -> bool {
    !problems.iter().any(|problem| strict || problem.severity == Severity::Error)
}

/// The owners of slots, each with its slots: masters as in their own views, unreachable nodes as in
/// the others' views. Slots that a replica claims are not among them.
pub fn owners(cluster: &ClusterReport) -> Vec<(NodeId, SlotSet)> {
    let told = masters(cluster).map(|report| (report.id(), report.view.me().slots.clone()));
    let mut unreachable: BTreeMap<NodeId, SlotSet> =
        cluster.unreachable.iter().map(|node| (node.id, SlotSet::EMPTY)).collect();
    if !unreachable.is_empty() {
        for node in cluster.nodes.iter().flat_map(|report| report.view.nodes()) {
            if let Some(slots) = unreachable.get_mut(&node.id)
                && *slots != node.slots
            {
                *slots = slots.union(&node.slots);
            }
        }
    }
    told.chain(unreachable).filter(|(_, slots)| !slots.is_empty()).collect()
}

/// The owners of slots by id, as [`owners`] finds them; `None` while a slot is migrating or
/// importing at a master.
pub fn settled_owners(cluster: &ClusterReport) -> Option<Vec<(NodeId, SlotSet)>> {
    let is_settled = masters(cluster).all(|node| node.view.open.is_empty());
    is_settled.then(|| {
        let mut owners = owners(cluster);
        owners.sort_by_key(|(id, _)| *id);
        owners
    })
}

/// The nodes that replied and are not replicas.
fn masters(cluster: &ClusterReport) -> impl Iterator<Item = &NodeReport> {
    cluster.nodes.iter().filter(|report| report.view.me().role.master().is_none())
}

/// The slots that have an owner.
pub fn covered(cluster: &ClusterReport) -> SlotSet {
    owners(cluster).iter().fold(SlotSet::EMPTY, |all, (_, slots)| all.union(slots))
}

/// The slots of nodes whose lines in CLUSTER NODES [cannot be read](crate::model::Unreadable), and
/// that have no other owner.
pub fn kept_unreadable(cluster: &ClusterReport) -> SlotSet {
    let lines = cluster.nodes.iter().flat_map(|report| &report.view.unreadable);
    let listed = lines.fold(SlotSet::EMPTY, |all, line| all.union(&line.slots));
    if listed.is_empty() { listed } else { listed.difference(&covered(cluster)) }
}

/// `a, b and 3 others`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] if names.len() <= 3 => format!("{} and {last}", rest.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} others", rest.len()),
    }
}

/// `is` or `are`, `slot` or `slots`: the word that fits the number.
fn by_number<'a>(number: usize, one: &'a str, several: &'a str) -> &'a str {
    if number == 1 { one } else { several }
}

#[cfg(test)]
mod tests;
