//! What a run reads and trains, by its stages and settings.

use std::path::Path;

use super::Stage;
use super::config::{Config, LOGISTIC, SCRATCH, Tuning};

impl Config {
    /// Whether a run reads dialogues: identifiers and DPO do without, unless a model is made from nothing for them.
    pub fn reads_dialogues(&self) -> bool {
        let does_without = |stage: &Stage| matches!(stage, Stage::Identifiers | Stage::Dpo);
        let makes_model = self.reads_model() && self.model.source == SCRATCH;
        makes_model || !self.run.stages.iter().all(does_without)
    }

    /// Whether a run reads preference pairs.
    pub fn reads_preferences(&self) -> bool {
        self.run.stages.contains(&Stage::Dpo)
    }

    /// Whether a stage reads the run's model: identifiers that are given, or stand on a folder's encoder, do without.
    pub fn reads_model(&self) -> bool {
        let for_identifiers =
            self.trains_identifiers() && self.identifiers.encoder_folder().is_none();
        for_identifiers || self.has_more_than_identifiers()
    }

    fn has_more_than_identifiers(&self) -> bool {
        let mut stages = self.run.stages.iter();
        stages.any(|stage| *stage != Stage::Identifiers)
    }

    /// Whether a run trains identifiers, rather than taking those that are given.
    pub fn trains_identifiers(&self) -> bool {
        self.run.stages.contains(&Stage::Identifiers) && self.identifiers.given().is_none()
    }

    /// Whether a run reads labelled pairs: to train identifiers or the logistic auditor.
    pub fn reads_levels(&self) -> bool {
        self.trains_identifiers() || self.auditors().any(|own| own == LOGISTIC)
    }

    /// The judges that give no reward; none where no stage measures answers.
    pub fn auditors(&self) -> impl Iterator<Item = &str> {
        const WITHOUT_ANSWERS: [Stage; 3] =
            [Stage::Pretraining, Stage::Identifiers, Stage::Generator];
        let mut stages = self.run.stages.iter();
        let measures = stages.any(|stage| !WITHOUT_ANSWERS.contains(stage));
        self.identifiers.auditors().filter(move |_| measures)
    }

    /// The folder of the encoder that the run trains identifiers on, if it is not its own model.
    pub fn encoder_folder(&self) -> Option<&Path> {
        let folder = self.identifiers.encoder_folder();
        folder.filter(|_| self.trains_identifiers())
    }

    /// Whose identifiers the run takes, if it takes any.
    pub fn given_identifiers(&self) -> Option<&str> {
        let source = self.identifiers.given();
        source.filter(|_| self.run.stages.contains(&Stage::Identifiers))
    }

    /// Whether a stage trains the weights of the model that the run starts from, or copies of them.
    pub fn trains_model(&self, stage: Stage) -> bool {
        match stage {
            Stage::Pretraining => true,
            Stage::Identifiers => self.identifiers.given().is_none(),
            Stage::Generator | Stage::Ppo | Stage::Grpo | Stage::Rloo | Stage::Dpo => {
                self.policy_part(stage).0.trains_model()
            }
            Stage::Evaluation | Stage::Recorded => false,
        }
    }

    /// The stages of the run that train its policy: one at most, if there is nothing wrong.
    pub fn policy_stages(&self) -> Vec<Stage> {
        let stages = self.run.stages.iter().copied();
        stages.filter(|stage| stage.trains_policy()).collect()
    }

    /// Which parameters a stage trains, and on how many responses at once: those of PPO's batch, or of one part of a
    /// batch. The generator's for a stage that trains no policy.
    pub fn policy_part(&self, stage: Stage) -> (Tuning, usize) {
        match stage {
            Stage::Grpo => {
                let of = &self.grpo;
                let responses = of.batch * of.num_generations;
                (
                    of.tuning,
                    responses.div_ceil(of.gradient_accumulation_steps),
                )
            }
            Stage::Rloo => {
                let of = &self.rloo;
                let responses = of.batch * of.num_generations;
                (
                    of.tuning,
                    responses.div_ceil(of.gradient_accumulation_steps),
                )
            }
            Stage::Ppo => (self.ppo.tuning, self.ppo.batch),
            // Two responses of each pair.
            Stage::Dpo => (self.dpo.tuning, 2 * self.dpo.batch),
            Stage::Pretraining
            | Stage::Identifiers
            | Stage::Generator
            | Stage::Evaluation
            | Stage::Recorded => (self.generator.tuning, self.generator.batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_measures_answers_has_auditors() {
        let mut config = Config::default();
        config.identifiers.auditors = LOGISTIC.to_string();
        config.identifiers.source = "7".to_string();
        assert!(config.reads_levels());
        config.run.stages = vec![Stage::Identifiers, Stage::Generator];
        assert_eq!(
            (config.auditors().count(), config.reads_levels()),
            (0, false)
        );
    }
}
