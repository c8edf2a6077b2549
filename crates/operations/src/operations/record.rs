//! Another program's run, recorded while it goes on: from lines of JSON into the store.
//!
//! Who calls this reads the lines and decides when what was taken is written; nothing counts as recorded before that.
//! Knows no thread and no terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::OperationError;
use crate::experiment::{
    Environment, EventKind, RecordedSettings, Report, RunStatus, Severity, Stage,
};
use crate::metrics::declared::recorded_key;
use crate::store::{NewRun, RunId, RunLock, Store, StoreError, is_tag, now_ms};
use crate::trackers::line::{self, Finish, Line, LineError};

/// The most metrics of a run: a name for each step would be one.
const MOST_METRICS: usize = 5_000;
/// Where a run was computed, as far as is known here.
pub const DEVICE: &str = "another program";
/// The experiment that runs belong to which say none.
pub const EXPERIMENT: &str = "recorded";

/// How a run is to be called.
#[derive(Clone, Debug, Default)]
pub struct RecordedAs {
    pub name: Option<String>,
    pub experiment: Option<String>,
    /// Else the setting `seed` that the program gives.
    pub seed: Option<u64>,
    pub tags: Vec<String>,
}

impl RecordedAs {
    /// # Errors
    /// A name is empty or has control characters, or a tag is not one word.
    pub(super) fn check(&self) -> Result<(), OperationError> {
        for name in [&self.name, &self.experiment].into_iter().flatten() {
            if name.trim().is_empty() {
                return Err(OperationError::NoRunName);
            }
            if name.contains(char::is_control) {
                return Err(OperationError::RunNameLine);
            }
        }
        match self.tags.iter().find(|tag| !is_tag(tag)) {
            Some(tag) => Err(StoreError::InvalidTag { tag: tag.clone() }.into()),
            None => Ok(()),
        }
    }

    /// The row of the run, before anything is known of it.
    pub(super) fn new_run(&self, name: &str, experiment: &str) -> NewRun {
        NewRun {
            name: self.name.clone().unwrap_or_else(|| name.to_string()),
            experiment: self
                .experiment
                .clone()
                .unwrap_or_else(|| experiment.to_string()),
            seed: self.seed.unwrap_or_default(),
            device: DEVICE.to_string(),
            config_toml: RecordedSettings::default().to_toml(),
            environment: Environment::capture(),
            fingerprints: BTreeMap::new(),
        }
    }
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is to be recorded, all of it.
    Whole,
    /// It is to be recorded but for what these sentences say, each of which is said once.
    But(Vec<String>),
    /// It says nothing.
    PassedOver(LineError),
    /// It says that the run has ended.
    End,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recorded {
    pub run: RunId,
    pub status: RunStatus,
    pub lines: u64,
    /// Lines that were none of the protocol's.
    pub passed_over: u64,
    pub points: u64,
    /// Of these, values that are no finite numbers.
    pub nonfinite: u64,
    pub metrics: usize,
    pub samples: u64,
}

/// Why there are no more lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMore {
    /// The input has ended.
    Ended,
    /// A person asked for it.
    Stopped,
}

/// A run that is being recorded; in progress until its end is written.
pub struct Recording {
    store: Store,
    lock: RunLock,
    settings: RecordedSettings,
    seed_given: bool,
    waiting: Vec<(i64, Report)>,
    settings_wait: bool,
    /// The keys of metrics by their names; None of one that is not recorded.
    keys: BTreeMap<String, Option<String>>,
    metrics: usize,
    /// The names of metrics that had a value that is no finite number, and of fields without one.
    said: BTreeSet<String>,
    begun: bool,
    step: Option<u64>,
    total: u64,
    finish: Option<Finish>,
    /// Whether the last line may have been cut off.
    broken_last: bool,
    counts: Recorded,
}

