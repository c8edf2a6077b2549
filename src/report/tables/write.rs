//! Tables as Markdown, CSV and text for a terminal.

use super::{Cell, Row, Table, figure, latex};
use crate::report::{Align, TextTable};

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
        for row in &self.rows {
            let mut cells = vec![match row.cells.is_empty() {
                true => format!("**{}**", escaped(&row.name)),
                false => escaped(&row.name),
            }];
            cells.extend(row.cells.iter().map(|cell| escaped(&words(cell))));
            cells.resize(1 + self.columns.len(), String::new());
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text.push('\n');
        for note in &self.notes {
            text += &format!("- {}\n", escaped(note));
        }
        text
    }

    fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let with_interval: Vec<bool> = (0..self.columns.len())
            .map(|at| self.rows.iter().any(|row| interval(row, at).is_some()))
            .collect();
        let mut head = vec![match self.names.is_empty() {
            true => "Row".to_string(),
            false => self.names.clone(),
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
                (false, title) => title.to_string(),
            };
            head.push(title.clone());
            if *with_interval {
                head.extend([format!("{title}, low"), format!("{title}, high")]);
            }
            last = title;
        }
        let mut records = vec![head];
        for row in &self.rows {
            let mut record = vec![row.name.clone()];
            for (at, with_interval) in with_interval.iter().enumerate() {
                record.push(match row.cells.get(at) {
                    Some(Cell::Figure { value, .. }) => value.to_string(),
                    Some(Cell::Words(words)) => words.clone(),
                    Some(Cell::Nothing) | None => String::new(),
                });
                if *with_interval {
                    let (low, high) = interval(row, at)
                        .map_or_else(Default::default, |(a, b)| (a.to_string(), b.to_string()));
                    record.extend([low, high]);
                }
            }
            records.push(record);
        }
        for record in records {
            // Writing to memory does not fail, and every record has as many fields.
            if writer.write_record(&record).is_err() {
                return String::new();
            }
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
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
        for note in &self.notes {
            text += &format!("{note}\n");
        }
        text
    }

    fn cases_text(&self) -> String {
        let mut text = format!("{}\n", self.heading());
        for row in &self.rows {
            match row.cells.first() {
                None => text += &format!("\n{}\n", row.name),
                Some(cell) => text += &format!("  {}: {}\n", row.name, words(cell)),
            }
        }
        text.push('\n');
        for note in &self.notes {
            text += &format!("{note}\n");
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

pub(super) fn words(cell: &Cell) -> String {
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

/// Escapes Markdown's special characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '\\' | '<' | '[' | ']' | '#' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}
