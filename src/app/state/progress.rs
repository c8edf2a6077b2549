//! The progress of a run's stages, and the time left.

use std::collections::VecDeque;

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

/// Steps whose duration counts.
const RECENT: usize = 32;

/// Seconds per step: the median of the recent ones, which a checkpoint or an evaluation between them does not move.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    last: Option<(u64, i64)>,
    recent: VecDeque<f64>,
}

impl Pace {
    pub fn note(&mut self, step: u64, wall_ms: i64) {
        if let Some((before, at)) = self.last
            && step > before
        {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            let each = (wall_ms - at).max(0) as f64 / 1e3 / (step - before) as f64;
            self.recent.push_back(each);
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
        for at in len.saturating_sub(RECENT + 1)..len {
            if let Some(point) = series.get(at) {
                pace.note(point.step, point.wall_ms);
            }
        }
        pace
    }

    fn seconds(&self) -> Option<f64> {
        let mut recent: Vec<f64> = self.recent.iter().copied().collect();
        let middle = recent.len() / 2;
        (!recent.is_empty()).then(|| *recent.select_nth_unstable_by(middle, f64::total_cmp).1)
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
        Some(self.pace.seconds()? * (self.total - self.step) as f64)
    }
}
