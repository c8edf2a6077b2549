//! Empathy levels of all answers of a corpus, by identifiers: streamed, committed as it goes, and taken up where it stopped.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::super::models::{Identified, Reference, SavedIdentifiers};
use super::super::{OnProgress, OperationError, Progress, require_writable};
use super::answers::Answer;
use crate::data::Mechanism;
use crate::data::corpus::Record;
use crate::data::corpus::record::{Labels, Origin, Score};
use crate::data::library::{self, AddedTo, Adding, Addition, Remarks};
use crate::metrics::{TruncatedPair, Truncation};

/// Batches between two commits: enough to find answers of similar length, at most a minute's work.
const BATCHES_AT_ONCE: usize = 16;

// What the tally counts.
const CONTEXT_CUT: &str = "context cut";
const RESPONSE_CUT: &str = "response cut";
const IN_WINDOWS: &str = "in windows";
const WITHOUT_CONTEXT: &str = "without context";
const SCORED: &str = "scored";

type Tally = BTreeMap<&'static str, usize>;

/// Who judges a corpus, and how.
#[derive(Debug)]
pub struct ScoreRequest<'a> {
    /// What labels and scores are called by: `NAME_exploration`.
    pub name: &'a str,
    pub identifiers: &'a Reference,
    /// Else that of the identifiers' run.
    pub device: Option<&'a str>,
    /// Answers at once.
    pub batch: usize,
    /// Whether a longer response is read in windows, not its beginning alone.
    pub windows: bool,
}

/// What was scored.
#[derive(Debug, Serialize)]
pub struct Scored {
    pub name: String,
    pub by: String,
    /// Answers that have levels now.
    pub answers: usize,
    /// Those of them that had them before.
    pub before: usize,
    /// Answers without a context, which are left out.
    pub without_context: usize,
    /// Answers that were read in several windows.
    pub in_windows: usize,
    /// Contexts and responses that were not read as a whole.
    pub truncation: Truncation,
}

/// Gives every answer of a corpus that has a context its levels: a label `NAME_MECHANISM`, and a score of the same name,
/// which is the mean level (0 to 2) with the probabilities of the three. An earlier call that was stopped is taken up.
///
/// Of a response in windows each mechanism's level is that of the window with the highest mean level: what is
/// communicated anywhere in a response is communicated.
///
/// # Errors
/// There is no such corpus or it is damaged; the identifiers cannot be opened; the name belongs to others; the store cannot
/// be written; or [`OperationError::Stopped`], after which what was committed stays.
pub fn score(
    store: &Path,
    corpus: &str,
    request: &ScoreRequest<'_>,
    on_progress: OnProgress<'_>,
) -> Result<Scored, OperationError> {
    require_writable(store)?;
    let (manifest, entry) = library::require_corpus(store, corpus)?;
    let found = request.identifiers.identifiers(store)?;
    let by = match &found.origin {
        Some(origin) => format!("the identifiers of run {}", origin.run),
        None => format!("the identifiers in {}", found.folder.display()),
    };
    let rule = match request.windows {
        true => "windows",
        false => "beginning",
    };
    let fingerprint = format!(
        "{} {rule} {}",
        SavedIdentifiers::fingerprint(&found.folder)?,
        library::records_of(&manifest).unwrap_or_default()
    );
    let config = found.config();
    let device = request.device.unwrap_or(&config.run.device);
    let identifiers = SavedIdentifiers::open(&found.folder, device)?;
    let mut adding = Adding::begin(store, corpus, request.name, &by, &fingerprint)?;
    let before = tally(adding.addition(), SCORED);
    let from = adding.addition().records;
    let mut waiting = Waiting::at(from);
    let mut commit = |waiting: &mut Waiting, adding: &mut Adding| {
        let through = waiting.through;
        let (lines, counts) = waiting.judge(&identifiers, request);
        adding.commit(&lines, through, &counts)?;
        *waiting = Waiting::at(through);
        let done = Progress {
            doing: "Scoring records",
            done: through,
            of: entry.counts.records,
        };
        match on_progress(done).is_break() {
            true => Err(OperationError::Stopped),
            false => Ok(()),
        }
    };
    let mut place = 0;
    // What was added, such as the levels that this gives, says nothing here.
    library::each_imported_record(store, corpus, |record| {
        if place >= from {
            waiting.add(place, record);
            if waiting.answers >= request.batch * BATCHES_AT_ONCE {
                commit(&mut waiting, &mut adding)?;
            }
        }
        place += 1;
        Ok::<_, OperationError>(())
    })?;
    commit(&mut waiting, &mut adding)?;

    let addition = adding.finish()?;
    let tally = |what| tally(&addition, what);
    let share = |what| 100.0 * tally(what) as f64 / tally(SCORED).max(1) as f64;
    Ok(Scored {
        answers: tally(SCORED),
        before,
        without_context: tally(WITHOUT_CONTEXT),
        in_windows: tally(IN_WINDOWS),
        truncation: Truncation {
            contexts: share(CONTEXT_CUT),
            responses: share(RESPONSE_CUT),
            ..Truncation::new(identifiers.limits(), &[], &[])
        },
        name: addition.name,
        by,
    })
}

