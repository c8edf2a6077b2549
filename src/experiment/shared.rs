//! Which stages two runs have in common, so that one can reuse them from the other.
//!
//! A stage is shared if everything that it depends on is equal: its own settings, those of the stages before
//! it, the seed, the device, the texts and the model. Running it again would give the same weights.

use super::{Config, Stage, Tuning, settings};

/// Stages that two runs have in common, and why there are not more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedStages {
    /// From the first stage on, in order.
    pub stages: Vec<Stage>,
    /// The first setting that keeps the next stage from being shared.
    pub differs: Option<&'static str>,
}

impl Config {
    /// The stages, from the first on, that a run of `other` would do in the same way. Never evaluation, by which
    /// runs are compared.
    pub fn shared_stages(&self, other: &Config) -> SharedStages {
        let mut shared = SharedStages {
            differs: self.differing(other, &["run", "data", "model"]),
            ..SharedStages::default()
        };
        let pairs = self.run.stages.iter().zip(&other.run.stages);
        for (own, others) in pairs {
            if shared.differs.is_some() || *own == Stage::Evaluation {
                break;
            }
            if own != others {
                shared.differs = Some("run.stages");
                break;
            }
            shared.differs = self.differing(other, self.sections(*own));
            if shared.differs.is_none() {
                shared.stages.push(*own);
            }
        }
        shared
    }

    /// The sections that a stage depends on, besides those of the stages before it.
    fn sections(&self, stage: Stage) -> &'static [&'static str] {
        match stage {
            Stage::Pretraining => &["pretraining"],
            Stage::Identifiers => &["identifiers"],
            Stage::Generator if self.generator.tuning == Tuning::Full => &["generator"],
            Stage::Generator if self.generator.tuning == Tuning::Lora => &["generator", "lora"],
            Stage::Generator => &["generator", "prefix"],
            Stage::Ppo => &["ppo", "reward", "sampling", "evaluation"],
            Stage::Grpo => &["grpo", "reward", "sampling", "evaluation"],
            Stage::Rloo => &["rloo", "reward", "sampling", "evaluation"],
            Stage::Evaluation => &[],
        }
    }

    /// The first setting in `sections` that affects training and differs in `other`.
    fn differing(&self, other: &Config, sections: &[&str]) -> Option<&'static str> {
        const SHAPE_NOTHING: [&str; 3] = ["run.stages", "run.checkpoint_every", "data.test_limit"];
        let (own, others) = (self.values(), other.values());
        settings()
            .filter(|setting| sections.contains(&setting.section()))
            .map(|setting| setting.path)
            .filter(|path| !SHAPE_NOTHING.contains(path))
            .find(|path| own.get(*path) != others.get(*path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        change(&mut config);
        config
    }

    #[test]
    fn stages_before_the_first_difference_are_shared() {
        let base = Config::default();
        let all = [Stage::Identifiers, Stage::Generator, Stage::Ppo];
        let case = |config: &Config, count: usize, differs| {
            let shared = base.shared_stages(config);
            assert_eq!(
                (shared.stages.as_slice(), shared.differs),
                (&all[..count], differs)
            );
        };
        case(&base, 3, None);
        case(&changed(|c| c.run.checkpoint_every = 3), 3, None);
        case(&changed(|c| c.data.test_limit = 9), 3, None);
        case(&changed(|c| c.reward.beta = 0.0), 2, Some("reward.beta"));
        case(&changed(|c| c.prefix.cross = 3), 1, Some("prefix.cross"));
        case(
            &changed(|c| c.identifiers.epochs = 9),
            0,
            Some("identifiers.epochs"),
        );
        case(&changed(|c| c.run.seed = 9), 0, Some("run.seed"));
        let without = changed(|c| {
            c.run.stages = vec![Stage::Identifiers, Stage::Generator, Stage::Evaluation];
        });
        case(&without, 2, Some("run.stages"));
    }
}
