//! Whether who judged seems to be a language model, by its name: only to ask a person, or to be safe, since a judge never
//! counts among people.
//!
//! The one place that knows what families of language models are called.

use std::collections::{BTreeMap, BTreeSet};

use super::mapping::{Mapping, RaterColumn, ScoreColumn, VerdictColumns};
use super::profile::Profile;
use super::record::Origin;

/// Words that a language model's name begins with, alone or before a number.
const FAMILIES: &[&str] = &[
    "gpt",
    "chatgpt",
    "davinci",
    "llama",
    "gemini",
    "qwen",
    "mistral",
    "mixtral",
    "deepseek",
    "vicuna",
    "prometheus",
    "chatglm",
    "llm",
];
/// The same where a number stands in the name: people have these names as well.
const WITH_NUMBER: &[&str] = &["claude", "gemma", "phi", "palm", "grok", "model", "judge"];

/// Whether a name seems to be a language model's: `gpt-4`, `Llama-3-70B`, `claude-3-opus`.
fn seems_a_model(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is_of = |word: &str, families: &[&str]| {
        families.iter().any(|family| {
            let rest = word.strip_prefix(family);
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit())
            })
        })
    };
    // `7b`, `70b`.
    let is_size = |word: &str| {
        let number = word.strip_suffix('b');
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
    };
    let has_number = lower.contains(|letter: char| letter.is_ascii_digit());
    words.iter().any(|word| {
        is_of(word, FAMILIES) || is_size(word) || has_number && is_of(word, WITH_NUMBER)
    })
}

/// Names in a column that seem to be language models', but for those that are known to be. Among models a bare `claude` is
/// one, too.
fn in_column(profile: &Profile, column: &str, known: &[String]) -> Vec<String> {
    let values = profile.column(column).and_then(|column| column.values());
    let values: Vec<&String> = values.into_iter().flatten().collect();
    let among_models = !known.is_empty() || values.iter().any(|name| seems_a_model(name));
    let is_bare = |name: &str| WITH_NUMBER.contains(&name.to_lowercase().as_str());
    let values = values.into_iter();
    values
        .filter(|name| seems_a_model(name) || among_models && is_bare(name))
        .filter(|name| !known.contains(name))
        .cloned()
        .collect()
}

/// The columns of who judged, each with the part of a mapping that it is in and with its judges; but for those that are
/// all no people's.
fn columns<'a>(
    verdicts: &'a mut BTreeMap<String, VerdictColumns>,
    raters: Option<&'a mut RaterColumn>,
) -> Vec<(String, &'a str, &'a mut Vec<String>)> {
    let mut found = Vec::new();
    for (name, of) in verdicts {
        let by_people = !matches!(of.origin, Some(Origin::Judge | Origin::Model));
        if let Some(column) = of.judge_column.as_deref().filter(|_| by_people) {
            found.push((format!("verdicts.{}", key(name)), column, &mut of.judges));
        }
    }
    if let Some(raters) = raters {
        found.push(("raters".to_string(), &raters.column, &mut raters.judges));
    }
    found
}

/// Whether people may have given a score.
pub fn may_be_of_people(score: &ScoreColumn) -> bool {
    !matches!(score.origin, Some(Origin::Judge | Origin::Model))
}

/// A key as TOML writes it.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match name.chars().all(is_bare) && !name.is_empty() {
        true => name.to_string(),
        false => toml::Value::from(name).to_string(),
    }
}

/// Takes language models among those who judge for judges where nobody has said who is what (`found`); else says how a
/// mapping can. Returns what a person should know, each a sentence.
pub fn tell_apart(mapping: &mut Mapping, profile: &Profile, found: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let by_people = mapping.score_columns().any(may_be_of_people);
    let raters = mapping.raters.as_mut().filter(|_| by_people);
    for (part, column, judges) in columns(&mut mapping.verdicts, raters) {
        let models = in_column(profile, column, judges);
        notes.extend(note(column, &part, &models, found));
        if found {
            judges.extend(models);
        }
    }
    notes
}

/// Takes language models among those who judge for judges; returns their names, if there are any.
pub fn taken(
    verdicts: &mut BTreeMap<String, VerdictColumns>,
    raters: &mut Option<RaterColumn>,
    profile: &Profile,
) -> Option<Vec<String>> {
    let mut all = BTreeSet::new();
    for (_, column, judges) in columns(verdicts, raters.as_mut()) {
        let models = in_column(profile, column, judges);
        all.extend(models.iter().cloned());
        judges.extend(models);
    }
    (!all.is_empty()).then(|| all.into_iter().collect())
}

fn note(column: &str, part: &str, models: &[String], found: bool) -> Option<String> {
    let line = format!("judges = {}", toml::Value::from(models.to_vec()));
    let note = match found {
        true => format!(
            "{column:?} names who seem to be language models, so they are counted apart from people: {line} under [{part}] \
             of the mapping. Take a person out of that list"
        ),
        false => format!(
            "{column:?} names who seem to be language models, and the mapping counts them among people: {line} under \
             [{part}] counts them apart"
        ),
    };
    (!models.is_empty()).then(|| note + ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_are_told_from_names_of_people() {
        for name in [
            "gpt-4",
            "GPT4o",
            "ChatGPT",
            "gpt-3.5-turbo",
            "Llama-3.1-70B",
            "meta-llama/Llama-2-7b",
            "claude-3-opus",
            "Claude 3",
            "qwen2.5",
            "gemini pro",
            "judge_1",
            "my-13b",
        ] {
            assert!(seems_a_model(name), "{name}");
        }
        for name in [
            "human1",
            "w1",
            "A1B2C3",
            "Claude",
            "Gemma",
            "anna",
            "annotator_3",
            "Aida",
            "Claude Martin",
            "O'Brien",
            "b",
            "12",
            "",
            "Paige",
        ] {
            assert!(!seems_a_model(name), "{name}");
        }
    }
}
