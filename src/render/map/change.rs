//! A change as one SVG file: the cluster before and after, side by side, with slots and nodes on
//! their way between.

use std::io;

use itertools::Itertools;

use super::draw::{
    Bars, GAP, INK, LINE, Line, MARGIN, QUIET, WIDTH, Without, Xml, card, card_height, color,
    document, fitted, line_at, titled, words,
};
use super::sides::{Member, Shard, Side};
use crate::model::{NodeId, SLOTS, SlotSet};

const CARD: usize = 330;
const RIGHT: usize = WIDTH - MARGIN - CARD;
const BARS: Bars = Bars { left: 70, top: 90, width: 400, height: 20, step: 26 };

/// What does not bear slots.
const GREY: &str = "#bdbdbd";

/// The least width of what moves, and of a place at a card's side where its number fits.
const THIN: f64 = 1.5;
const NUMBER: f64 = 13.0;

/// Of more shards only those that change have cards.
const ALL: usize = 12;

/// A card with its place.
struct Placed<'a> {
    /// The same for a shard now and afterwards; for nodes outside.
    row: usize,
    top: usize,
    shard: Option<&'a Shard>,
    nodes: &'a [Member],
    color: String,
}

impl Placed<'_> {
    fn height(&self) -> usize {
        card_height(self.nodes.len())
    }

    fn slots(&self) -> SlotSet {
        self.shard.map(|shard| shard.slots.clone()).unwrap_or_default()
    }
}

/// Slots from one card to another, by index.
struct Flow {
    from: usize,
    to: usize,
    slots: SlotSet,
}

pub fn change(title: &str, before: &Side, after: &Side) -> String {
    let same = same(before, after);
    let new = |at: usize| same[..at].iter().filter(|same| same.is_none()).count();
    let rows = (0..after.shards.len()).map(|at| same[at].unwrap_or(before.shards.len() + new(at)));
    let rows = rows.collect_vec();
    let is_shown = |row: usize| {
        let is_changed = || {
            let at = rows.iter().position(|other| *other == row);
            at.zip(before.shards.get(row)).is_none_or(|(at, old)| *old != after.shards[at])
        };
        before.shards.len().max(after.shards.len()) <= ALL || is_changed()
    };
    let top = BARS.bottom() + GAP;
    let left_rows = (0..before.shards.len()).collect_vec();
    let left = placed(before, top, &left_rows, is_shown);
    let right = placed(after, top, &rows, is_shown);
    let hidden = left_rows.iter().filter(|row| !is_shown(**row)).count();
    let bottom = |cards: &[Placed]| cards.last().map_or(top, |card| card.top + card.height());
    let bottom = bottom(&left).max(bottom(&right)) + MARGIN;
    document(bottom + if hidden > 0 { LINE } else { 0 }, |xml| {
        fitted(xml, (MARGIN, 34, WIDTH - 2 * MARGIN), INK, 18, (title, Without::End))?;
        let far = Bars { left: RIGHT - 70, ..BARS };
        for (bars, word, side, rows) in
            [(BARS, "now", before, &left_rows), (far, "after", after, &rows)]
        {
            words(xml, (bars.left, bars.top - 12), QUIET, "14", word)?;
            bars.numbers(xml)?;
            bars.fill(xml, &SlotSet::all(), "#eeeeee", None)?;
            for (shard, row) in side.shards.iter().zip(rows) {
                bars.fill(xml, &shard.slots, &color(*row), None)?;
            }
        }
        node_lines(xml, &left, &right)?;
        flow_ribbons(xml, &flows(&left, &right), &left, &right)?;
        left.iter().try_for_each(|card| draw(xml, MARGIN, card, None))?;
        right.iter().try_for_each(|card| {
            let before = left.iter().find(|other| other.row == card.row);
            let before = before.map_or(0, |before| before.slots().len());
            draw(xml, RIGHT, card, card.shard.map(|_| before))
        })?;
        let rest = format!("{hidden} shards that do not change are not shown");
        if hidden > 0 { words(xml, (MARGIN, bottom), QUIET, "13", &rest) } else { Ok(()) }
    })
}

/// For each shard afterwards the one now that it goes on from: that of its master, else one of its
/// other nodes.
fn same(before: &Side, after: &Side) -> Vec<Option<usize>> {
    let mut taken = Vec::new();
    let found = after.shards.iter().map(|shard| {
        let of = |node: &Member, leads: bool| {
            before.shards.iter().enumerate().position(|(at, other)| {
                let mut others = other.nodes.iter().filter(|other| !leads || other.is_master);
                others.any(|other| other.id == node.id) && !taken.contains(&at)
            })
        };
        let master = shard.nodes.first();
        let found = master.and_then(|master| of(master, true).or_else(|| of(master, false)));
        taken.extend(found);
        found
    });
    found.collect()
}

fn placed<'a>(
    side: &'a Side,
    mut top: usize,
    rows: &[usize],
    is_shown: impl Fn(usize) -> bool,
) -> Vec<Placed<'a>> {
    let shards = side.shards.iter().zip(rows).filter(|(_, row)| is_shown(**row));
    let shards = shards.map(|(shard, &row)| {
        let color = if shard.slots.is_empty() { GREY.to_owned() } else { color(row) };
        (row, Some(shard), &shard.nodes[..], color)
    });
    let outside = &side.outside[..];
    let outside = (!outside.is_empty()).then(|| (usize::MAX, None, outside, GREY.to_owned()));
    let cards = shards.chain(outside).map(|(row, shard, nodes, color)| {
        let card = Placed { row, top, shard, nodes, color };
        top += card.height() + GAP;
        card
    });
    cards.collect()
}

