//! The progress of a run's stages, and the time left.

use crate::experiment::Stage;
use crate::series::Series;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageState {
    Waiting,
    Running,
    Done,
}

#[derive(Clone, Debug)]
pub struct StageProgress {
    pub stage: Stage,
    pub state: StageState,
    pub step: u64,
    pub total: u64,
    /// For the time left.
    pub(super) pace: Pace,
}

/// Seconds per step, averaged over the recent ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    last: Option<(u64, i64)>,
    seconds: Option<f64>,
}

impl Pace {
    pub fn note(&mut self, step: u64, wall_ms: i64) {
        if let Some((before, at)) = self.last
            && step > before
        {
            let each = (wall_ms - at).max(0) as f64 / 1e3 / (step - before) as f64;
            self.seconds = Some(
                self.seconds
                    .map_or(each, |mean| mean + 0.08 * (each - mean)),
            );
        }
        self.last = Some((step, wall_ms));
    }

    /// Excludes the time until the next step, such as a pause.
    pub fn rest(&mut self) {
        self.last = None;
    }

    /// The pace of the last steps of a curve.
    pub fn of(series: &Series) -> Self {
        let mut pace = Pace::default();
        let len = series.len();
        for at in len.saturating_sub(32)..len {
            if let Some(point) = series.get(at) {
                pace.note(point.step, point.wall_ms);
            }
        }
        pace
    }
}

impl StageProgress {
    pub(super) fn new(stage: Stage) -> Self {
        StageProgress {
            stage,
            state: StageState::Waiting,
            step: 0,
            total: 0,
            pace: Pace::default(),
        }
    }

    /// From 0 to 1.
    pub fn fraction(&self) -> f32 {
        match self.state {
            StageState::Done => 1.0,
            _ if self.total == 0 => 0.0,
            _ => (self.step as f32 / self.total as f32).min(1.0),
        }
    }

    /// Seconds until the stage ends, at the current pace.
    pub fn seconds_left(&self) -> Option<f64> {
        if self.state != StageState::Running || self.step >= self.total {
            return None;
        }
        Some(self.pace.seconds? * (self.total - self.step) as f64)
    }
}
