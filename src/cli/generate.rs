//! `emprl generate`: answers contexts.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::meter::meter;
use super::output::count;
use super::{CommandContext, Failure, input};
use crate::data::rows::Row;
use crate::data::{DataError, Turns};
use crate::experiment::{Config, setting};
use crate::operations::models::{BestOf, Drawing, Reference, SavedModel, Targeted, judge};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Generate {
    /// Hugging Face folder or GGUF file of a model, or a run: its policy, else its generator
    #[arg(long, value_name = "DIR|RUN[@STEP]")]
    model: Reference,
    /// Rows {"context": "…" or ["…", …]} as JSONL, a JSON array, CSV or TSV, or plain text with a context a line;
    /// stdin without it
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Always the likeliest token; nothing is drawn
    #[arg(long, conflicts_with_all = ["top_k", "top_p", "temperature", "seed"])]
    greedy: bool,
    /// Draw N responses to each context and keep the one that the run's empathy reward likes best; rows need a "target",
    /// whose levels the reward compares with
    #[arg(long, value_name = "N", conflicts_with = "greedy", value_parser = clap::value_parser!(u16).range(2..=256))]
    best_of: Option<u16>,
    /// Whose identifiers the reward of --best-of judges by; else those of the model's run
    #[arg(long, value_name = "RUN|DIR", requires = "best_of")]
    identifiers: Option<Reference>,
    #[command(flatten)]
    settings: Sampling,
    /// Contexts answered at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Special tokens that stand in the texts, such as </s>, become these tokens; else as the run's setting
    /// says, and for a folder they are text like any other
    #[arg(long)]
    special_tokens: bool,
    /// Where to compute; else the run's device, else flex
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

/// Overrides of the run's settings, or of the paper's for a folder.
#[derive(Debug, clap::Args)]
struct Sampling {
    /// Only the K likeliest tokens are drawn from; 0 for all
    #[arg(long, value_name = "K")]
    top_k: Option<i64>,
    /// Only the likeliest tokens that together reach this probability are drawn from
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Logits are divided by it before drawing
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Longest response in tokens
    #[arg(long, value_name = "N")]
    max_new_tokens: Option<i64>,
    /// The end of the response is forbidden before so many tokens
    #[arg(long, value_name = "N")]
    min_new_tokens: Option<i64>,
    /// Longest context in tokens; longer ones lose their oldest
    #[arg(long, value_name = "N")]
    max_source: Option<i64>,
    /// Seed of every draw
    #[arg(long, value_name = "N")]
    seed: Option<i64>,
}

impl Sampling {
    fn apply(&self, config: &mut Config) -> Result<(), Failure> {
        let whole = [
            ("sampling.top_k", self.top_k),
            ("sampling.max_new_tokens", self.max_new_tokens),
            ("sampling.min_new_tokens", self.min_new_tokens),
            ("data.max_source", self.max_source),
            ("run.seed", self.seed),
        ];
        let numbers = [
            ("sampling.top_p", self.top_p),
            ("sampling.temperature", self.temperature),
        ];
        let whole = whole.map(|(path, value)| Some((path, toml::Value::from(value?))));
        let numbers = numbers.map(|(path, value)| Some((path, toml::Value::from(value?))));
        for (path, value) in whole.into_iter().chain(numbers).flatten() {
            config
                .set(path, value)
                .map_err(|problem| refused(path, &problem.message))?;
        }
        // Constraints between settings.
        let mut problems = config.problems().into_iter();
        match problems.find(|problem| problem.path.starts_with("sampling.")) {
            Some(problem) => Err(refused(&problem.path, &problem.message)),
            None => Ok(()),
        }
    }
}

/// How many contexts are longer than the model reads.
pub(super) fn truncated(
    model: &SavedModel,
    contexts: &[Turns<'_>],
    max_source: usize,
) -> Result<Option<String>, Failure> {
    let longer = model.truncated(contexts, max_source)?;
    Ok((longer > 0).then(|| {
        format!(
            "{} of {} contexts are longer than {max_source} tokens (--max-source), and their beginning is not read.",
            count(longer as u64),
            count(contexts.len() as u64)
        )
    }))
}

fn refused(path: &str, problem: &str) -> Failure {
    let field = setting(path).map_or(path, |setting| setting.field());
    Failure::Usage(format!("--{}: {problem}", field.replace('_', "-")))
}

/// The contexts with the targets that a reward compares with.
fn targeted<'a>(rows: &'a [Row], path: &Path) -> Result<Vec<Targeted<'a>>, Failure> {
    let of = |row: &'a Row| {
        let target = row.fields.get("target").and_then(Value::as_str);
        let target = target.filter(|target| !target.trim().is_empty()).ok_or_else(|| {
            let what = "the row has no \"target\", whose empathy levels the reward compares a response with";
            DataError::line(path, row.line, what, "give each row {\"context\": …, \"target\": \"…\"}")
        })?;
        let context = row.require_turns(path)?;
        Ok::<_, DataError>(Targeted { context, target })
    };
    Ok(rows.iter().map(of).collect::<Result<_, _>>()?)
}

impl Generate {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let found = self.model.model(&ctx.store)?;
        let mut config = found.config();
        self.settings.apply(&mut config)?;
        let device = self.device.as_deref().unwrap_or(&config.run.device);
        let model = SavedModel::open(&found.folder, device)?;
        let model = match self.special_tokens {
            true => model.with_special_tokens(true),
            false => model,
        };
        let file = input::contexts(self.input.as_deref())?;
        input::show_notes(&file.notes);
        let mut rows = file.rows;
        let contexts: Vec<Turns<'_>> = rows.iter().filter_map(Row::turns).collect();
        let cut = truncated(&model, &contexts, config.data.max_source)?;
        input::show_notes(cut.as_slice());
        let drawing = Drawing {
            settings: &config.sampling,
            greedy: self.greedy,
            seed: config.run.seed,
        };
        let best_of = self.best_of.and_then(|n| BestOf::new(n.into()));
        let bar = meter(rows.len() * best_of.map_or(1, BestOf::n), "Answering");
        let done = &mut |done: usize| bar.set_position(done as u64);
        let batch = self.batch.into();
        let max_source = config.data.max_source;
        let answers = match best_of {
            Some(best_of) => {
                let given = self.identifiers.as_ref();
                let identifiers = judge(&ctx.store, &self.model, given, device)?;
                let targeted = targeted(&rows, &file.path)?;
                let reward = (&identifiers, &config.reward);
                let size = (best_of, max_source);
                model.best_of(size, &targeted, reward, (&drawing, batch), &mut |count| {
                    done(count);
                    ControlFlow::Continue(())
                })?
            }
            None => model.answer(&contexts, max_source, &drawing, batch, done)?,
        };
        bar.finish_and_clear();
        if let Some(best_of) = best_of {
            let note = format!("{}. Drawn with seed {}.", best_of.sentence(), drawing.seed);
            input::show_notes(&[note]);
        }
        // A person at a terminal reads the responses; programs and files get whole rows.
        let plain = !ctx.out.json && std::io::stdout().is_terminal();
        for (row, answer) in rows.iter_mut().zip(answers) {
            if plain {
                ctx.out.text(&format!("{}\n", one_line(&answer.response)))?;
                continue;
            }
            row.set("response", answer.response);
            row.set("tokens", answer.tokens);
            row.set("logprobs", json!(answer.log_probs));
            ctx.out.row(row)?;
        }
        Ok(())
    }
}
