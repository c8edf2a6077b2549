//! Takes over the runs of another store: once each, in any order, and again as they go on there.
//!
//! A run is known by its identity, not by its number. First its row is there and its lock is held, then its files are
//! copied, and last, in one transaction, all that was recorded. What a kill leaves is an interrupted run, which the next
//! merge completes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde::Serialize;

use super::columns::{columns_of, query_all};
use super::error::{Fault, StoreError};
use super::identity::{self, Identity};
use super::lock::RunLock;
use super::record::put_status;
use super::{RunId, RunStatus, Store, StoreReader, run_dir};

/// What comes along of checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointFiles {
    /// A copy of each.
    #[default]
    Copy,
    /// The same files under a second name, on one disk; a copy elsewhere.
    Link,
    /// Nothing: the run can be read, but not resumed or tried.
    Leave,
}

/// What became of another store's runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MergedRuns {
    pub added: Vec<MergedRun>,
    /// They had gone on there.
    pub updated: Vec<MergedRun>,
    /// They were here as they are there.
    pub known: usize,
    pub left_out: Vec<LeftOut>,
}

/// A run in both stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MergedRun {
    pub there: RunId,
    pub here: RunId,
}

/// A run that was not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub there: RunId,
    pub here: Option<RunId>,
    pub why: WhyLeftOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyLeftOut {
    /// It went on in both stores since they last agreed.
    WentOnInBoth,
    /// It is in progress here.
    InProgressHere,
    /// It is marked as deleted there or here.
    Deleted,
}

/// The tables whose rows belong to a run, in the order in which they can be filled.
const TABLES: [&str; 14] = [
    "points",
    "summary",
    "events",
    "samples",
    "rollouts",
    "results",
    "figures",
    "checkpoints",
    "aside_points",
    "aside_events",
    "aside_samples",
    "aside_rollouts",
    "aside_results",
    "aside_figures",
];
const ASIDE_CHECKPOINTS: &str = "aside_checkpoints";

/// The columns of a run that change while it goes on; the others say how it began, or are a person's.
const PROGRESS: [&str; 10] = [
    // Of a run that another program made, these two come after its row.
    "config_toml",
    "seed",
    "status",
    "stage",
    "step",
    "total",
    "ended",
    "error",
    "holder",
    "heartbeat",
];

/// A run as another store has it.
struct Taken {
    head: Head,
    /// All columns but the number.
    row: Vec<(String, Value)>,
    tags: Vec<Value>,
    tables: Vec<Table>,
    /// Paths in its folder, with what tells whether one has changed.
    checkpoints: Vec<(PathBuf, i64, i64)>,
}

struct Table {
    name: &'static str,
    /// All but `run` and, of events, their number.
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// The stage and name of each row's metric, where the table has one.
    keys: Vec<(String, String)>,
}

/// What decides whether a run is to be taken over.
struct Head {
    identity: Identity,
    /// When something last happened to it there.
    moment: i64,
    deleted: bool,
}

enum Decision {
    Take,
    Known,
    LeaveOut(WhyLeftOut),
}

impl Store {
    /// Takes over the runs of another store that are not here, or have gone on there. Names, notes and tags that a
    /// person gave here stay. What else that store holds (studies, responses, corpora) stays there.
    ///
    /// # Errors
    /// A store cannot be read or written, or files cannot be copied; the runs before it are whole.
    pub fn merge_runs(
        &mut self,
        from: &StoreReader,
        files: CheckpointFiles,
    ) -> Result<MergedRuns, StoreError> {
        let runs = from.read(|db| {
            query_all(db, "SELECT id FROM runs ORDER BY id", [], |row| {
                Ok(RunId(row.get(0)?))
            })
        })?;
        let mut merged = MergedRuns::default();
        for there in runs {
            let head = from.read(|db| head(db, there))?;
            let (here, decision) = self.write(|db| {
                let here = identity::find(db, &head.identity.uid)?;
                Ok((here, decide(db, here, &head)?))
            })?;
            let why = match decision {
                Decision::Known => {
                    merged.known += 1;
                    continue;
                }
                Decision::LeaveOut(why) => Some(why),
                Decision::Take => {
                    let taken = from.read(|db| take(db, there, files))?;
                    match self.hold(&taken)? {
                        None => Some(WhyLeftOut::InProgressHere),
                        Some(lock) => {
                            copy_run(&from.run_dir(there), lock.dir(), &taken, files)?;
                            self.write(|db| put(db, lock.run(), &taken))?;
                            let run = MergedRun {
                                there,
                                here: lock.run(),
                            };
                            match here {
                                None => merged.added.push(run),
                                Some(_) => merged.updated.push(run),
                            }
                            None
                        }
                    }
                }
            };
            if let Some(why) = why {
                merged.left_out.push(LeftOut { there, here, why });
            }
        }
        Ok(merged)
    }

