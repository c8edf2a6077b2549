//! The command line: one file a command, each thin over the library.
//!
//! Results go to stdout, everything else to stderr. With `--json`, stdout holds one JSON document, or
//! one JSON object a line, and nothing else. Knows no tensor and no SQL.

mod bundle;
mod corpus;
mod data;
mod doctor;
mod dry_run;
mod endpoint;
mod evaluate;
mod failure;
mod generate;
mod identify;
mod input;
mod interrupts;
mod jobs;
mod manual;
mod meter;
mod model;
mod notices;
mod output;
mod progress;
mod queue;
mod record;
mod report;
mod responses;
mod run;
mod runs;
mod score;
mod serve_model;
mod settings;
mod signature;
mod stores;
mod study;
mod submit;
mod table;

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use failure::Failure;
use output::Output;

use crate::operations::bundle::{OpenBundle, is_zip, open_bundle};
use crate::store::{self, ReadOnly};
use crate::text::shown::shell_option;

/// EmpRL Studio: reinforcement learning of empathetic dialogue models, launched, watched and judged.
///
/// Without a command the window opens.
#[derive(Debug, Parser)]
#[command(
    name = "emprl",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 stopped by Ctrl-C.\n\
                  EMPRL_LOG=info (or debug, …) shows the program's own log on stderr."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
}

/// Arguments of every command.
#[derive(Debug, clap::Args)]
struct Common {
    /// Folder of the store, or a bundle; else EMPRL_STORE, else the platform's data folder
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Print JSON, and nothing else, on stdout
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the window, with a pack that was sent to you to judge, or that comes back, or with a bundle
    Open {
        #[arg(value_name = "PACK.emprl.json|BUNDLE.zip")]
        file: Option<PathBuf>,
    },
    /// Run an experiment: all its stages, from data to the result table
    Run(run::Run),
    /// Runs that wait for their turn in the store: list, add, remove, run
    #[command(subcommand)]
    Queue(queue::Queue),
    Record(record::Record),
    /// Send an experiment to a cluster with Slurm: a job with a task for each seed and each point of a sweep
    Submit(submit::Submit),
    /// Jobs on a cluster: list, show, cancel, send off again, take their runs over
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// What a job's script starts: the run of a task, from where it is
    #[command(hide = true)]
    Task(submit::Task),
    /// Saved runs
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Data sets: fetch them, import them into the store, look at them
    #[command(subcommand)]
    Data(data::Data),
    /// Anybody's corpora and outputs: look at a file, import it as records, list, export
    #[command(subcommand)]
    Corpus(corpus::Corpus),
    /// Models: from a hub, a folder's or a run's
    #[command(subcommand)]
    Model(model::Model),
    /// Answer contexts: rows with "response", "tokens" and "logprobs"
    Generate(generate::Generate),
    /// Score given responses: rows with "tokens", "logprobs" (natural log, eos included) and "nll"
    Score(score::Score),
    /// Measure a run's checkpoint, or any system's responses: PPL, Dist-1/2, Emp-F1 with intervals
    Evaluate(evaluate::Evaluate),
    /// Identify the empathy levels of responses in their contexts
    Identify(identify::Identify),
    /// Systems' responses: import files, let checkpoints answer, score, list, pin cases
    #[command(subcommand)]
    Responses(responses::Responses),
    /// Language models at addresses: as systems that answer, as judges that rate or compare
    #[command(subcommand)]
    Endpoint(endpoint::Endpoint),
    /// Answer others' tools as OpenAI's API does, by one of our own checkpoints
    ServeModel(serve_model::ServeModel),
    /// Blind A/B tests and ratings: make, judge, send, merge, unblind, results
    #[command(subcommand)]
    Study(study::Study),
    /// The store itself: take over the runs of others
    #[command(subcommand)]
    Store(stores::Stores),
    /// Tables I-VI of the paper, ours beside what it reports
    Table(table::Table),
    /// Chosen runs, studies and systems in one file for a reviewer, who opens it read-only: --store FILE, or `emprl open FILE`
    Bundle(bundle::Bundle),
    /// The same as one page for a browser: tables, curves and methods, each figure with what it was made of
    Report(report::Report),
    /// The signature below a table or a plot
    #[command(subcommand)]
    Signature(signature::Signature),
    /// What this machine offers, what is installed, what is wrong and how to fix it
    Doctor(doctor::Doctor),
    /// Every setting of an experiment, with its range, default and the paper's value
    Settings(settings::Settings),
    /// Completions of these commands for a shell: emprl completions bash > ~/.local/share/bash-completion/completions/emprl
    Completions(manual::Completions),
    /// Write a manual page for every command into a folder
    Manual(manual::Manual),
}

/// The store that a person gave.
#[derive(Debug)]
pub enum GivenStore {
    Folder(PathBuf),
    Bundle(OpenBundle),
}

impl GivenStore {
    /// Its folder.
    pub fn path(&self) -> &Path {
        match self {
            GivenStore::Folder(dir) => dir,
            GivenStore::Bundle(bundle) => bundle.store(),
        }
    }
}

/// The store, display and output of a command.
struct CommandContext {
    store: PathBuf,
    /// `--store` as given, to repeat it in suggested commands.
    store_given: Option<PathBuf>,
    /// Whether a window could open.
    display: bool,
    out: Output,
}

impl CommandContext {
    /// ` --store DIR` if it was given, to append to a suggested command.
    fn store_argument(&self) -> String {
        let given = self.store_given.as_ref();
        given.map_or_else(String::new, |dir| {
            format!(" {}", shell_option("--store", &dir.to_string_lossy()))
        })
    }
}

