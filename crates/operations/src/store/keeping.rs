//! Organising runs: tags, names, notes, archive, deletion in two steps.
//!
//! Deleting only marks a run; [`super::removal`] removes it for good.

use rusqlite::{OptionalExtension, Params, params};

use super::columns::require_changed;
use super::error::StoreError;
use super::lock::RunLock;
use super::points::number;
use super::rows::{MetricKey, RunRow};
use super::{CatalogParts, RunId, Store, StoreReader, now_ms};
use crate::data::rows::{Row, read_jsonl};

impl Store {
    /// Adds tags to a run and removes others.
    ///
    /// # Errors
    /// A tag is empty or contains a space or a comma; there is no such run.
    pub fn tag(&mut self, run: RunId, add: &[String], remove: &[String]) -> Result<(), StoreError> {
        if let Some(tag) = add.iter().find(|tag| !is_tag(tag)) {
            return Err(StoreError::InvalidTag { tag: tag.clone() });
        }
        self.write(|db| {
            let exists: i64 =
                db.query_row("SELECT count(*) FROM runs WHERE id = ?", [run.0], |row| {
                    row.get(0)
                })?;
            require_changed(db, run, exists as usize)?;
            for tag in remove {
                let sql = "DELETE FROM run_tags WHERE run = ? AND tag = ?";
                db.execute(sql, params![run.0, tag])?;
            }
            for tag in add {
                let sql = "INSERT OR IGNORE INTO run_tags VALUES (?, ?)";
                db.execute(sql, params![run.0, tag])?;
            }
            Ok(())
        })
    }

    pub fn rename(&mut self, run: RunId, name: &str) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET name = ? WHERE id = ?";
        self.update_run(run, sql, params![name, run.0])
    }

    /// Replaces a run's note.
    pub fn set_note(&mut self, run: RunId, note: &str) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET note = ? WHERE id = ?";
        self.update_run(run, sql, params![note, run.0])
    }

    /// Archives a run, or takes it out of the archive.
    pub fn archive(&mut self, run: RunId, archived: bool) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET archived = ? WHERE id = ?";
        self.update_run(run, sql, params![archived.then(now_ms), run.0])
    }

    /// Marks a run as deleted. Nothing is lost until [`Store::remove_for_good`].
    ///
    /// # Errors
    /// The run is in progress or does not exist.
    pub fn delete(&mut self, run: RunId) -> Result<(), StoreError> {
        self.refuse_held(run)?;
        let sql = "UPDATE runs SET deleted = coalesce(deleted, ?) WHERE id = ?";
        self.update_run(run, sql, params![now_ms(), run.0])
    }

    /// Restores a deleted run.
    pub fn undelete(&mut self, run: RunId) -> Result<(), StoreError> {
        self.update_run(run, "UPDATE runs SET deleted = NULL WHERE id = ?", [run.0])
    }

    fn update_run(&mut self, run: RunId, sql: &str, params: impl Params) -> Result<(), StoreError> {
        self.write(|db| require_changed(db, run, db.execute(sql, params)?))
    }

    pub(super) fn refuse_held(&self, run: RunId) -> Result<(), StoreError> {
        let folder = self.run_dir(run);
        if folder.is_dir() && RunLock::is_held(&folder)? {
            return Err(StoreError::Held {
                run,
                holder: "another thread or program is running it".into(),
            });
        }
        Ok(())
    }
}

impl StoreReader {
    /// The deleted runs, the latest first, without their metrics.
    pub fn deleted_runs(&self) -> Result<Vec<RunRow>, StoreError> {
        self.catalog(true, &CatalogParts::default(), |found| found.row)
    }

    /// At most `count` values of a metric, evenly spaced over its steps, for a sparkline. Looks up only
    /// that many points, so that it costs the same for a run of a million.
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

    /// A system's responses on a run's test split, one row for each example; None if there is no file.
    pub fn test_answers(&self, run: RunId, system: &str) -> Result<Option<Vec<Row>>, StoreError> {
        // The name becomes a file name, so only safe characters are allowed.
        if !system
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_ ".contains(letter))
        {
            return Ok(None);
        }
        let file = format!("responses/{}.jsonl", system.to_lowercase());
        let path = self.run_dir(run).join(file);
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(StoreError::File {
                    path,
                    doing: "reading",
                    source,
                });
            }
            Ok(_) => {}
        }
        read_jsonl(&path)
            .map(Some)
            .map_err(|error| StoreError::Unreadable {
                path,
                place: format!("the answers of {system} in run {run}"),
                detail: error.to_string(),
            })
    }
}

/// Whether this is a valid tag: not empty, without spaces and commas.
pub fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && !tag.contains(|letter: char| letter.is_whitespace() || letter == ',')
}
