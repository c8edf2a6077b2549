//! Tables of plain text: whatever a cell says, a row is one line.

use crate::text::shown::one_line;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// The widest cell, in characters: a longer one is cut short.
const WIDEST: usize = 10_000;

/// A table of text with a rule below the heading and two spaces between columns. Cells are one line each.
#[derive(Clone, Debug)]
pub struct TextTable {
    align: Vec<Align>,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    pub fn new(columns: &[(&str, Align)]) -> Self {
        TextTable {
            align: columns.iter().map(|(_, align)| *align).collect(),
            head: columns
                .iter()
                .map(|(title, _)| one_line(title).into_owned())
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty, extra ones are dropped, and what is too long is cut short.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().take(self.head.len());
        let mut row: Vec<String> = cells.map(|cell| bounded(&cell)).collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }

    /// The table; every line ends with a line break, without trailing spaces.
    pub fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|at| {
                let cells = self.rows.iter().map(|row| &row[at]).chain([&self.head[at]]);
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        let mut text = String::new();
        for row in [&self.head, &rule].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.align) {
                let blank = " ".repeat(width.saturating_sub(cell.chars().count()));
                match align {
                    Align::Left => line += &format!("{cell}{blank}  "),
                    Align::Right => line += &format!("{blank}{cell}  "),
                }
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A cell on one line, not wider than [`WIDEST`].
fn bounded(cell: &str) -> String {
    let cell = one_line(cell);
    let mut letters = cell.chars();
    let mut line: String = letters.by_ref().take(WIDEST).collect();
    if letters.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_any_length_stays_one_line_of_bounded_width() {
        let mut table = TextTable::new(&[("Title", Align::Left), ("n", Align::Right)]);
        table.row(["x".repeat(70_000), "1".into()]);
        table.row(["a\nb\u{1b}[31m".into(), "2".into()]);
        let text = table.text();
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.chars().count() <= WIDEST + 3));
        assert!(
            text.contains("x…") && text.contains(r"a\nb\u{1b}[31m"),
            "{text}"
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::new(&[("Run", Align::Right), ("Name", Align::Left)]);
        table.row(["3".into(), "quickstart".into()]);
        table.row(["12".into()]);
        assert_eq!(
            table.text(),
            "Run  Name\n───  ──────────\n  3  quickstart\n 12\n"
        );
    }
}
