//! What a judge is shown: contexts with their answers, of a corpus or of systems in the store, and what people said
//! about them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::OperationError;
use super::judge::JudgedWhat;
use super::template::conversation;
use crate::data::corpus::record::{Origin, Record, Score, TARGET, last_of_each};
use crate::data::{Role, Turns, library};
use crate::store::{StoreError, StoreReader};
use crate::study::arrivals::{Arrivals, arrivals};
use crate::study::export::full_rows;
use crate::study::verdict::Outcome;

/// The scale of ratings in the paper's aspects.
const RATED: [f64; 2] = [1.0, 5.0];

/// A context with its answers.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// The record, or the context's key.
    pub name: String,
    /// What it shares with others that are not independent of it.
    pub conversation: String,
    /// With its context as a judge reads it.
    pub context: String,
    pub utterances: Vec<(Role, String)>,
    pub answers: Vec<SubjectAnswer>,
    /// By the names of two systems: the sum of people's votes, positive for the first.
    pub votes: BTreeMap<(String, String), i64>,
}

/// Subjects with what is known of all of them.
pub(super) struct Subjects {
    pub all: Vec<Subject>,
    /// What identifies their texts.
    pub identity: Map<String, Value>,
    /// How people's judgements of studies that say something of them came in.
    pub arrivals: Arrivals,
}

#[derive(Clone, Debug)]
pub(super) struct SubjectAnswer {
    pub system: String,
    pub text: String,
    /// What people gave it, by the name of the score.
    pub human: BTreeMap<String, Human>,
}

/// Scores of people, and what they could give.
#[derive(Clone, Debug, Default)]
pub(super) struct Human {
    pub sum: f64,
    pub n: f64,
    pub range: Option<[f64; 2]>,
}

impl Human {
    pub fn mean(&self) -> f64 {
        self.sum / self.n
    }

    fn add(&mut self, value: f64, range: Option<[f64; 2]>) {
        self.sum += value;
        self.n += 1.0;
        self.range = self.range.or(range);
    }
}

impl Subject {
    pub fn answer(&self, system: &str) -> Option<&SubjectAnswer> {
        self.answers.iter().find(|answer| answer.system == system)
    }
}

/// The subjects in a fixed order. Scores and verdicts of a corpus are people's where it says so, or
/// where `human` names them.
///
/// # Errors
/// There is no such corpus or system.
pub(super) fn subjects(
    store: &Path,
    what: &JudgedWhat,
    human: &[String],
) -> Result<Subjects, OperationError> {
    match what {
        JudgedWhat::Corpus { name, .. } => of_corpus(store, name, human),
        JudgedWhat::Systems(systems) => of_systems(store, systems),
    }
}

fn of_corpus(store: &Path, name: &str, human: &[String]) -> Result<Subjects, OperationError> {
    let (manifest, entry) = library::require_corpus(store, name)?;
    for score in human {
        let verdicts = &entry.counts.verdicts;
        if !entry.counts.scores.contains_key(score) && !verdicts.contains_key(score) {
            let all = entry.counts.scores.keys().chain(verdicts.keys());
            let known: Vec<&str> = all.map(String::as_str).collect();
            return Err(OperationError::NotInCorpus {
                kind: "score",
                name: score.clone(),
                known: match known.is_empty() {
                    true => "it has neither scores nor verdicts".to_string(),
                    false => format!("it has {}", known.join(", ")),
                },
            });
        }
    }
    let mut subjects = Vec::new();
    library::each_record(store, name, |record| {
        subjects.push(of_record(record, human));
        Ok::<_, OperationError>(())
    })?;
    let mut identity = Map::new();
    identity.insert("corpus".into(), name.into());
    identity.insert("fingerprint".into(), manifest.fingerprint.into());
    Ok(Subjects {
        all: subjects,
        identity,
        arrivals: Arrivals::default(),
    })
}

fn of_record(record: Record, human: &[String]) -> Subject {
    let by_people = |origin: Option<Origin>, name: &String| match origin {
        Some(origin) => origin == Origin::Human,
        None => human.contains(name),
    };
    let scores = |scores: &[Score]| {
        let mut found: BTreeMap<String, Human> = BTreeMap::new();
        let by = |score: &&Score| Some((score.by()?.to_string(), score.name.clone()));
        for score in last_of_each(scores.iter().collect(), by).0 {
            if by_people(score.origin, &score.name) {
                let of = found.entry(score.name.clone()).or_default();
                of.add(score.value, score.range);
            }
        }
        found
    };
    let target = record.target.as_ref().map(|text| SubjectAnswer {
        system: TARGET.to_string(),
        text: text.clone(),
        human: scores(&record.scores),
    });
    let mut answers: Vec<SubjectAnswer> = target.into_iter().collect();
    for response in &record.responses {
        // The first of several.
        if answers
            .iter()
            .all(|answer| answer.system != response.system)
        {
            answers.push(SubjectAnswer {
                system: response.system.clone(),
                text: response.text.clone(),
                human: scores(&response.scores),
            });
        }
    }
    let mut votes: BTreeMap<(String, String), i64> = BTreeMap::new();
    let (counted, _) = last_of_each(record.verdicts.iter().collect(), |verdict| {
        verdict.request()
    });
    for verdict in counted {
        if by_people(verdict.origin, &verdict.name) {
            let (first, second) = (&verdict.first, &verdict.second);
            for (one, other) in [(first, second), (second, first)] {
                let of = votes.entry((one.clone(), other.clone())).or_default();
                *of += verdict.direction(one) as i64;
            }
        }
    }
    let (roles, texts): (Vec<Role>, Vec<String>) = record
        .context
        .into_iter()
        .map(|said| (said.role, said.text))
        .unzip();
    Subject {
        conversation: record.conversation.unwrap_or_else(|| record.id.clone()),
        name: record.id,
        context: conversation(Turns {
            utterances: &texts,
            roles: &roles,
        }),
        utterances: roles.into_iter().zip(texts).collect(),
        answers,
        votes,
    }
}

