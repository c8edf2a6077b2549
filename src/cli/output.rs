//! Output of commands on stdout, and the formats of numbers and times.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Value;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::Failure;
use crate::data::rows::{Row, write_jsonl};
pub use crate::metrics::written::count;

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

    /// One JSON array, of which only one element is in memory.
    pub fn documents<T: Serialize>(
        &self,
        values: impl Iterator<Item = Result<T, Failure>>,
    ) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut json = serde_json::Serializer::pretty(&mut out);
        let mut array = json.serialize_seq(None).map_err(io::Error::from)?;
        for value in values {
            array.serialize_element(&value?).map_err(io::Error::from)?;
        }
        array.end().map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
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

/// Writes a line to stderr. A lost stderr, as on a full disk or with `| head`, must not end what goes on; what is
/// written there is in the store as well, or in the exit code.
pub fn stderr_line(line: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(format!("{line}\n").as_bytes())
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
    fn numbers_and_times_are_short() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number_of(1, "case", "cases"), "1 case");
        assert_eq!(number_of(0, "case", "cases"), "0 cases");
        assert_eq!(duration(200_400), "3 min 20 s");
        assert_eq!(duration(7_260_000), "2 h 1 min");
        assert_eq!(duration(1_540), "1.5 s");
    }
}
