//! `emprl score`: log-probabilities of given responses.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::generate::truncated;
use super::meter::meter;
use super::{CommandContext, Failure, input};
use crate::data::Turns;
use crate::data::rows::Row;
use crate::operations::models::{Reference, SavedModel};

#[derive(Debug, clap::Args)]
pub struct Score {
    /// Hugging Face folder or GGUF file of a model, or a run: its policy, else its generator
    #[arg(long, value_name = "DIR|RUN[@STEP]")]
    model: Reference,
    /// Rows {"context": "…", "response": "…"} as JSONL, a JSON array, CSV or TSV; or, with --contexts, plain text
    /// with a response a line.
    /// A row's "tokens" are scored as they are where they spell its response
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The contexts, as rows; responses find theirs by idx, id or words, else by order
    #[arg(long, value_name = "FILE")]
    contexts: Option<PathBuf>,
    /// Longest context in tokens; longer ones lose their oldest. Else the run's setting, or the paper's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(8..=4096))]
    max_source: Option<u16>,
    /// Responses scored at once
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

impl Score {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let found = self.model.model(&ctx.store)?;
        let config = found.config();
        let max_source = self.max_source.map_or(config.data.max_source, usize::from);
        let device = self.device.as_deref().unwrap_or(&config.run.device);
        let file = input::pairs(&self.input, self.contexts.as_deref())?;
        input::show_notes(&file.notes);
        let mut rows = file.rows;
        let model = SavedModel::open(&found.folder, device)?;
        let model = match self.special_tokens {
            true => model.with_special_tokens(true),
            false => model,
        };

        let mut contexts = Vec::new();
        let mut responses = Vec::new();
        for row in &rows {
            contexts.push(row.require_turns(&self.input)?);
            let response = row.require_response(&self.input)?;
            let own = own_tokens(row).filter(|tokens| model.spells(tokens, response));
            responses.push(own.unwrap_or_else(|| model.encode(response)));
        }
        input::show_notes(truncated(&model, &contexts, max_source)?.as_slice());
        let pairs: Vec<(Turns<'_>, &[u32])> = contexts
            .iter()
            .copied()
            .zip(responses.iter().map(Vec::as_slice))
            .collect();
        let bar = meter(rows.len(), "Scoring");
        let done = &mut |done: usize| bar.set_position(done as u64);
        let scores = model.score(&pairs, max_source, self.batch.into(), done)?;
        bar.finish_and_clear();
        for ((row, tokens), logprobs) in rows.iter_mut().zip(&responses).zip(scores) {
            let nll: f64 = logprobs.iter().map(|logprob| -f64::from(*logprob)).sum();
            row.set("tokens", tokens.clone());
            row.set("logprobs", json!(logprobs));
            row.set("nll", nll);
            ctx.out.row(row)?;
        }
        Ok(())
    }
}

/// The token ids that came with a row, as `emprl generate` writes them.
fn own_tokens(row: &Row) -> Option<Vec<u32>> {
    let ids = row.fields.get("tokens")?.as_array()?;
    let id = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids: Option<Vec<u32>> = ids.iter().map(id).collect();
    ids.filter(|ids| !ids.is_empty())
}
