//! Every metric that a run logs, declared once: name, unit, definition, direction, place.
//!
//! Accuracy, F1 and Dist are in %, shares such as the clip fraction go from 0 to 1.
//! Plots, tables, tooltips and exports read this. Must not know how a value is computed. The terms of
//! rewards other than the paper's are not in the table: they are described by their names.

use std::borrow::Cow;
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Higher,
    Lower,
    /// Neither.
    None,
}

/// The declaration of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDecl {
    /// Name in the store, in files and in events: `ppo/kl/k1`. Starts with the stage, or with
    /// `validation` for figures of an evaluation during training and `memory` for the process.
    pub key: Cow<'static, str>,
    pub name: Cow<'static, str>,
    /// Unit of the values; empty for plain numbers.
    pub unit: &'static str,
    /// How it is computed, in one sentence.
    pub definition: Cow<'static, str>,
    pub direction: Direction,
    /// Raised whenever the same responses get another value or interval; part of a figure's signature.
    pub version: u32,
    /// First part of the key.
    pub stage: &'static str,
    /// Metrics of one group share a plot by default.
    pub group: &'static str,
    /// What one value is measured over: `batch`, `step`, `epoch`, `evaluation`.
    pub per_what: &'static str,
}

impl MetricDecl {
    /// Its name with the data it was measured on, "Emp-F1 (validation)", or with the stage where another has the same,
    /// "KL (k1), GRPO".
    pub fn full_name(&self) -> String {
        match self.stage {
            "validation" => format!("{} (validation)", self.name),
            stage => match policy_title(stage) {
                Some(title) if !self.name.contains(title) => format!("{}, {title}", self.name),
                _ => self.name.to_string(),
            },
        }
    }
}

/// The declaration of a key, if there is one.
pub fn declared(key: &str) -> Option<MetricDecl> {
    let in_table = all().find(|metric| metric.key == key);
    in_table
        .cloned()
        .or_else(|| undeclared_reward(key))
        .or_else(|| recorded(key))
}

/// The table, in the order in which metrics are shown.
pub fn all() -> impl Iterator<Item = &'static MetricDecl> {
    static ALL: LazyLock<Vec<MetricDecl>> = LazyLock::new(|| {
        let mut all = Vec::new();
        for list in TABLE {
            all.extend_from_slice(list);
            if list.iter().any(|metric| metric.key == SHAPED_SCORE) {
                all.extend(groups::declared());
            }
        }
        all
    });
    ALL.iter()
}

/// The table, followed by the metrics among `logged` that it does not list: those of rewards, and those that other
/// programs recorded.
pub fn all_with<'a>(logged: impl Iterator<Item = &'a str>) -> impl Iterator<Item = MetricDecl> {
    let others = logged.filter(|key| all().all(|metric| metric.key != *key));
    let others = others.filter_map(|key| undeclared_reward(key).or_else(|| recorded(key)));
    all().cloned().chain(others)
}

/// Declares metrics of a stage as a list, and a public constant for the key of each; `version` (1) and `unit` may
/// be left out.
///
/// With `each mechanism` an entry declares three metrics, and its constant is their keys in the order of
/// [`Mechanism::ALL`](crate::data::Mechanism::ALL). Between two texts, `key`, `title` and `words` are the
/// mechanism: `emotional_reaction`, `Emotional reaction`, `emotional reaction`.
macro_rules! metrics {
    ($vis:vis $list:ident in $stage:literal:
        $($constant:ident { key: $key:literal, name: $name:literal, $(version: $version:literal,)? $(unit: $unit:literal,)? direction: $direction:ident,
            group: $group:literal, per: $per_what:literal, definition: $definition:literal })*) => {
        $(
            #[doc = $definition]
            pub const $constant: &str = $key;
        )*
        $vis const $list: &[$crate::metrics::MetricDecl] = &[$($crate::metrics::MetricDecl {
            key: ::std::borrow::Cow::Borrowed($key),
            name: ::std::borrow::Cow::Borrowed($name),
            unit: concat!($($unit)?),
            definition: ::std::borrow::Cow::Borrowed($definition),
            direction: $crate::metrics::Direction::$direction,
            version: version!($($version)?),
            stage: $stage,
            group: $group,
            per_what: $per_what,
        },)*];
    };
    ($vis:vis $list:ident in $stage:literal, each mechanism:
        $($constant:ident { key: $key:tt, name: $name:tt, $(unit: $unit:literal,)? direction: $direction:ident,
            group: $group:literal, per: $per_what:literal, definition: $definition:tt })*) => {
        $(
            #[doc = joined!(Any $definition)]
            pub const $constant: [&str; 3] =
                [joined!(EmotionalReaction $key), joined!(Interpretation $key), joined!(Exploration $key)];
        )*
        $vis const $list: &[MetricDecl] = &[
            $(metrics!(@ EmotionalReaction $key $name [$($unit)?] $direction $stage $group $per_what $definition),)*
            $(metrics!(@ Interpretation $key $name [$($unit)?] $direction $stage $group $per_what $definition),)*
            $(metrics!(@ Exploration $key $name [$($unit)?] $direction $stage $group $per_what $definition),)*
        ];
    };
    (@ $mechanism:ident $key:tt $name:tt [$($unit:literal)?] $direction:ident $stage:literal $group:literal
        $per_what:literal $definition:tt) => {
        MetricDecl {
            key: Cow::Borrowed(joined!($mechanism $key)),
            name: Cow::Borrowed(joined!($mechanism $name)),
            unit: concat!($($unit)?),
            definition: Cow::Borrowed(joined!($mechanism $definition)),
            direction: Direction::$direction,
            version: version!(),
            stage: $stage,
            group: $group,
            per_what: $per_what,
        }
    };
}