    /// Locks a run that is to be taken over, whose row is put here if need be; None if it is in progress here.
    fn hold(&mut self, taken: &Taken) -> Result<Option<RunLock>, StoreError> {
        let store = self.dir().to_path_buf();
        self.write(|db| {
            let here = match identity::find(db, &taken.head.identity.uid)? {
                Some(here) => here,
                None => begin(db, taken)?,
            };
            Ok(RunLock::acquire(here, &run_dir(&store, here))?)
        })
    }
}

/// Decides about a run of another store, which is `here` if it is in this one.
fn decide(db: &Connection, here: Option<RunId>, head: &Head) -> Result<Decision, Fault> {
    if head.deleted {
        return Ok(Decision::LeaveOut(WhyLeftOut::Deleted));
    }
    let Some(here) = here else {
        return Ok(Decision::Take);
    };
    let own = identity::of(db, here)?;
    let (moment, deleted) = last(db, here)?;
    let is_whole = own.taken != Some(UNFINISHED);
    if is_whole && moment == head.moment {
        return Ok(Decision::Known);
    }
    if deleted {
        return Ok(Decision::LeaveOut(WhyLeftOut::Deleted));
    }
    // What both had when they last agreed.
    let agreed = own.taken.or(head.identity.taken);
    Ok(if !is_whole || agreed == Some(moment) {
        Decision::Take
    } else if agreed == Some(head.moment) {
        Decision::Known
    } else {
        Decision::LeaveOut(WhyLeftOut::WentOnInBoth)
    })
}

/// In place of that moment, while a run is being taken over.
const UNFINISHED: i64 = -1;

fn head(db: &Connection, run: RunId) -> Result<Head, Fault> {
    let (moment, deleted) = last(db, run)?;
    Ok(Head {
        identity: identity::of(db, run)?,
        moment,
        deleted,
    })
}

