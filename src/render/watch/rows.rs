//! The table: a row a node, replicas under their master, filtered and sorted.

use std::cmp::Reverse;

use itertools::Itertools;

use super::numbers::{bytes, count, seconds};
use crate::model::{Flag, NodeId};
use crate::plan::check::Severity;
use crate::render::json::{WatchJson, WatchNodeJson, WatchShardJson};

/// What the shards are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Shard,
    Ops,
    Memory,
    Keys,
    Clients,
    Lag,
    Name,
}

impl Sort {
    pub(super) fn next(self) -> Sort {
        match self {
            Sort::Shard => Sort::Ops,
            Sort::Ops => Sort::Memory,
            Sort::Memory => Sort::Keys,
            Sort::Keys => Sort::Clients,
            Sort::Clients => Sort::Lag,
            Sort::Lag => Sort::Name,
            Sort::Name => Sort::Shard,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Sort::Shard => "shard",
            Sort::Ops => "ops/s",
            Sort::Memory => "memory",
            Sort::Keys => "keys",
            Sort::Clients => "clients",
            Sort::Lag => "lag",
            Sort::Name => "name",
        }
    }
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    Fine,
    Warn,
    Bad,
}

/// The columns, in their order from left to right.
pub(super) const TITLES: [&str; 12] = [
    "Node", "State", "Slots", "Keys", "Ops/s", "In/s", "Out/s", "Memory", "Clients", "Lag",
    "Version", "Zone",
];

/// The columns that are left out last come first.
pub(super) const PRIORITY: [usize; 12] = [0, 1, 2, 4, 7, 9, 3, 8, 5, 6, 11, 10];

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: Option<NodeId>,
    /// The number of its shard.
    pub(super) shard: usize,
    pub(super) is_master: bool,
    pub(super) has_slots: bool,
    pub(super) mood: Mood,
    pub(super) cells: [String; TITLES.len()],
}

/// The rows of all shards that the filter lets through.
///
/// `numbers` has that of each shard.
pub(super) fn rows(tick: &WatchJson, numbers: &[usize], filter: &str, by: Sort) -> Vec<Row> {
    let filter = filter.to_lowercase();
    let shards = numbers.iter().zip(&tick.shards).map(|(number, shard)| {
        let master = row(tick, *number, shard, shard.master.as_ref(), true);
        let replicas =
            shard.replicas.iter().map(|replica| row(tick, *number, shard, Some(replica), false));
        (shard, [master].into_iter().chain(replicas).collect_vec())
    });
    let is_shown = |rows: &[Row]| {
        rows.iter().any(|row| {
            let id = row.id.map(|id| id.to_string()).unwrap_or_default();
            [&id].into_iter().chain(&row.cells).any(|text| text.to_lowercase().contains(&filter))
        })
    };
    let mut shards = shards.filter(|(_, rows)| is_shown(rows)).collect_vec();
    sort(&mut shards, by);
    shards.into_iter().flat_map(|(_, rows)| rows).collect()
}

fn sort(shards: &mut [(&WatchShardJson, Vec<Row>)], by: Sort) {
    let of = |shard: &WatchShardJson, value: fn(&WatchNodeJson) -> Option<u64>| {
        Reverse(shard.master.as_ref().and_then(value).unwrap_or(0))
    };
    match by {
        Sort::Shard => {
            shards.sort_by_key(|(shard, rows)| (shard.slot_count == 0, rows[0].shard));
        }
        Sort::Ops => {
            shards.sort_by_key(|(shard, _)| {
                of(shard, |node| node.ops.map(|ops| (ops * 10.0) as u64))
            });
        }
        Sort::Memory => shards.sort_by_key(|(shard, _)| of(shard, |node| node.used_memory)),
        Sort::Keys => shards.sort_by_key(|(shard, _)| of(shard, |node| node.keys)),
        Sort::Clients => shards.sort_by_key(|(shard, _)| of(shard, |node| node.clients)),
        Sort::Lag => shards.sort_by_key(|(shard, _)| {
            let lag = |node: &WatchNodeJson| (node.lag_seconds, node.lag_bytes);
            Reverse(shard.replicas.iter().map(lag).max())
        }),
        Sort::Name => shards.sort_by_key(|(_, rows)| rows[0].cells[0].clone()),
    }
}

