//! Columns of a table of runs: any name of the vocabulary, for curves with the last, min or max value.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Entry, names};
use crate::experiment::{Held, RecordedSettings, setting};
use crate::filter::{Fact, Facts, Kind, Part, Vocabulary};
use crate::metrics::Digits;
use crate::metrics::declared::declared;

pub const DEFAULT_COLUMNS: [&str; 11] = [
    "id",
    "name",
    "seed",
    "status",
    "reward",
    "kl",
    "emp_f1",
    "test.emp_f1",
    "stage",
    "started",
    "experiment",
];

/// A column, written as in a filter: `kl`, `max(kl)`, `ppo.lr`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Column {
    name: String,
    part: Part,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Missing,
    Number(f64),
    /// A setting that was changed during the run.
    Held(Held),
    Text(String),
    /// Milliseconds since the Unix epoch.
    Moment(i64),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no column `{0}`; a column is a name such as kl, max(kl), test.emp_f1 or ppo.lr")]
pub struct NoColumn(pub String);

impl FromStr for Column {
    type Err = NoColumn;

    fn from_str(text: &str) -> Result<Self, NoColumn> {
        let text = text.trim();
        let no_column = || NoColumn(text.to_string());
        let (part, name) = Part::ALL
            .into_iter()
            .find_map(|part| {
                let inner = text.strip_prefix(part.key())?.strip_prefix('(')?;
                Some((part, inner.strip_suffix(')')?))
            })
            .unwrap_or((Part::Last, text));
        let known = names::vocabulary().name(name).ok_or_else(no_column)?;
        if part != Part::Last && known.kind != (Kind::Number { curve: true }) {
            return Err(no_column());
        }
        Ok(Column {
            name: name.to_string(),
            part,
        })
    }
}

impl TryFrom<String> for Column {
    type Error = NoColumn;
    fn try_from(text: String) -> Result<Self, NoColumn> {
        text.parse()
    }
}

impl From<Column> for String {
    fn from(column: Column) -> String {
        column.to_string()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Last => f.write_str(&self.name),
            part => write!(f, "{}({})", part.key(), self.name),
        }
    }
}

impl Column {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn part(&self) -> Part {
        self.part
    }

    /// The same column with another value of the curve.
    pub fn with_part(&self, part: Part) -> Column {
        Column {
            name: self.name.clone(),
            part,
        }
    }

    /// The metric's full name, if the column shows a metric.
    pub fn metric(&self) -> Option<&str> {
        let key = names::unalias(&self.name);
        declared(key).map(|_| key)
    }

    /// A short title, with the part of a curve.
    pub fn title(&self) -> String {
        let name = self.plain_title();
        match self.part {
            Part::Last => name,
            part => format!("{name}, {}", part.key()),
        }
    }

    fn plain_title(&self) -> String {
        if let Some(figure) = self.name.strip_prefix(names::TEST) {
            let title = match figure {
                "n" => "Examples",
                "words" => "Words",
                _ => match declared(&format!("validation/{figure}")) {
                    Some(metric) => return metric.name.into_owned(),
                    None => figure,
                },
            };
            return title.to_string();
        }
        match self.name.as_str() {
            "id" => "Run".into(),
            "tag" => "Tags".into(),
            "reward" => "Reward".into(),
            "kl" => "KL".into(),
            name => match (self.metric().and_then(declared), setting(name)) {
                (Some(metric), _) => metric.name.into_owned(),
                (_, Some(_)) => name.to_string(),
                _ if RecordedSettings::is_path(name) => name.to_string(),
                _ => {
                    let mut letters = name.chars();
                    let first = letters.next().map(|first| first.to_uppercase().to_string());
                    first.unwrap_or_default() + letters.as_str()
                }
            },
        }
    }

