//! Output of commands, and the formats of numbers and times.
//!
//! Everything that reaches the terminal goes through here (and `progress` and `meter`), so that no name, response or
//! error acts on it. Names and responses within a line go through `one_line` where the line is made.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::Failure;
use crate::data::rows::{Row, write_jsonl};
pub use crate::metrics::written::count;
use crate::operations::exports::CSV_MARK;
use crate::text::shown::{acts, one_line, visible};

/// Stdout. Writing fails, rather than panics, when its reader is gone.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// The document with `--json`, else the text.
    pub fn show<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.json {
            true => self.document(document),
            false => self.text(&text()),
        }
    }

    /// One JSON document.
    pub fn document<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        exactly(&format!("{}\n", harmless_json(&text)))
    }

    /// The same with the document on one line, for what goes on after it.
    pub fn show_line(
        &self,
        document: &Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.json {
            true => self.json_line(document),
            false => self.text(&text()),
        }
    }

    /// One JSON array, of which only one element is in memory.
    pub fn documents<T: Serialize>(
        &self,
        values: impl Iterator<Item = Result<T, Failure>>,
    ) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut before = "[\n";
        for value in values {
            let text = serde_json::to_string_pretty(&value?).map_err(io::Error::from)?;
            let indented = harmless_json(&text).replace('\n', "\n  ");
            write!(out, "{before}  {indented}")?;
            before = ",\n";
        }
        out.write_all(if before == "[\n" { b"[]\n" } else { b"\n]\n" })?;
        Ok(out.flush()?)
    }

    /// One JSON object on a line of its own.
    pub fn json_line(&self, value: &Value) -> Result<(), Failure> {
        exactly(&format!("{}\n", harmless_json(&value.to_string())))
    }

    /// A row, as one JSON object on a line of its own.
    pub fn row(&self, row: &Row) -> Result<(), Failure> {
        let mut line = Vec::new();
        write_jsonl(&mut line, [row])?;
        let line = String::from_utf8_lossy(&line);
        Ok(io::stdout()
            .lock()
            .write_all(harmless_json(&line).as_bytes())?)
    }

    /// Text for a person.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        exactly(&visible(text))
    }

    /// The content of a file, as it is unless a person would see it.
    pub fn content(&self, content: &str) -> Result<(), Failure> {
        match io::stdout().is_terminal() {
            true => self.text(content),
            false => exactly(content),
        }
    }
}

fn exactly(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// The same document, with the characters that JSON need not escape, but that act on a terminal, escaped.
fn harmless_json(json: &str) -> Cow<'_, str> {
    let escaped = |letter: char| letter != '\n' && acts(letter);
    if !json.contains(escaped) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        match escaped(letter) {
            // None of these is beyond U+FFFF, and all are within strings.
            true => out += &format!("\\u{:04x}", u32::from(letter)),
            false => out.push(letter),
        }
    }
    Cow::Owned(out)
}

/// The mark at the head of CSV for Excel, or nothing; `--excel` needs CSV.
pub fn csv_mark(excel: bool, csv: bool) -> Result<&'static str, Failure> {
    match (excel, csv) {
        (false, _) => Ok(""),
        (true, true) => Ok(CSV_MARK),
        (true, false) => Err(Failure::Usage(
            "--excel: is for CSV; add --format csv".to_string(),
        )),
    }
}

/// Writes a line for a person to stderr.
pub fn stderr_line(line: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(format!("{}\n", one_line(line)).as_bytes())
}

/// The same where a lost stderr, as on a full disk or with `| head`, must not end what goes on: it is in the store as
/// well, or in the exit code.
pub fn line_on_stderr(line: &str) {
    let _ = stderr_line(line);
}

/// A time in the local time zone if that is known, else in UTC.
pub fn moment(ms: i64) -> String {
    let offset = UtcOffset::current_local_offset();
    let Ok(utc) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000) else {
        return "–".to_string();
    };
    let local = utc.to_offset(offset.unwrap_or(UtcOffset::UTC));
    let text = local.format(format_description!("[year]-[month]-[day] [hour]:[minute]"));
    let zone = if offset.is_ok() { "" } else { " UTC" };
    text.map_or_else(|_| "–".to_string(), |text| text + zone)
}

/// A duration, such as `3 min 20 s`.
pub fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{:.1} s", ms.max(0) as f64 / 1000.0),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `1 case`, or `2 cases`: the words for one, and for any other number.
pub fn number_of(number: u64, one: &str, many: &str) -> String {
    let words = if number == 1 { one } else { many };
    format!("{} {words}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_harmless_and_says_the_same() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\n\"é😀";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let shown = harmless_json(&json);
        assert!(!shown.contains(|letter| acts(letter) && letter != '\n'));
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [text]);
    }

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number_of(1, "case", "cases"), "1 case");
        assert_eq!(number_of(0, "case", "cases"), "0 cases");
        assert_eq!(duration(200_400), "3 min 20 s");
        assert_eq!(duration(7_260_000), "2 h 1 min");
        assert_eq!(duration(1_540), "1.5 s");
    }
}
