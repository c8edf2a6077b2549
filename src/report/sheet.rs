//! A table to export as CSV, Markdown, LaTeX or plain text.

use super::table::{Align, TextTable};

/// A table of text with a title and notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    pub title: String,
    /// Headings, and whether the column contains numbers.
    pub columns: Vec<(String, bool)>,
    pub rows: Vec<Vec<String>>,
    /// Shown below the table: splits, sizes, definitions.
    pub notes: Vec<String>,
}

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

    /// Headings and rows, quoted if needed, without notes.
    pub fn csv(&self) -> String {
        let titles: Vec<String> = self.titles().cloned().collect();
        let lines = [&titles].into_iter().chain(&self.rows);
        lines.map(|row| csv_line(row) + "\n").collect()
    }

    pub fn markdown(&self) -> String {
        let escape = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", self.title);
        text += &line(self.titles().map(escape).collect());
        let rule = |number: bool| if number { "---:" } else { ":---" };
        let rules = self.columns.iter().map(|(_, number)| rule(*number).into());
        text += &line(rules.collect());
        for row in &self.rows {
            text += &line(row.iter().map(escape).collect());
        }
        for note in &self.notes {
            text += &format!("\n{note}\n");
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
        let notes: String = self.notes.iter().map(|note| format!("{note}\n")).collect();
        format!("{}\n\n{}{notes}", self.title, table.text())
    }
}

/// One line of CSV, without the line break.
pub(super) fn csv_line<S: AsRef<str>>(cells: &[S]) -> String {
    let quoted = |cell: &S| match cell.as_ref() {
        cell if cell.contains(['"', ',', '\n', '\r']) => {
            format!("\"{}\"", cell.replace('"', "\"\""))
        }
        cell => cell.to_string(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
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
    fn markdown_escapes_what_it_would_take_for_signs() {
        let markdown = sheet().markdown();
        assert!(markdown.contains("| a\\|b_c |  |") && markdown.contains("| :--- | ---: |"));
        assert!(sheet().text().ends_with("n = 3\n"));
    }
}
