//! The state of the place Data and models: data sets, browsing them, and work on models.
//!
//! Plain data: changed by views and logic, never by another thread.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::corpora::{CorpusBrowser, CorpusImport};
use super::remote::Remote;
use super::sound::SoundState;
use crate::data::library::{BUILTIN, ListedSet};
use crate::data::{EmpathyLevel, ImportReport, Mechanism, SetSummary, Split};
use crate::experiment::Stage;
use crate::operations::data::{OpenSet, SetEntry};
use crate::operations::fetch::{FetchedModel, Progress};
use crate::operations::models::{Anatomy, Exported};
use crate::store::RunId;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataTab {
    #[default]
    Sets,
    Models,
}

/// What is shown of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetTab {
    #[default]
    Overview,
    Browse,
    Import,
}

#[derive(Debug)]
pub struct Library {
    /// The sound of a corpus that is being played, here or in the Case study.
    pub sound: SoundState,
    pub part: DataTab,
    pub sets: Remote<Vec<ListedSet>>,
    pub chosen: String,
    pub tab: SetTab,
    /// By the name of the set.
    pub summaries: BTreeMap<String, Remote<Box<SetSummary>>>,
    pub browser: Browser,
    /// Browsing a corpus.
    pub records: CorpusBrowser,
    /// Whether the page that imports a corpus is shown.
    pub importing: bool,
    pub corpus: CorpusImport,
    pub import: ImportForm,
    /// Folders that runs started from, that were fetched or that were checked.
    pub folders: Vec<PathBuf>,
    pub fetch: FetchForm,
    pub check: CheckForm,
    pub export: ExportForm,
}

impl Default for Library {
    fn default() -> Self {
        Library {
            sound: SoundState::default(),
            part: DataTab::Sets,
            sets: Remote::default(),
            chosen: BUILTIN.to_string(),
            tab: SetTab::Overview,
            summaries: BTreeMap::new(),
            browser: Browser::default(),
            records: CorpusBrowser::default(),
            importing: false,
            corpus: CorpusImport::default(),
            import: ImportForm::default(),
            folders: Vec::new(),
            fetch: FetchForm::default(),
            check: CheckForm::default(),
            export: ExportForm::default(),
        }
    }
}

impl Library {
    pub fn set(&self) -> Option<&ListedSet> {
        let sets = self.sets.value()?;
        sets.iter().find(|set| set.name == self.chosen)
    }

    /// Shows another set; one that is not imported, on its import tab.
    pub fn choose(&mut self, name: &str) {
        if self.chosen != name {
            self.chosen = name.to_string();
            self.browser = Browser::default();
            self.records = CorpusBrowser::default();
        }
        self.fix_tab();
    }

    /// Switches to a tab that the set has.
    pub fn fix_tab(&mut self) {
        let imported = self.set().is_some_and(|set| set.imported);
        if !imported {
            self.tab = SetTab::Import;
        } else if self.tab == SetTab::Import
            && (self.chosen == BUILTIN
                || self
                    .set()
                    .is_some_and(|set| set.preference_pairs.is_some() || set.records.is_some()))
        {
            self.tab = SetTab::Overview;
        }
    }

    /// Adds folders of models to the list.
    pub fn add_folders(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        for folder in folders {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct ImportForm {
    /// As typed.
    pub folder: String,
    /// The set being imported, or imported last.
    pub set: String,
    pub report: Remote<Box<ImportReport>, FetchProgress>,
    /// Of the fetch before the import, while it is on its way.
    pub progress: Option<FetchProgress>,
}

/// A fetch of a model from a hub.
#[derive(Debug, Default)]
pub struct FetchForm {
    /// As typed.
    pub name: String,
    /// The only file to fetch, as typed.
    pub file: String,
    /// The name being fetched, or fetched last.
    pub asked: String,
    pub fetched: Remote<Box<FetchedModel>, FetchProgress>,
    pub progress: Option<FetchProgress>,
}

/// How far a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchProgress {
    pub file: String,
    pub done: u64,
    /// 0 while it is not known.
    pub of: u64,
}

impl From<Progress<'_>> for FetchProgress {
    fn from(progress: Progress<'_>) -> Self {
        FetchProgress {
            file: progress.file.to_string(),
            done: progress.done,
            of: progress.of,
        }
    }
}

#[derive(Debug, Default)]
pub struct CheckForm {
    pub folder: String,
    /// The folder being checked, or checked last.
    pub checked: PathBuf,
    pub anatomy: Remote<Box<Anatomy>>,
}

#[derive(Debug, Default)]
pub struct ExportForm {
    pub run: Option<RunId>,
    /// `None` is the latest.
    pub at: Option<(Stage, u64)>,
    pub folder: String,
    pub exported: Remote<Exported>,
}

/// Which examples are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleFilter {
    /// All of these words, in any text of the example.
    pub words: String,
    /// A split of dialogues, or the labelled pairs.
    pub group: Option<Group>,
    pub emotion: Option<String>,
    /// Pairs with this level of this mechanism.
    pub level: Option<(Mechanism, EmpathyLevel)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Split(Split),
    Pairs,
    Preferences,
}

impl Group {
    pub fn title(self) -> &'static str {
        match self {
            Group::Split(Split::Train) => "Train",
            Group::Split(Split::Validation) => "Validation",
            Group::Split(Split::Test) => "Test",
            Group::Pairs => "Labelled pairs",
            Group::Preferences => "Preference pairs",
        }
    }
}

