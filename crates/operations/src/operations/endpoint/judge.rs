//! An endpoint as a judge: it rates or compares responses by a rubric, as often as asked, comparisons in both orders.
//!
//! What it says is kept apart from what people said.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::{OnProgress, OperationError};
use super::ask::{self, Outline, Plan, Refusal};
use super::chat::{Endpoint, Prices};
use super::figures::{JudgeFigures, figures};
use super::rubric::{Rubric, RubricKind};
use super::subjects::{Subject, Subjects, subjects};
use crate::data::corpus::record::TARGET;
use crate::data::{Split, library};
use crate::store::{AskId, AskRow, RecordedAnswer, StoreReader};
use crate::study::arrivals::Arrivals;

/// What is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum JudgedWhat {
    /// Records of a corpus.
    Corpus {
        name: String,
        /// Whose answers; none: of all systems that it has, else the targets.
        systems: Vec<String>,
        /// None: all records.
        split: Option<Split>,
    },
    /// Systems in the store; `target` stands for the listener's own answers.
    Systems(Vec<String>),
}

/// A judge to ask.
#[derive(Clone, Debug)]
pub struct JudgeRequest {
    pub endpoint: Endpoint,
    /// A file, or `rate` or `compare`.
    pub rubric: String,
    pub what: JudgedWhat,
    /// How often each request is made.
    pub repeats: u32,
    /// Of the first so many records.
    pub limit: Option<usize>,
    /// Scores and verdicts of a corpus that people gave, though it does not say so.
    pub human: Vec<String>,
}

/// A judge that is ready to be asked.
pub struct PreparedJudge {
    request: JudgeRequest,
    rubric: Rubric,
    subjects: Vec<Subject>,
    arrivals: Arrivals,
    items: Vec<Item>,
    about: Map<String, Value>,
    pub outline: Outline,
}

/// One request: a place among the subjects, whose answers in their order, and which repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub place: usize,
    /// One to be rated, two to be compared.
    pub systems: Vec<String>,
    /// From 1.
    pub repeat: u32,
}

impl Item {
    fn name(&self) -> String {
        json!([self.place, self.systems, self.repeat]).to_string()
    }

    pub(super) fn parse(name: &str) -> Option<Item> {
        let (place, systems, repeat) = serde_json::from_str(name).ok()?;
        Some(Item {
            place,
            systems,
            repeat,
        })
    }
}

/// Reads the rubric and what is judged, and says what will be sent.
///
/// # Errors
/// The rubric is wrong; there is no such corpus or system, or nothing to judge; the address or the key is wrong.
pub fn prepare_judge(
    store: &Path,
    request: &JudgeRequest,
) -> Result<PreparedJudge, OperationError> {
    let rubric = Rubric::open(&request.rubric)?;
    let endpoint = &request.endpoint;
    let Subjects {
        all: subjects,
        identity,
        arrivals,
    } = subjects(store, &request.what, &request.human)?;
    let mut notes = Vec::new();
    let systems = systems(&request.what, &subjects, rubric.kind)?;
    let wanted = wanted(store, &request.what, &subjects)?;
    let mut items = Vec::new();
    let mut records = 0;
    for (place, subject) in subjects
        .iter()
        .enumerate()
        .filter(|(place, _)| wanted[*place])
    {
        let shown = shown(subject, &systems, rubric.kind);
        if shown.is_empty() {
            continue;
        }
        if request.limit == Some(records) {
            break;
        }
        records += 1;
        for systems in shown {
            items.extend((1..=request.repeats).map(|repeat| Item {
                place,
                systems: systems.clone(),
                repeat,
            }));
        }
    }
    if items.is_empty() {
        return Err(OperationError::NothingToJudge {
            what: match rubric.kind {
                RubricKind::Rate => "no record has an answer of these systems",
                RubricKind::Compare => "no record has answers of two of these systems that differ",
            },
        });
    }
    if request.repeats > 1 && endpoint.temperature == 0.0 {
        let note = "At temperature 0 repeats say little: most servers answer them alike.";
        notes.push(note.to_string());
    }
    let mut about = ask::about(endpoint)?;
    about.insert("rubric".into(), rubric.name.clone().into());
    about.insert("rubric_sha256".into(), rubric.sha256.clone().into());
    about.insert("range".into(), json!(rubric.range()));
    about.extend(identity);
    let plan = plan(endpoint, &rubric, &subjects, &items, &about);
    let outline = Outline::of(store, endpoint, &plan, notes)?;
    drop(plan);
    Ok(PreparedJudge {
        request: request.clone(),
        rubric,
        subjects,
        arrivals,
        items,
        about,
        outline,
    })
}

