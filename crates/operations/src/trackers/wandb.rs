//! What people take out of W&B: a plot as CSV, and a run's history as CSV or JSON. A `Trainer`'s own history, which is a
//! JSON of the same rows, is read here too.
//!
//! ```text
//! a plot     Step, "run - metric", "run - metric__MIN", "run - metric__MAX", … for each run
//! a history  _step, _timestamp and the metrics; one run, named as the file
//! ```

use std::path::Path;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{LoggedRun, Tracker, TrackerError, counted, line, rows, stem, text_of};

/// Between the name of a run and that of a metric in a plot.
const BETWEEN: &str = " - ";
/// Of a point that stands for several steps, which are not logged values.
const BOUNDS: [&str; 2] = ["__MIN", "__MAX"];
const STEP: &str = "_step";

/// The runs in a CSV file; None where it is none of W&B's.
///
/// # Errors
/// It cannot be read, or its rows are not of one length.
pub(super) fn table(path: &Path) -> Result<Option<Vec<LoggedRun>>, TrackerError> {
    let text = text_of(path)?;
    let mut table = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let Ok(heads) = table.headers().cloned() else {
        return Ok(None);
    };
    let heads: Vec<String> = heads.iter().map(str::to_string).collect();
    if heads.iter().any(|head| head == STEP) {
        let rows = records(path, &mut table)?;
        let rows = rows.iter().map(|row| row_of(&heads, row)).collect();
        return Ok(Some(vec![history(path, Tracker::Wandb, &stem(path), rows)]));
    }
    let is_plot = heads.len() > 1 && heads[1..].iter().all(|head| head.contains(BETWEEN));
    match is_plot {
        true => Ok(Some(plot(path, &heads, &records(path, &mut table)?))),
        false => Ok(None),
    }
}

fn records(
    path: &Path,
    table: &mut csv::Reader<&[u8]>,
) -> Result<Vec<csv::StringRecord>, TrackerError> {
    let rows = table.records().collect::<Result<Vec<_>, _>>();
    rows.map_err(|error| TrackerError::broken(path, format!("the table cannot be read: {error}")))
}

/// A row of a history as an object; an empty cell is not set.
fn row_of(heads: &[String], row: &csv::StringRecord) -> Map<String, Value> {
    let cells = heads
        .iter()
        .zip(row)
        .filter(|(head, cell)| !head.is_empty() && !cell.is_empty());
    let value = |cell: &str| match cell.parse::<f64>() {
        Ok(number) => {
            let number = serde_json::Number::from_f64(number).map(Value::Number);
            number.unwrap_or_else(|| Value::String(shown(cell)))
        }
        Err(_) => Value::String(cell.to_string()),
    };
    cells
        .map(|(head, cell)| (head.clone(), value(cell)))
        .collect()
}

/// A number that is not finite, as [`line::number`] reads it.
fn shown(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(number) if number == f64::INFINITY => "Infinity",
        Ok(number) if number == f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
    .to_string()
}

/// The runs of a plot: each has some columns.
fn plot(path: &Path, heads: &[String], records: &[csv::StringRecord]) -> Vec<LoggedRun> {
    let mut runs: Vec<LoggedRun> = Vec::new();
    let mut bad_steps = 0;
    for (column, head) in heads.iter().enumerate().skip(1) {
        let Some((name, metric)) = head.rsplit_once(BETWEEN) else {
            continue;
        };
        // The x axis of W&B itself, and what belongs to a point.
        if BOUNDS.iter().any(|end| metric.ends_with(end)) || metric == STEP {
            continue;
        }
        let at = runs
            .iter()
            .position(|run| run.name == name)
            .unwrap_or_else(|| {
                let mut run = LoggedRun::new(Tracker::Wandb, name);
                // Plots are files of their own, and a plot saved again is longer: the name is all that stays.
                run.key = format!("wandb {name}");
                run.files.push(path.to_path_buf());
                runs.push(run);
                runs.len() - 1
            });
        for record in records {
            let Some(cell) = record.get(column).filter(|cell| !cell.trim().is_empty()) else {
                continue;
            };
            let step = record
                .get(0)
                .and_then(|cell| cell.trim().parse::<f64>().ok());
            let step = step.filter(|step| *step >= 0.0 && step.fract() == 0.0 && *step < 9e15);
            match (step, cell.trim().parse::<f64>()) {
                (Some(step), Ok(value)) => runs[at].push(metric, (step as u64, value, None)),
                _ => bad_steps += 1,
            }
        }
    }
    if let (true, Some(first)) = (bad_steps > 0, runs.first_mut()) {
        let cells = counted(bad_steps, "cell is", "cells are");
        let axis = &heads[0];
        first.remarks.push(format!(
            "{cells} no number, or at no whole {axis} from 0 on, and left out; export the plot over steps"
        ));
    }
    runs
}

