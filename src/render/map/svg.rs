//! One self-contained SVG file: the slots in four bars by owner, a card for each shard, problems.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use crate::model::{SLOTS, SlotRange};
use crate::render::json::{MapJson, MapNodeJson, MapShardJson};

type Xml = Writer<Vec<u8>>;

const WIDTH: usize = 1000;
const MARGIN: usize = 20;

/// The bars: slots in each, their place and height.
const BARS: u16 = 4;
pub(super) const BAR: u16 = SLOTS / BARS;
const BAR_LEFT: usize = 70;
pub(super) const BAR_WIDTH: f64 = (WIDTH - MARGIN - BAR_LEFT) as f64;
const BAR_TOP: usize = 60;
const BAR_STEP: usize = 34;
const BAR_HEIGHT: usize = 26;

const CARDS: usize = 3;
const CARD_WIDTH: usize = (WIDTH - 2 * MARGIN - (CARDS - 1) * GAP) / CARDS;
const GAP: usize = 14;
const LINE: usize = 20;

const INK: &str = "#202124";
const QUIET: &str = "#5f6368";
const ERROR: &str = "#c62828";
const WARNING: &str = "#b26a00";

/// Problems that are written out; of more, the number.
const PROBLEMS: usize = 12;

pub fn svg(map: &MapJson) -> String {
    let cards_top = BAR_TOP + usize::from(BARS) * BAR_STEP + GAP;
    let rows: Vec<&[MapShardJson]> = map.shards.chunks(CARDS).collect();
    let row_height = |row: &[MapShardJson]| row.iter().map(card_height).max().unwrap_or(0) + GAP;
    let problems_top = cards_top + rows.iter().map(|row| row_height(row)).sum::<usize>();
    let lines = map.problems.len().min(PROBLEMS + 1);
    let height = (problems_top + lines * LINE + MARGIN).to_string();
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    let root = xml.create_element("svg").with_attributes([
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("width", &*WIDTH.to_string()),
        ("height", &*height),
        ("viewBox", &*format!("0 0 {WIDTH} {height}")),
        ("font-family", "DejaVu Sans, Helvetica, Arial, sans-serif"),
        ("font-size", "13"),
    ]);
    let written = root.write_inner_content(|xml| {
        rect(
            xml,
            (0.0, 0.0, WIDTH as f64, (problems_top + lines * LINE + MARGIN) as f64),
            "#ffffff",
            None,
        )?;
        words(xml, (MARGIN, 34), INK, "18", &heading(map))?;
        bars(xml, map)?;
        let mut top = cards_top;
        for (row, shards) in rows.iter().enumerate() {
            for (column, shard) in shards.iter().enumerate() {
                let left = MARGIN + column * (CARD_WIDTH + GAP);
                card(xml, (left, top), shard, row * CARDS + column)?;
            }
            top += row_height(shards);
        }
        problems(xml, map, problems_top)
    });
    // Memory takes whatever is written to it.
    drop(written);
    String::from_utf8(xml.into_inner()).unwrap_or_default() + "\n"
}

fn heading(map: &MapJson) -> String {
    let masters = map.shards.iter().filter(|shard| shard.slot_count > 0).count();
    let replicas: usize = map.shards.iter().map(|shard| shard.replicas.len()).sum();
    let covered = usize::from(SLOTS) - map.uncovered.len();
    format!("{masters} masters with slots, {replicas} replicas, {covered} of {SLOTS} slots covered")
}

