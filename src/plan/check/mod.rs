//! What is wrong with a cluster: the reports of all nodes in, every problem out.

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

use serde::Serialize;

use crate::model::{ClusterReport, NodeId, NodeReport, SlotSet};
pub use domains::swaps;

/// What sort of problem; the name in JSON is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Slots that no node owns.
    SlotsUncovered,
    /// Slots that two nodes claim.
    SlotsConflict,
    /// A slot left migrating or importing.
    SlotOpen,
    /// A replica owns slots by its own view.
    ReplicaClaimsSlots,
    /// A slot left migrating or importing at a replica.
    ReplicaSlotOpen,
    /// A node does not serve: `cluster_state:fail`.
    StateNotOk,
    /// A known node gives no answer.
    NodeUnreachable,
    /// A node that loads its data, and serves none of it yet.
    NodeLoading,
    /// Another node answers where a known one is listed.
    AddressTaken,
    /// A node that others see in fail, fail? or noaddr state.
    NodeFailing,
    /// A node that others are still shaking hands with.
    NodeHandshake,
    /// A node that another has never had an answer from over the cluster bus.
    BusClosed,
    /// Two servers with one node id.
    IdShared,
    /// A line of CLUSTER NODES that cannot be read.
    UnreadableLine,
    /// Nodes see another differently than it sees itself.
    ViewsDiffer,
    /// A replica without a connection to its master.
    ReplicaLinkDown,
    /// A replica that its master does not let in: `masterauth`, or the rights of its user.
    ReplicaLogin,
    /// A replica whose first copy of the data is not complete.
    ReplicaSyncing,
    /// A replica of a replica.
    ReplicaOfReplica,
    /// A master without a replica, where others have one.
    NoReplica,
    /// The last background save failed.
    SaveFailed,
    /// The last write to the append-only file failed.
    AofFailed,
    /// A master that evicts nothing is near its memory limit.
    MemoryNearlyFull,
    /// A master with fewer replicas in sync than it needs to accept writes.
    TooFewReplicas,
    /// Two masters with one config epoch.
    EpochCollision,
    /// Nodes with different settings.
    SettingsDiffer,
    /// A node announces an address that no other node can use.
    AnnouncedAddress,
    /// Copies of a shard on one host or in one zone, where another layout keeps them apart.
    CopiesTogether,
    /// A host or zone with half of the masters or more.
    MastersCrowded,
}

/// How bad it is: an error makes the cluster unhealthy, a warning only with `--strict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub kind: Kind,
    pub severity: Severity,
    /// One plain sentence.
    pub message: String,
    /// The nodes concerned, by address.
    pub nodes: Vec<String>,
    /// The slots concerned.
    pub slots: SlotSet,
    /// The command that mends it, where there is one.
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

/// All problems, errors first; none means healthy.
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

/// Whether nothing is wrong; `strict` counts warnings too.
pub fn is_healthy(problems: &[Problem], strict: bool) -> bool {
    !problems.iter().any(|problem| strict || problem.severity == Severity::Error)
}

/// Who owns what: each node as it says itself, unreachable nodes as the others say. Only owners
/// of slots; what a replica claims is nobody's.
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

/// Who owns what, by id; `None` while a slot is open, whose keys are on their way.
pub fn settled_owners(cluster: &ClusterReport) -> Option<Vec<(NodeId, SlotSet)>> {
    let is_settled = masters(cluster).all(|node| node.view.open.is_empty());
    is_settled.then(|| {
        let mut owners = owners(cluster);
        owners.sort_by_key(|(id, _)| *id);
        owners
    })
}

/// The nodes that answer and whose say in slots counts.
fn masters(cluster: &ClusterReport) -> impl Iterator<Item = &NodeReport> {
    cluster.nodes.iter().filter(|report| report.view.me().role.master().is_none())
}

/// The slots that have an owner.
pub fn covered(cluster: &ClusterReport) -> SlotSet {
    owners(cluster).iter().fold(SlotSet::EMPTY, |all, (_, slots)| all.union(slots))
}

/// Slots that nodes list as those of nodes whose lines they cannot be read from, and that have no
/// other owner.
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
