//! Keys that block both of their nodes for long: MIGRATE sends a key as a whole, and no other client
//! is served meanwhile. A node that is blocked for longer than `cluster-node-timeout` counts as failed,
//! its replica takes over, and what was on its way is lost.

use std::cmp::Reverse;
use std::time::Duration;

use itertools::Itertools;

use super::{MigrateError, MigrationOptions};
use crate::model::{ClusterReport, NodeId, NodeReport, Slot, SlotSet};
use crate::ops::conflict;
use crate::ops::event::{Observer, Phase};
use crate::ops::phases::timed;
use crate::plan::transfer::Route;
use crate::wire::{Access, Cluster, Key, KeyMakeup, LISTED, Server, WireError, all_at_once};

/// Bytes of memory from which on a key is worth a word: half a second or less.
const BIG: u64 = 32 << 20;

/// Keys are not looked for in more slots than these at once, nor weighed in larger pipelines.
const SLOTS: usize = 128;
const KEYS: usize = 1000;

/// A machine may be so many times slower than the prediction, and both ends share one.
const MARGIN: u32 = 4;

/// A key that blocks its source and its target while it moves.
#[derive(Clone, Debug)]
pub struct BigKey {
    pub slot: Slot,
    /// Its source.
    pub node: NodeId,
    /// In a printable form, shortened.
    pub name: String,
    /// As MEMORY USAGE estimates them.
    pub bytes: u64,
    /// How long both are likely to be blocked.
    pub blocks: Duration,
    /// Why its slot stays on the source, if it does.
    pub stays: Option<String>,
}

/// How long MIGRATE blocks both ends for a key: DUMP, RESTORE, DEL. Measured on one machine for both
/// ends, on Redis 7.0 and 8.6 and Valkey 9.1 (docs/moving-slots.md).
fn blocks(bytes: u64, KeyMakeup { kind, elements }: &KeyMakeup) -> Duration {
    let (bytes_per_second, per_element) = match kind.as_str() {
        "hash" | "set" | "zset" => (400e6, 1e-6),
        // They are kept, and go, in packed pieces.
        "list" | "stream" => (100e6, 0.0),
        _ => (400e6, 0.0),
    };
    Duration::from_secs_f64(bytes as f64 / bytes_per_second + *elements as f64 * per_element)
}

/// What is too much.
pub(super) struct Limits {
    /// As the user wants it.
    bytes: Option<u64>,
    /// Of the node that gives up first.
    node_timeout: Option<Duration>,
    timeout: Duration,
}

impl Limits {
    pub fn new(report: &ClusterReport, access: &Access, options: &MigrationOptions) -> Limits {
        let node_timeout = report.nodes.iter().filter_map(NodeReport::node_timeout).min();
        Limits {
            bytes: options.big_key,
            node_timeout: node_timeout.map(Duration::from_millis),
            timeout: access.timeout,
        }
    }

    /// Whether a node holds too little for any key to matter.
    pub fn spares(&self, node: Option<&NodeReport>) -> bool {
        node.is_some_and(|node| node.memory < self.least())
    }

    /// From how many bytes on a key is looked at closely.
    fn least(&self) -> u64 {
        self.bytes.map_or(BIG, |bytes| bytes.saturating_add(1).min(BIG))
    }

    /// Why a key stays, if it does.
    fn why_stays(&self, name: &str, bytes: u64, blocks: Duration) -> Option<String> {
        if let Some(most) = self.bytes.filter(|most| bytes > *most) {
            return Some(format!("key {name} takes {bytes} bytes, more than {most}"));
        }
        let about = humantime::format_duration(Duration::from_millis(blocks.as_millis() as u64));
        let too_long = |limit: Duration, share: u32, name_of: &str| {
            (blocks > limit / share).then(|| {
                let limit = humantime::format_duration(limit);
                format!(
                    "key {name} ({bytes} bytes) would block both nodes for about {about}, too long for {name_of} {limit}"
                )
            })
        };
        self.node_timeout
            .and_then(|limit| too_long(limit, MARGIN, "cluster-node-timeout"))
            .or_else(|| too_long(self.timeout, MARGIN / 2, "--timeout"))
    }
}

