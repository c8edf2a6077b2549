//! `emprl store`: the runs of other stores in this one.

use std::path::PathBuf;

use clap::ValueEnum;

use super::output::number_of;
use super::{CommandContext, Failure};
use crate::operations::stores::{self, MergedStore};
use crate::store::{CheckpointFiles, LeftOut, WhyLeftOut};

#[derive(Debug, clap::Subcommand)]
pub enum Stores {
    /// Take over the runs of other stores: once each, in any order, and again as they go on there
    ///
    /// A run is known by an identity of its own, so that merging twice does no harm. Names, notes and tags given here
    /// stay. Studies, responses and corpora stay where they are.
    Merge {
        /// Folders of the other stores
        #[arg(value_name = "STORE", required = true)]
        from: Vec<PathBuf>,
        /// What comes along of checkpoints: a copy, the same files under a second name (on one disk), or nothing
        #[arg(long, value_enum, default_value_t = Files::Copy)]
        checkpoints: Files,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Files {
    Copy,
    Link,
    None,
}

impl Stores {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let Stores::Merge { from, checkpoints } = self;
        let merged = stores::merge(&ctx.store, &from, checkpoints.into())?;
        ctx.out
            .show(&merged, || merged.iter().map(merged_words).collect())
    }
}

impl From<Files> for CheckpointFiles {
    fn from(files: Files) -> Self {
        match files {
            Files::Copy => CheckpointFiles::Copy,
            Files::Link => CheckpointFiles::Link,
            Files::None => CheckpointFiles::Leave,
        }
    }
}

/// A line of what became of a store's runs, and one for each that was left out.
pub(super) fn merged_words(merged: &MergedStore) -> String {
    let runs = &merged.runs;
    let mut parts = Vec::new();
    for (taken, what) in [
        (&runs.added, "added"),
        (&runs.updated, "brought up to date"),
    ] {
        if !taken.is_empty() {
            let numbers = taken
                .iter()
                .map(|run| format!("{} as {}", run.there, run.here));
            let numbers: Vec<String> = numbers.collect();
            let count = number_of(taken.len() as u64, "run", "runs");
            parts.push(format!("{count} {what} ({})", numbers.join(", ")));
        }
    }
    if runs.known > 0 {
        let count = number_of(runs.known as u64, "run was", "runs were");
        parts.push(format!("{count} here already"));
    }
    if parts.is_empty() && runs.left_out.is_empty() {
        parts.push("it has no runs".to_string());
    }
    let mut text = format!("{}: {}\n", merged.store.display(), parts.join("; "));
    for left in &runs.left_out {
        text += &format!("  left out: {}\n", left_out(left));
    }
    text
}

fn left_out(left: &LeftOut) -> String {
    let here = left.here.map(|run| format!(", run {run} here,"));
    let run = format!("run {}{}", left.there, here.unwrap_or_default());
    match left.why {
        WhyLeftOut::WentOnInBoth => {
            format!("{run} went on in both stores since they last agreed; neither was changed")
        }
        WhyLeftOut::InProgressHere => {
            format!("{run} is in progress here; merge again once it has ended")
        }
        WhyLeftOut::Deleted => format!("{run} is deleted there or here"),
    }
}
