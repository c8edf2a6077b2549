//! What an imported corpus says of a case beside its texts: labels, scores, verdicts, reasoning.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::super::corpus::corpus_of;
use super::super::{OperationError, read_or_default};
use crate::data::corpus::Record;
use crate::data::corpus::record::{Labels, Response, Score, Verdict};
use crate::data::library;
use crate::study::contexts::ContextKey;

/// What is said of a case and its answers, where they are from corpora.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CaseRemarks {
    /// Of the record itself, by its corpus.
    pub records: BTreeMap<String, RecordRemarks>,
    /// By system: its corpus, and the response as that has it.
    pub responses: BTreeMap<String, (String, Response)>,
}

/// What is said of a record beside its texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RecordRemarks {
    pub labels: Labels,
    pub scores: Vec<Score>,
    pub verdicts: Vec<Verdict>,
    /// Sounds of the context's utterances, in their order.
    pub sounds: Vec<String>,
}

/// What corpora say of a case: nothing where no answer is from one, where the corpus has been replaced since or is not
/// there any more, and as long as a blind study has the case.
///
/// # Errors
/// The store cannot be read, or a corpus is damaged.
pub fn remarks(store: &Path, case: &ContextKey) -> Result<CaseRemarks, OperationError> {
    let sources = read_or_default(store, |reader| reader.case_sources(case))?;
    let mut remarks = CaseRemarks::default();
    let mut read: BTreeMap<(String, usize), Option<Record>> = BTreeMap::new();
    for from in sources {
        let Some(corpus) = corpus_of(&from.source) else {
            continue;
        };
        if library::corpus(store, corpus)?.is_none() {
            continue;
        }
        let place = (corpus.to_string(), from.position);
        if !read.contains_key(&place) {
            let record = library::record_at(store, corpus, from.position)?;
            read.insert(place.clone(), record);
        }
        let Some(Some(record)) = read.get(&place) else {
            continue;
        };
        // A record that says something else is not the one that was answered.
        let is_it =
            |response: &&Response| response.system == from.system && response.text == from.response;
        let Some(response) = record.responses.iter().find(is_it) else {
            continue;
        };
        remarks
            .records
            .entry(corpus.to_string())
            .or_insert_with(|| RecordRemarks {
                labels: record.labels.clone(),
                scores: record.scores.clone(),
                verdicts: record.verdicts.clone(),
                sounds: record
                    .context
                    .iter()
                    .filter_map(|said| said.audio.clone())
                    .collect(),
            });
        remarks
            .responses
            .entry(from.system)
            .or_insert_with(|| (corpus.to_string(), response.clone()));
    }
    Ok(remarks)
}
