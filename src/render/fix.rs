//! What is wrong with slots and what becomes of them, as a table and as JSON.

use std::collections::BTreeMap;

use itertools::Itertools;
use serde::Serialize;

use super::fix_replicas::{RejoinJson, ReplicaJson, replica_json, replica_lines};
use super::table::{Table, wrapped};
use super::transfer::EndJson;
use crate::model::{ClusterReport, NodeId, OpenState, SlotSet};
use crate::plan::fix::{FixPlan, Library, NodeSlotState, Repair, RepairAction};

/// The widest list of slots in a row, where there is room, and where there is not.
const WIDE: [usize; 2] = [28, 11];

/// Most rows for a person; `--json` has all.
const ROWS: usize = 60;

/// Most pairs of strangers that a person is told of one by one.
const PAIRS: usize = 10;

/// One node's part in some slots.
#[derive(Debug, Serialize)]
pub struct ClaimJson {
    pub node: String,
    pub id: NodeId,
    pub epoch: u64,
    pub keys: u64,
    pub owner: bool,
    pub open: Vec<OpenJson>,
    /// Whether it takes another for the owner.
    pub mistaken: bool,
    /// What becomes of its part.
    pub action: &'static str,
}

#[derive(Debug, Serialize)]
pub struct OpenJson {
    pub state: OpenState,
    pub peer: String,
}

/// Some slots that are alike.
#[derive(Debug, Serialize)]
pub struct RepairJson {
    pub slots: SlotSet,
    pub count: usize,
    /// `finish`, `settle` or `wait`.
    pub action: &'static str,
    pub owner: Option<EndJson>,
    /// The node that gives no answer and loses them.
    pub lost_by: Option<EndJson>,
    pub nodes: Vec<ClaimJson>,
}

#[derive(Debug, Serialize)]
pub struct TimeoutJson {
    pub node: String,
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Serialize)]
pub struct LibrariesJson {
    pub node: String,
    pub libraries: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct HiddenJson {
    pub node: String,
    pub keys: u64,
}

/// A whole plan.
#[derive(Debug, Serialize)]
pub struct FixJson {
    pub slots: Vec<RepairJson>,
    /// Masters with keys that are not their own, of which slots they cannot tell.
    pub hidden: Vec<HiddenJson>,
    /// Pairs of nodes that do not know each other.
    pub introductions: Vec<[String; 2]>,
    pub timeouts: Vec<TimeoutJson>,
    /// Masters with one config epoch, in groups.
    pub epochs: Vec<Vec<String>>,
    /// Replicas that claim slots, or at which slots are open.
    pub replicas: Vec<ReplicaJson>,
    /// Nodes that are introduced and become replicas.
    pub rejoins: Vec<RejoinJson>,
    pub functions: Vec<LibrariesJson>,
    /// Libraries of one name with different code, which are left alone.
    pub odd_functions: Vec<String>,
}

pub fn fix_json(plan: &FixPlan, report: &ClusterReport) -> FixJson {
    let name = |id: &NodeId| report.name(*id);
    let members = &plan.meet.members;
    let libraries = |libraries: &Vec<_>| {
        let name = |(name, _): &Library| name.clone();
        libraries.iter().map(name).collect()
    };
    FixJson {
        slots: plan.repairs.iter().map(|repair| repair_json(repair, report)).collect(),
        hidden: plan
            .orphaned
            .iter()
            .map(|(id, keys)| HiddenJson { node: name(id), keys: *keys })
            .collect(),
        introductions: plan
            .meet
            .unmet_pairs
            .iter()
            .map(|(one, other)| [name(&members[*one].id), name(&members[*other].id)])
            .collect(),
        timeouts: plan
            .timeouts
            .iter()
            .map(|set| TimeoutJson { node: name(&set.node), from: set.from, to: set.to })
            .collect(),
        epochs: plan.collisions.iter().map(|ids| ids.iter().map(name).collect()).collect(),
        replicas: plan.replicas.iter().map(|found| replica_json(found, report)).collect(),
        rejoins: plan
            .rejoins
            .iter()
            .map(|(id, of)| RejoinJson { node: name(id), master: name(of) })
            .collect(),
        functions: plan
            .libraries
            .iter()
            .map(|(id, lacks)| LibrariesJson { node: name(id), libraries: libraries(lacks) })
            .collect(),
        odd_functions: plan.odd_libraries.clone(),
    }
}

fn repair_json(repair: &Repair, report: &ClusterReport) -> RepairJson {
    let end = |id: NodeId| EndJson { node: report.name(id), id };
    let claim = |part: &NodeSlotState| ClaimJson {
        node: report.name(part.node),
        id: part.node,
        epoch: part.epoch,
        keys: part.keys,
        owner: part.claims,
        open: part
            .open
            .iter()
            .map(|(state, peer)| OpenJson { state: *state, peer: report.name(*peer) })
            .collect(),
        mistaken: part.stale_owner,
        action: becomes(repair, part),
    };
    RepairJson {
        slots: repair.slots.clone(),
        count: repair.slots.len(),
        action: match repair.action {
            RepairAction::Finish { .. } => "finish",
            RepairAction::Settle { .. } => "settle",
            RepairAction::Wait { .. } => "wait",
        },
        owner: repair.owner().map(end),
        lost_by: repair.lost.map(end),
        nodes: repair.ends.iter().map(claim).collect(),
    }
}

fn is(end: &NodeSlotState) -> String {
    let has = |wanted| end.open.iter().any(|(state, _)| *state == wanted);
    let parts = [
        (end.claims, "owner"),
        (has(OpenState::Migrating), "migrating"),
        (has(OpenState::Importing), "importing"),
        (end.stale_owner && end.open.is_empty(), "stale owner"),
    ];
    parts.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).join(", ")
}

