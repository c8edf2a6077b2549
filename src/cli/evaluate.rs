//! `emprl evaluate`: the automatic metrics of a checkpoint, or of any system's responses.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::meter::meter;
use super::{Failure, Place, input};
use crate::data::rows::Row;
use crate::data::{DataError, EmpathyLevel, Split};
use crate::engine::reference::Reference;
use crate::engine::results_to_json;
use crate::experiment::{Config, Stage};
use crate::metrics::{Answered, Bootstrap, SystemResults, system_results};
use crate::report::{definitions, results_table};
use crate::store::{RunRef, StoreReader};
use crate::train::saved::{Identified, SavedIdentifiers, examine};

/// Stands for the split of responses that come from elsewhere.
const GIVEN: &str = "given";

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["responses", "run"]))]
pub struct Evaluate {
    /// Responses of any system: plain text, one a line, or rows {"response": "…", …}
    #[arg(long, value_name = "FILE")]
    responses: Option<PathBuf>,
    /// Rows {"context": "…", "response": "the target"} in the order of the responses, for Emp-F1;
    /// else the responses' own rows give "context" and "target"
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    contexts: Option<PathBuf>,
    /// The run whose identifiers judge, for Emp-F1; with --run, its own unless this names others
    #[arg(long, value_name = "RUN|DIR")]
    identifiers: Option<Reference>,
    /// Measure a checkpoint of a run on the run's own data, with its identifiers and sampling settings
    #[arg(long, value_name = "RUN[@STEP]")]
    run: Option<RunRef>,
    /// Which part of the run's data: train, validation or test
    #[arg(
        long,
        value_name = "SPLIT",
        default_value = "test",
        conflicts_with = "responses"
    )]
    #[arg(value_parser = split)]
    split: Split,
    /// Where to compute; else the run's device, else flex
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

fn split(text: &str) -> Result<Split, String> {
    Split::from_key(text).ok_or_else(|| "it is train, validation or test".to_string())
}

impl Evaluate {
    pub fn carry_out(&self, place: &Place) -> Result<(), Failure> {
        let (results, notes) = match (&self.responses, self.run) {
            (Some(responses), _) => self.given(place, responses)?,
            (None, Some(run)) => (self.checkpoint(place, run)?, Vec::new()),
            (None, None) => {
                return Err(Failure::Usage(
                    "give --responses FILE or --run RUN".to_string(),
                ));
            }
        };
        if place.out.json {
            return place.out.document(&document(&results, &notes));
        }
        let mut text = results_table(std::slice::from_ref(&results));
        text.push_str("\nIn brackets: 95 % intervals of the bootstrap.\n");
        for (name, definition) in definitions() {
            text.push_str(&format!("{name}: {definition}\n"));
        }
        for note in notes {
            text.push_str(&format!("note: {note}\n"));
        }
        place.out.text(&text)
    }

    fn checkpoint(&self, place: &Place, run: RunRef) -> Result<SystemResults, Failure> {
        let found = Reference::Run(run).model(&place.store)?;
        let mut config = found.config();
        if let Some(device) = &self.device {
            config.run.device = device.clone();
        }
        let own = Reference::Run(RunRef {
            run: run.run,
            step: None,
        });
        let identifiers = match &self.identifiers {
            Some(others) => Some(others.identifiers(&place.store)?.folder),
            None if has_identifiers(place, run)? => Some(own.identifiers(&place.store)?.folder),
            None => None,
        };
        let system = match &found.origin {
            Some(origin) if origin.stage == Stage::Ppo => "EmpRL",
            _ => "Generator",
        };
        let results = examine(
            &place.store,
            &config,
            &found.folder,
            identifiers.as_deref(),
            system,
            self.split,
        )?;
        Ok(results)
    }

