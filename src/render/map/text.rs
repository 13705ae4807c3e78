//! The slots as a strip of signs, one for each owner, and the shards below.

use itertools::Itertools;

use crate::model::{SLOTS, Slot};
use crate::render::json::{MapJson, MapNodeJson};
use crate::render::table::{Table, wrapped};

/// Slots that one sign stands for, and signs in a line.
const EACH: u16 = 64;
const LINE: usize = 64;

/// What owners are called in the strip; where there are more, signs come again.
const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub fn text(map: &MapJson) -> String {
    let strip: Vec<char> = (0..SLOTS / EACH).map(|cell| sign_of(map, cell * EACH)).collect();
    let lines = strip.chunks(LINE).zip((0..SLOTS).step_by(usize::from(EACH) * LINE));
    let mut text =
        lines.map(|(line, first)| format!("{first:>5} {}\n", line.iter().join(""))).join("");
    text += &format!("\n{}", shards(map, true).or_if_too_wide(|| shards(map, false)));
    let mut facts = Vec::new();
    if !map.uncovered.is_empty() {
        facts.push(format!(". = {} without an owner", map.uncovered.summary()));
    }
    for open in &map.moves {
        let (from, to) = (open.ends.from.name(), open.ends.to.name());
        facts.push(format!("slot {} is on its way from {from} to {to}", open.slot));
    }
    for fact in facts {
        text += &format!("{}\n", wrapped(&fact));
    }
    text
}

/// What an owner is called, by its place among the shards.
pub fn sign(shard: usize) -> char {
    char::from(SIGNS[shard % SIGNS.len()])
}

/// The owner of most of the slots from `first`; a slot without an owner shows however few there are.
fn sign_of(map: &MapJson, first: u16) -> char {
    let slots = || (first..first + EACH).filter_map(Slot::new);
    if slots().any(|slot| map.uncovered.contains(slot)) {
        return '.';
    }
    let count =
        |shard: &usize| slots().filter(|slot| map.shards[*shard].slots.contains(*slot)).count();
    let most = (0..map.shards.len()).rev().max_by_key(count);
    most.map_or('.', sign)
}

fn shards(map: &MapJson, with_ranges: bool) -> Table {
    let mut headers = vec!["Shard", ">Slots"];
    headers.extend(with_ranges.then_some("Ranges"));
    headers.extend(["Master", "Replicas"]);
    let mut table = Table::new(&headers);
    for (index, shard) in map.shards.iter().enumerate() {
        let has_slots = shard.slot_count > 0;
        let mut cells = vec![
            if has_slots { sign(index).to_string() } else { "-".to_owned() },
            shard.slot_count.to_string(),
        ];
        let ranges = if has_slots { shard.slots.short(24) } else { "-".to_owned() };
        cells.extend(with_ranges.then_some(ranges));
        cells.push(shard.master.as_ref().map_or_else(|| "unknown".to_owned(), node));
        let replicas = shard.replicas.iter().map(node).join(", ");
        cells.push(if replicas.is_empty() { "-".to_owned() } else { replicas });
        table.row(cells);
    }
    table
}

/// `10.0.0.1:6379 [zone-a] ✗`
fn node(node: &MapNodeJson) -> String {
    let zone = node.zone.as_ref().map(|zone| format!(" [{zone}]")).unwrap_or_default();
    let mark = match (node.node.reachable, node.errors, node.warnings) {
        (false, ..) => " (unreachable)",
        (true, 1.., _) => " ✗",
        (true, 0, 1..) => " !",
        (true, 0, 0) => "",
    };
    format!("{}{zone}{mark}", node.node.name())
}
