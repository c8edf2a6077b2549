//! trackio's databases: one file a project, with a row of JSON for each time a run logged.
//!
//! Read on a connection that cannot write. Older versions have no `run_id`; a run is then known by its name.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};
use serde_json::Value;

use super::line::{self, Line};
use super::rows::Unused;
use super::{LoggedNote, LoggedRun, Tracker, TrackerError, counted, moment, stem};
use crate::experiment::Severity;

/// All runs of a project; None where the database is not one of trackio's.
///
/// # Errors
/// It cannot be read, or a table is not as trackio makes it.
pub(super) fn read(path: &Path) -> Result<Option<Vec<LoggedRun>>, TrackerError> {
    let wrong = |error: rusqlite::Error| {
        TrackerError::broken(path, format!("this database cannot be read ({error})"))
    };
    let db = open(path).map_err(wrong)?;
    let columns = columns_of(&db, "metrics").map_err(wrong)?;
    let is_trackio = ["run_name", "step", "metrics", "timestamp"]
        .iter()
        .all(|needed| columns.iter().any(|column| column == needed));
    if !is_trackio {
        return Ok(None);
    }
    let mut runs = Runs {
        project: stem(path),
        all: BTreeMap::new(),
    };
    runs.metrics(&db, &columns).map_err(wrong)?;
    runs.settings(&db).map_err(wrong)?;
    runs.alerts(&db).map_err(wrong)?;
    runs.left_out(&db).map_err(wrong)?;
    let mut found: Vec<LoggedRun> = runs.all.into_values().collect();
    for run in &mut found {
        run.files.push(path.to_path_buf());
    }
    Ok(Some(found))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let reading = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let readable = |db: &Connection| {
        let sql = "SELECT count(*) FROM sqlite_schema";
        db.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    let db = Connection::open_with_flags(path, reading)?;
    if readable(&db).is_ok() {
        return Ok(db);
    }
    // In a folder that cannot be written, its log cannot be shared: then it is read as it lies.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let escaped = whole
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let db = Connection::open_with_flags(
        format!("file:{escaped}?immutable=1"),
        reading | OpenFlags::SQLITE_OPEN_URI,
    )?;
    readable(&db)?;
    Ok(db)
}

/// The columns of a table; none where it is not there.
fn columns_of(db: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare("SELECT name FROM pragma_table_info(?)")?;
    query.query_map([table], |row| row.get(0))?.collect()
}

struct Runs {
    project: String,
    /// By what identifies each.
    all: BTreeMap<String, LoggedRun>,
}

impl Runs {
    fn metrics(&mut self, db: &Connection, columns: &[String]) -> rusqlite::Result<()> {
        let id = id_of(columns);
        let sql =
            format!("SELECT {id}, run_name, step, timestamp, metrics FROM metrics ORDER BY rowid");
        let mut query = db.prepare(&sql)?;
        let mut rows = query.query([])?;
        let mut unused: BTreeMap<String, Unused> = BTreeMap::new();
        let mut broken: BTreeMap<String, usize> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (id, name) = (text(row, 0)?, text(row, 1)?);
            let step = row
                .get::<_, Option<i64>>(2)?
                .and_then(|step| u64::try_from(step).ok());
            let wall_ms = moment::of_text(&text(row, 3)?);
            let logged = line::value_of(&text(row, 4)?);
            let project = self.project.clone();
            let run = self.all.entry(id.clone()).or_insert_with(|| {
                let mut run = LoggedRun::new(Tracker::Trackio, &name);
                run.key = format!("trackio {project} {id}");
                run.project = Some(project);
                run
            });
            let (Some(step), Ok(Value::Object(fields))) = (step, logged) else {
                *broken.entry(id).or_default() += 1;
                continue;
            };
            let mut line = Line::default();
            for (name, value) in fields {
                line::add(name, value, &mut line);
            }
            for (name, value) in line.values {
                run.push(&name, (step, value, wall_ms));
            }
            unused.entry(id).or_default().add(line.unused);
        }
        for (id, unused) in unused {
            if let Some(run) = self.all.get_mut(&id) {
                run.remarks.extend(unused.remark());
            }
        }
        for (id, rows) in broken {
            if let Some(run) = self.all.get_mut(&id) {
                let rows = counted(rows, "row is", "rows are");
                run.remarks
                    .push(format!("{rows} not as trackio writes them, and left out"));
            }
        }
        Ok(())
    }

    fn settings(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let columns = columns_of(db, "configs")?;
        if columns.is_empty() {
            return Ok(());
        }
        let id = id_of(&columns);
        let mut query = db.prepare(&format!("SELECT {id}, config FROM configs ORDER BY rowid"))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (id, config) = (text(row, 0)?, text(row, 1)?);
            if let Some(run) = self.all.get_mut(&id)
                && let Ok(Value::Object(fields)) = line::value_of(&config)
            {
                // Its own begin with an underscore: who logged, and when.
                let fields = fields.into_iter();
                run.settings
                    .extend(fields.filter(|(name, _)| !name.starts_with('_')));
            }
        }
        Ok(())
    }

    fn alerts(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let columns = columns_of(db, "alerts")?;
        if !columns.iter().any(|column| column == "title") {
            return Ok(());
        }
        let id = id_of(&columns);
        let sql =
            format!("SELECT {id}, timestamp, title, text, level, step FROM alerts ORDER BY rowid");
        let mut query = db.prepare(&sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (title, more) = (text(row, 2)?, text(row, 3)?);
            let step = row.get::<_, Option<i64>>(5)?;
            let note = LoggedNote {
                step: step
                    .and_then(|step| u64::try_from(step).ok())
                    .unwrap_or_default(),
                wall_ms: moment::of_text(&text(row, 1)?),
                severity: match text(row, 4)?.as_str() {
                    "info" => Severity::Info,
                    "error" => Severity::Alert,
                    _ => Severity::Warning,
                },
                text: match more.as_str() {
                    "" => title,
                    more => format!("{title}: {more}"),
                },
            };
            if let Some(run) = self.all.get_mut(&text(row, 0)?) {
                run.note(note);
            }
        }
        Ok(())
    }

    /// Says what is there and has no place here.
    fn left_out(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let columns = columns_of(db, "system_metrics")?;
        if columns.is_empty() {
            return Ok(());
        }
        let id = id_of(&columns);
        let sql = format!("SELECT {id}, count(*) FROM system_metrics GROUP BY 1");
        let mut query = db.prepare(&sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(run) = self.all.get_mut(&text(row, 0)?) {
                let rows = counted(row.get::<_, i64>(1)?.max(0) as usize, "row", "rows");
                let words = format!(
                    "{rows} of the machine's metrics left out: they have times, but no steps"
                );
                run.remarks.push(words);
            }
        }
        Ok(())
    }
}

/// The column that tells runs apart.
fn id_of(columns: &[String]) -> &'static str {
    match columns.iter().any(|column| column == "run_id") {
        true => "run_id",
        false => "run_name",
    }
}

/// A text, which newer versions keep as bytes; empty where there is none.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => String::new(),
    })
}