fn tally(addition: &Addition, what: &str) -> usize {
    addition.tally.get(what).copied().unwrap_or_default()
}

/// Records that wait to be judged together.
struct Waiting {
    /// With their place in the corpus.
    records: Vec<(usize, Record)>,
    /// Records of the corpus up to the last that was added.
    through: usize,
    answers: usize,
}

/// A part of an answer, to be judged in its context.
struct Window<'a> {
    /// The answer that it is of.
    answer: usize,
    context: &'a str,
    text: &'a str,
}

impl Waiting {
    fn at(through: usize) -> Waiting {
        Waiting {
            records: Vec::new(),
            through,
            answers: 0,
        }
    }

    fn add(&mut self, place: usize, record: Record) {
        self.through = place + 1;
        self.answers += usize::from(record.target.is_some()) + record.responses.len();
        self.records.push((place, record));
    }

    /// What the answers of each record are given, and what the tally counts.
    fn judge(
        &self,
        identifiers: &SavedIdentifiers,
        request: &ScoreRequest<'_>,
    ) -> (Vec<AddedTo>, Tally) {
        let mut tally = Tally::new();
        let mut count = |what, n| *tally.entry(what).or_default() += n;
        let contexts: Vec<String> = self
            .records
            .iter()
            .map(|(_, of)| of.context_text())
            .collect();
        // Each answer with the place of its record in `records`.
        let mut answers = Vec::new();
        for (at, (_, record)) in self.records.iter().enumerate() {
            let texts = Answer::of(record);
            let texts = texts.into_iter().filter(|answer| answer.text.is_some());
            match contexts[at].is_empty() {
                true => count(WITHOUT_CONTEXT, texts.count()),
                false => answers.extend(texts.map(|answer| (at, answer))),
            }
        }
        let mut windows = Vec::new();
        for (index, (at, answer)) in answers.iter().enumerate() {
            let text = answer.text.unwrap_or_default();
            let parts = match request.windows {
                true => identifiers.windows(text),
                false => vec![text],
            };
            count(IN_WINDOWS, usize::from(parts.len() > 1));
            windows.extend(parts.into_iter().map(|text| Window {
                answer: index,
                context: &contexts[*at],
                text,
            }));
        }
        let pairs: Vec<(&str, &str)> = windows.iter().map(|of| (of.context, of.text)).collect();
        let identified = identifiers.identify(&pairs, request.batch, &mut |_| {});
        let cut = identifiers.truncated(&pairs);

        let mut strongest: Vec<Option<[Identified; 3]>> = vec![None; answers.len()];
        let mut is_cut = vec![TruncatedPair::default(); answers.len()];
        for ((window, found), cut) in windows.iter().zip(identified).zip(cut) {
            let cuts = &mut is_cut[window.answer];
            cuts.context |= cut.context;
            cuts.response |= cut.response;
            match &mut strongest[window.answer] {
                empty @ None => *empty = Some(found),
                Some(levels) => {
                    for (level, other) in levels.iter_mut().zip(found) {
                        if mean_level(&other) > mean_level(level) {
                            *level = other;
                        }
                    }
                }
            }
        }
        let mut lines: Vec<AddedTo> = Vec::new();
        for (((at, answer), levels), cut) in answers.iter().zip(strongest).zip(is_cut) {
            // An answer of white space has no window.
            let Some(levels) = levels else { continue };
            count(SCORED, 1);
            count(CONTEXT_CUT, usize::from(cut.context));
            count(RESPONSE_CUT, usize::from(cut.response));
            let (place, record) = &self.records[*at];
            let mut given = given(request.name, &levels);
            given.response = answer.response.and_then(|response| {
                let mut responses = record.responses.iter();
                responses.position(|other| std::ptr::eq(other, response))
            });
            match lines.last_mut() {
                Some(last) if last.record == *place => last.remarks.push(given),
                _ => lines.push(AddedTo {
                    record: *place,
                    remarks: vec![given],
                }),
            }
        }
        (lines, tally)
    }
}

fn given(name: &str, levels: &[Identified; 3]) -> Remarks {
    let mut labels = Labels::new();
    let mut scores = Vec::new();
    for (mechanism, found) in Mechanism::ALL.iter().zip(levels) {
        let name = format!("{name}_{}", mechanism.key());
        labels.insert(name.clone(), found.level.to_string().to_lowercase());
        scores.push(Score {
            name,
            value: mean_level(found),
            range: Some([0.0, 2.0]),
            origin: Some(Origin::Model),
            probabilities: found.probs.to_vec(),
            rater: None,
        });
    }
    Remarks {
        labels,
        scores,
        ..Remarks::default()
    }
}

/// `p(weak) + 2 p(strong)`.
fn mean_level(found: &Identified) -> f64 {
    let [_, weak, strong] = found.probs.map(f64::from);
    weak + 2.0 * strong
}
