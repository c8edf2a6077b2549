//! Tables I-VI in the paper's layout: what was measured here beside what the paper reports.
//!
//! A table is plain cells; [`gather`] and [`fill`] make it, [`write`] formats it.

mod cases;
mod fill;
mod gather;
mod latex;
mod notes;
mod seeds;
mod write;

pub use gather::{GatherError, TableSelection, gather};
pub use latex::sheets as latex_sheets;
pub use write::Format;
pub(in crate::report) use write::words;

use serde::{Serialize, Serializer};

use crate::metrics::Digits;
use crate::metrics::signature::Signature;

/// One of the paper's six tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableNumber {
    /// I: empathy identifiers.
    Identifiers,
    /// II: automatic metrics.
    Automatic,
    /// III: human rating.
    Rating,
    /// IV: human A/B test.
    AbTest,
    /// V: ablation.
    Ablation,
    /// VI: cases.
    Cases,
}

impl TableNumber {
    pub const ALL: [TableNumber; 6] = [
        TableNumber::Identifiers,
        TableNumber::Automatic,
        TableNumber::Rating,
        TableNumber::AbTest,
        TableNumber::Ablation,
        TableNumber::Cases,
    ];

    /// From 1.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The table of this number, from 1.
    pub fn from_number(number: u8) -> Option<TableNumber> {
        TableNumber::ALL
            .into_iter()
            .find(|table| table.number() == number)
    }

    /// As the paper numbers it.
    pub fn roman(self) -> &'static str {
        ["I", "II", "III", "IV", "V", "VI"][self as usize]
    }

    pub fn title(self) -> &'static str {
        match self {
            TableNumber::Identifiers => "Empathy identifiers on validation pairs",
            TableNumber::Automatic => "Automatic evaluation",
            TableNumber::Rating => "Human rating in three aspects, 1 to 5",
            TableNumber::AbTest => "Human A/B test",
            TableNumber::Ablation => "Ablation study",
            TableNumber::Cases => "Cases of generated responses",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    pub title: String,
    /// Whether it holds the paper's own values, which are never mixed with ours.
    pub reported: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not measured, or not reported.
    Nothing,
    /// A figure, with its 95 % interval where there is one.
    Figure {
        value: f64,
        interval: Option<(f64, f64)>,
    },
    Words(String),
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Figure {
            value: f64,
            low: Option<f64>,
            high: Option<f64>,
        }
        match self {
            Cell::Nothing => serializer.serialize_none(),
            Cell::Words(words) => serializer.serialize_str(words),
            Cell::Figure { value, interval } => Figure {
                value: *value,
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
            }
            .serialize(serializer),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    /// Empty in a heading.
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// From 1.
    pub number: u8,
    pub caption: String,
    /// Heading of the first column.
    pub names: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Figures in bold, by row and column: the best ones.
    #[serde(skip)]
    pub bold: Vec<(usize, usize)>,
    /// Definitions, sample sizes, splits and versions behind the figures.
    pub notes: Vec<String>,
    /// What our figures come from.
    pub signatures: Vec<Signature>,
}

impl Table {
    fn new(table: TableNumber, names: &str, columns: Vec<Column>) -> Table {
        Table {
            number: table.number(),
            caption: table.title().to_string(),
            names: names.to_string(),
            columns,
            rows: Vec::new(),
            bold: Vec::new(),
            notes: Vec::new(),
            signatures: Vec::new(),
        }
    }

    /// The notes, with what the reported columns are.
    pub fn notes_below(&self) -> Vec<String> {
        let has_reported = self.columns.iter().any(|column| column.reported);
        let number = TableNumber::from_number(self.number).filter(|_| has_reported);
        let reported = number.map(|number| match number {
            TableNumber::Identifiers => "Reported: Table I of the paper, from T5-base.".to_string(),
            TableNumber::Automatic | TableNumber::Ablation => format!(
                "Reported: Table {} of the paper, where EmpRL starts from T5-base.",
                number.roman()
            ),
            number => format!("Reported: Table {} of the paper.", number.roman()),
        });
        self.notes.iter().cloned().chain(reported).collect()
    }

    /// Without the paper's own values, and without rows of which nothing was measured.
    pub fn of_ours(mut self) -> Table {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|at| !self.columns[*at].reported)
            .collect();
        let cells = |row: &Row| -> Vec<Cell> {
            let cells = kept.iter().filter_map(|at| row.cells.get(*at));
            cells.cloned().collect()
        };
        let is_measured =
            |cells: &[Cell]| cells.is_empty() || cells.iter().any(|cell| *cell != Cell::Nothing);
        let mut places = vec![None; self.rows.len()];
        let mut rows = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let cells = cells(row);
            if is_measured(&cells) {
                places[at] = Some(rows.len());
                let name = row.name.clone();
                rows.push(Row { name, cells });
            }
        }
        let moved = |(row, column): (usize, usize)| {
            let column = kept.iter().position(|at| *at == column)?;
            Some((places[row]?, column))
        };
        self.bold = self.bold.into_iter().filter_map(moved).collect();
        self.rows = rows;
        self.columns.retain(|column| !column.reported);
        self
    }

    pub(in crate::report) fn is_bold(&self, row: usize, column: usize) -> bool {
        self.bold.contains(&(row, column))
    }

    /// A name for its file, without an ending.
    pub fn file_stem(&self) -> String {
        format!("table-{}", self.number)
    }
}

/// A figure in every format of the table.
fn figure(value: f64) -> String {
    match value.is_finite() {
        true => Digits::RESULT.write(value),
        false => "undefined".to_string(),
    }
}
