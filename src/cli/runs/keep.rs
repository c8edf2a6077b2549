//! `emprl runs tag | note | rename | archive | delete | undelete`: edits saved runs.

use serde_json::json;

use super::super::{Failure, Place};
use crate::operations::existing_store;
use crate::operations::runs::{Edit, delete_for_good};
use crate::store::{RunId, Store};

#[derive(Debug, clap::Args)]
pub struct Tag {
    #[arg(required = true)]
    runs: Vec<RunId>,
    /// A tag to give
    #[arg(long, value_name = "TAG", required_unless_present = "remove")]
    add: Vec<String>,
    /// A tag to take away
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct Note {
    run: RunId,
    /// The note; an empty one takes it away
    text: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Archive {
    #[arg(required = true)]
    runs: Vec<RunId>,
    /// Back among the others
    #[arg(long)]
    back: bool,
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    #[arg(required = true)]
    runs: Vec<RunId>,
    /// Remove runs that are already deleted, with their checkpoints, from the disk: this cannot be undone
    #[arg(long)]
    for_good: bool,
}

/// Makes a change in a store that exists.
fn apply(place: &Place, edit: &Edit) -> Result<(), Failure> {
    edit.apply(&mut existing_store(&place.store)?)?;
    Ok(())
}

/// Prints what was done to each run.
fn done(place: &Place, runs: &[RunId], json_name: &str, words: &str) -> Result<(), Failure> {
    if place.out.json {
        return place.out.document(&json!({ json_name: runs }));
    }
    let lines: String = runs
        .iter()
        .map(|run| format!("Run {run} {words}.\n"))
        .collect();
    place.out.text(&lines)
}

/// The records of runs as they are now.
fn now(place: &Place, store: &Store, runs: &[RunId]) -> Result<(), Failure> {
    let reader = store.reader()?;
    let mut rows = Vec::new();
    for run in runs {
        rows.push(reader.run(*run)?.row);
    }
    if place.out.json {
        return place.out.document(&rows);
    }
    let lines = rows.iter().map(|row| match row.tags.is_empty() {
        true => format!("Run {} has no tags.\n", row.id),
        false => format!("Run {}: {}\n", row.id, row.tags.join(", ")),
    });
    place.out.text(&lines.collect::<String>())
}

impl Tag {
    pub fn run(self, place: &Place) -> Result<(), Failure> {
        let mut store = existing_store(&place.store)?;
        let runs = self.runs.clone();
        let edit = Edit::Tag {
            runs: self.runs,
            add: self.add,
            remove: self.remove,
        };
        edit.apply(&mut store)?;
        now(place, &store, &runs)
    }
}

impl Note {
    pub fn run(self, place: &Place) -> Result<(), Failure> {
        let mut store = existing_store(&place.store)?;
        let run = self.run;
        if let Some(text) = self.text {
            Edit::Note { run, text }.apply(&mut store)?;
        }
        let row = store.reader()?.run(run)?.row;
        if place.out.json {
            return place.out.document(&json!({"id": row.id, "note": row.note}));
        }
        let note = if row.note.is_empty() {
            "no note".to_string()
        } else {
            row.note
        };
        place.out.text(&format!("Run {}: {note}\n", row.id))
    }
}

pub fn rename(place: &Place, run: RunId, name: &str) -> Result<(), Failure> {
    let name = name.trim().to_string();
    let words = format!("is called {name}");
    apply(place, &Edit::Rename { run, name })?;
    done(place, &[run], "renamed", &words)
}

impl Archive {
    pub fn run(self, place: &Place) -> Result<(), Failure> {
        let runs = self.runs.clone();
        let archived = !self.back;
        apply(place, &Edit::Archive { runs, archived })?;
        match archived {
            false => done(place, &self.runs, "unarchived", "is back among the others"),
            true => done(place, &self.runs, "archived", "is archived"),
        }
    }
}

impl Delete {
    pub fn run(self, place: &Place) -> Result<(), Failure> {
        if self.for_good {
            delete_for_good(&mut existing_store(&place.store)?, &self.runs)?;
            return done(place, &self.runs, "removed", "is removed for good");
        }
        apply(place, &Edit::Delete(self.runs.clone()))?;
        let argument = place.store_argument();
        let words = format!("is deleted; `emprl runs undelete RUN{argument}` brings it back");
        done(place, &self.runs, "deleted", &words)
    }
}

pub fn undelete(place: &Place, runs: Vec<RunId>) -> Result<(), Failure> {
    apply(place, &Edit::Undelete(runs.clone()))?;
    done(place, &runs, "undeleted", "is back")
}
