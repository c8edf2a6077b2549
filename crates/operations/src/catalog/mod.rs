//! Sorting, filtering and comparing saved runs: vocabulary, columns, groups, comparisons.
//!
//! Works on what it reads from the store; writes to no file, database or screen.

mod column;
pub mod compare;
mod differing;
pub mod figures;
mod group;
pub mod load;
mod names;
pub mod sheets;

pub use column::{Cell, Column, DEFAULT_COLUMNS, sort_by_cell, sort_entries};
pub use differing::DifferingSettings;
pub use group::{Group, Spread, groups, sort_by_mean};
pub use names::{ALIASES, parts_of, vocabulary};

use std::collections::BTreeMap;

use toml::Value;

use crate::experiment::{Config, Held, MadeChange, RecordedSettings, settings, value_words};
use crate::filter::{Fact, Facts, Part};
use crate::metrics::{SystemResults, declared};
use crate::store::{CatalogRow, KeySummary, RunRow};

/// A run with what the table of runs can show of those parts that were read ([`parts_of`]).
#[derive(Clone, Debug)]
pub struct Entry {
    pub row: RunRow,
    /// By path, as the run was started; empty if another version of the program wrote them. Those of a run that another
    /// program recorded begin with `recorded.`.
    pub settings: BTreeMap<String, Value>,
    /// Changes made during the run, in order.
    pub changes: Vec<MadeChange>,
    /// By name; the later stage's if two stages log it.
    pub metrics: BTreeMap<String, KeySummary>,
    pub results: Vec<SystemResults>,
}

impl Entry {
    pub fn new(found: CatalogRow) -> Entry {
        let origin = format!("run {}", found.row.id);
        let settings = match found.config_toml.as_str() {
            "" => BTreeMap::new(),
            text => match RecordedSettings::from_toml(text) {
                Some(recorded) => recorded.values(),
                None => Config::from_toml(&origin, text)
                    .map(|config| config.values())
                    .unwrap_or_default(),
            },
        };
        let metrics = found.keys.into_iter();
        Entry {
            row: found.row,
            settings,
            changes: found.changes,
            metrics: metrics
                .map(|summary| (summary.key.name.clone(), summary))
                .collect(),
            results: found.results,
        }
    }

    /// The values that a setting had over the run; None if its settings cannot be read.
    pub fn held(&self, path: &str) -> Option<Held> {
        let first = self.settings.get(path)?;
        Some(Held::over(first, path, &self.changes))
    }

    /// The same if it had more than one.
    fn changed_held(&self, path: &str) -> Option<Held> {
        // Most runs have no changes, and a table asks for many cells.
        let held = match self.changes.is_empty() {
            true => None,
            false => self.held(path),
        };
        held.filter(Held::is_changed)
    }

    /// The settings that had more than one value during the run, in the order of the configuration.
    pub fn changed(&self) -> Vec<(&'static str, Held)> {
        let paths = settings().map(|known| known.path);
        paths
            .filter_map(|path| Some((path, self.changed_held(path)?)))
            .collect()
    }

    /// The results of its last system on the test split: the policy, if it has one.
    pub fn tested(&self) -> Option<&SystemResults> {
        self.results.iter().rev().find(|row| row.split == "test")
    }
}

impl Facts for Entry {
    fn fact(&self, name: &str, part: Part) -> Fact {
        let row = &self.row;
        let count = |value: u64| Fact::Number(value as f64);
        match name {
            "id" => Fact::Number(row.id.0 as f64),
            "name" => Fact::Text(row.name.clone()),
            "experiment" => Fact::Text(row.experiment.clone()),
            "seed" => count(row.seed),
            "device" => Fact::Text(row.device.clone()),
            "status" => Fact::Text(row.status.key().to_string()),
            "stage" => row
                .stage
                .map_or(Fact::Missing, |stage| Fact::Text(stage.key().to_string())),
            "step" => count(row.step),
            "started" => Fact::Moment(row.started),
            "ended" => row.ended.map_or(Fact::Missing, Fact::Moment),
            "minutes" => {
                let until = row.ended.unwrap_or(row.heartbeat);
                Fact::Number((until - row.started).max(0) as f64 / 60e3)
            }
            "note" => Fact::Text(row.note.clone()),
            "tag" => Fact::List(row.tags.clone()),
            "archived" => Fact::Flag(row.archived),
            "changed" => {
                let paths = self.changed().into_iter();
                Fact::List(paths.map(|(path, _)| path.to_string()).collect())
            }
            "reward" => self.measured(&self.raw_reward(), part),
            _ => {
                let keys = names::logged_as(name);
                let logged = keys.iter().find(|key| self.metrics.contains_key(*key));
                self.measured(logged.map_or(names::unalias(name), String::as_str), part)
            }
        }
    }

