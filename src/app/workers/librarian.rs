//! Data sets and saved models for the window: listed, opened, imported, checked and exported off its thread.
//!
//! What is quick is done by one thread in order; what takes long gets a thread of its own, so that it holds
//! nothing up. Knows no widget; wakes the window through the function it is given.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::Receiver;

use super::answerer::Who;
use super::book::Book;
use super::worker::{Answers, Worker, guarded, said};
use crate::data::library::{self, ListedSet};
use crate::data::{ImportReport, SetSummary};
use crate::engine::Waker;
use crate::engine::reference::{RunModels, saved_models};
use crate::train::export::Exported;
use crate::train::saved::{Anatomy, SavedModel};

/// How many tasks may wait.
const WAITING: usize = 32;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// The runs with what they saved, and the T5 folders that they started from.
    Models,
    /// Every data set, imported or not.
    Sets,
    /// Sizes, emotions, lengths and levels of a set.
    Summary(String),
    /// All of a set, to be browsed.
    Open(String),
    /// Reads a set in its original form and keeps it in the store.
    Import { name: String, folder: PathBuf },
    /// Reads a model whole, so that damage shows.
    Check(PathBuf),
    /// Writes a model as a Hugging Face folder.
    Export { who: Who, folder: PathBuf },
}

impl Task {
    /// Whether nothing quick should wait for it.
    fn is_long(&self) -> bool {
        matches!(
            self,
            Task::Import { .. } | Task::Check(_) | Task::Export { .. }
        )
    }
}

/// What came of a task.
#[derive(Clone, Debug)]
pub enum Outcome {
    Models {
        runs: Vec<RunModels>,
        /// Folders of T5 that runs name.
        folders: Vec<PathBuf>,
    },
    Sets(Vec<ListedSet>),
    Summary(Box<SetSummary>),
    Opened(Arc<Book>),
    Imported(Box<ImportReport>),
    Checked(Box<Anatomy>),
    Exported(Exported),
}

/// A task with what came of it, or why nothing did.
#[derive(Debug)]
pub struct Answer {
    pub task: Task,
    pub outcome: Result<Outcome, String>,
}

/// The thread that carries tasks out.
pub type Librarian = Worker<Task, Answer>;

/// Starts it; `wake` is called after every answer.
///
/// # Errors
/// The system refuses another thread.
pub fn start(store: PathBuf, wake: Waker) -> std::io::Result<Librarian> {
    Worker::start(
        "librarian",
        WAITING,
        wake,
        move |tasks: Receiver<Task>, answers| {
            let mut long = Vec::new();
            for task in tasks {
                match task.is_long() {
                    true => long.extend(alone(&store, task, &answers)),
                    false => carry_out(&store, task, &answers),
                }
            }
            for thread in long {
                let _: std::thread::Result<()> = JoinHandle::join(thread);
            }
        },
    )
}

/// On a thread of its own; none where the system refuses it, which is answered.
fn alone(store: &Path, task: Task, answers: &Answers<Answer>) -> Option<JoinHandle<()>> {
    let (store, theirs, kept) = (store.to_path_buf(), answers.clone(), task.clone());
    let thread = std::thread::Builder::new()
        .name("library work".into())
        .spawn(move || carry_out(&store, task, &theirs));
    match thread {
        Ok(thread) => Some(thread),
        Err(error) => {
            let outcome = Err(format!("no thread could be made: {error}"));
            answers.send(Answer {
                task: kept,
                outcome,
            });
            None
        }
    }
}

fn carry_out(store: &Path, task: Task, answers: &Answers<Answer>) {
    let outcome = guarded("The work", || outcome(store, &task)).flatten();
    answers.send(Answer { task, outcome });
}

fn outcome(store: &Path, task: &Task) -> Result<Outcome, String> {
    Ok(match task {
        Task::Models => {
            let runs = saved_models(store).map_err(said)?;
            let folders: BTreeSet<PathBuf> = runs
                .iter()
                .map(|run| run.config.model.source.as_str())
                .filter(|source| *source != "scratch")
                .map(PathBuf::from)
                .collect();
            Outcome::Models {
                runs,
                folders: folders.into_iter().collect(),
            }
        }
        Task::Sets => Outcome::Sets(library::list(store).map_err(said)?),
        Task::Summary(name) => {
            Outcome::Summary(Box::new(library::show(store, name).map_err(said)?))
        }
        Task::Open(name) => Outcome::Opened(Arc::new(open(store, name)?)),
        Task::Import { name, folder } => {
            let report = library::import(store, name, folder).map_err(said)?;
            Outcome::Imported(Box::new(report))
        }
        Task::Check(folder) => {
            // Any device would do to look at it.
            let model = SavedModel::open(folder, "flex").map_err(said)?;
            Outcome::Checked(Box::new(model.anatomy()))
        }
        Task::Export { who, folder } => {
            let found = who.find(store).map_err(said)?;
            let model = SavedModel::open(&found.folder, "flex").map_err(said)?;
            Outcome::Exported(model.export(folder).map_err(said)?)
        }
    })
}

fn open(store: &Path, name: &str) -> Result<Book, String> {
    let sets = library::list(store).map_err(said)?;
    let set = sets.iter().find(|set| set.name == name);
    let holds = |of: fn(&ListedSet) -> bool| set.is_some_and(of);
    let dialogues = holds(|set| set.has_dialogues)
        .then(|| library::open_dialogues(store, name))
        .transpose()
        .map_err(said)?;
    let levels = holds(|set| set.has_levels)
        .then(|| library::open_levels(store, name))
        .transpose()
        .map_err(said)?;
    Ok(Book {
        name: name.to_string(),
        dialogues,
        levels,
    })
}
