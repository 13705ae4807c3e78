//! One self-contained SVG file: the slots in four bars by owner, a card for each shard, problems.

use std::io;

use super::draw::{
    Bars, ERROR, GAP, INK, LINE, Line, MARGIN, QUIET, WARNING, WIDTH, Without, Xml, card,
    card_height, color, document, fitted, words,
};
use crate::model::SLOTS;
use crate::render::json::{MapJson, MapNodeJson, MapShardJson};

pub(super) const BARS: Bars =
    Bars { left: 70, top: 60, width: WIDTH - MARGIN - 70, height: 26, step: 34 };

const CARDS: usize = 3;
const CARD_WIDTH: usize = (WIDTH - 2 * MARGIN - (CARDS - 1) * GAP) / CARDS;

/// Problems that are written out; of more, the number.
const PROBLEMS: usize = 12;

pub fn svg(map: &MapJson) -> String {
    let cards_top = BARS.bottom() + GAP;
    let rows: Vec<&[MapShardJson]> = map.shards.chunks(CARDS).collect();
    let nodes = |shard: &MapShardJson| 1 + shard.replicas.len();
    let row_height =
        |row: &[MapShardJson]| row.iter().map(nodes).max().map_or(0, card_height) + GAP;
    let problems_top = cards_top + rows.iter().map(|row| row_height(row)).sum::<usize>();
    let lines = map.problems.len().min(PROBLEMS + 1);
    document(problems_top + lines * LINE + MARGIN, |xml| {
        words(xml, (MARGIN, 34), INK, "18", &heading(map))?;
        bars(xml, map)?;
        let mut top = cards_top;
        for (row, shards) in rows.iter().enumerate() {
            for (column, shard) in shards.iter().enumerate() {
                let left = MARGIN + column * (CARD_WIDTH + GAP);
                shard_card(xml, (left, top), shard, row * CARDS + column)?;
            }
            top += row_height(shards);
        }
        problems(xml, map, problems_top)
    })
}

fn heading(map: &MapJson) -> String {
    let masters = map.shards.iter().filter(|shard| shard.slot_count > 0).count();
    let replicas: usize = map.shards.iter().map(|shard| shard.replicas.len()).sum();
    let covered = usize::from(SLOTS) - map.uncovered.len();
    format!("{masters} masters with slots, {replicas} replicas, {covered} of {SLOTS} slots covered")
}

fn bars(xml: &mut Xml, map: &MapJson) -> io::Result<()> {
    BARS.numbers(xml)?;
    for (index, shard) in map.shards.iter().enumerate() {
        BARS.fill(xml, &shard.slots, &color(index), None)?;
    }
    BARS.fill(xml, &map.uncovered, ERROR, Some("no owner"))?;
    map.moves.iter().try_for_each(|open| BARS.stripe(xml, open.slot.into(), INK, Some("moving")))
}

fn shard_card(
    xml: &mut Xml,
    (left, top): (usize, usize),
    shard: &MapShardJson,
    index: usize,
) -> io::Result<()> {
    let fill = if shard.slot_count > 0 { color(index) } else { "#bdbdbd".to_owned() };
    let share = 100.0 * shard.slot_count as f64 / f64::from(SLOTS);
    let (title, slots) = match shard.slot_count {
        0 => ("no slots".to_owned(), String::new()),
        count => (format!("{count} slots, {share:.1}%"), shard.slots.short(40)),
    };
    let nodes = shard.master.iter().map(|node| line(node, true));
    let nodes = nodes.chain(shard.replicas.iter().map(|node| line(node, false)));
    card(xml, (left, top, CARD_WIDTH), &fill, [&title, &slots], &nodes.collect::<Vec<_>>())
}

fn line(node: &MapNodeJson, is_master: bool) -> Line {
    let ink = match (node.node.reachable, node.errors, node.warnings) {
        (true, 0, 0) => INK,
        (true, 0, _) => WARNING,
        _ => ERROR,
    };
    let zone = node.zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
    let gone = if node.node.reachable { "" } else { ", unreachable" };
    let role = if is_master { "master" } else { "replica" };
    let text = format!("{} ({role}{zone}{gone})", node.node.name());
    Line { text, ink, is_filled: is_master }
}

fn problems(xml: &mut Xml, map: &MapJson, top: usize) -> io::Result<()> {
    let many = map.problems.len();
    for (line, problem) in map.problems.iter().take(PROBLEMS).enumerate() {
        let ink = if problem.is_error() { ERROR } else { WARNING };
        let place = (MARGIN, top + (line + 1) * LINE, WIDTH - 2 * MARGIN);
        fitted(xml, place, ink, 13, (&problem.line(), Without::End))?;
    }
    if many > PROBLEMS {
        let rest = format!("and {} more", many - PROBLEMS);
        words(xml, (MARGIN, top + (PROBLEMS + 1) * LINE), QUIET, "13", &rest)?;
    }
    Ok(())
}
