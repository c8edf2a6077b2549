//! Auditors: judges of answers that give no reward and stop no run.
//!
//! What the reward's own identifiers say of a policy that was trained to please them proves little; what identifiers of
//! another run say, or a regression over words, was never paid for.

mod answers;
mod logistic;
mod regression;
mod tfidf;

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

pub(super) use self::answers::held_out_values;
use self::logistic::LogisticAuditor;
use super::error::TrainError;
use super::fingerprint;
use super::identifier::given;
use super::identifier_set::{IdentifierSet, levels, weights_file};
use super::material::labelled_pairs;
use crate::checkpoint::RUNS;
use crate::data::{LevelSet, Mechanism};
use crate::experiment::{Config, LOGISTIC, PairsChoice};
use crate::metrics::{Digits, IdentifierScores, Levels};
use crate::nn::device;

/// The setting that names them.
const SETTING: &str = "identifiers.auditors";

/// A judge that only watches.
pub struct Auditor {
    /// "run 2", "logistic", or the name of a folder.
    pub name: String,
    /// Of its weights; None for the regression, which is nobody's reward.
    fingerprint: Option<String>,
    model: Model,
}

enum Model {
    Identifiers(Box<IdentifierSet>),
    Logistic(LogisticAuditor),
}

/// Opens the auditors that the settings name, and trains the regression if it is one of them.
///
/// # Errors
/// There is no such run, folder or data set; or a run has no finished identifiers.
pub fn open(
    config: &Config,
    store: &Path,
    level_set: Option<&LevelSet>,
    device: &Device,
) -> Result<Vec<Auditor>, TrainError> {
    open_each(config, config.auditors(), store, level_set, device)
}

/// The same, whatever the stages of the run are: for an evaluation on its own.
///
/// # Errors
/// As [`open`].
pub fn open_named(
    config: &Config,
    store: &Path,
    device: &Device,
) -> Result<Vec<Auditor>, TrainError> {
    open_each(config, config.identifiers.auditors(), store, None, device)
}

fn open_each<'a>(
    config: &Config,
    sources: impl Iterator<Item = &'a str>,
    store: &Path,
    level_set: Option<&LevelSet>,
    device: &Device,
) -> Result<Vec<Auditor>, TrainError> {
    let one = |(source, name): (&str, String)| {
        let (fingerprint, model) = match source {
            LOGISTIC => {
                let read;
                let set = match (level_set, config.identifiers.pairs) {
                    (Some(set), PairsChoice::All) => set,
                    (_, pairs) => {
                        read = labelled_pairs(config, store, pairs.others())?;
                        &read
                    }
                };
                (None, Model::Logistic(LogisticAuditor::train(set)?))
            }
            source => {
                let folder = given::folder(SETTING, source, &store.join(RUNS))?;
                let set = given::load(&folder, config, device)?;
                let set = Model::Identifiers(Box::new(set));
                (Some(weights_of(&folder)?), set)
            }
        };
        Ok(Auditor {
            name,
            fingerprint,
            model,
        })
    };
    named(sources).into_iter().map(one).collect()
}

/// Fingerprints of the auditors' weights, by their names in a run's record.
///
/// # Errors
/// As [`open`]; or one is what gives the reward.
pub fn fingerprints(config: &Config, store: &Path) -> Result<Vec<(String, String)>, TrainError> {
    let runs = store.join(RUNS);
    let mut named = named(config.auditors());
    named.retain(|(source, _)| *source != LOGISTIC);
    // Hashing the reward's weights takes time that a run without auditors need not spend.
    let reward = match (config.given_identifiers(), named.is_empty()) {
        (Some(source), false) => {
            let folder = given::folder("identifiers.source", source, &runs)?;
            Some(weights_of(&folder)?)
        }
        _ => None,
    };
    let fingerprint = |(source, name): (&str, String)| {
        let own = weights_of(&given::folder(SETTING, source, &runs)?)?;
        refuse_same(&name, Some(&own), reward.as_deref())?;
        Ok((format!("{RECORDED}{name}"), own))
    };
    named.into_iter().map(fingerprint).collect()
}

/// The beginning of an auditor's name among the fingerprints of a run.
const RECORDED: &str = "auditor ";

/// # Errors
/// One of the auditors has the weights of the identifiers in `folder`, which give the reward.
pub fn refuse_reward(auditors: &[Auditor], folder: &Path) -> Result<(), TrainError> {
    if auditors.iter().all(|own| own.fingerprint.is_none()) {
        return Ok(());
    }
    let reward = weights_of(folder)?;
    auditors
        .iter()
        .try_for_each(|own| refuse_same(&own.name, own.fingerprint.as_deref(), Some(&reward)))
}

