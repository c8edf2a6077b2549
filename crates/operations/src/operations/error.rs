//! Errors of operations.

use std::io;
use std::path::{Path, PathBuf};

use super::models::ReferenceError;
use super::notices::Recipient;
use super::programs::{ProgramCall, call_words};
use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::engine::worker::ReuseError;
use crate::experiment::{ExperimentError, MachineMemory, Stage, size_words};
use crate::fetch::FetchError;
use crate::report::FigureError;
use crate::report::tables::GatherError;
use crate::store::{RunId, StoreError};
use crate::study::StudyError;
use crate::study::export::CsvError;
use crate::trackers::TrackerError;
use crate::train::TrainError;

fn calls(programs: &[ProgramCall]) -> String {
    let programs = programs.iter().map(|call| call_words(call));
    programs.collect::<Vec<_>>().join(", and ")
}

/// Why an operation failed. The rooms' own errors pass through as they are.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Study(#[from] StudyError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Settings(#[from] ExperimentError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Reuse(#[from] ReuseError),
    #[error(transparent)]
    Table(#[from] GatherError),
    #[error(transparent)]
    Figure(#[from] FigureError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error("{}: is the store that its runs would be taken into; name another with --store DIR", path.display())]
    SameStore { path: PathBuf },
    #[error(
        "nothing is chosen; choose runs, studies or systems with --runs, --studies and --systems"
    )]
    NothingChosen,
    /// A file that is no bundle, or a damaged one.
    #[error("{}: {what}", path.display())]
    Bundle { path: PathBuf, what: String },
    #[error("the job script cannot be made: {problem}")]
    JobTemplate { problem: String },
    #[error(
        "Slurm is not on this machine (there is no `sbatch`); run this where jobs are sent off, or see the script with --dry-run"
    )]
    NoScheduler,
    #[error("{command}: {problem}")]
    Scheduler { command: String, problem: String },
    #[error("there is no job {number} here{}", known_jobs(.known))]
    NoJob { number: u32, known: Vec<u32> },
    #[error("there is no task {task}: the job has {tasks}, counted from 0")]
    NoTask { task: usize, tasks: usize },
    #[error(transparent)]
    Rows(#[from] CsvError),
    /// A file of the user's cannot be read.
    #[error("{}: {source}; check the path", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written ({source}); {}", path.display(), writing_fix(source))]
    Write { path: PathBuf, source: io::Error },
    /// A file that would be overwritten.
    #[error("{}: already exists; choose another place", path.display())]
    Exists { path: PathBuf },
    /// A file with judgements that would be lost.
    #[error(
        "{}: holds judgements, which would be lost; merge it with `emprl study merge` if it is a pack, or choose \
         another place",
        path.display()
    )]
    HoldsJudgements { path: PathBuf },
    #[error("{}: a plot is written as .svg, .png or .csv; name the file so", path.display())]
    PlotFormat { path: PathBuf },
    /// A pack that the store refuses, with its file.
    #[error("{}: {source}", path.display())]
    Pack {
        path: PathBuf,
        source: Box<StoreError>,
    },
    #[error(
        "the reward of this run starts {}. Nothing that a file names is executed without your word: look at it, and \
         give it with --allow-command, once for each program and its arguments",
        calls(.programs)
    )]
    NotAllowed { programs: Vec<ProgramCall> },
    #[error(
        "the system gives no random numbers ({detail}), so that no {what} can be made; try again"
    )]
    NoChance { what: &'static str, detail: String },
    #[error("the page names no item of this annotator")]
    NoSuchItem,
    #[error(
        "{wanted} links are wanted, and {found} annotators have none yet; `emprl study links` shows who has one, and \
         --renew replaces it"
    )]
    FewWithoutLink { found: usize, wanted: usize },
    #[error("this system names no folder for settings; set HOME")]
    NoConfigFolder,
    #[error("a notice was not delivered to {recipient}: {why}")]
    NotDelivered { recipient: Recipient, why: String },
    /// Of another program's files.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
    #[error(
        "run {run}, {name}, has another value of {metric} at step {step}: the export is of another run of that name; import it \
         with another --experiment"
    )]
    OtherValues {
        run: RunId,
        name: String,
        metric: String,
        step: u64,
    },
    #[error(
        "{runs} runs are there, and one name; import them without --name, or name the file of one"
    )]
    OneNameForMany { runs: usize },
    #[error("stopped; {imported} of {of} runs are imported")]
    ImportStopped { imported: usize, of: usize },
    #[error("a run's name must not be empty")]
    NoRunName,
    #[error("a run's name is one line without control characters; choose another")]
    RunNameLine,
    /// The run is gone from the store but not from the disk.
    #[error(
        "run {run} is removed from the store, but its folder {} could not be removed; fix its permissions, and the \
         next start removes it",
        folder.display()
    )]
    FolderLeft { run: RunId, folder: PathBuf },
    #[error(
        "run {run}: {name} has changed since the run started, so it cannot be resumed exactly; restore \
         the same data and weights, or start a new run"
    )]
    DataChanged { run: RunId, name: String },
    #[error(
        "the run needs about {} of memory at its fullest, in the stage {}, and {} of this machine's {} are free. \
         Lower `{}` or use a smaller model, close other programs, or start it all the same with \
         `emprl run --ignore-memory`",
        size_words(*.needed), .stage.title(), size_words(.machine.available), size_words(.machine.total),
        batch_setting(*.stage)
    )]
    NotEnoughMemory {
        stage: Stage,
        needed: u64,
        machine: MachineMemory,
    },
    #[error("the name of the system is empty; give one")]
    NoSystemName,
    #[error(
        "the name of the system is over 100 characters long, or has a line break or a control character; choose another"
    )]
    LongSystemName,
    /// Options take names in lists.
    #[error(
        "the name of the system has a comma, or a blank at its beginning or end, so that it could not be listed with \
         others; choose another"
    )]
    UnlistableSystemName,
    #[error("there is no system to score; import a system's responses first")]
    NoSystem,
    /// Emp-F1 compares responses with the targets.
    #[error(
        "the responses of {system} are the targets themselves, word for word, so Emp-F1 would be 100 and mean \
         nothing; score a system's own responses, or this one without --identifiers"
    )]
    OwnTargets { system: String },
    #[error(
        "the best of n responses is chosen by an empathy reward; say whose identifiers judge with --identifiers RUN"
    )]
    NoJudge,
    #[error(
        "context {number} has no target, whose empathy levels the reward of best-of-n compares a response with; give \
         contexts with targets"
    )]
    NoTarget {
        /// From 1.
        number: usize,
    },
    /// A file of labels, scores and verdicts that are about no answer of the corpus.
    #[error(
        "{}: no row is about an answer of {corpus}: {without_record} have an id that no record has, {of_several} one that \
         several records have, {without_response} a system that has no response in their record, {without_remark} say nothing; say \
         with --id and --system which columns they are in",
        path.display()
    )]
    NothingJoined {
        path: PathBuf,
        corpus: String,
        without_record: usize,
        of_several: usize,
        without_response: usize,
        without_remark: usize,
    },
    #[error(
        "{given}: no such file, and no rubric of the program's own, which are {known}; give one of these, or a file"
    )]
    NoRubric { given: String, known: String },
    #[error("{address}: a sound on the web; open it in a browser")]
    SoundAddress { address: String },
    #[error(
        "{}: there is no such file; put it there, or import the corpus again from the folder where its sounds lie",
        path.display()
    )]
    NoSound { path: PathBuf },
    #[error(
        "say with --at-most how many answers to choose: the more there are, the nearer they lie to all others"
    )]
    HowMany,
    /// A label, a score or verdicts by a name that a corpus does not have.
    #[error("the corpus has no {kind} {name:?}; {known}")]
    NotInCorpus {
        /// "label", "score" or "verdict or score".
        kind: &'static str,
        name: String,
        known: String,
    },
    #[error(
        "the corpus {name} has no responses of systems to contexts, so there is nothing to compare; import its file again \
         with a mapping that says which columns they are"
    )]
    NoSystemsInCorpus { name: String },
    /// A file whose ending is of another form.
    #[error("{}: an export as {form} is a .{ending} file; name it so", path.display())]
    ExportEnding {
        path: PathBuf,
        form: &'static str,
        ending: &'static str,
    },
    #[error(
        "preference pairs need a score or verdicts by which answers are chosen; name them with --prefer NAME{}",
        match verdicts.is_empty() {
            true => String::new(),
            false => format!("; there are the verdicts {}", verdicts.join(", ")),
        }
    )]
    NoPreference { verdicts: Vec<String> },
    #[error(
        "the corpus has no verdicts{}",
        match scores.is_empty() {
            true => String::new(),
            false => format!("; name a score that they are to follow from: {}", scores.join(", ")),
        }
    )]
    NoVerdicts { scores: Vec<String> },
    #[error(
        "the label {label:?} is {value:?} somewhere, which is no number; --confusion compares labels that are words"
    )]
    NoNumber { label: String, value: String },
    #[error("a similarity is over 0 and at most 1, which is the same words; {similarity} is not")]
    Similarity { similarity: f64 },
    #[error("nothing is left to export: {why}")]
    NothingExported { why: String },
    #[error("{}: {problem}", path.display())]
    Template { path: PathBuf, problem: String },
    #[error("{}: {problem}", path.display())]
    Rubric { path: PathBuf, problem: String },
    #[error(
        "{variable} is not set, and the key was to be in it; set it, or name another variable with --key-variable"
    )]
    NoKey { variable: String },
    #[error(
        "the prompt shows {needed} examples, and the training split of {data} has {there} to draw; give a template with \
         fewer, or another data set"
    )]
    NoExamples {
        data: String,
        there: usize,
        needed: usize,
    },
    #[error("{data} has no context to answer; choose another with --data and --split")]
    NoContextsToAnswer { data: String },
    #[error("there is nothing to judge: {what}")]
    NothingToJudge { what: &'static str },
    #[error("there is no answer of {system:?}; there are answers of {there}")]
    NoAnswersOf { system: String, there: String },
    #[error("series {ask} is no judge's; `emprl endpoint list` shows what each is")]
    NoJudgeSeries { ask: i64 },
    #[error(
        "what series {ask} judged has changed or is gone, so that its answers belong to other texts"
    )]
    JudgedChanged { ask: i64 },
    /// A series of requests ended early.
    #[error(
        "{source}; {recorded} of {of} are answered and kept, and the same command asks what is missing"
    )]
    AskFailed {
        recorded: usize,
        of: usize,
        source: Box<OperationError>,
    },
    #[error(
        "stopped; {recorded} of {of} are answered and kept, and the same command asks what is missing"
    )]
    AskStopped { recorded: usize, of: usize },
    /// Writing to a file that the operation names in its own error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The progress callback asked for it.
    #[error("stopped; nothing of it was saved")]
    Stopped,
}

