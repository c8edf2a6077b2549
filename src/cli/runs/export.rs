//! `emprl runs export`: a run's curves, events and results for other programs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::{Failure, Place};
use crate::engine::results_to_json;
use crate::report::Sheet;
use crate::report::tensorboard::EventWriter;
use crate::store::{KeySummary, RunId, StoreReader};

#[derive(Debug, clap::Args)]
pub struct Export {
    run: RunId,
    #[arg(long, value_enum)]
    format: Format,
    /// Folder to write to, made if it is not there; files that are there are not written over
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// metrics.csv (stage, metric, step, value, wall time) and results.csv
    Csv,
    /// metrics.jsonl, events.jsonl and run.json
    Jsonl,
    /// One event file, as TensorBoard reads it
    Tensorboard,
}

struct Exported {
    files: Vec<PathBuf>,
    points: u64,
}

impl Export {
    pub fn carry_out(self, place: &Place) -> Result<(), Failure> {
        let reader = StoreReader::open(&place.store)?;
        let keys = reader.run(self.run).and_then(|_| reader.keys(self.run))?;
        fs::create_dir_all(&self.dir).map_err(|error| at(&self.dir, error))?;
        let done = match self.format {
            Format::Csv => csv(&reader, self.run, &keys, &self.dir),
            Format::Jsonl => jsonl(&reader, self.run, &keys, &self.dir),
            Format::Tensorboard => tensorboard(&reader, self.run, &keys, &self.dir),
        }?;
        if place.out.json {
            return place.out.document(&json!({
                "run": self.run, "files": done.files, "points": done.points,
            }));
        }
        let files = done
            .files
            .iter()
            .map(|file| format!("{}\n", file.display()));
        place.out.text(&format!(
            "{}{} points.\n",
            files.collect::<String>(),
            done.points
        ))
    }
}

/// Why a file was not written.
pub(super) fn at(path: &Path, error: io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::AlreadyExists => "is there already; choose another place".to_string(),
        _ => format!("cannot be written ({error})"),
    };
    Failure::Failed(format!("{}: {why}", path.display()))
}

/// A file that was not there.
pub(super) fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    let file = File::create_new(path).map_err(|error| at(path, error))?;
    Ok(BufWriter::new(file))
}

fn create_in(dir: &Path, name: &str) -> Result<(PathBuf, BufWriter<File>), Failure> {
    let path = dir.join(name);
    let file = create(&path)?;
    Ok((path, file))
}

fn write(dir: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let (path, mut file) = create_in(dir, name)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
    written.map_err(|error| at(&path, error))?;
    Ok(path)
}

/// A number as text that other programs read: Rust's `NaN` and `inf` are common ones.
fn number(value: f64) -> String {
    value.to_string()
}

fn csv(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
) -> Result<Exported, Failure> {
    let (path, mut file) = create_in(dir, "metrics.csv")?;
    let mut points = 0;
    let mut lines = |file: &mut BufWriter<File>| -> Result<(), Failure> {
        let failed = |error| at(&path, error);
        writeln!(file, "run,stage,metric,step,value,wall_ms").map_err(failed)?;
        for key in keys {
            let (stage, name) = (key.key.stage.key(), &key.key.name);
            for (step, value, wall_ms) in reader.series(run, &key.key, None)? {
                points += 1;
                writeln!(
                    file,
                    "{run},{stage},{name},{step},{},{wall_ms}",
                    number(value)
                )
                .map_err(failed)?;
            }
        }
        file.flush().map_err(failed)
    };
    lines(&mut file)?;
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
            for (name, figure) in figures.iter().filter(|(_, figure)| figure.is_object()) {
                let part = |part: &str| figure[part].to_string();
                sheet.row([
                    row.system.clone(),
                    row.split.clone(),
                    row.n.to_string(),
                    name.clone(),
                    part("value"),
                    part("low"),
                    part("high"),
                ]);
            }
        }
        files.push(write(dir, "results.csv", &sheet.csv())?);
    }
    Ok(Exported { files, points })
}

fn jsonl(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
) -> Result<Exported, Failure> {
    let (path, mut file) = create_in(dir, "metrics.jsonl")?;
    let failed = |error| at(&path, error);
    let mut points = 0;
    for key in keys {
        for (step, value, wall_ms) in reader.series(run, &key.key, None)? {
            points += 1;
            // JSON has no word for numbers that are none.
            let value = if value.is_finite() {
                json!(value)
            } else {
                json!(number(value))
            };
            let line = json!({
                "run": run, "stage": key.key.stage.key(), "metric": key.key.name,
                "step": step, "value": value, "wall_ms": wall_ms,
            });
            writeln!(file, "{line}").map_err(failed)?;
        }
    }
    file.flush().map_err(failed)?;
    let mut text = String::new();
    for event in reader.events(run)? {
        text += &format!(
            "{}\n",
            serde_json::to_string(&event).map_err(io::Error::from)?
        );
    }
    let events = write(dir, "events.jsonl", &text)?;
    let mut document = serde_json::to_value(reader.run(run)?).map_err(io::Error::from)?;
    document["results"] = results_to_json(&reader.results(run)?);
    let run_file = write(dir, "run.json", &format!("{document:#}\n"))?;
    Ok(Exported {
        files: vec![path.clone(), events, run_file],
        points,
    })
}

fn tensorboard(
    reader: &StoreReader,
    run: RunId,
    keys: &[KeySummary],
    dir: &Path,
) -> Result<Exported, Failure> {
    let started = reader.run(run)?.row.started;
    let name = format!("events.out.tfevents.{}.emprl.run{run}", started / 1000);
    let (path, file) = create_in(dir, &name)?;
    let failed = |error| at(&path, error);
    // Every stage counts its own steps: a metric of two stages becomes two curves.
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys {
        *stages.entry(&key.key.name).or_default() += 1;
    }
    let mut writer = EventWriter::new(file, started).map_err(failed)?;
    let mut points = 0;
    for key in keys {
        let name = &key.key.name;
        let tag = match stages.get(name.as_str()) {
            Some(1) => name.clone(),
            _ => format!("{name}/{}", key.key.stage.key()),
        };
        for (step, value, wall_ms) in reader.series(run, &key.key, None)? {
            points += 1;
            writer.scalar(wall_ms, step, &tag, value).map_err(failed)?;
        }
    }
    writer.finish().map_err(failed)?;
    Ok(Exported {
        files: vec![path.clone()],
        points,
    })
}
