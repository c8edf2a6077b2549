//! How people keep their runs in order: tags, notes, archive, deletion in two steps.
//!
//! Deleting only marks a run; removing it for good is an act of its own, and only then its folder goes.

use std::path::PathBuf;

use rusqlite::{OptionalExtension, params};

use super::columns::{found, no_run};
use super::error::StoreError;
use super::lock::RunLock;
use super::points::number;
use super::rows::{CatalogRow, MetricKey, RunRow};
use super::runs::{all_rows, changes, keys};
use super::{RunId, Store, StoreReader, now_ms, results};
use crate::data::rows::{Row, read_jsonl};

/// A run that was removed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    pub run: RunId,
    /// Its folder, if it could not be removed from the disk.
    pub left: Option<PathBuf>,
}

impl Store {
    /// Adds tags to a run and takes others away.
    ///
    /// # Errors
    /// A tag is empty or holds a blank or a comma; there is no such run.
    pub fn tag(&mut self, run: RunId, add: &[String], remove: &[String]) -> Result<(), StoreError> {
        if let Some(tag) = add.iter().find(|tag| !is_tag(tag)) {
            return Err(StoreError::WrongTag { tag: tag.clone() });
        }
        self.write(|db| {
            let there: bool =
                db.query_row("SELECT count(*) FROM runs WHERE id = ?", [run.0], |row| {
                    Ok(row.get::<_, i64>(0)? > 0)
                })?;
            found(db, run, usize::from(there))?;
            for tag in remove {
                db.execute(
                    "DELETE FROM run_tags WHERE run = ? AND tag = ?",
                    params![run.0, tag],
                )?;
            }
            for tag in add {
                db.execute(
                    "INSERT OR IGNORE INTO run_tags VALUES (?, ?)",
                    params![run.0, tag],
                )?;
            }
            Ok(())
        })
    }

    /// Gives a run another name.
    pub fn rename(&mut self, run: RunId, name: &str) -> Result<(), StoreError> {
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET name = ? WHERE id = ?",
                params![name, run.0],
            )?;
            found(db, run, changed)
        })
    }

    /// Puts a run aside, or back among the others.
    pub fn archive(&mut self, run: RunId, archived: bool) -> Result<(), StoreError> {
        let since = archived.then(now_ms);
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET archived = ? WHERE id = ?",
                params![since, run.0],
            )?;
            found(db, run, changed)
        })
    }

    /// Marks a run as deleted. Nothing of it is lost until [`Store::remove_for_good`].
    ///
    /// # Errors
    /// The run is in progress, or there is none.
    pub fn delete(&mut self, run: RunId) -> Result<(), StoreError> {
        self.refuse_held(run)?;
        let now = now_ms();
        self.write(|db| {
            let changed = db.execute(
                "UPDATE runs SET deleted = coalesce(deleted, ?) WHERE id = ?",
                params![now, run.0],
            )?;
            found(db, run, changed)
        })
    }

    /// Brings a deleted run back.
    pub fn undelete(&mut self, run: RunId) -> Result<(), StoreError> {
        self.write(|db| {
            let changed = db.execute("UPDATE runs SET deleted = NULL WHERE id = ?", [run.0])?;
            found(db, run, changed)
        })
    }

    /// Removes a run that is marked as deleted, its points, dialogues and results, and then its folder
    /// with the checkpoints. This cannot be undone.
    ///
    /// # Errors
    /// The run is not marked as deleted, is in progress, or there is none.
    pub fn remove_for_good(&mut self, run: RunId) -> Result<Removed, StoreError> {
        self.refuse_held(run)?;
        self.write(|db| {
            let deleted: Option<Option<i64>> = db
                .query_row("SELECT deleted FROM runs WHERE id = ?", [run.0], |row| {
                    row.get(0)
                })
                .optional()?;
            if deleted.ok_or_else(|| no_run(db, run))?.is_none() {
                return Err(StoreError::NotDeleted { run }.into());
            }
            // What refers to it goes with it.
            db.execute("DELETE FROM runs WHERE id = ?", [run.0])?;
            Ok(())
        })?;
        let folder = self.run_dir(run);
        let left = match std::fs::remove_dir_all(&folder) {
            Ok(()) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "could not be removed");
                Some(folder)
            }
        };
        Ok(Removed { run, left })
    }

    fn refuse_held(&self, run: RunId) -> Result<(), StoreError> {
        let folder = self.run_dir(run);
        if folder.is_dir() && RunLock::is_held(&folder)? {
            return Err(StoreError::Held {
                run,
                holder: "another thread or program carries it out".into(),
            });
        }
        Ok(())
    }
}

