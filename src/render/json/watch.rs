//! A cluster at one moment, as `watch` shows it.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use itertools::Itertools;
use serde::Serialize;

use super::health::{ClusterJson, totals};
use super::key_place::NodeNameJson;
use super::problem::ProblemJson;
use super::rows::{NodeJson, node_rows};
use crate::model::{ClusterReport, Flags, Link, NodeAddr, NodeId, NodeReport, SlotSet};
use crate::plan::check::covered;
use crate::plan::live::{History, Move, Reading, Sighting};

/// What `watch` prints at each tick.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchJson {
    /// UTC, like `2026-11-29T03:12:45Z`.
    pub time: String,
    /// Why no node replied; the rest is then as it was seen last. null while one does.
    pub unreachable: Option<String>,
    pub cluster: ClusterJson,
    pub replicas: usize,
    /// Commands a second on all masters, without those of `watch`; null until two ticks are known.
    pub ops: Option<f64>,
    /// Keys of all masters.
    pub keys: u64,
    /// Bytes in use by masters.
    pub used_memory: u64,
    /// By their first slot; those without slots last.
    pub shards: Vec<WatchShardJson>,
    /// Slots without an owner.
    pub uncovered: SlotSet,
    pub moves: Vec<WatchMoveJson>,
    /// Errors first; then those that have gone, the latest first.
    pub problems: Vec<WatchProblemJson>,
}

/// A master and its replicas.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchShardJson {
    /// null if no node lists the replicas' master.
    pub master: Option<WatchNodeJson>,
    pub slots: SlotSet,
    pub slot_count: usize,
    pub replicas: Vec<WatchNodeJson>,
}

/// One node; what is not known of it is null.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchNodeJson {
    #[serde(flatten)]
    pub node: NodeNameJson,
    pub flags: Flags,
    /// Why it is unreachable.
    pub why: Option<String>,
    /// For how many seconds it has not replied.
    pub unreachable_seconds: Option<u64>,
    /// Whether it takes connections and does not reply.
    pub hangs: bool,
    /// Whether it rejects commands because it is loading its data.
    pub loading: bool,
    /// How many seconds ago it reported the rest.
    pub age: Option<f64>,
    pub version: Option<String>,
    pub zone: Option<String>,
    pub uptime_seconds: Option<u64>,
    pub keys: Option<u64>,
    /// Bytes.
    pub used_memory: Option<u64>,
    /// `maxmemory` in bytes.
    pub max_memory: Option<u64>,
    pub clients: Option<u64>,
    /// Commands a second.
    pub ops: Option<f64>,
    /// Bytes a second from clients.
    pub network_in: Option<f64>,
    /// Bytes a second to clients.
    pub network_out: Option<f64>,
    /// Of a replica: `up`, `syncing` or `down`.
    pub link: Option<&'static str>,
    /// How many bytes of the stream it is behind its master.
    pub lag_bytes: Option<u64>,
    /// How many seconds ago it acknowledged the stream, or for how many its link has been down.
    pub lag_seconds: Option<u64>,
}

/// Slots on their way between two masters.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchMoveJson {
    pub from: NodeNameJson,
    pub to: NodeNameJson,
    /// The slots that are on their way now.
    pub slots: SlotSet,
    /// The server's word for how far its own move is.
    pub state: Option<String>,
    /// Keys that are left in these slots; null if they are not counted.
    pub keys_left: Option<u64>,
    /// Slots that have moved since `watch` started.
    pub moved: usize,
    pub slots_per_second: f64,
    pub keys_per_second: f64,
    /// How long these slots will take at this rate; null while it is unknown.
    pub seconds_left: Option<f64>,
}

/// A problem, with the times between which it is there.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchProblemJson {
    #[serde(flatten)]
    pub problem: ProblemJson,
    /// UTC.
    pub since: String,
    /// For how many seconds it is or was there.
    pub seconds: u64,
    /// null while it is there.
    pub until: Option<String>,
}

/// What a tick has found.
#[derive(Debug)]
pub struct Seen<'a> {
    pub cluster: &'a ClusterReport,
    /// A reading for each of `cluster.nodes`.
    pub readings: &'a [Reading],
    /// Nodes that do not reply: for how long, and whether they hang.
    pub silent: BTreeMap<NodeAddr, (Duration, bool)>,
    pub history: &'a History,
    /// When it was, counted from when the watch began.
    pub at: Duration,
    /// The same in milliseconds since 1970.
    pub clock: u64,
}

pub fn watch_json(seen: &Seen<'_>) -> WatchJson {
    let shards = shards(seen);
    let masters = shards.iter().filter_map(|shard| shard.master.as_ref()).collect_vec();
    let ops = masters.iter().filter_map(|master| master.ops).collect_vec();
    let cluster = totals(seen.cluster);
    let replicas = shards.iter().map(|shard| shard.replicas.len()).sum();
    WatchJson {
        time: time(seen.clock),
        unreachable: None,
        replicas,
        cluster,
        ops: (!ops.is_empty()).then(|| ops.iter().sum()),
        keys: masters.iter().filter_map(|master| master.keys).sum(),
        used_memory: masters.iter().filter_map(|master| master.used_memory).sum(),
        shards,
        uncovered: covered(seen.cluster).complement(),
        moves: seen.history.moves().iter().map(|found| move_json(seen.cluster, found)).collect(),
        problems: seen.history.problems().map(|found| problem_json(found, seen.clock)).collect(),
    }
}

