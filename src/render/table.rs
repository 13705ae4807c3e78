//! Tables and sentences that fit 80 columns and stay readable in a pipe.

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};
use console::measure_text_width;

/// How wide text for people may be.
const COLUMNS: usize = 80;

/// What lines after the first begin with.
const INDENT: &str = "  ";

/// A plain table: a header, rows, no borders.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// Headers that start with `>` head columns of numbers.
    pub fn new(headers: &[&str]) -> Table {
        let mut table = comfy_table::Table::new();
        // Wrapped cells could not be read by another program, and a terminal wraps by itself.
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(headers.iter().map(|header| Cell::new(header.trim_start_matches('>'))));
        for (index, header) in headers.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                if header.starts_with('>') {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        Table(table)
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells.into_iter().map(Cell::new));
    }

    /// This table where it fits, else another that tells the same in fewer columns.
    pub fn or_if_too_wide(self, other: impl FnOnce() -> Table) -> Table {
        let fits = self.to_string().lines().all(|line| measure_text_width(line) <= COLUMNS);
        if fits { self } else { other() }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.trim_fmt().lines().try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}

/// `text` in lines that fit: broken between words, the lines after the first set in.
pub fn wrapped(text: &str) -> String {
    wrapped_with(text, INDENT)
}

/// The same, with this indent.
pub fn wrapped_with(text: &str, indent: &str) -> String {
    // A list of slots may be one word of any length: it breaks at its commas.
    let too_long = |word: &str| measure_text_width(word.trim_end()) > COLUMNS - indent.len();
    let end = |word: &str| if too_long(word) { ',' } else { ' ' };
    let pieces = text.split_inclusive(' ').flat_map(|word| word.split_inclusive(end(word)));
    let (mut lines, mut line) = (String::new(), String::new());
    for piece in pieces {
        let width = measure_text_width(&line) + measure_text_width(piece.trim_end());
        if width > COLUMNS && !line.trim().is_empty() {
            lines = lines + line.trim_end() + "\n";
            indent.clone_into(&mut line);
        }
        line += piece;
    }
    lines + line.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(wrapped("  short, and set in "), "  short, and set in");
        let long = format!("{} {}", "a".repeat(75), "b ".repeat(60));
        let lines = wrapped(&long);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines[0], format!("{} b b", "a".repeat(75)));
        assert!(lines[1].starts_with("  b b") && lines[1].len() <= 80, "{lines:?}");
        assert_eq!(lines.join("").replace(' ', ""), long.replace(' ', ""));
    }

    #[test]
    fn long_lists_break_at_commas_and_colors_take_no_room() {
        let list = (0..100).map(|n| format!("{n},")).collect::<String>();
        let text = wrapped(&format!("owns {list} it says"));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert_eq!(text.replace("\n  ", ""), format!("owns {list} it says"));
        let painted = format!("\u{1b}[31merror\u{1b}[0m: {}", "c".repeat(73));
        assert_eq!(wrapped(&painted), painted);
    }

    #[test]
    fn the_other_table_is_taken_where_one_is_too_wide() {
        let table = |width: usize| {
            let mut table = Table::new(&["A"]);
            table.row(["x".repeat(width)]);
            table
        };
        let chosen = |width| table(width).or_if_too_wide(|| table(1)).to_string().len();
        assert_eq!((chosen(80), chosen(81)), (83, 4));
    }
}
