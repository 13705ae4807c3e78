//! What a person should know about a layout, one sentence a level.

use itertools::Itertools;
use serde::Serialize;

use super::PlannedShard;
use super::domains::{Domains, tally};
use super::score::Score;

/// Whether a level got all that one could wish, in a plain sentence.
///
/// Not met means that these seats do not allow it: the layout is still the best one for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// 1 to 4.
    pub level: u8,
    pub met: bool,
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
    let numbered = levels.into_iter().zip(1..);
    numbered.map(|((met, text), level)| Verdict { level, met, text }).collect()
}

fn apart(domains: &Domains, shards: &[PlannedShard], score: &Score) -> (bool, String) {
    let word = domains.word();
    if shards.iter().all(|shard| shard.replicas.is_empty()) {
        return (true, "no shard has a replica: there is nothing to keep apart".to_owned());
    }
    let zone = |seat: usize| domains.places[seat].zone;
    let host = |seat: usize| domains.places[seat].host;
    let copies = |shard: &PlannedShard| {
        std::iter::once(shard.master).chain(shard.replicas.iter().copied()).collect_vec()
    };
    let lost = shards.iter().positions(|shard| copies(shard).iter().map(|&s| zone(s)).all_equal());
    let lost = lost.collect_vec();
    if let Some(&first) = lost.first() {
        let seats = copies(&shards[first]);
        let on_one_host = seats.iter().map(|&seat| host(seat)).all_equal();
        let (word, name, there) = if on_one_host {
            let at = host(seats[0]);
            let there = domains.places.iter().filter(|place| place.host == at).count();
            ("host", &domains.hosts[at].0, there)
        } else {
            let at = zone(seats[0]);
            let there = domains.places.iter().filter(|place| place.zone == at).count();
            (word, &domains.zones[at], there)
        };
        let all = if seats.len() == 2 { "both copies" } else { "all copies" };
        let more = match lost.len() - 1 {
            0 => String::new(),
            more => format!(" ({} like it)", counted(more, "more shard")),
        };
        let number = first + 1;
        let of = counted(domains.places.len(), "node");
        let text = format!(
            "shard {number} has {all} {} {word} {name}: {there} of the {of} are there{more}",
            if word == "zone" { "in" } else { "on" }
        );
        return (false, text);
    }
    let survives = format!("every shard survives the loss of any one {word}");
    if score.apart == super::Apart::default() {
        return (true, survives);
    }
    let shared = shards.iter().filter(|shard| !copies(shard).into_iter().map(zone).all_unique());
    let count = shared.count();
    let has = if count == 1 { "has" } else { "have" };
    let shards = counted(count, "shard");
    let there = counted(domains.zones.len(), word);
    (false, format!("{survives}, but {shards} {has} several copies in one: there are only {there}"))
}

fn masters(domains: &Domains, shards: &[PlannedShard], score: &Score) -> (bool, String) {
    let word = domains.word();
    let zones = tally(domains.zones.len(), shards.iter().map(|s| domains.places[s.master].zone));
    let most = zones.iter().position_max().unwrap_or(0);
    let (held, total) = (zones[most], counted(shards.len(), "master"));
    if score.masters.half_in_a_zone {
        let name = &domains.zones[most];
        let text = format!(
            "{word} {name} holds {held} of the {total}: without it the rest are no majority and \
             cannot fail over"
        );
        (false, text)
    } else {
        let text = format!(
            "a majority of the masters survives the loss of any one {word}: none holds more than \
             {held} of the {total}"
        );
        (true, text)
    }
}

fn takeover(domains: &Domains, shards: &[PlannedShard], score: &Score) -> (bool, String) {
    let hosts = tally(domains.hosts.len(), shards.iter().map(|s| domains.places[s.master].host));
    let fullest = hosts.into_iter().max().unwrap_or(0);
    match score.takeover.most {
        0 => (true, "no host takes over masters of another".to_owned()),
        most if most < fullest || most == 1 => {
            let masters = counted(most, "master");
            (true, format!("when a host dies, no other host takes over more than {masters} of it"))
        }
        most => {
            let masters = counted(most, "master");
            (false, format!("when a host dies, one other host may take over {masters} of it"))
        }
    }
}

fn order(domains: &Domains, shards: &[PlannedShard]) -> (bool, String) {
    let count = shards.len();
    let late = shards.iter().filter(|shard| shard.master >= count).count();
    let first = if count == 1 {
        "the first address is".to_owned()
    } else {
        format!("the first {count} addresses are")
    };
    if late == 0 {
        let masters = if count == 1 { "the master" } else { "the masters" };
        (true, format!("{first} {masters}"))
    } else {
        let why = format!("pins, weights or the spread over {}s need it", domains.word());
        let masters = counted(late, "master");
        let comes = if late == 1 { "comes" } else { "come" };
        (
            false,
            format!(
                "{masters} {comes} later than the first {} in the given order: {why}",
                counted(count, "address").replace("addresss", "addresses")
            ),
        )
    }
}
