//! A rollout as people look at it: responses token by token, with what the step made of each token.
//!
//! Plain data. Which figures there are, how they are called and which way they point is declared here
//! once, for the window and the command line.

use serde::{Deserialize, Serialize};

/// One response of a step, as policy and reference saw it before the step's updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutResponse {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// Utterances, the speaker's first.
    pub context: Vec<String>,
    pub target: String,
    pub response: String,
    /// The model ended it; else it was cut at the longest length.
    pub ended: bool,
    /// The raw reward: R_emp (Eq. 2), unless the run has another reward.
    pub score: f32,
    /// What the raw reward is made of; empty for a reward without parts, and in records of versions that
    /// did not keep them.
    #[serde(default)]
    pub terms: Vec<RewardTerm>,
    /// The score after shaping, which is part of the last token's reward.
    pub shaped: f32,
    pub tokens: Vec<RolloutToken>,
}

impl RolloutResponse {
    /// The figures of every token that counts, in order.
    pub fn figures(&self) -> impl Iterator<Item = &TokenFigures> {
        self.tokens
            .iter()
            .filter_map(|token| token.figures.as_ref())
    }

    /// Sum of a quantity over the tokens that count, such as the KL of the response.
    pub fn sum(&self, quantity: TokenQuantity) -> f64 {
        self.figures()
            .map(|figures| f64::from(figures.get(quantity)))
            .sum()
    }
}

/// One part of a response's reward.
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
    /// None where the token takes no part in the step (`ppo.skip_first_token`).
    pub figures: Option<TokenFigures>,
}

/// What a step made of a token. Log-probabilities are natural.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenFigures {
    /// `log π(a_t|s_t)`, before the updates.
    pub log_prob: f32,
    /// `log ρ(a_t|s_t)`.
    pub reference_log_prob: f32,
    /// `KL(π ‖ ρ)` over the whole vocabulary.
    pub full_kl: f32,
    /// `V(s_t)`.
    pub value: f32,
    /// `r_t` (Eq. 7-8), whitened if the run does so.
    pub reward: f32,
    /// `Â_t` (Eq. 9-10), whitened if the run does so.
    pub advantage: f32,
    /// `Â_t + V(s_t)` before whitening.
    pub returns: f32,
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
}

impl TokenQuantity {
    /// In the order in which they are offered.
    pub const ALL: [TokenQuantity; 8] = [
        TokenQuantity::K1,
        TokenQuantity::FullKl,
        TokenQuantity::Advantage,
        TokenQuantity::Value,
        TokenQuantity::Reward,
        TokenQuantity::Return,
        TokenQuantity::LogProb,
        TokenQuantity::ReferenceLogProb,
    ];

    /// The name in files.
    pub fn key(self) -> &'static str {
        match self {
            TokenQuantity::K1 => "kl_k1",
            TokenQuantity::FullKl => "kl_full",
            TokenQuantity::Advantage => "advantage",
            TokenQuantity::Value => "value",
            TokenQuantity::Reward => "reward",
            TokenQuantity::Return => "return",
            TokenQuantity::LogProb => "log_prob",
            TokenQuantity::ReferenceLogProb => "reference_log_prob",
        }
    }

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            TokenQuantity::K1 => "Log-ratio (KL k1)",
            TokenQuantity::FullKl => "Full KL",
            TokenQuantity::Advantage => "Advantage",
            TokenQuantity::Value => "Value",
            TokenQuantity::Reward => "Reward",
            TokenQuantity::Return => "Return",
            TokenQuantity::LogProb => "Log-prob, policy",
            TokenQuantity::ReferenceLogProb => "Log-prob, reference",
        }
    }

    /// The head of its column.
    pub fn short(self) -> &'static str {
        match self {
            TokenQuantity::K1 => "k1",
            TokenQuantity::FullKl => "full KL",
            TokenQuantity::Advantage => "advantage",
            TokenQuantity::Value => "value",
            TokenQuantity::Reward => "reward",
            TokenQuantity::Return => "return",
            TokenQuantity::LogProb => "log π",
            TokenQuantity::ReferenceLogProb => "log ρ",
        }
    }

    /// What it is.
    pub fn definition(self) -> &'static str {
        match self {
            TokenQuantity::K1 => {
                "log π − log ρ of the token: the KL estimate k1 (Eq. 6). Above 0 the policy likes the token \
                 more than the reference does"
            }
            TokenQuantity::FullKl => {
                "KL of policy and reference over the whole vocabulary at this place, in nats; never negative"
            }
            TokenQuantity::Advantage => {
                "How much better than expected the token was (Eq. 9-10); above 0 it is made likelier. \
                 Whitened over the batch if the run does so"
            }
            TokenQuantity::Value => "What the value head expected to come, before the token",
            TokenQuantity::Reward => {
                "−β · KL, and on the last token the score of the response too (Eq. 7-8)"
            }
            TokenQuantity::Return => "What came of it: advantage before whitening, plus value",
            TokenQuantity::LogProb => {
                "Natural log-probability under the policy, before the updates"
            }
            TokenQuantity::ReferenceLogProb => "Natural log-probability under the reference ρ",
        }
    }

    /// It may lie on both sides of 0; else it lies on one.
    pub fn is_signed(self) -> bool {
        !matches!(
            self,
            TokenQuantity::FullKl | TokenQuantity::LogProb | TokenQuantity::ReferenceLogProb
        )
    }
}

impl TokenFigures {
    /// One of them.
    pub fn get(&self, quantity: TokenQuantity) -> f32 {
        match quantity {
            TokenQuantity::K1 => self.log_prob - self.reference_log_prob,
            TokenQuantity::FullKl => self.full_kl,
            TokenQuantity::Advantage => self.advantage,
            TokenQuantity::Value => self.value,
            TokenQuantity::Reward => self.reward,
            TokenQuantity::Return => self.returns,
            TokenQuantity::LogProb => self.log_prob,
            TokenQuantity::ReferenceLogProb => self.reference_log_prob,
        }
    }
}
