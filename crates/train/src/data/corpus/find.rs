//! Finds a mapping by looking: at what columns are called and what they hold.
//!
//! What is found is shown to a person, who may change it. Must not know any system's or file's own name.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mapping::{ContextColumns, Mapping, ResponseColumns, ScoreColumn, TurnColumn};
use super::names::{self, Side, is_called, plain};
use super::profile::{Column, Lists, Profile};
use super::record::{EMOTION, Origin, SITUATION};
use crate::data::empathy::EmpathyLevel;
use crate::data::sets::Split;

/// How the rows of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A context and what answers it in a row.
    Flat,
    /// A column for each system.
    Wide,
    /// Instruction, input, output, history.
    Alpaca,
    /// Lists of turns with `role` and `content`.
    Messages,
    /// Lists of turns with `from` and `value`.
    ShareGpt,
    /// Lists of turns of another kind.
    Dialogues,
    /// Records as this program writes them.
    Records,
}

impl Shape {
    /// The shape that a mapping describes.
    pub fn of(mapping: &Mapping) -> Shape {
        let alpaca = mapping.context.as_ref().is_some_and(|context| {
            context
                .text
                .iter()
                .any(|name| is_called(name, &["instruction"]))
        });
        match &mapping.turns {
            Some(turns) => match (turns.role.as_deref(), turns.text.as_deref()) {
                (Some("role"), Some("content")) => Shape::Messages,
                (Some("from"), Some("value")) => Shape::ShareGpt,
                _ => Shape::Dialogues,
            },
            None if mapping.records => Shape::Records,
            None if alpaca => Shape::Alpaca,
            None if mapping.responses.len() > 1 => Shape::Wide,
            None => Shape::Flat,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Flat => "flat rows: a context and what answers it",
            Shape::Wide => "wide rows: a column for each system",
            Shape::Alpaca => "Alpaca: instruction, input, output",
            Shape::Messages => "messages: lists of turns with role and content",
            Shape::ShareGpt => "ShareGPT: lists of turns with from and value",
            Shape::Dialogues => "dialogues: lists of turns",
            Shape::Records => "records, as emprl corpus export writes them",
        })
    }
}

/// The mapping of a file's columns; `name` is what its only system is called where the file does not say.
///
/// # Errors
/// No column holds responses, targets or conversations; the text says what is there instead.
pub fn find(profile: &Profile, name: &str) -> Result<Mapping, String> {
    let mut finder = Finder {
        profile,
        mapping: Mapping::new(),
        left: profile
            .columns
            .iter()
            .filter(|column| !column.is_empty())
            .collect(),
    };
    if finder.has(&["chosen"]) && finder.has(&["rejected"]) {
        return Err("holds preference pairs (\"chosen\" and \"rejected\"), which `emprl data import preferences FILE` \
                    imports"
            .into());
    }
    finder.keys();
    finder.levels();
    if !finder.alpaca() {
        finder.responses(name);
        finder.target();
        if !finder.turns() {
            finder.context();
        }
        finder.systems_by_themselves();
    }
    if !finder.mapping.splits_turns()
        && finder.mapping.target.is_none()
        && finder.mapping.responses.is_empty()
    {
        return Err(finder.nothing_to_read());
    }
    finder.known_labels();
    finder.rest();
    Ok(finder.mapping)
}

struct Finder<'a> {
    profile: &'a Profile,
    mapping: Mapping,
    /// Columns whose meaning is not found yet.
    left: Vec<&'a Column>,
}

impl<'a> Finder<'a> {
    fn has(&self, names: &[&str]) -> bool {
        self.left
            .iter()
            .any(|column| is_called(&column.name, names))
    }

