//! What is wrong with slots and what becomes of them, as a table.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::fix_replicas::replica_lines;
use super::json::becomes;
use super::table::{Table, wrapped};
use crate::model::{ClusterReport, NodeId, OpenState, SlotSet};
use crate::plan::fix::{FixPlan, NodeSlotState, RepairAction};

/// The widest list of slots in a row, where there is room, and where there is not.
const WIDE: [usize; 2] = [28, 11];

/// Most rows for a person; `--json` has all.
const ROWS: usize = 60;

/// Most pairs of strangers that a person is told of one by one.
const PAIRS: usize = 10;

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
        let words = slots.summary();
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
            slots.summary()
        ))
    });
    lines.collect_vec().join("\n")
}
