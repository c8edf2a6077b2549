//! `emprl evaluate`: the automatic metrics of a checkpoint, or of any system's responses.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::meter::Bars;
use super::{CommandContext, Failure, input};
use crate::data::rows::Row;
use crate::data::{DataError, Split};
use crate::engine::results_to_json;
use crate::metrics::SystemResults;
use crate::operations::evaluate::{self, CheckpointEvaluation, Identification, TargetedResponse};
use crate::operations::models::Reference;
use crate::report::{definitions, results_table};
use crate::store::RunRef;
use crate::text::shown::one_line;

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
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let (results, notes) = match (&self.responses, self.run) {
            (Some(responses), _) => self.given(ctx, responses)?,
            (None, Some(run)) => (self.checkpoint(ctx, run)?, Vec::new()),
            (None, None) => {
                return Err(Failure::Usage(
                    "give --responses FILE or --run RUN".to_string(),
                ));
            }
        };
        if ctx.out.json {
            return ctx.out.document(&document(&results, &notes));
        }
        let mut text = results_table(std::slice::from_ref(&results));
        text += "\nIn brackets: 95 % intervals of the bootstrap.\n";
        for (name, definition) in definitions() {
            text += &format!("{name}: {definition}\n");
        }
        for note in notes {
            text += &format!("note: {}\n", one_line(&note));
        }
        ctx.out.text(&text)
    }

    fn checkpoint(&self, ctx: &CommandContext, run: RunRef) -> Result<SystemResults, Failure> {
        let evaluation = CheckpointEvaluation {
            run,
            identifiers: self.identifiers.clone(),
            split: self.split,
            device: self.device.clone(),
        };
        Ok(evaluate::checkpoint(&ctx.store, &evaluation)?)
    }

    fn given(
        &self,
        ctx: &CommandContext,
        path: &Path,
    ) -> Result<(SystemResults, Vec<String>), Failure> {
        let mut notes = vec!["PPL is not known: it needs a model's probabilities.".to_string()];
        let rows = match &self.contexts {
            Some(contexts) => input::pairs(path, Some(contexts))?,
            None => input::responses(path)?,
        };
        let responses: Vec<String> = rows.iter().filter_map(|row| row.response.clone()).collect();
        let mut targeted = Vec::new();
        if self.identifiers.is_some() {
            targeted = with_targets(&rows, path)?;
            if targeted.len() < rows.len() {
                notes.push(format!(
                    "Emp-F1 is over {} of {} responses: the others have no target.",
                    targeted.len(),
                    rows.len()
                ));
            }
        } else {
            notes.push("Emp-F1 is not known: it needs --identifiers and targets.".to_string());
        }
        let system = path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let identification = self.identifiers.as_ref().map(|identifiers| Identification {
            identifiers,
            device: self.device.as_deref(),
            targeted: &targeted,
        });
        let mut bars = Bars::default();
        let results = evaluate::responses(
            &ctx.store,
            &system,
            &responses,
            identification,
            &mut |progress| bars.show(progress),
        );
        bars.clear();
        Ok((results?, notes))
    }
}

/// The responses whose rows have a target, which Emp-F1 compares them with.
fn with_targets(rows: &[Row], path: &Path) -> Result<Vec<TargetedResponse>, Failure> {
    let mut targeted = Vec::new();
    for row in rows {
        let Some(target) = row.fields.get("target").and_then(Value::as_str) else {
            continue;
        };
        targeted.push(TargetedResponse {
            context: row.require_context(path)?.join(" "),
            target: target.to_string(),
            response: row.require_response(path)?.to_string(),
        });
    }
    if targeted.is_empty() {
        return Err(DataError::file(
            path,
            "no response has a target, which Emp-F1 compares it with",
            "give contexts and targets with --contexts FILE, or \"context\" and \"target\" in every row",
        )
        .into());
    }
    Ok(targeted)
}

/// The figures with their definitions and notes, as one object.
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
