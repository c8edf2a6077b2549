//! `emprl jobs`: what was sent to a cluster.

use serde_json::json;

use super::output::{moment, number_of};
use super::stores::{Files, merged_words};
use super::{CommandContext, Failure};
use crate::operations::cluster::{self, TaskState};
use crate::report::{Align, TextTable};

#[derive(Debug, clap::Subcommand)]
pub enum Jobs {
    /// List jobs, and how many of their tasks are finished
    List,
    /// How each task is doing, as Slurm and its own store have it
    Show { job: u32 },
    /// Cancel a job; its runs stop where they are and can be sent off again
    Cancel { job: u32 },
    /// Send off again the tasks that are not finished and that Slurm no longer has
    Requeue { job: u32 },
    /// Take the runs of a job over into the store, as far as they are; again as they go on
    Merge {
        job: u32,
        /// What comes along of checkpoints
        #[arg(long, value_enum, default_value_t = Files::Link)]
        checkpoints: Files,
    },
}

impl Jobs {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Jobs::List => list(ctx),
            Jobs::Show { job } => show(ctx, job),
            Jobs::Cancel { job } => {
                let (folder, _) = cluster::job(&ctx.store, job)?;
                cluster::cancel(&folder)?;
                ctx.out.show(&json!({"cancelled": job}), || {
                    format!("Job {job} is cancelled.\n")
                })
            }
            Jobs::Requeue { job } => {
                let (folder, _) = cluster::job(&ctx.store, job)?;
                let id = cluster::requeue(&folder)?;
                ctx.out
                    .show(&json!({ "job": job, "id": id }), || match &id {
                        Some(id) => {
                            format!("What is left of job {job} is sent off as Slurm's {id}.\n")
                        }
                        None => {
                            format!("Every task of job {job} is finished or still with Slurm.\n")
                        }
                    })
            }
            Jobs::Merge { job, checkpoints } => {
                let (folder, _) = cluster::job(&ctx.store, job)?;
                let merged = cluster::take_over(&ctx.store, &folder, checkpoints.into())?;
                ctx.out.show(&merged, || match merged.as_slice() {
                    [] => format!("No task of job {job} has begun.\n"),
                    merged => merged.iter().map(merged_words).collect(),
                })
            }
        }
    }
}

fn list(ctx: &CommandContext) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (number, folder, job) in cluster::jobs(&ctx.store)? {
        let states = cluster::states(&folder, &job)?;
        rows.push((number, job, states));
    }
    if ctx.out.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(number, job, states)| json!({"number": number, "job": job, "tasks": states}))
            .collect();
        return ctx.out.document(&rows);
    }
    if rows.is_empty() {
        return ctx
            .out
            .text("No job was sent off from this store; `emprl submit FILE` does.\n");
    }
    let mut table = TextTable::new(&[
        ("Job", Align::Right),
        ("Name", Align::Left),
        ("Slurm", Align::Left),
        ("Sent", Align::Left),
        ("Tasks", Align::Right),
        ("Finished", Align::Right),
    ]);
    for (number, job, states) in &rows {
        let finished = states.iter().filter(|state| state.is_finished()).count();
        table.row([
            number.to_string(),
            job.name.clone(),
            job.ids.join(", "),
            moment(job.written),
            job.tasks.len().to_string(),
            finished.to_string(),
        ]);
    }
    ctx.out.text(&table.text())
}

fn show(ctx: &CommandContext, number: u32) -> Result<(), Failure> {
    let (folder, job) = cluster::job(&ctx.store, number)?;
    let states = cluster::states(&folder, &job)?;
    if ctx.out.json {
        return ctx
            .out
            .document(&json!({"number": number, "job": job, "folder": folder, "tasks": states}));
    }
    let mut table = TextTable::new(&[
        ("Task", Align::Right),
        ("Differs", Align::Left),
        ("Slurm", Align::Left),
        ("Run", Align::Left),
    ]);
    for state in &states {
        table.row([
            state.task.to_string(),
            state.label.clone(),
            state.scheduler.clone().unwrap_or_else(|| "–".into()),
            run_words(state),
        ]);
    }
    let tasks = number_of(states.len() as u64, "task", "tasks");
    ctx.out.text(&format!(
        "Job {number}, {}: {tasks}, Slurm's {}\nLogs: {}\n\n{}",
        job.name,
        job.ids.join(", "),
        folder.join("logs").display(),
        table.text()
    ))
}

fn run_words(state: &TaskState) -> String {
    let Some(run) = state.run else {
        return "not begun".to_string();
    };
    match run.stage {
        Some(stage) => format!(
            "{}, {} {}/{}",
            run.status.title(),
            stage.title(),
            run.step,
            run.total
        ),
        None => run.status.title().to_string(),
    }
}
