//! Runs that other programs logged, taken into the store: from TensorBoard, trackio, W&B and Transformers.
//!
//! A run is known by what its program wrote first, not by where its files lie: imported again it is the same run, which
//! gets what is new.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::record::RecordedAs;
use super::{OnProgress, OperationError, Progress, reader_if_present};
use crate::data::regular_file::open_regular_file;
use crate::experiment::{EventKind, RecordedSettings, Report, RunStatus, Stage};
use crate::metrics::declared::{recorded_key, shown_key};
use crate::store::{MetricKey, RunId, Store, StoreError, StoreReader, now_ms};
use crate::trackers::{self, LoggedPoint, LoggedRun, Tracker};

/// Points that are written in one transaction, so that others may write between.
const BATCH: usize = 10_000;

/// What an import does, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The run is new here.
    Added,
    /// It was here, and got what it did not have.
    Updated,
    /// It was here as it is there.
    Known,
}

/// A run that was found, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedRun {
    /// Its number here; none where it is new and nothing was imported.
    pub run: Option<RunId>,
    pub outcome: Outcome,
    pub name: String,
    pub experiment: String,
    pub from: Tracker,
    pub files: Vec<PathBuf>,
    pub metrics: usize,
    pub points: usize,
    pub nonfinite: usize,
    pub last_step: u64,
    pub settings: usize,
    /// Whether its file ends in the middle, so that it counts as interrupted.
    pub cut: bool,
    /// What was not taken as it is, in sentences.
    pub remarks: Vec<String>,
}

/// Imports all runs in a file, or in a folder and the folders in it; with `dry` it only says what it would do.
///
/// # Errors
/// Nothing of another program is there or it cannot be read; a run of the same name is here with other values; the store
/// cannot be written. Runs before that one are imported.
pub fn import(
    store: &Path,
    path: &Path,
    of: &RecordedAs,
    dry: bool,
    on_progress: OnProgress<'_>,
) -> Result<Vec<ImportedRun>, OperationError> {
    of.check()?;
    let runs = trackers::read(path)?;
    if of.name.is_some() && runs.len() > 1 {
        return Err(OperationError::OneNameForMany { runs: runs.len() });
    }
    let mut writer = match dry {
        true => None,
        false => Some(Store::open(store)?.writable()?),
    };
    let count = runs.len();
    let mut imported = Vec::new();
    for (done, run) in runs.into_iter().enumerate() {
        let progress = Progress {
            doing: "Importing runs",
            done,
            of: count,
        };
        if on_progress(progress).is_break() {
            return Err(OperationError::ImportStopped {
                imported: imported.len(),
                of: count,
            });
        }
        let found = Found::new(run, of);
        let reader = reader_if_present(store)?;
        let here = reader
            .map(|reader| found.here(&reader))
            .transpose()?
            .flatten();
        imported.push(match &mut writer {
            None => found.described(here.as_ref().map(|here| here.run), here.as_ref()),
            Some(writer) => found.write(writer, here, of)?,
        });
    }
    Ok(imported)
}

/// A run that was found, by the keys of its metrics.
struct Found {
    run: LoggedRun,
    uid: String,
    name: String,
    experiment: String,
    settings: RecordedSettings,
    /// In order of the steps, the last value of each.
    series: BTreeMap<String, BTreeMap<u64, (f64, Option<i64>)>>,
}

/// Points by the keys of their metrics.
type Missing = HashMap<String, Vec<LoggedPoint>>;

/// The same run as it is here.
struct Here {
    run: RunId,
    status: RunStatus,
    /// Points that it does not have, by metric.
    missing: Missing,
    settings: RecordedSettings,
    fingerprints: BTreeMap<String, String>,
}