/// The version of a metric: 1 unless it says another.
macro_rules! version {
    () => {
        1
    };
    ($version:literal) => {
        $version
    };
}

/// A text in which a mechanism is named.
macro_rules! joined {
    ($mechanism:ident ($before:literal $form:ident $after:literal)) => {
        concat!($before, mechanism!($mechanism $form), $after)
    };
}

macro_rules! mechanism {
    (EmotionalReaction key) => {
        "emotional_reaction"
    };
    (EmotionalReaction title) => {
        "Emotional reaction"
    };
    (EmotionalReaction words) => {
        "emotional reaction"
    };
    (Interpretation title) => {
        "Interpretation"
    };
    (Interpretation $form:ident) => {
        "interpretation"
    };
    (Exploration title) => {
        "Exploration"
    };
    (Exploration $form:ident) => {
        "exploration"
    };
    (Any $form:ident) => {
        "mechanism"
    };
}

mod groups;
mod recorded;

pub use groups::*;
use recorded::recorded;
pub use recorded::{is_recorded, recorded_key, shown_key};

metrics! { PRETRAINING in "pretraining":
    PRETRAINING_LOSS { key: "pretraining/loss", name: "Pretraining loss", unit: "nats", direction: Lower, group: "Pretraining loss", per: "batch",
        definition: "Mean cross-entropy over the tokens of the hidden spans and their sentinels (T5's span corruption)." }
    PRETRAINING_VALIDATION_LOSS { key: "pretraining/validation_loss", name: "Pretraining validation loss", unit: "nats", direction: Lower, group: "Pretraining loss", per: "evaluation",
        definition: "The pretraining loss on held-out texts." }
    PRETRAINING_LEARNING_RATE { key: "pretraining/lr", name: "Pretraining learning rate", direction: None, group: "Learning rate", per: "step",
        definition: "Step size of the optimizer in this update." }
    PRETRAINING_GRADIENT_NORM { key: "pretraining/gradient_norm", name: "Pretraining gradient norm", direction: None, group: "Gradient norm", per: "step",
        definition: "Euclidean norm of the gradient over all trainable parameters, before clipping." }
    PRETRAINING_TOKENS_PER_SECOND { key: "pretraining/tokens_per_second", name: "Pretraining speed", unit: "tokens/s", direction: Higher, group: "Speed", per: "step",
        definition: "Real source and target tokens trained on, by wall time." }
}

metrics! { IDENTIFIERS in "identifiers", each mechanism:
    IDENTIFIER_LOSS { key: ("identifiers/" key "/loss"), name: ("" title ": loss"), unit: "nats", direction: Lower, group: "Identifier loss", per: "batch",
        definition: ("Mean cross-entropy of the " words " identifier's level over the labelled pairs of a training batch.") }
    IDENTIFIER_VALIDATION_LOSS { key: ("identifiers/" key "/validation_loss"), name: ("" title ": validation loss"), unit: "nats", direction: Lower, group: "Identifier loss", per: "evaluation",
        definition: ("Mean cross-entropy of the " words " identifier's level over the validation pairs.") }
    IDENTIFIER_ACCURACY { key: ("identifiers/" key "/accuracy"), name: ("" title ": accuracy"), unit: "%", direction: Higher, group: "Identifier accuracy", per: "evaluation",
        definition: ("Share of validation pairs whose " words " level is identified rightly.") }
    IDENTIFIER_WEIGHTED_F1 { key: ("identifiers/" key "/weighted_f1"), name: ("" title ": weighted F1"), unit: "%", direction: Higher, group: "Identifier F1", per: "evaluation",
        definition: ("F1 of each " words " level on the validation pairs, averaged by how many pairs have the level.") }
    IDENTIFIER_MACRO_F1 { key: ("identifiers/" key "/macro_f1"), name: ("" title ": macro F1"), unit: "%", direction: Higher, group: "Identifier F1", per: "evaluation",
        definition: ("F1 of each " words " level on the validation pairs, averaged evenly over the levels that occur.") }
}