impl Recording {
    /// Begins a run in the store, which is made if need be. The run is on record when this returns.
    ///
    /// # Errors
    /// A name or tag cannot be one, or the store cannot be written.
    pub fn begin(store: &Path, of: &RecordedAs) -> Result<Recording, OperationError> {
        of.check()?;
        let mut store = Store::open(store)?.writable()?;
        let lock = store.create_run(&of.new_run("recorded", EXPERIMENT))?;
        let run = lock.run();
        if !of.tags.is_empty() {
            store.tag(run, &of.tags, &[])?;
        }
        Ok(Recording {
            store,
            lock,
            settings: RecordedSettings::default(),
            seed_given: of.seed.is_some(),
            waiting: Vec::new(),
            settings_wait: false,
            keys: BTreeMap::new(),
            metrics: 0,
            said: BTreeSet::new(),
            begun: false,
            step: None,
            total: 0,
            finish: None,
            broken_last: false,
            counts: Recorded {
                run,
                status: RunStatus::Running,
                lines: 0,
                passed_over: 0,
                points: 0,
                nonfinite: 0,
                metrics: 0,
                samples: 0,
            },
        })
    }

    pub fn run(&self) -> RunId {
        self.lock.run()
    }

    /// How many lines there were.
    pub fn lines(&self) -> u64 {
        self.counts.lines
    }

    /// Takes a line, which waits until it is written.
    pub fn take(&mut self, text: &str) -> Taken {
        self.counts.lines += 1;
        self.broken_last = false;
        if text.trim().is_empty() {
            return Taken::Whole;
        }
        match line::read(text) {
            Ok(line) => self.take_line(line),
            Err(error) => self.pass_over(error),
        }
    }

    /// Counts a line that is too long to be read.
    pub fn too_long(&mut self) -> Taken {
        self.counts.lines += 1;
        self.pass_over(LineError::TooLong)
    }

    fn pass_over(&mut self, error: LineError) -> Taken {
        self.broken_last = error.is_broken_json();
        self.counts.passed_over += 1;
        Taken::PassedOver(error)
    }

    fn take_line(&mut self, line: Line) -> Taken {
        let wall_ms = line.wall_ms.unwrap_or_else(now_ms);
        let mut remarks = Vec::new();
        if let Some(settings) = &line.settings {
            let left_out = self.settings.add(settings);
            self.settings_wait = true;
            if left_out > 0 {
                remarks.push(format!(
                    "{left_out} settings are too many or have names that are none, and are left out"
                ));
            }
        }
        if let Some(total) = line.total_steps {
            self.total = total;
        }
        let has_values = !line.values.is_empty() || !line.samples.is_empty();
        let next = || self.step.map_or(0, |last| last.saturating_add(1));
        let step = match line.step {
            Some(step) => step,
            None if line.values.is_empty() => self.step.unwrap_or_default(),
            None => next(),
        };
        if has_values && !self.begun {
            self.begun = true;
            let kind = EventKind::StageBegun { total: self.total };
            self.event(wall_ms, step, kind);
        }
        for name in &line.unused {
            if self.said.insert(format!("unused {name}")) {
                remarks.push(format!("`{name}` holds no number, and is left out"));
            }
        }
        self.take_values(line.values, step, wall_ms, &mut remarks);
        if line.samples_left_out > 0 {
            let left_out = line.samples_left_out;
            remarks.push(format!(
                "{left_out} samples have no response or are over 256, and are left out"
            ));
        }
        if !line.samples.is_empty() {
            self.counts.samples += line.samples.len() as u64;
            let report = Report::Samples {
                stage: Stage::Recorded,
                step,
                dialogues: line.samples,
            };
            self.waiting.push((wall_ms, report));
            self.step = self.step.max(Some(step));
        }
        if let Some((severity, text)) = line.event {
            self.event(wall_ms, step, EventKind::Note { severity, text });
        }
        match line.finish {
            Some(end @ Finish::Now(..)) => {
                self.finish = Some(end);
                return Taken::End;
            }
            Some(expected) => self.finish = Some(expected),
            None => {}
        }
        match remarks.is_empty() {
            true => Taken::Whole,
            false => Taken::But(remarks),
        }
    }

