//! Every metric that a run logs, declared once: name, unit, definition, direction, place.
//!
//! Accuracy, F1 and Dist are in %, shares such as the clip fraction go from 0 to 1.
//! Plots, tables, tooltips and exports read this. Must not know how a value is computed.

/// Whether more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither: a figure to watch.
    None,
}

/// What a person must know to read a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricDecl {
    /// Name in the store, in files and in events: `ppo/kl/k1`. Starts with the stage, or with
    /// `validation` for figures of an evaluation during training and `memory` for the process.
    pub key: &'static str,
    /// Name for a person.
    pub name: &'static str,
    /// Unit of the values; empty for plain numbers.
    pub unit: &'static str,
    /// How it is computed, in one sentence.
    pub definition: &'static str,
    /// Whether more is better.
    pub direction: Direction,
    /// First part of the key.
    pub stage: &'static str,
    /// Metrics of one group share a plot by default.
    pub group: &'static str,
    /// What one value stands for: `batch`, `step`, `epoch`, `evaluation`.
    pub per_what: &'static str,
}

impl MetricDecl {
    /// Its name where nothing else tells on what it was measured: "Emp-F1 (validation)".
    pub fn full_name(&self) -> String {
        match self.stage {
            "validation" => format!("{} (validation)", self.name),
            _ => self.name.to_string(),
        }
    }
}

/// The declaration of a key, if there is one.
pub fn declared(key: &str) -> Option<&'static MetricDecl> {
    METRICS.iter().find(|metric| metric.key == key)
}

/// All declarations, in the order in which they are shown.
pub fn all() -> &'static [MetricDecl] {
    METRICS
}

macro_rules! metrics {
    ($($constant:ident = $key:literal, $name:literal, $unit:literal, $direction:ident,
        $stage:literal, $group:literal, $per_what:literal, $definition:literal;)*) => {
        $(
            #[doc = $definition]
            pub const $constant: &str = $key;
        )*
        const METRICS: &[MetricDecl] = &[
            $(MetricDecl {
                key: $key,
                name: $name,
                unit: $unit,
                definition: $definition,
                direction: Direction::$direction,
                stage: $stage,
                group: $group,
                per_what: $per_what,
            },)*
        ];
    };
}