metrics! { GENERATOR in "generator":
    GENERATOR_LOSS { key: "generator/loss", name: "Generator loss", unit: "nats", direction: Lower, group: "Generator loss", per: "batch",
        definition: "Mean cross-entropy over the real target tokens of a training batch, eos included." }
    GENERATOR_VALIDATION_LOSS { key: "generator/validation_loss", name: "Generator validation loss", unit: "nats", direction: Lower, group: "Generator loss", per: "evaluation",
        definition: "Mean cross-entropy over the real target tokens of the validation examples, eos included." }
    GENERATOR_PPL { key: "generator/ppl", name: "Generator validation PPL", direction: Lower, group: "Perplexity", per: "evaluation",
        definition: "exp of the mean token cross-entropy of the validation targets; every real token counts once, eos included." }
    GENERATOR_LEARNING_RATE { key: "generator/lr", name: "Generator learning rate", direction: None, group: "Learning rate", per: "step",
        definition: "Step size of the optimizer in this update." }
    GENERATOR_GRADIENT_NORM { key: "generator/gradient_norm", name: "Generator gradient norm", direction: None, group: "Gradient norm", per: "step",
        definition: "Euclidean norm of the gradient over all trainable parameters, before clipping." }
    GENERATOR_TOKENS_PER_SECOND { key: "generator/tokens_per_second", name: "Generator speed", unit: "tokens/s", direction: Higher, group: "Speed", per: "step",
        definition: "Real source and target tokens trained on, by wall time." }
}

metrics! { REWARD in "ppo":
    EMPATHY_REWARD { key: "ppo/reward/empathy", name: "Empathy reward", direction: Higher, group: "Empathy reward", per: "step",
        definition: "R_emp = exp(-L_emp), where L_emp is the weighted sum over mechanisms of the cross-entropy between the levels identified in the response and those of the target; mean over the batch (Eq. 2-3)." }
}

metrics! { pub EMPATHY_TERMS in "ppo", each mechanism:
    REWARD_KEYS { key: ("ppo/reward/" key ""), name: ("Reward: " words ""), direction: Higher, group: "Reward by mechanism", per: "step",
        definition: ("exp(-cross-entropy) of the " words " identifier's level of the response against the target's level; mean over the batch.") }
}