fn of_systems(store: &Path, systems: &[String]) -> Result<Subjects, OperationError> {
    let reader = StoreReader::open(store)?;
    let mut contexts = reader.contexts()?;
    let rows = reader.systems()?;
    // By the order in which the first system that has one answered.
    let mut order = Vec::new();
    let mut answers: BTreeMap<_, Vec<SubjectAnswer>> = BTreeMap::new();
    let mut hashes = Map::new();
    for system in systems.iter().filter(|system| *system != TARGET) {
        for answer in reader.answers(system)? {
            let of_context = answers.entry(answer.context.clone()).or_insert_with(|| {
                order.push(answer.context.clone());
                Vec::new()
            });
            of_context.push(SubjectAnswer {
                system: system.clone(),
                text: answer.response,
                human: BTreeMap::new(),
            });
        }
        let row = rows.iter().find(|row| row.name == *system);
        hashes.insert(system.clone(), json!(row.map(|row| row.sha256.clone())));
    }
    let mut subjects = Vec::new();
    for key in order {
        let (Some(context), Some(mut answers)) = (contexts.remove(&key), answers.remove(&key))
        else {
            continue;
        };
        if let Some(target) = &context.target
            && systems.iter().any(|system| system == TARGET)
        {
            answers.push(SubjectAnswer {
                system: TARGET.to_string(),
                text: target.clone(),
                human: BTreeMap::new(),
            });
        }
        subjects.push(Subject {
            name: key.to_string(),
            conversation: context
                .conversation
                .clone()
                .unwrap_or_else(|| key.to_string()),
            context: conversation(context.turns()),
            utterances: context
                .turns()
                .iter()
                .map(|(role, text)| (role, text.to_string()))
                .collect(),
            answers,
            votes: BTreeMap::new(),
        });
    }
    let arrivals = add_studies(&reader, &mut subjects)?;
    let mut identity = Map::new();
    identity.insert("systems".into(), hashes.into());
    Ok(Subjects {
        all: subjects,
        identity,
        arrivals,
    })
}

/// What people said in studies that are unblinded; nothing is read of one that is blind.
fn add_studies(reader: &StoreReader, subjects: &mut [Subject]) -> Result<Arrivals, OperationError> {
    let mut found = Arrivals::default();
    let places: BTreeMap<String, usize> = subjects
        .iter()
        .map(|subject| subject.name.clone())
        .zip(0..)
        .collect();
    let studies = reader.list_studies()?.into_iter();
    for study in studies.filter(|study| !study.marks.deleted) {
        let unblinded = match reader.unblinded(study.id) {
            Err(StoreError::StillBlind { .. } | StoreError::MadeElsewhere { .. }) => continue,
            unblinded => unblinded?,
        };
        let rows = full_rows(&unblinded);
        if rows.iter().any(|row| places.contains_key(&row.context)) {
            found += arrivals(&unblinded.record.acts);
        }
        for row in rows {
            let Some(subject) = places.get(&row.context).map(|place| &mut subjects[*place]) else {
                continue;
            };
            let (Some(system), false) = (row.system, row.is_check || row.excluded) else {
                continue;
            };
            if let (Some(against), Some(outcome)) = (row.against, row.outcome) {
                let vote = match outcome {
                    Outcome::Win => 1,
                    Outcome::Lose => -1,
                    Outcome::Tie => 0,
                };
                *subject
                    .votes
                    .entry((against.clone(), system.clone()))
                    .or_default() -= vote;
                *subject.votes.entry((system, against)).or_default() += vote;
                continue;
            }
            let answer = subject
                .answers
                .iter_mut()
                .find(|answer| answer.system == system);
            let Some(answer) = answer else { continue };
            for (aspect, points) in [
                ("empathy", row.empathy),
                ("relevance", row.relevance),
                ("fluency", row.fluency),
            ] {
                if let Some(points) = points {
                    let of = answer.human.entry(aspect.to_string()).or_default();
                    of.add(f64::from(points), Some(RATED));
                }
            }
            let own = unblinded.record.head.aspects.iter();
            let scores = row.scores.iter().flat_map(|scores| &scores.0);
            for (aspect, (name, points)) in own.flat_map(|own| &own.0).zip(scores) {
                if let Some(points) = points {
                    // Scores of another scale are another score.
                    let name = format!("{name} (1-{})", aspect.points);
                    let range = [1.0, f64::from(aspect.points)];
                    answer
                        .human
                        .entry(name)
                        .or_default()
                        .add(f64::from(*points), Some(range));
                }
            }
        }
    }
    Ok(found)
}
