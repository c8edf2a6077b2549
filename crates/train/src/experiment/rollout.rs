//! A recorded rollout: responses token by token, with the step's figures for each token.
//!
//! Plain data. The figures' names and definitions are declared here once, for the window and the command
//! line.

use serde::{Deserialize, Serialize};

use crate::data::Role;

/// One response of a step, with figures from before the step's updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutResponse {
    /// Position in the batch, from 0.
    pub index: u32,
    /// Utterances, oldest first.
    pub context: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    pub target: String,
    pub response: String,
    /// It ended with eos; else it was cut at the maximum length.
    pub ended: bool,
    /// The raw reward: R_emp (Eq. 2), unless the run has another reward.
    pub score: f32,
    /// The terms of the raw reward; empty for a reward without terms, and in records of earlier versions.
    #[serde(default)]
    pub terms: Vec<RewardTerm>,
    /// The score after shaping, which is part of the last token's reward.
    pub shaped: f32,
    /// Its place among the responses to one context, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<InGroup>,
    pub tokens: Vec<RolloutToken>,
}

impl RolloutResponse {
    /// The figures of every token that takes part in the step.
    pub fn figures(&self) -> impl Iterator<Item = &TokenFigures> {
        self.tokens
            .iter()
            .filter_map(|token| token.figures.as_ref())
    }

    /// Sum of a quantity over these tokens, such as the KL of the response.
    pub fn sum(&self, quantity: TokenQuantity) -> f64 {
        self.figures()
            .filter_map(|figures| figures.get(quantity))
            .map(f64::from)
            .sum()
    }
}

/// A response among those to the same context.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InGroup {
    /// Position of the context in the batch, from 0.
    pub context: u32,
    /// What the whole response is worth beside the others; the advantage of each of its tokens.
    pub advantage: f32,
    /// Mean of the group's rewards, and their standard deviation.
    pub mean: f32,
    pub std: f32,
}

/// A term of a response's reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardTerm {
    /// The last part of its metric's key: `warmth` of `ppo/reward/warmth`.
    pub name: String,
    pub value: f32,
}

impl RewardTerm {
    /// Its name in words.
    pub fn title(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// A token of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutToken {
    /// As the tokenizer has it: `▁` marks the start of a word.
    pub piece: String,
    /// `None` if the token takes no part in the step (`ppo.skip_first_token`).
    pub figures: Option<TokenFigures>,
}

/// A step's figures for a token. Log-probabilities are natural. GRPO and RLOO reward whole responses and have no value
/// head, so they have neither rewards nor values of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenFigures {
    /// `log π(a_t|s_t)`, before the updates.
    pub log_prob: f32,
    /// `log ρ(a_t|s_t)`.
    pub reference_log_prob: f32,
    /// `KL(π ‖ ρ)` over the whole vocabulary.
    pub full_kl: f32,
    /// `V(s_t)`.
    #[serde(default)]
    pub value: Option<f32>,
    /// `r_t` (Eq. 7-8), whitened if the run does so.
    #[serde(default)]
    pub reward: Option<f32>,
    /// `Â_t` (Eq. 9-10), whitened if the run does so.
    pub advantage: f32,
    /// `Â_t + V(s_t)` before whitening.
    #[serde(default)]
    pub returns: Option<f32>,
    /// With `ppo.score_truncated`: the first three for the truncated distribution that the token was drawn from, of
    /// which rewards and advantages are made. Earlier versions recorded those as the first three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<TruncatedFigures>,
}

/// Figures of a token under the truncated distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruncatedFigures {
    pub log_prob: f32,
    pub reference_log_prob: f32,
    /// The exact KL over the policy's support.
    pub kl: f32,
}

/// A figure of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenQuantity {
    #[default]
    K1,
    FullKl,
    Advantage,
    Value,
    Reward,
    Return,
    LogProb,
    ReferenceLogProb,
    TruncatedKl,
    TruncatedLogProb,
    TruncatedReferenceLogProb,
}

impl TokenQuantity {
    /// In the order in which they are offered.
    pub const ALL: [Self; 11] = [
        Self::K1,
        Self::FullKl,
        Self::Advantage,
        Self::Value,
        Self::Reward,
        Self::Return,
        Self::LogProb,
        Self::ReferenceLogProb,
        Self::TruncatedKl,
        Self::TruncatedLogProb,
        Self::TruncatedReferenceLogProb,
    ];

    /// What the tokens of a step have.
    pub fn of(responses: &[RolloutResponse]) -> Vec<Self> {
        let mut figures = responses.iter().flat_map(RolloutResponse::figures);
        let Some(first) = figures.next() else {
            return Self::ALL.to_vec();
        };
        let has = |quantity: &Self| first.get(*quantity).is_some();
        Self::ALL.into_iter().filter(has).collect()
    }

