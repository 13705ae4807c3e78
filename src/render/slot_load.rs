//! The heaviest slots.

use std::time::Duration;

use indicatif::HumanBytes;
use itertools::Itertools;

use super::json::{MasterLoadJson, NodeNameJson, SlotLoadJson, SlotLoadsJson};
use super::table::{Table, wrapped};
use crate::model::{ClusterReport, NodeId, SLOTS};
use crate::ops::slot_load::{NodeLoads, Source, Wanted};
use crate::plan::slot_load::{Measure, SlotLoad, heaviest, total};

pub fn slot_loads_json(
    cluster: &ClusterReport,
    nodes: &[NodeLoads],
    wanted: Wanted,
    unreachable: &[NodeId],
) -> SlotLoadsJson {
    let all: Vec<SlotLoad> = nodes.iter().flat_map(|node| &node.loads).copied().collect();
    let sum = total(&all);
    let share = |amount: u64| amount as f64 / sum.amount.max(1) as f64;
    let is_network = wanted.by == Measure::Network;
    let slot = |load: &SlotLoad| SlotLoadJson {
        slot: load.slot,
        master: NodeNameJson::of(cluster, load.owner),
        keys: load.stats.keys,
        amount: load.load.amount,
        error: load.load.error,
        share: share(load.load.amount),
        network_in: load.stats.network_in.filter(|_| is_network),
        network_out: load.stats.network_out.filter(|_| is_network),
    };
    let master = |node: &NodeLoads| {
        let sum = total(&node.loads);
        MasterLoadJson {
            master: NodeNameJson::of(cluster, node.id),
            source: match node.source {
                Source::Stats => "slot-stats",
                Source::Counts => "counts",
                Source::Samples(_) => "samples",
            },
            sampled_keys: match node.source {
                Source::Samples(keys) => Some(keys),
                Source::Stats | Source::Counts => None,
            },
            amount: sum.amount,
            error: sum.error,
            share: share(sum.amount),
        }
    };
    let (by, unit) = words(wanted);
    SlotLoadsJson {
        by,
        unit,
        total: sum.amount,
        error: sum.error,
        slots_in_use: all.iter().filter(|load| load.load.amount > 0).count(),
        slots: heaviest(&all, wanted.top).into_iter().map(slot).collect(),
        masters: nodes.iter().map(master).collect(),
        unreachable: unreachable.iter().map(|id| NodeNameJson::of(cluster, *id)).collect(),
    }
}

pub fn words(wanted: Wanted) -> (&'static str, &'static str) {
    let is_rate = wanted.between.is_some();
    match wanted.by {
        Measure::Keys => ("keys", "keys"),
        Measure::Memory => ("memory", "bytes"),
        Measure::Cpu => ("cpu", if is_rate { "microseconds/s" } else { "microseconds" }),
        Measure::Network => ("network", if is_rate { "bytes/s" } else { "bytes" }),
    }
}

/// What is measured, in a sentence.
pub fn noun(wanted: Wanted) -> &'static str {
    match wanted.by {
        Measure::Keys => "keys",
        Measure::Memory => "memory",
        Measure::Cpu => "CPU time",
        Measure::Network => "network traffic",
    }
}

/// A row each, then a line about all slots, and one about how it was measured.
pub fn slot_loads_text(loads: &SlotLoadsJson, wanted: Wanted) -> String {
    let table = table(loads, wanted);
    let amount = |amount: u64| shown(amount, wanted);
    let error = match loads.error {
        0 => String::new(),
        error => format!(" ± {}", amount(error)),
    };
    let what = match wanted.by {
        Measure::Keys if loads.total == 1 => "1 key".to_owned(),
        Measure::Keys => format!("{} keys", loads.total),
        Measure::Memory => format!("{}{error} of memory", amount(loads.total)),
        Measure::Cpu => format!("{} of CPU time", amount(loads.total)),
        Measure::Network => format!("{} received and sent", amount(loads.total)),
    };
    let mean = match loads.slots_in_use {
        0 => String::new(),
        slots => format!(", {} on average", amount(loads.total / slots as u64)),
    };
    let sum = format!("{what} in {} of {SLOTS} slots{mean}", loads.slots_in_use);
    format!("{table}\n{}\n{}\n", wrapped(&sum), wrapped(&sources(loads, wanted)))
}

fn table(loads: &SlotLoadsJson, wanted: Wanted) -> Table {
    let is_estimate = loads.slots.iter().any(|slot| slot.error > 0);
    let mut headers = vec![">Slot", "Master", ">Keys"];
    match wanted.by {
        Measure::Keys => {}
        Measure::Memory => {
            headers.push(">Memory");
            headers.extend(is_estimate.then_some(">±"));
        }
        Measure::Cpu => headers.push(">CPU"),
        Measure::Network => headers.extend([">In", ">Out"]),
    }
    headers.push(">Share");
    let mut table = Table::new(&headers);
    for slot in &loads.slots {
        let mut cells = vec![slot.slot.to_string(), slot.master.name(), slot.keys.to_string()];
        let amount = |amount: u64| shown(amount, wanted);
        match wanted.by {
            Measure::Keys => {}
            Measure::Memory => {
                cells.push(amount(slot.amount));
                cells.extend(is_estimate.then(|| match slot.error {
                    0 => "-".to_owned(),
                    error => amount(error),
                }));
            }
            Measure::Cpu => cells.push(amount(slot.amount)),
            Measure::Network => {
                let ways = [slot.network_in, slot.network_out];
                cells.extend(ways.map(|bytes| amount(bytes.unwrap_or_default())));
            }
        }
        cells.push(format!("{:.1}%", slot.share * 100.0));
        table.row(cells);
    }
    table
}

