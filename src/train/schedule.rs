//! How a learning rate moves over the steps of a stage. Plain numbers.

/// What follows the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decay {
    /// The rate stays.
    #[default]
    Constant,
    /// The rate falls in a line, to 0 after the last step.
    Linear,
}

/// Learning rate of every step of a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The rate after the warm-up.
    pub peak: f64,
    /// Steps over which the rate rises in a line from 0.
    pub warmup: u64,
    /// Steps of the stage, warm-up included.
    pub total: u64,
    pub decay: Decay,
}

impl Schedule {
    /// A rate that never moves.
    pub fn constant(rate: f64) -> Self {
        Self {
            peak: rate,
            warmup: 0,
            total: 0,
            decay: Decay::Constant,
        }
    }

    /// Rate of step `step`, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        let factor = if step < self.warmup {
            step as f64 / self.warmup as f64
        } else {
            match self.decay {
                Decay::Constant => 1.0,
                Decay::Linear => {
                    let left = self.total.saturating_sub(step);
                    let whole = self.total.saturating_sub(self.warmup).max(1);
                    left as f64 / whole as f64
                }
            }
        };
        self.peak * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(schedule: Schedule, steps: u64) -> Vec<f64> {
        (0..steps).map(|step| schedule.rate(step)).collect()
    }

    #[test]
    fn a_constant_rate_stays() {
        assert_eq!(trace(Schedule::constant(0.5), 3), [0.5; 3]);
    }

    #[test]
    fn a_linear_decay_reaches_zero_after_the_last_step() {
        let schedule = Schedule {
            peak: 1.0,
            warmup: 0,
            total: 4,
            decay: Decay::Linear,
        };
        assert_eq!(trace(schedule, 6), [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn warm_up_rises_in_a_line() {
        let schedule = Schedule {
            peak: 1.0,
            warmup: 2,
            total: 6,
            decay: Decay::Linear,
        };
        assert_eq!(trace(schedule, 7), [0.0, 0.5, 1.0, 0.75, 0.5, 0.25, 0.0]);
        let schedule = Schedule {
            decay: Decay::Constant,
            ..schedule
        };
        assert_eq!(trace(schedule, 4), [0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_stage_all_warm_up_or_empty_divides_by_nothing() {
        let schedule = Schedule {
            peak: 1.0,
            warmup: 3,
            total: 3,
            decay: Decay::Linear,
        };
        assert!(trace(schedule, 6).iter().all(|rate| rate.is_finite()));
        let schedule = Schedule {
            peak: 1.0,
            warmup: 0,
            total: 0,
            decay: Decay::Linear,
        };
        assert_eq!(schedule.rate(0), 0.0);
    }
}
