//! A table for people elsewhere: CSV, Markdown, LaTeX, plain text.

use super::table::{Align, TextTable};

/// A table of words, with a title and what must be known to read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    pub title: String,
    /// Heads, and whether the column holds numbers.
    pub columns: Vec<(String, bool)>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<String>>,
    /// Below the table: splits, sizes, definitions.
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

    /// Adds a row; what is missing is empty, what is too much left out.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Heads and rows, quoted where needed; notes are not part of it.
    pub fn csv(&self) -> String {
        let head: Vec<String> = self
            .columns
            .iter()
            .map(|(title, _)| title.clone())
            .collect();
        let lines = [&head].into_iter().chain(&self.rows);
        lines.map(|row| csv_line(row) + "\n").collect()
    }

    pub fn markdown(&self) -> String {
        let escape = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", self.title);
        text += &line(
            self.columns
                .iter()
                .map(|(title, _)| escape(title))
                .collect(),
        );
        let rule = |number: &bool| if *number { "---:" } else { ":---" };
        text += &line(
            self.columns
                .iter()
                .map(|(_, number)| rule(number).to_string())
                .collect(),
        );
        for row in &self.rows {
            text += &line(row.iter().map(escape).collect());
        }
        for note in &self.notes {
            text += &format!("\n{note}\n");
        }
        text
    }

    /// A `table` environment with `booktabs` rules.
    pub fn latex(&self) -> String {
        let line = |cells: Vec<String>| format!("    {} \\\\\n", cells.join(" & "));
        let align: String = self
            .columns
            .iter()
            .map(|(_, number)| if *number { 'r' } else { 'l' })
            .collect();
        let mut text = format!(
            "\\begin{{table}}\n  \\centering\n  \\caption{{{}}}\n  \\begin{{tabular}}{{{align}}}\n    \\toprule\n",
            latex(&self.title)
        );
        text += &line(self.columns.iter().map(|(title, _)| latex(title)).collect());
        text += "    \\midrule\n";
        for row in &self.rows {
            text += &line(row.iter().map(|cell| latex(cell)).collect());
        }
        text += "    \\bottomrule\n  \\end{tabular}\n";
        for note in &self.notes {
            text += &format!("  \\par\\smallskip{{\\footnotesize {}}}\n", latex(note));
        }
        text + "\\end{table}\n"
    }

    pub fn text(&self) -> String {
        let columns: Vec<(&str, Align)> = self
            .columns
            .iter()
            .map(|(title, number)| {
                (
                    title.as_str(),
                    if *number { Align::Right } else { Align::Left },
                )
            })
            .collect();
        let mut table = TextTable::new(&columns);
        for row in &self.rows {
            table.row(row.iter().cloned());
        }
        let notes: String = self.notes.iter().map(|note| format!("{note}\n")).collect();
        format!("{}\n\n{}{notes}", self.title, table.text())
    }
}

/// One line of CSV, without its end.
pub(super) fn csv_line<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let cell = cell.as_ref();
            match cell.contains(['"', ',', '\n', '\r']) {
                true => format!("\"{}\"", cell.replace('"', "\"\"")),
                false => cell.to_string(),
            }
        })
        .collect();
    cells.join(",")
}

fn latex(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '±' => escaped += "$\\pm$",
            '−' => escaped += "$-$",
            '–' => escaped += "--",
            'β' => escaped += "$\\beta$",
            'ε' => escaped += "$\\varepsilon$",
            'α' => escaped += "$\\alpha$",
            'π' => escaped += "$\\pi$",
            'ρ' => escaped += "$\\rho$",
            '·' => escaped += "$\\cdot$",
            '\u{2009}' | '\u{202f}' => escaped += "\\,",
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
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
    fn latex_and_markdown_escape_what_they_would_take_for_signs() {
        let latex = sheet().latex();
        assert!(latex.contains("\\caption{Runs \\& seeds}"), "{latex}");
        assert!(
            latex.contains("50 \\% \"best\" & $-$1.5 $\\pm$ 0.2 \\\\"),
            "{latex}"
        );
        assert!(
            latex.contains("a|b\\_c &  \\\\") && latex.contains("{lr}"),
            "{latex}"
        );
        let markdown = sheet().markdown();
        assert!(markdown.contains("| a\\|b_c |  |") && markdown.contains("| :--- | ---: |"));
        assert!(sheet().text().ends_with("n = 3\n"));
    }
}
