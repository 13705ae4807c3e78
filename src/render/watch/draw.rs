//! A view on a screen of any size.

use console::{measure_text_width, truncate_str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::line::{Line, Tone};
use super::rows::{Mood, PRIORITY, Row, TITLES};
use super::strip::Cell;
use super::view::View;
use crate::model::SLOTS;
use crate::render::map::sign;

/// Backgrounds of owners, of the 256 colors that terminals have; red is for what is wrong.
const OWNERS: [u8; 12] = [75, 214, 78, 177, 80, 185, 141, 209, 108, 146, 180, 44];

/// Lines above and below the table, by the height of the screen, where there is room.
const ROOM: u16 = 18;

/// What the first line of the strip has before its cells: the number of its first slot.
const RULER: u16 = 6;

/// Draws it; without colors, bold and reversed letters remain.
pub fn draw(view: &View<'_>, area: Rect, buffer: &mut Buffer, colors: bool) {
    let mut screen = Screen { left: area, buffer, colors };
    let bottom = screen.take_last(1);
    screen.parts(bottom, &view.bottom);
    if let Some((title, lines, scroll)) = &view.page {
        return screen.page(title, lines, *scroll);
    }
    screen.top(&view.top);
    screen.strip(view);
    let height = area.height;
    let problems = screen.problem_lines(view, usize::from(height / 3));
    let moves = match height {
        0..ROOM => view.moves.len().min(1),
        _ => view.moves.len().min(usize::from(height / 6)),
    };
    // The table has what is left, and no less than its head and two rows.
    let spare = usize::from(screen.left.height).saturating_sub(3);
    let problems = &problems[..problems.len().min(spare.saturating_sub(moves))];
    let below = screen.take_last(problems.len().min(spare) as u16);
    for (row, line) in (0..).zip(problems) {
        screen.line(below, row, line);
    }
    let under = screen.take_last(moves.min(spare) as u16);
    for (row, line) in (0..under.height).zip(&view.moves) {
        screen.line(under, row, line);
    }
    screen.table(view);
}

/// What of a screen is not drawn yet.
struct Screen<'a> {
    left: Rect,
    buffer: &'a mut Buffer,
    colors: bool,
}

