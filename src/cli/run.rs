//! `emprl run`: runs an experiment, or resumes a run that ended early.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::channel::{Receiver, bounded, select};

use super::interrupts;
use super::notices::{Messenger, Notify};
use super::output::line_on_stderr;
use super::progress::{Bars, Progress};
use super::{CommandContext, Failure, input};
use crate::engine::{Control, Listener, MessageKind, RunEnd, RunHandle, StartRequest, Supervisor};
use crate::experiment::{Config, Problem};
use crate::metrics::SystemResults;
use crate::operations::launch::{self, PlannedRun, PreparedRun};
use crate::operations::programs::AllowedPrograms;
use crate::report::results_table;
use crate::store::{RunId, RunRef};

#[derive(Debug, clap::Args)]
pub struct Run {
    /// Experiment file, or the name of one that comes with the program, such as quickstart
    #[arg(value_name = "FILE.toml")]
    file: Option<String>,
    #[command(flatten)]
    overrides: RunOverrides,
    /// Resume a run that ended early, from its last checkpoint or from that of a step; needs no file
    #[arg(
        long,
        value_name = "RUN[@STEP]",
        conflicts_with_all = ["file", "set", "device", "seed", "name", "reuse"]
    )]
    resume: Option<RunRef>,
    /// Print every setting, with its range, default and the paper's value, and start nothing
    #[arg(long, conflicts_with = "resume")]
    list_settings: bool,
    /// Start it even if it needs more memory than is free
    #[arg(long, conflicts_with = "list_settings")]
    ignore_memory: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    notify: Notify,
    /// Print what would run (settings, parameters, steps, memory), refuse what cannot, and start nothing
    #[arg(long, conflicts_with_all = ["resume", "list_settings"])]
    dry_run: bool,
}

/// The person's word for the programs of a reward.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Consent {
    /// Let the reward start the programs that its terms name; kept for the same programs and arguments
    #[arg(long)]
    allow_command: bool,
}

impl Consent {
    /// Keeps the word if it is given here.
    ///
    /// # Errors
    /// A program is neither allowed here nor was it before.
    pub fn require(self, config: &Config) -> Result<(), Failure> {
        if config.reward.commands().next().is_none() {
            return Ok(());
        }
        let programs = AllowedPrograms::of_person()?;
        if self.allow_command {
            programs.allow(&programs.missing(config)?)?;
        }
        Ok(programs.require(config)?)
    }
}

/// Arguments that change the experiment.
#[derive(Debug, clap::Args)]
pub(super) struct RunOverrides {
    /// Give a setting another value, such as ppo.steps=100
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where to compute: flex, or tch, vulkan, cuda where compiled in
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Seed of every random draw
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Name of the run; else the experiment's
    #[arg(long)]
    name: Option<String>,
    /// Take over the stages that another run has done in the same way, such as identifiers and generator
    #[arg(long, value_name = "RUN")]
    pub reuse: Option<RunId>,
}

impl Run {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        if self.list_settings {
            let file = self.file.as_deref().map(input::experiment).transpose()?;
            return super::settings::list(ctx, file.as_ref().map(|file| &file.config));
        }
        let (dry, ignore_memory, consent) = (self.dry_run, self.ignore_memory, self.consent);
        let notify = self.notify.clone();
        let request = match self.resume {
            Some(run) => {
                let resumable = launch::resume(&ctx.store, run)?;
                consent.require(&resumable.config)?;
                if !ignore_memory {
                    resumable.require_memory(0)?;
                }
                resumable.request(Listener::Lossless, None)
            }
            None => {
                let prepared = self.prepare(ctx)?;
                if dry {
                    return super::dry_run::show(ctx, &prepared, ignore_memory);
                }
                consent.require(&prepared.config)?;
                if !ignore_memory {
                    prepared.require_memory(0)?;
                }
                prepared.request(Listener::Lossless, None)
            }
        };
        let watcher = RunWatcher::new(ctx, 1, notify)?;
        let handle = watcher.start(request);
        watcher.watch(ctx, &handle)
    }

    fn prepare(self, ctx: &CommandContext) -> Result<PreparedRun, Failure> {
        let Some(name) = &self.file else {
            return Err(Failure::Usage(format!(
                "give an experiment file, or one of those that come with the program ({}); \
                 `emprl run --resume RUN` resumes a run",
                input::preset_names()?
            )));
        };
        self.overrides.prepare(ctx, name)
    }
}

