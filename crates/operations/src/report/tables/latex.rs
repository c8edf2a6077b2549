//! Tables as LaTeX documents that compile as they are, with packages that every distribution has.

use super::{Cell, Row, Table, figure};
use crate::metrics::signature::Signature;
use crate::report::escape::latex as escaped;
use crate::report::{Sheet, signature_lines};
use crate::text::shown::one_line;

/// A whole document; comments mark the beginning and end of the table itself.
pub(super) fn document(table: &Table) -> String {
    whole(&match table.number {
        6 => cases(table),
        _ => figures(table),
    })
}

/// Sheets one after another as a whole document.
pub fn sheets(sheets: &[Sheet]) -> String {
    let tables: Vec<String> = sheets.iter().map(sheet).collect();
    whole(&tables.join("\n"))
}

fn whole(tables: &str) -> String {
    format!(
        "\\documentclass{{article}}\n\
         \\usepackage[T1]{{fontenc}}\n\
         \\usepackage[utf8]{{inputenc}}\n\
         \\usepackage[margin=2cm]{{geometry}}\n\
         \\usepackage{{textcomp}}\n\
         \\usepackage{{graphicx}}\n\
         \\usepackage{{colortbl}}\n\
         \\usepackage{{longtable}}\n\
         \\definecolor{{reported}}{{gray}}{{0.93}}\n\
         \\begin{{document}}\n\
         % The table\n{tables}% The end of the table\n\
         \\end{{document}}\n",
    )
}

/// A sheet without rows is its notes alone.
fn sheet(sheet: &Sheet) -> String {
    let mut text = format!(
        "\\begin{{table}}[ht]\n\\centering\n\\caption{{{}}}\n",
        escaped(&sheet.title)
    );
    if !sheet.rows.is_empty() {
        let align = |number: bool| if number { 'r' } else { 'l' };
        let columns = sheet.columns.iter().map(|(_, number)| align(*number));
        text += &begin_tabular(&columns.collect::<String>());
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let titles = sheet.columns.iter().map(|(title, _)| escaped(title));
        text += &line(titles.collect());
        text += "\\hline\n";
        for row in &sheet.rows {
            text += &line(row.iter().map(|cell| escaped(cell)).collect());
        }
        text += "\\hline\n\\end{tabular}}\n\n\\smallskip\n";
    }
    text += &notes(&sheet.notes, &sheet.signatures);
    text += "\\end{table}\n";
    text
}

/// The beginning of a table that is no wider than the page.
fn begin_tabular(columns: &str) -> String {
    format!(
        "\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n\
         \\begin{{tabular}}{{{columns}}}\n\\hline\n"
    )
}

fn figures(table: &Table) -> String {
    let mut columns = String::from("l");
    for column in &table.columns {
        columns += match column.reported {
            true => ">{\\columncolor{reported}}r",
            false => "r",
        };
    }
    let mut text = format!(
        "\\begin{{table}}[ht]\n\\centering\n\\caption{{{}}}\n",
        escaped(&table.caption)
    );
    text += &begin_tabular(&columns);
    let titles = table.columns.iter().map(|column| escaped(&column.title));
    let head: Vec<String> = std::iter::once(escaped(&table.names))
        .chain(titles)
        .collect();
    text += &format!("{} \\\\\n\\hline\n", head.join(" & "));
    for (at, row) in table.rows.iter().enumerate() {
        let mut cells = cells(row, table.columns.len());
        for (_, column) in table.bold.iter().filter(|(row, _)| *row == at) {
            // The first cell is the row's name.
            if let Some(cell) = cells.get_mut(column + 1) {
                *cell = format!("\\textbf{{{cell}}}");
            }
        }
        text += &format!("{} \\\\\n", cells.join(" & "));
    }
    text += "\\hline\n\\end{tabular}}\n\n\\smallskip\n";
    text += &notes(&table.notes_below(), &table.signatures);
    text += "\\end{table}\n";
    text
}

/// Cases are longer than a page.
fn cases(table: &Table) -> String {
    let mut text = format!(
        "\\begin{{longtable}}{{lp{{0.8\\linewidth}}}}\n\\caption{{{}}}\\\\\n\\hline\n",
        escaped(&table.caption)
    );
    for row in &table.rows {
        match row.cells.is_empty() {
            true => {
                text += &format!(
                    "\\hline\n\\multicolumn{{2}}{{l}}{{\\textbf{{{}}}}} \\\\\n\\hline\n",
                    escaped(&row.name)
                )
            }
            false => text += &format!("{} \\\\\n", cells(row, 1).join(" & ")),
        }
    }
    text += "\\hline\n\\end{longtable}\n";
    text += &notes(&table.notes_below(), &table.signatures);
    text
}

/// The notes, and the signatures as comments.
fn notes(notes: &[String], signatures: &[Signature]) -> String {
    let mut text = String::from("{\\footnotesize\n");
    for note in notes {
        text += &format!("\\par {}\n", escaped(note));
    }
    text += "\\par}\n";
    for line in signature_lines(signatures) {
        text += &format!("% {}\n", one_line(&line));
    }
    text
}

fn cells(row: &Row, columns: usize) -> Vec<String> {
    let mut cells = vec![escaped(&row.name)];
    cells.extend(row.cells.iter().map(|cell| match cell {
        Cell::Nothing => "--".to_string(),
        Cell::Words(words) => escaped(words),
        Cell::Figure { value, interval } => match interval {
            None => figure(*value),
            Some((low, high)) => {
                format!(
                    "{} {{\\scriptsize [{}, {}]}}",
                    figure(*value),
                    figure(*low),
                    figure(*high)
                )
            }
        },
    }));
    cells.resize(1 + columns, String::new());
    cells
}

impl Sheet {
    /// As a LaTeX document that compiles as it is.
    pub fn latex(&self) -> String {
        sheets(std::slice::from_ref(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_escaped_as_a_table_is() {
        let mut sheet = Sheet::new(
            "Runs & seeds",
            vec![("Run".into(), false), ("[ours]".into(), true)],
        );
        sheet.row(["*x".into(), "−1.5 ± 0.2".into()]);
        sheet.row(["a_b & c%".into(), "1e-5 β".into()]);
        sheet.notes.push("n = 3 😀".into());
        let latex = sheet.latex();
        for part in [
            "\\caption{Runs \\& seeds}",
            "\\begin{tabular}{lr}",
            "Run & {[}ours{]} \\\\\n",
            "{*}x & $-$1.5 $\\pm$ 0.2 \\\\\n",
            "a\\_b \\& c\\% & 1e{-}5 $\\beta$ \\\\\n",
            "n = 3 {[}U+1F600{]}",
            "\\end{document}",
        ] {
            assert!(latex.contains(part), "{part}: {latex}");
        }
        sheet.rows.clear();
        assert!(!sheet.latex().contains("tabular"), "no empty table");
    }
}
