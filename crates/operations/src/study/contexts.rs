//! The contexts that systems answer, in the order of the files of responses.
//!
//! Knows rows and examples; must not know systems.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::StudyError;
use super::hex;
use crate::data::library;
use crate::data::reader::{self, Wanted};
use crate::data::rows::Row;
use crate::data::{Example, Role, Turns};

/// A dialogue context with its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    pub conversation: Option<String>,
    /// The response's position in the conversation; the first utterance is 1.
    pub turn: Option<u32>,
    /// The speaker's, one word.
    pub emotion: Option<String>,
    /// As the speaker described it.
    pub situation: Option<String>,
    pub utterances: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// The listener's actual response.
    pub target: Option<String>,
}

/// Identifies a context across files: a hash of conversation, words and number of utterances, ignoring case
/// and punctuation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContextKey(pub String);

impl fmt::Display for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Example> for Context {
    fn from(example: &Example) -> Context {
        Context {
            conversation: Some(example.conversation.clone()),
            turn: Some(example.turn),
            emotion: Some(example.emotion.clone()),
            situation: Some(example.situation.clone()),
            utterances: example.context.clone(),
            roles: example.roles.clone(),
            target: Some(example.target.clone()),
        }
    }
}

impl Context {
    /// What was said, and by whom.
    pub fn turns(&self) -> Turns<'_> {
        Turns {
            utterances: &self.utterances,
            roles: &self.roles,
        }
    }

    fn from_row(row: &Row, path: &Path) -> Result<Context, StudyError> {
        let text = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| row.fields.get(*key)?.as_str());
            found.map(str::to_string)
        };
        Ok(Context {
            conversation: text(&CONVERSATION),
            turn: whole_number(row, &TURN).and_then(|turn| u32::try_from(turn).ok()),
            emotion: text(&["emotion"]),
            situation: text(&["situation", "prompt"]),
            utterances: row.require_context(path)?.to_vec(),
            roles: row.roles.clone(),
            // In rows that hold both, the response is a system's.
            target: text(&["target"]).or_else(|| row.response.clone()),
        })
    }
}

/// Names of the fields for conversation and turn.
pub(super) const CONVERSATION: [&str; 3] = ["conversation", "conv_id", "conversation_id"];
pub(super) const TURN: [&str; 2] = ["turn", "utterance_idx"];
/// Names of the fields that number contexts.
const NUMBERS: [&str; 3] = ["idx", "index", "id"];

pub(super) fn whole_number(row: &Row, keys: &[&str]) -> Option<u64> {
    keys.iter()
        .find_map(|key| number_of(row, key)?.parse().ok())
}

/// A row's number in a field, in one spelling: 3, 3.0 and "3" are the same. An `id` may be any text.
pub(super) fn number_of(row: &Row, field: &str) -> Option<String> {
    let text = match row.fields.get(field)? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_string(),
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    let whole = text.parse::<f64>().ok().filter(|number| {
        // Beyond this, neighbours are the same number.
        *number >= 0.0 && *number < 9e15 && number.fract() == 0.0
    });
    Some(whole.map_or(text, |number| (number as u64).to_string()))
}

/// The contexts' own numbers in one field.
#[derive(Debug, Clone)]
pub struct Numbering {
    pub field: &'static str,
    places: HashMap<String, usize>,
    /// Lines of contexts without it.
    without: Vec<usize>,
    /// A number that two lines have.
    repeated: Option<(String, usize, usize)>,
}

impl Numbering {
    /// If any row has the field.
    fn of(field: &'static str, rows: &[Row]) -> Option<Numbering> {
        let mut own = Numbering {
            field,
            places: HashMap::new(),
            without: Vec::new(),
            repeated: None,
        };
        for (place, row) in rows.iter().enumerate() {
            let Some(number) = number_of(row, field) else {
                own.without.push(row.line);
                continue;
            };
            if let Some(first) = own.places.insert(number.clone(), place) {
                own.repeated
                    .get_or_insert((number, rows[first].line, row.line));
            }
        }
        (!own.places.is_empty()).then_some(own)
    }

    /// Why rows cannot be matched by it.
    pub(super) fn flaw(&self) -> Option<String> {
        if let Some((number, first, second)) = &self.repeated {
            let field = self.field;
            return Some(format!(
                "lines {first} and {second} both have {field} {number}"
            ));
        }
        let first = self.without.first()?;
        Some(match self.without.len() {
            1 => format!("line {first} has no {}", self.field),
            more => format!("{more} lines have no {}, line {first} first", self.field),
        })
    }

    pub(super) fn place(&self, number: &str) -> Option<usize> {
        self.places.get(number).copied()
    }

