//! What pictures are drawn with: words, rectangles, bars of slots, cards of shards.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use crate::model::{SLOTS, SlotRange, SlotSet};

pub type Xml = Writer<Vec<u8>>;

pub const WIDTH: usize = 1000;
pub const MARGIN: usize = 20;
pub const GAP: usize = 14;
pub const LINE: usize = 20;

pub const INK: &str = "#202124";
pub const QUIET: &str = "#5f6368";
pub const ERROR: &str = "#c62828";
pub const WARNING: &str = "#b26a00";

/// Slots in each of the bars.
pub const BARS: u16 = 4;
pub const BAR: u16 = SLOTS / BARS;

/// The width of a character beside the size of its font, in the widest font of the list, with room for
/// capitals.
const CHARACTER: f64 = 0.57;

/// One file of this height, with a white ground: it looks the same on a dark page.
pub fn document(height: usize, draw: impl FnOnce(&mut Xml) -> io::Result<()>) -> String {
    let size = height.to_string();
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    let root = xml.create_element("svg").with_attributes([
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("width", &*WIDTH.to_string()),
        ("height", &*size),
        ("viewBox", &*format!("0 0 {WIDTH} {size}")),
        ("font-family", "DejaVu Sans, Helvetica, Arial, sans-serif"),
        ("font-size", "13"),
    ]);
    let written = root.write_inner_content(|xml| {
        rect(xml, (0.0, 0.0, WIDTH as f64, height as f64), "#ffffff", None)?;
        draw(xml)
    });
    // Memory takes whatever is written to it.
    drop(written);
    String::from_utf8(xml.into_inner()).unwrap_or_default() + "\n"
}

/// Colors that are far apart, however many: the hue goes on by the golden angle.
pub fn color(shard: usize) -> String {
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

/// Four bars below each other that hold all slots.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
    pub step: usize,
}

impl Bars {
    pub fn bottom(&self) -> usize {
        self.top + usize::from(BARS) * self.step
    }

    /// The first slot of each bar, in front of it.
    pub fn numbers(&self, xml: &mut Xml) -> io::Result<()> {
        (0..BARS).try_for_each(|bar| {
            let baseline = self.top + usize::from(bar) * self.step + self.height - 8;
            words(xml, (self.left - 50, baseline), QUIET, "12", &(bar * BAR).to_string())
        })
    }

    pub fn fill(
        &self,
        xml: &mut Xml,
        slots: &SlotSet,
        fill: &str,
        mark: Option<&str>,
    ) -> io::Result<()> {
        slots.ranges().iter().try_for_each(|range| self.stripe(xml, *range, fill, mark))
    }

    /// Slots in the bars that they are in, at least as wide as can be seen where they are marked.
    pub fn stripe(
        &self,
        xml: &mut Xml,
        slots: SlotRange,
        fill: &str,
        mark: Option<&str>,
    ) -> io::Result<()> {
        for bar in 0..BARS {
            let (start, end) = (bar * BAR, (bar + 1) * BAR);
            let (first, last) = (slots.first().get().max(start), (slots.last().get() + 1).min(end));
            if first < last {
                let place =
                    |slot: u16| f64::from(slot - start) / f64::from(BAR) * self.width as f64;
                let width = place(last) - place(first);
                let width = if mark.is_some() { width.max(2.0) } else { width };
                let top = (self.top + usize::from(bar) * self.step) as f64;
                let left = self.left as f64 + place(first);
                let title =
                    format!("{slots}{}", mark.map(|mark| format!(": {mark}")).unwrap_or_default());
                rect(xml, (left, top, width, self.height as f64), fill, Some(&title))?;
            }
        }
        Ok(())
    }
}

/// A node in a card.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    pub ink: &'static str,
    pub is_filled: bool,
}

/// A card's height with so many nodes.
pub fn card_height(nodes: usize) -> usize {
    56 + LINE * nodes
}

/// The baseline of a node's line, from the top of its card.
pub fn line_at(line: usize) -> usize {
    62 + line * LINE
}

/// A shard: a color at its side, a title, a quiet line, and its nodes.
pub fn card(
    xml: &mut Xml,
    (left, top, width): (usize, usize, usize),
    fill: &str,
    [title, quiet]: [&str; 2],
    lines: &[Line],
) -> io::Result<()> {
    let height = card_height(lines.len()) as f64;
    rect(xml, (left as f64, top as f64, width as f64, height), "#f6f7f8", None)?;
    rect(xml, (left as f64, top as f64, 8.0, height), fill, None)?;
    fitted(xml, (left + 20, top + 22, width - 28), INK, 14, (title, Without::End))?;
    fitted(xml, (left + 20, top + 40, width - 28), QUIET, 12, (quiet, Without::End))?;
    for (number, line) in lines.iter().enumerate() {
        let baseline = top + line_at(number);
        let (x, y) = ((left + 26).to_string(), (baseline - 4).to_string());
        let dot = xml.create_element("circle").with_attributes([
            ("cx", &*x),
            ("cy", &*y),
            ("r", "5"),
            ("stroke", line.ink),
            ("stroke-width", "2"),
            ("fill", if line.is_filled { line.ink } else { "#ffffff" }),
        ]);
        dot.write_empty()?;
        fitted(
            xml,
            (left + 40, baseline, width - 48),
            line.ink,
            13,
            (&line.text, Without::Middle),
        )?;
    }
    Ok(())
}

/// What is left out of words that are too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    Middle,
    End,
}

/// Words in so many columns of the picture; viewers show all of them under the pointer.
pub fn fitted(
    xml: &mut Xml,
    (left, top, width): (usize, usize, usize),
    fill: &str,
    size: usize,
    (text, without): (&str, Without),
) -> io::Result<()> {
    let most = (width as f64 / (size as f64 * CHARACTER)) as usize;
    let count = text.chars().count();
    if count <= most {
        return if text.is_empty() {
            Ok(())
        } else {
            words(xml, (left, top), fill, &size.to_string(), text)
        };
    }
    let end = if without == Without::Middle { most / 2 } else { 0 };
    let start = most - end - 1;
    let short: String =
        text.chars().take(start).chain(['…']).chain(text.chars().skip(count - end)).collect();
    xml.create_element("g")
        .write_inner_content(|xml| {
            xml.create_element("title").write_text_content(BytesText::new(text))?;
            words(xml, (left, top), fill, &size.to_string(), &short)
        })
        .map(drop)
}

pub fn words(
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
pub fn rect(
    xml: &mut Xml,
    (x, y, width, height): (f64, f64, f64, f64),
    fill: &str,
    title: Option<&str>,
) -> io::Result<()> {
    let numbers = [x, y, width, height].map(|number| format!("{number:.2}"));
    let [x, y, width, height] = numbers.each_ref().map(String::as_str);
    titled(
        xml,
        "rect",
        &[("x", x), ("y", y), ("width", width), ("height", height), ("fill", fill)],
        title,
    )
}

/// An element, with a text that viewers show under the pointer.
pub fn titled(
    xml: &mut Xml,
    name: &str,
    attributes: &[(&str, &str)],
    title: Option<&str>,
) -> io::Result<()> {
    let element = xml.create_element(name).with_attributes(attributes.iter().copied());
    match title {
        None => element.write_empty().map(drop),
        Some(title) => element
            .write_inner_content(|xml| {
                xml.create_element("title").write_text_content(BytesText::new(title)).map(drop)
            })
            .map(drop),
    }
}
