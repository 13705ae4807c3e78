use serde::Serialize;

use crate::model::SlotSet;
use crate::plan::check::{Ignored, Kind, Problem, Severity};

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
    pub severity: Severity,
    pub message: String,
    /// The nodes concerned, by address; may be empty.
    pub nodes: Vec<String>,
    /// The slots concerned; may be empty.
    slots: SlotSet,
    /// The command line that fixes it, if there is one.
    pub fix: Option<String>,
}

/// A problem that does not count.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IgnoredJson {
    #[serde(flatten)]
    problem: ProblemJson,
    /// Why it is ignored: of the file, else the option.
    reason: String,
}

pub fn ignored_json(ignored: &[Ignored]) -> Vec<IgnoredJson> {
    let json = |ignored: &Ignored| IgnoredJson {
        problem: ProblemJson::from(&ignored.problem),
        reason: ignored.reason.clone(),
    };
    ignored.iter().map(json).collect()
}

/// What `check --explain` prints.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExplainedJson {
    #[serde(with = "KindJson")]
    kind: Kind,
    /// `error`, `warning`, or both where it depends.
    severities: Vec<&'static str>,
    meaning: &'static str,
    why: &'static str,
    /// In words.
    fix: &'static str,
    /// Command lines, with words in capitals to fill in.
    commands: &'static [&'static str],
}

impl ExplainedJson {
    pub fn of(kind: Kind) -> ExplainedJson {
        let explanation = kind.explanation();
        ExplainedJson {
            kind,
            severities: explanation.severities.iter().map(|severity| severity.name()).collect(),
            meaning: explanation.meaning,
            why: explanation.why,
            fix: explanation.fix,
            commands: explanation.commands,
        }
    }
}

impl ProblemJson {
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `error: slot 5 has no owner`
    pub fn line(&self) -> String {
        format!("{}: {}", self.severity.name(), self.message)
    }
}

impl From<&Problem> for ProblemJson {
    fn from(problem: &Problem) -> ProblemJson {
        ProblemJson {
            kind: problem.kind,
            severity: problem.severity,
            message: problem.message.clone(),
            nodes: problem.nodes.clone(),
            slots: problem.slots.clone(),
            fix: problem.fix.clone(),
        }
    }
}

pub fn problems_json(problems: &[Problem]) -> Vec<ProblemJson> {
    problems.iter().map(ProblemJson::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_name() {
        for kind in Kind::ALL {
            let json = serde_json::to_value(ExplainedJson::of(*kind)).unwrap();
            assert_eq!(json["kind"], kind.name());
        }
    }
}
