//! One run as the window shows it: curves, stages, samples, results, events.
//!
//! Filled from live reports or from the store, and the same either way. Knows no widget and no thread.

mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::looked::Looked;
use super::progress::{StageProgress, StageState};
use crate::app::workers::reader::OverSteps;
use crate::data::Mechanism;
use crate::experiment::{
    CHANGEABLE_STAGE, Change, Config, Report, RolloutResponse, SampleDialogue, Severity, Stage,
    change_of, changeable,
};
use crate::metrics::{IdentifierScores, SystemResults, declared, terms};
use crate::series::{Curve, Point, Series, XAxis};
use crate::store::{EventRow, EventSort, MetricKey, RunId, RunRow, RunStatus};

/// The sample dialogues of one step; none while they are still in the store only.
#[derive(Clone, Debug)]
pub struct SampleSet {
    pub stage: Stage,
    pub step: u64,
    pub dialogues: Option<Arc<Vec<SampleDialogue>>>,
    /// Why they cannot be read.
    pub refused: Option<String>,
    /// They were asked for, or came with the run's own reports.
    pub asked: bool,
}

/// A curve and the smoothing it was last drawn with.
#[derive(Debug)]
pub struct Track {
    pub curve: Curve,
    smoothing: f64,
}

impl Track {
    fn new(mut series: Series, resumptions: &Arc<[i64]>) -> Self {
        series.set_resumptions(resumptions.clone());
        Track {
            curve: Curve::new(series, 0.0),
            smoothing: 0.0,
        }
    }

    /// Brings the smoothing to `weight`; only what is drawn is ever smoothed.
    pub fn smooth(&mut self, weight: f64) -> &Curve {
        if self.smoothing != weight {
            self.smoothing = weight;
            self.curve.set_smoothing(weight);
        }
        &self.curve
    }
}

/// A run as it is shown.
#[derive(Debug)]
pub struct RunModel {
    pub id: RunId,
    pub name: String,
    pub experiment: String,
    pub seed: u64,
    pub device: String,
    pub status: RunStatus,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub error: Option<String>,
    pub stages: Vec<StageProgress>,
    pub current: Option<Stage>,
    pub tracks: BTreeMap<MetricKey, Track>,
    pub samples: Vec<SampleSet>,
    /// The one dialogue that is looked at over all evaluations, by its place in the fixed list.
    pub over_steps: Looked<u32, OverSteps>,
    /// The steps whose rollout can be looked at, in order.
    pub rollouts: Vec<(Stage, u64)>,
    /// The one that is looked at.
    pub rollout: Looked<(Stage, u64), Vec<RolloutResponse>>,
    pub results: Vec<SystemResults>,
    /// How well the identifiers do, once they are complete.
    pub identifiers: Vec<IdentifierScores>,
    pub events: Vec<EventRow>,
    /// What the settings are now that may be changed while it goes on, by path.
    pub changeable: BTreeMap<&'static str, f64>,
    /// Changes that were asked for and have not been heard of yet.
    pub waiting: Vec<Change>,
    /// When it went on after a pause or an interruption, in milliseconds since the Unix epoch.
    resumptions: Arc<[i64]>,
}

impl RunModel {
    /// A run that is about to begin with these stages.
    pub fn new(row: &RunRow, stages: &[Stage]) -> Self {
        RunModel {
            id: row.id,
            name: row.name.clone(),
            experiment: row.experiment.clone(),
            seed: row.seed,
            device: row.device.clone(),
            status: row.status,
            started_ms: row.started,
            ended_ms: row.ended,
            error: row.error.clone(),
            stages: stages.iter().copied().map(StageProgress::new).collect(),
            current: None,
            tracks: BTreeMap::new(),
            samples: Vec::new(),
            over_steps: Looked::default(),
            rollouts: Vec::new(),
            rollout: Looked::default(),
            results: Vec::new(),
            identifiers: Vec::new(),
            events: Vec::new(),
            changeable: BTreeMap::new(),
            waiting: Vec::new(),
            resumptions: Arc::default(),
        }
    }

    /// Breaks the curves where the run went on after a pause or an interruption.
    fn break_curves(&mut self) {
        let running = |event: &&EventRow| {
            event.sort == EventSort::Status && event.text == RunStatus::Running.key()
        };
        let mut moments: Vec<i64> = self
            .events
            .iter()
            .filter(running)
            .map(|event| event.wall_ms)
            .collect();
        moments.sort_unstable();
        if *self.resumptions != moments[..] {
            self.resumptions = moments.into();
            for track in self.tracks.values_mut() {
                track.curve.set_resumptions(self.resumptions.clone());
            }
        }
    }

    /// Takes the settings that it was started with.
    pub fn started_with(&mut self, config: &Config) {
        let values = config.values();
        self.changeable = changeable()
            .filter_map(|setting| Some((setting.path, values.get(setting.path)?.as_float()?)))
            .collect();
    }

