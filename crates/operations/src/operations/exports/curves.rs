//! A run's curves, events and results for other programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{CSV_MARK, create, make_folder, write_new};
use crate::engine::results_to_json;
use crate::experiment::{Config, Event, MadeChange, changes_made};
use crate::metrics::declared::shown_key;
use crate::operations::OperationError;
use crate::report::Sheet;
use crate::report::tensorboard::EventWriter;
use crate::store::{KeySummary, RunId, StoreReader};

/// The format of exported curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveFormat {
    /// `metrics.csv` (stage, metric, step, value, wall time) and `results.csv`; `changes.csv` if settings were changed
    /// during the run. With a byte order mark for Excel, which else takes UTF-8 for another encoding.
    Csv { excel: bool },
    /// `metrics.jsonl`, `events.jsonl` and `run.json`.
    Jsonl,
    /// One event file, as TensorBoard reads it.
    Tensorboard,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedCurves {
    pub files: Vec<PathBuf>,
    pub points: u64,
}

/// Writes all curves of a run into a folder, which is created if needed; nothing is overwritten.
///
/// # Errors
/// There is no such run, a file exists already, or the folder cannot be written.
pub fn export_curves(
    reader: &StoreReader,
    run: RunId,
    format: CurveFormat,
    folder: &Path,
) -> Result<ExportedCurves, OperationError> {
    let keys = reader.run(run).and_then(|_| reader.keys(run))?;
    make_folder(folder)?;
    match format {
        CurveFormat::Csv { excel } => {
            let mark = if excel { CSV_MARK } else { "" };
            csv(reader, run, &keys, folder, mark)
        }
        CurveFormat::Jsonl => jsonl(reader, run, &keys, folder),
        CurveFormat::Tensorboard => tensorboard(reader, run, &keys, folder),
    }
}

fn create_in(dir: &Path, name: &str) -> Result<(PathBuf, BufWriter<File>), OperationError> {
    let path = dir.join(name);
    let file = create(&path)?;
    Ok((path, file))
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf, OperationError> {
    let path = dir.join(name);
    write_new(&path, text.as_bytes())?;
    Ok(path)
}

/// Calls `write` with each point (step, value, wall time) of each curve; returns the number of points.
fn write_points(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    path: &Path,
    mut write: impl FnMut(&KeySummary, u64, f64, i64) -> io::Result<()>,
) -> Result<u64, OperationError> {
    let mut points = 0;
    for key in keys {
        for (step, value, wall_ms) in reader.series(run, &key.key, None)? {
            points += 1;
            write(key, step, value, wall_ms).map_err(OperationError::write(path))?;
        }
    }
    Ok(points)
}

fn csv(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
    mark: &str,
) -> Result<ExportedCurves, OperationError> {
    let (path, mut file) = create_in(dir, "metrics.csv")?;
    writeln!(file, "{mark}run,stage,metric,step,value,wall_ms")
        .map_err(OperationError::write(&path))?;
    // Rust's `NaN` and `inf` are what other programs read.
    let points = write_points(reader, run, keys, &path, |key, step, value, wall_ms| {
        let stage = key.key.stage.key();
        let name = csv_cell(shown_key(&key.key.name));
        writeln!(file, "{run},{stage},{name},{step},{value},{wall_ms}")
    })?;
    file.flush().map_err(OperationError::write(&path))?;
    let mut files = vec![path];
    let results = reader.results(run)?;
    if !results.is_empty() {
        let names = ["system", "split", "n", "figure", "value", "low", "high"];
        let heads = names.map(|name| (name.to_string(), false)).to_vec();
        let mut sheet = Sheet::new("", heads);
        for row in &results {
            let document = results_to_json(std::slice::from_ref(row));
            let Some(figures) = document[&row.system].as_object() else {
                continue;
            };
            let mut found = Vec::new();
            for (name, figure) in figures.iter().filter(|(_, figure)| figure.is_object()) {
                add_figures(name, figure, &mut found);
            }
            for (name, [value, low, high]) in found {
                let (system, split) = (row.system.clone(), row.split.clone());
                sheet.row([system, split, row.n.to_string(), name, value, low, high]);
            }
        }
        files.push(write(
            dir,
            "results.csv",
            &(mark.to_string() + &sheet.csv()),
        )?);
    }
    let changes = changes(reader, run)?;
    if !changes.is_empty() {
        let heads = ["run", "setting", "after_step", "value"].map(|name| (name.to_string(), false));
        let mut sheet = Sheet::new("", heads.to_vec());
        for MadeChange { after_step, change } in changes {
            sheet.row([
                run.to_string(),
                change.path().to_string(),
                after_step.to_string(),
                change.value().to_string(),
            ]);
        }
        files.push(write(
            dir,
            "changes.csv",
            &(mark.to_string() + &sheet.csv()),
        )?);
    }
    Ok(ExportedCurves { files, points })
}

/// A name as a cell: another program's may hold anything.
fn csv_cell(name: &str) -> Cow<'_, str> {
    match name.contains([',', '"']) {
        true => Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))),
        false => Cow::Borrowed(name),
    }
}

