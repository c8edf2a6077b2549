//! Tables as LaTeX documents that compile as they are, with packages that every distribution has.

use super::{Cell, Row, Table, figure};

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

/// Escapes text. Characters that the fonts of a plain installation lack are written as code points.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        let written = match letter {
            '\\' => "\\textbackslash{}",
            '{' => "\\{",
            '}' => "\\}",
            '$' => "\\$",
            '&' => "\\&",
            '#' => "\\#",
            '%' => "\\%",
            '_' => "\\_",
            '^' => "\\textasciicircum{}",
            '~' => "\\textasciitilde{}",
            '<' => "\\textless{}",
            '>' => "\\textgreater{}",
            '|' => "\\textbar{}",
            '"' => "\\textquotedbl{}",
            '\'' => "\\textquotesingle{}",
            '`' => "\\textasciigrave{}",
            '[' => "{[}",
            ']' => "{]}",
            '*' => "{*}",
            '-' => "{-}",
            '–' => "\\textendash{}",
            '—' => "\\textemdash{}",
            '‘' => "\\textquoteleft{}",
            '’' => "\\textquoteright{}",
            '“' => "\\textquotedblleft{}",
            '”' => "\\textquotedblright{}",
            '…' => "\\ldots{}",
            '€' => "\\texteuro{}",
            '\u{a0}' | '\u{202f}' | '\u{2009}' => "~",
            '\n' | '\r' | '\t' => " ",
            ' '..='~' | '¡'..='¬' | '®'..='ÿ' => {
                out.push(letter);
                continue;
            }
            // Joiners and marks of emoji have no form of their own.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => "",
            other => {
                out += &format!("{{[}}U+{:04X}{{]}}", u32::from(other));
                continue;
            }
        };
        out += written;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_a_command() {
        assert_eq!(
            escaped(r"50% of $5 & {x}_1 #2 \n ~^"),
            r"50\% of \$5 \& \{x\}\_1 \#2 \textbackslash{}n \textasciitilde{}\textasciicircum{}"
        );
        assert_eq!(
            escaped("“Hi” … café 😀"),
            "\\textquotedblleft{}Hi\\textquotedblright{} \\ldots{} café {[}U+1F600{]}"
        );
    }
}