impl WatchJson {
    /// What was seen last, where by now no node replies.
    pub fn without_replies(mut self, why: &str, clock: u64) -> WatchJson {
        self.time = time(clock);
        self.unreachable = Some(why.to_owned());
        self.cluster.state = "fail";
        (self.ops, self.moves) = (None, Vec::new());
        for node in self
            .shards
            .iter_mut()
            .flat_map(|shard| shard.master.iter_mut().chain(&mut shard.replicas))
        {
            node.node.reachable = false;
            node.why = Some(why.to_owned());
            (node.age, node.ops, node.network_in, node.network_out) = (None, None, None, None);
        }
        self
    }
}

/// `2026-11-29T03:12:45Z`
fn time(clock: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(clock)).to_string()
}

fn shards(seen: &Seen<'_>) -> Vec<WatchShardJson> {
    let rows = node_rows(seen.cluster);
    let known: BTreeMap<NodeId, (&NodeReport, &Reading)> = seen
        .cluster
        .nodes
        .iter()
        .zip(seen.readings)
        .map(|(report, reading)| (report.id(), (report, reading)))
        .collect();
    let mut shards: Vec<WatchShardJson> = Vec::new();
    let mut index: BTreeMap<NodeId, usize> = BTreeMap::new();
    for row in &rows {
        let at = *index.entry(row.master_id.unwrap_or(row.id)).or_insert(shards.len());
        if at == shards.len() {
            let slots = SlotSet::EMPTY;
            shards.push(WatchShardJson {
                master: None,
                slots,
                slot_count: 0,
                replicas: Vec::new(),
            });
        }
        let shard = &mut shards[at];
        let node = node_json(seen, row, &known);
        match row.master_id {
            Some(_) => shard.replicas.push(node),
            None => {
                shard.master = Some(node);
                shard.slot_count = row.slots.len();
                shard.slots = row.slots.clone();
            }
        }
    }
    shards
}

fn node_json(
    seen: &Seen<'_>,
    row: &NodeJson,
    known: &BTreeMap<NodeId, (&NodeReport, &Reading)>,
) -> WatchNodeJson {
    let node = NodeNameJson::of(seen.cluster, row.id);
    let own = known.get(&row.id);
    let (report, reading) = (own.map(|own| own.0), own.map(|own| own.1));
    let unreachable = seen.cluster.unreachable.iter().find(|node| node.id == row.id);
    let silence = unreachable.and_then(|node| seen.silent.get(node.addr.as_ref()?));
    let rates = report.and_then(|_| seen.history.rates(row.id));
    let lag = Lag::of(report, reading, row.master_id.and_then(|id| known.get(&id)).map(|m| m.1));
    WatchNodeJson {
        flags: row.flags,
        why: unreachable.map(|node| node.why.clone()),
        unreachable_seconds: silence.map(|(since, _)| since.as_secs()),
        hangs: silence.is_some_and(|(_, hangs)| *hangs),
        loading: unreachable.is_some_and(|node| node.loading.is_some()),
        age: reading.map(|reading| tenths(seen.at.saturating_sub(reading.at).as_secs_f64())),
        version: report.map(|report| report.version.clone()),
        zone: report.and_then(|report| report.zone.clone()),
        uptime_seconds: report.map(|report| report.uptime.as_secs()),
        keys: report.map(|report| report.keys),
        used_memory: report.map(|report| report.memory),
        max_memory: reading.and_then(|reading| reading.activity.max_memory),
        clients: reading.map(|reading| reading.activity.clients),
        ops: rates.map(|rates| tenths(rates.ops)),
        network_in: rates.map(|rates| tenths(rates.bytes_in)),
        network_out: rates.map(|rates| tenths(rates.bytes_out)),
        link: report.and_then(|report| report.link).map(|link| match link {
            Link::Up => "up",
            Link::Syncing => "syncing",
            Link::Down => "down",
        }),
        lag_bytes: lag.bytes,
        lag_seconds: lag.seconds,
        node,
    }
}

/// How far a replica is behind.
#[derive(Default)]
struct Lag {
    bytes: Option<u64>,
    seconds: Option<u64>,
}

impl Lag {
    fn of(report: Option<&NodeReport>, own: Option<&Reading>, master: Option<&Reading>) -> Lag {
        let (Some(report), Some(own)) = (report, own) else { return Lag::default() };
        if report.view.me().role.master().is_none() {
            return Lag::default();
        }
        let master = master.map(|master| &master.activity);
        // What a replica announces need not be where it is known; one alone is this one.
        let listed = master.and_then(|master| match &master.replicas[..] {
            [one] => Some(one),
            several => several.iter().find(|replica| {
                replica.port == report.via.port() && *replica.host == *report.reached.host()
            }),
        });
        let is_up = report.link == Some(Link::Up);
        Lag {
            bytes: master
                .filter(|_| is_up)
                .map(|master| master.offset.saturating_sub(own.activity.offset)),
            seconds: match is_up {
                true => listed.and_then(|replica| replica.lag).or(own.activity.heard),
                false => report.link_down_for,
            },
        }
    }
}

fn move_json(cluster: &ClusterReport, found: &Move) -> WatchMoveJson {
    WatchMoveJson {
        from: NodeNameJson::of(cluster, found.from),
        to: NodeNameJson::of(cluster, found.to),
        slots: found.slots.clone(),
        state: found.state.clone(),
        keys_left: found.keys_left,
        moved: found.moved,
        slots_per_second: tenths(found.slot_rate),
        keys_per_second: tenths(found.key_rate),
        seconds_left: found.left.map(|left| tenths(left.as_secs_f64())),
    }
}

fn problem_json(found: &Sighting, clock: u64) -> WatchProblemJson {
    WatchProblemJson {
        problem: ProblemJson::from(&found.problem),
        since: time(found.since),
        seconds: found.until.unwrap_or(clock).saturating_sub(found.since) / 1000,
        until: found.until.map(time),
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
