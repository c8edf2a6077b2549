//! The contexts that systems answer, in the order in which files of responses list them.
//!
//! Knows rows and examples; must not know which systems there are.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::StudyError;
use crate::data::Example;
use crate::data::library;
use crate::data::rows::{Row, read_jsonl};

/// A context with what is known around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Identifier of the conversation in its source.
    pub conversation: Option<String>,
    /// Place of the response in the conversation; the first utterance is 1.
    pub turn: Option<u32>,
    /// What the speaker feels, one word.
    pub emotion: Option<String>,
    /// What happened, as the speaker described it.
    pub situation: Option<String>,
    /// Utterances, oldest first.
    pub utterances: Vec<String>,
    /// The listener's own answer.
    pub target: Option<String>,
}

/// What tells one context from another wherever it comes from: the same conversation, words and number of
/// utterances, whatever the capitals and marks.
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
            target: Some(example.target.clone()),
        }
    }
}

impl Context {
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
            target: row.response.clone(),
        })
    }
}

/// Names under which rows give their conversation, turn and place.
pub(super) const CONVERSATION: [&str; 3] = ["conversation", "conv_id", "conversation_id"];
pub(super) const TURN: [&str; 2] = ["turn", "utterance_idx"];
pub(super) const INDEX: [&str; 2] = ["index", "idx"];

pub(super) fn whole_number(row: &Row, keys: &[&str]) -> Option<u64> {
    keys.iter().find_map(|key| match row.fields.get(*key)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Letters and digits of utterances in lower case: what stays the same when marks and blanks change.
pub(super) fn plain_words(utterances: &[String]) -> String {
    let mut plain = String::new();
    for utterance in utterances {
        let letters = utterance.chars().filter(|c| c.is_alphanumeric());
        plain.extend(letters.flat_map(char::to_lowercase));
    }
    plain
}

/// Contexts in order, findable by conversation and turn and by their words.
#[derive(Debug, Clone)]
pub struct OrderedContexts {
    /// What they are, for messages: "the test split of empathetic-dialogues", or a file's name.
    pub name: String,
    contexts: Vec<Context>,
    keys: Vec<ContextKey>,
    by_turn: HashMap<(String, u32), usize>,
    by_words: HashMap<String, Vec<usize>>,
}

impl OrderedContexts {
    /// Contexts in the order given.
    pub fn new(name: impl Into<String>, contexts: Vec<Context>) -> OrderedContexts {
        let mut order = OrderedContexts {
            name: name.into(),
            keys: Vec::with_capacity(contexts.len()),
            contexts: Vec::new(),
            by_turn: HashMap::new(),
            by_words: HashMap::new(),
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (place, context) in contexts.iter().enumerate() {
            let words = plain_words(&context.utterances);
            let conversation = context.conversation.clone().unwrap_or_default();
            let identity = format!("{conversation}\n{}\n{words}", context.utterances.len());
            let digest = Sha256::digest(identity.as_bytes());
            let mut key: String = digest[..12]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
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

    /// The contexts of examples.
    pub fn from_examples(name: impl Into<String>, examples: &[Example]) -> OrderedContexts {
        OrderedContexts::new(name, examples.iter().map(Context::from).collect())
    }

    /// The contexts of a JSONL file, one a row. A row that is an example of `known` (the same conversation,
    /// words and number of utterances) stands for that example, with its own spelling, emotion, situation
    /// and target; the places of the others come back.
    ///
    /// # Errors
    /// The file cannot be read, or a row has no context.
    pub fn from_file(
        path: &Path,
        known: &[Example],
    ) -> Result<(OrderedContexts, Vec<usize>), StudyError> {
        let known = OrderedContexts::from_examples("", known);
        let rows = read_jsonl(path)?;
        let mut foreign = Vec::new();
        let mut contexts = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            let context = Context::from_row(row, path)?;
            match known.like(&context) {
                Some(example) => contexts.push(example.clone()),
                None => {
                    foreign.push(place);
                    contexts.push(context);
                }
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let order = OrderedContexts::new(name.to_string_lossy(), contexts);
        Ok((order, foreign))
    }

    /// The contexts that a file of responses answers: those of the file `contexts`, else the test split of
    /// EmpatheticDialogues as it was imported into `store`. With them the places of contexts that the data
    /// set does not have.
    ///
    /// # Errors
    /// As [`OrderedContexts::from_file`]; or neither is there.
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

    /// How many contexts.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    /// The contexts in order.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// What tells each context from the others, in order.
    pub fn keys(&self) -> &[ContextKey] {
        &self.keys
    }

    /// The place of the response at a turn of a conversation.
    pub fn at_turn(&self, conversation: &str, turn: u32) -> Option<usize> {
        let at = (conversation.to_string(), turn);
        self.by_turn.get(&at).copied()
    }

    /// The places of contexts of the same words.
    pub fn with_words(&self, utterances: &[String]) -> &[usize] {
        let found = self.by_words.get(&plain_words(utterances));
        found.map_or(&[], Vec::as_slice)
    }

    /// Whether the context at `place` has the same words.
    pub fn has_words(&self, place: usize, utterances: &[String]) -> bool {
        plain_words(&self.contexts[place].utterances) == plain_words(utterances)
    }

    fn like(&self, context: &Context) -> Option<&Context> {
        let same = |place: &&usize| {
            let known = &self.contexts[**place];
            known.conversation == context.conversation
                && known.utterances.len() == context.utterances.len()
        };
        let place = self.with_words(&context.utterances).iter().find(same)?;
        Some(&self.contexts[*place])
    }
}