    fn mentions(&self, lower: &str) -> bool {
        let row = &self.row;
        let texts = [
            row.name.as_str(),
            row.experiment.as_str(),
            row.status.key(),
            row.stage.map_or("", |stage| stage.title()),
            row.device.as_str(),
            row.note.as_str(),
        ];
        let tags = row.tags.iter().map(String::as_str);
        let changed = (!self.changed().is_empty()).then_some("changed");
        texts
            .into_iter()
            .chain(changed)
            .chain(tags)
            .any(|text| text.to_lowercase().contains(lower))
            || row.id.to_string() == lower
    }
}

impl Entry {
    /// The metric that the run logs its raw reward under.
    fn raw_reward(&self) -> String {
        let keys = declared::RAW_REWARDS.into_iter();
        let mut keys = keys.flat_map(declared::in_every_stage);
        keys.find(|key| self.metrics.contains_key(key))
            .unwrap_or_else(|| declared::EMPATHY_REWARD.to_string())
    }

    /// Whether its values of this metric are, at first at least, those of the truncated distribution: with
    /// `ppo.score_truncated`, earlier versions logged them under the names of the full softmax.
    pub fn has_truncated(&self, metric: &str) -> bool {
        const UNDER_OTHER_NAMES: [(&str, &str); 4] = [
            (declared::KL_K1, declared::KL_K1_TRUNCATED),
            (declared::KL_K3, declared::KL_K3_TRUNCATED),
            (declared::KL_FULL, declared::KL_TRUNCATED),
            (declared::ENTROPY, declared::ENTROPY_TRUNCATED),
        ];
        let is_scored_so = self.settings.get("ppo.score_truncated") == Some(&Value::Boolean(true));
        let count = |key: &str| self.metrics.get(key).map_or(0, |summary| summary.count);
        let other = UNDER_OTHER_NAMES.iter().find(|(full, _)| *full == metric);
        other.is_some_and(|(full, truncated)| is_scored_so && count(full) > count(truncated))
    }

    fn measured(&self, name: &str, part: Part) -> Fact {
        if let Some(figure) = name.strip_prefix(names::TEST) {
            let value = self.tested().and_then(|row| tested_figure(row, figure));
            return value.map_or(Fact::Missing, Fact::Number);
        }
        if let Some(value) = self.settings.get(name) {
            let numbers = self.changed_held(name).and_then(|held| held.numbers());
            return numbers.map_or_else(|| setting_fact(value), Fact::Numbers);
        }
        let Some(summary) = self.metrics.get(name) else {
            return Fact::Missing;
        };
        let value = match part {
            Part::Last => Some(summary.last),
            Part::Min => summary.min,
            Part::Max => summary.max,
        };
        value.map_or(Fact::Missing, Fact::Number)
    }
}

fn setting_fact(value: &Value) -> Fact {
    match value {
        Value::Integer(number) => Fact::Number(*number as f64),
        Value::Float(number) => Fact::Number(*number),
        Value::Boolean(flag) => Fact::Flag(*flag),
        Value::String(text) => Fact::Text(text.clone()),
        Value::Array(items) => Fact::List(items.iter().map(value_words).collect()),
        other => Fact::Text(other.to_string()),
    }
}

/// A figure of the result table by its name in a filter.
fn tested_figure(row: &SystemResults, figure: &str) -> Option<f64> {
    let mechanism = |at: usize| row.mechanism_f1.as_ref().map(|f1| f1[at].value);
    let controls = row.controls.as_ref();
    let held_out = row.held_out.as_ref().map(|of| &of.mean);
    let kappa = |at: usize| controls.and_then(|of| Some(of.kappa[at]?.value));
    match figure {
        "ppl" => row.ppl.map(|ppl| ppl.value),
        "dist_1" => Some(row.dist_1.value),
        "dist_2" => Some(row.dist_2.value),
        "ead_1" => row.ead.map(|ead| ead[0].value),
        "ead_2" => row.ead.map(|ead| ead[1].value),
        "emp_f1" => row.emp_f1.map(|f1| f1.value),
        "emp_f1_shuffled" => controls.map(|of| of.shuffled.value),
        "emp_f1_gain" => controls.map(|of| of.gain.value),
        "emp_f1_constant" => controls.and_then(|of| Some(of.constant.as_ref()?.emp_f1.value)),
        "emp_f1_held_out" => held_out.map(|of| of.emp_f1.value),
        "emp_f1_held_out_shuffled" => held_out.and_then(|of| Some(of.shuffled?.value)),
        "emp_f1_held_out_gain" => held_out.and_then(|of| Some(of.gain?.value)),
        "kappa_held_out" => held_out.and_then(|of| Some(of.mean_kappa?.value)),
        "emotional_reaction_kappa" => kappa(0),
        "interpretation_kappa" => kappa(1),
        "exploration_kappa" => kappa(2),
        "emotional_reaction_f1" => mechanism(0),
        "interpretation_f1" => mechanism(1),
        "exploration_f1" => mechanism(2),
        "n" => Some(row.n as f64),
        "words" => Some(row.mean_words),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