metrics! { PPO in "ppo":
    SHAPED_SCORE { key: "ppo/score/shaped", name: "Shaped score", direction: Higher, group: "Shaped score", per: "step",
        definition: "The empathy reward after scaling, normalisation and clipping, as the trainer adds it to the last token; equals the empathy reward where these are off; mean over the batch." }
    KL_K1 { key: "ppo/kl/k1", name: "KL (k1)", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "Sum over response tokens of log pi - log rho of the sampled token, mean over responses; unbiased only when sampling from the full distribution, and can be negative under top-k." }
    KL_K3 { key: "ppo/kl/k3", name: "KL (k3)", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "Sum over response tokens of rho/pi - 1 - log(rho/pi) of the sampled token, mean over responses; never negative." }
    KL_FULL { key: "ppo/kl/full", name: "KL (full)", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "Sum over response tokens of the exact KL divergence of pi from rho over the whole vocabulary, mean over responses." }
    KL_K1_TRUNCATED { key: "ppo/kl/k1_truncated", name: "KL (k1), truncated", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "KL (k1) of the truncated, tempered distributions that responses are drawn from, on the policy's support; only with ppo.score_truncated, where the penalty is made of it." }
    KL_K3_TRUNCATED { key: "ppo/kl/k3_truncated", name: "KL (k3), truncated", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "KL (k3) of the truncated, tempered distributions that responses are drawn from, on the policy's support; only with ppo.score_truncated." }
    KL_TRUNCATED { key: "ppo/kl/truncated", name: "KL (full), truncated", unit: "nats", direction: None, group: "KL", per: "step",
        definition: "Exact KL divergence of the truncated, tempered distributions that responses are drawn from, over the policy's support: what the reference has outside of it costs nothing; only with ppo.score_truncated." }
    KL_BETA { key: "ppo/beta", name: "KL weight β", direction: None, group: "KL weight", per: "step",
        definition: "Weight of the per-token KL penalty in the reward (Eq. 8), as used in this step." }
    RETURNS_MEAN { key: "ppo/returns/mean", name: "Mean return", direction: Higher, group: "Returns", per: "step",
        definition: "Mean over real response tokens of advantage + old value, before whitening." }
    RETURNS_VARIANCE { key: "ppo/returns/variance", name: "Variance of returns", direction: None, group: "Returns", per: "step",
        definition: "Variance over real response tokens of advantage + old value, before whitening." }
    VALUE_LOSS { key: "ppo/loss/value", name: "Value loss", direction: Lower, group: "Value loss", per: "step",
        definition: "Mean squared error of the values against the returns over real tokens, clipped around the old values where that is set; mean over the step's minibatches (Eq. 15)." }
    POLICY_LOSS { key: "ppo/loss/policy", name: "Policy loss", direction: Lower, group: "Policy loss", per: "step",
        definition: "Mean over real tokens of max(-A r, -A clip(r, 1 - ε, 1 + ε)); mean over the step's minibatches (Eq. 14)." }
    TOTAL_LOSS { key: "ppo/loss/total", name: "Total loss", direction: Lower, group: "Total loss", per: "step",
        definition: "Policy loss + α · value loss; mean over the step's minibatches (Eq. 13)." }
    EXPLAINED_VARIANCE { key: "ppo/explained_variance", name: "Explained variance", direction: Higher, group: "Explained variance", per: "step",
        definition: "1 - Var(returns - values) / Var(returns) over real tokens: 1 is perfect, 0 is no better than their mean." }
    CLIP_FRACTION { key: "ppo/clip_fraction", name: "Clip fraction", direction: None, group: "Clipping", per: "step",
        definition: "Share of real tokens (0 to 1) at which the clipped policy objective is the one that counts." }
    VALUE_CLIP_FRACTION { key: "ppo/value_clip_fraction", name: "Value clip fraction", direction: None, group: "Clipping", per: "step",
        definition: "Share of real tokens (0 to 1) at which the clipped value error is the one that counts." }
    APPROX_KL { key: "ppo/approx_kl", name: "Old-to-new KL", unit: "nats", direction: None, group: "Old-to-new KL", per: "step",
        definition: "Half the mean squared log-ratio of new and old policy over real tokens; mean over the step's minibatches." }
    RATIO_MEAN { key: "ppo/ratio/mean", name: "Mean ratio", direction: None, group: "Ratio", per: "step",
        definition: "Mean over real tokens of pi_new / pi_old of the sampled token." }
    RATIO_MAX { key: "ppo/ratio/max", name: "Largest ratio", direction: None, group: "Ratio", per: "step",
        definition: "Largest pi_new / pi_old of any sampled token in the step." }
    ENTROPY { key: "ppo/entropy", name: "Entropy", unit: "nats", direction: None, group: "Entropy", per: "step",
        definition: "Mean over real response tokens of the entropy of the policy's full distribution." }
    ENTROPY_TRUNCATED { key: "ppo/entropy_truncated", name: "Entropy, truncated", unit: "nats", direction: None, group: "Entropy", per: "step",
        definition: "Mean over real response tokens of the entropy of the truncated, tempered distribution that responses are drawn from; only with ppo.score_truncated." }
    RESPONSE_LENGTH { key: "ppo/response_length", name: "Response length", unit: "tokens", direction: None, group: "Response length", per: "step",
        definition: "Mean number of generated tokens, eos included." }
    ENDED_SHARE { key: "ppo/ended_share", name: "Ended responses", direction: None, group: "Ended responses", per: "step",
        definition: "Share of responses (0 to 1) that ended with eos before the limit." }
    PPO_GRADIENT_NORM { key: "ppo/gradient_norm", name: "PPO gradient norm", direction: None, group: "Gradient norm", per: "step",
        definition: "Euclidean norm of the gradient over all trainable parameters, before clipping; mean over the step's minibatches." }
    PPO_LEARNING_RATE { key: "ppo/lr", name: "PPO learning rate", direction: None, group: "Learning rate", per: "step",
        definition: "Step size of the optimizer in this step." }
    PPO_TOKENS_PER_SECOND { key: "ppo/tokens_per_second", name: "PPO speed", unit: "tokens/s", direction: Higher, group: "Speed", per: "step",
        definition: "Generated tokens by the wall time of the whole step." }
    ROLLOUT_SECONDS { key: "ppo/seconds/rollout", name: "Rollout time", unit: "s", direction: Lower, group: "Time by phase", per: "step",
        definition: "Wall time of generating the responses." }
    REWARD_SECONDS { key: "ppo/seconds/reward", name: "Reward time", unit: "s", direction: Lower, group: "Time by phase", per: "step",
        definition: "Wall time of the identifiers, reference log-probs and reward." }
    UPDATE_SECONDS { key: "ppo/seconds/update", name: "Update time", unit: "s", direction: Lower, group: "Time by phase", per: "step",
        definition: "Wall time of all epochs over the batch." }
    SKIPPED_MINIBATCHES { key: "ppo/skipped_minibatches", name: "Skipped minibatches", direction: Lower, group: "Skipped minibatches", per: "step",
        definition: "Minibatches left out in this step because their mean ratio passed the threshold." }
}