    /// The second line of its heading: on which examples its figures were measured, if it shows figures.
    pub fn measured_on(&self) -> Option<&'static str> {
        if self.name.starts_with(names::TEST) {
            return Some("test split");
        }
        match (self.metric()?.starts_with("validation/"), self.part) {
            (true, Part::Last) => Some("valid. subset, last"),
            (true, Part::Min) => Some("valid. subset, least"),
            (true, Part::Max) => Some("valid. subset, greatest"),
            (false, Part::Last) => Some("last"),
            (false, Part::Min) => Some("least"),
            (false, Part::Max) => Some("greatest"),
        }
    }

    /// A full description.
    pub fn definition(&self) -> String {
        let value = match self.part {
            Part::Last => "last",
            Part::Min => "least finite",
            Part::Max => "greatest finite",
        };
        if let Some(metric) = self.metric().and_then(declared) {
            let on = if metric.key.starts_with("validation/") {
                " on the validation subset (evaluation.subset)"
            } else {
                ""
            };
            return format!(
                "{}{on}: the {value} value. {}",
                metric.name, metric.definition
            );
        }
        if let Some(setting) = setting(&self.name) {
            return format!("{}: {}", setting.path, setting.help());
        }
        let known = names::vocabulary().name(&self.name);
        let help = known.as_ref().map_or("", |name| name.help.as_str());
        let figure = self.name.strip_prefix(names::TEST);
        let more = figure
            .and_then(|figure| declared(&format!("validation/{figure}")))
            .map_or(String::new(), |metric| format!(". {}", metric.definition));
        format!("{}: {help}{more}", self.plain_title())
    }

    pub fn is_number(&self) -> bool {
        let known = names::vocabulary().name(&self.name);
        known.is_some_and(|name| matches!(name.kind, Kind::Number { .. }))
    }

    /// Whether it is measured, so that a mean over runs makes sense.
    pub fn is_figure(&self) -> bool {
        self.metric().is_some() || self.name.starts_with(names::TEST)
    }

    /// How its numbers are written; None for integers and settings, which keep all their digits.
    pub fn digits(&self) -> Option<Digits> {
        match self.name.strip_prefix(names::TEST) {
            Some("n") => None,
            Some("words") => Some(Digits::WORDS),
            Some(figure) => Some(Digits::of(&format!("validation/{figure}"))),
            None => self.metric().map(Digits::of),
        }
    }

    pub fn cell(&self, entry: &Entry) -> Cell {
        if let Some(held) = entry.changed_held(&self.name) {
            return Cell::Held(held);
        }
        match entry.fact(&self.name, self.part) {
            Fact::Missing => Cell::Missing,
            Fact::Number(value) => Cell::Number(value),
            // Only a changed setting has several, which is returned above.
            Fact::Numbers(values) => values
                .last()
                .map_or(Cell::Missing, |last| Cell::Number(*last)),
            Fact::Text(text) if text.is_empty() => Cell::Missing,
            Fact::Text(text) => Cell::Text(text),
            Fact::List(words) if words.is_empty() => Cell::Missing,
            Fact::List(words) => Cell::Text(words.join(", ")),
            Fact::Flag(flag) => Cell::Text(if flag { "yes" } else { "no" }.to_string()),
            Fact::Moment(at) => Cell::Moment(at),
        }
    }
}

impl Cell {
    /// Its number; of a setting that was changed, the one it ended with.
    fn number(&self) -> Option<f64> {
        match self {
            Cell::Number(value) => Some(*value),
            Cell::Held(held) => held.numbers()?.last().copied(),
            _ => None,
        }
    }

    /// Missing values and NaN come last in both directions.
    pub(super) fn compare(&self, other: &Cell, descending: bool) -> Ordering {
        let last = |cell: &Cell| match cell {
            Cell::Missing => true,
            cell => cell.number().is_some_and(f64::is_nan),
        };
        match (last(self), last(other)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        if let (Some(a), Some(b)) = (self.number(), other.number()) {
            let order = a.total_cmp(&b);
            return if descending { order.reverse() } else { order };
        }
        let order = match (self, other) {
            (Cell::Moment(a), Cell::Moment(b)) => a.cmp(b),
            (Cell::Text(a), Cell::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
            _ => Ordering::Equal,
        };
        if descending { order.reverse() } else { order }
    }
}

/// Sorts what belongs to cells by them; the sort is stable.
pub fn sort_by_cell<T>(rows: &mut [(Cell, T)], descending: bool) {
    rows.sort_by(|(a, _), (b, _)| a.compare(b, descending));
}

/// Sorts runs by a column; the sort is stable.
pub fn sort_entries(entries: &mut [&Entry], by: &Column, descending: bool) {
    entries.sort_by(|a, b| by.cell(a).compare(&by.cell(b), descending));
}
