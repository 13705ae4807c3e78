//! The load of masters before and after a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use itertools::Itertools;

use super::json::{BalanceJson, HeavySlotJson, MasterBalanceJson, NodeNameJson};
use super::slot_load::{noun, shown, words};
use super::table::{Table, wrapped};
use crate::model::{ClusterReport, Slot, excerpt};
use crate::ops::slot_load::{NodeLoads, Wanted};
use crate::plan::slot_load::total;
use crate::plan::transfer::LoadBalance;

/// The bytes of a key that are shown.
const KEY: usize = 40;

/// What was measured, and what a plan makes of it; `keys` has some keys of the heavy slots, and
/// `threshold` is in percent.
pub fn balance_json(
    cluster: &ClusterReport,
    balance: &LoadBalance,
    nodes: &[NodeLoads],
    wanted: Wanted,
    threshold: f64,
    keys: &BTreeMap<Slot, Vec<Vec<u8>>>,
) -> BalanceJson {
    let all = balance.masters.iter().map(|master| master.load[0]).sum::<u64>();
    let margin = |id| {
        let node = nodes.iter().find(|node| node.id == id);
        node.map_or(0, |node| total(&node.loads).error)
    };
    let masters = balance.masters.iter().map(|master| MasterBalanceJson {
        master: NodeNameJson::of(cluster, master.id),
        weight: master.weight,
        share: master.share.round() as u64,
        before: master.load[0],
        margin: margin(master.id),
        after: master.load[1],
        slots_before: master.slots[0],
        slots_after: master.slots[1],
    });
    let count = |slot: Slot| {
        let loads = nodes.iter().flat_map(|node| &node.loads);
        loads.filter(|load| load.slot == slot).map(|load| load.stats.keys).max().unwrap_or(0)
    };
    let heavy = balance.heavy.iter().map(|&(slot, amount, owner)| HeavySlotJson {
        slot,
        master: NodeNameJson::of(cluster, owner),
        amount,
        share: amount as f64 / all.max(1) as f64,
        key_count: count(slot),
        keys: keys.get(&slot).into_iter().flatten().map(|key| excerpt(key, KEY)).collect(),
    });
    let (by, unit) = words(wanted);
    BalanceJson {
        by,
        unit,
        sample_ms: wanted.between.map(|between| between.as_millis()),
        threshold,
        total: all,
        moved: balance.moved,
        within_threshold: balance.is_within,
        least: balance.is_exact,
        masters: masters.collect(),
        heavy_slots: heavy.collect(),
    }
}

/// A row a master, then the slots that cannot be divided, and what the plan comes to.
pub fn balance_text(balance: &BalanceJson, wanted: Wanted) -> String {
    let percent = |part: u64| format!("{:.1}%", 100.0 * part as f64 / balance.total.max(1) as f64);
    let title = match noun(wanted) {
        "keys" => ">Keys",
        "memory" => ">Memory",
        "CPU time" => ">CPU",
        _ => ">Network",
    };
    let mut table =
        Table::new(&["Master", title, ">Share", ">After", ">Share", ">Slots", ">After"]);
    let most_first = balance.masters.iter().sorted_by_key(|row| std::cmp::Reverse(row.before));
    for row in most_first {
        table.row([
            row.master.name(),
            shown(row.before, wanted),
            percent(row.before),
            shown(row.after, wanted),
            percent(row.after),
            row.slots_before.to_string(),
            row.slots_after.to_string(),
        ]);
    }
    let heavy = balance.heavy_slots.iter().map(|heavy| heavy_line(heavy, wanted));
    let lines = heavy.chain([sum(balance, wanted)]).map(|line| wrapped(&line));
    format!("{table}\n{}", lines.collect_vec().join("\n"))
}

/// `slot 4711 alone is 34.0% of all CPU time and stays whole on 10.0.0.1:7001; its key: cart:{9}`
fn heavy_line(heavy: &HeavySlotJson, wanted: Wanted) -> String {
    let rest = heavy.key_count.saturating_sub(heavy.keys.len() as u64);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let keys = heavy.keys.iter().map(|key| format!("'{key}'")).join(", ");
    let keys = match heavy.keys.len() {
        0 => String::new(),
        _ if heavy.key_count == 1 => format!("; its key: {keys}"),
        _ => format!("; its keys: {keys}{more}"),
    };
    let (share, what) = (heavy.share * 100.0, noun(wanted));
    format!(
        "slot {} alone is {share:.1}% of all {what}, more than a master's share: it cannot be divided, \
         and belongs on {}{keys}",
        heavy.slot,
        heavy.master.name()
    )
}

fn sum(balance: &BalanceJson, wanted: Wanted) -> String {
    let what = noun(wanted);
    if balance.total == 0 {
        let within = wanted.between.map(|between| {
            let between = Duration::from_millis(between.as_millis() as u64);
            format!(" within {}", humantime::format_duration(between))
        });
        return format!("no {what} measured{}", within.unwrap_or_default());
    }
    let level = |of: fn(&MasterBalanceJson) -> u64| {
        let levels = balance.masters.iter().filter(|master| master.share > 0);
        levels.map(|master| of(master) as f64 / master.share as f64).fold(0.0, f64::max) * 100.0
    };
    let (before, after) = (level(|master| master.before), level(|master| master.after));
    let moved = 100.0 * balance.moved as f64 / balance.total as f64;
    let threshold = balance.threshold;
    match (balance.moved, balance.within_threshold) {
        (0, true) if !balance.heavy_slots.is_empty() => {
            format!("no other master is more than {threshold}% above its share of the rest")
        }
        (0, true) => format!("no master is more than {threshold}% above its share"),
        (0, false) => format!(
            "the most loaded master bears {before:.0}% of its share: no move of whole slots \
             brings that down by more than {threshold}%"
        ),
        _ => format!(
            "the plan moves {moved:.1}% of all {what}; the most loaded master bears {before:.0}% of its \
             share now, {after:.0}% afterwards"
        ),
    }
}
