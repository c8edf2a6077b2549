//! One run as the window shows it: curves, stages, samples, results, events.
//!
//! Filled from live reports or from the store, with the same result. Knows no widget and no thread.

mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::progress::{StageProgress, StageState};
use super::remote::{Keyed, Remote};
use crate::app::queries::lengths::RewardsByLength;
use crate::app::queries::stored::OverSteps;
use crate::data::Mechanism;
use crate::experiment::{
    Change, Config, Event, EventKind, Report, RolloutResponse, SampleDialogue, Severity, Stage,
    changeable_in,
};
use crate::metrics::{IdentifierScores, SystemResults, declared};
use crate::series::{Curve, Point, Series, XAxis};
use crate::store::{MetricKey, RunId, RunRow, RunStatus};

/// The sample dialogues of one step: reported by the run, or read from the store when shown.
#[derive(Debug)]
pub struct SampleSet {
    pub stage: Stage,
    pub step: u64,
    pub dialogues: Remote<Vec<SampleDialogue>>,
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

    /// A curve that is smoothed with this weight.
    pub fn of(curve: Curve, smoothing: f64) -> Self {
        Track { curve, smoothing }
    }

    /// Whether [`Track::smooth`] with this weight has nothing to do.
    pub fn is_smoothed_by(&self, weight: f64) -> bool {
        self.smoothing == weight
    }

    /// The curve, smoothed with this weight.
    pub fn smooth(&mut self, weight: f64) -> &Curve {
        if self.smoothing != weight {
            self.smoothing = weight;
            self.curve.set_smoothing(weight);
        }
        &self.curve
    }
}

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
    /// The dialogue shown over all evaluations, by its index.
    pub over_steps: Keyed<u32, OverSteps>,
    /// The steps whose rollout is in the store, in order.
    pub rollouts: Vec<(Stage, u64)>,
    pub rollout: Keyed<(Stage, u64), Arc<Vec<RolloutResponse>>>,
    /// The lengths and rewards of a stage's recorded responses, by how many steps were recorded.
    pub lengths: Keyed<(Stage, usize), RewardsByLength>,
    pub results: Vec<SystemResults>,
    /// Once they have been evaluated.
    pub identifiers: Vec<IdentifierScores>,
    pub events: Vec<Event>,
    /// The current values of the settings that can be changed during the run, by path.
    pub changeable: BTreeMap<&'static str, f64>,
    /// Requested changes that have not been confirmed.
    pub waiting: Vec<Change>,
    /// When it resumed, in milliseconds since the Unix epoch.
    resumptions: Arc<[i64]>,
}

