//! Corpora as what stages learn from: dialogues by split, and pairs with levels.

use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CorpusEntry, read_records};
use crate::data::corpus::Record;
use crate::data::corpus::record::{EMOTION, SITUATION};
use crate::data::error::DataError;
use crate::data::import::hex;
use crate::data::library::Manifest;
use crate::data::sets::{BySplit, DialogueSet, Example, LabelledPair, LevelSet, Role, Split};

/// Of a hundred conversations without a split, those that are for validation, and as many for testing.
const HELD_OUT: u64 = 10;

/// The dialogues of a corpus: its records with a context and a target, or exactly one response. Where no record says its
/// split, a tenth of the conversations is for validation and a tenth for testing, by the SHA-256 of the conversation: the
/// same whatever the order and the size of the corpus.
///
/// # Errors
/// It has none, or its file is damaged.
pub fn open_dialogues(
    store: &Path,
    manifest: Manifest,
    entry: &CorpusEntry,
) -> Result<DialogueSet, DataError> {
    if entry.counts.examples == 0 {
        return Err(lacks(
            &manifest.name,
            "record with a context and a target or one response",
        ));
    }
    let mut set = DialogueSet {
        name: manifest.name.clone(),
        fingerprint: manifest.fingerprint.clone(),
        ..DialogueSet::default()
    };
    let given = !entry.counts.splits.is_empty();
    let mut conversations = BySplit::<HashSet<String>>::default();
    read_records(store, &manifest, |record| {
        let split = split_of(&record, given);
        let Some(example) = example(record) else {
            return Ok(());
        };
        conversations
            .get_mut(split)
            .insert(example.conversation.clone());
        match split {
            Split::Train => set.train.push(example),
            Split::Validation => set.validation.push(example),
            Split::Test => set.test.push(example),
        }
        Ok::<_, DataError>(())
    })?;
    for split in Split::ALL {
        *set.conversations.get_mut(split) = conversations.get(split).len();
    }
    Ok(set)
}

/// The split of a record; `given` says whether any record of its corpus says one.
pub fn split_of(record: &Record, given: bool) -> Split {
    match given {
        true => record.split.unwrap_or(Split::Train),
        false => drawn_split(conversation(record)),
    }
}

/// The levels of a corpus: its records with a context, a target or exactly one response, and a level of the answer.
///
/// # Errors
/// It has none, or its file is damaged.
pub fn open_levels(
    store: &Path,
    manifest: Manifest,
    entry: &CorpusEntry,
) -> Result<LevelSet, DataError> {
    if entry.counts.labelled == 0 {
        return Err(lacks(
            &manifest.name,
            "record with a context, a target or one response, and empathy levels (labels `emotional_reaction`, \
             `interpretation` and `exploration` of 0, 1 or 2)",
        ));
    }
    let mut pairs = Vec::new();
    read_records(store, &manifest, |record| {
        let levels = record.levels();
        if levels.iter().any(Option::is_some)
            && !record.context.is_empty()
            && let Some(answer) = record.answer()
        {
            pairs.push(LabelledPair {
                seeker_id: hex(&Sha256::digest(conversation(&record).as_bytes())[..8]),
                response_post: answer.to_string(),
                seeker_post: record.context_text(),
                response_id: record.id,
                levels,
            });
        }
        Ok::<_, DataError>(())
    })?;
    Ok(LevelSet {
        name: manifest.name,
        fingerprint: manifest.fingerprint,
        pairs,
    })
}

fn lacks(name: &str, what: &'static str) -> DataError {
    DataError::CorpusLacks {
        name: name.to_string(),
        what,
    }
}

/// What is never on two sides of a split: the conversation, else all that begins alike.
fn conversation(record: &Record) -> &str {
    let first = record.context.first().map_or("", |said| said.text.as_str());
    record.conversation.as_deref().unwrap_or(first)
}

fn drawn_split(conversation: &str) -> Split {
    let digest = Sha256::digest(conversation.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    match number % 100 {
        n if n < HELD_OUT => Split::Validation,
        n if n < 2 * HELD_OUT => Split::Test,
        _ => Split::Train,
    }
}

fn example(mut record: Record) -> Option<Example> {
    let target = record.answer()?.to_string();
    if record.context.is_empty() {
        return None;
    }
    let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
    let place = u32::try_from(record.context.len() + 1).unwrap_or(u32::MAX);
    Some(Example {
        conversation: record.conversation.unwrap_or(record.id),
        turn: record.turn.unwrap_or(place),
        emotion: record.labels.remove(EMOTION).unwrap_or_default(),
        situation: record.labels.remove(SITUATION).unwrap_or_default(),
        context: record.context.into_iter().map(|said| said.text).collect(),
        roles: Role::kept(&roles),
        target,
    })
}
