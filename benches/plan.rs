//! How long planning takes and how much memory it needs: `cargo bench --bench plan`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rcluster::model::{SLOTS, Slot, SlotSet};
use rcluster::plan::balance::{Gaps, balance};
use rcluster::plan::layout::{Layout, NodeLocation, Wishes, plan};
use rcluster::plan::moves::{Goal, moves};
use rcluster::plan::roles::swaps;
use rcluster::plan::spread::CurrentShard;

const RUNS: usize = 9;

fn main() {
    println!("{:<58} {:>10} {:>10}", "plan", "median", "goal");
    for replicas in [1, 2] {
        for (nodes, hosts, zones) in [(10, 5, 3), (100, 20, 5), (1000, 100, 10)] {
            let goal = if nodes == 1000 { "50 ms" } else { "" };
            let what = format!("{nodes} nodes, {hosts} hosts, {zones} zones, replicas {replicas}");
            row(&what, goal, || layout(&seats(nodes, hosts, zones), replicas));
        }
    }
    for (nodes, hosts, zones) in [(1000, 97, 7), (1000, 10, 2), (1000, 10, 0), (1000, 1000, 0)] {
        let what = format!("{nodes} nodes, {hosts} hosts, {zones} zones, replicas 1");
        row(&what, "", || layout(&seats(nodes, hosts, zones), 1));
    }
    row("700 of 1000 nodes in one of 3 zones, replicas 2", "", || layout(&lopsided(), 2));
    for masters in [5, 50, 500] {
        let goal = if masters == 500 { "20 ms" } else { "" };
        let current = fragmented(masters);
        let weights: Vec<f64> = (0..masters).map(|i| (i % 7) as f64).collect();
        let goal_weights = Goal::Weights(weights);
        for defrag in [false, true] {
            let how = if defrag { ", defrag" } else { "" };
            let what = format!("moves: {masters} masters, 16384 fragmented slots{how}");
            row(&what, if defrag { "" } else { goal }, || moves(&current, &goal_weights, defrag));
            if let Ok(plan) = moves(&current, &goal_weights, defrag) {
                let (moved, least, pairs) = (plan.moved, plan.least, plan.moves.len());
                let (before, after) = (plan.ranges_before, plan.ranges_after);
                println!(
                    "    {moved} slots move ({least} must), {before} ranges become {after}, {pairs} pairs"
                );
            }
        }
    }
    for masters in [5, 50, 500] {
        let goal = if masters == 500 { "200 ms" } else { "" };
        let (current, weights) = (fragmented(masters), vec![1.0; masters]);
        for (how, loads) in [("skewed", skewed()), ("coarse", coarse())] {
            let what = format!("balance: {masters} masters, 16384 fragmented slots, {how}");
            let plan = || balance(&current, &loads, &weights, 2.0, Gaps::Stay);
            row(&what, goal, plan);
            if let Ok(plan) = plan() {
                let level = |loads: &[u64]| {
                    let most = loads.iter().max().map_or(0.0, |most| *most as f64);
                    100.0 * most / plan.shares[0]
                };
                let (before, after) = (level(&plan.before), level(&plan.after));
                println!("    the most loaded bears {before:.0}% of its share, then {after:.0}%");
            }
        }
    }
    let seats = seats(1000, 100, 10);
    let shards = failed_over(&layout(&seats, 1));
    row("swaps: 500 shards, every second failed over", "", || swaps(&seats, &shards));
    println!("peak memory {} (goal 50 MB)", peak_memory().unwrap_or_else(|| "unknown".to_owned()));
}

/// Prints the median time of some runs.
fn row<T>(what: &str, goal: &str, run: impl Fn() -> T) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let median = times[RUNS / 2].as_secs_f64() * 1e3;
    println!("{what:<58} {median:>7.2} ms {goal:>10}");
}

/// Nodes in turn over hosts, hosts in turn over zones; no zones are named where there are 0.
fn seats(nodes: usize, hosts: usize, zones: usize) -> Vec<NodeLocation> {
    let seat = |node: usize| {
        let host = node % hosts;
        NodeLocation {
            host: format!("10.0.0.{host}"),
            zone: (zones > 0).then(|| format!("z{}", host % zones)),
        }
    };
    (0..nodes).map(seat).collect()
}

fn lopsided() -> Vec<NodeLocation> {
    let zone = |node: usize| if node < 700 { 0 } else { 1 + node % 2 };
    let seat = |node| NodeLocation {
        host: format!("h{}", node % 50),
        zone: Some(format!("z{}", zone(node))),
    };
    (0..1000).map(seat).collect()
}

fn layout(seats: &[NodeLocation], replicas: usize) -> Option<Layout> {
    plan(seats, &Wishes { replicas, ..Wishes::default() }).ok()
}

/// Every slot with another owner than its neighbours.
fn fragmented(masters: usize) -> Vec<SlotSet> {
    let owner = |slot: usize| (slot * 7919 + slot / masters) % masters;
    let owned = |master| {
        (0..SLOTS)
            .filter(move |&slot| owner(slot as usize) == master)
            .filter_map(Slot::new)
            .collect()
    };
    (0..masters).map(owned).collect()
}

/// Every slot bears something, a few bear a hundred times as much, the first 3,000 three times.
fn skewed() -> BTreeMap<Slot, u64> {
    loads(|slot| match slot % 977 {
        0 => 40_000 + slot,
        _ => (slot * 7919) % 1000 + if slot < 3000 { 2000 } else { 0 },
    })
}

/// One slot in 20 bears something: too few for an even spread over many masters.
fn coarse() -> BTreeMap<Slot, u64> {
    loads(|slot| if slot % 20 == 0 { 1000 + (slot * 7919) % 3000 } else { 0 })
}

fn loads(of: impl Fn(u64) -> u64) -> BTreeMap<Slot, u64> {
    (0..SLOTS).filter_map(Slot::new).map(|slot| (slot, of(slot.get().into()))).collect()
}

fn failed_over(layout: &Option<Layout>) -> Vec<CurrentShard> {
    let shards = layout.iter().flat_map(|layout| &layout.shards);
    let swapped = |(at, shard): (usize, &rcluster::plan::layout::PlannedShard)| match shard.replicas
        [..]
    {
        [replica] if at % 2 == 0 => CurrentShard { master: replica, replicas: vec![shard.master] },
        _ => CurrentShard { master: shard.master, replicas: shard.replicas.clone() },
    };
    shards.enumerate().map(swapped).collect()
}

/// The largest resident size so far, where the system tells.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{:.1} MB", kilobytes / 1024.0))
}