metrics! {
    PRETRAINING_LOSS = "pretraining/loss", "Pretraining loss", "nats", Lower, "pretraining", "Pretraining loss", "batch",
        "Mean cross-entropy over the tokens of the hidden spans and their sentinels (T5's span corruption).";
    PRETRAINING_VALIDATION_LOSS = "pretraining/validation_loss", "Pretraining validation loss", "nats", Lower, "pretraining", "Pretraining loss", "evaluation",
        "The pretraining loss on held-out texts.";
    PRETRAINING_LEARNING_RATE = "pretraining/lr", "Pretraining learning rate", "", None, "pretraining", "Learning rate", "step",
        "Step size of the optimizer in this update.";
    PRETRAINING_GRADIENT_NORM = "pretraining/gradient_norm", "Pretraining gradient norm", "", None, "pretraining", "Gradient norm", "step",
        "Euclidean norm of the gradient over all trainable parameters, before clipping.";
    PRETRAINING_TOKENS_PER_SECOND = "pretraining/tokens_per_second", "Pretraining speed", "tokens/s", Higher, "pretraining", "Speed", "step",
        "Real source and target tokens trained on, by wall time.";
    IDENTIFIER_EMOTIONAL_REACTION_LOSS = "identifiers/emotional_reaction/loss", "Emotional reaction: loss", "nats", Lower, "identifiers", "Identifier loss", "batch",
        "Mean cross-entropy of the emotional reaction identifier's level over the labelled pairs of a training batch.";
    IDENTIFIER_EMOTIONAL_REACTION_VALIDATION_LOSS = "identifiers/emotional_reaction/validation_loss", "Emotional reaction: validation loss", "nats", Lower, "identifiers", "Identifier loss", "evaluation",
        "Mean cross-entropy of the emotional reaction identifier's level over the validation pairs.";
    IDENTIFIER_EMOTIONAL_REACTION_ACCURACY = "identifiers/emotional_reaction/accuracy", "Emotional reaction: accuracy", "%", Higher, "identifiers", "Identifier accuracy", "evaluation",
        "Share of validation pairs whose emotional reaction level is identified rightly.";
    IDENTIFIER_EMOTIONAL_REACTION_WEIGHTED_F1 = "identifiers/emotional_reaction/weighted_f1", "Emotional reaction: weighted F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each emotional reaction level on the validation pairs, averaged by how many pairs have the level.";
    IDENTIFIER_EMOTIONAL_REACTION_MACRO_F1 = "identifiers/emotional_reaction/macro_f1", "Emotional reaction: macro F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each emotional reaction level on the validation pairs, averaged evenly over the levels that occur.";
    IDENTIFIER_INTERPRETATION_LOSS = "identifiers/interpretation/loss", "Interpretation: loss", "nats", Lower, "identifiers", "Identifier loss", "batch",
        "Mean cross-entropy of the interpretation identifier's level over the labelled pairs of a training batch.";
    IDENTIFIER_INTERPRETATION_VALIDATION_LOSS = "identifiers/interpretation/validation_loss", "Interpretation: validation loss", "nats", Lower, "identifiers", "Identifier loss", "evaluation",
        "Mean cross-entropy of the interpretation identifier's level over the validation pairs.";
    IDENTIFIER_INTERPRETATION_ACCURACY = "identifiers/interpretation/accuracy", "Interpretation: accuracy", "%", Higher, "identifiers", "Identifier accuracy", "evaluation",
        "Share of validation pairs whose interpretation level is identified rightly.";
    IDENTIFIER_INTERPRETATION_WEIGHTED_F1 = "identifiers/interpretation/weighted_f1", "Interpretation: weighted F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each interpretation level on the validation pairs, averaged by how many pairs have the level.";
    IDENTIFIER_INTERPRETATION_MACRO_F1 = "identifiers/interpretation/macro_f1", "Interpretation: macro F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each interpretation level on the validation pairs, averaged evenly over the levels that occur.";
    IDENTIFIER_EXPLORATION_LOSS = "identifiers/exploration/loss", "Exploration: loss", "nats", Lower, "identifiers", "Identifier loss", "batch",
        "Mean cross-entropy of the exploration identifier's level over the labelled pairs of a training batch.";
    IDENTIFIER_EXPLORATION_VALIDATION_LOSS = "identifiers/exploration/validation_loss", "Exploration: validation loss", "nats", Lower, "identifiers", "Identifier loss", "evaluation",
        "Mean cross-entropy of the exploration identifier's level over the validation pairs.";
    IDENTIFIER_EXPLORATION_ACCURACY = "identifiers/exploration/accuracy", "Exploration: accuracy", "%", Higher, "identifiers", "Identifier accuracy", "evaluation",
        "Share of validation pairs whose exploration level is identified rightly.";
    IDENTIFIER_EXPLORATION_WEIGHTED_F1 = "identifiers/exploration/weighted_f1", "Exploration: weighted F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each exploration level on the validation pairs, averaged by how many pairs have the level.";
    IDENTIFIER_EXPLORATION_MACRO_F1 = "identifiers/exploration/macro_f1", "Exploration: macro F1", "%", Higher, "identifiers", "Identifier F1", "evaluation",
        "F1 of each exploration level on the validation pairs, averaged evenly over the levels that occur.";
    GENERATOR_LOSS = "generator/loss", "Generator loss", "nats", Lower, "generator", "Generator loss", "batch",
        "Mean cross-entropy over the real target tokens of a training batch, eos included.";
    GENERATOR_VALIDATION_LOSS = "generator/validation_loss", "Generator validation loss", "nats", Lower, "generator", "Generator loss", "evaluation",
        "Mean cross-entropy over the real target tokens of the validation examples, eos included.";
    GENERATOR_PPL = "generator/ppl", "Generator validation PPL", "", Lower, "generator", "Perplexity", "evaluation",
        "exp of the mean token cross-entropy of the validation targets; every real token counts once, eos included.";
    GENERATOR_LEARNING_RATE = "generator/lr", "Generator learning rate", "", None, "generator", "Learning rate", "step",
        "Step size of the optimizer in this update.";
    GENERATOR_GRADIENT_NORM = "generator/gradient_norm", "Generator gradient norm", "", None, "generator", "Gradient norm", "step",
        "Euclidean norm of the gradient over all trainable parameters, before clipping.";
    GENERATOR_TOKENS_PER_SECOND = "generator/tokens_per_second", "Generator speed", "tokens/s", Higher, "generator", "Speed", "step",
        "Real source and target tokens trained on, by wall time.";
    EMPATHY_REWARD = "ppo/reward/empathy", "Empathy reward", "", Higher, "ppo", "Empathy reward", "step",
        "R_emp = exp(-L_emp), where L_emp is the weighted sum over mechanisms of the cross-entropy between the levels identified in the response and those of the target; mean over the batch (Eq. 2-3).";
    REWARD_EMOTIONAL_REACTION = "ppo/reward/emotional_reaction", "Reward: emotional reaction", "", Higher, "ppo", "Reward by mechanism", "step",
        "exp(-cross-entropy) of the emotional reaction identifier's level of the response against the target's level; mean over the batch.";
    REWARD_INTERPRETATION = "ppo/reward/interpretation", "Reward: interpretation", "", Higher, "ppo", "Reward by mechanism", "step",
        "exp(-cross-entropy) of the interpretation identifier's level of the response against the target's level; mean over the batch.";
    REWARD_EXPLORATION = "ppo/reward/exploration", "Reward: exploration", "", Higher, "ppo", "Reward by mechanism", "step",
        "exp(-cross-entropy) of the exploration identifier's level of the response against the target's level; mean over the batch.";
    SHAPED_SCORE = "ppo/score/shaped", "Shaped score", "", Higher, "ppo", "Shaped score", "step",
        "The empathy reward after scaling, normalisation and clipping, as the trainer adds it to the last token; equals the empathy reward where these are off; mean over the batch.";
    KL_K1 = "ppo/kl/k1", "KL (k1)", "nats", None, "ppo", "KL", "step",
        "Sum over response tokens of log pi - log rho of the sampled token, mean over responses; unbiased only when sampling from the full distribution, and can be negative under top-k.";
    KL_K3 = "ppo/kl/k3", "KL (k3)", "nats", None, "ppo", "KL", "step",
        "Sum over response tokens of rho/pi - 1 - log(rho/pi) of the sampled token, mean over responses; never negative.";
    KL_FULL = "ppo/kl/full", "KL (full)", "nats", None, "ppo", "KL", "step",
        "Sum over response tokens of the exact KL divergence of pi from rho over the whole vocabulary, mean over responses.";
    KL_BETA = "ppo/beta", "KL weight β", "", None, "ppo", "KL weight", "step",
        "Weight of the per-token KL penalty in the reward (Eq. 8), as used in this step.";
    RETURNS_MEAN = "ppo/returns/mean", "Mean return", "", Higher, "ppo", "Returns", "step",
        "Mean over real response tokens of advantage + old value, before whitening.";
    RETURNS_VARIANCE = "ppo/returns/variance", "Variance of returns", "", None, "ppo", "Returns", "step",
        "Variance over real response tokens of advantage + old value, before whitening.";
    VALUE_LOSS = "ppo/loss/value", "Value loss", "", Lower, "ppo", "Value loss", "step",
        "Mean squared error of the values against the returns over real tokens, clipped around the old values where that is set; mean over the step's minibatches (Eq. 15).";
    POLICY_LOSS = "ppo/loss/policy", "Policy loss", "", Lower, "ppo", "Policy loss", "step",
        "Mean over real tokens of max(-A r, -A clip(r, 1 - ε, 1 + ε)); mean over the step's minibatches (Eq. 14).";
    TOTAL_LOSS = "ppo/loss/total", "Total loss", "", Lower, "ppo", "Total loss", "step",
        "Policy loss + α · value loss; mean over the step's minibatches (Eq. 13).";
    EXPLAINED_VARIANCE = "ppo/explained_variance", "Explained variance", "", Higher, "ppo", "Explained variance", "step",
        "1 - Var(returns - values) / Var(returns) over real tokens: 1 is perfect, 0 is no better than their mean.";
    CLIP_FRACTION = "ppo/clip_fraction", "Clip fraction", "", None, "ppo", "Clipping", "step",
        "Share of real tokens (0 to 1) at which the clipped policy objective is the one that counts.";
    VALUE_CLIP_FRACTION = "ppo/value_clip_fraction", "Value clip fraction", "", None, "ppo", "Clipping", "step",
        "Share of real tokens (0 to 1) at which the clipped value error is the one that counts.";
    APPROX_KL = "ppo/approx_kl", "Old-to-new KL", "nats", None, "ppo", "Old-to-new KL", "step",
        "Half the mean squared log-ratio of new and old policy over real tokens; mean over the step's minibatches.";
    RATIO_MEAN = "ppo/ratio/mean", "Mean ratio", "", None, "ppo", "Ratio", "step",
        "Mean over real tokens of pi_new / pi_old of the sampled token.";
    RATIO_MAX = "ppo/ratio/max", "Largest ratio", "", None, "ppo", "Ratio", "step",
        "Largest pi_new / pi_old of any sampled token in the step.";
    ENTROPY = "ppo/entropy", "Entropy", "nats", None, "ppo", "Entropy", "step",
        "Mean over real response tokens of the entropy of the policy's full distribution.";
    RESPONSE_LENGTH = "ppo/response_length", "Response length", "tokens", None, "ppo", "Response length", "step",
        "Mean number of generated tokens, eos included.";
    ENDED_SHARE = "ppo/ended_share", "Ended responses", "", None, "ppo", "Ended responses", "step",
        "Share of responses (0 to 1) that ended with eos before the limit.";
    PPO_GRADIENT_NORM = "ppo/gradient_norm", "PPO gradient norm", "", None, "ppo", "Gradient norm", "step",
        "Euclidean norm of the gradient over all trainable parameters, before clipping; mean over the step's minibatches.";
    PPO_LEARNING_RATE = "ppo/lr", "PPO learning rate", "", None, "ppo", "Learning rate", "step",
        "Step size of the optimizer in this step.";
    PPO_TOKENS_PER_SECOND = "ppo/tokens_per_second", "PPO speed", "tokens/s", Higher, "ppo", "Speed", "step",
        "Generated tokens by the wall time of the whole step.";
    ROLLOUT_SECONDS = "ppo/seconds/rollout", "Rollout time", "s", Lower, "ppo", "Time by phase", "step",
        "Wall time of generating the responses.";
    REWARD_SECONDS = "ppo/seconds/reward", "Reward time", "s", Lower, "ppo", "Time by phase", "step",
        "Wall time of the identifiers, reference log-probs and reward.";
    UPDATE_SECONDS = "ppo/seconds/update", "Update time", "s", Lower, "ppo", "Time by phase", "step",
        "Wall time of all epochs over the batch.";
    SKIPPED_MINIBATCHES = "ppo/skipped_minibatches", "Skipped minibatches", "", Lower, "ppo", "Skipped minibatches", "step",
        "Minibatches left out in this step because their mean ratio passed the threshold.";
    VALIDATION_PPL = "validation/ppl", "PPL", "", Lower, "validation", "PPL", "evaluation",
        "exp of the mean token cross-entropy of the targets; every real target token counts once, eos included.";
    VALIDATION_DIST_1 = "validation/dist_1", "Dist-1", "%", Higher, "validation", "Dist-1", "evaluation",
        "100 × distinct words / all words over all generated responses, words by NLTK's word_tokenize, case kept.";
    VALIDATION_DIST_2 = "validation/dist_2", "Dist-2", "%", Higher, "validation", "Dist-2", "evaluation",
        "100 × distinct word pairs / all word pairs over all generated responses, words by NLTK's word_tokenize, case kept.";
    VALIDATION_EMP_F1 = "validation/emp_f1", "Emp-F1", "%", Higher, "validation", "Emp-F1", "evaluation",
        "Mean over the three mechanisms of the weighted F1 of levels identified in generated responses against those identified in targets.";
    VALIDATION_EMOTIONAL_REACTION_F1 = "validation/emotional_reaction_f1", "Emotional reaction F1", "%", Higher, "validation", "Emp-F1 by mechanism", "evaluation",
        "Weighted F1 of the emotional reaction levels identified in generated responses against those identified in targets.";
    VALIDATION_INTERPRETATION_F1 = "validation/interpretation_f1", "Interpretation F1", "%", Higher, "validation", "Emp-F1 by mechanism", "evaluation",
        "Weighted F1 of the interpretation levels identified in generated responses against those identified in targets.";
    VALIDATION_EXPLORATION_F1 = "validation/exploration_f1", "Exploration F1", "%", Higher, "validation", "Emp-F1 by mechanism", "evaluation",
        "Weighted F1 of the exploration levels identified in generated responses against those identified in targets.";
    RESIDENT_MEMORY = "memory/resident", "Memory", "bytes", Lower, "memory", "Memory", "step",
        "Resident memory of the whole process.";
}

