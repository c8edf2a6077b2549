//! `emprl endpoint`: language models at addresses, as systems that answer and as judges.

mod report;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use report::{figures_text, list_text, outline_lines, tally_lines};
use serde_json::{Map, Value, json};

use super::meter::Bars;
use super::output::{line_on_stderr, number_of};
use super::responses::{name_refused, report as responses_report};
use super::{CommandContext, Failure, input, interrupts};
use crate::data::Split;
use crate::data::library::EMPATHETIC_DIALOGUES;
use crate::operations::OperationError;
use crate::operations::endpoint::{
    self, AnswerRequest, Endpoint as Address, JudgeRequest, JudgedWhat, Outline, Prices, Retry,
};
use crate::store::AskId;
use crate::text::shown::one_line;

/// The variable that OpenAI's own programs read.
const KEY_VARIABLE: &str = "OPENAI_API_KEY";

#[derive(Debug, clap::Subcommand)]
pub enum Endpoint {
    /// Let the model at an address answer the contexts of a data set, as a system
    ///
    /// By the paper's prompt for ChatGPT (Sec. IV-C): two examples drawn by the seed from the training split, then the
    /// context. Every request is kept with its answer; the same command again asks only what is missing.
    Answer(Answer),
    /// Let the model at an address rate or compare responses by a rubric
    ///
    /// Comparisons are asked in both orders. What a judge says is kept apart from what people said.
    Judge(Judge),
    /// What was asked so far, and how much of it is answered
    List,
    /// What a judge said, from what is kept; nothing is sent
    Show {
        /// The number of the series, as `emprl endpoint list` shows it
        series: i64,
        /// Scores and verdicts of the corpus that people gave, though its mapping does not say so
        #[arg(long, value_name = "SCORE", value_delimiter = ',')]
        human: Vec<String>,
        #[command(flatten)]
        prices: PriceList,
    },
    /// Write what a judge said to a new file of JSONL: records with its scores and verdicts, which `emprl corpus import` reads
    Export {
        /// The number of the series
        series: i64,
        /// The file
        out: PathBuf,
        /// Every request of any series as it was sent, with its answer as it came
        #[arg(long)]
        exchanges: bool,
    },
    /// Delete a series with its answers and what they said; a system that was made of it stays
    Delete {
        /// The number of the series
        series: i64,
        /// Delete it: this cannot be undone
        #[arg(long)]
        for_good: bool,
    },
}

/// Where a model is, and how it is asked.
#[derive(Debug, clap::Args)]
struct Where {
    /// Of the server, of its /v1, or all of .../v1/chat/completions
    #[arg(long, value_name = "URL")]
    address: String,
    /// The model's name there
    #[arg(long, value_name = "NAME")]
    model: String,
    /// The environment variable with the key, which is sent to this address and kept nowhere; else OPENAI_API_KEY where it
    /// is set
    #[arg(long, value_name = "VARIABLE")]
    key_variable: Option<String>,
    /// Send no key, though OPENAI_API_KEY is set
    #[arg(long, conflicts_with = "key_variable")]
    no_key: bool,
    /// Only the likeliest tokens that together reach this probability are drawn from
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Longest answer in tokens
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Seed of the draws, sent with each request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: u64,
    /// A field of the request, such as --field max_completion_tokens=200 or --field seed=null, which leaves it out
    #[arg(long = "field", value_name = "NAME=JSON", value_parser = field)]
    fields: Vec<(String, Value)>,
    /// Requests at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// How often a request may fail before the command ends
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = seconds)]
    timeout: f64,
    #[command(flatten)]
    prices: PriceList,
    /// Show one request as it would be sent, and how many there are; send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a million tokens cost.
#[derive(Debug, clap::Args)]
pub struct PriceList {
    /// Price of a million tokens of prompts, to sum up the cost
    #[arg(long, value_name = "PRICE", requires = "price_out", value_parser = price)]
    price_in: Option<f64>,
    /// Price of a million tokens of answers
    #[arg(long, value_name = "PRICE", requires = "price_in", value_parser = price)]
    price_out: Option<f64>,
}

impl PriceList {
    fn prices(&self) -> Option<Prices> {
        Some(Prices {
            prompt: self.price_in?,
            answer: self.price_out?,
        })
    }
}

