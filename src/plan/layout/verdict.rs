//! What a user should know about a layout, one sentence a level.

use super::PlannedShard;
use super::domains::{Domains, tally};
use super::score::{Apart, Score};
use itertools::Itertools;

/// Whether a level of a layout is as good as can be, in a plain sentence.
///
/// Not met means that these nodes do not allow it: the layout is still the best one for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// 1 to 4.
    pub level: u8,
    /// Whether the level leaves nothing to wish for.
    pub met: bool,
    /// The sentence, in lower case and without a full stop.
    pub text: String,
}

/// `1 zone`, `2 zones`.
fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

pub(super) fn verdicts(domains: &Domains, shards: &[PlannedShard], score: &Score) -> Vec<Verdict> {
    let levels = [
        apart(domains, shards, score),
        masters(domains, shards, score),
        takeover(domains, shards, score),
        order(domains, shards),
    ];
    levels.into_iter().zip(1..).map(|((met, text), level)| Verdict { level, met, text }).collect()
}

/// Whether the level is met, and the sentence.
type Finding = (bool, String);

fn apart(domains: &Domains, shards: &[PlannedShard], score: &Score) -> Finding {
    if shards.iter().all(|shard| shard.replicas.is_empty()) {
        return (true, "no shard has a replica: there is nothing to keep apart".to_owned());
    }
    let zone = |seat: &usize| domains.places[*seat].zone;
    let copies = shards.iter().map(|shard| {
        std::iter::once(shard.master).chain(shard.replicas.iter().copied()).collect_vec()
    });
    let copies = copies.collect_vec();
    let lost = copies.iter().positions(|seats| seats.iter().map(zone).all_equal()).collect_vec();
    if let Some((&first, others)) = lost.split_first() {
        return (false, all_in_one(domains, first, &copies[first], others.len()));
    }
    let word = domains.word();
    let survives = format!("every shard survives the loss of any one {word}");
    if score.apart == Apart::default() {
        return (true, survives);
    }
    let crowded = copies.iter().filter(|seats| !seats.iter().map(zone).all_unique()).count();
    let crowded =
        if crowded == 1 { "1 shard has".to_owned() } else { format!("{crowded} shards have") };
    let sizes = tally(domains.zones.len(), domains.places.iter().map(|place| place.zone));
    let most = copies.iter().map(Vec::len).max().unwrap_or(0);
    let why = if most > sizes.len() {
        format!("there are only {}", counted(sizes.len(), word))
    } else {
        let fullest = sizes.iter().position_max().unwrap_or(0);
        let (name, there, nodes) = (&domains.zones[fullest], sizes[fullest], domains.places.len());
        format!("{word} {name} has {there} of the {nodes} nodes")
    };
    (false, format!("{survives}, but {crowded} several nodes in one: {why}"))
}

/// `shard 2 has both copies on host x: 4 of the 6 nodes are there`
fn all_in_one(domains: &Domains, shard: usize, seats: &[usize], others: usize) -> String {
    let all = if seats.len() == 2 { "both nodes" } else { "all nodes" };
    let home = domains.places[seats[0]];
    let on_host = seats.iter().all(|&seat| domains.places[seat].host == home.host);
    let (at, there) = if on_host || !domains.zoned {
        let there = domains.places.iter().filter(|place| place.host == home.host).count();
        (format!("on host {}", domains.hosts[home.host].0), there)
    } else {
        let there = domains.places.iter().filter(|place| place.zone == home.zone).count();
        (format!("in zone {}", domains.zones[home.zone]), there)
    };
    let nodes = domains.places.len();
    let more = match others {
        0 => String::new(),
        others => format!(", and {} do too", counted(others, "more shard")),
    };
    format!("shard {} has {all} {at}: {there} of the {nodes} nodes are there{more}", shard + 1)
}

fn masters(domains: &Domains, shards: &[PlannedShard], score: &Score) -> Finding {
    let word = domains.word();
    let zones = tally(domains.zones.len(), shards.iter().map(|s| domains.places[s.master].zone));
    let most = zones.iter().position_max().unwrap_or(0);
    let (name, held, all) = (&domains.zones[most], zones[most], shards.len());
    let text = match (score.masters.half_in_a_zone, all) {
        (_, 1) => format!("with one master, no majority survives the loss of {word} {name}"),
        (true, _) => {
            format!("{word} {name} holds {held} of the {all} masters: losing it prevents failover")
        }
        (false, _) => format!(
            "a majority of the masters survives the loss of any one {word}: none holds more than \
             {held} of the {all}"
        ),
    };
    (!score.masters.half_in_a_zone, text)
}

fn takeover(domains: &Domains, shards: &[PlannedShard], score: &Score) -> Finding {
    let hosts = tally(domains.hosts.len(), shards.iter().map(|s| domains.places[s.master].host));
    let fullest = hosts.into_iter().max().unwrap_or(0);
    let most = score.takeover.most;
    if most == 0 {
        return (true, "no host has replicas of another host's masters".to_owned());
    }
    let met = most == 1 || most < fullest;
    let text = if met {
        format!("if a host fails, no other host takes over more than {most} of its masters")
    } else {
        format!("if a host fails, one other host may take over {most} of its masters")
    };
    (met, text)
}

fn order(domains: &Domains, shards: &[PlannedShard]) -> Finding {
    let count = shards.len();
    let late = shards.iter().filter(|shard| shard.master >= count).count();
    let text = match (late, count) {
        (0, 1) => "the first address is the master".to_owned(),
        (0, _) => format!("the first {count} addresses are the masters"),
        _ => format!(
            "the masters are not the first {count} addresses ({late} of them come later): pins, \
             weights or the spread over {}s ask for it",
            domains.word()
        ),
    };
    (late == 0, text)
}