/// What becomes of a node's part, in a word: whoever sends keys gives up its claim and its marks too.
fn becomes(repair: &Repair, end: &NodeSlotState) -> &'static str {
    match repair.action {
        RepairAction::Finish { from, .. } if end.node == from => "gives up slot",
        RepairAction::Wait { .. } => "left alone",
        _ if repair.owner() == Some(end.node) => "owner",
        RepairAction::Finish { .. } => "",
        RepairAction::Settle { .. } if end.keys > 0 => "sends keys",
        RepairAction::Settle { .. } if end.claims => "gives up slot",
        RepairAction::Settle { .. } if !end.open.is_empty() => "closed",
        RepairAction::Settle { .. } => "notified",
    }
}

/// The plan for a person: a row for each node's part in the troubled slots, then all else.
pub fn fix_text(plan: &FixPlan, report: &ClusterReport) -> String {
    let mut lines = Vec::new();
    if !plan.repairs.is_empty() {
        let (table, rows) = slots_table(plan, report, WIDE[0]);
        let table = table.or_if_too_wide(|| slots_table(plan, report, WIDE[1]).0);
        lines.push(table.to_string().trim_end().to_owned());
        if rows > ROWS {
            lines.push("… and more; --json lists all".to_owned());
        }
        lines.push(String::new());
    }
    lines.extend(sentences(plan, report).iter().map(|sentence| wrapped(sentence)));
    lines.join("\n").trim_end().to_owned()
}

/// The table, and how many rows it would have in full.
fn slots_table(plan: &FixPlan, report: &ClusterReport, columns: usize) -> (Table, usize) {
    let mut table = Table::new(&["Slots", "Node", ">Epoch", ">Keys", "Is", "Action"]);
    let mut rows = 0;
    for repair in &plan.repairs {
        let (deaf, parts): (Vec<&NodeSlotState>, Vec<&NodeSlotState>) =
            repair.ends.iter().partition(|end| {
                end.stale_owner && !end.claims && end.keys == 0 && end.open.is_empty()
            });
        let mut first = repair.slots.short(columns);
        for end in parts.iter().take(ROWS.saturating_sub(rows)) {
            table.row([
                std::mem::take(&mut first),
                report.name(end.node),
                end.epoch.to_string(),
                end.keys.to_string(),
                is(end),
                becomes(repair, end).to_owned(),
            ]);
        }
        if !deaf.is_empty() && rows < ROWS {
            let who = match deaf[..] {
                [one] => report.name(one.node),
                _ => format!("{} nodes", deaf.len()),
            };
            let row = [&*first, &*who, "", "", "stale owner", "notified"];
            table.row(row.map(str::to_owned));
        }
        rows += parts.len() + 1;
    }
    (table, rows)
}

