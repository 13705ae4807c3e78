//! A declared cluster: the changes that make it, and the file that a running one is written to.

use itertools::Itertools;
use serde::Serialize;

use crate::model::SlotSet;
use crate::plan::layout::Layout;
use crate::plan::topology::{Change, SettingChange, Stage, State};

/// What `apply` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApplyJson {
    pub changed: bool,
    pub dry_run: bool,
    /// What is done, or in a dry run would be, in this order.
    pub changes: Vec<ChangeJson>,
    pub slots_moved: usize,
    pub full_copies: usize,
    /// Nodes that the file does not name and that stay.
    pub unnamed: Vec<String>,
    pub warnings: Vec<String>,
    /// Whether `check` finds the cluster healthy afterwards; null if nothing was changed.
    pub healthy: Option<bool>,
    pub elapsed_ms: u128,
}

/// What `export` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExportJson {
    /// The text of the file.
    pub file: String,
    /// What the file does not hold, a sentence each.
    pub left_out: Vec<String>,
}

/// One change; what does not apply to its kind is left out.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangeJson {
    /// add, introduce, replicate, detach, assign, move, finish, promote, remove, setting.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotSet>,
    /// Whether it takes a full copy of a master's data.
    pub full_copy: bool,
    /// What a person is shown.
    pub text: String,
}

impl ChangeJson {
    fn new(kind: &'static str, text: String) -> ChangeJson {
        ChangeJson { kind, text, ..ChangeJson::default() }
    }

    fn of(kind: &'static str, node: &str, to: Option<&str>, text: String) -> ChangeJson {
        let (node, to) = (Some(node.to_owned()), to.map(str::to_owned));
        ChangeJson { node, to, ..ChangeJson::new(kind, text) }
    }
}

/// The changes of some stages, and which shards have fewer copies meanwhile, a sentence each.
pub fn stages_json(stages: &[Stage], state: &State) -> (Vec<ChangeJson>, Vec<String>) {
    let changes = stages.iter().flat_map(|stage| &stage.changes);
    let lowered = stages.iter().flat_map(|stage| &stage.lowers).map(|(master, now, then)| {
        let master = state.name(*master);
        format!("the shard of {master} has {now} of {then} copies until a replica is in sync")
    });
    (changes.map(|change| change_json(change, state)).collect(), lowered.unique().collect())
}

fn change_json(change: &Change, state: &State) -> ChangeJson {
    let name = |index: &usize| state.name(*index);
    match change {
        Change::Add { node, replica_of: None } => {
            let node = name(node);
            ChangeJson::of("add", node, None, format!("+ add {node} as a master"))
        }
        Change::Add { node, replica_of: Some(of) } => {
            let (node, of) = (name(node), name(of));
            let text = format!("+ add {node} as a replica of {of} (full copy)");
            ChangeJson { full_copy: true, ..ChangeJson::of("add", node, Some(of), text) }
        }
        Change::Introduce { node } => {
            let node = name(node);
            let text = format!("+ introduce {node} to all other nodes");
            ChangeJson::of("introduce", node, None, text)
        }
        Change::Replicate { node, from, of } => {
            let (node, of, from) = (name(node), name(of), from.as_ref().map(name));
            let before = from.unwrap_or("no master");
            let text = format!("~ replicate {node}: {before} → {of} (full copy)");
            let from = from.map(str::to_owned);
            ChangeJson {
                from,
                full_copy: true,
                ..ChangeJson::of("replicate", node, Some(of), text)
            }
        }
        Change::Detach { node, from } => {
            let (node, from) = (name(node), name(from));
            let text = format!("~ detach {node} from {from}: it becomes a master");
            let from = Some(from.to_owned());
            ChangeJson { from, ..ChangeJson::of("detach", node, None, text) }
        }
        Change::Assign { slots, to } => {
            let to = name(to);
            let text = format!("~ assign {} without an owner to {to}", slots.summary());
            let json = ChangeJson::new("assign", text);
            ChangeJson { slots: Some(slots.clone()), to: Some(to.to_owned()), ..json }
        }
        Change::Move { slots, from, to } => {
            let (from, to, count) = (name(from).to_owned(), name(to).to_owned(), slots.len());
            let unit = if count == 1 { "slot" } else { "slots" };
            let text = format!("~ move {count} {unit} {from} → {to}");
            let json = ChangeJson::new("move", text);
            ChangeJson { slots: Some(slots.clone()), from: Some(from), to: Some(to), ..json }
        }
        Change::FinishMoves => {
            ChangeJson::new("finish", "~ finish the moves of an interrupted run".to_owned())
        }
        Change::Promote { node, replaces } => {
            let (node, replaces) = (name(node), name(replaces));
            let text = format!("~ promote {node} in place of {replaces}");
            let from = Some(replaces.to_owned());
            ChangeJson { from, ..ChangeJson::of("promote", node, None, text) }
        }
        Change::Remove { node } => {
            let node = name(node);
            ChangeJson::of("remove", node, None, format!("- remove {node}"))
        }
    }
}

/// Settings, a line each.
pub fn settings_json<'a>(settings: impl IntoIterator<Item = &'a SettingChange>) -> Vec<ChangeJson> {
    let change = |change: &SettingChange| ChangeJson {
        from: Some(change.before()),
        to: Some(change.to.clone()),
        ..ChangeJson::new("setting", format!("~ setting {}", change.summary()))
    };
    settings.into_iter().map(change).collect()
}

/// A cluster that is created, a line a node.
pub fn creation_json(layout: &Layout, names: &[String]) -> Vec<ChangeJson> {
    let nodes = layout.shards.iter().flat_map(|shard| {
        let master = &names[shard.master];
        let text = format!("+ add {master} as a master of {}", shard.slots.summary());
        let slots = Some(shard.slots.clone());
        let own = ChangeJson { slots, ..ChangeJson::of("add", master, None, text) };
        let replicas = shard.replicas.iter().map(move |&replica| {
            let replica = &names[replica];
            let text = format!("+ add {replica} as a replica of {master}");
            ChangeJson::of("add", replica, Some(master), text)
        });
        std::iter::once(own).chain(replicas)
    });
    nodes.collect()
}
