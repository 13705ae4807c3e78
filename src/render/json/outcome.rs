//! What a run came to that changed something and stopped before its end.

use serde::Serialize;

use super::event::PhaseName;
use super::transfer::{KeptJson, kept_json};
use crate::model::{NodeAddr, SlotSet};
use crate::ops::import::ImportReport;
use crate::ops::migrate::{CopiesLeft, MigrationReport};
use crate::ops::rolling::RollingReport;
use crate::ops::{Aborted, SettingLeft};

/// What the run came to. What does not apply to its command is empty.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutcomeJson {
    /// What was completed, a sentence each.
    pub actions: Vec<String>,
    /// The phases that were completed, as the progress events name them.
    pub done: Vec<PhaseName>,
    /// The phase that was not.
    pub during: Option<PhaseName>,
    /// Slots that have a new owner.
    pub moved: SlotSet,
    pub moved_count: usize,
    /// Slots of the plan that have their old owner.
    pub not_moved: SlotSet,
    /// Slots that are still migrating: the source owns them, and clients get ASK redirects for keys
    /// that have moved.
    pub open: SlotSet,
    /// Keys that were moved, imported or restored.
    pub keys: u64,
    /// Slots that stay where they are, and why.
    pub skipped: Vec<KeptJson>,
    /// Copies of keys at nodes that refused to delete them; the owners of their slots have the keys.
    pub copies: Vec<CopiesJson>,
    /// Key conflicts, the first of them: the values differ, and both are kept.
    pub conflicts: Vec<String>,
    /// How many key conflicts there are.
    pub conflicting: u64,
    /// Keys that could not be imported: the first of them, and why.
    pub left: Vec<String>,
    /// How many keys could not be imported.
    pub leaving: u64,
    /// Settings that were changed for the run and could not be restored.
    pub settings: Vec<SettingJson>,
    /// Nodes that could not be notified, and why.
    pub not_notified: Vec<String>,
    /// Nodes that were restarted, in their order.
    pub restarted: Vec<NodeAddr>,
    /// Replicas that became masters, in their order.
    pub promoted: Vec<NodeAddr>,
    /// What was left out, and why.
    pub passed_over: Vec<String>,
    /// The command lines to run next, in this order.
    pub run: Vec<String>,
}

/// Copies of keys that a node keeps.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CopiesJson {
    pub node: NodeAddr,
    pub slots: SlotSet,
    pub keys: u64,
    /// Its reply, word for word.
    pub said: String,
}

/// A setting that is not as it was.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingJson {
    pub node: NodeAddr,
    /// Null for those that `apply` sets.
    pub setting: Option<&'static str>,
    /// Its old value.
    pub before: Option<String>,
    pub why: String,
}

impl OutcomeJson {
    /// The same after another run, as a part of one command.
    pub fn after(self, before: OutcomeJson) -> OutcomeJson {
        let moved = before.moved.union(&self.moved);
        OutcomeJson {
            actions: [before.actions, self.actions].concat(),
            moved_count: moved.len(),
            moved,
            keys: before.keys + self.keys,
            not_notified: [before.not_notified, self.not_notified].concat(),
            ..self
        }
    }

    /// What became of slots and keys; `not_moved` are those of the plan that stay.
    pub fn of_moves(report: &MigrationReport, not_moved: SlotSet) -> OutcomeJson {
        let copies = |CopiesLeft { node, slots, keys, said }: &CopiesLeft| CopiesJson {
            node: node.clone(),
            slots: slots.clone(),
            keys: *keys,
            said: said.clone(),
        };
        OutcomeJson {
            moved: report.moved.clone(),
            moved_count: report.moved.len(),
            not_moved,
            open: report.open.clone(),
            keys: report.keys,
            skipped: kept_json(&report.kept),
            copies: report.copies.iter().map(copies).collect(),
            settings: report.left.iter().map(SettingJson::from).collect(),
            not_notified: report.not_notified.iter().map(ToString::to_string).collect(),
            ..OutcomeJson::default()
        }
    }
}