#[derive(Debug, clap::Args)]
pub struct Answer {
    #[command(flatten)]
    at: Where,
    /// What the system is called
    #[arg(long, value_name = "NAME")]
    system: String,
    /// The data set whose contexts are answered: empathetic-dialogues, builtin, or a corpus
    #[arg(long, value_name = "NAME", default_value = EMPATHETIC_DIALOGUES)]
    data: String,
    /// train, validation, test or all
    #[arg(long, value_name = "SPLIT", default_value = "test", value_parser = split)]
    split: Splits,
    /// A file with the prompt: {context}, {example_1.context}, {example_1.response} and so on; else the paper's
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Logits are divided by it before drawing
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = temperature)]
    temperature: f64,
    /// The first so many contexts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Take the place of a system of the same name
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["corpus", "systems"])))]
pub struct Judge {
    #[command(flatten)]
    at: Where,
    /// How to judge: a TOML file, or `rate` or `compare`, which come with the program
    #[arg(long, value_name = "FILE")]
    rubric: String,
    /// A corpus whose responses are judged
    #[arg(long, value_name = "NAME")]
    corpus: Option<String>,
    /// Whose responses, with commas between: of the corpus, else systems in the store; `target` is the listener's own
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    systems: Vec<String>,
    /// Of the corpus: train, validation, test or all
    #[arg(long, value_name = "SPLIT", default_value = "all", requires = "corpus", value_parser = split)]
    split: Splits,
    /// How often each request is made, with another seed each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
    /// Logits are divided by it before drawing
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature)]
    temperature: f64,
    /// Of the first so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Scores and verdicts of the corpus that people gave, though its mapping does not say so
    #[arg(long, value_name = "SCORE", value_delimiter = ',', requires = "corpus")]
    human: Vec<String>,
}

/// One split, or all.
#[derive(Clone, Copy, Debug)]
struct Splits(Option<Split>);

fn split(text: &str) -> Result<Splits, String> {
    match text {
        "all" => Ok(Splits(None)),
        text => Split::from_key(text)
            .map(|split| Splits(Some(split)))
            .ok_or_else(|| "it is train, validation, test or all".to_string()),
    }
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("it is a number from {least} to {most}"))
}

fn temperature(text: &str) -> Result<f64, String> {
    within(text, 0.0, 10.0)
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1, 86_400.0)
}

fn price(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1e6)
}

fn field(text: &str) -> Result<(String, Value), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("give NAME=JSON".to_string());
    };
    // A word need not be quoted.
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    match name {
        "" => Err("give NAME=JSON".to_string()),
        "stream" => Err("answers are read as a whole; leave `stream` out".to_string()),
        name => Ok((name.to_string(), value)),
    }
}

impl Where {
    fn endpoint(&self, temperature: f64) -> Address {
        let variable = self.key_variable.as_deref();
        Address {
            address: self.address.clone(),
            model: self.model.clone(),
            key_variable: match self.no_key {
                true => None,
                false => Some(variable.unwrap_or(KEY_VARIABLE).to_string()),
            },
            needs_key: variable.is_some(),
            temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            seed: self.seed,
            fields: self.fields.iter().cloned().collect::<Map<String, Value>>(),
            at_once: self.concurrency.into(),
            retry: Retry {
                times: self.attempts,
                pause: Duration::from_millis(500),
            },
            timeout: Duration::from_secs_f64(self.timeout),
            prices: self.prices.prices(),
        }
    }

    /// Says what will be sent where; true if it is to be sent.
    fn announce(&self, ctx: &CommandContext, outline: &Outline) -> Result<bool, Failure> {
        if self.dry_run {
            ctx.out.show(outline, || {
                let mut text: String = outline_lines(outline)
                    .iter()
                    .map(|line| format!("{line}\n"))
                    .collect();
                text += "\nThe first request, whole:\n\n";
                text += &serde_json::to_string_pretty(&outline.first).unwrap_or_default();
                text += "\n\nIts prompt:\n\n";
                for message in outline.first["messages"].as_array().into_iter().flatten() {
                    text += message["content"].as_str().unwrap_or_default();
                    text += "\n\n";
                }
                text + "Nothing was sent.\n"
            })?;
            return Ok(false);
        }
        outline_lines(outline)
            .iter()
            .for_each(|line| line_on_stderr(line));
        Ok(true)
    }
}

