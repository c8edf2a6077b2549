//! A table to export as CSV, Markdown, LaTeX or plain text.

use std::borrow::Cow;

use super::escape::{csv_line, markdown};
use super::table::{Align, TextTable};
use crate::metrics::signature::Signature;
use crate::text::shown::{cell as csv_text, one_line};

/// A table of text with a title and notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    pub title: String,
    /// Headings, and whether the column contains numbers.
    pub columns: Vec<(String, bool)>,
    pub rows: Vec<Vec<String>>,
    /// Shown below the table: splits, sizes, definitions.
    pub notes: Vec<String>,
    /// What its figures come from; below the notes, in CSV a last column.
    pub signatures: Vec<Signature>,
}

/// Signatures as the lines below a table: `Signature: …`.
pub fn signature_lines(signatures: &[Signature]) -> impl Iterator<Item = String> {
    signatures.iter().map(|of| format!("Signature: {of}"))
}

/// Signatures in one cell of a CSV; None without any.
pub fn signature_cell(signatures: &[Signature]) -> Option<String> {
    let all: Vec<String> = signatures.iter().map(Signature::to_string).collect();
    (!all.is_empty()).then(|| csv_text(&all.join("; ")).into_owned())
}

/// The heading of that column.
pub const SIGNATURE_COLUMN: &str = "Signature";

impl Sheet {
    pub fn new(title: impl Into<String>, columns: Vec<(String, bool)>) -> Sheet {
        Sheet {
            title: title.into(),
            columns,
            ..Sheet::default()
        }
    }

    /// Adds a row; missing cells are empty, extra ones are dropped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    fn titles(&self) -> impl Iterator<Item = &String> {
        self.columns.iter().map(|(title, _)| title)
    }

    /// Headings and rows, quoted if needed, without notes; the signature is in a column, which every reader keeps.
    pub fn csv(&self) -> String {
        let signature = signature_cell(&self.signatures);
        let mut titles: Vec<_> = self.titles().map(|title| csv_text(title)).collect();
        titles.extend(signature.as_ref().map(|_| Cow::Borrowed(SIGNATURE_COLUMN)));
        let mut text = csv_line(&titles) + "\n";
        for row in &self.rows {
            let cells = row.iter().zip(&self.columns);
            let mut cells: Vec<_> = cells
                .map(|(cell, (_, number))| csv_cell(cell, *number))
                .collect();
            cells.extend(signature.as_deref().map(Cow::Borrowed));
            text += &(csv_line(&cells) + "\n");
        }
        text
    }

    pub fn markdown(&self) -> String {
        let escape = |cell: &String| markdown(cell);
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", markdown(&self.title));
        text += &line(self.titles().map(escape).collect());
        let rule = |number: bool| if number { "---:" } else { ":---" };
        let rules = self.columns.iter().map(|(_, number)| rule(*number).into());
        text += &line(rules.collect());
        for row in &self.rows {
            text += &line(row.iter().map(escape).collect());
        }
        for note in &self.notes {
            text += &format!("\n{}\n", markdown(note));
        }
        for line in signature_lines(&self.signatures) {
            text += &format!("\n{}\n", markdown(&line));
        }
        text
    }

    pub fn text(&self) -> String {
        let align = |number: bool| if number { Align::Right } else { Align::Left };
        let columns = self.columns.iter();
        let columns: Vec<(&str, Align)> = columns.map(|(t, n)| (&**t, align(*n))).collect();
        let mut table = TextTable::new(&columns);
        for row in &self.rows {
            table.row(row.iter().cloned());
        }
        let lines = self
            .notes
            .iter()
            .cloned()
            .chain(signature_lines(&self.signatures));
        let notes: String = lines.map(|note| format!("{}\n", one_line(&note))).collect();
        format!("{}\n\n{}{notes}", one_line(&self.title), table.text())
    }
}

/// A cell for a spreadsheet. In a column of numbers one may be written with its interval: `-0.31 [-0.50, -0.12]`.
fn csv_cell(cell: &str, number: bool) -> Cow<'_, str> {
    let figure = || {
        cell.split(' ')
            .next()
            .is_some_and(|first| first.parse::<f64>().is_ok())
    };
    match number && figure() {
        true => Cow::Borrowed(cell),
        false => csv_text(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(
            "Runs & seeds",
            vec![("Run".into(), false), ("KL, last".into(), true)],
        );
        sheet.row([
            "50 % \"best\"".into(),
            "−1.5 ± 0.2".into(),
            "too much".into(),
        ]);
        sheet.row(["a|b_c".into()]);
        sheet.notes.push("n = 3".into());
        sheet
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(
            sheet().csv(),
            "Run,\"KL, last\"\n\"50 % \"\"best\"\"\",−1.5 ± 0.2\na|b_c,\n"
        );
    }

    #[test]
    fn csv_leaves_a_spreadsheet_nothing_to_compute() {
        let mut sheet = Sheet::new("", vec![("=Run".into(), false), ("KL".into(), true)]);
        sheet.row(["=1+1".into(), "-0.31 [-0.50, -0.12]".into()]);
        sheet.row(["-1.5".into(), "-1.5".into()]);
        sheet.row(["+x, y".into(), "-x".into()]);
        assert_eq!(
            sheet.csv(),
            "'=Run,KL\n'=1+1,\"-0.31 [-0.50, -0.12]\"\n-1.5,-1.5\n\"'+x, y\",'-x\n"
        );
    }

    #[test]
    fn a_name_cannot_break_a_row_or_act_on_the_screen() {
        let mut sheet = Sheet::new("a\nb", vec![("Run\u{1b}[2J".into(), false)]);
        sheet.row(["x\ny\u{202e}".into()]);
        sheet.notes.push("z\nw".into());
        assert_eq!(
            sheet.text(),
            "a\\nb\n\nRun\\u{1b}[2J\n────────────\nx\\ny\\u{202e}\nz\\nw\n"
        );
    }

    #[test]
    fn markdown_escapes_what_it_would_take_for_signs() {
        let markdown = sheet().markdown();
        assert!(markdown.contains("| a\\|b\\_c |  |") && markdown.contains("| :--- | ---: |"));
        assert!(sheet().text().ends_with("n = 3\n"));
    }

    #[test]
    fn the_signature_goes_with_the_table_in_every_form() {
        let mut sheet = sheet();
        let text = "ppl|1|nltk|data:0123abcd|top_k=20|1,2|1ae1d48a9f5c";
        sheet.signatures = vec![text.parse().unwrap()];
        let quoted = format!("\"{text}\"");
        assert_eq!(
            sheet.csv(),
            format!(
                "Run,\"KL, last\",Signature\n\"50 % \"\"best\"\"\",−1.5 ± 0.2,{quoted}\na|b_c,,{quoted}\n"
            )
        );
        assert!(
            sheet
                .text()
                .ends_with(&format!("n = 3\nSignature: {text}\n"))
        );
        assert!(sheet.markdown().contains("\nSignature: ppl\\|1\\|nltk"));
        assert!(sheet.latex().contains(&format!("% Signature: {text}\n")));
    }
}
