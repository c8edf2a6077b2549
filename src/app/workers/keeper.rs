//! Changes that a person makes to saved runs, carried out on a thread of their own, with what undoes them.
//!
//! Knows the store; must not know a widget. Wakes the window through the function it is given.

use std::path::{Path, PathBuf};

use super::worker::{Worker, guarded, said};
use crate::engine::Waker;
use crate::engine::queue::{Vain, without_vain_reuse};
use crate::store::{QueueId, QueuedRun, RunId, Store, StoreReader, ToQueue};

/// How many changes may wait.
const WAITING: usize = 64;

/// A change of saved runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Tag {
        runs: Vec<RunId>,
        add: Vec<String>,
        remove: Vec<String>,
    },
    Note {
        run: RunId,
        text: String,
    },
    Rename {
        run: RunId,
        name: String,
    },
    Archive {
        runs: Vec<RunId>,
        archived: bool,
    },
    Delete(Vec<RunId>),
    Undelete(Vec<RunId>),
    /// Cannot be undone.
    RemoveForGood(Vec<RunId>),
    Queue(QueueEdit),
}

/// A change of the runs that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueEdit {
    Add(Vec<ToQueue>),
    /// Lets two change places.
    Swap(QueueId, QueueId),
    TakeOut(Box<QueuedRun>),
    PutBack(Box<QueuedRun>),
}

impl QueueEdit {
    fn words(&self) -> String {
        match self {
            QueueEdit::Add(runs) => match runs.as_slice() {
                [run] => format!("{} queued", run.name),
                many => format!("{} runs queued", many.len()),
            },
            QueueEdit::Swap(..) => "The queue was put in another order".to_string(),
            QueueEdit::TakeOut(run) => format!("{} taken out of the queue", run.run.name),
            QueueEdit::PutBack(run) => format!("{} put back in the queue", run.run.name),
        }
    }

    fn inverse(&self) -> Option<QueueEdit> {
        match self {
            QueueEdit::Add(_) => None,
            QueueEdit::Swap(one, other) => Some(QueueEdit::Swap(*other, *one)),
            QueueEdit::TakeOut(run) => Some(QueueEdit::PutBack(run.clone())),
            QueueEdit::PutBack(run) => Some(QueueEdit::TakeOut(run.clone())),
        }
    }
}

impl Edit {
    /// What was done, in a few words.
    pub fn words(&self) -> String {
        match self {
            Edit::Tag { runs, add, remove } => match (add.as_slice(), remove.as_slice()) {
                ([], gone) => format!("{} no longer tagged {}", named(runs), gone.join(", ")),
                (tags, _) => format!("{} tagged {}", named(runs), tags.join(", ")),
            },
            Edit::Note { run, .. } => format!("Note of run {run} changed"),
            Edit::Rename { run, name } => format!("Run {run} is called {name}"),
            Edit::Archive {
                runs,
                archived: true,
            } => format!("{} archived", named(runs)),
            Edit::Archive { runs, .. } => format!("{} back among the others", named(runs)),
            Edit::Delete(runs) => format!("{} deleted", named(runs)),
            Edit::Undelete(runs) => format!("{} brought back", named(runs)),
            Edit::RemoveForGood(runs) => format!("{} removed for good", named(runs)),
            Edit::Queue(edit) => edit.words(),
        }
    }

    /// What undoes it; tags, notes and names are put back by the caller, who knows what was there.
    pub fn inverse(&self) -> Option<Edit> {
        match self {
            Edit::Tag { runs, add, remove } => Some(Edit::Tag {
                runs: runs.clone(),
                add: remove.clone(),
                remove: add.clone(),
            }),
            Edit::Archive { runs, archived } => Some(Edit::Archive {
                runs: runs.clone(),
                archived: !archived,
            }),
            Edit::Delete(runs) => Some(Edit::Undelete(runs.clone())),
            Edit::Undelete(runs) => Some(Edit::Delete(runs.clone())),
            Edit::Queue(edit) => edit.inverse().map(Edit::Queue),
            Edit::Note { .. } | Edit::Rename { .. } | Edit::RemoveForGood(_) => None,
        }
    }
}

fn named(runs: &[RunId]) -> String {
    match runs {
        [run] => format!("Run {run}"),
        many => format!("{} runs", many.len()),
    }
}

/// A change with what became of it.
#[derive(Debug)]
pub struct Done {
    pub edit: Edit,
    /// Something more to say of it, or why nothing came of it.
    pub outcome: Result<Option<String>, String>,
}

/// The thread that carries changes out.
pub type Keeper = Worker<Edit, Done>;

/// Starts it; `wake` is called after every change.
///
/// # Errors
/// The system refuses another thread.
pub fn start(store: PathBuf, wake: Waker) -> std::io::Result<Keeper> {
    Worker::start("store keeper", WAITING, wake, move |edits, done| {
        for edit in edits {
            let outcome = guarded("The change", || carry_out(&store, &edit));
            let outcome = outcome.flatten();
            done.send(Done { edit, outcome });
        }
    })
}

fn carry_out(path: &Path, edit: &Edit) -> Result<Option<String>, String> {
    let store = &mut Store::open(path).map_err(said)?;
    let done = match edit {
        Edit::Tag { runs, add, remove } => {
            runs.iter().try_for_each(|run| store.tag(*run, add, remove))
        }
        Edit::Note { run, text } => store.set_note(*run, text),
        Edit::Rename { run, name } => store.rename(*run, name),
        Edit::Archive { runs, archived } => runs
            .iter()
            .try_for_each(|run| store.archive(*run, *archived)),
        Edit::Delete(runs) => runs.iter().try_for_each(|run| store.delete(*run)),
        Edit::Undelete(runs) => runs.iter().try_for_each(|run| store.undelete(*run)),
        Edit::RemoveForGood(runs) => runs
            .iter()
            .try_for_each(|run| store.remove_for_good(*run).map(|_| ())),
        Edit::Queue(QueueEdit::Add(runs)) => return enqueue(path, store, runs),
        Edit::Queue(QueueEdit::Swap(one, other)) => store.swap_queued(*one, *other),
        Edit::Queue(QueueEdit::TakeOut(run)) => store.unqueue(run.id).map(|_| ()),
        Edit::Queue(QueueEdit::PutBack(run)) => store.requeue(run.id),
    };
    done.map(|()| None).map_err(said)
}

/// Puts runs in the queue; those that could take nothing over begin at the beginning, and that is told.
fn enqueue(path: &Path, store: &mut Store, runs: &[ToQueue]) -> Result<Option<String>, String> {
    let takes_over = runs.iter().any(|run| run.reuse.is_some());
    let (runs, vain) = match takes_over {
        true => without_vain_reuse(&StoreReader::open(path).map_err(said)?, runs)
            .map_err(|error| error.to_string())?,
        false => (runs.to_vec(), None),
    };
    store.enqueue(&runs).map_err(said)?;
    Ok(vain.map(|Vain { count, differs }| match runs.len() {
        1 => format!("it takes nothing over, since `{differs}` differs"),
        _ => format!("{count} of them take nothing over, since `{differs}` differs"),
    }))
}
