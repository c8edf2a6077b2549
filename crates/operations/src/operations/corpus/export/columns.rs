//! The columns of a corpus as a table: what every record has, then a column for each system, label and score, and for each
//! pair of systems that there are verdicts on, beside all verdicts as they are, and all scores where columns of numbers do
//! not say everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::super::super::OperationError;
use super::{ExportRequest, narrowed};
use crate::data::Role;
use crate::data::corpus::record::{Labels, Record, Score, Utterance, Verdict, last_of_each};
use crate::data::corpus::{FIXED, TableColumn, Titles, says_more};
use crate::data::parquet_table::Cell;

/// Where as many verdicts are for either.
const TIE: &str = "tie";

/// A score with the system whose response it is of.
#[derive(Serialize)]
struct ListedScore<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(flatten)]
    score: &'a Score,
}

/// All scores of a record and its responses.
fn listed_scores(record: &Record) -> Vec<ListedScore<'_>> {
    let of_record = record.scores.iter().map(|score| (None, score));
    let of_responses = record.responses.iter().flat_map(|response| {
        let system = Some(response.system.as_str());
        response.scores.iter().map(move |score| (system, score))
    });
    let all = of_record.chain(of_responses);
    all.map(|(system, score)| ListedScore { system, score })
        .collect()
}

/// What a column has of a record.
fn cell(
    column: &TableColumn,
    record: &Record,
    alternate: bool,
) -> Result<Option<Cell>, OperationError> {
    let text = |text: &Option<String>| text.clone().map(Cell::Text);
    let label = |labels: &Labels, name: &String| labels.get(name).cloned().map(Cell::Text);
    let score = |scores: &[Score], name: &str| Score::mean(scores, name).map(Cell::Number);
    let response = |system: &String| {
        let mut responses = record.responses.iter();
        responses.find(|response| response.system == *system)
    };
    Ok(match column {
        TableColumn::Id => Some(Cell::Text(record.id.clone())),
        TableColumn::Conversation => text(&record.conversation),
        TableColumn::Turn => record.turn.map(|turn| Cell::Number(turn.into())),
        TableColumn::Split => record.split.map(|split| Cell::Text(split.to_string())),
        TableColumn::Context => context(record, alternate).map(Cell::Text),
        TableColumn::Target => text(&record.target),
        TableColumn::Systems => {
            let systems = record.responses.iter().map(|response| &response.system);
            let systems: Vec<&String> = systems.collect();
            (systems.len() > 1).then(|| Cell::Text(json!(systems).to_string()))
        }
        TableColumn::Verdicts => {
            let any = !record.verdicts.is_empty();
            any.then(|| Cell::Text(json!(record.verdicts).to_string()))
        }
        TableColumn::Scores => {
            let scores = listed_scores(record);
            match scores.is_empty() {
                true => None,
                false => {
                    let scores = serde_json::to_string(&scores).map_err(std::io::Error::from)?;
                    Some(Cell::Text(scores))
                }
            }
        }
        TableColumn::Response(system) => response(system).map(|of| Cell::Text(of.text.clone())),
        TableColumn::Reasoning(system) => response(system).and_then(|of| text(&of.reasoning)),
        TableColumn::Audio(system) => response(system).and_then(|of| text(&of.audio)),
        TableColumn::LabelOf(system, name) => {
            response(system).and_then(|of| label(&of.labels, name))
        }
        TableColumn::ScoreOf(system, name) => {
            response(system).and_then(|of| score(&of.scores, name))
        }
        TableColumn::Label(name) => label(&record.labels, name),
        TableColumn::Score(name) => score(&record.scores, name),
        TableColumn::Verdict(name, first, second) => {
            let of = |verdict: &&Verdict| {
                verdict.name == *name && verdict.pair() == [first.as_str(), second.as_str()]
            };
            let found: Vec<&Verdict> = record.verdicts.iter().filter(of).collect();
            let any = !found.is_empty();
            let (counted, _) = last_of_each(found, |verdict| verdict.request());
            let sum: f64 = counted.iter().map(|verdict| verdict.direction(first)).sum();
            // What most of them say.
            let winner = match sum {
                sum if sum > 0.0 => first.as_str(),
                sum if sum < 0.0 => second.as_str(),
                _ => TIE,
            };
            any.then(|| Cell::Text(winner.to_string()))
        }
    })
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<(String, TableColumn)>,
    /// Whether texts alone are all of a context, and the sides alternate in all, the speaker first.
    alternate: bool,
}

impl Columns {
    /// The columns of all that is asked for of a corpus.
    ///
    /// # Errors
    /// There is no such corpus, or it is damaged.
    pub fn of(
        store: &Path,
        name: &str,
        request: &ExportRequest<'_>,
    ) -> Result<Columns, OperationError> {
        let mut seen = Seen::default();
        request.narrowing.each(store, name, |record, answers| {
            seen.add(&narrowed(record, &answers));
            Ok(())
        })?;
        Ok(seen.columns())
    }

    /// Titles, and whether each column is of numbers.
    pub fn titled(&self) -> impl Iterator<Item = (&str, bool)> {
        self.columns.iter().map(|(title, column)| {
            let number = matches!(
                column,
                TableColumn::Turn | TableColumn::Score(_) | TableColumn::ScoreOf(..)
            );
            (title.as_str(), number)
        })
    }

    /// The cells of a record.
    ///
    /// # Errors
    /// Its scores cannot be written, which is not known to happen.
    pub fn cells(&self, record: &Record) -> Result<Vec<Option<Cell>>, OperationError> {
        let cells = self
            .columns
            .iter()
            .map(|(_, column)| cell(column, record, self.alternate));
        cells.collect()
    }
}

