//! `emprl identify`: empathy levels of responses in their contexts.

use std::path::PathBuf;

use serde_json::json;

use super::meter::meter;
use super::{CommandContext, Failure, input};
use crate::data::Mechanism;
use crate::metrics::Truncation;
use crate::operations::models::{Reference, SavedIdentifiers};

#[derive(Debug, clap::Args)]
pub struct Identify {
    /// The run whose identifiers judge, or a folder of identifiers
    #[arg(long, value_name = "RUN|DIR")]
    identifiers: Reference,
    /// Rows {"context": "…", "response": "…"} as JSONL, a JSON array, CSV or TSV; or, with --contexts, plain text
    /// with a response a line
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The contexts, as rows; responses find theirs by idx, id or words, else by order
    #[arg(long, value_name = "FILE")]
    contexts: Option<PathBuf>,
    /// Responses judged at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Where to compute; else the run's device, else flex
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

impl Identify {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let found = self.identifiers.identifiers(&ctx.store)?;
        let config = found.config();
        let device = self.device.as_deref().unwrap_or(&config.run.device);
        let file = input::pairs(&self.input, self.contexts.as_deref())?;
        input::show_notes(&file.notes);
        let mut rows = file.rows;
        let identifiers = SavedIdentifiers::open(&found.folder, device)?;

        let mut contexts = Vec::new();
        let mut responses = Vec::new();
        for row in &rows {
            contexts.push(row.require_context(&self.input)?.join(" "));
            responses.push(row.require_response(&self.input)?.to_string());
        }
        let pairs: Vec<(&str, &str)> = contexts
            .iter()
            .map(String::as_str)
            .zip(responses.iter().map(String::as_str))
            .collect();
        let bar = meter(rows.len(), "Identifying");
        let done = &mut |done: usize| bar.set_position(done as u64);
        let identified = identifiers.identify(&pairs, self.batch.into(), done);
        bar.finish_and_clear();
        let truncated = identifiers.truncated(&pairs);
        let note = Truncation::new(identifiers.limits(), &truncated, &[]);
        input::show_notes(&[note.sentence()]);
        for ((row, identified), truncated) in rows.iter_mut().zip(identified).zip(truncated) {
            for mechanism in Mechanism::ALL {
                row.set(mechanism.key(), json!(identified[mechanism.index()]));
            }
            row.set("context_truncated", truncated.context);
            row.set("response_truncated", truncated.response);
            ctx.out.row(row)?;
        }
        Ok(())
    }
}
