//! Which stages two runs have in common, so that one can reuse them from the other.
//!
//! A stage is shared if everything that it depends on is equal: its own settings, those of the stages before
//! it, the seed, the device, the texts and the model. Running it again would give the same weights. Identifiers that
//! are the first stage depend on their own seed alone, if they have one.

use super::{Config, Setting, Stage, Tuning, settings};

const SEED: &str = "run.seed";
const IDENTIFIER_SEED: &str = "identifiers.seed";

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
        let of_seed = (self.run.seed != other.run.seed).then_some(SEED);
        let pairs = self.run.stages.iter().zip(&other.run.stages);
        for (own, others) in pairs {
            // Identifiers are the same for every seed of the run if they have one of their own; what follows is not.
            let is_first = shared.stages.is_empty() && *own == Stage::Identifiers;
            if !is_first {
                shared.differs = shared.differs.or(of_seed);
            }
            if shared.differs.is_some() || *own == Stage::Evaluation {
                break;
            }
            if own != others {
                shared.differs = Some("run.stages");
                break;
            }
            if *own == Stage::Identifiers {
                shared.differs = self.differing_identifier_seed(other);
            }
            shared.differs = shared
                .differs
                .or(self.differing(other, self.sections(*own)));
            if shared.differs.is_none() {
                shared.stages.push(*own);
            }
        }
        shared
    }

    /// The setting by which the seeds of the identifiers differ.
    fn differing_identifier_seed(&self, other: &Config) -> Option<&'static str> {
        let seed = |config: &Config| config.identifiers.seed(config.run.seed);
        let has_own = self.identifiers.seed != 0 || other.identifiers.seed != 0;
        (seed(self) != seed(other)).then_some(match has_own {
            true => IDENTIFIER_SEED,
            false => SEED,
        })
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
            Stage::Dpo if self.dpo.tuning == Tuning::Lora => {
                &["dpo", "lora", "sampling", "evaluation"]
            }
            Stage::Dpo => &["dpo", "sampling", "evaluation"],
            Stage::Evaluation | Stage::Recorded => &[],
        }
    }

    /// The first setting in `sections` that affects training and differs in `other`, but for the seeds.
    fn differing(&self, other: &Config, sections: &[&str]) -> Option<&'static str> {
        const SHAPE_NOTHING: [&str; 5] = [
            "run.stages",
            "run.checkpoint_every",
            "data.test_limit",
            "evaluation.best_of",
            "identifiers.auditors",
        ];
        // Only one stage reads it.
        let section = |setting: &Setting| match setting.path {
            "data.preferences" => "dpo",
            _ => setting.section(),
        };
        let (own, others) = (self.values(), other.values());
        settings()
            .filter(|setting| sections.contains(&section(setting)))
            .map(|setting| setting.path)
            .filter(|path| !SHAPE_NOTHING.contains(path) && ![SEED, IDENTIFIER_SEED].contains(path))
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
        case(&changed(|c| c.identifiers.auditors = "2".into()), 3, None);
        case(&changed(|c| c.reward.beta = 0.0), 2, Some("reward.beta"));
        case(&changed(|c| c.prefix.cross = 3), 1, Some("prefix.cross"));
        case(
            &changed(|c| c.identifiers.epochs = 9),
            0,
            Some("identifiers.epochs"),
        );
        case(&changed(|c| c.run.seed = 9), 0, Some("run.seed"));
        case(&changed(|c| c.identifiers.seed = 1), 3, None);
        let other_seed =
            |identifiers| move |c: &mut Config| (c.run.seed, c.identifiers.seed) = (9, identifiers);
        case(&changed(other_seed(1)), 1, Some("run.seed"));
        case(&changed(other_seed(2)), 0, Some("identifiers.seed"));
        // What comes before the identifiers is drawn by the run's seed.
        let stages = vec![Stage::Pretraining, Stage::Identifiers];
        let own = changed(|c| c.run.stages = stages.clone());
        let other = changed(|c| {
            other_seed(1)(c);
            c.run.stages = stages.clone();
        });
        assert_eq!(own.shared_stages(&other).stages, []);
        let without = changed(|c| {
            c.run.stages = vec![Stage::Identifiers, Stage::Generator, Stage::Evaluation];
        });
        case(&without, 2, Some("run.stages"));
        case(&changed(|c| c.evaluation.best_of = 8), 3, None);
        case(&changed(|c| c.data.preferences = "mine".into()), 3, None);
        let by_preference = |set: &str| {
            changed(|c| {
                c.run.stages = vec![Stage::Generator, Stage::Dpo];
                c.data.preferences = set.into();
            })
        };
        let shared = by_preference("study-1").shared_stages(&by_preference("study-2"));
        assert_eq!(shared.stages, [Stage::Generator]);
        assert_eq!(shared.differs, Some("data.preferences"));
    }
}