/// The big keys that the slots of these routes hold, the longest first. A source that may not be asked
/// for the size of keys, and one that holds less in all, has none.
pub fn big_keys(
    cluster: &mut Cluster,
    routes: &[Route],
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
) -> Result<Vec<BigKey>, MigrateError> {
    let Cluster { report, servers } = cluster;
    let report = &*report;
    let limits = Limits::new(report, access, options);
    let slots_from = |node: NodeId| {
        let from = routes.iter().filter(|route| route.from == node);
        from.fold(SlotSet::EMPTY, |all, route| all.union(&route.slots))
    };
    let sources = report.nodes.iter().zip(servers.iter_mut());
    let sources = sources.map(|(node, server)| (slots_from(node.id()), node, server));
    let sources = sources
        .filter(|(slots, node, _)| !slots.is_empty() && !limits.spares(Some(node)))
        .collect_vec();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    timed(Phase::FindBigKeys, observer, |tally| {
        tally.expect(sources.len());
        let found = all_at_once(sources, |(slots, node, server)| {
            let found = in_slots(server, node.id(), &slots, &limits);
            tally.add(1);
            found
        });
        let mut keys: Vec<BigKey> =
            found.into_iter().flatten_ok().collect::<Result<_, WireError>>()?;
        keys.sort_by_key(|key| Reverse((key.blocks, key.bytes)));
        Ok(keys)
    })
}

/// The same of one source.
pub(super) fn in_slots(
    source: &mut Server,
    node: NodeId,
    slots: &SlotSet,
    limits: &Limits,
) -> Result<Vec<BigKey>, WireError> {
    let mut big = Vec::new();
    let all: Vec<Slot> = slots.slots().collect();
    for database in source.databases()? {
        source.select(database)?;
        for some in all.chunks(SLOTS) {
            let (mut slots, mut keys) = (Vec::new(), Vec::new());
            for batch in source.list_keys(&some.iter().copied().collect())? {
                let found = match batch.keys.len() {
                    LISTED.. => source.all_keys(batch.slot)?,
                    _ => batch.keys,
                };
                slots.resize(slots.len() + found.len(), batch.slot);
                keys.extend(found);
            }
            for (slots, keys) in slots.chunks(KEYS).zip(keys.chunks(KEYS)) {
                big.extend(weigh(source, node, slots, keys, limits)?);
            }
        }
    }
    Ok(big)
}

/// Those of these keys, each of its slot, that are big.
fn weigh(
    source: &mut Server,
    node: NodeId,
    slots: &[Slot],
    keys: &[Key],
    limits: &Limits,
) -> Result<Vec<BigKey>, WireError> {
    let sizes = match source.sizes(keys) {
        // Without the right to ask it is not known.
        Err(error) if error.refusal().is_some() && limits.bytes.is_none() => return Ok(Vec::new()),
        answer => answer?,
    };
    let sized = slots.iter().zip(keys).zip(sizes);
    let big = sized.filter(|(_, bytes)| *bytes >= limits.least()).map(|((slot, key), bytes)| {
        let blocks = blocks(bytes, &source.makeup(key)?);
        let name = conflict::name(key);
        let stays = limits.why_stays(&name, bytes, blocks);
        Ok(BigKey { slot: *slot, node, name, bytes, blocks, stays })
    });
    big.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(kind: &str, elements: u64) -> KeyMakeup {
        KeyMakeup { kind: kind.to_owned(), elements }
    }

    /// Kind, elements, bytes, and the least and the most that was measured on an idle machine or a
    /// busy one, in milliseconds.
    #[test]
    fn predictions_are_near_what_was_measured() {
        let measured = [
            ("list", 5_000_000, 74_000_000, 500, 1200),
            ("hash", 2_000_000, 134_000_000, 2100, 5000),
            ("set", 2_000_000, 108_000_000, 2100, 4200),
            ("zset", 1_000_000, 83_000_000, 700, 1900),
            ("string", 0, 316_000_000, 550, 800),
            ("hash", 20_000, 201_000_000, 500, 1000),
        ];
        for (kind, elements, bytes, least, most) in measured {
            let predicted = blocks(bytes, &made_of(kind, elements)).as_millis();
            assert!((least..=most).contains(&predicted), "{kind} of {elements}: {predicted} ms");
        }
    }

    #[test]
    fn a_key_stays_that_blocks_for_a_quarter_of_the_node_timeout_or_half_of_ours() {
        let limits = |bytes, node_timeout: u64, timeout: u64| Limits {
            bytes,
            node_timeout: Some(Duration::from_secs(node_timeout)),
            timeout: Duration::from_secs(timeout),
        };
        let why = |limits: Limits, milliseconds| {
            limits.why_stays("'k'", 100, Duration::from_millis(milliseconds))
        };
        assert_eq!(why(limits(None, 15, 10), 3750), None);
        let node = why(limits(None, 15, 10), 3751).unwrap();
        assert!(node.contains("about 3s 751ms, too long for cluster-node-timeout 15s"), "{node}");
        let ours = why(limits(None, 60, 1), 501).unwrap();
        assert!(ours.contains("too long for --timeout 1s"), "{ours}");
        let wanted = why(limits(Some(99), 15, 10), 1).unwrap();
        assert_eq!(wanted, "key 'k' takes 100 bytes, more than 99");
    }
}
