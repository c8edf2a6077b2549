//! `emprl corpus join`: labels, scores and verdicts from a file of their own.

use std::path::PathBuf;

use super::super::output::{count, number_of};
use super::super::{CommandContext, Failure};
use super::{left_out_text, problems_text};
use crate::data::corpus::RemarkColumns;
use crate::data::corpus::record::Origin;
use crate::operations::corpus::{self, FoundId, Joined};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Join {
    /// The corpus
    corpus: String,
    /// The file, in any form that `emprl corpus inspect` reads
    file: PathBuf,
    /// What the labels, scores and verdicts are called by: NAME_overall is its column `overall`
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// The column with the records' ids; else the one that has most of them
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// The column with the systems; else the one that has most of them, if any
    #[arg(long, value_name = "COLUMN")]
    system: Option<String>,
    /// Who gave the scores and verdicts; else where the names of the file and its columns say it
    #[arg(long)]
    origin: Option<Giver>,
    /// Who of those that a column of judges or raters names are language models; else those whose names say so, such as
    /// gpt-4. They are counted apart from people
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    judges: Option<Vec<String>>,
    /// Keep a column as a label that is left out else, such as a judge's remarks; can be repeated
    #[arg(long, value_name = "COLUMN")]
    keep: Vec<String>,
    /// Show what would be added, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Who gave a score.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Giver {
    /// People
    Human,
    /// A classifier or a formula
    Model,
    /// A language model that was asked to rate or compare
    Judge,
}

impl From<Giver> for Origin {
    fn from(giver: Giver) -> Origin {
        match giver {
            Giver::Human => Origin::Human,
            Giver::Model => Origin::Model,
            Giver::Judge => Origin::Judge,
        }
    }
}

impl Join {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let columns = RemarkColumns {
            id: self.id.clone(),
            system: self.system.clone(),
            origin: self.origin.map(Origin::from),
            judges: self.judges.clone(),
            keep: self.keep.clone(),
        };
        let joined = corpus::join(
            &ctx.store,
            &self.corpus,
            &self.name,
            &self.file,
            &columns,
            self.dry_run,
        )?;
        let shown = ctx.out.show(&joined, || self.text(&joined));
        match self.dry_run {
            true => shown,
            false => shown.map_err(Failure::but_done),
        }
    }

    fn text(&self, joined: &Joined) -> String {
        let by = match &joined.system {
            Some(system) => format!(" and the systems in {}", one_line(system)),
            None => String::new(),
        };
        let mut text = format!(
            "{}, by the ids in {}{by}: {} about {}.\n",
            number_of(joined.rows as u64, "row", "rows"),
            one_line(&joined.id),
            number_of(joined.joined as u64, "is", "are"),
            about(joined),
        );
        for (n, what, ids) in [
            (
                joined.without_record,
                "with an id that no record has",
                &joined.unknown_ids[..],
            ),
            (
                joined.of_several,
                "with an id that several records have, not joined, since nothing says which is meant (a column of systems does, \
                 or an id of each record)",
                &joined.several_ids,
            ),
            (
                joined.without_response,
                "with a system without a response in their record",
                &joined.unanswered_ids,
            ),
            (
                joined.without_remark,
                "without a label, a score or a verdict",
                &joined.silent_ids,
            ),
            (
                joined.other_labels,
                "of these with another label than an earlier row, which is kept",
                &[],
            ),
        ] {
            if n > 0 {
                let rows = number_of(n as u64, "row", "rows");
                text += &format!("note: {rows} {what}{}.\n", named(ids, n));
            }
        }
        if !joined.problems.is_empty() {
            let n = joined.problems.len() as u64;
            let rows = number_of(n, "row that cannot be read", "rows that cannot be read");
            text += &format!("note: {rows}, listed below.\n");
        }
        for note in &joined.notes {
            text += &format!("note: {}\n", one_line(note));
        }
        for (what, of) in [
            ("Labels", &joined.labels),
            ("Scores", &joined.scores),
            ("Verdicts", &joined.verdicts),
        ] {
            if !of.is_empty() {
                let named = of.iter();
                let named =
                    named.map(|(name, n)| format!("{} {}", one_line(name), count(*n as u64)));
                text += &format!("{what}: {}\n", named.collect::<Vec<_>>().join(", "));
            }
        }
        text += &left_out_text(&joined.left_out);
        text += &problems_text(&joined.problems);
        text += &match self.dry_run {
            true => "\nNothing was written: this was a dry run.\n".to_string(),
            false if joined.already => format!(
                "\nIt was in the store already, with {}, from the same file: nothing has changed.\n",
                one_line(&self.corpus)
            ),
            false => format!("\nIt is in the store, with {}.\n", one_line(&self.corpus)),
        };
        text
    }
}

/// `3 answers and 2 records`.
fn about(joined: &Joined) -> String {
    let answers = number_of(joined.answers as u64, "answer", "answers");
    let records = number_of(joined.records as u64, "record", "records");
    match (joined.answers, joined.records) {
        (_, 0) => answers,
        (0, _) => records,
        _ => format!("{answers} and {records}"),
    }
}

/// `: "a" in line 3, "b" in line 9, …`, where more rows may follow than are named.
fn named(ids: &[FoundId], rows: usize) -> String {
    let shown: Vec<String> = ids
        .iter()
        .map(|of| format!("{} in line {}", one_line(&of.id), of.line))
        .collect();
    match shown.is_empty() {
        true => String::new(),
        false => {
            let more = if rows > shown.len() { ", …" } else { "" };
            format!(": {}{more}", shown.join(", "))
        }
    }
}
