//! Contradictions among settings, beyond each one's own range.

use super::Stage;
use super::config::{Config, IdentifierInit, KlControlChoice, SCRATCH, Tuning};
use super::error::Problem;

impl Config {
    /// Whether a run reads dialogues: identifiers that start from a T5 folder do without.
    pub fn reads_dialogues(&self) -> bool {
        let stages = &self.run.stages;
        self.model.source == SCRATCH || stages.iter().any(|stage| *stage != Stage::Identifiers)
    }

    /// Whether a run reads labelled pairs: to train identifiers.
    pub fn reads_levels(&self) -> bool {
        self.run.stages.contains(&Stage::Identifiers) && self.identifiers.given().is_none()
    }

    /// Whose identifiers the run takes, if it takes any.
    pub fn given_identifiers(&self) -> Option<&str> {
        let source = self.identifiers.given();
        source.filter(|_| self.run.stages.contains(&Stage::Identifiers))
    }

    /// Settings that contradict each other; empty when a run can start.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        let stages = &self.run.stages;
        let place = |stage: Stage| stages.iter().position(|s| *s == stage);
        let has = |stage: Stage| stages.contains(&stage);
        let scratch = self.model.source == SCRATCH;
        let in_order = |pair: &[Stage]| order(pair[0]) < order(pair[1]) || swapped(pair);

