//! The state of anybody's corpora in the place Data: a file being imported, and a corpus being browsed.
//!
//! Plain data: changed by views and logic, never by another thread.

use std::path::PathBuf;

use super::remote::{Keyed, Remote};
use crate::data::corpus::Record;
use crate::operations::corpus::{AnswerNames, Browsed, CorpusForm, Exported, Inspection, Selected};

/// What the mapping of a file begins with in which nothing was found.
const SKELETON: &str = "\
format = 1

# Columns of what was said; several are one utterance.
[context]
text = [\"context\"]

# A block for each system: what it is called, and the column of its responses.
[[responses]]
system = \"name of the system\"
text = \"response\"
";

/// A file to import as a corpus.
#[derive(Debug, Default)]
pub struct CorpusImport {
    /// As typed.
    pub file: String,
    /// A file of a mapping, as typed; empty to find it by looking.
    pub mapping_file: String,
    /// The file that was looked at last.
    pub looked_at: PathBuf,
    pub seen: Remote<Box<Inspection>>,
    /// The mapping, as it can be edited.
    pub mapping: String,
    /// The mapping that `seen` was read by, to notice what was edited since.
    pub mapping_seen: String,
    /// The corpus, as typed.
    pub name: String,
    /// The name being imported, or imported last.
    pub asked: String,
    /// Rows that were skipped.
    pub imported: Remote<usize>,
}

impl CorpusImport {
    /// Whether the mapping was edited since the file was looked at.
    pub fn is_edited(&self) -> bool {
        self.mapping.trim() != self.mapping_seen.trim()
    }

    /// Takes what was found in the file. True when it has arrived.
    pub fn poll_seen(&mut self) -> bool {
        if !self.seen.poll() {
            return false;
        }
        if let Some(seen) = self.seen.value() {
            self.mapping.clone_from(&seen.mapping);
            if self.name.trim().is_empty() {
                self.name = name_for(&seen.file.to_string_lossy());
            }
        } else if self.mapping.trim().is_empty() {
            self.mapping = SKELETON.to_string();
        }
        self.mapping_seen.clone_from(&self.mapping);
        true
    }
}

/// A name that a corpus of this file can have.
fn name_for(path: &str) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.split('.').find(|part| !part.is_empty());
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        letter if letter.is_ascii_alphanumeric() || letter == '_' => letter,
        _ => '-',
    };
    let name: String = stem.unwrap_or_default().chars().map(plain).collect();
    let name = name.trim_matches(['-', '_']);
    name.chars().take(64).collect()
}

/// What the column beside the list of records shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    #[default]
    Record,
    /// Labels and scores with their counts, where there is no column for them.
    Facets,
}

/// Browsing a corpus.
#[derive(Debug, Default)]
pub struct CorpusBrowser {
    /// As typed.
    pub filter: String,
    pub names: Remote<Box<AnswerNames>>,
    /// Of the corpus when it was read.
    pub fingerprint: Option<String>,
    /// By the filter.
    pub browsed: Keyed<String, Box<Browsed>>,
    /// Of the records found: all of them.
    pub rows: Vec<usize>,
    /// Of the records found, the one that is shown.
    pub shown: Option<usize>,
    /// The place of the record that was shown before the records were forgotten.
    pub back_to: Option<usize>,
    /// By its place in the corpus.
    pub record: Keyed<usize, Box<Record>>,
    pub beside: Beside,
    /// `None` while the form is closed.
    pub export: Option<CorpusExport>,
    /// What was done last, or why it was not.
    pub notice: Option<Result<String, String>>,
    /// Its systems are being added to those of the Case study.
    pub adding: bool,
}

impl CorpusBrowser {
    pub fn found(&self) -> Option<&Browsed> {
        let (_, found) = self.browsed.shown()?;
        found.ok().map(|browsed| &**browsed)
    }

    /// The place of the record that is shown.
    pub fn place(&self) -> Option<usize> {
        let found = self.found()?.found.get(self.shown?)?;
        Some(found.place)
    }

    /// Forgets what was found, so that it is read again; the filter stays.
    pub fn forget_found(&mut self) {
        self.back_to = self.place().or(self.back_to);
        self.browsed = Keyed::default();
        self.record = Keyed::default();
        self.rows.clear();
        self.shown = None;
    }

    /// Reads everything again where the corpus has become another.
    pub fn follow(&mut self, fingerprint: Option<&str>) {
        if fingerprint.is_some() && self.fingerprint.as_deref() != fingerprint {
            if self.fingerprint.is_some() {
                self.names.invalidate();
                self.browsed.invalidate();
                self.record.invalidate();
            }
            self.fingerprint = fingerprint.map(str::to_string);
        }
    }

    /// Takes what has been read.
    pub fn poll(&mut self) {
        self.names.poll();
        self.record.poll();
        let before = self.place();
        if self.browsed.poll() {
            let back_to = self.back_to.take();
            let found = self.found().map_or(&[][..], |browsed| &browsed.found);
            let count = found.len();
            // The record stays in sight where it still matches.
            let same = before
                .or(back_to)
                .and_then(|place| found.binary_search_by_key(&place, |found| found.place).ok());
            self.shown = same.or((count > 0).then_some(0));
            self.rows = (0..count).collect();
        }
        if let Some(export) = &mut self.export {
            export.done.poll();
        }
    }
}

