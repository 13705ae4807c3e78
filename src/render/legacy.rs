//! What redis-cli --cluster prints, where scripts look for it: lines, their order and their words.

use std::fmt::Write;

use itertools::Itertools;

use super::rows::{NodeJson, ShardJson, node_rows};
use crate::model::{ClusterReport, Flag, NodeId, SLOTS, SlotRange, SlotSet};
use crate::plan::check::{Kind, Problem, Severity, covered};
use crate::plan::transfer::{Route, Transfer};

/// A line a master, and what they hold in all: the head of check, and all of info.
pub fn head(cluster: &ClusterReport) -> String {
    let rows = node_rows(cluster);
    let masters = rows.iter().filter(|row| row.role == "master");
    let mut text = String::new();
    let mut keys = 0;
    for master in masters.clone() {
        let held = cluster.node(master.id).map_or(0, |node| node.keys);
        keys += held;
        let replicas = replicas(&rows, master.id);
        let (name, id, slots) =
            (cluster.name(master.id), master.id.to_string(), master.slots.len());
        let _ = writeln!(
            text,
            "{name} ({}...) -> {held} keys | {slots} slots | {replicas} slaves.",
            &id[..8]
        );
    }
    let _ = writeln!(text, "[OK] {keys} keys in {} masters.", masters.count());
    let _ = writeln!(text, "{:.2} keys per slot on average.", keys as f64 / f64::from(SLOTS));
    text
}

fn replicas(rows: &[NodeJson], master: NodeId) -> usize {
    rows.iter().filter(|row| row.master_id == Some(master)).count()
}

/// What check finds, and every node in two or three lines.
pub fn check(cluster: &ClusterReport, problems: &[Problem]) -> String {
    let entry = cluster.name(cluster.entry().id());
    let mut text = format!(">>> Performing Cluster Check (using node {entry})\n");
    let rows = node_rows(cluster);
    let me = cluster.entry().id();
    for row in rows.iter().sorted_by_key(|row| row.id != me) {
        text += &node(cluster, row, &rows);
    }
    let is = |kinds: &[Kind], problem: &&Problem| kinds.contains(&problem.kind);
    const DISAGREE: [Kind; 3] = [Kind::ViewsDiffer, Kind::SlotsConflict, Kind::IdShared];
    text += match problems.iter().any(|problem| is(&DISAGREE, &problem)) {
        true => "[ERR] Nodes don't agree about configuration!\n",
        false => "[OK] All nodes agree about slots configuration.\n",
    };
    text += ">>> Check for open slots...\n";
    let told_below = [Kind::SlotsUncovered];
    for problem in problems.iter().filter(|problem| !is(&told_below, problem)) {
        let label = match (problem.severity, problem.kind) {
            (Severity::Error, kind) if kind != Kind::SlotOpen => "[ERR]",
            _ => "[WARNING]",
        };
        let _ = writeln!(text, "{label} {}", problem.message);
    }
    text += ">>> Check slots coverage...\n";
    text += &match covered(cluster) == SlotSet::all() {
        true => format!("[OK] All {SLOTS} slots covered.\n"),
        false => format!("[ERR] Not all {SLOTS} slots are covered by nodes.\n\n"),
    };
    text
}

fn node(cluster: &ClusterReport, row: &NodeJson, rows: &[NodeJson]) -> String {
    let name = cluster.name(row.id);
    let range = |range: &SlotRange| format!("[{range}]");
    let slots = row.slots.ranges().iter().map(range).join(",");
    let failing = if row.flags.has(Flag::Fail) { ",fail" } else { "" };
    let (letter, role) = if row.role == "master" { ("M", "master") } else { ("S", "slave") };
    let count = row.slots.len();
    let mut text =
        format!("{letter}: {} {name}\n   slots:{slots} ({count} slots) {role}{failing}\n", row.id);
    let spare = replicas(rows, row.id);
    if let Some(master) = row.master_id {
        let _ = writeln!(text, "   replicates {master}");
    } else if spare > 0 {
        let _ = writeln!(text, "   {spare} additional replica(s)");
    }
    text
}

/// The plan of create.
pub fn layout(shards: &[ShardJson]) -> String {
    let nodes = shards.iter().map(|shard| 1 + shard.replicas.len()).sum::<usize>();
    let mut text = format!(">>> Performing hash slots allocation on {nodes} nodes...\n");
    for (index, shard) in shards.iter().enumerate() {
        for range in shard.master.slots.ranges() {
            let (first, last) = (range.first(), range.last());
            let _ = writeln!(text, "Master[{index}] -> Slots {first} - {last}");
        }
    }
    for shard in shards {
        for replica in &shard.replicas {
            let _ = writeln!(text, "Adding replica {} to {}", replica.addr, shard.master.addr);
        }
    }
    for shard in shards {
        let slots = &shard.master.slots;
        let ranges = slots.ranges().iter().map(|range| format!("[{range}]")).join(",");
        let (id, addr, count) = (shard.master.id, &shard.master.addr, slots.len());
        let _ = writeln!(text, "M: {id} {addr}\n   slots:{ranges} ({count} slots) master");
        for replica in &shard.replicas {
            let _ = writeln!(text, "S: {} {}\n   replicates {id}", replica.id, replica.addr);
        }
    }
    text
}

/// The plan of reshard and rebalance.
pub fn routes(plan: &Transfer, report: &ClusterReport) -> String {
    let mut text = format!("\nReady to move {} slots.\n  Resharding plan:\n", plan.slots());
    for Route { from, slots, .. } in plan.all() {
        for slot in slots.slots() {
            let _ = writeln!(text, "    Moving slot {slot} from {from}");
        }
    }
    for Route { from, to, slots } in plan.all() {
        let (from, to) = (report.name(*from), report.name(*to));
        let _ = writeln!(text, "Moving {} slots from {from} to {to}", slots.len());
    }
    text
}

/// The slots that have moved.
pub fn moved(plan: &Transfer, report: &ClusterReport, moved: &SlotSet) -> String {
    let mut text = String::new();
    for Route { from, to, slots } in plan.all() {
        let (from, to) = (report.name(*from), report.name(*to));
        for slot in slots.intersection(moved).slots() {
            let _ = writeln!(text, "Moving slot {slot} from {from} to {to}: ");
        }
    }
    text
}