impl ExampleFilter {
    /// Whether an entry matches. `wanted` are the words, in lower case.
    fn admits(&self, entry: SetEntry<'_>, wanted: &[String]) -> bool {
        match entry {
            SetEntry::Example(split, example) => {
                self.group.is_none_or(|group| group == Group::Split(split))
                    && self.level.is_none()
                    && self
                        .emotion
                        .as_ref()
                        .is_none_or(|emotion| *emotion == example.emotion)
                    && holds(
                        wanted,
                        example
                            .context
                            .iter()
                            .chain([&example.target, &example.situation]),
                    )
            }
            SetEntry::Pair(pair) => {
                self.group.is_none_or(|group| group == Group::Pairs)
                    && self.emotion.is_none()
                    && self.level.is_none_or(|(mechanism, level)| {
                        pair.levels[mechanism.index()] == Some(level)
                    })
                    && holds(wanted, [&pair.seeker_post, &pair.response_post])
            }
            SetEntry::Preference(pair) => {
                self.group.is_none_or(|group| group == Group::Preferences)
                    && self.emotion.is_none()
                    && self.level.is_none()
                    && holds(
                        wanted,
                        pair.context.iter().chain([&pair.chosen, &pair.rejected]),
                    )
            }
        }
    }
}

/// Whether each word is in one of the texts.
fn holds<'a>(wanted: &[String], texts: impl IntoIterator<Item = &'a String>) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_lowercase()).collect();
    wanted
        .iter()
        .all(|word| texts.iter().any(|text| text.contains(word)))
}

/// Browsing the examples of a set.
#[derive(Debug, Default)]
pub struct Browser {
    pub set: Remote<OpenSet>,
    pub emotions: Vec<String>,
    pub filter: ExampleFilter,
    /// The filter that `found` belongs to.
    searched: ExampleFilter,
    wanted: Vec<String>,
    /// Indices of the matches so far.
    pub found: Vec<usize>,
    /// How many examples have been searched.
    examined: usize,
    pub shown: Option<usize>,
}

impl Browser {
    /// Starts a search once the set has been read; the filter stays.
    pub fn poll(&mut self) {
        if self.set.poll()
            && let Some(set) = self.set.value()
        {
            self.emotions = set.emotions();
            self.shown = None;
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.searched = self.filter.clone();
        let words = self.filter.words.to_lowercase();
        self.wanted = words.split_whitespace().map(str::to_string).collect();
        self.found.clear();
        self.examined = 0;
    }

    /// Whether every example has been searched.
    pub fn is_done(&self) -> bool {
        let all = self.set.value().map_or(0, OpenSet::len);
        self.searched == self.filter && self.examined >= all
    }

    /// Searches `many` more examples with the current filter.
    pub fn search_more(&mut self, many: usize) {
        if self.searched != self.filter {
            self.begin();
        }
        let Some(set) = self.set.value() else {
            return;
        };
        let until = (self.examined + many).min(set.len());
        for at in self.examined..until {
            let admitted = set
                .entry(at)
                .is_some_and(|entry| self.searched.admits(entry, &self.wanted));
            if admitted {
                self.found.push(at);
            }
        }
        self.examined = until;
        let in_sight = self
            .shown
            .is_some_and(|at| self.found.binary_search(&at).is_ok());
        if !in_sight && (self.is_done() || self.shown.is_none()) {
            self.shown = self.found.first().copied();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::library;
    use crate::operations::data;

    fn browser() -> Browser {
        let nowhere = std::path::Path::new("no such store");
        Browser {
            set: Remote::ready(data::open(nowhere, BUILTIN).unwrap()),
            ..Browser::default()
        }
    }

    fn all(browser: &mut Browser) -> usize {
        browser.search_more(1);
        while !browser.is_done() {
            browser.search_more(50);
        }
        browser.found.len()
    }

    #[test]
    fn every_example_is_searched() {
        let mut browser = browser();
        let found = all(&mut browser);
        let book = browser.set.value().unwrap();
        assert_eq!(found, book.len());
        assert!(matches!(
            book.entry(0),
            Some(SetEntry::Example(Split::Train, _))
        ));
        assert!(matches!(
            book.entry(book.len() - 1),
            Some(SetEntry::Pair(_))
        ));
        assert!(book.entry(book.len()).is_none());
        assert_eq!(browser.shown, Some(0));
    }

    #[test]
    fn a_filter_narrows_the_matches() {
        let mut browser = browser();
        let everything = all(&mut browser);
        browser.filter.group = Some(Group::Split(Split::Test));
        let test = all(&mut browser);
        let set = library::open_dialogues(std::path::Path::new("no such store"), BUILTIN).unwrap();
        assert_eq!(test, set.test.len());
        browser.filter.emotion = Some(set.test[0].emotion.clone());
        let of_emotion = all(&mut browser);
        assert!(of_emotion > 0 && of_emotion < test);
        browser.filter = ExampleFilter {
            level: Some((Mechanism::Exploration, EmpathyLevel::Strong)),
            ..ExampleFilter::default()
        };
        let strong = all(&mut browser);
        assert!(strong > 0 && strong < everything);
        browser.filter = ExampleFilter {
            words: "no such word anywhere".into(),
            ..ExampleFilter::default()
        };
        assert_eq!(all(&mut browser), 0);
        assert_eq!(browser.shown, None);
    }
}
