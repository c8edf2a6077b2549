//! The stages of a run, in the words of the method.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One stage of a run. Every stage counts its own steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Span corruption, for models that start from nothing.
    Pretraining,
    /// The three empathy identifiers (Sec. III-D).
    Identifiers,
    /// Maximum likelihood on dialogues (Sec. III-C).
    Generator,
    /// Reinforcement learning with a value head (Sec. III-E).
    Ppo,
    /// Reinforcement learning from groups of responses to one context (Shao et al. 2024).
    Grpo,
    /// The same with the mean of the others as each response's baseline (Ahmadian et al. 2024).
    Rloo,
    /// Direct preference optimisation (Rafailov et al. 2023).
    Dpo,
    /// The metrics of Table II on the test split.
    Evaluation,
    /// All that another program logged of a run of its own; no setting names it, and nothing here trains it.
    Recorded,
}

impl Stage {
    /// Every stage, in the usual order.
    pub const ALL: [Stage; 9] = [
        Stage::Pretraining,
        Stage::Identifiers,
        Stage::Generator,
        Stage::Ppo,
        Stage::Grpo,
        Stage::Rloo,
        Stage::Dpo,
        Stage::Evaluation,
        Stage::Recorded,
    ];

    /// Those that train the policy. A run has one of them at most.
    pub const OF_POLICIES: [Stage; 4] = [Stage::Ppo, Stage::Grpo, Stage::Rloo, Stage::Dpo];

    /// The name in files, events and metric keys.
    pub fn key(self) -> &'static str {
        match self {
            Stage::Pretraining => "pretraining",
            Stage::Identifiers => "identifiers",
            Stage::Generator => "generator",
            Stage::Ppo => "ppo",
            Stage::Grpo => "grpo",
            Stage::Rloo => "rloo",
            Stage::Dpo => "dpo",
            Stage::Evaluation => "evaluation",
            Stage::Recorded => "recorded",
        }
    }

    /// The stage of that name.
    pub fn from_key(key: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.key() == key)
    }

    /// Whether it trains the run's policy, which starts as the generator.
    pub fn trains_policy(self) -> bool {
        Stage::OF_POLICIES.contains(&self)
    }

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Stage::Pretraining => "Pre-training",
            Stage::Identifiers => "Identifiers",
            Stage::Generator => "Generator",
            Stage::Ppo => "PPO",
            Stage::Grpo => "GRPO",
            Stage::Rloo => "RLOO",
            Stage::Dpo => "DPO",
            Stage::Evaluation => "Evaluation",
            Stage::Recorded => "Recorded",
        }
    }

    /// What the model that it leaves is called in the result table; `None` of one that answers nothing.
    pub fn system(self) -> Option<&'static str> {
        match self {
            Stage::Generator => Some("Generator"),
            Stage::Ppo => Some("EmpRL"),
            Stage::Grpo => Some("GRPO"),
            Stage::Rloo => Some("RLOO"),
            Stage::Dpo => Some("DPO"),
            Stage::Pretraining | Stage::Identifiers | Stage::Evaluation | Stage::Recorded => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