pub fn shown(amount: u64, wanted: Wanted) -> String {
    let bytes = || HumanBytes(amount).to_string();
    let time = || Duration::from_micros(amount);
    match (wanted.by, wanted.between) {
        (Measure::Keys, _) => amount.to_string(),
        (Measure::Network, Some(_)) => format!("{}/s", bytes()),
        (Measure::Memory | Measure::Network, _) => bytes(),
        // Of one core.
        (Measure::Cpu, Some(_)) => format!("{:.1}%", time().as_secs_f64() * 100.0),
        (Measure::Cpu, None) => format!("{:.3} s", time().as_secs_f64()),
    }
}

fn sources(loads: &SlotLoadsJson, wanted: Wanted) -> String {
    let keys: usize = loads.masters.iter().filter_map(|master| master.sampled_keys).sum();
    let has_error = loads.error > 0 || loads.slots.iter().any(|slot| slot.error > 0);
    let within = if has_error { ", within ± in 95 of 100 cases" } else { "" };
    let source = |source: &&str| match *source {
        "slot-stats" if wanted.between.is_some() => {
            "per second, from two readings of CLUSTER SLOT-STATS".to_owned()
        }
        "slot-stats" if matches!(wanted.by, Measure::Cpu | Measure::Network) => {
            "since counting began (CLUSTER SLOT-STATS); --sample 10s shows the present".to_owned()
        }
        "slot-stats" => "counted by the servers (CLUSTER SLOT-STATS)".to_owned(),
        "counts" => "counted (CLUSTER COUNTKEYSINSLOT)".to_owned(),
        _ => format!("estimated from {keys} keys (MEMORY USAGE){within}"),
    };
    loads.masters.iter().map(|master| master.source).unique().map(|name| source(&name)).join("; ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::model::{ClusterView, Slot};
    use crate::plan::slot_load::{Estimate, SlotStats};

    fn cluster() -> ClusterReport {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let text = format!(
            "{a} 10.0.0.1:1@2 myself,master - 0 1 1 connected 0-9999\n\
             {b} 10.0.0.2:1@2 master - 0 1 2 connected 10000-16383\n"
        );
        ClusterReport::of_view(&ClusterView::parse(text, &"10.0.0.1:1".parse().unwrap()).unwrap())
    }

    fn text(by: Measure, between: Option<Duration>, source: Source) -> String {
        let cluster = cluster();
        let owner = cluster.entry().id();
        let load = |slot: u16, amount, error| {
            let stats = SlotStats {
                keys: slot.into(),
                network_in: Some(amount / 4),
                network_out: Some(amount - amount / 4),
                ..SlotStats::default()
            };
            let load = Estimate { amount, error };
            SlotLoad { slot: Slot::new(slot).unwrap(), owner, stats, load }
        };
        let error = if source == Source::Stats { 0 } else { 3000 };
        let loads = vec![load(7, 90_000, error), load(9, 0, 0), load(11, 10_000, 0)];
        let nodes = [NodeLoads { id: owner, source, loads }];
        let wanted = Wanted { by, top: 2, between };
        slot_loads_text(&slot_loads_json(&cluster, &nodes, wanted, &[]), wanted)
    }

    #[test]
    fn each_measure_has_its_columns() {
        let second = Some(Duration::from_secs(1));
        let all = [
            text(Measure::Keys, None, Source::Stats),
            text(Measure::Memory, None, Source::Samples(42)),
            text(Measure::Cpu, None, Source::Stats),
            text(Measure::Cpu, second, Source::Stats),
            text(Measure::Network, second, Source::Stats),
        ];
        expect![[r#"
            Slot  Master      Keys  Share
               7  10.0.0.1:1     7  90.0%
              11  10.0.0.1:1    11  10.0%

            100000 keys in 2 of 16384 slots, 50000 on average
            counted by the servers (CLUSTER SLOT-STATS)

            Slot  Master      Keys     Memory         ±  Share
               7  10.0.0.1:1     7  87.89 KiB  2.93 KiB  90.0%
              11  10.0.0.1:1    11   9.77 KiB         -  10.0%

            97.66 KiB ± 2.93 KiB of memory in 2 of 16384 slots, 48.83 KiB on average
            estimated from 42 keys (MEMORY USAGE), within ± in 95 of 100 cases

            Slot  Master      Keys      CPU  Share
               7  10.0.0.1:1     7  0.090 s  90.0%
              11  10.0.0.1:1    11  0.010 s  10.0%

            0.100 s of CPU time in 2 of 16384 slots, 0.050 s on average
            since counting began (CLUSTER SLOT-STATS); --sample 10s shows the present

            Slot  Master      Keys   CPU  Share
               7  10.0.0.1:1     7  9.0%  90.0%
              11  10.0.0.1:1    11  1.0%  10.0%

            10.0% of CPU time in 2 of 16384 slots, 5.0% on average
            per second, from two readings of CLUSTER SLOT-STATS

            Slot  Master      Keys           In          Out  Share
               7  10.0.0.1:1     7  21.97 KiB/s  65.92 KiB/s  90.0%
              11  10.0.0.1:1    11   2.44 KiB/s   7.32 KiB/s  10.0%

            97.66 KiB/s received and sent in 2 of 16384 slots, 48.83 KiB/s on average
            per second, from two readings of CLUSTER SLOT-STATS
        "#]]
        .assert_eq(&all.join("\n"));
    }
}