/// What there is among records.
#[derive(Default)]
struct Seen {
    /// Beside those that every table has.
    columns: BTreeSet<TableColumn>,
    /// Places of systems, in the order in which they were seen.
    systems: BTreeMap<String, usize>,
    /// Whether a score says more than its number.
    says_more: bool,
    /// Labels with values that would be taken for scores.
    numbered: BTreeSet<TableColumn>,
    /// Whether some context needs more than texts.
    has_turns: bool,
}

impl Seen {
    fn add(&mut self, record: &Record) {
        let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
        let has_more = |said: &Utterance| !said.labels.is_empty() || said.audio.is_some();
        self.has_turns |= !Role::kept(&roles).is_empty() || record.context.iter().any(has_more);
        self.labels(&record.labels, TableColumn::Label);
        self.scores(&record.scores, TableColumn::Score);
        let mut before = None;
        for response in &record.responses {
            let next = self.systems.len();
            let place = *self.systems.entry(response.system.clone()).or_insert(next);
            if before.replace(place).is_some_and(|before| before > place) {
                self.columns.insert(TableColumn::Systems);
            }
            let system = || response.system.clone();
            let reasoning = response.reasoning.as_ref();
            let audio = response.audio.as_ref();
            self.columns.insert(TableColumn::Response(system()));
            self.columns
                .extend(reasoning.map(|_| TableColumn::Reasoning(system())));
            self.columns
                .extend(audio.map(|_| TableColumn::Audio(system())));
            self.labels(&response.labels, |name| {
                TableColumn::LabelOf(system(), name)
            });
            self.scores(&response.scores, |name| {
                TableColumn::ScoreOf(system(), name)
            });
        }
        for verdict in &record.verdicts {
            let [first, second] = verdict.pair().map(str::to_string);
            self.columns.insert(TableColumn::Verdicts);
            let column = TableColumn::Verdict(verdict.name.clone(), first, second);
            self.columns.insert(column);
        }
    }

    fn labels(&mut self, labels: &Labels, column: impl Fn(String) -> TableColumn) {
        for (name, value) in labels {
            let column = column(name.clone());
            if value.trim().replace(',', ".").parse::<f64>().is_ok() {
                self.numbered.insert(column.clone());
            }
            self.columns.insert(column);
        }
    }

    fn scores(&mut self, scores: &[Score], column: impl Fn(String) -> TableColumn) {
        for (at, score) in scores.iter().enumerate() {
            let is_again = scores[..at].iter().any(|before| before.name == score.name);
            self.says_more |= is_again || says_more(score);
            self.columns.insert(column(score.name.clone()));
        }
    }

    fn columns(mut self) -> Columns {
        if self.says_more {
            self.columns.insert(TableColumn::Scores);
        }
        let verdicts = self.columns.iter().filter_map(|column| match column {
            TableColumn::Verdict(name, first, second) => {
                Some([name.clone(), first.clone(), second.clone()])
            }
            _ => None,
        });
        let titles = Titles::new(self.systems.keys().cloned(), verdicts);
        // The title of a label says that it is one where its values or a score of its name would say something else.
        let explicit = |column: &TableColumn| {
            let score = match column {
                TableColumn::Label(name) => TableColumn::Score(name.clone()),
                TableColumn::LabelOf(system, name) => {
                    TableColumn::ScoreOf(system.clone(), name.clone())
                }
                _ => return false,
            };
            self.numbered.contains(column) || self.columns.contains(&score)
        };
        let mut found: Vec<&TableColumn> = self.columns.iter().collect();
        found.sort_by_key(|column| self.place(column));
        let fixed = [
            TableColumn::Id,
            TableColumn::Conversation,
            TableColumn::Turn,
            TableColumn::Split,
            TableColumn::Context,
            TableColumn::Target,
        ];
        let mut columns: Vec<(String, TableColumn)> =
            FIXED.map(str::to_string).into_iter().zip(fixed).collect();
        let mut taken: BTreeSet<String> = FIXED.map(str::to_string).into();
        for column in found {
            let title = titles.title(column, explicit(column), &taken);
            taken.insert(title.clone());
            columns.push((title, column.clone()));
        }
        Columns {
            columns,
            alternate: !self.has_turns,
        }
    }

    /// Where a column stands: what systems answered, in their order; then labels and scores; then what is listed one by one.
    fn place(&self, column: &TableColumn) -> (usize, usize) {
        let of = |system: &String| self.systems.get(system).copied().unwrap_or_default();
        match column {
            TableColumn::Response(system) => (0, of(system)),
            TableColumn::Reasoning(system) => (1, of(system)),
            TableColumn::Audio(system) => (2, of(system)),
            TableColumn::LabelOf(system, _) => (3, of(system)),
            TableColumn::ScoreOf(system, _) => (4, of(system)),
            TableColumn::Label(_) => (5, 0),
            TableColumn::Score(_) => (6, 0),
            TableColumn::Verdict(..) => (7, 0),
            TableColumn::Systems => (8, 0),
            TableColumn::Scores => (9, 0),
            _ => (10, 0),
        }
    }
}

/// The context as JSON: a list of texts where the sides alternate in all of them, else of turns.
fn context(record: &Record, alternate: bool) -> Option<String> {
    let turns = record.context.iter();
    let context = match alternate {
        true => json!(turns.map(|said| &said.text).collect::<Vec<_>>()),
        false => json!(turns.collect::<Vec<_>>()),
    };
    (!record.context.is_empty()).then(|| context.to_string())
}
