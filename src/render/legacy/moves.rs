//! Slots that move: what reshard and rebalance print.

use std::fmt::Write;

use itertools::Itertools;

use super::cluster::node;
use crate::model::{ClusterReport, NodeId, SlotRange, SlotSet};
use crate::plan::transfer::{Route, Transfer};
use crate::render::json::node_rows;
use crate::render::ui::Dialect;

/// What reshard says before its plan: so many slots are asked for, from these masters to this one.
pub fn ends(cluster: &ClusterReport, count: usize, from: &[NodeId], to: NodeId) -> String {
    let rows = node_rows(cluster);
    let shown = |ids: &[NodeId]| {
        let rows_of = rows.iter().filter(|row| ids.contains(&row.id));
        let lines = rows_of.map(|row| node(cluster, row, &rows).replace('\n', "\n    "));
        lines.map(|lines| format!("    {lines}\n")).collect::<String>()
    };
    format!(
        "\nReady to move {count} slots.\n  Source nodes:\n{}  Destination node:\n{}",
        shown(from),
        shown(&[to])
    )
}

/// The plan of reshard.
pub fn routes(plan: &Transfer, dialect: Dialect) -> String {
    let mut text = "  Resharding plan:\n".to_owned();
    for Route { from, slots, .. } in plan.all() {
        match dialect {
            Dialect::Redis => slots.slots().for_each(|slot| {
                let _ = writeln!(text, "    Moving slot {slot} from {from}");
            }),
            Dialect::Valkey => slots.ranges().iter().for_each(|range| {
                let _ = writeln!(text, "    Moving slot range {} from {from}", ends_of(*range));
            }),
        }
    }
    text
}

fn ends_of(range: SlotRange) -> String {
    format!("{}-{}", range.first(), range.last())
}

/// What rebalance is about to do.
pub fn rebalancing(plan: &Transfer, nodes: usize, weight: f64, threshold: f64) -> String {
    match plan.is_done() {
        true => format!(
            "*** No rebalancing needed! All nodes are within the {threshold:.2}% threshold.\n"
        ),
        false => format!(">>> Rebalancing across {nodes} nodes. Total weight = {weight:.2}\n"),
    }
}

/// The plan of rebalance: a line a route, and where nothing is done beyond that a mark a slot.
pub fn balance(plan: &Transfer, report: &ClusterReport, simulated: bool) -> String {
    let mut text = String::new();
    for Route { from, to, slots } in plan.all() {
        let (from, to, count) = (report.name(*from), report.name(*to), slots.len());
        let _ = writeln!(text, "Moving {count} slots from {from} to {to}");
        if simulated {
            let _ = writeln!(text, "{}", marks(count));
        }
    }
    text
}

/// A mark a slot.
pub fn marks(count: usize) -> String {
    "#".repeat(count)
}

/// The slots that have moved.
pub fn moved(plan: &Transfer, report: &ClusterReport, moved: &SlotSet, dialect: Dialect) -> String {
    let end = dialect.either(": ", "");
    let lines = plan.all().flat_map(|Route { from, to, slots }| {
        let (from, to) = (report.name(*from), report.name(*to));
        let slots = slots.intersection(moved).slots().collect_vec().into_iter();
        slots.map(move |slot| format!("Moving slot {slot} from {from} to {to}{end}\n"))
    });
    lines.collect()
}
