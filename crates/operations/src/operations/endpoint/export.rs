//! What a judge said, as a file: records with its scores and verdicts, which `corpus import` reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::OperationError;
use super::figures::verdict;
use super::judge::{Item, series};
use super::subjects::Subject;
use crate::data::corpus::record::{Origin, Record, Response, Score, TARGET, Utterance, Verdict};
use crate::store::{AskId, Judged, StoreReader};

/// Requests that are read at once.
const AT_ONCE: u32 = 500;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedJudgements {
    /// Records.
    pub rows: usize,
    pub judgements: usize,
}

/// Writes what a judge said to a new file of JSONL: the records with its scores and verdicts, each marked as a judge's.
///
/// # Errors
/// There is no such series, it is no judge's, or what it judged is not in the store as it was; the file exists or cannot
/// be written.
pub fn export(store: &Path, ask: AskId, file: &Path) -> Result<ExportedJudgements, OperationError> {
    let (row, subjects, exchanges) = series(store, ask, &[])?;
    let subjects = subjects.all;
    let name = row.about["rubric"].as_str().unwrap_or_default();
    let range = serde_json::from_value(row.about["range"].clone()).ok();
    let mut said: BTreeMap<usize, Said> = BTreeMap::new();
    let mut judgements = 0;
    for exchange in &exchanges {
        let Some(item) = Item::parse(&exchange.item).filter(|item| item.place < subjects.len())
        else {
            continue;
        };
        judgements += usize::from(exchange.judged.is_some());
        let (judged, place) = (exchange.judged, item.place);
        match (judged, &item.systems[..]) {
            (Some(Judged::Score(value)), [system]) => {
                let of_subject = &mut said.entry(place).or_default().scores;
                of_subject.entry(system.clone()).or_default().push(Score {
                    name: name.to_string(),
                    value,
                    range,
                    origin: Some(Origin::Judge),
                    probabilities: Vec::new(),
                    rater: None,
                });
            }
            (Some(Judged::Verdict(preferred)), [first, second]) => {
                let systems = [first.clone(), second.clone()];
                let verdict = verdict(&row, systems, item.repeat, preferred);
                said.entry(place).or_default().verdicts.push(verdict);
            }
            _ => {}
        }
    }
    let mut rows: Vec<Value> = Vec::new();
    for (place, said) in said {
        rows.push(serde_json::to_value(record(&subjects[place], said))?);
    }
    let created = File::create_new(file).map_err(OperationError::write(file))?;
    let mut out = BufWriter::new(created);
    for row in &rows {
        writeln!(out, "{row}").map_err(OperationError::write(file))?;
    }
    out.flush().map_err(OperationError::write(file))?;
    Ok(ExportedJudgements {
        rows: rows.len(),
        judgements,
    })
}

/// Writes every request of a series as it was sent, with its answer as it came, to a new file of JSONL.
///
/// # Errors
/// There is no such series; the file exists or cannot be written.
pub fn export_exchanges(store: &Path, ask: AskId, file: &Path) -> Result<usize, OperationError> {
    let reader = StoreReader::open(store)?;
    let about = reader.ask(ask)?.about;
    let created = File::create_new(file).map_err(OperationError::write(file))?;
    let mut out = BufWriter::new(created);
    let (mut last, mut rows) = (0, 0);
    loop {
        let some = reader.exchanges(ask, last, AT_ONCE)?;
        let Some((number, _)) = some.last() else {
            break;
        };
        last = *number;
        rows += some.len();
        for (_, [item, request, answer]) in some {
            let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
            let row = json!({
                "item": item,
                "address": about["address"],
                "request": json(request),
                "answer": json(answer),
            });
            writeln!(out, "{row}").map_err(OperationError::write(file))?;
        }
    }
    out.flush().map_err(OperationError::write(file))?;
    Ok(rows)
}

/// What a judge said of a subject.
#[derive(Default)]
struct Said {
    /// By system.
    scores: BTreeMap<String, Vec<Score>>,
    verdicts: Vec<Verdict>,
}

/// A subject with what was said of its answers.
fn record(subject: &Subject, said: Said) -> Record {
    let mut scores = said.scores;
    let responses = subject
        .answers
        .iter()
        .filter(|answer| answer.system != TARGET);
    let utterances = subject.utterances.iter();
    Record {
        id: subject.name.clone(),
        conversation: Some(subject.conversation.clone()),
        context: utterances
            .map(|(role, text)| Utterance::new(*role, text.clone()))
            .collect(),
        target: subject.answer(TARGET).map(|answer| answer.text.clone()),
        scores: scores.remove(TARGET).unwrap_or_default(),
        responses: responses
            .map(|answer| Response {
                system: answer.system.clone(),
                text: answer.text.clone(),
                scores: scores.remove(&answer.system).unwrap_or_default(),
                ..Response::default()
            })
            .collect(),
        verdicts: said.verdicts,
        ..Record::default()
    }
}
