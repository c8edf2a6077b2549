//! `emprl table`: Tables I-VI in the paper's layout, our figures beside the reported ones.

use std::path::PathBuf;

use super::failure::out_refused;
use super::output::{csv_mark, line_on_stderr};
use super::{CommandContext, Failure};
use crate::operations::exports;
use crate::report::tables::{Format, TableNumber, TableSelection};
use crate::store::{RunId, StudyId};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Table {
    /// 1 identifiers, 2 automatic metrics, 3 rating, 4 A/B test, 5 ablation, 6 cases
    #[arg(value_parser = clap::value_parser!(u8).range(1..=6))]
    number: u8,
    /// Runs, for tables 1, 2 and 5
    #[arg(long, value_name = "RUN,…", value_delimiter = ',')]
    runs: Vec<RunId>,
    /// Unblinded studies, for tables 3 and 4
    #[arg(long, value_name = "STUDY,…", value_delimiter = ',')]
    study: Vec<StudyId>,
    /// Scored systems, for table 2; systems whose answers table 6 shows, in this order, else all in the paper's
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    systems: Vec<String>,
    /// Without the paper's own values and rows of which nothing is measured here
    #[arg(long)]
    ours: bool,
    /// How it is written; else columns for a terminal
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
    /// CSV with the mark by which Excel knows UTF-8
    #[arg(long)]
    excel: bool,
    /// Write it to a file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum FormatName {
    /// A document that compiles as it is
    Latex,
    /// A Markdown table
    Markdown,
    /// Intervals in columns of their own
    Csv,
}

impl Table {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let number = TableNumber::from_number(self.number).ok_or_else(|| {
            Failure::Usage(format!("there is no table {}; choose 1 to 6", self.number))
        })?;
        self.check(number)?;
        let chosen = TableSelection {
            runs: self.runs.clone(),
            studies: self.study.clone(),
            systems: self.systems.clone(),
        };
        let format = match self.format {
            Some(FormatName::Latex) => Format::Latex,
            Some(FormatName::Markdown) => Format::Markdown,
            Some(FormatName::Csv) => Format::Csv,
            None => Format::Text,
        };
        let mark = csv_mark(self.excel, format == Format::Csv)?;
        let mut table = exports::table(&ctx.store, number, &chosen)?;
        if self.ours {
            table = table.of_ours();
        }
        if let Some(path) = &self.out {
            let text = format!("{mark}{}", table.write(format));
            exports::write(path, text.as_bytes()).map_err(out_refused)?;
        }
        let is_ours = !(self.runs.is_empty() && self.study.is_empty() && self.systems.is_empty());
        if let Some(options) = filled_by(number).filter(|_| !is_ours) {
            line_on_stderr(&format!(
                "The table has the paper's figures alone; {options} puts yours beside them."
            ));
        }
        match (ctx.out.json, &self.out) {
            (true, _) => ctx.out.document(&table),
            (false, Some(path)) => {
                let (heading, path) = (table.heading(), path.to_string_lossy());
                ctx.out
                    .text(&format!("{heading} is in {}\n", one_line(&path)))
            }
            (false, None) => ctx.out.content(&format!("{mark}{}", table.write(format))),
        }
    }

    /// Rejects arguments that the table does not use.
    fn check(&self, number: TableNumber) -> Result<(), Failure> {
        use TableNumber::{AbTest, Ablation, Automatic, Cases, Identifiers, Rating};
        let used = |given: bool, option: &str, by: &[TableNumber]| match !given
            || by.contains(&number)
        {
            true => Ok(()),
            false => {
                let by: Vec<String> = by.iter().map(|table| table.number().to_string()).collect();
                Err(Failure::Usage(format!(
                    "{option}: table {} is not made of these; they are for tables {}",
                    number.number(),
                    by.join(", ")
                )))
            }
        };
        used(
            !self.runs.is_empty(),
            "--runs",
            &[Identifiers, Automatic, Ablation],
        )?;
        used(!self.study.is_empty(), "--study", &[Rating, AbTest])?;
        let twice = |(at, study): &(usize, &StudyId)| self.study[..*at].contains(study);
        if let Some((_, study)) = self.study.iter().enumerate().find(twice) {
            return Err(Failure::Usage(format!(
                "--study: study {study} is given twice; give it once"
            )));
        }
        used(!self.systems.is_empty(), "--systems", &[Automatic, Cases])
    }
}

/// The options by which a table gets figures of one's own; none are needed for cases, which are pinned.
fn filled_by(number: TableNumber) -> Option<&'static str> {
    match number {
        TableNumber::Identifiers | TableNumber::Ablation => Some("--runs RUN"),
        TableNumber::Automatic => Some("--runs RUN or --systems NAME"),
        TableNumber::Rating | TableNumber::AbTest => Some("--study STUDY"),
        TableNumber::Cases => None,
    }
}