    fn given(&self, place: &Place, path: &Path) -> Result<(SystemResults, Vec<String>), Failure> {
        let mut notes = vec!["PPL is not known: it needs a model's probabilities.".to_string()];
        let rows = match &self.contexts {
            Some(contexts) => input::pairs(path, Some(contexts))?,
            None => input::responses(path)?,
        };
        let responses: Vec<String> = rows.iter().filter_map(|row| row.response.clone()).collect();
        let mut config = Config::default();
        let mut levels = None;
        if let Some(identifiers) = &self.identifiers {
            let found = identifiers.identifiers(&place.store)?;
            config = found.config();
            let device = self.device.as_deref().unwrap_or(&config.run.device);
            let judged = judge(&SavedIdentifiers::open(&found.folder, device)?, &rows, path)?;
            if judged.gold.len() < rows.len() {
                notes.push(format!(
                    "Emp-F1 is over {} of {} responses: the others have no target.",
                    judged.gold.len(),
                    rows.len()
                ));
            }
            levels = Some(judged);
        } else {
            notes.push("Emp-F1 is not known: it needs --identifiers and targets.".to_string());
        }
        let system = path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let answered = Answered {
            targets: None,
            ppl_batch: 0,
            responses: &responses,
            levels: levels
                .as_ref()
                .map(|levels| (levels.gold.as_slice(), levels.predicted.as_slice())),
        };
        let bootstrap = Bootstrap {
            resamples: config.evaluation.resamples,
            seed: config.run.seed,
        };
        let results = system_results(&system, GIVEN, answered, &bootstrap);
        Ok((results, notes))
    }
}

fn has_identifiers(place: &Place, run: RunRef) -> Result<bool, Failure> {
    let checkpoints = StoreReader::open(&place.store)?.checkpoints(run.run)?;
    Ok(checkpoints
        .iter()
        .any(|row| row.stage == Stage::Identifiers))
}

/// Levels of targets and of the responses to the same contexts.
struct Judged {
    gold: Vec<[EmpathyLevel; 3]>,
    predicted: Vec<[EmpathyLevel; 3]>,
}

/// What the identifiers say of every response whose row has a target.
fn judge(identifiers: &SavedIdentifiers, rows: &[Row], path: &Path) -> Result<Judged, Failure> {
    let mut contexts = Vec::new();
    let mut texts = Vec::new();
    for row in rows {
        let Some(target) = row.fields.get("target").and_then(Value::as_str) else {
            continue;
        };
        contexts.push(row.require_context(path)?.join(" "));
        texts.push((target, row.require_response(path)?));
    }
    if texts.is_empty() {
        return Err(DataError::file(
            path,
            "no response has a target, which Emp-F1 compares it with",
            "give contexts and targets with --contexts FILE, or \"context\" and \"target\" in every row",
        )
        .into());
    }
    let levels = |responses: Vec<&str>, doing| {
        let pairs: Vec<_> = contexts.iter().map(String::as_str).zip(responses).collect();
        let bar = meter(pairs.len(), doing);
        let done = &mut |done: usize| bar.set_position(done as u64);
        let identified = identifiers.identify(&pairs, 32, done);
        bar.finish_and_clear();
        identified
            .iter()
            .map(|row| row.map(|Identified { level, .. }| level))
            .collect()
    };
    Ok(Judged {
        gold: levels(texts.iter().map(|(target, _)| *target).collect(), "Targets"),
        predicted: levels(
            texts.iter().map(|(_, response)| *response).collect(),
            "Responses",
        ),
    })
}

/// One object: the system's figures, what each is, and what else to know.
fn document(results: &SystemResults, notes: &[String]) -> Value {
    let mut document = Map::new();
    document.insert("system".into(), json!(results.system));
    if let Value::Object(systems) = results_to_json(std::slice::from_ref(results)) {
        for (_, figures) in systems {
            if let Value::Object(figures) = figures {
                document.extend(figures);
            }
        }
    }
    let mut meanings = Map::new();
    for (name, definition) in definitions() {
        meanings.insert(name.into(), definition.into());
    }
    meanings.insert(
        "low, high".into(),
        "95 % percentile bootstrap interval over examples.".into(),
    );
    document.insert("definitions".into(), Value::Object(meanings));
    document.insert("notes".into(), json!(notes));
    Value::Object(document)
}
