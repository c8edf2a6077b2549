//! How a text is a table: what separates its cells, where its header is, whether quotation marks quote.
//!
//! Found by looking at its first rows. Must not know what the columns mean.

use std::collections::HashMap;
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::source::{Found, FoundRow};
use super::{Separator, named};
use crate::data::error::DataError;

/// Rows that are looked at.
const SAMPLED: usize = 200;
/// Lines before the header, such as a summary of the table.
const LONGEST_PREAMBLE: usize = 10;
const LONGEST_NAME: usize = 60;
/// Of a name, such as a question that raters answered.
const MOST_WORDS: usize = 8;
const FIX: &str =
    "give a first line that names the columns, with the same separator between all cells";
/// How a table without a header is read all the same.
const NO_HEADER: &str = "give a first line that names the columns, or a mapping with `header = false` (its columns are \
                         called 1, 2 and so on then; `separator` and `forms` of [turns] cut a conversation in one cell), as \
                         `emprl corpus inspect --help` shows";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub separator: Separator,
    pub quoted: bool,
    /// Whether the first row names the columns.
    header: bool,
    /// Bytes before the header, and their lines.
    before: (usize, usize),
    /// As in the header; of columns of the same name the later ones with a number.
    pub names: Vec<String>,
}

impl Layout {
    /// The layout of a text that is a table, and sentences on it. A file whose name says so is one; of others every
    /// column must have the name of one.
    ///
    /// # Errors
    /// The name says that it is a table, and it is none.
    pub fn find(path: &Path, text: &str) -> Result<Option<(Layout, Vec<String>)>, DataError> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let told = ["csv", "tsv", "tab"].iter().any(|known| ending == *known);
        let best = Separator::ALL
            .into_iter()
            .filter_map(|separator| Sample::of(text, separator))
            .filter(|sample| sample.cells == 1 || sample.regular * 10 >= sample.records.len() * 6)
            .max_by_key(|sample| (sample.cells > 1, sample.regular));
        let Some(sample) = best.filter(|sample| told || sample.is_regular()) else {
            return Ok(None);
        };
        let Some(header) = sample.header(told) else {
            let first = text.lines().next().unwrap_or_default();
            let what = format!("has no header: its first line is {}", named(&[first]));
            return match told {
                true => Err(DataError::line(path, 1, what, NO_HEADER)),
                false => Ok(None),
            };
        };
        let mut notes = Vec::new();
        let head = &sample.records[header];
        let position = head.position();
        let before = position.map_or((0, 0), |at| {
            (at.byte() as usize, (at.line() as usize).saturating_sub(1))
        });
        if header > 0 {
            notes.push(format!(
                "The header is in line {}; {} before it {} left out.",
                before.1 + 1,
                if header == 1 { "the row" } else { "the rows" },
                if header == 1 { "is" } else { "are" },
            ));
        }
        let mut layout = Layout {
            separator: sample.separator,
            quoted: true,
            header: true,
            before,
            names: names(head, &mut notes),
        };
        layout.find_quotes(text);
        if !layout.quoted {
            notes.push(
                "Quotation marks are part of the texts: they do not quote cells.".to_string(),
            );
        }
        Ok(Some((layout, notes)))
    }

    /// The layout of a text that is a table without a header: its columns are called 1, 2 and so on. Without a separator
    /// that most rows have, each line is one cell.
    pub fn without_header(path: &Path, text: &str) -> Layout {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let of_name = match ending.to_str() {
            Some("tsv" | "tab") => &[Separator::Tab][..],
            Some("csv") => &[Separator::Comma, Separator::Semicolon],
            _ => &Separator::ALL,
        };
        let samples = of_name
            .iter()
            .filter_map(|separator| Sample::of(text, *separator));
        let best = samples
            .filter(Sample::is_regular)
            .max_by_key(|sample| sample.regular);
        let (separator, cells) = best.map_or((Separator::Tab, 1), |sample| {
            (sample.separator, sample.cells)
        });
        let mut layout = Layout {
            separator,
            quoted: true,
            header: false,
            before: (0, 0),
            names: (1..=cells).map(|number| number.to_string()).collect(),
        };
        layout.find_quotes(text);
        layout
    }

    /// Whether quotation marks quote: not where rows are even without.
    fn find_quotes(&mut self, text: &str) {
        let (irregular, broken) = self.irregular(text);
        if irregular + broken > 0 {
            self.quoted = false;
            // A text over several lines would be rows of too few cells.
            let (without, _) = self.irregular(text);
            self.quoted = without > 0 && without >= irregular;
        }
    }

    fn reader<'a>(&self, text: &'a str) -> Reader<&'a [u8]> {
        ReaderBuilder::new()
            .has_headers(self.header)
            .delimiter(self.separator.byte())
            .quoting(self.quoted)
            .flexible(true)
            .from_reader(&text.as_bytes()[self.before.0.min(text.len())..])
    }

    /// Rows that have another number of cells than the header, and rows with a line break in a cell.
    fn irregular(&self, text: &str) -> (usize, usize) {
        let mut record = csv::ByteRecord::new();
        let mut reader = self.reader(text);
        let (mut irregular, mut broken) = (0, 0);
        while let Ok(true) = reader.read_byte_record(&mut record) {
            irregular += usize::from(record.len() != self.names.len());
            broken += usize::from(record.iter().any(|cell| cell.contains(&b'\n')));
        }
        (irregular, broken)
    }

    /// The rows; one with another number of cells than the header is a problem.
    pub fn rows<'a>(
        &'a self,
        path: &'a Path,
        text: &'a str,
    ) -> impl Iterator<Item = Result<Found, DataError>> + 'a {
        let odd = text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        let mut records = self.reader(text).into_records().peekable();
        std::iter::from_fn(move || {
            let record = match records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(DataError::file(path, error.to_string(), FIX))),
            };
            let line = record.position().map_or(0, |at| {
                // A line that ends in two characters is counted once its second is read.
                let at_its_end = text.as_bytes().get(self.before.0 + at.byte() as usize);
                at.line() as usize + usize::from(at_its_end == Some(&b'\n'))
            });
            let line = line + self.before.1;
            let is_last = records.peek().is_none();
            if is_last && odd && self.quoted && record.iter().any(|cell| cell.contains('\n')) {
                let what = "a quotation mark is opened and never closed";
                let fix = "close it, or double a mark inside a text";
                return Some(Err(DataError::line(path, line, what, fix)));
            }
            Some(Ok(self.row(line, &record)))
        })
    }

    fn row(&self, line: usize, record: &StringRecord) -> Found {
        if record.len() != self.names.len() {
            let what = format!(
                "has {} cells where {} {}",
                record.len(),
                if self.header {
                    "the header has"
                } else {
                    "most rows have"
                },
                self.names.len()
            );
            return Found::Problem { line, what };
        }
        let cells = self.names.iter().zip(record);
        let fields: Map<String, Value> = cells
            .map(|(name, cell)| (name.clone(), Value::from(cell)))
            .collect();
        Found::Row(FoundRow { line, fields })
    }
}

