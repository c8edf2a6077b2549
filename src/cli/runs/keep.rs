//! `emprl runs tag | note | rename | archive | delete | undelete`: keeping runs in order.

use serde_json::json;

use super::super::{Failure, Place};
use crate::store::{RunId, Store, StoreReader};

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

/// The store, if it is there: none is made by keeping runs in order.
fn open(place: &Place) -> Result<Store, Failure> {
    StoreReader::open(&place.store)?;
    Ok(Store::open(&place.store)?)
}

/// Says what was done, of each run.
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
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let mut store = open(place)?;
        for run in &self.runs {
            store.tag(*run, &self.add, &self.remove)?;
        }
        now(place, &store, &self.runs)
    }
}

impl Note {
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let mut store = open(place)?;
        if let Some(text) = &self.text {
            store.set_note(self.run, text)?;
        }
        let row = store.reader()?.run(self.run)?.row;
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
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::Usage("a run's name must not be empty".to_string()));
    }
    open(place)?.rename(run, name)?;
    done(place, &[run], "renamed", &format!("is called {name}"))
}

impl Archive {
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let mut store = open(place)?;
        for run in &self.runs {
            store.archive(*run, !self.back)?;
        }
        match self.back {
            true => done(place, &self.runs, "unarchived", "is back among the others"),
            false => done(place, &self.runs, "archived", "is archived"),
        }
    }
}

impl Delete {
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let mut store = open(place)?;
        if !self.for_good {
            for run in &self.runs {
                store.delete(*run)?;
            }
            let argument = place.store_argument();
            let words = format!("is deleted; `emprl runs undelete RUN{argument}` brings it back");
            return done(place, &self.runs, "deleted", &words);
        }
        for run in &self.runs {
            if let Some(left) = store.remove_for_good(*run)?.left {
                return Err(Failure::Failed(format!(
                    "run {run} is removed from the store, but its folder {} could not be; remove it by hand",
                    left.display()
                )));
            }
        }
        done(place, &self.runs, "removed", "is removed for good")
    }
}

pub fn undelete(place: &Place, runs: &[RunId]) -> Result<(), Failure> {
    let mut store = open(place)?;
    for run in runs {
        store.undelete(*run)?;
    }
    done(place, runs, "undeleted", "is back")
}