impl Found {
    fn new(mut run: LoggedRun, of: &RecordedAs) -> Found {
        let own = of.new_run(&run.name, &experiment_of(&run));
        // Names are all that plots of W&B say of runs.
        let key = match run.tracker {
            Tracker::Wandb => format!("{} in {}", run.key, own.experiment),
            _ => run.key.clone(),
        };
        let digest = Sha256::digest(format!("emprl runs import {key}"));
        let hex = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
        let mut settings = RecordedSettings::default();
        let left_out = settings.add(&run.settings);
        if left_out > 0 {
            run.remarks.push(format!(
                "{left_out} settings are too many or have names that are none, and are left out"
            ));
        }
        let mut series: BTreeMap<String, BTreeMap<u64, (f64, Option<i64>)>> = BTreeMap::new();
        let mut nameless = 0;
        for (name, points) in std::mem::take(&mut run.series) {
            let Some(key) = recorded_key(&name) else {
                nameless += 1;
                continue;
            };
            let own = series.entry(key).or_default();
            own.extend(
                points
                    .into_iter()
                    .map(|(step, value, wall_ms)| (step, (value, wall_ms))),
            );
        }
        if nameless > 0 {
            run.remarks.push(format!(
                "{nameless} metrics have names that are none, and are left out"
            ));
        }
        if run.moments().is_none()
            && !series
                .values()
                .any(|of| of.values().any(|of| of.1.is_some()))
        {
            let words = "its files say no times: all values have that of the import";
            run.remarks.push(words.to_string());
        }
        Found {
            uid: hex.collect(),
            name: own.name,
            experiment: own.experiment,
            settings,
            series,
            run,
        }
    }

    fn points(&self) -> usize {
        self.series.values().map(BTreeMap::len).sum()
    }

    fn last_step(&self) -> u64 {
        let last = self.series.values().filter_map(|of| of.keys().next_back());
        last.max().copied().unwrap_or_default()
    }

    /// The run in this store, if it is here.
    fn here(&self, reader: &StoreReader) -> Result<Option<Here>, OperationError> {
        let Some(run) = reader.run_called(&self.uid)? else {
            return Ok(None);
        };
        let detail = reader.run(run)?;
        if detail.row.deleted.is_some() {
            return Err(StoreError::Deleted { run }.into());
        }
        let mut missing = HashMap::new();
        for (name, points) in &self.series {
            let key = MetricKey {
                stage: Stage::Recorded,
                name: name.clone(),
            };
            let known = reader.series(run, &key, None)?;
            let known: HashMap<u64, f64> = known
                .into_iter()
                .map(|(step, value, _)| (step, value))
                .collect();
            let mut lacking = Vec::new();
            for (&step, &(value, wall_ms)) in points {
                match known.get(&step) {
                    Some(known) if same(*known, value) => {}
                    // What has no moment may be of another run of that name.
                    Some(_) if self.run.tracker == Tracker::Wandb && wall_ms.is_none() => {
                        return Err(OperationError::OtherValues {
                            run,
                            name: self.name.clone(),
                            metric: shown_key(name).to_string(),
                            step,
                        });
                    }
                    _ => lacking.push((step, value, wall_ms)),
                }
            }
            if !lacking.is_empty() {
                missing.insert(name.clone(), lacking);
            }
        }
        Ok(Some(Here {
            run,
            status: detail.row.status,
            missing,
            settings: RecordedSettings::from_toml(&detail.config_toml).unwrap_or_default(),
            fingerprints: detail.fingerprints,
        }))
    }

    fn status(&self) -> RunStatus {
        match self.run.cut {
            true => RunStatus::Interrupted,
            false => RunStatus::Finished,
        }
    }

    fn outcome(&self, here: Option<&Here>) -> Outcome {
        match here {
            None => Outcome::Added,
            Some(here) if here.missing.is_empty() && here.status == self.status() => Outcome::Known,
            Some(_) => Outcome::Updated,
        }
    }

    fn described(&self, run: Option<RunId>, here: Option<&Here>) -> ImportedRun {
        let values = self.series.values().flat_map(BTreeMap::values);
        ImportedRun {
            run,
            outcome: self.outcome(here),
            name: self.name.clone(),
            experiment: self.experiment.clone(),
            from: self.run.tracker,
            files: self.run.files.clone(),
            metrics: self.series.len(),
            points: self.points(),
            nonfinite: values.filter(|(value, _)| !value.is_finite()).count(),
            last_step: self.last_step(),
            settings: self.settings.len(),
            cut: self.run.cut,
            remarks: self.run.remarks.clone(),
        }
    }