impl Screen<'_> {
    fn take_first(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        let taken = Rect { height: rows, ..self.left };
        self.left.y += rows;
        self.left.height -= rows;
        taken
    }

    fn take_last(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        self.left.height -= rows;
        Rect { y: self.left.y + self.left.height, height: rows, ..self.left }
    }

    fn style(&self, tone: Tone) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let with = |style: Style, color: Color| if self.colors { style.fg(color) } else { style };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Of(Mood::Fine) => with(Style::new(), Color::Green),
            Tone::Of(Mood::Warn) => with(bold, Color::Yellow),
            Tone::Of(Mood::Bad) => with(bold, Color::Red),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
            Tone::Command => with(Style::new(), Color::Cyan),
        }
    }

    /// A shard's letter on its own background.
    fn owner(&self, shard: usize) -> Style {
        match self.colors {
            true => Style::new().fg(Color::Black).bg(Color::Indexed(OWNERS[shard % OWNERS.len()])),
            false => Style::new(),
        }
    }

    fn put(&mut self, x: u16, y: u16, text: &str, width: usize, style: Style) {
        let area = self.buffer.area;
        if x < area.right() && y < area.bottom() {
            self.buffer.set_stringn(x, y, truncate_str(text, width, "…"), width, style);
        }
    }

    /// A line in a row of an area that may be too small for it.
    fn line(&mut self, area: Rect, row: u16, line: &Line) {
        if row < area.height {
            let style = self.style(line.tone);
            self.put(area.x, area.y + row, &line.text, usize::from(area.width), style);
        }
    }

    /// The parts in as few lines as they fit into, at most three.
    fn top(&mut self, parts: &[Line]) {
        let most = if self.left.height < ROOM { 2 } else { 3 };
        let mut parts = parts;
        for _ in 0..most {
            if !parts.is_empty() {
                let row = self.take_first(1);
                parts = self.parts(row, parts);
            }
        }
    }

    /// The parts that fit into a row, at least one; gives the others.
    fn parts<'p>(&mut self, row: Rect, parts: &'p [Line]) -> &'p [Line] {
        let width = usize::from(row.width);
        let mut x = 0;
        for (index, part) in parts.iter().enumerate() {
            let wide = measure_text_width(&part.text);
            if index > 0 && x + wide > width {
                return &parts[index..];
            }
            let style = self.style(part.tone);
            self.put(row.x + x as u16, row.y, &part.text, width.saturating_sub(x), style);
            x += wide + 2;
        }
        &[]
    }

    fn strip(&mut self, view: &View<'_>) {
        let rows = match self.left.height {
            0..9 => 0,
            9..ROOM => 1,
            _ => 2,
        };
        let area = self.take_first(rows);
        let width = area.width.saturating_sub(RULER);
        let count = usize::from(width) * usize::from(area.height);
        if count == 0 {
            return;
        }
        let cells = view.strip.cells(count);
        for (index, cell) in cells.iter().enumerate() {
            let (row, column) = (index as u16 / width, index as u16 % width);
            if column == 0 {
                let first = (index * usize::from(SLOTS) / cells.len()).to_string();
                let style = self.style(Tone::Dim);
                self.put(area.x, area.y + row, &format!("{first:>5}"), 5, style);
            }
            let (letter, style) = self.cell(*cell, view.lit);
            self.put(area.x + RULER + column, area.y + row, &letter.to_string(), 1, style);
        }
    }

    fn cell(&self, cell: Cell, lit: bool) -> (char, Style) {
        match cell {
            Cell::Owned(shard) => (sign(shard), self.owner(shard)),
            Cell::Moving(shard) if lit => ('>', self.owner(shard).add_modifier(Modifier::REVERSED)),
            Cell::Moving(shard) => (sign(shard), self.owner(shard)),
            Cell::Uncovered => {
                let style = Style::new().add_modifier(Modifier::BOLD);
                ('!', if self.colors { style.fg(Color::White).bg(Color::Red) } else { style })
            }
        }
    }

    /// As many problems as fit into `most` lines, each whole; of others the number.
    fn problem_lines(&self, view: &View<'_>, most: usize) -> Vec<Line> {
        if self.left.height < 9 || view.problems.is_empty() {
            return Vec::new();
        }
        let width = usize::from(self.left.width);
        let whole = view
            .problems
            .iter()
            .map(|problem| problem.iter().flat_map(|line| line.folded(width)).collect::<Vec<_>>());
        let whole: Vec<Vec<Line>> = whole.collect();
        let total = |problems: &[Vec<Line>]| problems.iter().map(Vec::len).sum::<usize>();
        let problems = if total(&whole) <= most { &whole } else { &view.problems };
        let most = if total(problems) > most { most.saturating_sub(1) } else { most };
        let (mut lines, mut shown) = (Vec::new(), 0);
        for problem in problems {
            if lines.len() + problem.len() > most {
                break;
            }
            lines.extend_from_slice(problem);
            shown += 1;
        }
        if shown < view.problems.len() {
            lines.push(Line::dim(format!("{} more problems: Tab", view.problems.len() - shown)));
        }
        lines
    }

    fn table(&mut self, view: &View<'_>) {
        let head = self.take_first(1);
        let area = self.take_first(u16::MAX);
        let gap = gap(area.width);
        let columns = columns(&view.rows, usize::from(area.width), gap);
        let mut x = 2;
        for (column, width) in &columns {
            let title = aligned(TITLES[*column], *width, *column);
            let style = self.style(Tone::Plain).add_modifier(Modifier::UNDERLINED);
            let room = usize::from(head.width).saturating_sub(x).min(*width);
            self.put(head.x + x as u16, head.y, &title, room, style);
            x += width + gap;
        }
        // The selected row stays in sight.
        let height = usize::from(area.height);
        let first = view.selected.map_or(0, |selected| (selected + 1).saturating_sub(height));
        for (row, found) in (0..area.height).zip(view.rows.iter().enumerate().skip(first)) {
            let (index, found) = found;
            self.row(
                Rect { y: area.y + row, height: 1, ..area },
                found,
                &columns,
                view.selected == Some(index),
            );
        }
    }

    fn row(&mut self, area: Rect, row: &Row, columns: &[(usize, usize)], is_selected: bool) {
        let quiet = self.style(Tone::Plain);
        let mark = if is_selected { ">" } else { " " };
        self.put(area.x, area.y, mark, 1, quiet);
        if row.is_master && row.has_slots {
            let style = self.owner(row.shard);
            self.put(area.x + 1, area.y, &sign(row.shard).to_string(), 1, style);
        }
        let mut x = 2;
        for (column, width) in columns {
            let text = match (column, row.is_master) {
                (0, true) => format!(" {}", row.cells[0]),
                (0, false) => format!(" └ {}", row.cells[0]),
                _ => row.cells[*column].clone(),
            };
            let style = match (column, row.mood) {
                (0 | 1, Mood::Warn | Mood::Bad) | (1, _) => self.style(Tone::Of(row.mood)),
                _ if row.is_master => quiet,
                _ => self.style(Tone::Dim),
            };
            let room = usize::from(area.width).saturating_sub(x).min(*width);
            self.put(area.x + x as u16, area.y, &aligned(&text, *width, *column), room, style);
            x += width + gap(area.width);
        }
        if is_selected {
            self.buffer.set_style(area, Style::new().add_modifier(Modifier::REVERSED));
        }
    }

    fn page(&mut self, title: &str, lines: &[Line], scroll: usize) {
        let head = self.take_first(2);
        let style = self.style(Tone::Plain).add_modifier(Modifier::BOLD);
        self.put(head.x, head.y, title, usize::from(head.width), style);
        let area = self.take_first(u16::MAX);
        let width = usize::from(area.width);
        let parts = lines.iter().skip(scroll).flat_map(|line| line.folded(width));
        for (row, part) in (0..area.height).zip(parts) {
            self.line(area, row, &part);
        }
    }
}