/// The five figures of one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentifierKeys {
    /// Cross-entropy of a training batch.
    pub loss: &'static str,
    /// Cross-entropy on the validation pairs.
    pub validation_loss: &'static str,
    /// Accuracy on the validation pairs.
    pub accuracy: &'static str,
    /// Weighted F1 on the validation pairs.
    pub weighted_f1: &'static str,
    /// Macro F1 on the validation pairs.
    pub macro_f1: &'static str,
}

/// Keys of the identifiers' figures, in the order of
/// [`Mechanism::ALL`](crate::data::Mechanism::ALL).
pub const IDENTIFIER_KEYS: [IdentifierKeys; 3] = [
    IdentifierKeys {
        loss: IDENTIFIER_EMOTIONAL_REACTION_LOSS,
        validation_loss: IDENTIFIER_EMOTIONAL_REACTION_VALIDATION_LOSS,
        accuracy: IDENTIFIER_EMOTIONAL_REACTION_ACCURACY,
        weighted_f1: IDENTIFIER_EMOTIONAL_REACTION_WEIGHTED_F1,
        macro_f1: IDENTIFIER_EMOTIONAL_REACTION_MACRO_F1,
    },
    IdentifierKeys {
        loss: IDENTIFIER_INTERPRETATION_LOSS,
        validation_loss: IDENTIFIER_INTERPRETATION_VALIDATION_LOSS,
        accuracy: IDENTIFIER_INTERPRETATION_ACCURACY,
        weighted_f1: IDENTIFIER_INTERPRETATION_WEIGHTED_F1,
        macro_f1: IDENTIFIER_INTERPRETATION_MACRO_F1,
    },
    IdentifierKeys {
        loss: IDENTIFIER_EXPLORATION_LOSS,
        validation_loss: IDENTIFIER_EXPLORATION_VALIDATION_LOSS,
        accuracy: IDENTIFIER_EXPLORATION_ACCURACY,
        weighted_f1: IDENTIFIER_EXPLORATION_WEIGHTED_F1,
        macro_f1: IDENTIFIER_EXPLORATION_MACRO_F1,
    },
];

