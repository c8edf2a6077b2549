//! The columns of a corpus as a table: what every record has, then a column for each system, label and score, and for each
//! pair of systems that there are verdicts on, beside all verdicts as they are.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::super::super::OperationError;
use super::{ExportRequest, narrowed};
use crate::data::Role;
use crate::data::corpus::record::{Record, Score, Verdict, last_of_each};
use crate::data::parquet_table::Cell;

/// Where as many verdicts are for either.
const TIE: &str = "tie";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Id,
    Conversation,
    Turn,
    Split,
    Context,
    Target,
    /// All of them, which import reads again.
    Verdicts,
    Response(String),
    Reasoning(String),
    Audio(String),
    LabelOf(String, String),
    ScoreOf(String, String),
    Label(String),
    Score(String),
    /// What was asked, and the two systems in the order of their names.
    Verdict(String, String, String),
}

impl Column {
    fn title(&self) -> String {
        match self {
            Column::Id => "id".into(),
            Column::Conversation => "conversation".into(),
            Column::Turn => "turn".into(),
            Column::Split => "split".into(),
            Column::Context => "context".into(),
            Column::Target => "target".into(),
            Column::Verdicts => "verdicts".into(),
            Column::Response(system) => format!("response_{system}"),
            Column::Reasoning(system) => format!("reasoning_{system}"),
            Column::Audio(system) => format!("audio_{system}"),
            Column::LabelOf(system, name) | Column::ScoreOf(system, name) => {
                format!("{name}_{system}")
            }
            Column::Label(name) | Column::Score(name) => name.clone(),
            Column::Verdict(name, first, second) => format!("{name}_{first}_{second}"),
        }
    }

    /// The title where another column has the plain one.
    fn longer_title(&self) -> String {
        let kind = match self {
            Column::Label(_) | Column::LabelOf(..) => "label",
            Column::Score(_) | Column::ScoreOf(..) => "score",
            Column::Verdict(..) => "verdict",
            _ => "column",
        };
        format!("{kind}_{}", self.title())
    }

    fn cell(&self, record: &Record, alternate: bool) -> Option<Cell> {
        let text = |text: &Option<String>| text.clone().map(Cell::Text);
        let of = |system: &str| {
            let mut responses = record.responses.iter();
            responses.find(|response| response.system == system)
        };
        let score = |scores: &[Score], name: &str| Score::mean(scores, name).map(Cell::Number);
        match self {
            Column::Id => Some(Cell::Text(record.id.clone())),
            Column::Conversation => text(&record.conversation),
            Column::Turn => record.turn.map(|turn| Cell::Number(turn.into())),
            Column::Split => record.split.map(|split| Cell::Text(split.to_string())),
            Column::Context => context(record, alternate).map(Cell::Text),
            Column::Target => text(&record.target),
            Column::Verdicts => {
                let any = !record.verdicts.is_empty();
                any.then(|| Cell::Text(json!(record.verdicts).to_string()))
            }
            Column::Response(system) => Some(Cell::Text(of(system)?.text.clone())),
            Column::Reasoning(system) => text(&of(system)?.reasoning),
            Column::Audio(system) => text(&of(system)?.audio),
            Column::LabelOf(system, name) => of(system)?.labels.get(name).cloned().map(Cell::Text),
            Column::ScoreOf(system, name) => score(&of(system)?.scores, name),
            Column::Label(name) => record.labels.get(name).cloned().map(Cell::Text),
            Column::Score(name) => score(&record.scores, name),
            Column::Verdict(name, first, second) => {
                let of = |verdict: &&Verdict| {
                    verdict.name == *name && verdict.pair() == [first.as_str(), second.as_str()]
                };
                let found: Vec<&Verdict> = record.verdicts.iter().filter(of).collect();
                if found.is_empty() {
                    return None;
                }
                let (counted, _) = last_of_each(found, |verdict| verdict.request());
                let sum: f64 = counted.iter().map(|verdict| verdict.direction(first)).sum();
                // What most of them say.
                let winner = match sum {
                    sum if sum > 0.0 => first.as_str(),
                    sum if sum < 0.0 => second.as_str(),
                    _ => TIE,
                };
                Some(Cell::Text(winner.to_string()))
            }
        }
    }
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<(String, Column)>,
    /// Whether the sides alternate in all contexts, the speaker first, so that texts alone say whose they are.
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
        let (mut found, mut alternate) = (BTreeSet::new(), true);
        request.narrowing.each(store, name, |record, answers| {
            found.extend(columns_of(&narrowed(record, &answers)));
            let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
            alternate &= Role::kept(&roles).is_empty();
            Ok(())
        })?;
        let fixed = [
            Column::Id,
            Column::Conversation,
            Column::Turn,
            Column::Split,
            Column::Context,
            Column::Target,
        ];
        let mut taken = BTreeSet::new();
        let mut columns = Vec::new();
        for column in fixed.into_iter().chain(found) {
            let mut title = column.title();
            if taken.contains(&title) {
                title = column.longer_title();
            }
            while !taken.insert(title.clone()) {
                title.push('_');
            }
            columns.push((title, column));
        }
        Ok(Columns { columns, alternate })
    }

    /// Titles, and whether each column is of numbers.
    pub fn titled(&self) -> impl Iterator<Item = (&str, bool)> {
        self.columns.iter().map(|(title, column)| {
            let number = matches!(
                column,
                Column::Turn | Column::Score(_) | Column::ScoreOf(..)
            );
            (title.as_str(), number)
        })
    }

    pub fn cells(&self, record: &Record) -> Vec<Option<Cell>> {
        let cells = self
            .columns
            .iter()
            .map(|(_, column)| column.cell(record, self.alternate));
        cells.collect()
    }
}

/// The columns that a record needs beside those that every table has.
fn columns_of(record: &Record) -> Vec<Column> {
    let mut columns = Vec::new();
    for response in &record.responses {
        let system = || response.system.clone();
        columns.push(Column::Response(system()));
        columns.extend(
            response
                .reasoning
                .as_ref()
                .map(|_| Column::Reasoning(system())),
        );
        columns.extend(response.audio.as_ref().map(|_| Column::Audio(system())));
        let labels = response.labels.keys();
        columns.extend(labels.map(|name| Column::LabelOf(system(), name.clone())));
        let scores = response.scores.iter();
        columns.extend(scores.map(|score| Column::ScoreOf(system(), score.name.clone())));
    }
    columns.extend(record.labels.keys().cloned().map(Column::Label));
    let scores = record.scores.iter();
    columns.extend(scores.map(|score| Column::Score(score.name.clone())));
    let verdicts = record.verdicts.iter();
    columns.extend(verdicts.clone().next().map(|_| Column::Verdicts));
    columns.extend(verdicts.map(|verdict| {
        let [first, second] = verdict.pair().map(str::to_string);
        Column::Verdict(verdict.name.clone(), first, second)
    }));
    columns
}

/// The context as JSON: a list of texts where the sides alternate in all of them, else of turns.
fn context(record: &Record, alternate: bool) -> Option<String> {
    if record.context.is_empty() {
        return None;
    }
    let turns = record.context.iter();
    Some(match alternate {
        true => json!(turns.map(|said| &said.text).collect::<Vec<_>>()).to_string(),
        false => json!(
            turns
                .map(|said| json!({"role": said.role, "text": said.text}))
                .collect::<Vec<_>>()
        )
        .to_string(),
    })
}