/// Runs what asks, with a bar, until it ends or Ctrl-C.
fn asking<T>(
    run: impl FnOnce(crate::operations::OnProgress<'_>) -> Result<T, OperationError>,
) -> Result<T, Failure> {
    let says =
        "Stopping once the requests that are under way are answered; Ctrl-C again ends at once.";
    let interrupted = interrupts::noted(says)?;
    let mut bars = Bars::default();
    let done = run(&mut |progress| {
        let _ = bars.show(progress);
        match interrupted.load(Ordering::Relaxed) {
            false => ControlFlow::Continue(()),
            true => ControlFlow::Break(()),
        }
    });
    bars.clear();
    match done {
        Err(OperationError::AskStopped { recorded, of }) => {
            line_on_stderr(&format!(
                "Stopped: {recorded} of {} are answered and kept. The same command asks what is missing.",
                number_of(of as u64, "request", "requests")
            ));
            Err(Failure::Stopped)
        }
        done => Ok(done?),
    }
}

impl Endpoint {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Endpoint::Answer(answer) => answer.run(ctx),
            Endpoint::Judge(judge) => judge.run(ctx),
            Endpoint::List => {
                let found = endpoint::list(&ctx.store)?;
                ctx.out.show(&found, || list_text(&found))
            }
            Endpoint::Show {
                series,
                human,
                prices,
            } => {
                let ask = AskId(*series);
                let found = endpoint::figures_of(&ctx.store, ask, prices.prices(), human)?;
                ctx.out.show(&found, || figures_text(&found))
            }
            Endpoint::Export {
                series,
                out,
                exchanges,
            } => {
                let ask = AskId(*series);
                let (rows, judgements) = match exchanges {
                    true => (endpoint::export_exchanges(&ctx.store, ask, out)?, None),
                    false => {
                        let written = endpoint::export(&ctx.store, ask, out)?;
                        (written.rows, Some(written.judgements))
                    }
                };
                let document = json!({"file": out, "rows": rows, "judgements": judgements});
                let said = ctx.out.show(&document, || {
                    let judgements = judgements.map_or_else(String::new, |n| {
                        format!(", {}", number_of(n as u64, "judgement", "judgements"))
                    });
                    let rows = number_of(rows as u64, "row", "rows");
                    format!(
                        "{}: {rows}{judgements}\n",
                        one_line(&out.display().to_string())
                    )
                });
                said.map_err(Failure::but_done)
            }
            Endpoint::Delete { series, for_good } => {
                if !for_good {
                    return Err(Failure::Usage(format!(
                        "deleting series {series} cannot be undone: add --for-good to delete it"
                    )));
                }
                endpoint::delete(&ctx.store, AskId(*series))?;
                let document = json!({"deleted": series});
                let said = ctx
                    .out
                    .show(&document, || format!("Series {series} is deleted.\n"));
                said.map_err(Failure::but_done)
            }
        }
    }
}

impl Answer {
    fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let request = AnswerRequest {
            endpoint: self.at.endpoint(self.temperature),
            system: self.system.clone(),
            data: self.data.clone(),
            split: self.split.0,
            template: self.template.clone(),
            limit: self.limit.map(|limit| limit as usize),
            replace: self.replace,
        };
        let prepared = endpoint::prepare_answers(&ctx.store, &request).map_err(name_refused)?;
        if !self.at.announce(ctx, &prepared.outline)? {
            return Ok(());
        }
        let answered = asking(|on_progress| prepared.run(&ctx.store, on_progress))?;
        let mut lines = tally_lines(&answered.tally);
        lines.insert(
            0,
            format!(
                "Series {}: {} now.",
                answered.ask.0,
                number_of(
                    answered.asked as u64,
                    "request was made",
                    "requests were made"
                )
            ),
        );
        lines.extend(report::refusal_lines(&answered.refused));
        match ctx.out.json {
            true => {
                let mut document = responses_report::document(&answered.stored);
                document["series"] = json!(answered.ask);
                document["asked"] = json!(answered.asked);
                document["refused"] = json!(answered.refused);
                document["tally"] = json!(answered.tally);
                ctx.out.document(&document).map_err(Failure::but_done)
            }
            false => {
                let said = responses_report::report(ctx, &answered.stored);
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                said.and_then(|()| ctx.out.text(&text))
                    .map_err(Failure::but_done)
            }
        }
    }
}

impl Judge {
    fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let what = match &self.corpus {
            Some(name) => JudgedWhat::Corpus {
                name: name.clone(),
                systems: self.systems.clone(),
                split: self.split.0,
            },
            None => JudgedWhat::Systems(self.systems.clone()),
        };
        let request = JudgeRequest {
            endpoint: self.at.endpoint(self.temperature),
            rubric: self.rubric.clone(),
            what,
            repeats: self.repeats,
            limit: self.limit.map(|limit| limit as usize),
            human: self.human.clone(),
        };
        let prepared = endpoint::prepare_judge(&ctx.store, &request)?;
        if !self.at.announce(ctx, &prepared.outline)? {
            return Ok(());
        }
        let found = asking(|on_progress| prepared.run(&ctx.store, on_progress))?;
        if found.n == 0 {
            let note =
                "no answer was understood: compare how the rubric reads with what the model says";
            input::show_notes(&[note.to_string()]);
        }
        let said = ctx.out.show(&found, || figures_text(&found));
        said.map_err(Failure::but_done)
    }
}
