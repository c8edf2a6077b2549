//! `emprl queue`: the queue of runs in the store, shared with the window.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::notices::Notify;
use super::output::{count, line_on_stderr, moment};
use super::run::{Consent, RunOverrides, RunWatcher};
use super::{CommandContext, Failure};
use crate::engine::{Listener, MOST_AT_ONCE, RunHandle};
use crate::experiment::Config;
use crate::operations::existing_store;
use crate::operations::launch::{self, PlannedRun, promised_memory};
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
    /// Run what waits, in its order, until nothing does
    Run {
        /// Runs in progress at once, where memory allows; they share the processor's cores
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_once)]
        at_once: usize,
        /// Start runs that need more memory than is free
        #[arg(long)]
        ignore_memory: bool,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        notify: Notify,
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
                at_once,
                ignore_memory,
                consent,
                notify,
            } => run(ctx, at_once, ignore_memory, consent, notify),
        }
    }
}

fn at_once(text: &str) -> Result<usize, String> {
    let at_once = text
        .parse()
        .ok()
        .filter(|runs| (1..=MOST_AT_ONCE).contains(runs));
    at_once.ok_or_else(|| format!("must be a whole number from 1 to {MOST_AT_ONCE}"))
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

/// Runs what waits, so many at once. It ends at a start that is refused, since the cause may hold for all; a run that
/// fails does not hold up the others.
fn run(
    ctx: &CommandContext,
    at_once: usize,
    ignore_memory: bool,
    consent: Consent,
    notify: Notify,
) -> Result<(), Failure> {
    let turns = Turns {
        ctx,
        watcher: RunWatcher::new(ctx, at_once, notify)?,
        ignore_memory,
        consent,
        tally: Mutex::default(),
        ended: Condvar::new(),
    };
    let outcome = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let worker = thread::Builder::new().name("queue".into());
                worker.spawn_scoped(scope, || turns.work())
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let worker = worker.map_err(|error| {
                Failure::Failed(format!("cannot create a thread for a run: {error}"))
            })?;
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    outcome?;
    let Tally {
        done, failed, lost, ..
    } = turns
        .tally
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
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

/// Several workers that take runs from the queue.
struct Turns<'a> {
    ctx: &'a CommandContext,
    watcher: RunWatcher,
    ignore_memory: bool,
    consent: Consent,
    tally: Mutex<Tally>,
    /// A run has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Tally {
    /// What each run in progress needs at its fullest, in bytes.
    active: Vec<u64>,
    done: u64,
    /// Names.
    failed: Vec<String>,
    /// Why stdout could not be written.
    lost: Option<io::Error>,
    /// No more runs are started.
    is_over: bool,
}

/// A run that was started.
struct Turn {
    name: String,
    handle: Arc<RunHandle>,
    memory: u64,
}

impl Turns<'_> {
    /// Runs one after another until nothing waits.
    fn work(&self) -> Result<(), Failure> {
        loop {
            let turn = match self.next() {
                Ok(Some(turn)) => turn,
                Ok(None) => return Ok(()),
                Err(failure) => {
                    self.lock().is_over = true;
                    return Err(failure);
                }
            };
            let ended = self.watcher.watch(self.ctx, &turn.handle);
            let mut tally = self.lock();
            if let Some(at) = tally.active.iter().position(|held| *held == turn.memory) {
                tally.active.swap_remove(at);
            }
            self.ended.notify_all();
            match ended {
                Ok(()) => tally.done += 1,
                // Another program has begun it.
                Err(Failure::Start(error)) if error.is_elsewhere() => {}
                Err(failure @ Failure::Run { .. }) => {
                    // It is recorded with the run and counted at the end.
                    line_on_stderr(&format!("error: {failure}"));
                    tally.failed.push(turn.name);
                }
                // The run is done all the same.
                Err(Failure::Output(error) | Failure::DoneUnsaid(error)) => {
                    tally.done += 1;
                    tally.lost.get_or_insert(error);
                }
                Err(failure) => {
                    tally.is_over = true;
                    return Err(failure);
                }
            }
        }
    }

    /// Starts the next run, once there is memory for it beside those in progress.
    fn next(&self) -> Result<Option<Turn>, Failure> {
        let mut tally = self.lock();
        loop {
            let Some(next) = waiting(self.ctx)?
                .into_iter()
                .next()
                .filter(|_| !tally.is_over)
            else {
                return Ok(None);
            };
            if self.watcher.is_interrupted() {
                return Err(Failure::Stopped);
            }
            let config = next.config.map_err(Failure::Failed)?;
            let (id, next) = (next.queued.id, next.queued.run);
            let planned = PlannedRun {
                experiment: next.experiment,
                name: next.name.clone(),
                config,
                reuse: next.reuse,
            };
            let prepared = launch::prepare(&self.ctx.store, planned, Some(id))?;
            self.consent.require(&prepared.config)?;
            let memory = match prepared.require_memory(promised_memory(&tally.active)) {
                Err(_) if !self.ignore_memory && !tally.active.is_empty() => {
                    tally = self.wait(tally);
                    continue;
                }
                Err(error) if !self.ignore_memory => return Err(error.into()),
                needed => needed.unwrap_or(0),
            };
            let handle = self
                .watcher
                .start(prepared.request(Listener::Lossless, None));
            // It leaves the queue as it starts, before another worker looks; a start that fails is told by its end.
            let _ = handle.wait_for_start();
            tally.active.push(memory);
            return Ok(Some(Turn {
                name: next.name,
                handle,
                memory,
            }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'b>(&self, tally: MutexGuard<'b, Tally>) -> MutexGuard<'b, Tally> {
        self.ended
            .wait(tally)
            .unwrap_or_else(PoisonError::into_inner)
    }
}