/// The figures within a part of a result: value and interval, which are empty where there are none.
fn add_figures(name: &str, figure: &Value, found: &mut Vec<(String, [String; 3])>) {
    let cell = |value: &Value| match value {
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    match figure {
        Value::Object(parts) if parts.contains_key("value") => {
            let part = |part: &str| cell(&figure[part]);
            found.push((name.to_string(), ["value", "low", "high"].map(part)));
        }
        Value::Object(parts) => {
            for (part, figure) in parts {
                add_figures(&format!("{name}.{part}"), figure, found);
            }
        }
        Value::Array(parts) => {
            for (at, figure) in parts.iter().enumerate() {
                add_figures(&format!("{name}.{}", at + 1), figure, found);
            }
        }
        Value::Number(_) => found.push((
            name.to_string(),
            [cell(figure), String::new(), String::new()],
        )),
        _ => {}
    }
}

/// The settings changed during the run.
fn changes(reader: &StoreReader, run: RunId) -> Result<Vec<MadeChange>, OperationError> {
    let events = reader.events(run)?;
    Ok(changes_made(events.iter().map(Event::placed)))
}

fn jsonl(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
) -> Result<ExportedCurves, OperationError> {
    let (path, mut file) = create_in(dir, "metrics.jsonl")?;
    let points = write_points(reader, run, keys, &path, |key, step, value, wall_ms| {
        // JSON has no non-finite numbers.
        let value = match value.is_finite() {
            true => json!(value),
            false => json!(value.to_string()),
        };
        let line = json!({
            "run": run, "stage": key.key.stage.key(), "metric": shown_key(&key.key.name),
            "step": step, "value": value, "wall_ms": wall_ms,
        });
        writeln!(file, "{line}")
    })?;
    file.flush().map_err(OperationError::write(&path))?;
    let mut text = String::new();
    for event in reader.events(run)? {
        text += &format!("{}\n", serde_json::to_string(&event)?);
    }
    let events = write(dir, "events.jsonl", &text)?;
    let mut document = serde_json::to_value(reader.run(run)?)?;
    document["changes"] = json!(changes(reader, run)?);
    document["results"] = results_to_json(&reader.results(run)?);
    let run_file = write(dir, "run.json", &format!("{document:#}\n"))?;
    Ok(ExportedCurves {
        files: vec![path, events, run_file],
        points,
    })
}

fn tensorboard(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
) -> Result<ExportedCurves, OperationError> {
    let started = reader.run(run)?.row.started;
    let name = format!("events.out.tfevents.{}.emprl.run{run}", started / 1000);
    let (path, file) = create_in(dir, &name)?;
    // Each stage counts its own steps: a metric of two stages becomes two curves.
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys {
        *stages.entry(&key.key.name).or_default() += 1;
    }
    let mut writer = EventWriter::new(file, started).map_err(OperationError::write(&path))?;
    let points = write_points(reader, run, keys, &path, |key, step, value, wall_ms| {
        let name = shown_key(&key.key.name);
        match stages.get(key.key.name.as_str()) {
            Some(1) => writer.scalar(wall_ms, step, name, value),
            _ => {
                let tag = format!("{name}/{}", key.key.stage.key());
                writer.scalar(wall_ms, step, &tag, value)
            }
        }
    })?;
    for (wall_ms, step, tag, value) in changed_settings(reader, run)? {
        writer
            .scalar(wall_ms, step, &tag, value)
            .map_err(OperationError::write(&path))?;
    }
    writer.finish().map_err(OperationError::write(&path))?;
    let files = vec![path];
    Ok(ExportedCurves { files, points })
}

/// The settings changed during a run as curves: wall time, step, name and value, from the value it was started with.
fn changed_settings(
    reader: &StoreReader,
    run: RunId,
) -> Result<Vec<(i64, u64, String, f64)>, OperationError> {
    let events = reader.events(run)?;
    let made = changes_made(events.iter().map(Event::placed));
    let detail = reader.run(run)?;
    let origin = format!("settings of run {run}");
    // Settings of another version of the program cannot be read: then the first value is left out.
    let settings = Config::from_toml(&origin, &detail.config_toml).map(|config| config.values());
    let settings = settings.unwrap_or_default();
    let mut points = Vec::new();
    for MadeChange { after_step, change } in made {
        let tag = format!("settings/{}", change.path());
        let first = settings
            .get(change.path())
            .and_then(|value| value.as_float());
        if let Some(first) = first.filter(|_| points.iter().all(|(_, _, known, _)| *known != tag)) {
            points.push((detail.row.started, 0, tag.clone(), first));
        }
        let is_it =
            |event: &&Event| event.step == after_step && event.kind.change() == Some(change);
        let event = events.iter().rfind(is_it);
        let wall_ms = event.map_or(detail.row.started, |event| event.wall_ms);
        points.push((wall_ms, after_step, tag, change.value()));
    }
    Ok(points)
}