fn row(
    tick: &WatchJson,
    number_of_shard: usize,
    shard: &WatchShardJson,
    node: Option<&WatchNodeJson>,
    is_master: bool,
) -> Row {
    let unknown = || "-".to_owned();
    let number = |value: Option<u64>, show: fn(f64) -> String| {
        value.map_or_else(unknown, |value| show(value as f64))
    };
    let rate = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(unknown, show);
    let of = |value: fn(&WatchNodeJson) -> Option<u64>| node.and_then(value);
    let (mood, state) = match node {
        Some(node) => condition(tick, node),
        None => (Mood::Bad, "unknown".to_owned()),
    };
    let memory = match (of(|node| node.used_memory), of(|node| node.max_memory)) {
        (Some(used), Some(most)) => format!("{}/{}", bytes(used as f64), bytes(most as f64)),
        (used, _) => number(used, bytes),
    };
    let lag = match (of(|node| node.lag_bytes), of(|node| node.lag_seconds)) {
        (Some(behind), Some(since)) => format!("{} {}", bytes(behind as f64), seconds(since)),
        (Some(behind), None) => bytes(behind as f64),
        (None, Some(since)) => seconds(since),
        (None, None) if is_master => String::new(),
        (None, None) => unknown(),
    };
    let text = |value: fn(&WatchNodeJson) -> &Option<String>| {
        node.and_then(|node| value(node).clone()).unwrap_or_default()
    };
    Row {
        id: node.map(|node| node.node.id),
        shard: number_of_shard,
        is_master,
        has_slots: shard.slot_count > 0,
        mood,
        cells: [
            node.map_or_else(|| "master unknown".to_owned(), |node| node.node.name()),
            state,
            if is_master { shard.slot_count.to_string() } else { String::new() },
            number(of(|node| node.keys), count),
            rate(node.and_then(|node| node.ops), count),
            rate(node.and_then(|node| node.network_in), bytes),
            rate(node.and_then(|node| node.network_out), bytes),
            memory,
            number(of(|node| node.clients), count),
            lag,
            text(|node| &node.version),
            text(|node| &node.zone),
        ],
    }
}

/// How a node is, in a word or two.
fn condition(tick: &WatchJson, node: &WatchNodeJson) -> (Mood, String) {
    let since = node.unreachable_seconds.map(|since| format!(" {}", seconds(since)));
    let since = since.unwrap_or_default();
    if !node.node.reachable {
        return match (node.hangs, node.loading) {
            (true, _) => (Mood::Bad, format!("no reply{since}")),
            (false, true) => (Mood::Warn, format!("loading{since}")),
            (false, false) => (Mood::Bad, format!("unreachable{since}")),
        };
    }
    let flagged = [Flag::Fail, Flag::PFail, Flag::NoAddr].map(|flag| flag.name());
    if let Some(flag) = node.flags.iter().find(|flag| flagged.contains(&flag.name())) {
        return (Mood::Bad, flag.name().to_owned());
    }
    match node.link {
        Some("down") => return (Mood::Bad, "link down".to_owned()),
        Some("syncing") => return (Mood::Warn, "syncing".to_owned()),
        _ => {}
    }
    let name = node.node.name();
    // What all nodes have marks none.
    let all = tick.shards.iter().map(|shard| shard.replicas.len() + 1).sum::<usize>().max(2);
    let present = tick.problems.iter().filter(|problem| problem.until.is_none());
    let present = present.filter(|problem| problem.problem.nodes.len() < all);
    let named = present.filter(|problem| problem.problem.nodes.contains(&name));
    match named.map(|problem| problem.problem.severity).min() {
        Some(Severity::Error) => (Mood::Bad, "error".to_owned()),
        Some(Severity::Warning) => (Mood::Warn, "warning".to_owned()),
        None => (Mood::Fine, node.flags.iter().next().map_or("ok", Flag::name).to_owned()),
    }
}