impl From<&Aborted> for OutcomeJson {
    fn from(aborted: &Aborted) -> OutcomeJson {
        OutcomeJson {
            done: aborted.done.iter().copied().map(PhaseName).collect(),
            during: Some(PhaseName(aborted.during)),
            ..OutcomeJson::default()
        }
    }
}

impl From<&ImportReport> for OutcomeJson {
    fn from(report: &ImportReport) -> OutcomeJson {
        OutcomeJson {
            keys: report.keys,
            conflicts: report.conflicts.clone(),
            conflicting: report.conflicting,
            left: report.left.clone(),
            leaving: report.leaving,
            ..OutcomeJson::default()
        }
    }
}

impl From<&RollingReport> for OutcomeJson {
    fn from(outcome: &RollingReport) -> OutcomeJson {
        OutcomeJson {
            restarted: outcome.restarted.clone(),
            promoted: outcome.promoted.clone(),
            passed_over: outcome.passed_over.clone(),
            ..OutcomeJson::default()
        }
    }
}

impl From<&SettingLeft> for SettingJson {
    fn from(left: &SettingLeft) -> SettingJson {
        SettingJson {
            node: left.node.clone(),
            setting: Some(left.setting),
            before: Some(left.before.clone()),
            why: left.why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::migrate::MigrateError;
    use crate::plan::transfer::{Route, Transfer};
    use crate::render::{Failure, exit};

    fn slots(ranges: &[&str]) -> SlotSet {
        ranges.iter().map(|range| range.parse::<crate::model::SlotRange>().unwrap()).collect()
    }

    /// A run that a signal stopped when 10 of its 20 slots had moved, one of them for good.
    fn stopped() -> Failure {
        let id = |letter: &str| letter.repeat(40).parse().unwrap();
        let route = Route { from: id("a"), to: id("b"), slots: slots(&["0-19"]) };
        let plan = Transfer { routes: vec![route], ..Transfer::default() };
        let left = SettingLeft {
            node: "10.0.0.1:6379".parse().unwrap(),
            setting: "cluster-allow-replica-migration",
            before: "yes".to_owned(),
            why: "it does not answer".to_owned(),
        };
        let report = MigrationReport {
            moved: slots(&["0-9"]),
            keys: 7,
            open: slots(&["10-10"]),
            errors: vec![MigrateError::Interrupted("SIGINT")],
            left: vec![left],
            changed: true,
            ..MigrationReport::default()
        };
        let rest = |slots: &SlotSet| format!("rcluster reshard a:1 --slots {}", slots.ranges()[0]);
        Failure::of_migration(&plan, &report, rest).unwrap()
    }

    #[test]
    fn a_move_that_stopped_tells_what_moved_and_what_to_run() {
        let outcome = stopped().outcome.unwrap();
        assert_eq!((outcome.moved_count, outcome.keys), (10, 7));
        assert_eq!((&outcome.not_moved, &outcome.open), (&slots(&["10-19"]), &slots(&["10-10"])));
        assert_eq!(outcome.settings[0].before.as_deref(), Some("yes"));
        assert_eq!(
            outcome.run,
            [
                "redis-cli -h 10.0.0.1 -p 6379 CONFIG SET cluster-allow-replica-migration yes",
                "rcluster reshard a:1 --slots 10-19"
            ]
        );
    }

    #[test]
    fn what_came_before_counts_whatever_went_wrong_after_it() {
        let before = || OutcomeJson {
            actions: vec!["+ add".to_owned()],
            moved: slots(&["5-5", "30-31"]),
            keys: 3,
            ..OutcomeJson::default()
        };
        let late = Failure::refused("no").hint("nothing was changed").after(before());
        assert_eq!((late.exit_code, late.changed), (exit::HALTED, true));
        assert_eq!(late.hint.as_deref(), Some("rerun to resume"));
        let outcome = stopped().after(before()).outcome.unwrap();
        assert_eq!(outcome.moved, slots(&["0-9", "30-31"]));
        assert_eq!((outcome.moved_count, outcome.keys), (12, 10));
        assert_eq!(outcome.actions, ["+ add"]);
        assert_eq!(outcome.run.len(), 2);
    }
}