/// Whose answers are judged.
fn systems(
    what: &JudgedWhat,
    subjects: &[Subject],
    kind: RubricKind,
) -> Result<Vec<String>, OperationError> {
    let (JudgedWhat::Corpus { systems: given, .. } | JudgedWhat::Systems(given)) = what;
    let mut there: Vec<String> = Vec::new();
    for answer in subjects.iter().flat_map(|subject| &subject.answers) {
        if !there.contains(&answer.system) {
            there.push(answer.system.clone());
        }
    }
    if let Some(missing) = given.iter().find(|system| !there.contains(system)) {
        return Err(OperationError::NoAnswersOf {
            system: missing.clone(),
            there: there.join(", "),
        });
    }
    let mut systems = given.clone();
    if systems.is_empty() {
        systems = there;
        let enough = match kind {
            RubricKind::Rate => 1,
            RubricKind::Compare => 2,
        };
        // Targets stand beside a system where it has no other.
        if systems.len() > enough {
            systems.retain(|system| system != TARGET);
        }
    }
    match (kind, systems.len()) {
        (RubricKind::Compare, 0 | 1) => Err(OperationError::NothingToJudge {
            what: "two systems are compared; name them with --systems",
        }),
        _ => Ok(systems),
    }
}

/// By place: whether a subject is of the split.
fn wanted(
    store: &Path,
    what: &JudgedWhat,
    subjects: &[Subject],
) -> Result<Vec<bool>, OperationError> {
    let JudgedWhat::Corpus {
        name,
        split: Some(split),
        ..
    } = what
    else {
        return Ok(vec![true; subjects.len()]);
    };
    let (_, entry) = library::require_corpus(store, name)?;
    let given = !entry.counts.splits.is_empty();
    let mut wanted = Vec::with_capacity(subjects.len());
    library::each_record(store, name, |record| {
        wanted.push(library::split_of(&record, given) == *split);
        Ok::<_, OperationError>(())
    })?;
    wanted.resize(subjects.len(), false);
    Ok(wanted)
}

/// What of a subject is shown to the judge: each answer, or each pair of answers in both orders.
fn shown(subject: &Subject, systems: &[String], kind: RubricKind) -> Vec<Vec<String>> {
    let there = systems.iter().filter(|system| {
        let answer = subject.answer(system);
        answer.is_some_and(|answer| !answer.text.trim().is_empty())
    });
    let there: Vec<&String> = there.collect();
    match kind {
        RubricKind::Rate => there
            .into_iter()
            .map(|system| vec![system.clone()])
            .collect(),
        RubricKind::Compare => {
            let text = |system: &str| subject.answer(system).map(|answer| answer.text.trim());
            let mut orders = Vec::new();
            for (at, first) in there.iter().enumerate() {
                for second in &there[at + 1..] {
                    // Of two that are the same there is nothing to say.
                    if text(first) != text(second) {
                        orders.push(vec![first.to_string(), second.to_string()]);
                        orders.push(vec![second.to_string(), first.to_string()]);
                    }
                }
            }
            orders
        }
    }
}