/// The run in a JSON file: rows one a line, in a list, or the history of a `Trainer`; None where it is none of these.
///
/// # Errors
/// It cannot be read.
pub(super) fn json(path: &Path) -> Result<Option<Vec<LoggedRun>>, TrackerError> {
    let text = text_of(path)?;
    let object = |value: Value| match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    };
    let whole = line::value_of(text.trim());
    let (tracker, rows): (_, Vec<Map<String, Value>>) = match whole {
        Ok(Value::Object(mut state)) => match state.remove("log_history") {
            Some(Value::Array(rows)) => {
                let rows: Vec<_> = rows.into_iter().filter_map(object).collect();
                (Tracker::Transformers, rows)
            }
            _ => (Tracker::Wandb, vec![state]),
        },
        Ok(Value::Array(rows)) => (
            Tracker::Wandb,
            rows.into_iter().filter_map(object).collect(),
        ),
        Ok(_) => return Ok(None),
        Err(_) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let rows = lines.map(|line| line::value_of(line).ok().and_then(object));
            match rows.collect::<Option<Vec<_>>>() {
                Some(rows) => (Tracker::Wandb, rows),
                None => return Ok(None),
            }
        }
    };
    let has_step = |row: &Map<String, Value>| match tracker {
        Tracker::Wandb => row.contains_key(STEP),
        _ => row.contains_key("step"),
    };
    if !rows.iter().any(has_step) {
        return Ok(None);
    }
    let name = match (tracker, stem(path)) {
        (Tracker::Transformers, name) if name == "trainer_state" => {
            name_of_trainer(path).unwrap_or(name)
        }
        (_, name) => name,
    };
    Ok(Some(vec![history(path, tracker, &name, rows)]))
}

/// What the folder of a `Trainer` is called; each of its checkpoints has a history.
fn name_of_trainer(path: &Path) -> Option<String> {
    let whole = path.canonicalize().ok()?;
    let folder = whole.parent()?;
    let of_checkpoint = folder
        .file_name()?
        .to_string_lossy()
        .starts_with("checkpoint-");
    let folder = if of_checkpoint {
        folder.parent()?
    } else {
        folder
    };
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

/// One run from its rows, known by the first of them, and by its name where that does not say when it was.
fn history(path: &Path, tracker: Tracker, name: &str, rows: Vec<Map<String, Value>>) -> LoggedRun {
    let mut run = LoggedRun::new(tracker, name);
    let first = rows.first().cloned().unwrap_or_default();
    let known = if first.contains_key("_timestamp") {
        ""
    } else {
        name
    };
    let digest = Sha256::digest(format!("{known}\n{}", Value::Object(first)));
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    run.key = format!("{} {hex}", tracker.title());
    run.files.push(path.to_path_buf());
    // W&B counts what was logged; a step of the training serves where every row has one.
    let of_trainer = rows.iter().all(|row| row.contains_key(line::TRAINER_STEP));
    let step = match (tracker, of_trainer) {
        (Tracker::Transformers, _) => "step",
        (_, true) => line::TRAINER_STEP,
        (_, false) => STEP,
    };
    rows::add(&mut run, rows, step);
    run
}
