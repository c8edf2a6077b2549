//! `emprl queue`: the queue of runs in the store, shared with the window.

use std::path::Path;

use serde_json::{Value, json};

use super::output::{count, line_on_stderr, moment};
use super::run::{Consent, RunOverrides, RunWatcher};
use super::{CommandContext, Failure};
use crate::engine::Listener;
use crate::experiment::Config;
use crate::operations::existing_store;
use crate::operations::launch::{self, PlannedRun};
use crate::operations::queue::{self, QueueEntry};
use crate::report::{Align, TextTable};
use crate::store::{QueueId, Store};
use crate::text::shown::one_line;

/// The folder of the user's own experiment files, as for the window.
const EXPERIMENTS: &str = "experiments";

#[derive(Debug, clap::Subcommand)]
pub enum Queue {
    /// List queued runs, the next first
    List,
    /// Append a run with its current settings
    Add(Add),
    /// Remove runs
    Remove {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<QueueId>,
    },
    /// Run what waits, one after the other, until nothing does
    Run {
        /// Start runs that need more memory than is free
        #[arg(long)]
        ignore_memory: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, clap::Args)]
pub struct Add {
    /// Experiment file, or the name of one that comes with the program, such as quickstart
    #[arg(value_name = "FILE.toml")]
    file: String,
    #[command(flatten)]
    overrides: RunOverrides,
    #[command(flatten)]
    consent: Consent,
}

impl Queue {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Queue::List => list(ctx),
            Queue::Add(add) => add.run(ctx).map_err(Failure::but_done),
            Queue::Remove { ids } => remove(ctx, &ids).map_err(Failure::but_done),
            Queue::Run {
                ignore_memory,
                consent,
            } => run(ctx, ignore_memory, consent),
        }
    }
}

fn waiting(ctx: &CommandContext) -> Result<Vec<QueueEntry>, Failure> {
    Ok(queue::list(&ctx.store, Path::new(EXPERIMENTS))?)
}

fn list(ctx: &CommandContext) -> Result<(), Failure> {
    let waiting = waiting(ctx)?;
    if ctx.out.json {
        let rows: Vec<Value> = waiting.iter().map(to_json).collect();
        return ctx.out.document(&rows);
    }
    if waiting.is_empty() {
        return ctx.out.text("The queue is empty.\n");
    }
    let mut table = TextTable::new(&[
        ("Id", Align::Right),
        ("Name", Align::Left),
        ("Experiment", Align::Left),
        ("Differs", Align::Left),
        ("Settings of", Align::Left),
    ]);
    for run in &waiting {
        table.row([
            run.queued.id.to_string(),
            run.queued.run.name.clone(),
            run.queued.run.experiment.clone(),
            run.differs.clone(),
            moment(run.queued.queued),
        ]);
    }
    ctx.out.text(&table.text())
}

fn to_json(run: &QueueEntry) -> Value {
    let config = run.config.as_ref().ok();
    let mut row = json!(run.queued);
    row["seed"] = json!(config.map(|config| config.run.seed));
    row["settings"] = json!(config.map(Config::values));
    row["differs"] = json!(run.differs);
    row
}

impl Add {
    fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let reuse = self.overrides.reuse;
        // What would fail at the start fails now.
        let prepared = self.overrides.prepare(ctx, &self.file)?;
        self.consent.require(&prepared.config)?;
        let (experiment, name) = (&prepared.new.experiment, &prepared.new.name);
        let run = queue::to_queue(experiment, name, &prepared.config, reuse);
        let ids = queue::enqueue(&mut Store::open(&ctx.store)?, &[run])?.ids;
        if ctx.out.json {
            return ctx.out.document(&json!({ "queued": ids }));
        }
        let argument = ctx.store_argument();
        let ids: Vec<String> = ids.iter().map(QueueId::to_string).collect();
        ctx.out.text(&format!(
            "{} is queued as {} with its current settings; `emprl queue run{argument}`, or the window, \
             starts it.\n",
            one_line(name),
            ids.join(", ")
        ))
    }
}

fn remove(ctx: &CommandContext, ids: &[QueueId]) -> Result<(), Failure> {
    let removed = existing_store(&ctx.store)?.unqueue(ids)?;
    if ctx.out.json {
        return ctx.out.document(&json!({ "removed": ids }));
    }
    let lines: String = removed
        .iter()
        .map(|run| {
            format!(
                "{} ({}) was removed from the queue.\n",
                one_line(&run.run.name),
                run.id
            )
        })
        .collect();
    ctx.out.text(&lines)
}

/// Runs what waits. It ends at a start that is refused, since the cause may hold for all; a run that fails does not
/// hold up the others.
fn run(ctx: &CommandContext, ignore_memory: bool, consent: Consent) -> Result<(), Failure> {
    let watcher = RunWatcher::new(ctx)?;
    let (mut done, mut failed, mut lost) = (0u64, Vec::new(), None);
    while let Some(next) = waiting(ctx)?.into_iter().next() {
        if watcher.is_interrupted() {
            return Err(Failure::Stopped);
        }
        let config = next.config.map_err(Failure::Failed)?;
        let id = next.queued.id;
        let next = next.queued.run;
        let planned = PlannedRun {
            experiment: next.experiment,
            name: next.name.clone(),
            config,
            reuse: next.reuse,
        };
        let prepared = launch::prepare(&ctx.store, planned, Some(id))?;
        consent.require(&prepared.config)?;
        if !ignore_memory {
            prepared.require_memory()?;
        }
        match watcher.run(ctx, prepared.request(Listener::Lossless, None)) {
            Ok(()) => done += 1,
            // Another program has begun it.
            Err(Failure::Start(error)) if error.is_elsewhere() => {}
            Err(failure @ Failure::Run { .. }) => {
                // It is recorded with the run and counted below.
                line_on_stderr(&format!("error: {failure}"));
                failed.push(next.name);
            }
            // The run is done all the same.
            Err(Failure::Output(error) | Failure::DoneUnsaid(error)) => {
                done += 1;
                lost.get_or_insert(error);
            }
            Err(failure) => return Err(failure),
        }
    }
    if !failed.is_empty() {
        let all = count(done + failed.len() as u64);
        return Err(Failure::Failed(format!(
            "{} of {all} runs of the queue failed: {}",
            count(failed.len() as u64),
            failed.join(", ")
        )));
    }
    if let Some(error) = lost {
        return Err(Failure::Output(error).but_done());
    }
    if !ctx.out.json {
        let words = match done {
            0 => "The queue is empty.\n".to_string(),
            1 => "One run of the queue is done; the queue is empty.\n".to_string(),
            done => format!(
                "{} runs of the queue are done; the queue is empty.\n",
                count(done)
            ),
        };
        return ctx.out.text(&words).map_err(Failure::but_done);
    }
    Ok(())
}
