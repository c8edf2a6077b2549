//! Finds the columns of systems: their responses, and what is said of each.

use super::super::mapping::ResponseColumns;
use super::super::names::{self, is_called, plain};
use super::super::profile::Column;
use super::{Finder, score};

impl Finder<'_> {
    /// Columns with a response's name: one, or one for each system whose name is the rest of theirs.
    pub(super) fn responses(&mut self, name: &str) {
        let found: Vec<(&Column, Option<String>)> = self
            .left
            .iter()
            .filter(|column| column.is_text() && !column.is_list())
            .filter_map(|column| Some((*column, system_in(&column.name)?)))
            .filter(|(column, system)| match system {
                None => true,
                Some(system) => column.is_prose() || says_response(&column.name, system),
            })
            .collect();
        let single = found.len() == 1;
        for (column, system) in found {
            self.forget(&column.name);
            let system_column = match (single, &system) {
                (true, None) => self.take_name(names::SYSTEM, |column| !column.is_list()),
                _ => None,
            };
            let unnamed = || match single {
                true => name.to_string(),
                false => column.name.clone(),
            };
            let taken = |name: &String| {
                let mut systems = self.mapping.responses.iter();
                systems.any(|response| response.system.as_ref() == Some(name))
            };
            let system = system.filter(|name| !taken(name)).unwrap_or_else(unnamed);
            let system = system_column.is_none().then_some(system);
            let audio = names::AUDIO.iter().filter(|_| single).find_map(|audio| {
                let named = format!("response_{audio}");
                self.take_name(&[&named], |column| column.is_text())
            });
            let reasoning = match single {
                true => self.take_name(names::REASONING, Column::is_text),
                false => None,
            };
            self.mapping.responses.push(ResponseColumns {
                system,
                system_column,
                text: column.name.clone(),
                reasoning,
                audio,
                ..ResponseColumns::default()
            });
        }
        self.beside_systems();
    }

    /// What is said of each system in columns with its name: numbers, categories, reasoning.
    fn beside_systems(&mut self) {
        if self.mapping.responses.len() < 2 {
            return;
        }
        let mut responses = std::mem::take(&mut self.mapping.responses);
        // The longest names first, as one may be the end of another.
        let length =
            |response: &&mut ResponseColumns| response.system.as_ref().map_or(0, String::len);
        let mut by_length: Vec<&mut ResponseColumns> = responses.iter_mut().collect();
        by_length.sort_by_key(|response| std::cmp::Reverse(length(response)));
        for response in by_length {
            let system = response.system.clone().unwrap_or_default();
            let found: Vec<(&Column, String)> = self
                .left
                .iter()
                .filter_map(|column| Some((*column, names::beside(&column.name, &system)?)))
                .collect();
            for (column, what) in found {
                let taken =
                    response.scores.contains_key(&what) || response.labels.contains_key(&what);
                let what = if taken { column.name.clone() } else { what };
                if column.is_score() {
                    response.scores.insert(what.clone(), score(column, &what));
                } else if column.is_category() {
                    response.labels.insert(what, column.name.clone());
                } else if names::REASONING.contains(&what.as_str()) && column.is_text() {
                    response.reasoning = Some(column.name.clone());
                } else {
                    continue;
                }
                self.forget(&column.name);
            }
        }
        self.mapping.responses = responses;
    }

    /// Where nothing is called a response, columns of prose that are called nothing known are systems'.
    pub(super) fn systems_by_themselves(&mut self) {
        if !self.mapping.responses.is_empty() || self.mapping.turns.is_some() {
            return;
        }
        let prose: Vec<&Column> = self
            .left
            .iter()
            .copied()
            .filter(|column| column.is_prose() && !is_called(&column.name, names::REMARKS))
            .collect();
        if prose.len() < 2 {
            return;
        }
        for column in prose {
            self.forget(&column.name);
            self.mapping.responses.push(ResponseColumns {
                system: Some(column.name.clone()),
                text: column.name.clone(),
                ..ResponseColumns::default()
            });
        }
        self.beside_systems();
    }
}

/// Whether a column is a response's by its name alone, however short its texts are: it says so, and the rest is a system.
fn says_response(name: &str, system: &str) -> bool {
    let is = |names: &[&str], text: &str| {
        let plain = plain(text);
        plain.split('_').any(|word| names.contains(&word))
    };
    is(names::SAYS_RESPONSE, name) && !is(names::OF_RESPONSE, system)
}

/// The system that a response's column names: Some(None) where its name is a response's alone.
fn system_in(name: &str) -> Option<Option<String>> {
    let words: Vec<&str> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let is_response = |word: &str| names::RESPONSE.contains(&plain(word).as_str());
    let rest = match &words[..] {
        [first, rest @ ..] if is_response(first) => rest,
        [rest @ .., last] if is_response(last) => rest,
        _ => return None,
    };
    let generic = |word: &&str| {
        let word = plain(word);
        names::GENERIC.contains(&word.as_str()) || names::RESPONSE.contains(&word.as_str())
    };
    match rest.iter().all(generic) {
        true => Some(None),
        false => {
            let words: Vec<&str> = rest.to_vec();
            // As it is written, with what stands between its words.
            let (first, last) = (words.first()?, words.last()?);
            let start = name.find(first)?;
            let end = name.rfind(last)? + last.len();
            Some(name.get(start..end).map(str::to_string))
        }
    }
}