impl RunOverrides {
    /// Prepares a new run of the experiment `name`; every error is found before anything is written.
    pub fn prepare(self, ctx: &CommandContext, name: &str) -> Result<PreparedRun, Failure> {
        let mut file = input::experiment(name)?;
        file.assign(&self.set)?;
        if let Some(device) = self.device {
            let given = file.config.set("run.device", device.into());
            given.map_err(|problem| argument("--device", &problem))?;
        }
        if let Some(seed) = self.seed {
            let whole = i64::try_from(seed).unwrap_or(i64::MAX);
            let given = file.config.set("run.seed", whole.into());
            given.map_err(|problem| argument("--seed", &problem))?;
        }
        let problems = file.config.problems();
        if !problems.is_empty() {
            let problems: Vec<String> = problems
                .iter()
                .map(|problem| format!("`{}` {}", problem.path, problem.message))
                .collect();
            return Err(Failure::Usage(format!("{name}: {}", problems.join("; "))));
        }
        let planned = PlannedRun {
            name: self.name.unwrap_or_else(|| file.name.clone()),
            experiment: file.name,
            config: file.config,
            reuse: self.reuse,
        };
        Ok(launch::prepare(&ctx.store, planned, None)?)
    }
}

fn argument(name: &str, problem: &Problem) -> Failure {
    Failure::Usage(format!("{name}: {}", problem.message))
}

/// Starts runs and shows their progress.
pub(super) struct RunWatcher {
    supervisor: Supervisor,
    interrupts: Interrupts,
    bars: Bars,
    messenger: Option<Messenger>,
}

impl RunWatcher {
    /// For so many runs at once.
    pub fn new(
        ctx: &CommandContext,
        at_once: usize,
        notify: Notify,
    ) -> Result<RunWatcher, Failure> {
        let supervisor = Supervisor::new(&ctx.store)?;
        supervisor.set_at_once(at_once);
        Ok(RunWatcher {
            supervisor,
            interrupts: Interrupts::install()?,
            bars: Bars::new(!ctx.out.json, at_once > 1),
            messenger: Messenger::start(ctx, notify)?,
        })
    }

    /// Whether the user pressed Ctrl-C.
    pub fn is_interrupted(&self) -> bool {
        self.interrupts.has_come.load(Ordering::Relaxed)
    }

    /// Starts a run. Its messages have to be read: [`RunWatcher::watch`].
    pub fn start(&self, request: StartRequest) -> Arc<RunHandle> {
        let handle = Arc::new(self.supervisor.start(request));
        self.interrupts.add(&handle);
        handle
    }

    /// Shows the progress of a run until it ends.
    pub fn watch(&self, ctx: &CommandContext, handle: &Arc<RunHandle>) -> Result<(), Failure> {
        let Shown { results, lost } = self.show(ctx, handle);
        self.interrupts.remove(handle);
        let resume = |run| format!("emprl run --resume {run}{}", ctx.store_argument());
        match handle.wait(None) {
            Some(RunEnd::Finished(run)) => {
                if let Some(error) = lost {
                    return Err(Failure::Output(error).but_done());
                }
                if ctx.out.json {
                    return Ok(());
                }
                let mut text = String::new();
                if !results.is_empty() {
                    text = format!("\n{}\n", results_table(&results));
                }
                let argument = ctx.store_argument();
                text += &format!(
                    "Run {run} is finished; `emprl runs show {run}{argument}` shows it again.\n"
                );
                ctx.out.text(&text).map_err(Failure::but_done)
            }
            Some(RunEnd::Stopped(run)) => {
                // The exit code tells that it was stopped.
                line_on_stderr(&format!(
                    "Run {run} is stopped. Resume it with `{}`.",
                    resume(run)
                ));
                Err(Failure::Stopped)
            }
            Some(RunEnd::Failed(run, error)) => Err(Failure::Run {
                run,
                error,
                resume: resume(run),
            }),
            Some(RunEnd::NotStarted(error)) => Err(Failure::Start(error)),
            None => Err(Failure::Failed(
                "the run ended without a result".to_string(),
            )),
        }
    }