    fn take_values(
        &mut self,
        values: Vec<(String, f64)>,
        step: u64,
        wall_ms: i64,
        remarks: &mut Vec<String>,
    ) {
        let mut kept = Vec::with_capacity(values.len());
        for (name, value) in values {
            let key = match self.keys.get(&name) {
                Some(key) => key.clone(),
                None => {
                    let key = recorded_key(&name).filter(|_| self.metrics < MOST_METRICS);
                    match &key {
                        Some(_) => self.metrics += 1,
                        None => remarks.push(format!(
                            "a metric is left out: its name is empty, over 200 characters long or has control \
                             characters, or it is past {MOST_METRICS} metrics"
                        )),
                    }
                    // Of those that are left out one is enough to be said; they must not pile up either.
                    if key.is_some() || self.keys.len() < 2 * MOST_METRICS {
                        self.keys.insert(name.clone(), key.clone());
                    }
                    key
                }
            };
            let Some(key) = key else { continue };
            if !value.is_finite() {
                self.counts.nonfinite += 1;
                if self.said.insert(format!("nonfinite {name}")) {
                    let text = format!("{name} is {value}");
                    remarks.push(format!(
                        "`{name}` is {value} at step {step}; it is recorded so"
                    ));
                    let severity = Severity::Alert;
                    self.event(wall_ms, step, EventKind::Note { severity, text });
                }
            }
            kept.push((key, value));
        }
        if kept.is_empty() {
            return;
        }
        self.counts.points += kept.len() as u64;
        self.step = self.step.max(Some(step));
        let report = Report::Metrics {
            stage: Stage::Recorded,
            step,
            total: self.total,
            values: kept,
        };
        self.waiting.push((wall_ms, report));
    }

    fn event(&mut self, wall_ms: i64, step: u64, kind: EventKind) {
        let at = Some((Stage::Recorded, step));
        self.waiting.push((wall_ms, Report::Event { at, kind }));
    }

    /// Whether something waits to be written.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.settings_wait
    }

    /// Writes what was taken; it is on disk when this returns. Without anything new it says that the run goes on.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn write(&mut self) -> Result<(), OperationError> {
        let run = self.run();
        if self.settings_wait {
            let seed = self
                .settings
                .whole("seed")
                .or(self.settings.whole("args.seed"));
            let seed = seed.filter(|_| !self.seed_given);
            let text = self.settings.to_toml();
            self.store
                .set_beginning(run, &text, seed, &BTreeMap::new())?;
            self.settings_wait = false;
        }
        match self.waiting.is_empty() {
            true => self.store.heartbeat(run)?,
            false => self.store.record(run, &self.waiting)?,
        }
        self.waiting.clear();
        Ok(())
    }

    /// Writes what was taken, and how the run ended: as its program said; else, where that was to say it or the last line
    /// is cut off, as interrupted; else as finished.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn end(mut self, no_more: NoMore) -> Result<Recorded, OperationError> {
        let (status, why) = match (self.finish.take(), no_more) {
            (Some(Finish::Now(status, error)), _) => (status, error),
            (_, NoMore::Stopped) => (RunStatus::Stopped, None),
            (Some(Finish::Expected), _) => {
                let why = "the program that made it ended without saying how";
                (RunStatus::Interrupted, Some(why.to_string()))
            }
            (None, _) if self.broken_last => {
                let why = "its last line is cut off";
                (RunStatus::Interrupted, Some(why.to_string()))
            }
            (None, _) => (RunStatus::Finished, None),
        };
        let now = now_ms();
        if status == RunStatus::Finished && self.begun {
            self.event(now, self.step.unwrap_or_default(), EventKind::StageDone);
        }
        self.write()?;
        self.store
            .set_status(self.run(), status, why.as_deref(), now)?;
        self.counts.status = status;
        self.counts.metrics = self.metrics;
        Ok(self.counts)
    }
}
