//! Judgements as rows of JSONL and CSV: one annotator's own while a study is blind, all of them afterwards.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::arrivals::{Late, Marks, marks};
use super::history::ItemState;
use super::judgement::{Answer, Choice};
use super::make::{Content, Role};
use super::moment;
use super::page::{StudyHead, Worklist};
use super::record::Unblinded;
use super::verdict::Outcome;
use crate::text::shown::cell;

/// A judgement as the annotator saw it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnRow {
    pub item: u32,
    /// Among the annotator's items, from 1.
    pub position: u32,
    pub annotator: String,
    pub choice: Option<Choice>,
    pub empathy: Option<u8>,
    pub relevance: Option<u8>,
    pub fluency: Option<u8>,
    /// In the study's own aspects, by name; None in a study that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<NamedScores>,
    pub skipped: bool,
    pub flagged: bool,
    /// Answered differently at several places, so that no answer counts.
    pub contested: bool,
    /// Whether the answer came in after the unblinding, and then whether it counts; one that is left out is not here.
    pub late: Option<Late>,
    /// Came in a pack that was not as it was sent.
    pub edited: bool,
    pub comment: String,
    /// Time in view of a focused window, in milliseconds; a pause counts two minutes at most.
    pub shown_ms: u64,
    /// RFC 3339.
    pub answered: Option<String>,
}

/// A judgement with what the item was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FullRow {
    pub item: u32,
    pub context: String,
    pub emotion: Option<String>,
    /// Model A of an A/B test, or the rated system; None for an attention check.
    pub system: Option<String>,
    /// Model B of an A/B test.
    pub against: Option<String>,
    pub is_check: bool,
    /// Among the annotator's items, from 1.
    pub position: u32,
    pub annotator: String,
    pub role: Role,
    /// Whether the annotator is excluded, so that no answer of theirs counts.
    pub excluded: bool,
    /// Whether model A was on the left, in an A/B test.
    pub system_left: Option<bool>,
    pub choice: Option<Choice>,
    /// For model A.
    pub outcome: Option<Outcome>,
    pub empathy: Option<u8>,
    pub relevance: Option<u8>,
    pub fluency: Option<u8>,
    /// In the study's own aspects, by name; None in a study that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<NamedScores>,
    /// Of the fourth annotator: could not decide.
    pub skipped: bool,
    pub flagged: bool,
    /// Answered differently at several places, so that no answer counts.
    pub contested: bool,
    /// Whether the answer came in after the unblinding, and then whether it counts; one that is left out is not here.
    pub late: Option<Late>,
    /// Came in a pack that was not as it was sent.
    pub edited: bool,
    pub comment: String,
    /// Time in view of a focused window, in milliseconds; a pause counts two minutes at most.
    pub shown_ms: u64,
    /// RFC 3339.
    pub answered: Option<String>,
}

/// The scores of a study's own aspects with their names, in their order; each None where the item is not rated.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedScores(pub Vec<(String, Option<u8>)>);

impl Serialize for NamedScores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, score)| (name, score)))
    }
}

impl NamedScores {
    fn of(head: &StudyHead, answer: Option<Answer>) -> Option<NamedScores> {
        let aspects = head.aspects.as_ref()?;
        let scores = answer.and_then(Answer::scores);
        let score = |at: usize| scores.and_then(|scores| scores.points().get(at).copied());
        let named = aspects.0.iter().enumerate();
        let named = named.map(|(at, aspect)| (aspect.name.clone(), score(at)));
        Some(NamedScores(named.collect()))
    }
}

/// An annotator's own judgements, in their order, without systems.
pub fn own_rows(worklist: &Worklist) -> Vec<OwnRow> {
    let row = |(page, position)| {
        let state = worklist.state(page);
        let (choice, [empathy, relevance, fluency]) = parts(state.answer);
        OwnRow {
            item: page.item,
            position,
            annotator: worklist.pseudonym.clone(),
            choice,
            empathy,
            relevance,
            fluency,
            scores: NamedScores::of(&worklist.head, state.answer),
            skipped: state.skipped,
            flagged: state.flagged,
            contested: !state.contested.is_empty(),
            late: None,
            edited: false,
            shown_ms: state.shown_ms,
            answered: answered(&state),
            comment: state.comment,
        }
    };
    worklist.pages().iter().zip(1..).map(row).collect()
}