    /// Shows the progress. The run goes on when nobody can see it any more; that is recorded with it.
    fn show(&self, ctx: &CommandContext, handle: &RunHandle) -> Shown {
        let mut progress = Progress::new(&self.bars, ctx.store_argument());
        let mut shown = Shown::default();
        loop {
            select! {
                recv(handle.messages()) -> message => {
                    let Ok(message) = message else { break };
                    let run = message.run;
                    if let Some(messenger) = &self.messenger {
                        messenger.take(&message);
                    }
                    if ctx.out.json {
                        if shown.lost.is_none()
                            && let Some(line) = message.to_json()
                            && let Err(Failure::Output(error)) = ctx.out.json_line(&line)
                        {
                            record_lost(ctx, run, "Standard output", &error);
                            shown.lost = Some(error);
                        }
                        continue;
                    }
                    progress.show(&message);
                    if let Some(error) = progress.take_lost() {
                        record_lost(ctx, run, "Standard error", &error);
                    }
                    if let MessageKind::Finished { results: rows } = message.kind {
                        shown.results = rows;
                    }
                }
                recv(self.interrupts.messages) -> _ => progress.say(
                    "Stopping after this step, with a checkpoint. Ctrl-C again ends at once.",
                ),
            }
        }
        progress.clear();
        shown
    }
}

/// What is left once a run's progress was shown.
#[derive(Default)]
struct Shown {
    results: Vec<SystemResults>,
    /// Why stdout could not be written.
    lost: Option<io::Error>,
}

/// Records that nobody can see the run's progress any more.
fn record_lost(ctx: &CommandContext, run: RunId, what: &str, error: &io::Error) {
    let text =
        format!("{what} cannot be written ({error}); the run goes on, and is recorded in full");
    if let Err(error) = launch::note(&ctx.store, run, &text) {
        tracing::warn!(%run, %error, "{text}");
    }
}

/// The first Ctrl-C or SIGTERM stops the runs with a checkpoint and sends a message; the second ends the program
/// at once. What was shown is on disk either way.
struct Interrupts {
    messages: Receiver<()>,
    has_come: Arc<AtomicBool>,
    /// The runs that are asked to stop.
    runs: Arc<Mutex<Vec<Arc<RunHandle>>>>,
}

impl Interrupts {
    fn install() -> Result<Interrupts, Failure> {
        let (sender, messages) = bounded(1);
        let interrupts = Interrupts {
            messages,
            has_come: Arc::default(),
            runs: Arc::default(),
        };
        let (has_come, runs) = (interrupts.has_come.clone(), interrupts.runs.clone());
        interrupts::handle(move || {
            has_come.store(true, Ordering::Relaxed);
            let runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.iter().for_each(|handle| handle.control(Control::Stop));
            // Fails if nobody reads any more.
            let _ = sender.try_send(());
        })?;
        Ok(interrupts)
    }

    /// Adds a run to stop at an interrupt; stops it at once after one.
    fn add(&self, handle: &Arc<RunHandle>) {
        let mut runs = self.lock();
        if self.has_come.load(Ordering::Relaxed) {
            handle.control(Control::Stop);
        }
        runs.push(handle.clone());
    }

    fn remove(&self, handle: &Arc<RunHandle>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, handle));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<RunHandle>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
