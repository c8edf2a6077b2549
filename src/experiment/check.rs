//! What settings must hold together, beyond each one's own range.

use super::Stage;
use super::config::{Config, IdentifierInit};
use super::error::Problem;

impl Config {
    /// Whether a run reads dialogues: identifiers that start from a T5 folder do without.
    pub fn reads_dialogues(&self) -> bool {
        let stages = &self.run.stages;
        self.model.source == "scratch" || stages.iter().any(|stage| *stage != Stage::Identifiers)
    }

    /// Whether a run reads labelled pairs.
    pub fn reads_levels(&self) -> bool {
        self.run.stages.contains(&Stage::Identifiers)
    }

    /// Settings that contradict each other; empty when a run can start.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse = |path: &str, message: String| {
            problems.push(Problem {
                path: path.to_string(),
                message,
            });
        };
        let stages = &self.run.stages;
        let place = |stage: Stage| stages.iter().position(|s| *s == stage);
        let scratch = self.model.source == "scratch";

        if !stages
            .windows(2)
            .all(|pair| order(pair[0]) < order(pair[1]) || swapped(pair))
        {
            refuse(
                "run.stages",
                "out of order; it goes pretraining, identifiers and generator (either first), ppo, evaluation".into(),
            );
        }
        if place(Stage::Ppo).is_some() && place(Stage::Generator).is_none() {
            refuse(
                "run.stages",
                "ppo needs the generator stage before it".into(),
            );
        }
        if place(Stage::Ppo).is_some() && place(Stage::Identifiers).is_none() && self.reward.empathy
        {
            refuse(
                "run.stages",
                "the empathy reward needs the identifiers stage; add it, or set reward.empathy = false".into(),
            );
        }
        if place(Stage::Evaluation).is_some() && place(Stage::Generator).is_none() {
            refuse(
                "run.stages",
                "evaluation needs the generator stage before it".into(),
            );
        }
        if place(Stage::Identifiers).is_some() {
            let before = |stage| place(stage) < place(Stage::Identifiers) && place(stage).is_some();
            match self.identifiers.init {
                IdentifierInit::Folder if scratch => refuse(
                    "identifiers.init",
                    "\"folder\" needs model.source to be a folder; use \"random\", \"pretraining\" or \"generator\"".into(),
                ),
                IdentifierInit::Pretraining if !before(Stage::Pretraining) => {
                    refuse("identifiers.init", "needs the pretraining stage before the identifiers".into());
                }
                IdentifierInit::Generator if !before(Stage::Generator) => {
                    refuse("identifiers.init", "needs the generator stage before the identifiers".into());
                }
                _ => {}
            }
        }
        if scratch && !self.generator.tuning.trains_t5() && place(Stage::Generator).is_some() {
            refuse(
                "generator.tuning",
                "a prefix alone cannot teach a model that was never trained; use \"full\" or \"both\"".into(),
            );
        }
        if place(Stage::Ppo).is_some()
            && self.ppo.tuning.has_prefix()
            && !self.generator.tuning.has_prefix()
        {
            refuse(
                "ppo.tuning",
                format!(
                    "the policy starts as the generator, so a prefix must be there already; set generator.tuning to \"{}\" or ppo.tuning to \"full\"",
                    if scratch { "both" } else { "prefix" }
                ),
            );
        }
        if self.sampling.min_new_tokens > self.sampling.max_new_tokens {
            refuse(
                "sampling.min_new_tokens",
                format!(
                    "is larger than sampling.max_new_tokens ({})",
                    self.sampling.max_new_tokens
                ),
            );
        }
        if self.sampling.top_p == 0.0 {
            refuse(
                "sampling.top_p",
                "must be above 0; 1 draws from all tokens".into(),
            );
        }
        if self.ppo.minibatches > self.ppo.batch {
            refuse(
                "ppo.minibatches",
                format!("is larger than ppo.batch ({})", self.ppo.batch),
            );
        }
        if !self.ppo.minibatches.is_multiple_of(self.ppo.accumulation) {
            refuse(
                "ppo.accumulation",
                format!(
                    "must divide ppo.minibatches ({}), so that every update has as many parts",
                    self.ppo.minibatches
                ),
            );
        }
        if self.ppo.clip_once && self.ppo.max_gradient_norm == 0.0 {
            refuse(
                "ppo.clip_once",
                "nothing is clipped; give ppo.max_gradient_norm a value above 0".into(),
            );
        }
        if self.reward.whiten_padding && !self.reward.whiten_rewards {
            refuse(
                "reward.whiten_padding",
                "nothing is whitened; set reward.whiten_rewards = true as well".into(),
            );
        }
        if self.reward.empathy
            && self.reward.emotional_reaction + self.reward.interpretation + self.reward.exploration
                == 0.0
        {
            refuse(
                "reward.empathy",
                "every mechanism is switched off; give one a weight, or set reward.empathy = false"
                    .into(),
            );
        }
        problems
    }
}

fn order(stage: Stage) -> usize {
    Stage::ALL.iter().position(|s| *s == stage).unwrap_or(0)
}

fn swapped(pair: &[Stage]) -> bool {
    pair == [Stage::Generator, Stage::Identifiers] || pair == [Stage::Identifiers, Stage::Ppo]
}