/// # Errors
/// One of the auditors among a run's `fingerprints` has the weights of the identifiers of the run in `run_folder`.
pub fn refuse_recorded(
    fingerprints: &BTreeMap<String, String>,
    run_folder: &Path,
) -> Result<(), TrainError> {
    let recorded = || {
        let named = fingerprints.iter();
        named.filter_map(|(name, own)| Some((name.strip_prefix(RECORDED)?, own)))
    };
    let found = match recorded().next() {
        Some(_) => given::finished(run_folder)?,
        None => None,
    };
    let reward = found.map(|folder| weights_of(&folder)).transpose()?;
    recorded().try_for_each(|(name, own)| refuse_same(name, Some(own), reward.as_deref()))
}

fn refuse_same(name: &str, own: Option<&str>, reward: Option<&str>) -> Result<(), TrainError> {
    match own.is_some() && own == reward {
        true => Err(TrainError::AuditorRewards {
            auditor: name.to_string(),
        }),
        false => Ok(()),
    }
}

/// SHA-256 over the weights alone: a copy of identifiers has it too.
fn weights_of(folder: &Path) -> Result<String, TrainError> {
    if !IdentifierSet::is_in(folder) {
        // The authors' files are weights alone.
        return given::fingerprint(folder);
    }
    let names = Mechanism::ALL.map(|mechanism| weights_file(mechanism).display().to_string());
    fingerprint::of_files(folder, names)
}

/// Auditors with their names; a folder's is its last part, or all of its path where two have the same last part.
fn named<'a>(sources: impl Iterator<Item = &'a str>) -> Vec<(&'a str, String)> {
    let short = |source: &str| match Path::new(source).file_name() {
        _ if given::is_run(source) => format!("run {source}"),
        Some(last) => last.to_string_lossy().into_owned(),
        None => source.to_string(),
    };
    let sources: Vec<&str> = sources.collect();
    let name = |source: &&'a str| {
        let own = short(source);
        let alike = sources.iter().filter(|other| short(other) == own);
        let whole = || std::path::absolute(source).map(|path| path.display().to_string());
        match alike.count() {
            1 => (*source, own),
            _ => (*source, whole().unwrap_or_else(|_| source.to_string())),
        }
    };
    sources.iter().map(name).collect()
}

impl Auditor {
    /// The levels of each (context, response).
    pub fn levels(&self, pairs: &[(&str, &str)], batch: usize, device: &Device) -> Vec<Levels> {
        match &self.model {
            Model::Identifiers(set) => {
                let log_probs = set.log_probs(pairs, batch, device);
                log_probs.iter().map(levels).collect()
            }
            Model::Logistic(auditor) => auditor.levels(pairs),
        }
    }

    /// How well it does on labelled pairs that it did not learn from; None where that is another run's to say.
    pub fn scores(&self) -> Option<&[IdentifierScores]> {
        match &self.model {
            Model::Identifiers(_) => None,
            Model::Logistic(auditor) => Some(&auditor.scores),
        }
    }
}

/// Auditors in use, beside saved identifiers.
pub struct SavedAuditors {
    auditors: Vec<Auditor>,
    device: Device,
}

impl SavedAuditors {
    /// Opens those that the settings name, whatever the run's stages are; `identifiers` is the folder of those that
    /// give the reward.
    ///
    /// # Errors
    /// As [`open`]; or one has the same weights as the identifiers.
    pub fn open(config: &Config, store: &Path, identifiers: &Path) -> Result<Self, TrainError> {
        let device = device::resolve(&config.run.device)?;
        let auditors = open_named(config, store, &device)?;
        refuse_reward(&auditors, identifiers)?;
        Ok(SavedAuditors { auditors, device })
    }

    pub fn len(&self) -> usize {
        self.auditors.len()
    }

    pub fn is_empty(&self) -> bool {
        self.auditors.is_empty()
    }

    /// How well those do that were trained for this, each a sentence.
    pub fn notes(&self) -> Vec<String> {
        let auditors = self.auditors.iter();
        auditors
            .filter_map(|own| Some(summary(&own.name, own.scores()?)))
            .collect()
    }

    /// # Panics
    /// If there is no auditor of this index.
    pub fn name(&self, auditor: usize) -> &str {
        &self.auditors[auditor].name
    }

    /// The levels of each (context, response) by an auditor.
    ///
    /// # Panics
    /// If there is no auditor of this index.
    pub fn levels(&self, auditor: usize, pairs: &[(&str, &str)], batch: usize) -> Vec<Levels> {
        self.auditors[auditor].levels(pairs, batch, &self.device)
    }
}

/// How well an auditor does, in a sentence.
pub fn summary(name: &str, scores: &[IdentifierScores]) -> String {
    let of = |scores: &IdentifierScores| {
        let (title, report) = (scores.mechanism.title().to_lowercase(), scores.report());
        format!("{title} {} %", Digits::WORDS.write(report.weighted_f1))
    };
    let figures: Vec<String> = scores.iter().map(of).collect();
    format!(
        "The auditor {name} judges and gives no reward. Weighted F1 on labelled pairs whose seeker posts it did not learn from (five folds): {}",
        figures.join(", ")
    )
}

#[cfg(test)]
mod tests;