    fn take_change(&mut self, event: &EventRow) {
        if event.sort == EventSort::Control
            && let Some(change) = change_of(&event.text)
        {
            self.changeable.insert(change.path(), change.value());
            self.waiting.retain(|waiting| *waiting != change);
        }
    }

    /// Why a change would make no difference, if it would make none.
    pub fn no_difference(&self, change: &Change) -> Option<&'static str> {
        if self.changeable.get(change.path()) == Some(&change.value()) {
            Some("This is its value now")
        } else if self.waiting.contains(change) {
            Some("This value waits already")
        } else {
            None
        }
    }

    /// Takes note that a change was asked for; it takes the place of an earlier one that waits.
    pub fn asked(&mut self, change: Change) {
        self.waiting
            .retain(|waiting| waiting.path() != change.path());
        self.waiting.push(change);
    }

    /// What a change waits for, in words that end a sentence; none while nothing holds it up.
    pub fn held_up_by(&self) -> Option<String> {
        if self.current != Some(CHANGEABLE_STAGE) {
            Some(format!("for {}", CHANGEABLE_STAGE.title()))
        } else if self.status == RunStatus::Paused {
            Some("until the run goes on".to_string())
        } else {
            None
        }
    }

    /// The progress of a stage, put in its place when it was not planned.
    pub fn progress(&mut self, stage: Stage) -> &mut StageProgress {
        let at = match self
            .stages
            .iter()
            .position(|progress| progress.stage == stage)
        {
            Some(at) => at,
            None => {
                let at = self
                    .stages
                    .partition_point(|progress| progress.stage < stage);
                self.stages.insert(at, StageProgress::new(stage));
                at
            }
        };
        &mut self.stages[at]
    }

    /// The stage that is in progress, or was last.
    pub fn current_progress(&self) -> Option<&StageProgress> {
        let stage = self.current?;
        self.stages.iter().find(|progress| progress.stage == stage)
    }

    /// The value a metric had last, in whichever stage it was logged last.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.tracks
            .iter()
            .filter(|(key, _)| key.name == name)
            .filter_map(|(_, track)| track.curve.raw().last())
            .max_by_key(|point| point.wall_ms)
            .map(|point| point.value)
    }

    /// The metrics of the run's reward: its total, and its terms.
    pub fn reward_metrics(&self) -> Vec<&str> {
        let first = MetricKey {
            stage: Stage::Ppo,
            name: terms::PREFIX.into(),
        };
        let keys = self.tracks.range(first..).map(|(key, _)| key);
        keys.take_while(|key| key.stage == Stage::Ppo && key.name.starts_with(terms::PREFIX))
            .map(|key| key.name.as_str())
            .collect()
    }

    /// Tokens per second of the current stage.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let stage = self.current?;
        self.last(&format!("{}/tokens_per_second", stage.key()))
    }

    /// Takes what the run reports.
    pub fn apply(&mut self, wall_ms: i64, report: Report) {
        match report {
            Report::Stage { stage, total } => {
                self.current = Some(stage);
                let progress = self.progress(stage);
                progress.state = StageState::Running;
                progress.total = total;
                let text = total.to_string();
                self.note(wall_ms, Some(stage), 0, EventSort::Stage, None, text);
            }
            Report::StageDone { stage, step } => {
                let progress = self.progress(stage);
                progress.state = StageState::Done;
                progress.step = step;
                self.note(
                    wall_ms,
                    Some(stage),
                    step,
                    EventSort::StageDone,
                    None,
                    String::new(),
                );
            }
            Report::Metrics {
                stage,
                step,
                total,
                values,
            } => {
                self.current = Some(stage);
                let progress = self.progress(stage);
                progress.state = StageState::Running;
                progress.step = step;
                progress.total = total;
                progress.pace.note(step, wall_ms);
                for (name, value) in values {
                    if name == declared::KL_BETA {
                        // Adaptive control moves it without being asked.
                        self.changeable.insert("reward.beta", value);
                    }
                    let key = MetricKey { stage, name };
                    let track = self
                        .tracks
                        .entry(key)
                        .or_insert_with(|| Track::new(Series::new(), &self.resumptions));
                    track.curve.push(Point {
                        step,
                        value,
                        wall_ms,
                    });
                }
            }
            Report::Samples {
                stage,
                step,
                dialogues,
            } => {
                self.samples
                    .retain(|set| (set.stage, set.step) != (stage, step));
                let dialogues = Some(Arc::new(dialogues));
                self.samples.push(SampleSet {
                    stage,
                    step,
                    dialogues,
                    refused: None,
                    asked: true,
                });
                self.over_steps.renew();
            }
            Report::Checkpoint {
                stage, step, bytes, ..
            } => {
                let text = saved(bytes);
                self.note(
                    wall_ms,
                    Some(stage),
                    step,
                    EventSort::Note,
                    Some(Severity::Info),
                    text,
                );
            }
            Report::Note {
                stage,
                step,
                severity,
                text,
            } => {
                let stage = Some(stage);
                self.note(wall_ms, stage, step, EventSort::Note, Some(severity), text);
            }
            Report::Rollout { stage, step, .. } => {
                let at = (stage, step);
                let place = self.rollouts.partition_point(|known| *known < at);
                if self.rollouts.get(place) != Some(&at) {
                    self.rollouts.insert(place, at);
                } else if self.rollout.there().is_some_and(|(known, _)| *known == at) {
                    // The step was done again.
                    self.rollout.renew();
                }
            }
            Report::Identifiers { scores } => self.identifiers = scores,
            Report::Results { system } => {
                self.results.retain(|known| known.system != system.system);
                self.results.push(system);
            }
        }
    }

    fn apply_event(&mut self, event: EventRow) {
        if let Some(stage) = event.stage {
            let progress = self.progress(stage);
            match event.sort {
                EventSort::Stage => {
                    progress.state = StageState::Running;
                    progress.total = event.text.parse().unwrap_or(0);
                }
                EventSort::StageDone => {
                    progress.state = StageState::Done;
                    progress.step = event.step;
                }
                _ => {}
            }
        }
        self.take_change(&event);
        self.events.push(event);
    }

    /// Takes note of what happened besides the reports, where the run stood.
    pub fn happened(
        &mut self,
        wall_ms: i64,
        at: (Option<Stage>, u64),
        sort: EventSort,
        text: &str,
    ) {
        if sort == EventSort::Status {
            // What lies between a pause and going on is no step's time.
            self.stages
                .iter_mut()
                .for_each(|progress| progress.pace.rest());
        }
        self.note(wall_ms, at.0, at.1, sort, None, text.to_string());
    }

    fn note(
        &mut self,
        wall_ms: i64,
        stage: Option<Stage>,
        step: u64,
        sort: EventSort,
        severity: Option<Severity>,
        text: String,
    ) {
        let event = EventRow {
            wall_ms,
            stage,
            step,
            sort,
            severity,
            text,
        };
        // What was heard while the run was read again may be among what was read.
        if !self
            .events
            .iter()
            .rev()
            .take(64)
            .any(|known| *known == event)
        {
            self.take_change(&event);
            self.events.push(event);
            if sort == EventSort::Status {
                self.break_curves();
            }
        }
    }

    /// Shows what was looked at of an earlier picture of this run until it is read again.
    pub fn inherit(&mut self, earlier: RunModel) {
        for set in &mut self.samples {
            let known = earlier.samples.iter();
            let mut same = known.filter(|known| (known.stage, known.step) == (set.stage, set.step));
            set.dialogues = same.find_map(|known| known.dialogues.clone());
        }
        (self.rollout, self.over_steps) = (earlier.rollout, earlier.over_steps);
        self.rollout.renew();
        self.over_steps.renew();
    }

    /// The step of a stage at a place of the axis that the plots lay along x.
    pub fn step_at(&self, stage: Stage, axis: XAxis, x: f64) -> Option<u64> {
        let of_stage = self.tracks.iter().filter(|(key, _)| key.stage == stage);
        let series = of_stage.map(|(_, track)| track.curve.raw());
        let finest = series.max_by_key(|series| series.len())?;
        finest.nearest(axis, x).map(|point| point.step)
    }

    /// Takes the dialogues of a step that were read from the store.
    pub fn put_samples(
        &mut self,
        stage: Stage,
        step: u64,
        dialogues: Result<&Vec<SampleDialogue>, String>,
    ) {
        let Some(set) = self
            .samples
            .iter_mut()
            .find(|set| (set.stage, set.step) == (stage, step))
        else {
            return;
        };
        match dialogues {
            Ok(dialogues) => set.dialogues = Some(Arc::new(dialogues.clone())),
            Err(why) => set.refused = Some(why),
        }
    }

    /// What goes wrong, the latest first.
    pub fn alerts(&self) -> impl Iterator<Item = &EventRow> {
        self.warnings()
            .filter(|event| event.severity == Some(Severity::Alert))
    }

    /// What a person should know now: warnings and alerts, the latest first.
    pub fn warnings(&self) -> impl Iterator<Item = &EventRow> {
        self.events
            .iter()
            .rev()
            .filter(|event| event.severity.is_some_and(|s| s >= Severity::Warning))
    }
}

const SAVED: &str = "Checkpoint saved";

/// What is told of a checkpoint.
fn saved(bytes: u64) -> String {
    format!("{SAVED}, {}", crate::app::format::bytes(bytes))
}

/// Whether an event tells of a checkpoint.
pub fn is_checkpoint(event: &EventRow) -> bool {
    event.sort == EventSort::Note && event.text.starts_with(SAVED)
}

/// The mechanism that a metric is about, if it is about one.
pub fn mechanism_of(key: &str) -> Option<Mechanism> {
    Mechanism::ALL
        .into_iter()
        .find(|mechanism| key.contains(mechanism.key()))
}

/// Whether a metric comes from evaluations: few points, each of which matters.
pub fn is_evaluation(key: &str) -> bool {
    declared(key).is_some_and(|metric| metric.per_what == "evaluation")
}

#[cfg(test)]
mod tests;
