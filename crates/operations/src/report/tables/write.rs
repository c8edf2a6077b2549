//! Tables as Markdown, CSV and text for a terminal.

use super::{Cell, Row, Table, figure, latex};
use crate::report::escape::{csv_line, markdown as escaped};
use crate::report::{Align, SIGNATURE_COLUMN, TextTable, signature_cell, signature_lines};
use crate::text::shown::{cell as csv_text, one_line};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A document that compiles as it is.
    Latex,
    Markdown,
    /// A head, then a row each; intervals in columns of their own.
    Csv,
    Text,
}

impl Format {
    /// Those that go to files, with their names.
    pub const FILES: [(Format, &'static str); 3] = [
        (Format::Latex, "latex"),
        (Format::Markdown, "markdown"),
        (Format::Csv, "csv"),
    ];

    pub fn ending(self) -> &'static str {
        match self {
            Format::Latex => "tex",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Text => "txt",
        }
    }
}

impl Table {
    /// The table in this form; every line ends with a line break.
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Latex => latex::document(self),
            Format::Markdown => self.markdown(),
            Format::Csv => self.csv(),
            Format::Text => self.text(),
        }
    }

    /// `Table II: …`.
    pub fn heading(&self) -> String {
        let roman = super::TableNumber::from_number(self.number).map_or("", |table| table.roman());
        format!("Table {roman}: {}", self.caption)
    }

    fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", self.heading());
        let titles = self.columns.iter().map(|column| escaped(&column.title));
        let head: Vec<String> = std::iter::once(escaped(&self.names))
            .chain(titles)
            .collect();
        text += &format!("| {} |\n|", head.join(" | "));
        text += " --- |";
        for _ in &self.columns {
            let words = self.number == 6;
            text += if words { " --- |" } else { " ---: |" };
        }
        text.push('\n');
        for (at, row) in self.rows.iter().enumerate() {
            let mut cells = vec![match row.cells.is_empty() {
                true => format!("**{}**", escaped(&row.name)),
                false => escaped(&row.name),
            }];
            let written = row.cells.iter().map(|cell| escaped(&words(cell)));
            cells.extend(written.enumerate().map(
                |(column, cell)| match self.is_bold(at, column) {
                    true => format!("**{cell}**"),
                    false => cell,
                },
            ));
            cells.resize(1 + self.columns.len(), String::new());
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text.push('\n');
        for note in self.lines_below() {
            text += &format!("- {}\n", escaped(&note));
        }
        text
    }

    /// The notes, then the signatures.
    pub(in crate::report) fn lines_below(&self) -> impl Iterator<Item = String> {
        let notes = self.notes_below().into_iter();
        notes.chain(signature_lines(&self.signatures))
    }

    fn csv(&self) -> String {
        let with_interval: Vec<bool> = (0..self.columns.len())
            .map(|at| self.rows.iter().any(|row| interval(row, at).is_some()))
            .collect();
        let mut head = vec![match self.names.is_empty() {
            true => "Row".to_string(),
            false => csv_text(&self.names).into_owned(),
        }];
        let mut last = String::new();
        for (column, with_interval) in self.columns.iter().zip(&with_interval) {
            // Alone, "reported" would not say of what.
            let title = match (
                column.reported && column.title == "reported",
                &*column.title,
            ) {
                (true, _) => format!("{last}, reported"),
                (false, "") => "Words".to_string(),
                (false, title) => csv_text(title).into_owned(),
            };
            head.push(title.clone());
            if *with_interval {
                head.extend([format!("{title}, low"), format!("{title}, high")]);
            }
            last = title;
        }
        let signature = signature_cell(&self.signatures);
        head.extend(signature.as_ref().map(|_| SIGNATURE_COLUMN.to_string()));
        let mut text = csv_line(&head) + "\n";
        for row in &self.rows {
            let mut record = vec![csv_text(&row.name).into_owned()];
            for (at, with_interval) in with_interval.iter().enumerate() {
                record.push(match row.cells.get(at) {
                    Some(Cell::Figure { value, .. }) => value.to_string(),
                    Some(Cell::Words(words)) => csv_text(words).into_owned(),
                    Some(Cell::Nothing) | None => String::new(),
                });
                if *with_interval {
                    let (low, high) = interval(row, at)
                        .map_or_else(Default::default, |(a, b)| (a.to_string(), b.to_string()));
                    record.extend([low, high]);
                }
            }
            record.extend(signature.clone());
            text += &(csv_line(&record) + "\n");
        }
        text
    }

    fn text(&self) -> String {
        if self.number == 6 {
            return self.cases_text();
        }
        let columns: Vec<(&str, Align)> = [(&*self.names, Align::Left)]
            .into_iter()
            .chain(self.columns.iter().map(|c| (&*c.title, Align::Right)))
            .collect();
        let mut table = TextTable::new(&columns);
        for row in &self.rows {
            table.row(std::iter::once(row.name.clone()).chain(row.cells.iter().map(words)));
        }
        let mut text = format!("{}\n\n{}\n", self.heading(), table.text());
        for note in self.lines_below() {
            text += &format!("{}\n", one_line(&note));
        }
        text
    }

    fn cases_text(&self) -> String {
        let mut text = format!("{}\n", self.heading());
        for row in &self.rows {
            match row.cells.first() {
                None => text += &format!("\n{}\n", one_line(&row.name)),
                Some(cell) => {
                    let (name, words) = (one_line(&row.name), words(cell));
                    text += &format!("  {name}: {}\n", one_line(&words));
                }
            }
        }
        text.push('\n');
        for note in self.lines_below() {
            text += &format!("{}\n", one_line(&note));
        }
        text
    }
}

fn interval(row: &Row, at: usize) -> Option<(f64, f64)> {
    match row.cells.get(at)? {
        Cell::Figure { interval, .. } => *interval,
        Cell::Nothing | Cell::Words(_) => None,
    }
}

pub(in crate::report) fn words(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => "–".to_string(),
        Cell::Words(words) => words.clone(),
        Cell::Figure {
            value,
            interval: None,
        } => figure(*value),
        Cell::Figure {
            value,
            interval: Some((low, high)),
        } => format!("{} [{}, {}]", figure(*value), figure(*low), figure(*high)),
    }
}