/// The first rows of a text under one separator.
struct Sample {
    separator: Separator,
    records: Vec<StringRecord>,
    /// Cells that most rows have.
    cells: usize,
    /// Rows that have as many.
    regular: usize,
}

impl Sample {
    fn of(text: &str, separator: Separator) -> Option<Sample> {
        let reader = ReaderBuilder::new()
            .delimiter(separator.byte())
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let records: Vec<StringRecord> = reader
            .into_records()
            .take(SAMPLED)
            .collect::<Result<_, _>>()
            .ok()?;
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for record in &records {
            *counts.entry(record.len()).or_default() += 1;
        }
        // A header alone is a table, too, and of few rows the wider ones are no preamble.
        let (cells, regular) = counts
            .into_iter()
            .max_by_key(|(cells, rows)| (*rows, *cells))?;
        Some(Sample {
            separator,
            records,
            cells,
            regular,
        })
    }

    fn is_regular(&self) -> bool {
        self.cells > 1 && self.records.len() > 1 && self.regular * 10 >= self.records.len() * 9
    }

    /// The first row that has as many cells as most rows, all of them names.
    fn header(&self, told: bool) -> Option<usize> {
        let first = self.records.iter().take(LONGEST_PREAMBLE);
        let mut wide = first.enumerate().filter(|(_, row)| row.len() == self.cells);
        let (at, row) = wide.next()?;
        let is_name = |(at, cell): (usize, &str)| {
            // A comma and a space are of a sentence.
            let sentence = !told && cell.starts_with(' ');
            let cell = cell.trim().trim_start_matches('\u{feff}');
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let question = || {
                let short = cell.chars().count() <= LONGEST_NAME;
                short
                    && cell.split_whitespace().count() <= MOST_WORDS
                    && cell.parse::<f64>().is_err()
            };
            let fits = cell.chars().all(word) && cell.parse::<f64>().is_err()
                || told && self.cells > 1 && question();
            // The column of row numbers that pandas writes first has no name.
            fits && !sentence && (!cell.is_empty() || at == 0)
        };
        row.iter().enumerate().all(is_name).then_some(at)
    }
}

