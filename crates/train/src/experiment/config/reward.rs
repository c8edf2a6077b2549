//! The reward, and the KL penalty that is subtracted from it.

use crate::experiment::setting::{BOOL, SettingKind, Spec, choice, float, settings, words};
use crate::experiment::term::{Scorer, TermSettings};

words! {
    /// The per-token KL estimate that the reward subtracts.
    KlEstimator {
        /// log π - log ρ of the sampled token.
        K1 = "k1",
        /// Its absolute value.
        Abs = "abs",
        /// Half its square.
        Mse = "mse",
        /// exp(log ρ - log π) - 1 + log π - log ρ, never negative.
        K3 = "k3",
        /// Exact, over the whole vocabulary.
        Full = "full",
    }
}

words! {
    /// How the KL coefficient β moves.
    KlControlChoice {
        /// It stays.
        Fixed = "fixed",
        /// Proportional control towards a target.
        Adaptive = "adaptive",
    }
}

words! {
    /// How much the cross-entropy of a level counts in the empathy reward.
    ClassWeights {
        /// All levels alike (the paper).
        None = "none",
        /// By the inverse of the level's share among the training targets.
        Balanced = "balanced",
    }
}

settings! {
    /// The reward (Eq. 2-8).
    RewardSettings in "reward" {
        /// What the reward is the weighted sum of, each a [[reward.term]]; without any it is the empathy reward.
        term: Vec<TermSettings> = Vec::new() => Spec::of(SettingKind::Terms).label("Terms");
        /// Whether the empathy reward is given, where there are no terms; off is the ablation "w/o Empathy Reward".
        empathy: bool = true => BOOL.paper("true");
        /// Weight of the emotional reaction loss in Eq. 3; 0 switches it off.
        emotional_reaction: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// Weight of the interpretation loss in Eq. 3; 0 switches it off.
        interpretation: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// Weight of the exploration loss in Eq. 3; 0 switches it off.
        exploration: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// What a level's loss in Eq. 3 counts: "balanced" by the inverse of the level's share among the training targets, so that the commonest level does not pay.
        class_weights: ClassWeights = ClassWeights::None => choice(ClassWeights::WORDS).paper("none");
        /// Instead of exp(-loss), the log-probability of the target's level less that of its share among the training targets: what answers without regard to the context cannot raise above 0.
        log_prior: bool = false => BOOL.label("Less the log-prior").paper("false");
        /// β, the weight of the KL penalty (Eq. 8); 0 is the ablation "w/o KL Penalty".
        beta: f64 = 0.2 => float(0.0, 100.0).label("KL coefficient β").paper("0.2");
        /// The per-token estimate that is subtracted.
        kl_estimator: KlEstimator = KlEstimator::K1 => choice(KlEstimator::WORDS).label("KL estimator").paper("k1");
        /// How β moves.
        kl_control: KlControlChoice = KlControlChoice::Fixed => choice(KlControlChoice::WORDS).label("KL control").paper("fixed");
        /// KL of a response that adaptive control aims at.
        kl_target: f64 = 6.0 => float(0.001, 1e4).label("KL target");
        /// Responses over which adaptive control moves β.
        kl_horizon: f64 = 10_000.0 => float(1.0, 1e9).label("KL horizon").unit("responses");
        /// Divide scores by their running deviation (released code).
        scale_scores: bool = false => BOOL.paper("false");
        /// Subtract the running mean of scores as well (released code).
        normalise_scores: bool = false => BOOL.paper("false");
        /// Scores are cut to ± this; 0 for no cut.
        clip_scores: f64 = 0.0 => float(0.0, 1e6);
        /// Scale per-token rewards to variance 1 over the batch (released code).
        whiten_rewards: bool = false => BOOL.paper("false");
        /// Whitening also moves the zeros behind shorter responses, which then enter the advantages (fault of the authors' trainer).
        whiten_padding: bool = false => BOOL.paper("false");
    }
}

impl RewardSettings {
    /// Whether the identifiers have a part in the reward.
    pub fn uses_identifiers(&self) -> bool {
        match self.term.is_empty() {
            true => self.empathy,
            false => self
                .term
                .iter()
                .any(|term| term.scorer == Scorer::Identifiers),
        }
    }

    /// Whether what the identifiers give is `exp(-Σ CE)`, as in the paper.
    pub fn is_papers_form(&self) -> bool {
        self.class_weights == ClassWeights::None && !self.log_prior
    }

    /// The programs that a run would start, each with its arguments.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.term.iter().filter_map(|term| match &term.scorer {
            Scorer::Command(own) => Some(own.command.as_slice()),
            _ => None,
        })
    }

    /// The addresses that a run would send texts to.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.term.iter().filter_map(|term| match &term.scorer {
            Scorer::Http(own) => Some(own.address.as_str()),
            _ => None,
        })
    }
}
