//! The typed tree of settings: defaults, ranges, help and the paper's values, each declared once.
//!
//! Defaults are the paper's (Sec. IV-B) where it states one.

mod alerts;
mod data;
mod dpo;
mod evaluation;
mod group;
mod identifiers;
mod likelihood;
mod model;
mod ppo;
mod reward;
mod run;
mod tuning;

use serde::{Deserialize, Serialize};

use super::setting::Setting;
use super::term::term_settings;

pub use alerts::*;
pub use data::*;
pub use dpo::*;
pub use evaluation::*;
pub use group::*;
pub use identifiers::*;
pub use likelihood::*;
pub use model::*;
pub use ppo::*;
pub use reward::*;
pub use run::*;
pub use tuning::*;

/// All settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub run: RunSettings,
    pub data: DataSettings,
    pub model: ModelSettings,
    pub prefix: PrefixSettings,
    pub lora: LoraSettings,
    pub pretraining: PretrainingSettings,
    pub identifiers: IdentifierSettings,
    pub generator: GeneratorSettings,
    pub sampling: SamplingSettings,
    pub ppo: PpoSettings,
    pub grpo: GrpoSettings,
    pub rloo: RlooSettings,
    pub dpo: DpoSettings,
    pub reward: RewardSettings,
    pub evaluation: EvaluationSettings,
    pub alerts: AlertSettings,
}

impl Config {
    /// What a run has that was begun before some of the settings existed: the defaults, but for those whose default is not
    /// what was done then.
    pub(super) fn of_earlier_versions() -> Config {
        let mut config = Config::default();
        config.evaluation.subset_by = SubsetChoice::First;
        config
    }
}

/// The sections of the tree: key, title.
pub const SECTIONS: &[(&str, &str)] = &[
    ("run", "Run"),
    ("data", "Data"),
    ("model", "Model"),
    ("prefix", "Prefix"),
    ("lora", "LoRA"),
    ("pretraining", "Pre-training"),
    ("identifiers", "Identifiers"),
    ("generator", "Generator"),
    ("sampling", "Sampling"),
    ("ppo", "PPO"),
    ("grpo", "GRPO"),
    ("rloo", "RLOO"),
    ("dpo", "DPO"),
    ("reward", "Reward"),
    ("evaluation", "Evaluation"),
    ("alerts", "Alerts"),
];

/// Every setting, in the order of the tree.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    [
        RunSettings::SETTINGS,
        DataSettings::SETTINGS,
        ModelSettings::SETTINGS,
        PrefixSettings::SETTINGS,
        LoraSettings::SETTINGS,
        PretrainingSettings::SETTINGS,
        IdentifierSettings::SETTINGS,
        GeneratorSettings::SETTINGS,
        SamplingSettings::SETTINGS,
        PpoSettings::SETTINGS,
        GrpoSettings::SETTINGS,
        RlooSettings::SETTINGS,
        DpoSettings::SETTINGS,
        RewardSettings::SETTINGS,
        EvaluationSettings::SETTINGS,
        AlertSettings::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// The setting at `path`, such as `ppo.lr`, or `reward.term.tone.weight` of a term.
pub fn setting(path: &str) -> Option<&'static Setting> {
    match term_path(path) {
        Some((_, field)) => term_settings().find(|setting| setting.field() == field),
        None => settings().find(|setting| setting.path == path),
    }
}

/// The path of the list of a reward's terms.
pub const TERMS: &str = "reward.term";

/// Which term (by its name, or its place from 0) and which of its settings a path names.
pub(super) fn term_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(TERMS)?.strip_prefix('.')?.split_once('.')
}