fn names(head: &StringRecord, notes: &mut Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(head.len());
    let mut twice = Vec::new();
    for (at, cell) in head.iter().enumerate() {
        let plain = match cell.trim() {
            "" if at == 0 => "index",
            cell => cell,
        };
        let mut name = plain.to_string();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{plain}.{number}");
        }
        if number > 1 {
            twice.push(name.clone());
        }
        names.push(name);
    }
    if !twice.is_empty() {
        let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
        notes.push(format!(
            "Columns whose name is there before are called {}.",
            named(&twice)
        ));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Option<(Layout, Vec<String>)> {
        Layout::find(Path::new(name), text).unwrap()
    }

    fn rows(name: &str, text: &str) -> Vec<String> {
        let path = Path::new(name);
        let (layout, _) = found(name, text).unwrap();
        let cells = |found: Result<Found, DataError>| match found {
            Ok(Found::Row(row)) => {
                let cells: Vec<&str> = row.fields.values().filter_map(Value::as_str).collect();
                format!("{}:{}", row.line, cells.join("/"))
            }
            Ok(Found::Problem { line, what }) => format!("{line}: {what}"),
            Err(error) => error.to_string(),
        };
        layout.rows(path, text).map(cells).collect()
    }

    #[test]
    fn separators_quotes_and_preambles_are_found() {
        for (name, text) in [
            ("a.csv", "id,text\n1,\"a, b\"\n2,c\n"),
            ("a.csv", "id,text\r\n1,\"a, b\"\r\n2,c\r\n"),
            ("a.csv", "id;text\n1;a, b\n2;c\n"),
            ("a.tsv", "id\ttext\n1\ta, b\n2\tc\n"),
            ("a.txt", "id|text\n1|a, b\n2|c\n"),
        ] {
            assert_eq!(rows(name, text), ["2:1/a, b", "3:2/c"], "{text}");
        }
        let literal = "id\ttext\n1\t\"Well\n2\tno\n3\t\"\n";
        assert_eq!(rows("a.tsv", literal), ["2:1/\"Well", "3:2/no", "4:3/\""]);
        let summary = "mean,sd\n0.5,0.1\nid,text,level\n1,a,0\n2,b,1\n3,c,2\n";
        assert_eq!(rows("a.csv", summary)[0], "4:1/a/0");
        let (layout, notes) = found("a.csv", summary).unwrap();
        assert_eq!(layout.names, ["id", "text", "level"]);
        assert_eq!(
            notes,
            ["The header is in line 3; the rows before it are left out."]
        );
        let (layout, _) = found("a.csv", ",text,text\n0,a,b\n").unwrap();
        assert_eq!(layout.names, ["index", "text", "text.2"]);
    }

    #[test]
    fn what_is_no_table_is_none() {
        assert_eq!(found("a.txt", "Well, no.\nYes, it is.\n"), None);
        assert_eq!(found("a.txt", "Hello there.\nHi!\n"), None);
        let error = Layout::find(Path::new("a.tsv"), "1.0 0 Hello\n1.0 1 Hi there, you\n");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`header = false`"), "{error}");
        assert_eq!(
            rows("a.csv", "a,b\n1,2\n1,2,3\n4,5\n")[1],
            "3: has 3 cells where the header has 2"
        );
        let open = rows("a.csv", "a,b\n1,\"x, y\"\n2,\"z\n3,4\n");
        assert!(open[1].contains("never closed"), "{open:?}");
    }

    #[test]
    fn a_table_without_a_header_has_numbered_columns() {
        let read = |name: &str, text: &str| -> Vec<String> {
            let layout = Layout::without_header(Path::new(name), text);
            let rows = layout.rows(Path::new(name), text);
            rows.map(|found| match found.unwrap() {
                Found::Row(row) => format!("{}: {}", row.line, Value::Object(row.fields)),
                Found::Problem { line, what } => format!("{line}: {what}"),
            })
            .collect()
        };
        let one = "1.0 0 Hello, you\n1.0 1 \"Hi\" there\n";
        assert_eq!(
            read("a.tsv", one),
            [
                r#"1: {"1":"1.0 0 Hello, you"}"#,
                r#"2: {"1":"1.0 1 \"Hi\" there"}"#
            ]
        );
        let two = read("a.csv", "a,\"b, c\"\nd,e\n");
        assert_eq!(two[0], r#"1: {"1":"a","2":"b, c"}"#);
    }
}