fn flows(left: &[Placed], right: &[Placed]) -> Vec<Flow> {
    let pairs = (0..left.len()).cartesian_product(0..right.len());
    let pairs = pairs.filter(|(from, to)| left[*from].row != right[*to].row);
    let flow = |(from, to): (usize, usize)| {
        let slots = left[from].slots().intersection(&right[to].slots());
        (!slots.is_empty()).then_some(Flow { from, to, slots })
    };
    pairs.filter_map(flow).collect()
}

/// A dashed line for each node that comes, goes or changes its shard.
fn node_lines(xml: &mut Xml, left: &[Placed], right: &[Placed]) -> io::Result<()> {
    let lines = |card: &Placed| {
        let ids = card.nodes.iter().map(|node| node.id).enumerate();
        ids.map(|(line, id)| (id, card.row, card.top + line_at(line))).collect_vec()
    };
    let ends = right.iter().flat_map(lines).collect_vec();
    for (id, row, start) in left.iter().flat_map(lines) {
        let moved = |end: &&(NodeId, usize, usize)| end.0 == id && end.1 != row;
        if let Some((.., end)) = ends.iter().find(moved) {
            let path = curve(start as f64 - 4.0, *end as f64 - 4.0);
            let style =
                [("d", &*path), ("fill", "none"), ("stroke", QUIET), ("stroke-dasharray", "4 4")];
            titled(xml, "path", &style, None)?;
        }
    }
    Ok(())
}

/// From the right side of a card to the left side of another.
fn curve(start: f64, end: f64) -> String {
    let (from, to) = ((MARGIN + CARD) as f64, RIGHT as f64);
    let middle = f64::midpoint(from, to);
    format!("M{from} {start:.1} C{middle} {start:.1} {middle} {end:.1} {to} {end:.1}")
}

/// Slots on their way, as wide as they are many.
fn flow_ribbons(
    xml: &mut Xml,
    flows: &[Flow],
    left: &[Placed],
    right: &[Placed],
) -> io::Result<()> {
    let room = |card: &Placed| card.height() as f64 - 12.0;
    let sum = |flows: Vec<&Flow>| flows.iter().map(|flow| flow.slots.len()).sum::<usize>() as f64;
    let out = |at: usize| flows.iter().filter(|flow| flow.from == at).collect_vec();
    let into = |at: usize| flows.iter().filter(|flow| flow.to == at).collect_vec();
    let sides = (0..left.len()).map(|at| room(&left[at]) / sum(out(at)));
    let sides = sides.chain((0..right.len()).map(|at| room(&right[at]) / sum(into(at))));
    let scale = sides.fold(f64::INFINITY, f64::min);
    // Each flow has a place of the same height at both of its cards.
    let place = |flows: Vec<&Flow>, flow: &Flow, card: &Placed| {
        let step = room(card) / flows.len() as f64;
        let at = flows.iter().position(|other| std::ptr::eq(*other, flow)).unwrap_or_default();
        (card.top as f64 + 6.0 + step * (at as f64 + 0.5), step)
    };
    for flow in flows {
        let (start, step) = place(out(flow.from), flow, &left[flow.from]);
        let (end, there) = place(into(flow.to), flow, &right[flow.to]);
        let width = (flow.slots.len() as f64 * scale).min(step).min(there).max(THIN);
        let count = flow.slots.len();
        let title = format!("{} ({count})", flow.slots.short(200));
        let (path, width) = (curve(start, end), format!("{width:.1}"));
        let style = [
            ("d", &*path),
            ("fill", "none"),
            ("stroke", &*left[flow.from].color),
            ("stroke-opacity", "0.6"),
            ("stroke-width", &*width),
        ];
        titled(xml, "path", &style, Some(&title))?;
        if step >= NUMBER {
            let place = (MARGIN + CARD + 6, (start + 4.0) as usize);
            words(xml, place, INK, "11", &count.to_string())?;
        }
    }
    Ok(())
}

fn draw(xml: &mut Xml, left: usize, card_: &Placed, before: Option<usize>) -> io::Result<()> {
    let count = card_.slots().len();
    let share = 100.0 * count as f64 / f64::from(SLOTS);
    let change = before.map(|before| count as i64 - before as i64).filter(|change| *change != 0);
    let change = change.map(|change| format!(" ({change:+})")).unwrap_or_default();
    let (title, quiet) = match (card_.shard, count) {
        (None, _) => ("in no cluster".to_owned(), String::new()),
        (_, 0) => (format!("no slots{change}"), String::new()),
        (Some(shard), _) => (format!("{count} slots, {share:.1}%{change}"), shard.slots.short(42)),
    };
    let lines = card_.nodes.iter().map(|node| Line {
        text: node.text.clone(),
        ink: INK,
        is_filled: node.is_master,
    });
    card(xml, (left, card_.top, CARD), &card_.color, [&title, &quiet], &lines.collect_vec())
}
