//! Edits of saved and queued runs, which can be undone, and deletion for good, which cannot; from where a run goes on.

use std::fmt;

use super::OperationError;
use crate::experiment::Stage;
use crate::store::{QueueId, QueuedRun, RunId, RunRow, Store, StoreError, StoreReader};

/// From where an interrupted run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoesOn {
    pub stage: Stage,
    /// The step that it had reached.
    pub reached: u64,
    /// The step of the stage's last checkpoint, 0 without one.
    pub from: u64,
}

impl GoesOn {
    /// From where `run` goes on; `None` if it had begun no stage.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(reader: &StoreReader, run: &RunRow) -> Result<Option<Self>, StoreError> {
        let Some(stage) = run.stage else {
            return Ok(None);
        };
        let checkpoints = reader.checkpoints(run.id)?;
        let own = checkpoints.iter().filter(|row| row.stage == stage);
        Ok(Some(GoesOn {
            stage,
            reached: run.step,
            from: own.map(|row| row.step).max().unwrap_or(0),
        }))
    }

    /// Steps that are done again.
    pub fn again(&self) -> u64 {
        self.reached.saturating_sub(self.from)
    }
}

/// A change of saved or queued runs that can be undone.
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
    SwapQueued(QueueId, QueueId),
    Unqueue(Box<QueuedRun>),
    /// Puts a run back where it was.
    Requeue(Box<QueuedRun>),
}

impl Edit {
    /// Makes the change and returns the edit that undoes it. If one of several runs fails, those before it stay
    /// changed.
    ///
    /// # Errors
    /// There is no such run, a tag or name is invalid, a run to delete is in progress, or the store cannot be written.
    pub fn apply(&self, store: &mut Store) -> Result<Edit, OperationError> {
        self.require_runs(store)?;
        let inverse = self.inverse(store)?;
        match self {
            Edit::Tag { runs, add, remove } => {
                each(runs, |run| store.tag(run, add, remove))?;
            }
            Edit::Note { run, text } => store.set_note(*run, text)?,
            Edit::Rename { run, name } => match name.trim() {
                "" => return Err(OperationError::NoRunName),
                name if name.contains(char::is_control) => return Err(OperationError::RunNameLine),
                name => store.rename(*run, name)?,
            },
            Edit::Archive { runs, archived } => {
                each(runs, |run| store.archive(run, *archived))?;
            }
            Edit::Delete(runs) => each(runs, |run| store.delete(run))?,
            Edit::Undelete(runs) => each(runs, |run| store.undelete(run))?,
            Edit::SwapQueued(one, other) => store.swap_queued(*one, *other)?,
            Edit::Unqueue(run) => drop(store.unqueue(&[run.id])?),
            Edit::Requeue(run) => store.requeue(run.id)?,
        }
        Ok(inverse)
    }

    /// Checks that every run is there, so that an edit of several runs is made whole or not at all.
    fn require_runs(&self, store: &Store) -> Result<(), StoreError> {
        if let Edit::Tag { runs, .. }
        | Edit::Archive { runs, .. }
        | Edit::Delete(runs)
        | Edit::Undelete(runs) = self
        {
            let reader = store.reader()?;
            each(runs, |run| reader.run_row(run).map(drop))?;
        }
        Ok(())
    }

    fn inverse(&self, store: &Store) -> Result<Edit, OperationError> {
        Ok(match self {
            Edit::Tag { runs, add, remove } => Edit::Tag {
                runs: runs.clone(),
                add: remove.clone(),
                remove: add.clone(),
            },
            Edit::Note { run, .. } => Edit::Note {
                run: *run,
                text: row(store, *run)?.map_or_else(String::new, |row| row.note),
            },
            Edit::Rename { run, .. } => Edit::Rename {
                run: *run,
                name: row(store, *run)?.map_or_else(String::new, |row| row.name),
            },
            Edit::Archive { runs, archived } => Edit::Archive {
                runs: runs.clone(),
                archived: !archived,
            },
            Edit::Delete(runs) => Edit::Undelete(runs.clone()),
            Edit::Undelete(runs) => Edit::Delete(runs.clone()),
            Edit::SwapQueued(one, other) => Edit::SwapQueued(*other, *one),
            Edit::Unqueue(run) => Edit::Requeue(run.clone()),
            Edit::Requeue(run) => Edit::Unqueue(run.clone()),
        })
    }
}