/// Blanks between columns.
fn gap(width: u16) -> usize {
    if width < 100 { 1 } else { 2 }
}

/// The columns that fit, in their order, with their widths.
fn columns(rows: &[Row], width: usize, gap: usize) -> Vec<(usize, usize)> {
    let of = |column: usize| {
        let cells = rows.iter().map(|row| {
            let indent = if column > 0 {
                0
            } else if row.is_master {
                1
            } else {
                3
            };
            measure_text_width(&row.cells[column]) + indent
        });
        cells.max().unwrap_or(0).max(measure_text_width(TITLES[column]))
    };
    let is_empty = |column: usize| rows.iter().all(|row| row.cells[column].is_empty());
    let (mut chosen, mut left) = (Vec::new(), width.saturating_sub(2));
    for column in PRIORITY.into_iter().filter(|column| *column < 2 || !is_empty(*column)) {
        // The first is cut where it does not fit, others are left out.
        let wanted = if column == 0 { of(0).min(left) } else { of(column) };
        if wanted > left {
            break;
        }
        chosen.push((column, wanted));
        left = left.saturating_sub(wanted + gap);
    }
    chosen.sort_unstable();
    chosen
}

/// Names to the left, numbers to the right.
fn aligned(text: &str, width: usize, column: usize) -> String {
    let is_name = [0, 1, 10, 11].contains(&column);
    let text = if column == 0 && text == TITLES[0] { format!(" {text}") } else { text.to_owned() };
    let blanks = " ".repeat(width.saturating_sub(measure_text_width(&text)));
    if is_name { text } else { blanks + &text }
}