        problems.refuse_if(
            !stages.windows(2).all(in_order),
            "run.stages",
            "out of order; it goes pretraining, identifiers and generator (either first), one of ppo, grpo and rloo, evaluation",
        );
        let trained_by = self.policy_stages();
        problems.refuse_if(
            trained_by.len() > 1,
            "run.stages",
            "the policy is trained in one way; keep one of ppo, grpo and rloo",
        );
        problems.refuse_if(
            !trained_by.is_empty() && !has(Stage::Generator),
            "run.stages",
            format!(
                "{} needs the generator stage before it",
                trained_by.first().map_or("", |stage| stage.key())
            ),
        );
        problems.refuse_if(
            !trained_by.is_empty() && !has(Stage::Identifiers) && self.reward.empathy,
            "run.stages",
            "the empathy reward needs the identifiers stage; add it, or set reward.empathy = false",
        );
        problems.refuse_if(
            has(Stage::Evaluation) && !has(Stage::Generator),
            "run.stages",
            "evaluation needs the generator stage before it",
        );
        problems.refuse_if(
            self.given_identifiers() == Some(""),
            "identifiers.source",
            "is empty; use \"train\", the number of a run, or a folder",
        );
        if has(Stage::Identifiers) && self.identifiers.given().is_none() {
            let before = |stage| has(stage) && place(stage) < place(Stage::Identifiers);
            let message = match self.identifiers.init {
                IdentifierInit::Folder if scratch => {
                    "\"folder\" needs model.source to be a folder; use \"random\", \"pretraining\" or \"generator\""
                }
                IdentifierInit::Pretraining if !before(Stage::Pretraining) => {
                    "needs the pretraining stage before the identifiers"
                }
                IdentifierInit::Generator if !before(Stage::Generator) => {
                    "needs the generator stage before the identifiers"
                }
                _ => "",
            };
            problems.refuse_if(!message.is_empty(), "identifiers.init", message);
        }
        problems.refuse_if(
            scratch && !self.generator.tuning.trains_model() && has(Stage::Generator),
            "generator.tuning",
            "an adapter alone cannot teach a model that was never trained; use \"full\" or \"both\"",
        );
        for &stage in &trained_by {
            self.check_tuning(stage, &mut problems);
        }
        let tunings = trained_by.iter().map(|stage| self.policy_part(*stage).0);
        let uses_lora = [self.generator.tuning]
            .into_iter()
            .chain(tunings)
            .any(Tuning::has_lora);
        problems.refuse_if(
            uses_lora && self.lora.alpha == 0.0,
            "lora.alpha",
            "must be above 0, or nothing is added to the weights",
        );
        problems.refuse_if(
            uses_lora && self.lora.targets.contains(['[', ']', '"']),
            "lora.targets",
            "is a text: names with commas between, such as q_proj, v_proj, without brackets or quotes",
        );
        problems.refuse_if(
            uses_lora && self.lora.targets.trim().is_empty(),
            "lora.targets",
            "names no layer; use \"all-linear\", or names such as q_proj, v_proj",
        );
        let longest = self.sampling.max_new_tokens;
        problems.refuse_if(
            self.sampling.min_new_tokens > longest,
            "sampling.min_new_tokens",
            format!("is larger than sampling.max_new_tokens ({longest})"),
        );
        problems.refuse_if(
            self.sampling.top_p == 0.0,
            "sampling.top_p",
            "must be above 0; 1 draws from all tokens",
        );
        problems.refuse_if(
            self.ppo.minibatches > self.ppo.batch,
            "ppo.minibatches",
            format!("is larger than ppo.batch ({})", self.ppo.batch),
        );
        problems.refuse_if(
            !self.ppo.minibatches.is_multiple_of(self.ppo.accumulation),
            "ppo.accumulation",
            format!(
                "must divide ppo.minibatches ({}), so that every update has as many parts",
                self.ppo.minibatches
            ),
        );
        problems.refuse_if(
            self.ppo.clip_once && self.ppo.max_gradient_norm == 0.0,
            "ppo.clip_once",
            "nothing is clipped; give ppo.max_gradient_norm a value above 0",
        );
        problems.refuse_if(
            self.reward.whiten_padding && !self.reward.whiten_rewards,
            "reward.whiten_padding",
            "nothing is whitened; set reward.whiten_rewards = true as well",
        );
        for &stage in &trained_by {
            self.check_groups(stage, &mut problems);
        }
        let reward = &self.reward;
        let weights = reward.emotional_reaction + reward.interpretation + reward.exploration;
        problems.refuse_if(
            reward.empathy && weights == 0.0,
            "reward.empathy",
            "every mechanism is switched off; give one a weight, or set reward.empathy = false",
        );
        problems.0
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
            Stage::Pretraining | Stage::Identifiers | Stage::Generator | Stage::Evaluation => {
                (self.generator.tuning, self.generator.batch)
            }
        }
    }

    /// A policy starts as the generator, with the adapter that it has.
    fn check_tuning(&self, stage: Stage, problems: &mut Problems) {
        let (tuning, _) = self.policy_part(stage);
        let (path, generator) = (format!("{stage}.tuning"), self.generator.tuning);
        problems.refuse_if(
            tuning.has_lora() != generator.has_lora(),
            &path,
            "the policy starts as the generator, which has LoRA or has none; use \"lora\" for both, or for neither",
        );
        let with_prefix = match self.model.source == SCRATCH {
            true => "both",
            false => "prefix",
        };
        problems.refuse_if(
            tuning.has_prefix() && !generator.has_prefix(),
            &path,
            format!(
                "the policy starts as the generator, so a prefix must be there already; set generator.tuning to \"{with_prefix}\" or {path} to \"full\""
            ),
        );
    }

    /// What GRPO and RLOO do not have, and would leave out in silence.
    fn check_groups(&self, stage: Stage, problems: &mut Problems) {
        let (batch, group, parts) = match stage {
            Stage::Grpo => {
                let of = &self.grpo;
                (of.batch, of.num_generations, of.gradient_accumulation_steps)
            }
            Stage::Rloo => {
                let of = &self.rloo;
                (of.batch, of.num_generations, of.gradient_accumulation_steps)
            }
            _ => return,
        };
        let responses = batch * group;
        problems.refuse_if(
            !responses.is_multiple_of(parts),
            &format!("{stage}.gradient_accumulation_steps"),
            format!("must divide the {responses} responses of a batch ({batch} contexts × {group}), so that parts are equal"),
        );
        let title = stage.title();
        problems.refuse_if(
            self.reward.kl_control != KlControlChoice::Fixed,
            "reward.kl_control",
            format!("{title} has no adaptive control of its KL; use \"fixed\", and {stage}.beta for the coefficient"),
        );
        problems.refuse_if(
            self.reward.whiten_rewards,
            "reward.whiten_rewards",
            format!("{title} rewards whole responses, and no tokens that could be whitened; set it to false"),
        );
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn refuse_if(&mut self, is_wrong: bool, path: &str, message: impl Into<String>) {
        if is_wrong {
            self.0.push(Problem {
                path: path.to_string(),
                message: message.into(),
            });
        }
    }
}

fn order(stage: Stage) -> usize {
    Stage::ALL.iter().position(|s| *s == stage).unwrap_or(0)
}

fn swapped(pair: &[Stage]) -> bool {
    pair == [Stage::Generator, Stage::Identifiers] || pair == [Stage::Identifiers, Stage::Ppo]
}
