//! The systems of a corpus as systems of the store: in the Case study, in studies and tables.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::super::responses::{check_name, list};
use super::super::{OperationError, require_writable};
use crate::data::Role;
use crate::data::corpus::Record;
use crate::data::corpus::record::{EMOTION, SITUATION};
use crate::data::library;
use crate::store::{Store, SystemRow};
use crate::study::AlignBy;
use crate::study::contexts::{Context, OrderedContexts};
use crate::study::display::is_tokenized;
use crate::study::responses::{Problem, SystemResponses};

/// What the source of a system begins with whose responses are those of a corpus.
const SOURCE: &str = "corpus ";

/// Systems that are in the store now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct AddedSystems {
    /// Responses by system.
    pub systems: BTreeMap<String, usize>,
    /// Records without a context, which make no case.
    pub without_context: usize,
}

/// The source of a system whose responses are those of a corpus.
pub(super) fn source_of(corpus: &str) -> String {
    format!("{SOURCE}{corpus}")
}

/// The corpus that a system with this source comes from. Its responses are at the places of their records.
pub fn corpus_of(source: &str) -> Option<&str> {
    source.strip_prefix(SOURCE)
}

/// Adds the systems of a corpus to those of the store, with their responses to the contexts of its records. Those that
/// have their names and are not of the same corpus are replaced only where `replace` says so.
///
/// # Errors
/// There is no such corpus, it is damaged, or its records have no contexts or no responses; a system's name cannot be
/// one, or is taken and not to be replaced; a study compares a system that would be replaced.
pub fn add_systems(
    store: &Path,
    corpus: &str,
    replace: bool,
) -> Result<AddedSystems, OperationError> {
    require_writable(store)?;
    let (manifest, entry) = library::require_corpus(store, corpus)?;
    let names: Vec<String> = entry.counts.systems.keys().cloned().collect();
    if names.is_empty() || entry.counts.with_context == 0 {
        return Err(OperationError::NoSystemsInCorpus {
            name: corpus.to_string(),
        });
    }
    let source = source_of(corpus);
    let known = list(store)?.systems;
    for name in &names {
        let is_own = |row: &SystemRow| row.name == *name && row.source == source;
        check_name(store, name, replace || known.iter().any(is_own))?;
    }
    let mut contexts = Vec::new();
    let mut answers: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    let mut without_context = 0;
    library::each_record(store, corpus, |record| {
        let has_context = !record.context.is_empty();
        without_context += usize::from(!has_context);
        for (name, answers) in names.iter().zip(&mut answers) {
            let mut of = record.responses.iter();
            let response = of.find(|response| response.system == *name);
            let text = response.filter(|_| has_context).map(|of| of.text.clone());
            answers.push(text);
        }
        contexts.push(context(record));
        Ok::<_, OperationError>(())
    })?;
    let order = OrderedContexts::new(format!("the corpus {corpus}"), contexts);
    let file = manifest.report.files.first();
    let sha256 = file.map(|file| file.sha256.clone()).unwrap_or_default();
    let mut opened = Store::open(store)?;
    let mut systems = BTreeMap::new();
    for (name, answers) in names.into_iter().zip(answers) {
        let given = answers.iter().flatten().map(String::as_str);
        let tokenized = is_tokenized(given.clone());
        let count = given.count();
        let missing = answers.iter().enumerate().filter(|(_, of)| of.is_none());
        let problems = missing
            .map(|(place, _)| Problem::Missing { place })
            .collect();
        let responses = SystemResponses {
            rows: count,
            sha256: sha256.clone(),
            aligned_by: AlignBy::Order,
            tokenized,
            answers,
            problems,
            targets: BTreeMap::new(),
            notes: Vec::new(),
        };
        // What is not to be replaced was refused above.
        opened.put_system(&name, &source, &responses, &order, true)?;
        systems.insert(name, count);
    }
    Ok(AddedSystems {
        systems,
        without_context,
    })
}

fn context(mut record: Record) -> Context {
    let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
    Context {
        conversation: record.conversation,
        turn: record.turn,
        emotion: record.labels.remove(EMOTION),
        situation: record.labels.remove(SITUATION),
        utterances: record.context.into_iter().map(|said| said.text).collect(),
        roles: Role::kept(&roles),
        target: record.target,
    }
}
