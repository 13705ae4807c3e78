//! Tables that fit 80 columns and stay readable in a pipe.

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

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
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.trim_fmt().lines().try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}
