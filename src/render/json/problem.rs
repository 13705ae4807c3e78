use serde::Serialize;

use crate::model::SlotSet;
use crate::plan::check::{Kind, Problem, Severity};

/// The kind of a problem; a later version may know more.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "Kind", rename_all = "kebab-case")]
enum KindJson {
    SlotsUncovered,
    SlotsConflict,
    SlotOpen,
    ReplicaClaimsSlots,
    ReplicaSlotOpen,
    StateNotOk,
    NodeUnreachable,
    NodeLoading,
    AddressTaken,
    NodeFailing,
    NodeHandshake,
    BusClosed,
    IdShared,
    UnreadableLine,
    ViewsDiffer,
    ReplicaLinkDown,
    ReplicaLogin,
    ReplicaSyncing,
    ReplicaOfReplica,
    NoReplica,
    SaveFailed,
    AofFailed,
    MemoryNearlyFull,
    TooFewReplicas,
    EpochCollision,
    SettingsDiffer,
    AnnouncedAddress,
    CopiesTogether,
    MastersCrowded,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "Severity", rename_all = "lowercase")]
enum SeverityJson {
    Error,
    Warning,
}

/// One problem of a cluster.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProblemJson {
    #[serde(with = "KindJson")]
    kind: Kind,
    #[serde(with = "SeverityJson")]
    severity: Severity,
    message: String,
    /// The nodes concerned, by address; may be empty.
    nodes: Vec<String>,
    /// The slots concerned; may be empty.
    slots: SlotSet,
    /// The command line that fixes it, if there is one.
    fix: Option<String>,
}

pub fn problems_json(problems: &[Problem]) -> Vec<ProblemJson> {
    let json = |problem: &Problem| ProblemJson {
        kind: problem.kind,
        severity: problem.severity,
        message: problem.message.clone(),
        nodes: problem.nodes.clone(),
        slots: problem.slots.clone(),
        fix: problem.fix.clone(),
    };
    problems.iter().map(json).collect()
}
