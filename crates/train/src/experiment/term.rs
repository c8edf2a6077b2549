//! The terms of a reward, `[[reward.term]]` in an experiment file: name, kind, weight, and what the kind needs.
//!
//! Each kind's settings are declared once, as everywhere; a term reads and writes only those of its own kind.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::config::RewardSettings;
use super::setting::{
    LIST_OF_TEXTS, Setting, TEXT, choice, float, int, settings as declare_settings, words,
};
use super::values::fit;
use crate::metrics::declared;

words! {
    /// What a term of the reward scores a response by.
    TermKind {
        /// The empathy identifiers: the paper's reward (Eq. 2-5).
        Identifiers = "identifiers",
        /// The number of words.
        Length = "length",
        /// Words that are said again.
        Repetition = "repetition",
        /// A program of one's own.
        Command = "command",
        /// A server.
        Http = "http",
    }
}

declare_settings! {
    /// What every term has.
    TermHead in "reward.term" {
        /// Its name: lower-case letters, digits and _, such as tone; its metric is ppo/reward/NAME.
        name: String = "term".into() => TEXT;
        /// What it scores a response by.
        kind: TermKind = TermKind::Length => choice(TermKind::WORDS);
        /// The reward is the sum of the terms' scores times their weights.
        weight: f64 = 1.0 => float(-1e6, 1e6);
    }
}

declare_settings! {
    /// -1 for each word that a response is too short or too long; 0 within the limits. Equal limits are a target.
    LengthTerm in "reward.term" {
        /// Fewer words cost; 0 for no limit.
        at_least: u64 = 0 => int(0, 10_000).unit("words");
        /// More words cost; 0 for no limit.
        at_most: u64 = 20 => int(0, 10_000).unit("words");
    }
}

declare_settings! {
    /// Minus the share of a response's n-grams of words that occurred in it before.
    RepetitionTerm in "reward.term" {
        /// Words of an n-gram.
        ngram: usize = 2 => int(1, 10).label("n").unit("words");
    }
}

declare_settings! {
    /// A program that reads rows on its standard input and answers each with a score on its standard output.
    CommandTerm in "reward.term" {
        /// The program and its arguments, as a list. No shell reads them.
        command: Vec<String> = Vec::new() => LIST_OF_TEXTS;
        /// How long the scores of a batch may take.
        timeout: f64 = 60.0 => float(0.01, 86_400.0).label("Time limit").unit("seconds");
        /// How often a batch is tried again, in a program started anew, before the run ends.
        retries: u64 = 2 => int(0, 100);
    }
}

declare_settings! {
    /// A server that is sent the rows of a batch as JSON and answers with scores.
    HttpTerm in "reward.term" {
        /// Where the rows are sent, such as http://127.0.0.1:8080/score.
        address: String = "http://127.0.0.1:8080/score".into() => TEXT;
        /// How long the scores of a batch may take.
        timeout: f64 = 60.0 => float(0.01, 86_400.0).label("Time limit").unit("seconds");
        /// How often a batch is sent again before the run ends.
        retries: u64 = 2 => int(0, 100);
    }
}

/// A term of the reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct TermSettings {
    pub name: String,
    pub weight: f64,
    pub scorer: Scorer,
}

/// What scores a response, with the settings of its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Scorer {
    Identifiers,
    Length(LengthTerm),
    Repetition(RepetitionTerm),
    Command(CommandTerm),
    Http(HttpTerm),
}

impl TermKind {
    /// The settings of such a term, besides those of every term.
    pub fn settings(self) -> &'static [Setting] {
        match self {
            TermKind::Identifiers => &[],
            TermKind::Length => LengthTerm::SETTINGS,
            TermKind::Repetition => RepetitionTerm::SETTINGS,
            TermKind::Command => CommandTerm::SETTINGS,
            TermKind::Http => HttpTerm::SETTINGS,
        }
    }

    /// In the order of their words.
    pub const ALL: [TermKind; 5] = [
        TermKind::Identifiers,
        TermKind::Length,
        TermKind::Repetition,
        TermKind::Command,
        TermKind::Http,
    ];
}

/// The settings of a term, whatever its kind; some kinds share a name.
pub fn term_settings() -> impl Iterator<Item = &'static Setting> {
    let kinds = TermKind::ALL.into_iter().flat_map(TermKind::settings);
    TermHead::SETTINGS.iter().chain(kinds)
}

impl Scorer {
    pub fn kind(&self) -> TermKind {
        match self {
            Scorer::Identifiers => TermKind::Identifiers,
            Scorer::Length(_) => TermKind::Length,
            Scorer::Repetition(_) => TermKind::Repetition,
            Scorer::Command(_) => TermKind::Command,
            Scorer::Http(_) => TermKind::Http,
        }
    }
}

impl TermSettings {
    /// The settings of this term, in order.
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        TermHead::SETTINGS
            .iter()
            .chain(self.scorer.kind().settings())
    }

    /// A copy with another value of one of its settings. One that becomes another kind takes that kind's defaults.
    pub(super) fn with(&self, field: &str, value: Value) -> Result<TermSettings, String> {
        let mut table = Table::from(self.clone());
        if field == "kind" {
            table.retain(|name, _| TermHead::SETTINGS.iter().any(|head| head.field() == name));
        }
        table.insert(field.to_string(), value);
        TermSettings::try_from(table)
    }
}