metrics! { DPO in "dpo":
    DPO_LOSS { key: "dpo/loss", name: "DPO loss", direction: Lower, group: "DPO loss", per: "batch",
        definition: "Mean over the pairs of a training batch of -log σ(β times the margin of log-ratios), the log-ratio of a response being log pi - log rho summed over its tokens; with label smoothing its share of pairs is turned round." }
    DPO_VALIDATION_LOSS { key: "dpo/validation_loss", name: "DPO validation loss", direction: Lower, group: "DPO loss", per: "evaluation",
        definition: "The DPO loss, mean over the validation pairs." }
    DPO_CHOSEN_REWARD { key: "dpo/rewards/chosen", name: "Reward of chosen", direction: Higher, group: "Implicit rewards", per: "batch",
        definition: "β (log pi - log rho) of the chosen response, summed over its tokens; mean over the pairs of a training batch." }
    DPO_REJECTED_REWARD { key: "dpo/rewards/rejected", name: "Reward of rejected", direction: Lower, group: "Implicit rewards", per: "batch",
        definition: "β (log pi - log rho) of the rejected response, summed over its tokens; mean over the pairs of a training batch." }
    DPO_MARGIN { key: "dpo/rewards/margins", name: "Reward margin", direction: Higher, group: "Reward margin", per: "batch",
        definition: "Reward of the chosen response less that of the rejected one; mean over the pairs of a training batch." }
    DPO_VALIDATION_MARGIN { key: "dpo/validation_rewards/margins", name: "Reward margin, validation", direction: Higher, group: "Reward margin", per: "evaluation",
        definition: "Reward of the chosen response less that of the rejected one; mean over the validation pairs." }
    DPO_ACCURACY { key: "dpo/rewards/accuracies", name: "Pair accuracy", direction: Higher, group: "Pair accuracy", per: "batch",
        definition: "Share of the pairs of a training batch (0 to 1) whose chosen response has the higher reward." }
    DPO_VALIDATION_ACCURACY { key: "dpo/validation_rewards/accuracies", name: "Pair accuracy, validation", direction: Higher, group: "Pair accuracy", per: "evaluation",
        definition: "Share of the validation pairs (0 to 1) whose chosen response has the higher reward." }
    DPO_VALIDATION_CHOSEN_REWARD { key: "dpo/validation_rewards/chosen", name: "Reward of chosen, validation", direction: Higher, group: "Implicit rewards, validation", per: "evaluation",
        definition: "β (log pi - log rho) of the chosen response, summed over its tokens; mean over the validation pairs." }
    DPO_VALIDATION_REJECTED_REWARD { key: "dpo/validation_rewards/rejected", name: "Reward of rejected, validation", direction: Lower, group: "Implicit rewards, validation", per: "evaluation",
        definition: "β (log pi - log rho) of the rejected response, summed over its tokens; mean over the validation pairs." }
    DPO_CHOSEN_LOG_PROB { key: "dpo/logps/chosen", name: "Log-probability of chosen", unit: "nats", direction: None, group: "Log-probabilities of pairs", per: "batch",
        definition: "log pi of the chosen response, summed over its tokens, its end included; mean over the pairs of a training batch." }
    DPO_REJECTED_LOG_PROB { key: "dpo/logps/rejected", name: "Log-probability of rejected", unit: "nats", direction: None, group: "Log-probabilities of pairs", per: "batch",
        definition: "log pi of the rejected response, summed over its tokens, its end included; mean over the pairs of a training batch." }
    DPO_VALIDATION_CHOSEN_LOG_PROB { key: "dpo/validation_logps/chosen", name: "Log-probability of chosen, validation", unit: "nats", direction: None, group: "Log-probabilities of pairs, validation", per: "evaluation",
        definition: "log pi of the chosen response, summed over its tokens, its end included; mean over the validation pairs." }
    DPO_VALIDATION_REJECTED_LOG_PROB { key: "dpo/validation_logps/rejected", name: "Log-probability of rejected, validation", unit: "nats", direction: None, group: "Log-probabilities of pairs, validation", per: "evaluation",
        definition: "log pi of the rejected response, summed over its tokens, its end included; mean over the validation pairs." }
    DPO_LEARNING_RATE { key: "dpo/lr", name: "DPO learning rate", direction: None, group: "Learning rate", per: "step",
        definition: "Step size of the optimizer in this update." }
    DPO_GRADIENT_NORM { key: "dpo/gradient_norm", name: "DPO gradient norm", direction: None, group: "Gradient norm", per: "step",
        definition: "Euclidean norm of the gradient over all trainable parameters, before clipping." }
    DPO_TOKENS_PER_SECOND { key: "dpo/tokens_per_second", name: "DPO speed", unit: "tokens/s", direction: Higher, group: "Speed", per: "step",
        definition: "Context and response tokens of both responses trained on, by wall time." }
}