    /// The first column with one of these names, in their order, that fits; it is found then.
    fn take(&mut self, names: &[&str], fits: impl Fn(&Column) -> bool) -> Option<&'a Column> {
        let at = names.iter().find_map(|name| {
            let is = |column: &&Column| plain(&column.name) == *name && fits(column);
            self.left.iter().position(is)
        })?;
        Some(self.left.remove(at))
    }

    fn take_name(&mut self, names: &[&str], fits: impl Fn(&Column) -> bool) -> Option<String> {
        self.take(names, fits).map(|column| column.name.clone())
    }

    fn forget(&mut self, name: &str) {
        self.left.retain(|column| column.name != name);
    }

    /// What numbers the rows.
    fn keys(&mut self) {
        let rows = self.profile.rows;
        let different = |column: &Column| {
            column
                .values()
                .is_none_or(|values| values.len() == column.present)
        };
        let key = |column: &Column| !column.is_list() && column.present == rows;
        let id = |column: &Column| key(column) && different(column);
        self.mapping.id = self.take_name(names::ID, id);
        let named = |column: &Column| key(column) && column.mean_words() < 2.0;
        self.mapping.conversation = self.take_name(names::CONVERSATION, named);
        let number = |column: &Column| key(column) && column.is_number();
        self.mapping.turn = self.take_name(names::TURN, number);
        let split = |column: &Column| {
            let values = column.values();
            values.is_some_and(|values| values.iter().all(|value| split(value).is_some()))
        };
        self.mapping.split = self.take_name(names::SPLIT, split);
    }

    /// Columns of the three empathy levels; all three or none.
    fn levels(&mut self) {
        let is_level = |column: &Column| {
            let values = column.values();
            values.is_some_and(|values| {
                values
                    .iter()
                    .all(|value| value.parse::<EmpathyLevel>().is_ok())
            })
        };
        let of = |column: &&'a Column| {
            let mechanism = names::mechanism(&column.name).filter(|_| is_level(column));
            mechanism.map(|mechanism| (mechanism.key().to_string(), column.name.clone()))
        };
        let found: std::collections::BTreeMap<String, String> =
            self.left.iter().filter_map(of).collect();
        if found.len() == 3 {
            for column in found.values() {
                self.forget(column);
            }
            self.mapping.labels.extend(found);
        }
    }

    fn alpaca(&mut self) -> bool {
        let texts = |column: &Column| column.is_text() || column.is_number();
        if !self.has(&["instruction"]) || !self.has(&["output"]) {
            return false;
        }
        let Some(instruction) = self.take(&["instruction"], texts) else {
            return false;
        };
        let input = self.take_name(&["input"], texts);
        // The same instruction in every row says what to do, not what was said.
        let constant = self.profile.rows > 1
            && instruction.present == self.profile.rows
            && instruction.values().is_some_and(|values| values.len() == 1);
        let text = match (constant, input) {
            (true, Some(input)) => {
                let label = "system_prompt".to_string();
                self.mapping.labels.insert(label, instruction.name.clone());
                vec![input]
            }
            (_, input) => [Some(instruction.name.clone()), input]
                .into_iter()
                .flatten()
                .collect(),
        };
        self.mapping.context = Some(ContextColumns {
            text,
            history: self.take_name(&["history"], |column| column.is_list()),
        });
        self.mapping.target = self.take_name(&["output"], |_| true);
        true
    }

    /// Columns with a response's name: one, or one for each system whose name is the rest of theirs.
    fn responses(&mut self, name: &str) {
        let found: Vec<(&Column, Option<String>)> = self
            .left
            .iter()
            .filter(|column| column.is_text() && !column.is_list())
            .filter_map(|column| Some((*column, system_in(&column.name)?)))
            .filter(|(column, system)| system.is_none() || column.is_prose())
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
            let system = system_column
                .is_none()
                .then(|| system.unwrap_or_else(unnamed));
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
            let system = plain(response.system.as_deref().unwrap_or_default());
            let beside = |column: &&Column| {
                let name = plain(&column.name);
                let rest = name
                    .strip_suffix(&system)
                    .or_else(|| name.strip_prefix(&system))?;
                let rest = rest.trim_matches('_');
                (!rest.is_empty() && rest.len() < name.len()).then(|| rest.to_string())
            };
            let found: Vec<(&Column, String)> = self
                .left
                .iter()
                .filter_map(|column| Some((*column, beside(column)?)))
                .collect();
            for (column, what) in found {
                if column.is_number() {
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

    fn target(&mut self) {
        let texts = |column: &Column| column.is_text() && !column.is_list();
        self.mapping.target = self.take_name(names::TARGET, texts);
    }

    /// A column of lists of turns.
    fn turns(&mut self) -> bool {
        let of = |column: &Column| turn_column(&column.name, &column.lists);
        let fits = |column: &Column| column.is_list() && of(column).is_some();
        let named = self.take(names::TURN_LISTS, fits);
        let lists: Vec<&Column> = self
            .left
            .iter()
            .copied()
            .filter(|column| fits(column))
            .collect();
        let column = match (named, &lists[..]) {
            (Some(column), _) => column,
            (None, [only]) if only.lists.are_turns() => {
                self.forget(&only.name);
                only
            }
            _ => return false,
        };
        // Texts alone are a context where something else answers them.
        self.mapping.turns = of(column);
        self.mapping.turns.is_some()
    }

    fn context(&mut self) {
        let list = |column: &Column| column.is_list() && column.lists.are_texts();
        let prose = |column: &Column| list(column) || column.is_prose();
        let any = |column: &Column| list(column) || column.is_text();
        let found = self.take_name(names::CONTEXT, prose);
        let Some(text) = found.or_else(|| self.take_name(names::CONTEXT, any)) else {
            return;
        };
        let lists = |column: &Column| column.is_list();
        self.mapping.context = Some(ContextColumns {
            text: vec![text],
            history: self.take_name(&["history", "dialogue_history", "dialog_history"], lists),
        });
    }

    /// Where nothing is called a response, columns of prose that are called nothing known are systems'.
    fn systems_by_themselves(&mut self) {
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

    /// Emotion and situation, under the names that examples have.
    fn known_labels(&mut self) {
        let text = |column: &Column| !column.is_list();
        let category = |column: &Column| column.is_category();
        if let Some(column) = self.take_name(names::SITUATION, text) {
            self.mapping.labels.insert(SITUATION.into(), column);
        }
        let emotion = self.take_name(names::EMOTION, category);
        // EmpatheticDialogues calls the emotion `context` and the situation `prompt`.
        let emotion = emotion.or_else(|| {
            let as_there = self.has(&["prompt"]);
            self.take_name(&["context"], |column| as_there && column.is_category())
        });
        if let Some(column) = &emotion {
            self.mapping.labels.insert(EMOTION.into(), column.clone());
            if is_called(column, &["context"])
                && let Some(prompt) = self.take_name(&["prompt"], text)
            {
                self.mapping
                    .labels
                    .entry(SITUATION.into())
                    .or_insert(prompt);
            }
        }
    }

    /// What is not found yet is a score, a label, or left out with the reason.
    fn rest(&mut self) {
        for column in std::mem::take(&mut self.left) {
            let name = column.name.clone();
            let is_key = plain(&name)
                .rsplit('_')
                .next()
                .is_some_and(|last| ["id", "idx", "index", "no"].contains(&last));
            if column.is_category() && !(column.is_number() && !is_key)
                || column.booleans == column.present
            {
                self.mapping.labels.entry(name.clone()).or_insert(name);
            } else if column.is_number() && !is_key {
                self.mapping
                    .scores
                    .insert(name.clone(), score(column, &name));
            } else {
                let reason = match column.values() {
                    _ if column.is_list() => {
                        "lists; map it as a label to keep them as text".to_string()
                    }
                    Some(values) if column.is_number() || values.len() * 2 > column.present => {
                        "numbers, names or times of rows".to_string()
                    }
                    _ => format!(
                        "texts of {:.0} words; map it as a label to keep them",
                        column.mean_words()
                    ),
                };
                self.mapping.left_out.insert(name, reason);
            }
        }
        for column in &self.profile.columns {
            if column.is_empty() {
                self.mapping
                    .left_out
                    .insert(column.name.clone(), "nothing in any row".into());
            }
        }
    }

    /// What the file holds instead of responses.
    fn nothing_to_read(&self) -> String {
        const SHOWN: usize = 20;
        let mut there: Vec<String> = self
            .profile
            .columns
            .iter()
            .take(SHOWN)
            .map(|column| format!("{:?} ({})", column.name, column.kind()))
            .collect();
        if self.profile.columns.len() > SHOWN {
            there.push(format!("{} more", self.profile.columns.len() - SHOWN));
        }
        let by_utterance = self.mapping.conversation.is_some()
            && self.mapping.context.as_ref().is_some_and(|context| {
                context
                    .text
                    .iter()
                    .any(|name| is_called(name, &["utterance", "text"]))
            });
        let why = match by_utterance {
            true => "; each row seems to be one utterance of a conversation",
            false => "",
        };
        format!(
            "no column holds responses, targets or whole conversations{why}; it has {}",
            there.join(", ")
        )
    }
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

/// How lists of a column are turns; None where they are not.
fn turn_column(name: &str, lists: &Lists) -> Option<TurnColumn> {
    let mut turns = TurnColumn {
        list: name.to_string(),
        ..TurnColumn::default()
    };
    if lists.are_texts() {
        // A list of texts under the name of a context is one, not a conversation to be split.
        let of_turns =
            is_called(name, names::TURN_LISTS) && !is_called(name, &["history", "context"]);
        return (of_turns && lists.mean_items() >= 2.0).then_some(turns);
    }
    if !lists.are_turns() {
        return None;
    }
    let field = |names: &[&str]| {
        names.iter().find_map(|name| {
            lists
                .fields
                .iter()
                .find(|field| plain(&field.name) == *name)
        })
    };
    let role = field(names::TURN_ROLE).filter(|field| field.has_roles());
    let text = field(names::TURN_TEXT)?;
    turns.text = Some(text.name.clone());
    if let Some(role) = role {
        turns.role = Some(role.name.clone());
        let roles = role.values.as_deref().unwrap_or_default();
        (turns.speaker, turns.listener, turns.system) = sides(roles);
    }
    let audio = field(names::AUDIO);
    turns.audio = audio.map(|field| field.name.clone());
    let used = [&turns.role, &turns.text, &turns.audio];
    let used: BTreeSet<String> = used.into_iter().flatten().cloned().collect();
    for field in lists
        .fields
        .iter()
        .filter(|field| !used.contains(&field.name))
    {
        if field.values.is_some() && field.mean_words() <= 4.0 {
            let last = field.name.rsplit('.').next().unwrap_or(&field.name);
            let label = match turns.labels.contains_key(last) {
                true => field.name.clone(),
                false => last.to_string(),
            };
            turns.labels.insert(label, field.name.clone());
        }
    }
    Some(turns)
}

/// Which roles are the speaker's, the listener's and the system's. Of two unknown ones the first to speak is the speaker.
fn sides(roles: &[String]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let of = |side| -> Vec<String> {
        roles
            .iter()
            .filter(|role| names::side(role) == Some(side))
            .cloned()
            .collect()
    };
    let (mut speaker, mut listener, mut system) =
        (of(Side::Speaker), of(Side::Listener), of(Side::System));
    if listener.is_empty() {
        // Task-oriented corpora call the listener so.
        listener = std::mem::take(&mut system);
    }
    for role in roles.iter().filter(|role| names::side(role).is_none()) {
        match (speaker.is_empty(), listener.is_empty()) {
            (true, _) => speaker.push(role.clone()),
            (false, true) => listener.push(role.clone()),
            (false, false) => {}
        }
    }
    (speaker, listener, system)
}

fn score(column: &Column, name: &str) -> ScoreColumn {
    ScoreColumn {
        column: column.name.clone(),
        range: None,
        origin: origin(name),
    }
}

/// Who gave a score, where its name says so.
fn origin(name: &str) -> Option<Origin> {
    let plain = plain(name);
    let has = |words: &[&str]| plain.split('_').any(|word| words.contains(&word));
    match () {
        () if has(&["judge"]) => Some(Origin::Judge),
        () if has(&["human", "annotator", "worker"]) => Some(Origin::Human),
        () if has(&[
            "predicted",
            "prediction",
            "predictions",
            "pred",
            "prob",
            "probability",
        ]) =>
        {
            Some(Origin::Model)
        }
        () => None,
    }
}

/// The split of a word.
pub(super) fn split(word: &str) -> Option<Split> {
    match plain(word).as_str() {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "val" | "dev" | "development" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}