    /// The name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::K1 => "kl_k1",
            Self::FullKl => "kl_full",
            Self::Advantage => "advantage",
            Self::Value => "value",
            Self::Reward => "reward",
            Self::Return => "return",
            Self::LogProb => "log_prob",
            Self::ReferenceLogProb => "reference_log_prob",
            Self::TruncatedKl => "kl_truncated",
            Self::TruncatedLogProb => "log_prob_truncated",
            Self::TruncatedReferenceLogProb => "reference_log_prob_truncated",
        }
    }

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::K1 => "Log-ratio (KL k1)",
            Self::FullKl => "Full KL",
            Self::Advantage => "Advantage",
            Self::Value => "Value",
            Self::Reward => "Reward",
            Self::Return => "Return",
            Self::LogProb => "Log-prob, policy",
            Self::ReferenceLogProb => "Log-prob, reference",
            Self::TruncatedKl => "KL, truncated",
            Self::TruncatedLogProb => "Log-prob, policy, truncated",
            Self::TruncatedReferenceLogProb => "Log-prob, reference, truncated",
        }
    }

    /// Its column header.
    pub fn short(self) -> &'static str {
        match self {
            Self::K1 => "k1",
            Self::FullKl => "full KL",
            Self::Advantage => "advantage",
            Self::Value => "value",
            Self::Reward => "reward",
            Self::Return => "return",
            Self::LogProb => "log π",
            Self::ReferenceLogProb => "log ρ",
            Self::TruncatedKl => "KL cut",
            Self::TruncatedLogProb => "log π cut",
            Self::TruncatedReferenceLogProb => "log ρ cut",
        }
    }

    pub fn definition(self) -> &'static str {
        match self {
            Self::K1 => {
                "log π − log ρ of the token: the KL estimate k1 (Eq. 6). Above 0 the policy likes the token \
                 more than the reference does"
            }
            Self::FullKl => {
                "KL of policy and reference over the whole vocabulary at this place, in nats; never negative"
            }
            Self::Advantage => {
                "How much better than expected the token was (Eq. 9-10); above 0 it is made likelier. \
                 Whitened over the batch if the run does so; in GRPO and RLOO that of the whole response"
            }
            Self::Value => "What the value head expected to come, before the token",
            Self::Reward => {
                "−β · KL, and on the last token the score of the response too (Eq. 7-8)"
            }
            Self::Return => "What came of it: advantage before whitening, plus value",
            Self::LogProb => "Natural log-probability under the policy, before the updates",
            Self::ReferenceLogProb => "Natural log-probability under the reference ρ",
            Self::TruncatedKl => {
                "KL of the truncated, tempered distributions at this place, over the tokens that could be drawn; the \
                 penalty is made of these"
            }
            Self::TruncatedLogProb => {
                "Natural log-probability under the truncated, tempered policy that the token was drawn from"
            }
            Self::TruncatedReferenceLogProb => {
                "Natural log-probability under the reference, tempered and cut to the same tokens"
            }
        }
    }

    /// Whether it can be positive and negative.
    pub fn is_signed(self) -> bool {
        !matches!(
            self,
            Self::FullKl
                | Self::LogProb
                | Self::ReferenceLogProb
                | Self::TruncatedKl
                | Self::TruncatedLogProb
                | Self::TruncatedReferenceLogProb
        )
    }
}

impl TokenFigures {
    /// `None` where the algorithm has no such figure, or the step none of the truncated distribution.
    pub fn get(&self, quantity: TokenQuantity) -> Option<f32> {
        let truncated = |figure: fn(&TruncatedFigures) -> f32| self.truncated.as_ref().map(figure);
        match quantity {
            TokenQuantity::K1 => Some(self.log_prob - self.reference_log_prob),
            TokenQuantity::FullKl => Some(self.full_kl),
            TokenQuantity::Advantage => Some(self.advantage),
            TokenQuantity::Value => self.value,
            TokenQuantity::Reward => self.reward,
            TokenQuantity::Return => self.returns,
            TokenQuantity::LogProb => Some(self.log_prob),
            TokenQuantity::ReferenceLogProb => Some(self.reference_log_prob),
            TokenQuantity::TruncatedKl => truncated(|figures| figures.kl),
            TokenQuantity::TruncatedLogProb => truncated(|figures| figures.log_prob),
            TokenQuantity::TruncatedReferenceLogProb => {
                truncated(|figures| figures.reference_log_prob)
            }
        }
    }
}
