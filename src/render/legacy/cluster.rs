//! A cluster as it is: what info, check and create print.

use std::fmt::Write;

use itertools::Itertools;

use crate::model::{ClusterReport, Flag, NodeId, SLOTS, Slot, SlotRange, SlotSet};
use crate::plan::check::{Kind, Problem, Severity};
use crate::plan::legacy::SlotMap;
use crate::render::json::{NodeJson, ShardJson, node_rows};
use crate::render::ui::Dialect;

/// A line a master, and what they hold in all: the head of check, and all of info.
pub fn head(cluster: &ClusterReport, dialect: Dialect) -> String {
    let rows = rows(cluster);
    let masters = rows.iter().filter(|row| row.role == "master");
    let mut text = String::new();
    let mut keys = 0;
    for master in masters.clone() {
        let held = cluster.node(master.id).map_or(0, |node| node.keys);
        keys += held;
        let replicas = replicas(&rows, master.id);
        let (name, id, slots) =
            (cluster.name(master.id), master.id.to_string(), master.slots.len());
        let words = dialect.replicas();
        let _ = writeln!(
            text,
            "{name} ({}...) -> {held} keys | {slots} slots | {replicas} {words}.",
            &id[..8]
        );
    }
    let _ = writeln!(text, "[OK] {keys} keys in {} {}.", masters.count(), dialect.masters());
    let _ = writeln!(text, "{:.2} keys per slot on average.", keys as f64 / f64::from(SLOTS));
    text
}

/// The nodes that answer: redis-cli lists no others.
fn rows(cluster: &ClusterReport) -> Vec<NodeJson> {
    node_rows(cluster).into_iter().filter(|row| cluster.node(row.id).is_some()).collect()
}

fn replicas(rows: &[NodeJson], master: NodeId) -> usize {
    rows.iter().filter(|row| row.master_id == Some(master)).count()
}

/// What check finds; with `lists`, every node in two or three lines.
///
/// Its own verdict is on the slots alone: errors that are about anything else are told as warnings,
/// and our warnings, which scripts would take for its own, are not told.
pub fn check(cluster: &ClusterReport, problems: &[Problem], lists: bool) -> String {
    let map = SlotMap::of(cluster);
    let entry = cluster.name(cluster.entry().id());
    let mut text = format!(">>> Performing Cluster Check (using node {entry})\n");
    if lists {
        text += &nodes(cluster);
    }
    text += match map.agreed {
        true => "[OK] All nodes agree about slots configuration.\n",
        false => "[ERR] Nodes don't agree about configuration!\n",
    };
    text += ">>> Check for open slots...\n";
    text += &open(cluster, &map);
    let told = [Kind::SlotsUncovered, Kind::SlotOpen, Kind::ReplicaSlotOpen];
    let is_new =
        |problem: &&Problem| problem.severity == Severity::Error && !told.contains(&problem.kind);
    for problem in problems.iter().filter(is_new) {
        let is_dispute = matches!(problem.kind, Kind::ViewsDiffer | Kind::SlotsConflict);
        let label = if is_dispute && !map.agreed { "[ERR]" } else { "[WARNING]" };
        let _ = writeln!(text, "{label} {}", problem.message);
    }
    text += ">>> Check slots coverage...\n";
    text += &match map.covered {
        true => format!("[OK] All {SLOTS} slots covered.\n"),
        false => format!("[ERR] Not all {SLOTS} slots are covered by nodes.\n\n"),
    };
    text
}

fn nodes(cluster: &ClusterReport) -> String {
    let rows = rows(cluster);
    let me = cluster.entry().id();
    let sorted = rows.iter().sorted_by_key(|row| row.id != me);
    sorted.map(|row| node(cluster, row, &rows) + "\n").collect()
}

fn open(cluster: &ClusterReport, map: &SlotMap) -> String {
    let listed = |slots: &SlotSet| slots.slots().join(",");
    let mut text = String::new();
    for (id, migrating, importing) in &map.open {
        for (slots, state) in [(migrating, "migrating"), (importing, "importing")] {
            if !slots.is_empty() {
                let (name, slots) = (cluster.name(*id), listed(slots));
                let _ = writeln!(text, "[WARNING] Node {name} has slots in {state} state {slots}.");
            }
        }
    }
    let all = map.all_open();
    if !all.is_empty() {
        let _ = writeln!(text, "[WARNING] The following slots are open: {}.", listed(&all));
    }
    text
}

/// A node in two or three lines, without an end of the last.
pub(super) fn node(cluster: &ClusterReport, row: &NodeJson, rows: &[NodeJson]) -> String {
    let name = cluster.name(row.id);
    let range = |range: &SlotRange| format!("[{range}]");
    let slots = row.slots.ranges().iter().map(range).join(",");
    let failing = if row.flags.has(Flag::Fail) { ",fail" } else { "" };
    let (letter, role) = if row.role == "master" { ("M", "master") } else { ("S", "slave") };
    let count = row.slots.len();
    let mut text =
        format!("{letter}: {} {name}\n   slots:{slots} ({count} slots) {role}{failing}", row.id);
    let spare = replicas(rows, row.id);
    if let Some(master) = row.master_id {
        let _ = write!(text, "\n   replicates {master}");
    } else if spare > 0 {
        let _ = write!(text, "\n   {spare} additional replica(s)");
    }
    text
}

/// Slots that more than one master owns or holds keys of, and those masters.
pub fn owners(cluster: &ClusterReport, owners: &[(Slot, Vec<NodeId>)]) -> String {
    let mut text = ">>> Check for multiple slot owners...\n".to_owned();
    for (slot, nodes) in owners {
        let _ = writeln!(text, "[WARNING] Slot {slot} has {} owners:", nodes.len());
        nodes.iter().for_each(|id| text += &format!("    {}\n", cluster.name(*id)));
    }
    if owners.is_empty() {
        text += "[OK] No multiple owners found.\n";
    }
    text
}

/// The plan of create.
pub fn layout(shards: &[ShardJson], dialect: Dialect) -> String {
    let nodes = shards.iter().map(|shard| 1 + shard.replicas.len()).sum::<usize>();
    let counted = dialect.either("nodes", "node(s)");
    let mut text = format!(">>> Performing hash slots allocation on {nodes} {counted}...\n");
    let master = dialect.either("Master", "Primary");
    for (index, shard) in shards.iter().enumerate() {
        for range in shard.master.slots.ranges() {
            let (first, last) = (range.first(), range.last());
            let _ = writeln!(text, "{master}[{index}] -> Slots {first} - {last}");
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