impl Cli {
    /// Parses the arguments; help, version and wrong usage end the program here.
    pub fn from_command_line() -> Cli {
        Cli::parse()
    }

    pub fn wants_window(&self) -> bool {
        matches!(self.command, None | Some(Command::Open { .. }))
    }

    /// The file that the window is to open, which may be a bundle.
    fn file(&self) -> Option<&PathBuf> {
        match &self.command {
            Some(Command::Open { file }) => file.as_ref(),
            _ => None,
        }
    }

    /// The pack that the window is to open.
    pub fn pack(&self) -> Option<PathBuf> {
        self.file().filter(|file| !is_zip(file)).cloned()
    }

    /// The store, which is open as long as this is kept if it is a bundle.
    ///
    /// # Errors
    /// None was given and the platform has no data folder; a file that was given is no bundle.
    pub fn store(&self) -> Result<GivenStore, Failure> {
        let bundle = self.file().filter(|file| is_zip(file));
        Ok(match bundle.or(self.common.store.as_ref()) {
            Some(file) if file.is_file() => GivenStore::Bundle(open_bundle(file)?),
            Some(dir) => GivenStore::Folder(dir.clone()),
            None => GivenStore::Folder(store::default_dir()?),
        })
    }

    /// Runs the command; `display` says whether a window could open.
    pub fn run(self, display: bool) -> ExitCode {
        // A panic becomes an error like any other; its location is in the log.
        panic::set_hook(Box::new(|panic| tracing::debug!("{panic}")));
        let done = panic::catch_unwind(AssertUnwindSafe(|| self.dispatch(display)));
        ended(done.unwrap_or_else(|panic| Err(Failure::internal(&*panic))))
    }

    fn dispatch(self, display: bool) -> Result<(), Failure> {
        let given = self.store()?;
        let ctx = CommandContext {
            store: given.path().to_path_buf(),
            store_given: self.common.store,
            display,
            out: Output {
                json: self.common.json,
            },
        };
        let uses_store = !matches!(
            self.command,
            None | Some(
                Command::Open { .. }
                    | Command::Settings(_)
                    | Command::Completions(_)
                    | Command::Manual(_)
            )
        );
        let read_only = uses_store.then(|| note_access(&ctx.store)).flatten();
        let done = match self.command {
            Some(Command::Run(run)) => run.run(&ctx),
            Some(Command::Queue(queue)) => queue.run(&ctx),
            Some(Command::Record(record)) => record.run(&ctx),
            Some(Command::Submit(submit)) => submit.run(&ctx),
            Some(Command::Jobs(jobs)) => jobs.run(&ctx),
            Some(Command::Task(task)) => task.run(&ctx),
            Some(Command::Runs(runs)) => runs.run(&ctx),
            Some(Command::Data(data)) => data.run(&ctx),
            Some(Command::Corpus(corpus)) => corpus.run(&ctx),
            Some(Command::Model(model)) => model.run(&ctx),
            Some(Command::Generate(generate)) => generate.run(&ctx),
            Some(Command::Score(score)) => score.run(&ctx),
            Some(Command::Evaluate(evaluate)) => evaluate.run(&ctx),
            Some(Command::Identify(identify)) => identify.run(&ctx),
            Some(Command::Responses(responses)) => responses.run(&ctx),
            Some(Command::Endpoint(endpoint)) => endpoint.run(&ctx),
            Some(Command::ServeModel(serve)) => serve.run(&ctx),
            Some(Command::Study(study)) => study.run(&ctx),
            Some(Command::Store(stores)) => stores.run(&ctx),
            Some(Command::Table(table)) => table.run(&ctx),
            Some(Command::Bundle(bundle)) => bundle.run(&ctx),
            Some(Command::Report(report)) => report.run(&ctx),
            Some(Command::Signature(signature)) => signature.run(&ctx),
            Some(Command::Doctor(doctor)) => doctor.run(&ctx),
            Some(Command::Settings(settings)) => settings.run(&ctx),
            Some(Command::Completions(completions)) => completions.run(&ctx),
            Some(Command::Manual(manual)) => manual.run(&ctx),
            // The window is the program's, not a command's.
            None | Some(Command::Open { .. }) => Ok(()),
        };
        // What was refused has said so itself.
        if let (Ok(()), Some(why)) = (&done, read_only) {
            let (place, why) = match why {
                ReadOnly::NotWritable { path, why } if path == ctx.store => (path, why),
                ReadOnly::Bundle(file) => {
                    let why = ReadOnly::Bundle(file.clone()).to_string();
                    (file, why)
                }
                why => (ctx.store.clone(), why.to_string()),
            };
            output::line_on_stderr(&format!("{}: read-only ({why})", place.display()));
        }
        done
    }
}

/// Says on stderr, before a command begins, that the store is now closed to other users; returns why it is read-only.
fn note_access(dir: &Path) -> Option<ReadOnly> {
    let access = store::access(dir);
    let place = dir.display();
    if access.closed {
        output::line_on_stderr(&format!(
            "{place}: other users could read this store; now only its owner can."
        ));
    }
    access.read_only
}

/// Prints the error on stderr, if there is one, and returns the exit code.
pub fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                output::line_on_stderr(&format!("error: {line}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Writes the program's log to stderr at the level of EMPRL_LOG, by default errors only.
pub fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;

    let filter = EnvFilter::try_from_env("EMPRL_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would panic on a lost stderr.
        .log_internal_errors(false)
        .init();
}
