//! Which slots go where, as a table.

use std::time::Duration;

use indicatif::HumanBytes;

use super::json::{BigKeyJson, RouteJson};
use super::table::Table;
use crate::model::ClusterReport;
use crate::plan::transfer::Transfer;

/// The widest list of slots in a row.
const WIDE: usize = 28;

/// Big keys that a plan lists, the others are counted.
const LISTED: usize = 10;

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

/// The keys that block their nodes while they move; nothing if there are none.
pub fn big_keys_text(keys: &[BigKeyJson]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["Big key", ">Slot", ">Size", "Blocks both nodes"]);
    for key in keys.iter().take(LISTED) {
        let name: String = match key.key.char_indices().nth(36) {
            Some((end, _)) => format!("{}…", &key.key[..end]),
            None => key.key.clone(),
        };
        // To a tenth of a second.
        let blocks = Duration::from_millis((key.blocks_ms as u64).div_ceil(100) * 100);
        let stays = if key.stays.is_some() { ", stays" } else { "" };
        table.row([
            name,
            key.slot.to_string(),
            HumanBytes(key.bytes).to_string().replace("iB", "B"),
            format!("about {}{stays}", humantime::format_duration(blocks)),
        ]);
    }
    let mut text = table.to_string();
    if keys.len() > LISTED {
        text += &format!("and {} more big keys\n", keys.len() - LISTED);
    }
    if keys.iter().any(|key| key.stays.is_some()) {
        text += "the slots of keys that stay are not moved\n";
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_keys_fit_eighty_columns_and_the_many_are_counted() {
        let key = |number: u16| BigKeyJson {
            slot: number,
            node: "10.0.0.1:6379".to_owned(),
            key: format!("'user:{number}:{}'", "x".repeat(40)),
            bytes: 129 << 20,
            blocks_ms: 2310,
            stays: (number == 16_000).then(String::new),
        };
        let keys: Vec<BigKeyJson> = (16_000..16_012).map(key).collect();

        let text = big_keys_text(&keys);

        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let expected =
            "'user:16000:xxxxxxxxxxxxxxxxxxxxxxxx…  16000  129.00 MB  about 2s 400ms, stays";
        assert_eq!(text.lines().nth(1), Some(expected), "{text}");
        assert_eq!(text.lines().count(), 13, "{text}");
        assert!(text.contains("and 2 more big keys"), "{text}");
        assert_eq!(big_keys_text(&[]), "");
    }
}
