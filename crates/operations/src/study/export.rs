//! Judgements as rows of JSONL and CSV: one annotator's own while a study is blind, all of them afterwards.

use std::collections::BTreeMap;

use serde::Serialize;

use super::arrivals::{Late, Marks, marks};
use super::history::ItemState;
use super::judgement::{Answer, Choice};
use super::make::{Content, Role};
use super::moment;
use super::page::Worklist;
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

/// CSV with a header. No text is a formula to a spreadsheet (see [`cell`]); JSONL has the texts as they are.
pub fn csv(rows: &[impl Serialize]) -> Result<Vec<u8>, csv::Error> {
    let mut fields = csv::Writer::from_writer(Vec::new());
    for row in rows {
        fields.serialize(row)?;
    }
    let fields = written(fields)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut records = csv::ReaderBuilder::new();
    for record in records.has_headers(false).from_reader(&*fields).records() {
        writer.write_record(record?.iter().map(|text| cell(text).into_owned()))?;
    }
    written(writer)
}

fn written(writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    let bytes = writer.into_inner();
    bytes.map_err(|error| csv::Error::from(error.into_error()))
}

fn parts(answer: Option<Answer>) -> (Option<Choice>, [Option<u8>; 3]) {
    match answer {
        Some(Answer::Choice(choice)) => (Some(choice), [None; 3]),
        Some(Answer::Rating(rating)) => {
            let scores = [rating.empathy, rating.relevance, rating.fluency];
            (None, scores.map(|score| Some(score.points())))
        }
        None => (None, [None; 3]),
    }
}

fn answered(state: &ItemState) -> Option<String> {
    moment::rfc3339(state.answered_ms?)
}
