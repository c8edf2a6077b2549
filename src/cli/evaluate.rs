//! `emprl evaluate`: the automatic metrics of a checkpoint, or of any system's responses.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::meter::Bars;
use super::output::count;
use super::{CommandContext, Failure, input};
use crate::data::reader::Form;
use crate::data::rows::Row;
use crate::data::{DataError, Split};
use crate::engine::results_to_json;
use crate::metrics::SystemResults;
use crate::operations::evaluate::{self, CheckpointEvaluation, Identification};
use crate::operations::levels::ResponseInContext;
use crate::operations::models::Reference;
use crate::report::{definitions, results_table};
use crate::store::RunRef;
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["responses", "run"]))]
pub struct Evaluate {
    /// Responses of any system: plain text, one a line; rows {"response": "…", …} as JSONL or a JSON array; or CSV
    /// or TSV with a header
    #[arg(long, value_name = "FILE")]
    responses: Option<PathBuf>,
    /// Rows {"context": "…", "target": "…"}, for Emp-F1; responses find theirs by idx, id or words, else by order.
    /// Without it the responses' own rows give "context" and "target"
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    contexts: Option<PathBuf>,
    /// The run whose identifiers judge, for Emp-F1; with --run, its own unless this names others
    #[arg(long, value_name = "RUN|DIR")]
    identifiers: Option<Reference>,
    /// Judges that give no reward, for Emp-F1, held out: runs or folders with identifiers, or logistic, with commas
    /// between; with --run, its own unless this names others, or none
    #[arg(long, value_name = "LIST")]
    auditors: Option<String>,
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
            auditors: self.auditors.clone(),
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
        let file = match &self.contexts {
            Some(contexts) => input::pairs(path, Some(contexts))?,
            None => input::responses(path)?,
        };
        if file.form != Form::Lines {
            notes.push(format!("The responses are read as {}.", file.form));
        }
        notes.extend(file.notes);
        let rows = file.rows;
        let responses: Vec<String> = rows.iter().filter_map(|row| row.response.clone()).collect();
        notes.extend(thin(&responses));
        let mut in_context = Vec::new();
        if self.identifiers.is_some() {
            in_context = with_contexts(&rows, path)?;
        } else {
            if self.auditors.is_some() {
                return Err(Failure::Usage(AUDITORS_ALONE.to_string()));
            }
            notes.push("Emp-F1 is not known: it needs --identifiers and targets.".to_string());
        }
        let system = path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let identification = self.identifiers.as_ref().map(|identifiers| Identification {
            identifiers,
            auditors: self.auditors.as_deref().unwrap_or_default(),
            device: self.device.as_deref(),
            rows: &in_context,
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
        let evaluated = results?;
        notes.extend(evaluated.notes);
        Ok((evaluated.results, notes))
    }
}

const AUDITORS_ALONE: &str = "--auditors judges beside --identifiers; give these too";

/// What makes figures of these responses mean little.
fn thin(responses: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let all = responses.len();
    if all == 1 {
        notes.push(
            "There is one response: Dist is of it alone, and an interval says nothing.".to_string(),
        );
    }
    let empty = responses
        .iter()
        .filter(|text| text.trim().is_empty())
        .count();
    let has_word = |text: &&String| text.chars().any(char::is_alphanumeric);
    let wordless = all - empty - responses.iter().filter(has_word).count();
    for (found, what) in [(empty, "empty"), (wordless, "punctuation or signs alone")] {
        if found > 0 {
            let verb = if found == 1 { "is" } else { "are" };
            notes.push(format!(
                "{} of {} responses {verb} {what}.",
                count(found as u64),
                count(all as u64)
            ));
        }
    }
    notes
}

/// The responses with their contexts, which identifiers read, and their targets, which Emp-F1 compares them with.
fn with_contexts(rows: &[Row], path: &Path) -> Result<Vec<ResponseInContext>, Failure> {
    let mut found = Vec::new();
    for row in rows {
        let Some(context) = row.context_text() else {
            let what = "the response has no context, which identifiers read";
            let fix = "give contexts and targets with --contexts FILE, or \"context\" and \"target\" in every row";
            return Err(DataError::line(path, row.line, what, fix).into());
        };
        found.push(ResponseInContext {
            context,
            response: row.require_response(path)?.to_string(),
            target: row
                .fields
                .get("target")
                .and_then(Value::as_str)
                .map(str::to_string),
        });
    }
    Ok(found)
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