/// An export of what the filter lets through, as typed.
#[derive(Debug)]
pub struct CorpusExport {
    pub form: CorpusForm,
    pub file: String,
    /// The score, or `verdict.NAME`, by which preference pairs are chosen.
    pub prefer: String,
    /// Leave out answers as similar as this; empty keeps all.
    pub distinct: String,
    /// The best by this score; empty for any.
    pub best: String,
    /// At most so many answers; empty for all.
    pub at_most: String,
    pub refused: Option<String>,
    pub done: Remote<ExportedCorpus>,
}

impl Default for CorpusExport {
    fn default() -> Self {
        CorpusExport {
            form: CorpusForm::Records,
            file: String::new(),
            prefer: String::new(),
            distinct: String::new(),
            best: String::new(),
            at_most: String::new(),
            refused: None,
            done: Remote::default(),
        }
    }
}

#[derive(Debug)]
pub struct ExportedCorpus {
    pub file: PathBuf,
    pub exported: Exported,
    /// Where something was left out by choice.
    pub selected: Option<Selected>,
}

/// Adds a condition to a filter, or takes it out where the filter has it.
pub fn toggle(filter: &str, condition: &str) -> String {
    let mut parts = parts(filter);
    let before = parts.len();
    parts.retain(|part| *part != condition);
    if parts.len() == before {
        let whole = has_alternatives(filter).then(|| format!("({})", filter.trim()));
        return match (whole, filter.trim()) {
            (Some(whole), _) => format!("{whole} and {condition}"),
            (None, "") => condition.to_string(),
            (None, filter) => format!("{filter} and {condition}"),
        };
    }
    parts.join(" and ")
}

/// Whether a filter has this condition as one of those that must all hold.
pub fn has_condition(filter: &str, condition: &str) -> bool {
    parts(filter).contains(&condition)
}

/// Narrows a score by these conditions in place of any that the filter has of it; takes them out where it has these.
pub fn toggle_score(filter: &str, score: &str, conditions: &[String]) -> String {
    let has_all = conditions.iter().all(|of| has_condition(filter, of));
    let is_of_score = |part: &&str| {
        let rest = part.strip_prefix(score).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(['<', '>', '=']))
    };
    let mut kept = parts(filter);
    kept.retain(|part| !is_of_score(part));
    let kept = kept.join(" and ");
    match has_all {
        true => kept,
        false => conditions.iter().fold(kept, |kept, of| toggle(&kept, of)),
    }
}

/// The parts that must all hold; one where there are alternatives.
fn parts(filter: &str) -> Vec<&str> {
    if has_alternatives(filter) {
        return vec![filter.trim()];
    }
    let parts = filter.split(" and ").map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

fn has_alternatives(filter: &str) -> bool {
    let mut words = filter.split_whitespace();
    words.any(|word| word.eq_ignore_ascii_case("or"))
}

/// A value as a filter writes it; None where it cannot.
pub fn quoted(value: &str) -> Option<String> {
    let is_plain = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let is_joint = ["and", "or", "not"].contains(&value.to_lowercase().as_str());
    match value {
        "" => None,
        value if value.contains('"') || value.contains(" and ") => None,
        value if value.chars().all(is_plain) && !is_joint => Some(value.to_string()),
        value => Some(format!("\"{value}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_narrows_and_another_takes_it_back() {
        let one = toggle("", "emotion = sad");
        assert_eq!(one, "emotion = sad");
        let two = toggle(&one, "system = x");
        assert_eq!(two, "emotion = sad and system = x");
        assert!(has_condition(&two, "emotion = sad"));
        assert_eq!(toggle(&two, "emotion = sad"), "system = x");
        let either = toggle("a = 1 or b = 2", "system = x");
        assert_eq!(either, "(a = 1 or b = 2) and system = x");
        let range = ["rating >= 1", "rating < 2"].map(String::from);
        let narrowed = toggle_score(&one, "rating", &range);
        assert_eq!(narrowed, "emotion = sad and rating >= 1 and rating < 2");
        let moved = toggle_score(&narrowed, "rating", &["rating = 2".into()]);
        assert_eq!(moved, "emotion = sad and rating = 2");
        assert_eq!(toggle_score(&narrowed, "rating", &range), one);
    }

    #[test]
    fn values_and_names_are_written_as_they_can_be_read() {
        assert_eq!(quoted("sad").as_deref(), Some("sad"));
        assert_eq!(quoted("very sad").as_deref(), Some("\"very sad\""));
        assert_eq!(quoted("or").as_deref(), Some("\"or\""));
        assert_eq!(quoted("a \"word\""), None);
        assert_eq!(name_for("/data/Distilling Set.v2.csv.gz"), "distilling-set");
    }
}
