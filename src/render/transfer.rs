//! Which slots go where, as a table and as JSON.

use serde::Serialize;

use super::table::Table;
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::ops::migrate::{KeptSlot, MigrationMethod};
use crate::plan::transfer::{Route, Transfer};

/// The widest list of slots in a row.
const WIDE: usize = 28;

#[derive(Debug, Serialize)]
pub struct EndJson {
    pub node: String,
    pub id: NodeId,
}

/// One route.
#[derive(Debug, Serialize)]
pub struct RouteJson {
    pub from: EndJson,
    pub to: EndJson,
    pub slots: SlotSet,
    pub count: usize,
    /// The commands that move them.
    pub way: &'static str,
    /// Whether an earlier run has begun it.
    pub resumed: bool,
}

#[derive(Debug, Serialize)]
pub struct KeptJson {
    pub slot: u16,
    pub node: String,
    pub why: String,
}

/// Every route of a plan; `way` says how each of those that are not only finished goes.
pub fn routes_json(
    plan: &Transfer,
    report: &ClusterReport,
    way: impl Fn(&Route) -> MigrationMethod,
) -> Vec<RouteJson> {
    let end = |id: NodeId| EndJson { node: report.name(id), id };
    let json = |route: &Route, way: MigrationMethod, resumed: bool| RouteJson {
        from: end(route.from),
        to: end(route.to),
        slots: route.slots.clone(),
        count: route.slots.len(),
        way: way.summary(),
        resumed,
    };
    let finished = plan.finish.iter().map(|route| json(route, MigrationMethod::Classic, true));
    finished.chain(plan.routes.iter().map(|route| json(route, way(route), false))).collect()
}

pub fn kept_json(kept: &[KeptSlot]) -> Vec<KeptJson> {
    let json = |kept: &KeptSlot| KeptJson {
        slot: kept.slot.get(),
        node: kept.node.to_string(),
        why: kept.why.clone(),
    };
    kept.iter().map(json).collect()
}

/// The plan for a person: a row a route, what becomes of emptied masters, and how slots move.
pub fn routes_text(
    plan: &Transfer,
    report: &ClusterReport,
    routes: &[RouteJson],
    keep_empty: bool,
) -> String {
    let mut text = String::new();
    if !routes.is_empty() {
        let mut table = Table::new(&["From", "To", "Slots", ">Count"]);
        for route in routes {
            let mark = if route.resumed { " (resumed)" } else { "" };
            table.row([
                route.from.node.clone(),
                route.to.node.clone(),
                format!("{}{mark}", route.slots.short(WIDE)),
                route.count.to_string(),
            ]);
        }
        text += &table.to_string();
        let mut ways: Vec<&str> = routes.iter().map(|route| route.way).collect();
        ways.sort_unstable();
        ways.dedup();
        text += &format!("\n{} slots move by {}", plan.slots(), ways.join(", and by "));
    }
    for (node, slots) in &plan.stale {
        let node = report.name(*node);
        text += &format!("\n{node} still has {} importing, which arrived: cleared", slots.words());
    }
    for id in &plan.emptied {
        let node = report.name(*id);
        text += &match keep_empty {
            true => format!("\n{node} ends without slots and stays a master"),
            false => format!(
                "\n{node} ends without slots and may become a replica (--keep-empty: stays a master)"
            ),
        };
    }
    text.trim_start().to_owned()
}