/// Colors that are far apart, however many: the hue goes on by the golden angle.
fn color(shard: usize) -> String {
    let hue = (210.0 + shard as f64 * 137.508) % 360.0;
    let light = [0.62, 0.50, 0.72][shard / 8 % 3];
    let channel = |offset: f64| {
        let k = (offset + hue / 30.0) % 12.0;
        let level =
            light - 0.55 * f64::min(light, 1.0 - light) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (level * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

fn bars(xml: &mut Xml, map: &MapJson) -> io::Result<()> {
    for bar in 0..BARS {
        let (first, top) = (bar * BAR, BAR_TOP + usize::from(bar) * BAR_STEP);
        words(xml, (MARGIN, top + 18), QUIET, "12", &first.to_string())?;
    }
    for (index, shard) in map.shards.iter().enumerate() {
        for range in shard.slots.ranges() {
            stripe(xml, *range, &color(index), None)?;
        }
    }
    for range in map.uncovered.ranges() {
        stripe(xml, *range, ERROR, Some("no owner"))?;
    }
    for open in &map.moves {
        stripe(xml, open.slot.into(), INK, Some("moving"))?;
    }
    Ok(())
}

/// Slots in the bars that they are in, at least as wide as can be seen where they are marked.
fn stripe(xml: &mut Xml, slots: SlotRange, fill: &str, mark: Option<&str>) -> io::Result<()> {
    for bar in 0..BARS {
        let (start, end) = (bar * BAR, (bar + 1) * BAR);
        let (first, last) = (slots.first().get().max(start), (slots.last().get() + 1).min(end));
        if first < last {
            let place = |slot: u16| f64::from(slot - start) / f64::from(BAR) * BAR_WIDTH;
            let width = place(last) - place(first);
            let width = if mark.is_some() { width.max(2.0) } else { width };
            let top = (BAR_TOP + usize::from(bar) * BAR_STEP) as f64;
            let left = BAR_LEFT as f64 + place(first);
            let title =
                format!("{slots}{}", mark.map(|mark| format!(": {mark}")).unwrap_or_default());
            rect(xml, (left, top, width, BAR_HEIGHT as f64), fill, Some(&title))?;
        }
    }
    Ok(())
}

fn card_height(shard: &MapShardJson) -> usize {
    56 + LINE * (1 + shard.replicas.len())
}

fn card(
    xml: &mut Xml,
    (left, top): (usize, usize),
    shard: &MapShardJson,
    index: usize,
) -> io::Result<()> {
    let height = card_height(shard) as f64;
    let fill = if shard.slot_count > 0 { color(index) } else { "#bdbdbd".to_owned() };
    rect(xml, (left as f64, top as f64, CARD_WIDTH as f64, height), "#f6f7f8", None)?;
    rect(xml, (left as f64, top as f64, 8.0, height), &fill, None)?;
    let share = 100.0 * shard.slot_count as f64 / f64::from(SLOTS);
    let title = match shard.slot_count {
        0 => "no slots".to_owned(),
        count => format!("{count} slots, {share:.1}%"),
    };
    words(xml, (left + 20, top + 22), INK, "14", &title)?;
    if shard.slot_count > 0 {
        words(xml, (left + 20, top + 40), QUIET, "12", &shard.slots.short(40))?;
    }
    let nodes = shard.master.iter().map(|node| (node, true));
    let nodes = nodes.chain(shard.replicas.iter().map(|node| (node, false)));
    for (line, (node, is_master)) in nodes.enumerate() {
        card_line(xml, (left + 26, top + 62 + line * LINE), node, is_master)?;
    }
    Ok(())
}

fn card_line(
    xml: &mut Xml,
    (left, top): (usize, usize),
    node: &MapNodeJson,
    is_master: bool,
) -> io::Result<()> {
    let ink = match (node.node.reachable, node.errors, node.warnings) {
        (true, 0, 0) => INK,
        (true, 0, _) => WARNING,
        _ => ERROR,
    };
    let (x, y) = (left.to_string(), (top - 4).to_string());
    let dot = xml.create_element("circle").with_attributes([
        ("cx", &*x),
        ("cy", &*y),
        ("r", "5"),
        ("stroke", ink),
        ("stroke-width", "2"),
        ("fill", if is_master { ink } else { "#ffffff" }),
    ]);
    dot.write_empty()?;
    let zone = node.zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
    let gone = if node.node.reachable { "" } else { ", unreachable" };
    let role = if is_master { "master" } else { "replica" };
    words(xml, (left + 14, top), ink, "13", &format!("{} ({role}{zone}{gone})", node.node.name()))
}

fn problems(xml: &mut Xml, map: &MapJson, top: usize) -> io::Result<()> {
    let many = map.problems.len();
    for (line, problem) in map.problems.iter().take(PROBLEMS).enumerate() {
        let ink = if problem.is_error() { ERROR } else { WARNING };
        let text = problem.line();
        let short: String = text.chars().take(125).collect();
        let text = if short.len() < text.len() { short + "…" } else { text };
        words(xml, (MARGIN, top + (line + 1) * LINE), ink, "13", &text)?;
    }
    if many > PROBLEMS {
        let rest = format!("and {} more", many - PROBLEMS);
        words(xml, (MARGIN, top + (PROBLEMS + 1) * LINE), QUIET, "13", &rest)?;
    }
    Ok(())
}

fn words(
    xml: &mut Xml,
    (left, top): (usize, usize),
    fill: &str,
    size: &str,
    text: &str,
) -> io::Result<()> {
    let (x, y) = (left.to_string(), top.to_string());
    let element = xml.create_element("text");
    let element =
        element.with_attributes([("x", &*x), ("y", &*y), ("fill", fill), ("font-size", size)]);
    element.write_text_content(BytesText::new(text)).map(drop)
}

/// A rectangle, with a text that viewers show under the pointer.
fn rect(
    xml: &mut Xml,
    (x, y, width, height): (f64, f64, f64, f64),
    fill: &str,
    title: Option<&str>,
) -> io::Result<()> {
    let numbers = [x, y, width, height].map(|number| format!("{number:.2}"));
    let [x, y, width, height] = numbers.each_ref().map(String::as_str);
    let element = xml.create_element("rect").with_attributes([
        ("x", x),
        ("y", y),
        ("width", width),
        ("height", height),
        ("fill", fill),
    ]);
    match title {
        None => element.write_empty().map(drop),
        Some(title) => element
            .write_inner_content(|xml| {
                xml.create_element("title").write_text_content(BytesText::new(title)).map(drop)
            })
            .map(drop),
    }
}