metrics! { VALIDATION in "validation":
    VALIDATION_PPL { key: "validation/ppl", name: "PPL", direction: Lower, group: "PPL", per: "evaluation",
        definition: "exp of the mean token cross-entropy of the targets; every real target token counts once, eos included." }
    VALIDATION_DIST_1 { key: "validation/dist_1", name: "Dist-1", version: 2, unit: "%", direction: Higher, group: "Dist-1", per: "evaluation",
        definition: "100 × distinct words / all words over all generated responses, words by NLTK's word_tokenize, case kept. Its interval is that of a jackknife over responses, which in simulations covers 95 % of the time or more." }
    VALIDATION_DIST_2 { key: "validation/dist_2", name: "Dist-2", version: 2, unit: "%", direction: Higher, group: "Dist-2", per: "evaluation",
        definition: "100 × distinct word pairs / all word pairs over all generated responses, words by NLTK's word_tokenize, case kept. Its interval is that of a jackknife over responses, which in simulations covers 95 % of the time or more." }
    VALIDATION_EAD_1 { key: "validation/ead_1", name: "EAD-1", unit: "%", direction: Higher, group: "EAD", per: "evaluation",
        definition: "Expectation-adjusted distinct words: 100 × distinct words / V (1 - ((V - 1) / V)^C), with C all words of the responses and V the distinct words of the targets; does not fall with length alone (Liu et al. 2022)." }
    VALIDATION_EAD_2 { key: "validation/ead_2", name: "EAD-2", unit: "%", direction: Higher, group: "EAD", per: "evaluation",
        definition: "Expectation-adjusted distinct word pairs: 100 × distinct pairs / V (1 - ((V - 1) / V)^C), with C all word pairs of the responses and V the distinct pairs of the targets." }
    VALIDATION_WORDS { key: "validation/words", name: "Response words", unit: "words", direction: None, group: "Response words", per: "evaluation",
        definition: "Mean words of a generated response, by NLTK's word_tokenize." }
    VALIDATION_EMP_F1 { key: "validation/emp_f1", name: "Emp-F1", unit: "%", direction: Higher, group: "Emp-F1", per: "evaluation",
        definition: "Mean over the three mechanisms of the weighted F1 of levels identified in generated responses against those identified in targets." }
}

metrics! { VALIDATION_CONTROLS in "validation":
    VALIDATION_EMP_F1_SHUFFLED { key: "validation/emp_f1_shuffled", name: "Emp-F1, shuffled", unit: "%", direction: None, group: "Emp-F1", per: "evaluation",
        definition: "Emp-F1 of the same responses, each moved to another context by one fixed permutation: what is reached without heeding the context." }
    VALIDATION_EMP_F1_GAIN { key: "validation/emp_f1_gain", name: "Gain over shuffled", unit: "points", direction: Higher, group: "Gain over shuffled", per: "evaluation",
        definition: "Emp-F1 less that of the same responses shuffled over the contexts: the part of Emp-F1 that depends on the context." }
    VALIDATION_EMP_F1_CONSTANT { key: "validation/emp_f1_constant", name: "Emp-F1, constant", unit: "%", direction: None, group: "Emp-F1", per: "evaluation",
        definition: "Emp-F1 of one and the same answer to every context: the training target, among the frequent and short ones, that does best on a sample of the training examples." }
}

