//! One page that stands alone: tables, curves, cases and what they were made of, for a reviewer's browser. Without scripts,
//! and nothing in it is loaded from elsewhere. Knows no store.

use std::fmt::Write;

use super::escape::html;
use super::judging::known_by;
use super::tables::{Cell, Table, words};

const STYLE: &str = include_str!("../../../../assets/report/report.css");

/// What figures were made of: a run, a system, a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its anchor in the page: `run-3`.
    pub anchor: String,
    /// What rows and columns of tables call it: `run 3`, a system's name.
    pub names: Vec<String>,
    pub title: String,
    /// What is known of it, each with its name.
    pub facts: Vec<(String, String)>,
    /// Whole texts, such as its settings, each with its name.
    pub texts: Vec<(String, String)>,
}

/// A table with the anchors of what all of it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcedTable {
    pub table: Table,
    pub made_of: Vec<String>,
}

/// A plot with the anchors of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcedFigure {
    pub title: String,
    /// Of what was drawn, by its definition.
    pub words: String,
    pub svg: String,
    pub made_of: Vec<String>,
}

/// All that is in the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportPage {
    pub title: String,
    /// Under the title, each a paragraph.
    pub about: Vec<String>,
    pub tables: Vec<SourcedTable>,
    pub figures: Vec<SourcedFigure>,
    /// What each figure is called and how it is defined.
    pub definitions: Vec<(String, String)>,
    pub sources: Vec<Source>,
}

impl ReportPage {
    /// The page as HTML.
    pub fn html(&self) -> String {
        let mut body = format!("<h1>{}</h1>\n", html(&self.title));
        for line in &self.about {
            let _ = writeln!(body, "<p>{}</p>", html(line));
        }
        self.contents(&mut body);
        for table in &self.tables {
            self.table(table, &mut body);
        }
        if !self.figures.is_empty() {
            body += "<h2 id=\"curves\">Curves</h2>\n";
        }
        for figure in &self.figures {
            let _ = writeln!(
                body,
                "<figure>{}<figcaption>{} {} {}</figcaption></figure>",
                drawing(&figure.svg),
                html(&figure.title),
                html(&figure.words),
                self.made_of(&figure.made_of)
            );
        }
        if !self.definitions.is_empty() {
            body += "<h2 id=\"methods\">Methods</h2>\n<dl>\n";
            for (name, words) in &self.definitions {
                let _ = writeln!(body, "<dt>{}</dt><dd>{}</dd>", html(name), html(words));
            }
            body += "</dl>\n";
        }
        body += "<h2 id=\"sources\">What the figures were made of</h2>\n";
        for source in &self.sources {
            let _ = writeln!(
                body,
                "<section id=\"{}\"><h3>{}</h3>\n<dl>",
                html(&source.anchor),
                html(&source.title)
            );
            for (name, words) in &source.facts {
                let _ = writeln!(body, "<dt>{}</dt><dd>{}</dd>", html(name), html(words));
            }
            body += "</dl>\n";
            for (name, text) in &source.texts {
                let _ = writeln!(
                    body,
                    "<details><summary>{}</summary><pre>{}</pre></details>",
                    html(name),
                    html(text)
                );
            }
            body += "</section>\n";
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {}; base-uri 'none'; form-action \
             'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
            known_by(&format!("\n{STYLE}")),
            html(&self.title)
        )
    }

    /// Links to the parts of the page.
    fn contents(&self, body: &mut String) {
        let mut parts: Vec<(String, String)> = Vec::new();
        for SourcedTable { table, .. } in &self.tables {
            parts.push((table.file_stem(), table.heading()));
        }
        let others = [
            ("curves", "Curves", !self.figures.is_empty()),
            ("methods", "Methods", !self.definitions.is_empty()),
            ("sources", "What the figures were made of", true),
        ];
        let others = others.into_iter().filter(|(.., is_there)| *is_there);
        parts.extend(others.map(|(anchor, title, _)| (anchor.to_string(), title.to_string())));
        *body += "<nav><ul>\n";
        for (anchor, title) in parts {
            let _ = writeln!(
                body,
                "<li><a href=\"#{}\">{}</a></li>",
                html(&anchor),
                html(&title)
            );
        }
        *body += "</ul></nav>\n";
    }