/// When something last happened to a run, and whether it is deleted.
fn last(db: &Connection, run: RunId) -> Result<(i64, bool), Fault> {
    let sql = "SELECT max(heartbeat, coalesce(ended, 0), coalesce((SELECT max(wall) FROM events WHERE run = runs.id), 0)),
                      deleted IS NOT NULL FROM runs WHERE id = ?";
    Ok(db.query_row(sql, [run.0], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Puts the row of a run that is not here, as interrupted.
fn begin(db: &Connection, taken: &Taken) -> Result<RunId, Fault> {
    let columns: Vec<&str> = taken.row.iter().map(|(name, _)| name.as_str()).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    let sql = format!("INSERT INTO runs ({}) VALUES ({marks})", columns.join(", "));
    db.execute(
        &sql,
        params_from_iter(taken.row.iter().map(|(_, value)| value)),
    )?;
    let run = RunId(db.last_insert_rowid());
    let interrupted = RunStatus::Interrupted.key();
    db.execute(
        "UPDATE runs SET status = ? WHERE id = ?",
        (interrupted, run.0),
    )?;
    for tag in &taken.tags {
        db.execute(
            "INSERT INTO run_tags (run, tag) VALUES (?, ?)",
            (run.0, tag),
        )?;
    }
    identity::put(db, run, &taken.head.identity.uid, Some(UNFINISHED))?;
    Ok(run)
}

/// Replaces all that was recorded of a run by what another store has.
fn put(db: &Connection, run: RunId, taken: &Taken) -> Result<(), Fault> {
    for table in TABLES.iter().rev().chain([&ASIDE_CHECKPOINTS]) {
        db.execute(&format!("DELETE FROM {table} WHERE run = ?"), [run.0])?;
    }
    for table in &taken.tables {
        put_table(db, run, table)?;
    }
    let progress = PROGRESS.map(|column| format!("{column} = ?")).join(", ");
    let value = |column| {
        let mut own = taken.row.iter();
        own.find_map(|(name, value)| (name == column).then(|| value.clone()))
            .unwrap_or(Value::Null)
    };
    let values = PROGRESS.iter().map(|column| value(*column));
    let values = values.chain([Value::Integer(run.0)]);
    db.execute(
        &format!("UPDATE runs SET {progress} WHERE id = ?"),
        params_from_iter(values),
    )?;
    let active = [RunStatus::Running, RunStatus::Paused].map(RunStatus::key);
    let sql = "UPDATE runs SET status = ?, ended = heartbeat WHERE id = ? AND status IN (?, ?)";
    let interrupted = RunStatus::Interrupted;
    let changed = db.execute(sql, (interrupted.key(), run.0, active[0], active[1]))?;
    if changed > 0 {
        // It may go on there, but not here.
        put_status(db, run, taken.head.moment, interrupted)?;
    }
    identity::put(db, run, &taken.head.identity.uid, Some(taken.head.moment))
}

fn put_table(db: &Connection, run: RunId, table: &Table) -> Result<(), Fault> {
    let has_key = !table.keys.is_empty();
    let key = if has_key { ", key" } else { "" };
    let marks = vec!["?"; table.columns.len() + 1 + usize::from(has_key)].join(", ");
    let columns = table.columns.join(", ");
    let sql = format!(
        "INSERT INTO {} (run, {columns}{key}) VALUES ({marks})",
        table.name
    );
    let mut insert = db.prepare(&sql)?;
    for (at, row) in table.rows.iter().enumerate() {
        let mut values = vec![Value::Integer(run.0)];
        values.extend(row.iter().cloned());
        if let Some((stage, name)) = table.keys.get(at) {
            values.push(Value::Integer(metric_key(db, stage, name)?));
        }
        insert.execute(params_from_iter(values))?;
    }
    Ok(())
}

fn metric_key(db: &Connection, stage: &str, name: &str) -> Result<i64, Fault> {
    db.prepare_cached("INSERT OR IGNORE INTO metric_keys (stage, name) VALUES (?, ?)")?
        .execute((stage, name))?;
    let sql = "SELECT id FROM metric_keys WHERE stage = ? AND name = ?";
    Ok(db
        .prepare_cached(sql)?
        .query_row((stage, name), |row| row.get(0))?)
}

/// Reads a run as one moment has it.
fn take(db: &Connection, run: RunId, files: CheckpointFiles) -> Result<Taken, Fault> {
    let begin = || db.unchecked_transaction();
    let _moment = db.is_autocommit().then(begin).transpose()?;
    let columns = columns_of(db, "runs", &["id"])?;
    let sql = format!("SELECT {} FROM runs WHERE id = ?", columns.join(", "));
    let values = db.query_row(&sql, [run.0], |row| {
        (0..columns.len())
            .map(|at| row.get(at))
            .collect::<Result<Vec<Value>, _>>()
    })?;
    let tags = query_all(
        db,
        "SELECT tag FROM run_tags WHERE run = ?",
        [run.0],
        |row| Ok(row.get(0)?),
    )?;
    let mut tables = Vec::new();
    for name in TABLES {
        if name != "checkpoints" || files != CheckpointFiles::Leave {
            tables.push(take_table(db, run, name)?);
        }
    }
    let mut checkpoints = Vec::new();
    if files != CheckpointFiles::Leave {
        tables.push(take_table(db, run, ASIDE_CHECKPOINTS)?);
        for table in ["checkpoints", ASIDE_CHECKPOINTS] {
            let sql = format!("SELECT path, bytes, wall FROM {table} WHERE run = ?");
            checkpoints.extend(query_all(db, &sql, [run.0], |row| {
                let path: String = row.get(0)?;
                Ok((PathBuf::from(path), row.get(1)?, row.get(2)?))
            })?);
        }
    }
    Ok(Taken {
        head: head(db, run)?,
        row: columns.into_iter().zip(values).collect(),
        tags,
        tables,
        checkpoints,
    })
}

fn take_table(db: &Connection, run: RunId, name: &'static str) -> Result<Table, Fault> {
    let all = columns_of(db, name, &["run", "id"])?;
    let (keyed, columns): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|column| column == "key");
    let of_key = match keyed.is_empty() {
        true => "",
        false => ", metric_keys.stage, metric_keys.name",
    };
    let join = match keyed.is_empty() {
        true => "",
        false => "JOIN metric_keys ON metric_keys.id = own.key",
    };
    let own: Vec<String> = columns
        .iter()
        .map(|column| format!("own.{column}"))
        .collect();
    let sql = format!(
        "SELECT {}{of_key} FROM {name} AS own {join} WHERE own.run = ? ORDER BY own.rowid",
        own.join(", ")
    );
    // Tables without rowid have their rows in the order of their keys.
    let sql = match is_without_rowid(db, name)? {
        true => sql.replace(" ORDER BY own.rowid", ""),
        false => sql,
    };
    let mut table = Table {
        name,
        columns,
        rows: Vec::new(),
        keys: Vec::new(),
    };
    let count = table.columns.len();
    let mut query = db.prepare(&sql)?;
    let mut rows = query.query([run.0])?;
    while let Some(row) = rows.next()? {
        let values = (0..count).map(|at| row.get(at));
        table.rows.push(values.collect::<Result<_, _>>()?);
        if !keyed.is_empty() {
            table.keys.push((row.get(count)?, row.get(count + 1)?));
        }
    }
    Ok(table)
}

fn is_without_rowid(db: &Connection, table: &str) -> Result<bool, Fault> {
    let sql = "SELECT wr FROM pragma_table_list WHERE name = ? AND schema = 'main'";
    Ok(db.query_row(sql, [table], |row| row.get(0))?)
}

/// Copies the files of a run but for its lock. Checkpoints that are here as they are there stay.
fn copy_run(
    from: &Path,
    to: &Path,
    taken: &Taken,
    files: CheckpointFiles,
) -> Result<(), StoreError> {
    let failed = |source: io::Error, path: &Path| StoreError::File {
        path: path.to_path_buf(),
        doing: "cannot be taken over",
        source,
    };
    let checkpoints = Path::new(crate::checkpoint::FOLDER);
    for path in folder(from).map_err(|error| failed(error, from))? {
        let Some(name) = path.file_name() else {
            continue;
        };
        if name != "lock" && name != checkpoints.as_os_str() {
            copy(&path, &to.join(name), false).map_err(|error| failed(error, &path))?;
        }
    }
    for (path, ..) in &taken.checkpoints {
        let (source, target) = (from.join(path), to.join(path));
        if is_same(&source, &target) || !source.exists() {
            // One that is missing there is missing here too, and says so when it is asked for.
            continue;
        }
        let unfinished = unfinished(&target);
        let whole = || {
            clear(&unfinished)?;
            copy(&source, &unfinished, files == CheckpointFiles::Link)?;
            clear(&target)?;
            fs::rename(&unfinished, &target)
        };
        whole().map_err(|error| failed(error, &source))?;
    }
    Ok(())
}

fn folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Named so that it counts as what an interrupted checkpoint left.
fn unfinished(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!("{}{name}", crate::checkpoint::NEW))
}

/// Whether two checkpoints have the same manifest, which has the checksum of every file.
fn is_same(one: &Path, other: &Path) -> bool {
    let manifest = |path: &Path| fs::read(path.join(crate::checkpoint::MANIFEST)).ok();
    manifest(one).is_some_and(|own| manifest(other) == Some(own))
}

fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a file or a folder, its files by a second name if `link`ed and possible.
fn copy(from: &Path, to: &Path, link: bool) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for path in folder(from)? {
            if let Some(name) = path.file_name() {
                copy(&path, &to.join(name), link)?;
            }
        }
        return Ok(());
    }
    if link && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::open(to)?.sync_all()
}