metrics! { VALIDATION_HELD_OUT in "validation":
    VALIDATION_EMP_F1_HELD_OUT { key: "validation/emp_f1_held_out", name: "Emp-F1, held out", unit: "%", direction: Higher, group: "Emp-F1", per: "evaluation",
        definition: "Emp-F1 by auditors, judges that give no reward: mean over them." }
    VALIDATION_EMP_F1_HELD_OUT_SHUFFLED { key: "validation/emp_f1_held_out_shuffled", name: "Emp-F1, held out, shuffled", unit: "%", direction: None, group: "Emp-F1", per: "evaluation",
        definition: "Emp-F1 by auditors of the same responses, each moved to another context by one fixed permutation." }
    VALIDATION_EMP_F1_HELD_OUT_GAIN { key: "validation/emp_f1_held_out_gain", name: "Gain, held out", unit: "points", direction: Higher, group: "Gain over shuffled", per: "evaluation",
        definition: "Emp-F1 by auditors less theirs of the same responses shuffled over the contexts: the part that depends on the context, to judges that give no reward." }
    VALIDATION_KAPPA_HELD_OUT { key: "validation/kappa_held_out", name: "κ, held out", direction: Higher, group: "κ, held out", per: "evaluation",
        definition: "Cohen's κ of the levels that auditors identify in generated responses and in targets: mean over mechanisms and auditors; undefined, and not shown, where one is." }
}

metrics! { VALIDATION_BY_MECHANISM in "validation", each mechanism:
    VALIDATION_F1_KEYS { key: ("validation/" key "_f1"), name: ("" title " F1"), unit: "%", direction: Higher, group: "Emp-F1 by mechanism", per: "evaluation",
        definition: ("Weighted F1 of the " words " levels identified in generated responses against those identified in targets.") }
    VALIDATION_MACRO_F1_KEYS { key: ("validation/" key "_macro_f1"), name: ("" title " macro F1"), unit: "%", direction: Higher, group: "Macro F1 by mechanism", per: "evaluation",
        definition: ("F1 of the " words " levels identified in generated responses against those identified in targets, averaged evenly over the levels that occur.") }
    VALIDATION_KAPPA_KEYS { key: ("validation/" key "_kappa"), name: ("" title " κ"), direction: Higher, group: "κ by mechanism", per: "evaluation",
        definition: ("Cohen's κ of the " words " levels identified in generated responses and in targets: 1 is full agreement, 0 what chance gives and a constant answer at most; undefined, and not shown, where all have one level.") }
    VALIDATION_KAPPA_HELD_OUT_KEYS { key: ("validation/" key "_kappa_held_out"), name: ("" title " κ, held out"), direction: Higher, group: "κ, held out", per: "evaluation",
        definition: ("Cohen's κ of the " words " levels that auditors, judges that give no reward, identify in generated responses and in targets: mean over them.") }
    VALIDATION_COMMONEST_KEYS { key: ("validation/" key "_commonest"), name: ("" title ": commonest level"), unit: "%", direction: None, group: "Commonest levels", per: "evaluation",
        definition: ("Share of the generated responses with the " words " level that most of them have.") }
    VALIDATION_COMMONEST_OF_TARGETS_KEYS { key: ("validation/" key "_commonest_of_targets"), name: ("" title ": the same in targets"), unit: "%", direction: None, group: "Commonest levels", per: "evaluation",
        definition: ("Share of the targets with the " words " level that most of the generated responses have.") }
}

metrics! { MEMORY in "memory":
    RESIDENT_MEMORY { key: "memory/resident", name: "Memory", unit: "bytes", direction: Lower, group: "Memory", per: "step",
        definition: "Resident memory of the whole process." }
}

/// All declarations in the order in which they are shown; those of GRPO and RLOO follow PPO's.
const TABLE: [&[MetricDecl]; 12] = [
    PRETRAINING,
    IDENTIFIERS,
    GENERATOR,
    REWARD,
    EMPATHY_TERMS,
    PPO,
    DPO,
    VALIDATION,
    VALIDATION_CONTROLS,
    VALIDATION_HELD_OUT,
    VALIDATION_BY_MECHANISM,
    MEMORY,
];

/// The start of the keys of a reward's metrics in PPO.
const REWARD_PREFIX: &str = "ppo/reward/";

metrics! { TOTAL in "ppo":
    TOTAL_REWARD { key: "ppo/reward/total", name: "Reward", direction: Higher, group: "Reward", per: "step",
        definition: "The reward of a response before scaling, normalisation and clipping; mean over the batch." }
}