/// What was done, for people.
impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Tag { runs, add, remove } if add.is_empty() => {
                write!(f, "{} no longer tagged {}", named(runs), remove.join(", "))
            }
            Edit::Tag { runs, add, .. } => write!(f, "{} tagged {}", named(runs), add.join(", ")),
            Edit::Note { run, .. } => write!(f, "Note of run {run} changed"),
            Edit::Rename { run, name } => write!(f, "Run {run} is called {}", name.trim()),
            Edit::Archive {
                runs,
                archived: true,
            } => write!(f, "{} archived", named(runs)),
            Edit::Archive { runs, .. } => write!(f, "{} back among the others", named(runs)),
            Edit::Delete(runs) => write!(f, "{} deleted", named(runs)),
            Edit::Undelete(runs) => write!(f, "{} brought back", named(runs)),
            Edit::SwapQueued(..) => write!(f, "The queue was put in another order"),
            Edit::Unqueue(run) => write!(f, "{} removed from the queue", run.run.name),
            Edit::Requeue(run) => write!(f, "{} put back in the queue", run.run.name),
        }
    }
}

/// Removes deleted runs and their checkpoints from the disk. This cannot be undone.
///
/// # Errors
/// One of the runs is not deleted, so that none is removed; a run is in progress; or its folder could not be removed,
/// though it is gone from the store.
pub fn delete_for_good(store: &mut Store, runs: &[RunId]) -> Result<(), OperationError> {
    let reader = store.reader()?;
    let kept: Vec<RunId> = reader.list_runs()?.iter().map(|row| row.id).collect();
    if let Some(&run) = runs.iter().find(|run| kept.contains(run)) {
        return Err(StoreError::NotDeleted { run }.into());
    }
    for &run in runs {
        if let Some(folder) = store.remove_for_good(run)? {
            return Err(OperationError::FolderLeft { run, folder });
        }
    }
    Ok(())
}

/// `Run 3`, or `4 runs`.
pub fn named(runs: &[RunId]) -> String {
    match runs {
        [run] => format!("Run {run}"),
        many => format!("{} runs", many.len()),
    }
}

fn each(
    runs: &[RunId],
    edit: impl FnMut(RunId) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    runs.iter().copied().try_for_each(edit)
}

/// A run's row, deleted or not.
fn row(store: &Store, run: RunId) -> Result<Option<RunRow>, StoreError> {
    match store.reader()?.run_row(run) {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::NoRun { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::experiment::{Config, Environment};
    use crate::store::NewRun;

    fn new_run(name: &str) -> NewRun {
        NewRun {
            name: name.to_string(),
            experiment: "quickstart".to_string(),
            seed: 1,
            device: "flex".to_string(),
            config_toml: Config::default().to_toml(),
            environment: Environment::capture(),
            fingerprints: BTreeMap::new(),
        }
    }

    /// What a person can change of a run, and whether it is deleted.
    fn shown(store: &Store, run: RunId) -> (String, String, Vec<String>, bool, bool) {
        let row = row(store, run).unwrap().unwrap();
        let deleted = row.deleted.is_some();
        (row.name, row.note, row.tags, row.archived, deleted)
    }

    #[test]
    fn every_edit_of_a_run_is_undone_by_the_edit_it_returns() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let run = store.create_run(&new_run("first")).unwrap().run();
        store.set_note(run, "kept").unwrap();
        let edits = [
            Edit::Tag {
                runs: vec![run],
                add: vec!["paper".to_string()],
                remove: Vec::new(),
            },
            Edit::Note {
                run,
                text: "changed".to_string(),
            },
            Edit::Rename {
                run,
                name: " second ".to_string(),
            },
            Edit::Archive {
                runs: vec![run],
                archived: true,
            },
            Edit::Delete(vec![run]),
        ];
        for edit in edits {
            let before = shown(&store, run);
            let inverse = edit.apply(&mut store).unwrap();
            assert_ne!(shown(&store, run), before, "{edit}");
            inverse.apply(&mut store).unwrap();
            assert_eq!(shown(&store, run), before, "{edit}");
        }
    }

    #[test]
    fn an_edit_of_several_runs_changes_none_where_one_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let run = store.create_run(&new_run("first")).unwrap().run();
        let before = shown(&store, run);
        let both = vec![run, RunId(run.0 + 1)];
        let edits = [
            Edit::Archive {
                runs: both.clone(),
                archived: true,
            },
            Edit::Tag {
                runs: both.clone(),
                add: vec!["paper".to_string()],
                remove: Vec::new(),
            },
            Edit::Delete(both),
        ];
        for edit in edits {
            assert!(edit.apply(&mut store).is_err(), "{edit}");
            assert_eq!(shown(&store, run), before, "{edit}");
        }
    }

    #[test]
    fn a_run_keeps_a_name_and_its_folder_until_it_is_deleted_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let run = store.create_run(&new_run("first")).unwrap().run();
        let blank = Edit::Rename {
            run,
            name: "  ".to_string(),
        };
        let refused = blank.apply(&mut store).unwrap_err();
        assert!(refused.is_usage(), "{refused}");
        assert!(delete_for_good(&mut store, &[run]).is_err());
        Edit::Delete(vec![run]).apply(&mut store).unwrap();
        assert!(store.run_dir(run).is_dir());
        delete_for_good(&mut store, &[run]).unwrap();
        assert!(!store.run_dir(run).exists() && row(&store, run).unwrap().is_none());
    }
}