    /// Writes what is not here yet.
    fn write(
        mut self,
        store: &mut Store,
        here: Option<Here>,
        of: &RecordedAs,
    ) -> Result<ImportedRun, OperationError> {
        let outcome = self.outcome(here.as_ref());
        if let (Outcome::Known, Some(here)) = (&outcome, &here) {
            return Ok(self.described(Some(here.run), Some(here)));
        }
        let (began, ended) = self.moments();
        let is_new = here.is_none();
        let mut files = BTreeMap::new();
        let (lock, missing) = match here {
            None => {
                let new = of.new_run(&self.name, &self.experiment);
                let lock = store.create_recorded_run(&new, &self.uid, began)?;
                if !of.tags.is_empty() {
                    store.tag(lock.run(), &of.tags, &[])?;
                }
                let all = self.series.iter();
                let points = |points: &BTreeMap<u64, (f64, Option<i64>)>| {
                    let points = points.iter();
                    points
                        .map(|(step, (value, wall_ms))| (*step, *value, *wall_ms))
                        .collect()
                };
                (
                    lock,
                    all.map(|(name, of)| (name.clone(), points(of))).collect(),
                )
            }
            Some(here) => {
                let lock = store.hold_run(here.run)?;
                let mut settings = here.settings;
                settings.extend(&self.settings);
                self.settings = settings;
                files = here.fingerprints;
                (lock, here.missing)
            }
        };
        let run = lock.run();
        let seed = self
            .settings
            .whole("seed")
            .filter(|_| of.seed.is_none() && is_new);
        for path in &self.run.files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.insert(name.into_owned(), digest_of(path)?);
        }
        store.set_beginning(run, &self.settings.to_toml(), seed, &files)?;
        let reports = self.reports(&missing, began, is_new);
        for batch in reports.chunks(BATCH) {
            store.record(run, batch)?;
        }
        let why = self
            .run
            .cut
            .then_some("its file ends in the middle: it was still being written, or was cut off");
        store.set_status(run, self.status(), why, ended)?;
        Ok(ImportedRun {
            outcome,
            ..self.described(Some(run), None)
        })
    }

    /// When the run began and ended: as it says, else now.
    fn moments(&self) -> (i64, i64) {
        let of_points = self
            .series
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|of| of.1);
        let of_notes = self.run.notes.iter().filter_map(|note| note.wall_ms);
        let mut all = of_points.chain(of_notes);
        let now = now_ms();
        match all.next() {
            None => (now, now),
            Some(first) => all.fold((first, first), |(least, most), at| {
                (least.min(at), most.max(at))
            }),
        }
    }

    /// What is to be recorded, in the order of the steps.
    fn reports(&self, missing: &Missing, began: i64, is_new: bool) -> Vec<(i64, Report)> {
        let mut steps: BTreeMap<(u64, i64), Vec<(String, f64)>> = BTreeMap::new();
        for (name, points) in missing {
            for (step, value, wall_ms) in points {
                let at = (*step, wall_ms.unwrap_or(began));
                steps.entry(at).or_default().push((name.clone(), *value));
            }
        }
        let total = self.last_step();
        let mut reports = Vec::new();
        let event = |step, wall_ms, kind| {
            let at = Some((Stage::Recorded, step));
            (wall_ms, Report::Event { at, kind })
        };
        if is_new {
            let first = steps.keys().next().map_or(0, |(step, _)| *step);
            reports.push(event(first, began, EventKind::StageBegun { total }));
            for note in &self.run.notes {
                let (severity, text) = (note.severity, note.text.clone());
                let kind = EventKind::Note { severity, text };
                reports.push(event(note.step, note.wall_ms.unwrap_or(began), kind));
            }
        }
        reports.extend(steps.into_iter().map(|((step, wall_ms), values)| {
            let report = Report::Metrics {
                stage: Stage::Recorded,
                step,
                total,
                values,
            };
            (wall_ms, report)
        }));
        reports
    }
}

/// What tells a file from every other.
fn digest_of(path: &Path) -> Result<String, OperationError> {
    let mut digest = Sha256::new();
    let mut file = open_regular_file(path).map_err(OperationError::read(path))?;
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part).map_err(OperationError::read(path))? {
            0 => break,
            count => digest.update(&part[..count]),
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// What a run belongs to where a person says nothing.
fn experiment_of(run: &LoggedRun) -> String {
    run.project
        .clone()
        .unwrap_or_else(|| run.tracker.title().to_string())
}

/// Whether two values are one, as NaN is with itself.
fn same(one: f64, other: f64) -> bool {
    (one.is_nan() && other.is_nan()) || one == other
}