/// What helps where a file cannot be written.
fn writing_fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "fix its permissions, or choose another place"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space",
        io::ErrorKind::NotFound => "make its folder first",
        _ => "free some space or fix its permissions",
    }
}

/// The setting that most easily lowers the memory of a stage.
fn batch_setting(stage: Stage) -> &'static str {
    match stage {
        Stage::Pretraining => "pretraining.batch",
        Stage::Identifiers => "identifiers.batch",
        Stage::Generator => "generator.batch",
        Stage::Ppo => "ppo.batch",
        Stage::Grpo => "grpo.gradient_accumulation_steps (more parts)",
        Stage::Rloo => "rloo.gradient_accumulation_steps (more parts)",
        Stage::Dpo => "dpo.batch",
        Stage::Evaluation | Stage::Recorded => "evaluation.batch",
    }
}

fn known_jobs(known: &[u32]) -> String {
    let numbers: Vec<String> = known.iter().map(u32::to_string).collect();
    match numbers.is_empty() {
        true => "; `emprl submit FILE` makes one".to_string(),
        false => format!(", but {}", numbers.join(", ")),
    }
}

impl OperationError {
    /// Whether the request itself was invalid: a setting, a name, a combination.
    pub fn is_usage(&self) -> bool {
        let is_wrong_set = |error: &DataError| {
            matches!(
                error,
                DataError::UnknownSet { .. }
                    | DataError::WrongKind { .. }
                    | DataError::NameTaken { .. }
                    | DataError::NoCorpus { .. }
                    | DataError::CorpusLacks { .. }
            )
        };
        match self {
            OperationError::Settings(error) => !matches!(error, ExperimentError::Unreadable { .. }),
            OperationError::Data(error) | OperationError::Train(TrainError::Data(error)) => {
                is_wrong_set(error)
            }
            OperationError::Fetch(error) => error.is_usage(),
            OperationError::AskFailed { source, .. } => source.is_usage(),
            OperationError::Study(error) => matches!(
                error,
                StudyError::Definition { .. }
                    | StudyError::NamesSystem { .. }
                    | StudyError::NoContexts
            ),
            OperationError::Train(TrainError::Device(_))
            | OperationError::Reuse(ReuseError::NothingShared { .. })
            | OperationError::PlotFormat { .. }
            | OperationError::NoRunName
            | OperationError::OneNameForMany { .. }
            | OperationError::NothingChosen
            | OperationError::NoJudge
            | OperationError::NoSystemName
            | OperationError::LongSystemName
            | OperationError::UnlistableSystemName
            | OperationError::NotInCorpus { .. }
            | OperationError::NoSystemsInCorpus { .. }
            | OperationError::ExportEnding { .. }
            | OperationError::NoPreference { .. }
            | OperationError::NoVerdicts { .. }
            | OperationError::NoNumber { .. }
            | OperationError::Template { .. }
            | OperationError::Rubric { .. }
            | OperationError::NoRubric { .. }
            | OperationError::NoKey { .. }
            | OperationError::NoExamples { .. }
            | OperationError::NothingToJudge { .. }
            | OperationError::NoAnswersOf { .. }
            | OperationError::NoJudgeSeries { .. }
            | OperationError::Similarity { .. }
            | OperationError::RunNameLine => true,
            _ => false,
        }
    }

    /// For `map_err`: the path that could not be read.
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| OperationError::Read {
            path: path.to_path_buf(),
            source,
        }
    }

    /// For `map_err`: the path that could not be written, or must not be overwritten.
    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| match source.kind() {
            io::ErrorKind::AlreadyExists => OperationError::Exists {
                path: path.to_path_buf(),
            },
            _ => OperationError::Write {
                path: path.to_path_buf(),
                source,
            },
        }
    }
}