/// Keys of `exp(-CE)` by mechanism, in the order of
/// [`Mechanism::ALL`](crate::data::Mechanism::ALL).
pub const REWARD_KEYS: [&str; 3] = [
    REWARD_EMOTIONAL_REACTION,
    REWARD_INTERPRETATION,
    REWARD_EXPLORATION,
];

/// Keys of the F1 by mechanism at each evaluation, in the order of
/// [`Mechanism::ALL`](crate::data::Mechanism::ALL).
pub const VALIDATION_F1_KEYS: [&str; 3] = [
    VALIDATION_EMOTIONAL_REACTION_F1,
    VALIDATION_INTERPRETATION_F1,
    VALIDATION_EXPLORATION_F1,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::data::Mechanism;

    #[test]
    fn keys_are_unique_and_start_with_their_stage() {
        let keys: HashSet<&str> = all().iter().map(|metric| metric.key).collect();
        assert_eq!(keys.len(), all().len());
        for metric in all() {
            assert!(metric.key.starts_with(metric.stage), "{}", metric.key);
            assert!(metric.definition.ends_with('.'), "{}", metric.key);
        }
    }

    #[test]
    fn keys_by_mechanism_are_declared_in_the_order_of_mechanisms() {
        for mechanism in Mechanism::ALL {
            let (index, key) = (mechanism.index(), mechanism.key());
            let ids = IDENTIFIER_KEYS[index];
            for id in [
                ids.loss,
                ids.validation_loss,
                ids.accuracy,
                ids.weighted_f1,
                ids.macro_f1,
                REWARD_KEYS[index],
                VALIDATION_F1_KEYS[index],
            ] {
                assert!(declared(id).is_some() && id.contains(key), "{id}");
            }
        }
        assert_eq!(declared("ppo/nothing"), None);
    }
}
