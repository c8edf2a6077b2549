//! `emprl runs`: lists, shows, compares, exports and edits saved runs.

mod compare;
mod export;
mod import;
mod keep;
mod list;
mod rollout;
mod samples;
mod show;

use super::{CommandContext, Failure};
use crate::experiment::Stage;
use crate::store::{RunId, RunRow};

#[derive(Debug, clap::Subcommand)]
pub enum Runs {
    /// Every run, the latest first
    List(list::List),
    /// A run: settings, latest measurements, results, checkpoints, events
    Show {
        /// Its number
        run: RunId,
    },
    /// Responses of a PPO step token by token: log-probabilities, KL, value, reward, advantage
    Rollout(rollout::Rollout),
    /// The sample dialogues of an evaluation, or one of them over all evaluations
    Samples(samples::Samples),
    /// Runs beside each other: settings that differ, results, paired differences
    Compare(compare::Compare),
    /// A run's curves for other programs: CSV, JSON lines or TensorBoard
    Export(export::Export),
    Import(import::Import),
    /// Give runs tags, or take them away
    Tag(keep::Tag),
    /// Write a note on a run, in place of the one it has; without text the note is shown
    Note(keep::Note),
    /// Give a run another name
    Rename {
        run: RunId,
        name: String,
    },
    /// Put runs aside, so that the table leaves them out
    Archive(keep::Archive),
    /// Delete runs; they can be brought back until they are removed for good
    Delete(keep::Delete),
    /// Bring deleted runs back
    Undelete {
        #[arg(required = true)]
        runs: Vec<RunId>,
    },
}

impl Runs {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Runs::List(list) => list.run(ctx),
            Runs::Show { run } => show::show(ctx, run),
            Runs::Rollout(rollout) => rollout.run(ctx),
            Runs::Samples(samples) => samples.run(ctx),
            Runs::Compare(compare) => compare.run(ctx),
            Runs::Export(export) => export.run(ctx),
            Runs::Import(import) => import.run(ctx),
            Runs::Tag(tag) => tag.run(ctx),
            Runs::Note(note) => note.run(ctx),
            Runs::Rename { run, name } => keep::rename(ctx, run, &name),
            Runs::Archive(archive) => archive.run(ctx),
            Runs::Delete(delete) => delete.run(ctx),
            Runs::Undelete { runs } => keep::undelete(ctx, runs),
        }
    }
}

/// The requested step, or the last one of `steps`.
fn chosen_step(
    run: RunId,
    what: &str,
    steps: &[(Stage, u64)],
    asked: Option<u64>,
) -> Result<(Stage, u64), Failure> {
    let Some(last) = steps.last() else {
        return Err(Failure::Failed(format!(
            "run {run} has no {what}; they are kept at each evaluation of PPO (ppo.evaluate_every)"
        )));
    };
    let Some(asked) = asked else {
        return Ok(*last);
    };
    let found = steps.iter().rfind(|(_, step)| *step == asked).copied();
    found.ok_or_else(|| {
        let known: Vec<String> = steps.iter().map(|(_, step)| step.to_string()).collect();
        Failure::Failed(format!(
            "run {run} has no {what} of step {asked}; it has those of {}",
            known.join(", ")
        ))
    })
}

fn step(run: &RunRow) -> String {
    match run.total {
        0 => run.step.to_string(),
        total => format!("{}/{total}", run.step),
    }
}
