//! `emprl runs import`: runs that other programs logged, taken into the store.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::super::output::{count, number_of};
use super::super::{CommandContext, Failure, interrupts};
use crate::operations::imports::{self, ImportedRun, Outcome};
use crate::operations::record::RecordedAs;
use crate::text::shown::one_line;

/// Import runs that another program logged.
///
/// A file or a folder of TensorBoard (event files, each folder a run), a database of trackio, the CSV of a plot of W&B
/// (over steps: "Step", "run - metric", …), the history of a run of W&B as CSV or JSON (with _step), or the
/// trainer_state.json of a Transformers trainer; found by looking, in the folders below too. Imported again, a run is the
/// same run and gets what is new: it is known by what its program wrote first. Plots of W&B know their runs by name alone,
/// within an experiment.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// A file, or a folder that is looked through
    path: PathBuf,
    /// Say what would be imported, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Name of the run, where there is one
    #[arg(long)]
    name: Option<String>,
    /// What the runs belong to; else their project, or the program they come from
    #[arg(long)]
    experiment: Option<String>,
    /// Seed of the runs; else their setting "seed"
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Give new ones a tag; may be given again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

impl Import {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let of = RecordedAs {
            name: self.name,
            experiment: self.experiment,
            seed: self.seed,
            tags: self.tags,
        };
        let interrupted = interrupts::noted("Stopping after this run. Ctrl-C again ends at once.")?;
        let mut on_progress =
            |_: crate::operations::Progress<'_>| match interrupted.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
        let found = imports::import(&ctx.store, &self.path, &of, self.dry_run, &mut on_progress)?;
        ctx.out.show(&found, || {
            found
                .iter()
                .map(|run| words_of(run, self.dry_run))
                .collect()
        })
    }
}

fn words_of(found: &ImportedRun, dry: bool) -> String {
    let number = found
        .run
        .map(|run| format!(" run {run}"))
        .unwrap_or_default();
    let outcome = match (&found.outcome, dry) {
        (Outcome::Added, false) => format!("imported as{number}"),
        (Outcome::Added, true) => "would be imported".to_string(),
        (Outcome::Updated, false) => format!("brought up to date as{number}"),
        (Outcome::Updated, true) => format!("would be brought up to date as{number}"),
        (Outcome::Known, _) => format!("here already, as{number}"),
    };
    let mut text = format!(
        "{} ({}, {}): {outcome}; {} of {} up to step {}",
        one_line(&found.name),
        found.from.title(),
        one_line(&found.experiment),
        number_of(found.points as u64, "value", "values"),
        number_of(found.metrics as u64, "metric", "metrics"),
        count(found.last_step),
    );
    if found.settings > 0 {
        text += &format!(
            ", {}",
            number_of(found.settings as u64, "setting", "settings")
        );
    }
    if found.nonfinite > 0 {
        text += &format!("; {} not finite", count(found.nonfinite as u64));
    }
    text.push('\n');
    for remark in &found.remarks {
        text += &format!("  {}\n", one_line(remark));
    }
    text
}
