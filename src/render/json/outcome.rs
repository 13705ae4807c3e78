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
    pub untold: Vec<String>,
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
            untold: [before.untold, self.untold].concat(),
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
            untold: report.not_notified.iter().map(ToString::to_string).collect(),
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
