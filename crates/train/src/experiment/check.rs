//! Contradictions among settings, beyond each one's own range.

use super::Stage;
use super::config::{Config, IdentifierInit, KlControlChoice, Precision, SCRATCH, TERMS, Tuning};
use super::error::Problem;
use super::term;

impl Config {
    /// Settings that contradict each other; empty when a run can start.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        let stages = &self.run.stages;
        let place = |stage: Stage| stages.iter().position(|s| *s == stage);
        let has = |stage: Stage| stages.contains(&stage);
        let scratch = self.model.source == SCRATCH;
        let in_order = |pair: &[Stage]| order(pair[0]) < order(pair[1]) || swapped(pair);

        problems.refuse_if(
            self.run.precision == Precision::Bf16 && self.run.device != "flex",
            "run.precision",
            "\"bf16\" needs run.device = \"flex\"; use \"f32\" on other devices",
        );
        problems.refuse_if(
            !stages.windows(2).all(in_order),
            "run.stages",
            "out of order; it goes pretraining, identifiers and generator (either first), one of ppo, grpo, rloo and dpo, evaluation",
        );
        let trained_by = self.policy_stages();
        problems.refuse_if(
            trained_by.len() > 1,
            "run.stages",
            "the policy is trained in one way; keep one of ppo, grpo and rloo",
        );
        problems.refuse_if(
            trained_by.iter().any(|stage| *stage != Stage::Dpo) && !has(Stage::Generator),
            "run.stages",
            format!(
                "{} needs the generator stage before it",
                trained_by.first().map_or("", |stage| stage.key())
            ),
        );
        problems.refuse_if(
            trained_by.iter().any(|stage| *stage != Stage::Dpo)
                && !has(Stage::Identifiers)
                && self.reward.uses_identifiers(),
            "run.stages",
            "the empathy reward needs the identifiers stage; add it, or set reward.empathy = false (or leave the term of the identifiers out)",
        );
        problems.refuse_if(
            has(Stage::Evaluation) && !has(Stage::Generator) && !has(Stage::Dpo),
            "run.stages",
            "evaluation needs the generator stage before it",
        );
        problems.refuse_if(
            stages.iter().filter(|stage| stage.trains_policy()).count() > 1,
            "run.stages",
            "one stage trains the policy: ppo or dpo",
        );
        self.preference_problems(&mut problems);
        problems.refuse_if(
            self.given_identifiers() == Some(""),
            "identifiers.source",
            "is empty; use \"train\", the number of a run, or a folder",
        );
        problems.0.extend(self.auditor_problem());
        if self.trains_identifiers() && self.identifiers.encoder_folder().is_none() {
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
        for &stage in trained_by.iter().filter(|stage| **stage != Stage::Dpo) {
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
            reward.uses_identifiers() && weights == 0.0,
            "reward.empathy",
            "every mechanism is switched off; give one a weight, or set reward.empathy = false",
        );
        for problem in term::problems(reward) {
            problems.refuse_if(true, TERMS, problem);
        }
        problems.0
    }

    /// Those of DPO and of best-of-n.
    fn preference_problems(&self, problems: &mut Problems) {
        let has = |stage: Stage| self.run.stages.contains(&stage);
        let (own, generator) = (self.dpo.tuning, self.generator.tuning);
        if has(Stage::Dpo) && has(Stage::Generator) {
            problems.refuse_if(
                own.has_lora() != generator.has_lora(),
                "dpo.tuning",
                "the policy starts as the generator, which has LoRA or has none; use \"lora\" for both, or for neither",
            );
            problems.refuse_if(
                own.has_prefix() && !generator.has_prefix(),
                "dpo.tuning",
                "the policy starts as the generator, so a prefix must be there already; set generator.tuning to \"prefix\" or \"both\", or dpo.tuning to \"full\"",
            );
        } else if has(Stage::Dpo) {
            problems.refuse_if(
                self.model.source == SCRATCH,
                "run.stages",
                "dpo of a model made from nothing needs the generator stage before it",
            );
            problems.refuse_if(
                own.has_prefix(),
                "dpo.tuning",
                "without a generator stage the policy starts as the model, which has no prefix; use \"lora\" or \"full\"",
            );
        }
        problems.refuse_if(
            has(Stage::Dpo) && self.data.preferences.trim().is_empty(),
            "data.preferences",
            "is empty; give the name of a set of preference pairs (`emprl data import preferences FILE`)",
        );
        problems.refuse_if(
            has(Stage::Dpo) && self.dpo.beta == 0.0,
            "dpo.beta",
            "must be above 0, or every pair has the same loss",
        );
        problems.refuse_if(
            has(Stage::Dpo) && self.dpo.max_completion_length >= self.dpo.max_length,
            "dpo.max_completion_length",
            format!(
                "leaves no room for a context in dpo.max_length ({})",
                self.dpo.max_length
            ),
        );
        let best_of = self.evaluation.best_of;
        problems.refuse_if(
            best_of == 1,
            "evaluation.best_of",
            "of one response there is none to choose; use 0, or 2 and more",
        );
        problems.refuse_if(
            best_of > 1
                && has(Stage::Evaluation)
                && !(has(Stage::Identifiers) && self.reward.empathy),
            "evaluation.best_of",
            "needs a reward to choose by: add the identifiers stage and leave reward.empathy on, or use 0",
        );
    }

    /// What is wrong with the names of the auditors.
    pub fn auditor_problem(&self) -> Option<Problem> {
        let settings = &self.identifiers;
        let names: Vec<&str> = settings.auditors().collect();
        let is_twice = |(at, name): (usize, &&str)| names[..at].contains(name);
        let message = if settings.auditors.contains(['[', ']', '"']) {
            "is a text: names with commas between, such as 2, logistic, without brackets or quotes"
                .to_string()
        } else if let Some(name) = names.iter().find(|name| ["none", "train"].contains(name)) {
            format!("\"{name}\" is no auditor; name runs, folders or \"logistic\"")
        } else if names.iter().enumerate().any(is_twice) {
            "names one of them twice".to_string()
        } else if let Some(own) = settings.given().filter(|own| names.contains(own)) {
            format!(
                "{own} is identifiers.source, whose identifiers give the reward; an auditor must be another, such as those of a run of another seed"
            )
        } else {
            return None;
        };
        Some(Problem {
            path: "identifiers.auditors".to_string(),
            message,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::LOGISTIC;

    #[test]
    fn auditors_are_names_with_commas_between_and_none_of_them_gives_the_reward() {
        let mut config = Config::default();
        let mut of = |auditors: &str| {
            config.identifiers.source = "7".to_string();
            config.identifiers.auditors = auditors.to_string();
            let names: Vec<String> = config.auditors().map(str::to_string).collect();
            let problem = config.auditor_problem().map(|problem| problem.message);
            (names, problem)
        };
        assert_eq!(of("none"), (vec![], None));
        assert_eq!(
            of(" 2,logistic , "),
            (vec!["2".to_string(), LOGISTIC.into()], None)
        );
        for (wrong, why) in [
            ("[\"2\"]", "without brackets"),
            ("2, none", "no auditor"),
            ("2, 3, 2", "twice"),
            ("2, 7", "7 is identifiers.source"),
        ] {
            let (_, problem) = of(wrong);
            assert!(problem.is_some_and(|said| said.contains(why)), "{wrong}");
        }
    }
}