impl TryFrom<Table> for TermSettings {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        let named = match table.get("name") {
            Some(Value::String(name)) => format!("the term {name}"),
            _ => "a term without a name".to_string(),
        };
        let of = |why: String| format!("{named}: {why}");
        for required in ["name", "kind"] {
            if !table.contains_key(required) {
                return Err(of(format!("`{required}` is missing")));
            }
        }
        let head: TermHead = part(&mut table, TermHead::SETTINGS).map_err(of)?;
        let settings = head.kind.settings();
        let scorer = match head.kind {
            TermKind::Identifiers => Ok(Scorer::Identifiers),
            TermKind::Length => part(&mut table, settings).map(Scorer::Length),
            TermKind::Repetition => part(&mut table, settings).map(Scorer::Repetition),
            TermKind::Command => part(&mut table, settings).map(Scorer::Command),
            TermKind::Http => part(&mut table, settings).map(Scorer::Http),
        };
        let scorer = scorer.map_err(of)?;
        if let Some(unknown) = table.keys().next() {
            let heads = TermHead::SETTINGS.iter().chain(settings);
            let known: Vec<&str> = heads.map(Setting::field).collect();
            let known = known.join(", ");
            return Err(of(format!(
                "`{unknown}` is no setting of this kind, which has {known}"
            )));
        }
        Ok(TermSettings {
            name: head.name,
            weight: head.weight,
            scorer,
        })
    }
}

/// Takes the settings of one section out of a term's table.
fn part<T: serde::de::DeserializeOwned>(
    table: &mut Table,
    settings: &[Setting],
) -> Result<T, String> {
    let mut own = Table::new();
    for setting in settings {
        if let Some(value) = table.remove(setting.field()) {
            let value =
                fit(&setting.kind, value).map_err(|why| format!("`{}`: {why}", setting.field()))?;
            own.insert(setting.field().to_string(), value);
        }
    }
    own.try_into()
        .map_err(|error: toml::de::Error| error.message().to_string())
}

impl From<TermSettings> for Table {
    fn from(term: TermSettings) -> Table {
        let head = TermHead {
            name: term.name,
            kind: term.scorer.kind(),
            weight: term.weight,
        };
        let mut table = written(&head);
        table.extend(match &term.scorer {
            Scorer::Identifiers => Table::new(),
            Scorer::Length(own) => written(own),
            Scorer::Repetition(own) => written(own),
            Scorer::Command(own) => written(own),
            Scorer::Http(own) => written(own),
        });
        table
    }
}

#[expect(clippy::expect_used, reason = "no file or person can cause it")]
fn written(settings: &impl Serialize) -> Table {
    Table::try_from(settings).expect("settings are numbers, words and lists of words")
}

/// What is wrong with the terms of a reward taken together, or with one beyond its ranges; one sentence each.
pub(super) fn problems(reward: &RewardSettings) -> Vec<String> {
    let mut found = Vec::new();
    for (at, term) in reward.term.iter().enumerate() {
        let name = &term.name;
        let is_identifiers = term.scorer == Scorer::Identifiers;
        let wrong = match &term.scorer {
            _ if !declared::is_term_name(name) => {
                "is no name; use lower-case letters, digits and _, beginning with a letter"
            }
            _ if reward.term[..at].iter().any(|other| other.name == *name) => "is there twice",
            _ if name == "empathy" && is_identifiers && !reward.is_papers_form() => {
                "is the name of the paper's form of this reward; give it another, such as levels"
            }
            _ if is_taken(name) && !(name == "empathy" && is_identifiers) => {
                "is the name of another metric of the reward; choose another"
            }
            Scorer::Identifiers
                if reward.term[..at]
                    .iter()
                    .any(|other| other.scorer == Scorer::Identifiers) =>
            {
                "is a second term of the identifiers; they can score a response once"
            }
            Scorer::Length(own) if own.at_least == 0 && own.at_most == 0 => {
                "limits nothing; give at_least or at_most a value"
            }
            Scorer::Length(own) if own.at_most > 0 && own.at_least > own.at_most => {
                "wants more words at least than at most"
            }
            Scorer::Command(own)
                if own
                    .command
                    .first()
                    .is_none_or(|program| program.trim().is_empty()) =>
            {
                "names no program; give command = [\"python3\", \"scorer.py\"], say"
            }
            Scorer::Http(own) if !is_web_address(&own.address) => {
                "has no address of the web; it begins with http:// or https://"
            }
            _ => continue,
        };
        found.push(format!("the term \"{name}\" {wrong}"));
    }
    found
}

/// Whether a metric of the paper's reward, or the reward's total, has this name.
fn is_taken(name: &str) -> bool {
    let key = declared::term_key(name);
    declared::RAW_REWARDS.contains(&key.as_str()) || declared::REWARD_KEYS.contains(&key.as_str())
}

fn is_web_address(address: &str) -> bool {
    let rest = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    rest.is_some_and(|host| !host.is_empty() && !address.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests;