    fn table(&self, SourcedTable { table, made_of }: &SourcedTable, body: &mut String) {
        let anchor = html(&table.file_stem());
        let _ = write!(
            body,
            "<h2 id=\"{anchor}\">{}</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">{}</th>",
            html(&table.heading()),
            html(&table.names)
        );
        for column in &table.columns {
            let _ = write!(body, "<th scope=\"col\">{}</th>", html(&column.title));
        }
        *body += "</tr></thead>\n<tbody>\n";
        for (at, row) in table.rows.iter().enumerate() {
            let _ = write!(body, "<tr><th scope=\"row\">{}</th>", html(&row.name));
            for (place, column) in table.columns.iter().enumerate() {
                let cell = row.cells.get(place).unwrap_or(&Cell::Nothing);
                let written = html(&words(cell));
                let written = match table.is_bold(at, place) {
                    true => format!("<b>{written}</b>"),
                    false => written,
                };
                let class = match cell {
                    Cell::Figure { .. } => "number",
                    Cell::Nothing | Cell::Words(_) => "text",
                };
                let written = match cell {
                    Cell::Nothing => written,
                    Cell::Figure { .. } | Cell::Words(_) => {
                        let of = self.source_of([&row.name, &column.title]);
                        let below = format!("{anchor}-made-of");
                        let of = of.unwrap_or(&below);
                        format!("<a href=\"#{}\">{written}</a>", html(of))
                    }
                };
                let _ = write!(body, "<td class=\"{class}\">{written}</td>");
            }
            *body += "</tr>\n";
        }
        *body += "</tbody></table></div>\n";
        let _ = writeln!(
            body,
            "<p id=\"{anchor}-made-of\">{}</p>\n<ul class=\"notes\">",
            self.made_of(made_of)
        );
        for note in table.lines_below() {
            let _ = writeln!(body, "<li>{}</li>", html(&note));
        }
        *body += "</ul>\n";
    }

    /// The anchor of what a row or a column names; None where neither names one thing alone.
    fn source_of(&self, titles: [&str; 2]) -> Option<&String> {
        let named = |source: &&Source| {
            let mut names = source.names.iter();
            names.any(|name| titles.iter().any(|title| has_words(title, name)))
        };
        let mut sources = self.sources.iter().filter(named);
        match (sources.next(), sources.next()) {
            (Some(only), None) => Some(&only.anchor),
            _ => None,
        }
    }

    /// Links to what something was made of.
    fn made_of(&self, anchors: &[String]) -> String {
        let link = |anchor: &String| {
            let source = self.sources.iter().find(|source| source.anchor == *anchor);
            let title = source.map_or(anchor, |source| &source.title);
            format!("<a href=\"#{}\">{}</a>", html(anchor), html(title))
        };
        let links: Vec<String> = anchors.iter().map(link).collect();
        format!("Made of {}.", links.join(", "))
    }
}

/// Whether a title has a name in it that is no part of a longer word: `run 1` is not in `run 12`.
fn has_words(title: &str, name: &str) -> bool {
    let is_end = |letter: Option<char>| !letter.is_some_and(char::is_alphanumeric);
    !name.is_empty()
        && title.match_indices(name).any(|(at, found)| {
            is_end(title[..at].chars().next_back())
                && is_end(title[at + found.len()..].chars().next())
        })
}

/// A drawing without what may only stand at the beginning of a file of its own.
fn drawing(svg: &str) -> &str {
    svg.find("<svg").map_or("", |at| &svg[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_leads_to_what_it_names_and_nothing_is_taken_for_html() {
        let source = |anchor: &str, name: &str| Source {
            anchor: anchor.into(),
            names: vec![name.into()],
            title: format!("Run <{name}>"),
            facts: vec![("SHA-256".into(), "ab<cd".into())],
            texts: vec![("Settings".into(), "</pre><script>alert(1)</script>".into())],
        };
        let page = ReportPage {
            title: "A & <b>".into(),
            sources: vec![source("run-1", "run 1"), source("run-12", "run 12")],
            ..ReportPage::default()
        };
        let of = |titles: [&str; 2]| page.source_of(titles).map(String::as_str);
        assert_eq!(of(["policy (run 1)", "PPL"]), Some("run-1"));
        assert_eq!(of(["policy", "Accuracy (%), run 12"]), Some("run-12"));
        assert_eq!(of(["run 1 and run 12", "PPL"]), None);
        assert_eq!(of(["policy", "PPL"]), None);
        let text = page.html();
        assert!(text.contains("<title>A &amp; &lt;b&gt;</title>"), "{text}");
        assert!(
            !text.contains("<script") && text.contains("id=\"run-12\""),
            "{text}"
        );
    }
}
