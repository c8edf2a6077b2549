//! Tables as LaTeX documents that compile as they are, with packages that every distribution has.

use super::{Cell, Row, Table, figure};
use crate::report::escape::latex as escaped;

/// A whole document; comments mark the beginning and end of the table itself.
pub(super) fn document(table: &Table) -> String {
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
         % The table\n{}% The end of the table\n\
         \\end{{document}}\n",
        match table.number {
            6 => cases(table),
            _ => figures(table),
        }
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
        "\\begin{{table}}[ht]\n\\centering\n\\caption{{{}}}\n\\resizebox{{\\ifdim\\width>\\linewidth\
         \\linewidth\\else\\width\\fi}}{{!}}{{%\n\\begin{{tabular}}{{{columns}}}\n\\hline\n",
        escaped(&table.caption)
    );
    let titles = table.columns.iter().map(|column| escaped(&column.title));
    let head: Vec<String> = std::iter::once(escaped(&table.names))
        .chain(titles)
        .collect();
    text += &format!("{} \\\\\n\\hline\n", head.join(" & "));
    for row in &table.rows {
        text += &format!("{} \\\\\n", cells(row, table.columns.len()).join(" & "));
    }
    text += "\\hline\n\\end{tabular}}\n\n\\smallskip\n";
    text += &notes(table);
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
    text += &notes(table);
    text
}

fn notes(table: &Table) -> String {
    let mut text = String::from("{\\footnotesize\n");
    for note in &table.notes {
        text += &format!("\\par {}\n", escaped(note));
    }
    text += "\\par}\n";
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