/// The raw reward under either of its names: a run whose reward is the paper's logs the second alone, any other the
/// first; beside that, the second is then a term.
pub const RAW_REWARDS: [&str; 2] = [TOTAL_REWARD, EMPATHY_REWARD];

/// The key of the metric of a reward's term in PPO.
pub fn term_key(term: &str) -> String {
    format!("{REWARD_PREFIX}{term}")
}

/// Whether it is a metric of a run's reward: its total or a term of it.
pub fn is_of_reward(key: &str) -> bool {
    as_of_ppo(key).starts_with(REWARD_PREFIX)
}

/// The reward's term of a key: `warmth` for `ppo/reward/warmth`. None for a total or any other metric.
pub fn term_of(key: &str) -> Option<&str> {
    let (_, of_stage) = policy_key(key)?;
    let term = of_stage.strip_prefix("reward/")?;
    (is_term_name(term) && !RAW_REWARDS.contains(&&*as_of_ppo(key))).then_some(term)
}

/// Whether a term can be called so: lower-case words joined by `_`, of a length that a person would choose.
pub fn is_term_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && (1..=64).contains(&name.len())
        && name.chars().all(fits)
}

/// The declaration of a reward's metric that the table does not list.
fn undeclared_reward(key: &str) -> Option<MetricDecl> {
    let (stage, _) = policy_key(key)?;
    if as_of_ppo(key) == TOTAL_REWARD {
        return Some(groups::of_stage(&TOTAL[0], stage));
    }
    let words = term_of(key)?.replace('_', " ");
    Some(MetricDecl {
        key: Cow::Owned(key.to_string()),
        name: Cow::Owned(format!("Reward: {words}")),
        unit: "",
        definition: Cow::Owned(format!(
            "The term \"{words}\" of the run's reward, before its weight; mean over the batch."
        )),
        direction: Direction::None,
        version: 1,
        stage,
        group: "Reward by term",
        per_what: "step",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::data::Mechanism;

    #[test]
    fn keys_are_unique_and_start_with_their_stage() {
        let mut keys = HashSet::new();
        for metric in all() {
            assert!(keys.insert(&metric.key), "{} is declared twice", metric.key);
            assert!(metric.key.starts_with(metric.stage), "{}", metric.key);
            assert!(metric.definition.ends_with('.'), "{}", metric.key);
        }
    }

    #[test]
    fn keys_by_mechanism_are_declared_in_the_order_of_mechanisms() {
        for mechanism in Mechanism::ALL {
            let (index, key) = (mechanism.index(), mechanism.key());
            let keys = [
                IDENTIFIER_LOSS,
                IDENTIFIER_VALIDATION_LOSS,
                IDENTIFIER_ACCURACY,
                IDENTIFIER_WEIGHTED_F1,
                IDENTIFIER_MACRO_F1,
                REWARD_KEYS,
                VALIDATION_F1_KEYS,
                VALIDATION_MACRO_F1_KEYS,
                VALIDATION_KAPPA_KEYS,
                VALIDATION_KAPPA_HELD_OUT_KEYS,
                VALIDATION_COMMONEST_KEYS,
                VALIDATION_COMMONEST_OF_TARGETS_KEYS,
            ];
            for id in keys.map(|keys| keys[index]) {
                assert!(declared(id).is_some() && id.contains(key), "{id}");
            }
        }
        assert_eq!(declared("ppo/nothing"), None);
    }

    #[test]
    fn a_term_is_described_by_its_name() {
        let metric = declared("ppo/reward/turn_taking").expect("any term has a declaration");
        assert_eq!(metric.name, "Reward: turn taking");
        assert_eq!((metric.unit, metric.direction), ("", Direction::None));
        assert!(metric.definition.contains("turn taking"));
        assert_eq!(term_of(&metric.key), Some("turn_taking"));
        assert_eq!(term_key("turn_taking"), metric.key);
        for wrong in ["ppo/reward/", "ppo/reward/Two Words", "ppo/rewards/x"] {
            assert_eq!(declared(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_term_in_the_table_keeps_its_own_definition() {
        for key in REWARD_KEYS {
            let metric = declared(key).expect("the paper's terms are declared");
            assert_eq!(metric.direction, Direction::Higher);
            assert!(term_of(key).is_some());
        }
    }

    #[test]
    fn the_raw_reward_of_any_run_is_declared_and_is_no_term() {
        for key in RAW_REWARDS {
            let metric = declared(key).expect("the raw reward is declared");
            assert_eq!(metric.direction, Direction::Higher);
            assert_eq!(term_of(key), None);
        }
    }
}