/// Says in an annotator's own rows how their judgements came in.
pub fn mark_rows(rows: &mut [OwnRow], marks: &Marks, annotator: u32) {
    for row in rows {
        let mark = marks.of(annotator, row.item);
        (row.late, row.edited) = (mark.late, mark.edited);
    }
}

/// All judgements, by annotator and position.
pub fn full_rows(study: &Unblinded) -> Vec<FullRow> {
    let record = &study.record;
    let name = |system: usize| record.definition.systems.get(system).cloned();
    let people: BTreeMap<u32, _> = record.annotators.iter().map(|a| (a.number, a)).collect();
    let item_states = record.item_states();
    let marks = marks(&record.acts);
    let row = |judged: &super::record::Judged<'_>| {
        let (item, state) = (judged.item, judged.state);
        let annotator = people.get(&judged.assignment.annotator)?;
        let (system, against) = match item.content {
            Content::Pair(a, b) => (name(a), name(b)),
            Content::Single(system) => (name(system), None),
            Content::Check => (None, None),
        };
        let (choice, [empathy, relevance, fluency]) = parts(state.answer);
        let mark = marks.of(judged.assignment.annotator, item.number);
        Some(FullRow {
            item: item.number,
            context: item.context.to_string(),
            emotion: item.emotion.clone(),
            is_check: item.content == Content::Check,
            system,
            against,
            position: judged.assignment.position,
            annotator: annotator.pseudonym.clone(),
            role: annotator.role,
            excluded: !annotator.standing().counts(),
            system_left: (item.texts.len() > 1).then_some(!judged.assignment.swapped),
            choice,
            outcome: judged.outcome(),
            empathy,
            relevance,
            fluency,
            scores: NamedScores::of(&record.head, state.answer),
            skipped: state.skipped,
            flagged: state.flagged,
            contested: !state.contested.is_empty(),
            late: mark.late,
            edited: mark.edited,
            comment: state.comment.clone(),
            shown_ms: state.shown_ms,
            answered: answered(state),
        })
    };
    item_states.all().iter().filter_map(row).collect()
}

/// One JSON object per line.
pub fn jsonl(rows: &[impl Serialize]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    Ok(text)
}

/// CSV with a header; a study's own aspects are columns such as `scores.Warmth`. No text is a formula to a spreadsheet (see
/// [`cell`]); JSONL has the texts as they are.
pub fn csv(rows: &[impl Serialize]) -> Result<Vec<u8>, CsvError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let mut fields = Vec::new();
        flatten(String::new(), serde_json::to_value(row)?, &mut fields);
        if at == 0 {
            writer.write_record(fields.iter().map(|(name, _)| cell(name).into_owned()))?;
        }
        writer.write_record(fields.iter().map(|(_, text)| cell(text).into_owned()))?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

/// Why judgements cannot be written as CSV.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Write(#[from] std::io::Error),
}

/// The cells of a row in their order, those of a map within it behind its name.
fn flatten(name: String, value: Value, fields: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Object(map) => {
            for (inner, value) in map {
                let name = match name.is_empty() {
                    true => inner,
                    false => format!("{name}.{inner}"),
                };
                flatten(name, value, fields);
            }
            return;
        }
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.push((name, text));
}

fn parts(answer: Option<Answer>) -> (Option<Choice>, [Option<u8>; 3]) {
    match answer {
        Some(Answer::Choice(choice)) => (Some(choice), [None; 3]),
        Some(Answer::Rating(rating)) => {
            let scores = [rating.empathy, rating.relevance, rating.fluency];
            (None, scores.map(|score| Some(score.points())))
        }
        Some(Answer::Scores(_)) | None => (None, [None; 3]),
    }
}

fn answered(state: &ItemState) -> Option<String> {
    moment::rfc3339(state.answered_ms?)
}
