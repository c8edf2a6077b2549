//! Output of commands on stdout, and the formats of numbers and times.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::Failure;
use crate::data::rows::{Row, write_jsonl};

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
        self.text(&format!("{text}\n"))
    }

    /// One JSON object on a line of its own.
    pub fn json_line(&self, value: &Value) -> Result<(), Failure> {
        self.text(&format!("{value}\n"))
    }

    /// A row, as one JSON object on a line of its own.
    pub fn row(&self, row: &Row) -> Result<(), Failure> {
        let mut line = Vec::new();
        write_jsonl(&mut line, [row])?;
        Ok(io::stdout().lock().write_all(&line)?)
    }

    pub fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }
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

/// A count, with a thin space between groups of three digits.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
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
    fn numbers_and_times_are_short() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number_of(1, "case", "cases"), "1 case");
        assert_eq!(number_of(0, "case", "cases"), "0 cases");
        assert_eq!(duration(200_400), "3 min 20 s");
        assert_eq!(duration(7_260_000), "2 h 1 min");
        assert_eq!(duration(1_540), "1.5 s");
    }
}