fn sentences(plan: &FixPlan, report: &ClusterReport) -> Vec<String> {
    let name = |id: NodeId| report.name(id);
    let mut lines = Vec::new();
    let mut by_action: BTreeMap<RepairAction, SlotSet> = BTreeMap::new();
    for repair in &plan.repairs {
        let slots = by_action.entry(repair.action).or_insert(SlotSet::EMPTY);
        *slots = slots.union(&repair.slots);
    }
    for (action, slots) in by_action {
        let words = slots.words();
        match action {
            RepairAction::Finish { from, to } => lines.push(format!(
                "{words}: the move from {} to {} is finished",
                name(from),
                name(to)
            )),
            RepairAction::Wait { of, .. } if report.loading(of).is_some() => lines.push(format!(
                "{words}: left alone, they belong to {}, which is loading its data; to wait for it: rcluster check {} --wait 10m",
                name(of),
                report.entry().via
            )),
            RepairAction::Wait { of, replica: None } => lines.push(format!(
                "{words}: left alone, they belong to {}, which is unreachable; restart it, or assign them to others without their keys: --with-unreachable-masters",
                name(of)
            )),
            RepairAction::Wait { of, replica: Some(replica) } => lines.push(format!(
                "{words}: left alone, they belong to {}, which is unreachable; its replica {} has their keys: rcluster failover {} {} --force (or --takeover)",
                name(of),
                name(replica),
                report.entry().via,
                name(replica)
            )),
            RepairAction::Settle { .. } => {}
        }
    }
    for (id, keys) in &plan.orphaned {
        lines.push(format!(
            "{} holds {keys} orphaned keys in slots that it does not list: they move to their owners",
            name(*id)
        ));
    }
    lines.extend(replica_lines(plan, report));
    let rejoins = |index: &usize| plan.rejoins.contains_key(&plan.meet.members[*index].id);
    let met = plan.meet.unmet_pairs.iter().filter(|(one, other)| !rejoins(one) && !rejoins(other));
    let strangers = met.collect_vec();
    if strangers.len() > PAIRS {
        lines.push(format!(
            "{} pairs of nodes do not list each other: CLUSTER MEET",
            strangers.len()
        ));
    }
    for (one, other) in strangers.iter().copied().filter(|_| strangers.len() <= PAIRS) {
        let ids = [one, other].map(|index| name(plan.meet.members[*index].id));
        lines.push(format!("{} and {} do not list each other: CLUSTER MEET", ids[0], ids[1]));
    }
    for set in &plan.timeouts {
        let node = name(set.node);
        lines.push(format!("{node}: cluster-node-timeout {} becomes {}", set.from, set.to));
    }
    for group in &plan.collisions {
        let names = group.iter().map(|id| name(*id)).join(", ");
        lines.push(format!("{names} have the same config epoch: each gets its own"));
    }
    for (node, lacks) in &plan.libraries {
        let names = lacks.iter().map(|(name, _)| name).join(", ");
        lines.push(format!("{} lacks functions that others have: {names} copied", name(*node)));
    }
    for library in &plan.odd_libraries {
        lines.push(format!("functions {library} differ between masters: left alone"));
    }
    lines
}

/// What is lost where slots are taken from nodes that give no answer.
pub fn loss_text(plan: &FixPlan, report: &ClusterReport) -> String {
    let lines = plan.lost().into_iter().map(|(id, slots)| {
        wrapped(&format!(
            "{} is unreachable and has no reachable replica: every key that it holds in {} is lost",
            report.name(id),
            slots.words()
        ))
    });
    lines.collect_vec().join("\n")
}