impl RunModel {
    /// A run with these stages and no history.
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
            over_steps: Keyed::default(),
            rollouts: Vec::new(),
            rollout: Keyed::default(),
            lengths: Keyed::default(),
            results: Vec::new(),
            identifiers: Vec::new(),
            events: Vec::new(),
            changeable: BTreeMap::new(),
            waiting: Vec::new(),
            resumptions: Arc::default(),
        }
    }

    /// Breaks the curves where the run resumed after a pause or an interruption.
    fn break_curves(&mut self) {
        let status = RunStatus::Running;
        let running = |event: &&Event| event.kind == EventKind::Status { status };
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

    /// Sets the values the run was started with.
    pub fn started_with(&mut self, config: &Config) {
        let values = config.values();
        let trained_by = config.policy_stages();
        self.changeable = trained_by
            .into_iter()
            .flat_map(changeable_in)
            .filter_map(|setting| Some((setting.path, values.get(setting.path)?.as_float()?)))
            .collect();
    }

    /// Why a change would make no difference, if so.
    pub fn no_difference(&self, change: &Change) -> Option<&'static str> {
        if self.changeable.get(change.path()) == Some(&change.value()) {
            Some("This is its value now")
        } else if self.waiting.contains(change) {
            Some("This value is already waiting")
        } else {
            None
        }
    }

    /// Notes a requested change, which replaces an earlier one of the same setting.
    pub fn request(&mut self, change: Change) {
        self.waiting
            .retain(|waiting| waiting.path() != change.path());
        self.waiting.push(change);
    }

    /// The stage that trains the run's policy, if it trains one.
    pub fn policy_stage(&self) -> Option<Stage> {
        let mut stages = self.stages.iter().map(|progress| progress.stage);
        stages.find(|stage| stage.trains_policy())
    }

    /// What holds up a change, as the end of a sentence.
    pub fn blocked_by(&self) -> Option<String> {
        if !self.current.is_some_and(Stage::trains_policy) {
            let policy = self.policy_stage();
            Some(format!("for {}", policy.map_or("the policy", Stage::title)))
        } else if self.status == RunStatus::Paused {
            Some("until the run resumes".to_string())
        } else {
            None
        }
    }

    /// The progress of a stage, inserted if it was not planned.
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

    /// The stage in progress, or the last one.
    pub fn current_progress(&self) -> Option<&StageProgress> {
        let stage = self.current?;
        self.stages.iter().find(|progress| progress.stage == stage)
    }

    /// The last value of a metric, in whichever stage it was logged.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.tracks
            .iter()
            .filter(|(key, _)| key.name == name)
            .filter_map(|(_, track)| track.curve.raw().last())
            .max_by_key(|point| point.wall_ms)
            .map(|point| point.value)
    }

    /// The metrics whose names are the run's own: the total and the terms of its reward, and all of a run that another
    /// program recorded.
    pub fn own_metrics(&self) -> Vec<&str> {
        let names = self.tracks.keys().map(|key| key.name.as_str());
        let is_own = |name: &&str| declared::is_of_reward(name) || declared::is_recorded(name);
        names.filter(is_own).collect()
    }

    /// Whether another program made it, so that nothing here can go on with it.
    pub fn is_recorded(&self) -> bool {
        let mut stages = self.stages.iter();
        stages.any(|progress| progress.stage == Stage::Recorded)
    }

    /// ThemeTokens per second of the current stage.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let stage = self.current?;
        self.last(&format!("{}/tokens_per_second", stage.key()))
    }

    pub fn apply(&mut self, wall_ms: i64, report: Report) {
        match report {
            Report::Event { at, kind } => {
                let (stage, step) = at.unzip();
                self.add_live_event(Event {
                    wall_ms,
                    stage,
                    step: step.unwrap_or_default(),
                    kind,
                });
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
                        // Adaptive control changes it.
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
                self.samples.push(SampleSet {
                    stage,
                    step,
                    dialogues: Remote::ready(dialogues),
                });
                self.over_steps.invalidate();
            }
            Report::Rollout { stage, step, .. } => {
                let at = (stage, step);
                let place = self.rollouts.partition_point(|known| *known < at);
                if self.rollouts.get(place) != Some(&at) {
                    self.rollouts.insert(place, at);
                } else if self.rollout.shown().is_some_and(|(known, _)| *known == at) {
                    // The step was repeated.
                    self.rollout.invalidate();
                }
            }
            Report::Identifiers { scores } => self.identifiers = scores,
            Report::Results { system } => {
                self.results.retain(|known| known.system != system.system);
                self.results.push(system);
            }
        }
    }

    /// Adds an event and updates what depends on it.
    fn add_event(&mut self, event: Event) {
        if let Some(stage) = event.stage {
            match event.kind {
                EventKind::StageBegun { total } => {
                    self.current = Some(stage);
                    let progress = self.progress(stage);
                    progress.state = StageState::Running;
                    progress.total = total;
                }
                EventKind::StageDone => {
                    let progress = self.progress(stage);
                    progress.state = StageState::Done;
                    progress.step = event.step;
                }
                _ => {}
            }
        }
        if let Some(change) = event.kind.change() {
            self.changeable.insert(change.path(), change.value());
            self.waiting.retain(|waiting| *waiting != change);
        }
        self.events.push(event);
    }

    /// Adds an event of the run in progress.
    pub fn add_live_event(&mut self, event: Event) {
        let status = matches!(event.kind, EventKind::Status { .. });
        if status {
            // A pause does not count as part of a step.
            self.stages
                .iter_mut()
                .for_each(|progress| progress.pace.rest());
        }
        // An event received while the run was read again may have been read already.
        let mut latest = self.events.iter().rev().take(64);
        if !latest.any(|known| *known == event) {
            self.add_event(event);
            if status {
                self.break_curves();
            }
        }
    }

    /// Writes its status and progress into its row of the table.
    pub fn lead(&self, row: &mut RunRow) {
        row.status = self.status;
        row.ended = self.ended_ms;
        if let Some(progress) = self.current_progress() {
            row.stage = Some(progress.stage);
            row.step = progress.step;
            row.total = progress.total;
        }
    }

    /// Takes status and progress from its row of the table, which was read later.
    pub fn follow(&mut self, row: &RunRow) {
        if self.name != row.name {
            self.name.clone_from(&row.name);
        }
        self.status = row.status;
        self.ended_ms = row.ended;
        if let Some(stage) = row.stage {
            self.current = Some(stage);
            let progress = self.progress(stage);
            progress.step = row.step;
            progress.total = progress.total.max(row.total);
        }
    }

    /// Keeps what an earlier model of this run had loaded, until it is loaded again.
    pub fn inherit(&mut self, earlier: RunModel) {
        for known in earlier.samples {
            let same = |set: &&mut SampleSet| (known.stage, known.step) == (set.stage, set.step);
            if let Some(set) = self.samples.iter_mut().find(same) {
                set.dialogues = known.dialogues;
                set.dialogues.invalidate();
            }
        }
        (self.rollout, self.over_steps) = (earlier.rollout, earlier.over_steps);
        self.lengths = earlier.lengths;
        self.rollout.invalidate();
        self.lengths.invalidate();
        self.over_steps.invalidate();
    }

    /// Polls what is being read from the store.
    pub fn poll(&mut self) {
        for set in &mut self.samples {
            set.dialogues.poll();
        }
        self.over_steps.poll();
        self.rollout.poll();
        self.lengths.poll();
    }

    /// The step of a stage nearest to `x` on an axis.
    pub fn step_at(&self, stage: Stage, axis: XAxis, x: f64) -> Option<u64> {
        let of_stage = self.tracks.iter().filter(|(key, _)| key.stage == stage);
        let series = of_stage.map(|(_, track)| track.curve.raw());
        let finest = series.max_by_key(|series| series.len())?;
        finest.nearest(axis, x).map(|point| point.step)
    }

    /// Alerts, the latest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Event> {
        self.warnings()
            .filter(|event| event.kind.severity() == Some(Severity::Alert))
    }

    /// Warnings and alerts, the latest first.
    pub fn warnings(&self) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .rev()
            .filter(|event| event.kind.severity() >= Some(Severity::Warning))
    }
}

pub fn is_checkpoint(event: &Event) -> bool {
    matches!(event.kind, EventKind::Checkpoint { .. })
}

/// The mechanism that a metric belongs to, if any.
pub fn mechanism_of(key: &str) -> Option<Mechanism> {
    let mut mechanisms = Mechanism::ALL.into_iter();
    // Another program's exploration is another thing.
    mechanisms.find(|mechanism| key.contains(mechanism.key()) && !declared::is_recorded(key))
}

/// Whether a metric comes from evaluations, which have few points.
pub fn is_evaluation(key: &str) -> bool {
    // As Transformers names them.
    let of_trainer = declared::is_recorded(key) && declared::shown_key(key).starts_with("eval");
    of_trainer || declared(key).is_some_and(|metric| metric.per_what == "evaluation")
}

#[cfg(test)]
mod tests;
