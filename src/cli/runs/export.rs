//! `emprl runs export`: a run's curves, events and results for other programs.

use std::path::PathBuf;

use serde_json::json;

use super::super::output::csv_mark;
use super::super::{CommandContext, Failure};
use crate::operations::exports::{CurveFormat, export_curves};
use crate::store::{RunId, StoreReader};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Export {
    run: RunId,
    #[arg(long, value_enum)]
    format: Format,
    /// CSV with the mark by which Excel knows UTF-8
    #[arg(long)]
    excel: bool,
    /// Folder to write to, made if it is not there; files that are there are not written over
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// metrics.csv (stage, metric, step, value, wall time) and results.csv
    Csv,
    /// metrics.jsonl, events.jsonl and run.json
    Jsonl,
    /// One event file, as TensorBoard reads it
    Tensorboard,
}

impl Export {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        csv_mark(self.excel, self.format == Format::Csv)?;
        let format = match self.format {
            Format::Csv => CurveFormat::Csv { excel: self.excel },
            Format::Jsonl => CurveFormat::Jsonl,
            Format::Tensorboard => CurveFormat::Tensorboard,
        };
        let reader = StoreReader::open(&ctx.store)?;
        let done = export_curves(&reader, self.run, format, &self.dir)?;
        if ctx.out.json {
            return ctx.out.document(&json!({
                "run": self.run, "files": done.files, "points": done.points,
            }));
        }
        let files = done
            .files
            .iter()
            .map(|file| format!("{}\n", one_line(&file.to_string_lossy())));
        ctx.out.text(&format!(
            "{}{} points.\n",
            files.collect::<String>(),
            done.points
        ))
    }
}