    fn number_at(&self, place: usize) -> Option<&str> {
        let found = self.places.iter().find(|(_, at)| **at == place);
        found.map(|(number, _)| number.as_str())
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = &String> {
        self.places.keys()
    }
}

/// Letters and digits in lower case, so that punctuation and spaces do not matter. Where there are none, as in a
/// context of emoji, the signs themselves.
pub(super) fn plain_words(utterances: &[String]) -> String {
    let mut plain = String::new();
    for utterance in utterances {
        let letters = utterance.chars().filter(|c| c.is_alphanumeric());
        plain.extend(letters.flat_map(char::to_lowercase));
    }
    if plain.is_empty() {
        let signs = utterances.iter().flat_map(|utterance| utterance.chars());
        plain.extend(signs.filter(|sign| !sign.is_whitespace()));
    }
    plain
}

/// Contexts in order, indexed by conversation and turn and by words.
#[derive(Debug, Clone)]
pub struct OrderedContexts {
    /// For messages: "the test split of empathetic-dialogues", or a file's name.
    pub name: String,
    contexts: Vec<Context>,
    keys: Vec<ContextKey>,
    by_turn: HashMap<(String, u32), usize>,
    by_words: HashMap<String, Vec<usize>>,
    /// The contexts' own numbers, as their file gives them.
    numberings: Vec<Numbering>,
    /// What a person should know about how the file was read.
    pub notes: Vec<String>,
}

impl OrderedContexts {
    pub fn new(name: impl Into<String>, contexts: Vec<Context>) -> OrderedContexts {
        let mut order = OrderedContexts {
            name: name.into(),
            keys: Vec::with_capacity(contexts.len()),
            contexts: Vec::new(),
            by_turn: HashMap::new(),
            by_words: HashMap::new(),
            numberings: Vec::new(),
            notes: Vec::new(),
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (place, context) in contexts.iter().enumerate() {
            let words = plain_words(&context.utterances);
            let conversation = context.conversation.clone().unwrap_or_default();
            let identity = format!("{conversation}\n{}\n{words}", context.utterances.len());
            let mut key = hex(&Sha256::digest(identity.as_bytes())[..12]);
            let times = seen.entry(key.clone()).or_default();
            *times += 1;
            if *times > 1 {
                key += &format!("-{times}");
            }
            order.keys.push(ContextKey(key));
            if let (Some(conversation), Some(turn)) = (&context.conversation, context.turn) {
                let at = (conversation.clone(), turn);
                order.by_turn.entry(at).or_insert(place);
            }
            order.by_words.entry(words).or_default().push(place);
        }
        order.contexts = contexts;
        order
    }

    pub fn from_examples(name: impl Into<String>, examples: &[Example]) -> OrderedContexts {
        OrderedContexts::new(name, examples.iter().map(Context::from).collect())
    }

    /// The contexts of a file, one for each row. A row that matches an example of `known` (by
    /// conversation, words and number of utterances) is replaced by that example; the indices of the others
    /// are returned too.
    ///
    /// # Errors
    /// The file cannot be read, or a row has no context.
    pub fn from_file(
        path: &Path,
        known: &[Example],
    ) -> Result<(OrderedContexts, Vec<usize>), StudyError> {
        let known = OrderedContexts::from_examples("", known);
        let file = reader::read(path, Wanted::Contexts)?;
        let rows = &file.rows;
        let mut foreign = Vec::new();
        let mut contexts = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            let context = Context::from_row(row, path)?;
            match known.find_matching(&context) {
                Some(example) => contexts.push(example.clone()),
                None => {
                    foreign.push(place);
                    contexts.push(context);
                }
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let mut order = OrderedContexts::new(name.to_string_lossy(), contexts);
        let own = NUMBERS
            .into_iter()
            .filter_map(|field| Numbering::of(field, rows));
        order.numberings = own.collect();
        order.notes = file.notes;
        Ok((order, foreign))
    }

    /// The contexts of the file `contexts`, else of the imported test split of EmpatheticDialogues, with the
    /// indices of those that the data set does not have.
    ///
    /// # Errors
    /// As [`OrderedContexts::from_file`]; or neither exists.
    pub fn find(
        store: &Path,
        contexts: Option<&Path>,
    ) -> Result<(OrderedContexts, Vec<usize>), StudyError> {
        let imported = library::list(store)?
            .iter()
            .any(|set| set.name == library::EMPATHETIC_DIALOGUES && set.imported);
        let test = match imported {
            true => library::open_dialogues(store, library::EMPATHETIC_DIALOGUES)?.test,
            false => Vec::new(),
        };
        match contexts {
            Some(path) => OrderedContexts::from_file(path, &test),
            None if imported => {
                let name = "the test split of empathetic-dialogues";
                Ok((OrderedContexts::from_examples(name, &test), Vec::new()))
            }
            None => Err(StudyError::NoContexts),
        }
    }

    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    pub fn keys(&self) -> &[ContextKey] {
        &self.keys
    }

    /// What messages call a context: by its own number, else by its place, counted from one.
    pub fn name_of(&self, place: usize) -> String {
        let own = self.numberings.iter().find(|own| own.flaw().is_none());
        match own.and_then(|own| Some((own.field, own.number_at(place)?))) {
            Some((field, number)) => format!("context {field} {number}"),
            None => format!("context {}", place + 1),
        }
    }

    pub(super) fn numberings(&self) -> &[Numbering] {
        &self.numberings
    }

    /// Whether any context is known by conversation and turn.
    pub(super) fn has_turns(&self) -> bool {
        !self.by_turn.is_empty()
    }

    /// Gives the context at an index a target if it has none; false if it has another.
    pub fn fill_target(&mut self, place: usize, target: &str) -> bool {
        let known = &mut self.contexts[place].target;
        let known = known.get_or_insert_with(|| target.to_string());
        known.trim() == target.trim()
    }

    /// The index of the context before a turn of a conversation.
    pub fn at_turn(&self, conversation: &str, turn: u32) -> Option<usize> {
        let at = (conversation.to_string(), turn);
        self.by_turn.get(&at).copied()
    }

    /// The indices of contexts with the same words.
    pub fn with_words(&self, utterances: &[String]) -> &[usize] {
        let found = self.by_words.get(&plain_words(utterances));
        found.map_or(&[], Vec::as_slice)
    }

    /// Whether the context at index `place` has the same words.
    pub fn has_words(&self, place: usize, utterances: &[String]) -> bool {
        plain_words(&self.contexts[place].utterances) == plain_words(utterances)
    }

    fn find_matching(&self, context: &Context) -> Option<&Context> {
        let same = |place: &&usize| {
            let known = &self.contexts[**place];
            known.conversation == context.conversation
                && known.utterances.len() == context.utterances.len()
        };
        let place = self.with_words(&context.utterances).iter().find(same)?;
        Some(&self.contexts[*place])
    }
}