fn plan<'a>(
    endpoint: &'a Endpoint,
    rubric: &'a Rubric,
    subjects: &'a [Subject],
    items: &'a [Item],
    about: &Map<String, Value>,
) -> Plan<'a> {
    Plan {
        kind: rubric.kind.key(),
        about: about.clone(),
        items: items.iter().map(Item::name).collect(),
        body: Box::new(move |at| {
            let item = &items[at];
            let subject = &subjects[item.place];
            let text = |at: usize| {
                let answer = subject.answer(item.systems.get(at)?)?;
                Some(answer.text.trim())
            };
            let prompt = rubric.prompt.filled(|name| match name {
                "context" => Some(&subject.context),
                "second" => text(1),
                _ => text(0),
            });
            endpoint.body(
                rubric.system.as_deref(),
                &prompt,
                u64::from(item.repeat - 1),
            )
        }),
    }
}

impl PreparedJudge {
    /// Asks what is missing, and sums up what the judge said of all that is asked here.
    ///
    /// # Errors
    /// As [`ask::ask`]; what was answered is kept, and the same command goes on.
    pub fn run(
        self,
        store: &Path,
        on_progress: OnProgress<'_>,
    ) -> Result<JudgeFigures, OperationError> {
        let endpoint = &self.request.endpoint;
        let plan = plan(
            endpoint,
            &self.rubric,
            &self.subjects,
            &self.items,
            &self.about,
        );
        let rubric = &self.rubric;
        let judged = |answer: &super::chat::ChatAnswer| rubric.read(&answer.text);
        let went = ask::ask(store, endpoint, &plan, &judged, on_progress)?;
        let ours: std::collections::HashSet<&str> = plan.items.iter().map(String::as_str).collect();
        let reader = StoreReader::open(store)?;
        let mut exchanges = reader.recorded_answers(went.ask)?;
        exchanges.retain(|exchange| ours.contains(exchange.item.as_str()));
        let row = reader.ask(went.ask)?;
        let mut found = figures(&row, &self.subjects, &exchanges, endpoint.prices);
        found.asked = Some(went.asked);
        found.refused = went.refused;
        found.arrivals = self.arrivals;
        Ok(found)
    }
}

/// What a judge said in a series that was asked before, all of it. Nothing is sent.
///
/// # Errors
/// There is no such series, it is no judge's, or what it judged is not in the store as it was.
pub fn figures_of(
    store: &Path,
    ask: AskId,
    prices: Option<Prices>,
    human: &[String],
) -> Result<JudgeFigures, OperationError> {
    let (row, subjects, exchanges) = series(store, ask, human)?;
    let mut found = figures(&row, &subjects.all, &exchanges, prices);
    found.arrivals = subjects.arrivals;
    Ok(found)
}

/// A judge's series with what it judged.
pub(super) fn series(
    store: &Path,
    ask: AskId,
    human: &[String],
) -> Result<(AskRow, Subjects, Vec<RecordedAnswer>), OperationError> {
    let reader = StoreReader::open(store)?;
    let row = reader.ask(ask)?;
    if row.kind == "answer" {
        return Err(OperationError::NoJudgeSeries { ask: ask.0 });
    }
    let what = match (
        row.about["corpus"].as_str(),
        row.about["systems"].as_object(),
    ) {
        (Some(name), _) => JudgedWhat::Corpus {
            name: name.to_string(),
            systems: Vec::new(),
            split: None,
        },
        (None, Some(systems)) => JudgedWhat::Systems(
            systems
                .keys()
                .cloned()
                .chain([TARGET.to_string()])
                .collect(),
        ),
        (None, None) => return Err(OperationError::NoJudgeSeries { ask: ask.0 }),
    };
    let subjects = subjects(store, &what, human)?;
    if subjects
        .identity
        .iter()
        .any(|(name, value)| row.about.get(name) != Some(value))
    {
        return Err(OperationError::JudgedChanged { ask: ask.0 });
    }
    Ok((row, subjects, reader.recorded_answers(ask)?))
}

/// What was refused, to be shown beside figures.
pub(super) type Refused = Vec<Refusal>;
