//! Score shaping of the released code, all of it off by default: scaling, normalisation and
//! clipping of the raw reward before it enters the reward vector. Plain numbers.

use serde::{Deserialize, Serialize};

use crate::experiment::RewardSettings;

/// How scores are shaped. Scaling divides by the running standard deviation of all scores so far,
/// normalisation also subtracts their running mean, clipping comes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShapingConfig {
    /// Divide by the running standard deviation.
    pub scale: bool,
    /// Subtract the running mean too. Implies `scale`.
    pub normalise: bool,
    /// Limit to `[-clip, clip]`.
    pub clip: Option<f32>,
}

/// Running mean and standard deviation of all scores of a run (Welford).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunningMoments {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    spread: f64,
}

impl RunningMoments {
    pub fn update(&mut self, numbers: &[f32]) {
        for &x in numbers {
            self.count += 1;
            let distance = f64::from(x) - self.mean;
            self.mean += distance / self.count as f64;
            self.spread += distance * (f64::from(x) - self.mean);
        }
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Unbiased standard deviation of all numbers so far; 0 for fewer than two.
    pub fn deviation(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        (self.spread / (self.count - 1) as f64).sqrt()
    }
}

/// Shapes the scores of a run, batch after batch. Checkpoints contain its serialised form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreShaper {
    config: ShapingConfig,
    moments: RunningMoments,
}

impl ScoreShaper {
    /// The shaper that a run's settings ask for, before its first batch.
    pub fn of(reward: &RewardSettings) -> Self {
        Self::new(ShapingConfig {
            scale: reward.scale_scores,
            normalise: reward.normalise_scores,
            clip: (reward.clip_scores > 0.0).then_some(reward.clip_scores as f32),
        })
    }

    /// A shaper before its first batch.
    pub fn new(config: ShapingConfig) -> Self {
        Self {
            config,
            moments: RunningMoments::default(),
        }
    }

    /// Shaped scores of one batch. The batch is added to the running moments before they are used, as in
    /// the authors' trainer. While all scores so far are equal there is no deviation to divide by, and
    /// they are left unscaled.
    pub fn shape(&mut self, scores: &[f32]) -> Vec<f32> {
        let ShapingConfig {
            scale,
            normalise,
            clip,
        } = self.config;
        self.moments.update(scores);
        let mean = if normalise { self.moments.mean() } else { 0.0 };
        let deviation = self.moments.deviation();
        let divisor = if (scale || normalise) && deviation > 0.0 {
            deviation + f64::from(f32::EPSILON)
        } else {
            1.0
        };
        scores
            .iter()
            .map(|&score| ((f64::from(score) - mean) / divisor) as f32)
            .map(|score| clip.map_or(score, |limit| score.clamp(-limit, limit)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_by_default() {
        let mut shaper = ScoreShaper::new(ShapingConfig::default());
        assert_eq!(shaper.shape(&[0.1, 0.9]), [0.1, 0.9]);
    }

    #[test]
    fn clipping_comes_last() {
        let config = ShapingConfig {
            normalise: true,
            clip: Some(0.5),
            ..Default::default()
        };
        assert_eq!(ScoreShaper::new(config).shape(&[0.0, 1.0]), [-0.5, 0.5]);
    }

    #[test]
    fn equal_scores_are_not_blown_up() {
        let config = ShapingConfig {
            scale: true,
            ..Default::default()
        };
        assert_eq!(ScoreShaper::new(config).shape(&[0.25]), [0.25]);
        let config = ShapingConfig {
            normalise: true,
            ..Default::default()
        };
        assert_eq!(ScoreShaper::new(config).shape(&[0.25, 0.25]), [0.0, 0.0]);
    }

    #[test]
    fn the_state_survives_a_checkpoint() {
        let config = ShapingConfig {
            scale: true,
            normalise: true,
            clip: Some(2.0),
        };
        let mut shaper = ScoreShaper::new(config);
        shaper.shape(&[0.3, 0.1, 0.8]);
        let text = serde_json::to_string(&shaper).unwrap();
        let mut resumed: ScoreShaper = serde_json::from_str(&text).unwrap();
        assert_eq!(shaper.shape(&[0.2, 0.7]), resumed.shape(&[0.2, 0.7]));
    }
}
