//! The learning rate over the steps of a stage. Plain numbers.

use crate::experiment::LrSchedule;

impl LrSchedule {
    /// The learning rate of `step` (from 0) of a stage of `total` steps that starts at `peak`.
    pub fn rate(self, peak: f64, step: u64, total: u64) -> f64 {
        match self {
            LrSchedule::Constant => peak,
            LrSchedule::Linear => peak * (total.saturating_sub(step) as f64 / total.max(1) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(schedule: LrSchedule, peak: f64, total: u64, steps: u64) -> Vec<f64> {
        (0..steps)
            .map(|step| schedule.rate(peak, step, total))
            .collect()
    }

    #[test]
    fn a_constant_rate_does_not_change() {
        assert_eq!(rates(LrSchedule::Constant, 0.5, 9, 3), [0.5; 3]);
    }

    #[test]
    fn a_linear_rate_reaches_zero_after_the_last_step() {
        let rates = rates(LrSchedule::Linear, 1.0, 4, 6);
        assert_eq!(rates, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]);
        assert_eq!(LrSchedule::Linear.rate(1.0, 0, 0), 0.0, "an empty stage");
    }
}