impl StoreReader {
    /// Every run that is not deleted with all that a table of runs may show, the latest first.
    pub fn catalog(&self) -> Result<Vec<CatalogRow>, StoreError> {
        self.catalog_of(false)
    }

    /// The same of the runs that are marked as deleted.
    pub fn deleted_catalog(&self) -> Result<Vec<CatalogRow>, StoreError> {
        self.catalog_of(true)
    }

    /// The runs that are marked as deleted, the latest first.
    pub fn deleted_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.read(|db| all_rows(db, true))
    }

    /// A number that is another once any other connection, of this program or another, has written.
    pub fn changes(&self) -> Result<i64, StoreError> {
        self.read(|db| Ok(db.query_row("PRAGMA data_version", [], |row| row.get(0))?))
    }

    /// At most `count` values of a metric, evenly over its steps, for a sketch of its curve. Looks up that
    /// many points however many there are, so that it costs the same for a run of a million.
    pub fn sketch(&self, run: RunId, key: &MetricKey, count: u32) -> Result<Vec<f32>, StoreError> {
        self.read(|db| {
            let bounds: Option<(i64, i64, i64)> = db
                .prepare_cached(
                    "SELECT key, (SELECT min(step) FROM points WHERE run = ?1 AND key = summary.key),
                            last_step
                     FROM summary JOIN metric_keys ON metric_keys.id = key
                     WHERE run = ?1 AND stage = ?2 AND name = ?3",
                )?
                .query_row(params![run.0, key.stage.key(), key.name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((id, first, last)) = bounds else {
                return Ok(Vec::new());
            };
            let mut next = db.prepare_cached(
                "SELECT step, value FROM points WHERE run = ? AND key = ? AND step >= ?
                 ORDER BY step LIMIT 1",
            )?;
            let mut values = Vec::new();
            let mut before = None;
            let gaps = i64::from(count.max(2) - 1);
            for at in 0..=gaps {
                let wanted = first + (last - first) * at / gaps;
                let mut rows = next.query(params![run.0, id, wanted])?;
                let Some(row) = rows.next()? else { break };
                let step: i64 = row.get(0)?;
                if before != Some(step) {
                    before = Some(step);
                    values.push(number(row, 1)? as f32);
                }
            }
            Ok(values)
        })
    }

    /// What a system of a run answered on the test split, one row an example; none where nothing is kept.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn test_answers(&self, run: RunId, system: &str) -> Result<Option<Vec<Row>>, StoreError> {
        // Names of systems become names of files, so that nothing else may be in them.
        if !system
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_ ".contains(letter))
        {
            return Ok(None);
        }
        let path = self
            .run_dir(run)
            .join("responses")
            .join(format!("{}.jsonl", system.to_lowercase()));
        if !path.is_file() {
            return Ok(None);
        }
        read_jsonl(&path)
            .map(Some)
            .map_err(|error| StoreError::Unreadable {
                path,
                place: format!("the answers of {system} in run {run}"),
                detail: error.to_string(),
            })
    }

    fn catalog_of(&self, deleted: bool) -> Result<Vec<CatalogRow>, StoreError> {
        let mut rows = self.read(|db| {
            let mut found = Vec::new();
            for row in all_rows(db, deleted)? {
                let config_toml = db
                    .prepare_cached("SELECT config_toml FROM runs WHERE id = ?")?
                    .query_row([row.id.0], |row| row.get(0))?;
                found.push(CatalogRow {
                    config_toml,
                    changes: changes(db, row.id)?,
                    keys: keys(db, row.id)?,
                    results: results::all(db, row.id)?,
                    row,
                });
            }
            Ok(found)
        })?;
        for row in &mut rows {
            self.look_for_holder(&mut row.row)?;
        }
        Ok(rows)
    }
}

/// Whether this can be a tag: something, without blanks and commas.
pub fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && !tag.contains(|letter: char| letter.is_whitespace() || letter == ',')
}
