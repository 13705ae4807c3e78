//! Which slots go where, as a table.

use super::json::RouteJson;
use super::table::Table;
use crate::model::ClusterReport;
use crate::plan::transfer::Transfer;

/// The widest list of slots in a row.
const WIDE: usize = 28;

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
        text +=
            &format!("\n{node} still has {} importing, which arrived: cleared", slots.summary());
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
