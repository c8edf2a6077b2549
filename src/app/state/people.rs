//! The state of the places for annotators and reviewers: cases, studies, tables.
//!
//! Plain data: changed by views and logic, never by another thread.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::judging::Judging;
use super::remote::{Keyed, Remote};
use super::serving::Serving;
use crate::app::jobs::Pending;
use crate::operations::responses::CaseRemarks;
use crate::operations::studies::ContestedItem;
use crate::report::paper;
use crate::report::tables::{Table, TableNumber, TableSelection};
use crate::store::{PackDoubts, RunRow, ScoredSystem, StudyId, StudyMarks, StudyRow, SystemRow};
use crate::study::aspects::{Aspect, Aspects};
use crate::study::cases::{CaseFilter, CaseSet, Search};
use crate::study::contexts::ContextKey;
use crate::study::definition::{Definition, StudyKind};
use crate::study::results::{Quality, Results};

#[derive(Debug, Default)]
pub struct People {
    pub systems: Remote<SystemList>,
    pub cases: CasesState,
    pub studies: StudiesState,
    pub judging: Option<Judging>,
    pub serving: Serving,
    pub tables: TablesState,
}

/// The systems of the store, and the runs that tables can include.
#[derive(Debug)]
pub struct SystemList {
    pub systems: Vec<SystemRow>,
    pub scores: Vec<ScoredSystem>,
    pub runs: Vec<RunRow>,
}

#[derive(Debug, Default)]
pub struct CasesState {
    pub book: Remote<CaseSet>,
    pub emotions: Vec<String>,
    pub filter: CaseFilter,
    pub search: Search,
    /// Whether the search is complete.
    pub searched: bool,
    /// Index of the case shown.
    pub shown: Option<usize>,
    /// What corpora say of the case shown.
    pub remarks: Keyed<ContextKey, CaseRemarks>,
    /// The note of the case shown, as typed.
    pub note: String,
    pub refused: Option<String>,
    /// `None` while the form is closed.
    pub importing: Option<ImportResponsesForm>,
    /// `None` while the form is closed.
    pub scoring: Option<ScoreForm>,
    /// Generating or scoring, while in progress.
    pub task: Option<SystemTask>,
    pub notice: Option<String>,
    /// The system to delete, once confirmed.
    pub deleting: Option<String>,
}

/// A long task on systems; there is one at a time.
#[derive(Debug)]
pub struct SystemTask {
    pub kind: SystemTaskKind,
    pub progress: TaskProgress,
    pub pending: Pending<String, TaskProgress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemTaskKind {
    Respond,
    Score,
}

#[derive(Debug, Clone, Default)]
pub struct TaskProgress {
    pub doing: String,
    pub done: usize,
    pub of: usize,
}

/// A system's responses to import, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportResponsesForm {
    pub from: ResponseSource,
    pub file: String,
    /// A run, one of its steps, or a folder.
    pub model: String,
    pub greedy: bool,
    /// Responses to choose the best of, as typed; one is kept where it is empty.
    pub best_of: String,
    pub seed: String,
    pub system: String,
    pub contexts: String,
    pub refused: Option<String>,
}

/// Where a system's responses are from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseSource {
    #[default]
    File,
    Checkpoint,
}

/// SystemList to score, as typed.
#[derive(Debug, Clone, Default)]
pub struct ScoreForm {
    /// A run or a folder; empty for Dist-n and length only.
    pub identifiers: String,
    /// Judges that give no reward, with commas between; may be empty.
    pub auditors: String,
    pub refused: Option<String>,
}

impl CasesState {
    /// Handles cases that have been read. The filter and the case shown stay; systems that are new are chosen.
    pub fn poll(&mut self) {
        self.remarks.poll();
        let shown = self.shown;
        let mut before = None;
        let read = self.book.poll_with(|_, book| {
            let key = shown.and_then(|at| Some(book.cases.get(at)?.key.clone()));
            before = Some((book.systems, key));
        });
        let Some(book) = self.book.value().filter(|_| read) else {
            return;
        };
        let (systems, key) = before.unzip();
        let known = systems.unwrap_or_default();
        if known != book.systems {
            let chosen = &self.filter.systems;
            let left_out = |name: &String| {
                let at = known.iter().position(|other| other == name);
                at.is_some_and(|at| !chosen.contains(&at))
            };
            let kept = (0..book.systems.len()).filter(|at| !left_out(&book.systems[*at]));
            self.filter.systems = kept.collect();
        }
        if known.is_empty() && !book.systems.is_empty() {
            // The first system came from elsewhere while the form was open, unused.
            let unused = ImportResponsesForm::default();
            self.importing.take_if(|form| *form == unused);
        }
        self.emotions = book.emotions();
        self.remarks.invalidate();
        let place = |key| book.cases.iter().position(|case| case.key == key);
        self.shown = key.flatten().and_then(place);
        self.search_again();
    }

    /// Restarts the search with the current filter.
    pub fn search_again(&mut self) {
        self.search = Search::new(self.filter.clone());
        self.searched = false;
    }

    pub fn show(&mut self, place: usize) {
        self.shown = Some(place);
        let pin = self
            .book
            .value()
            .and_then(|book| book.cases.get(place)?.pin.clone());
        self.note = pin.unwrap_or_default();
    }
}

#[derive(Debug, Default)]
pub struct StudiesState {
    pub rows: Remote<Vec<StudyRow>>,
    pub open: Option<StudyId>,
    pub form: Option<StudyForm>,
    pub results: Option<(StudyId, Box<Results>)>,
    /// Path of a pack, as typed.
    pub pack: String,
    /// The fourth annotator, as typed.
    pub fourth: String,
    /// How the annotators of a blind study work, once the lead asked.
    pub quality: Option<(StudyId, Quality)>,
    /// The study that was deleted last, which can be brought back at once.
    pub undo_delete: Option<StudyId>,
    /// Whether archived and deleted studies are listed too.
    pub shows_all: bool,
    /// The lead's own name and note of the open study, as typed.
    pub marks: Option<(StudyId, StudyMarks)>,
    /// The annotator who is to be paused, excluded or replaced; `None` while that is not asked.
    pub standing: Option<StandingForm>,
    /// Who unblinds and why, as typed; `None` while the form is closed.
    pub unblinding: Option<(String, String)>,
    /// Whether the study is to be deleted with its judgements; `None` while that is not asked.
    pub deleting: Option<bool>,
    /// Items answered differently at several places, once they are to be decided.
    pub contested: Option<(StudyId, Vec<ContestedItem>)>,
    /// A pack that is imported only after a word of the lead.
    pub doubted: Option<DoubtedPack>,
    pub notice: Option<String>,
    pub refused: Option<String>,
}

/// What is to become of an annotator, as typed.
#[derive(Clone, Debug, Default)]
pub struct StandingForm {
    pub annotator: u32,
    pub reason: String,
    pub substitute: String,
}

/// A pack that is not as it was sent, or that comes in after the unblinding.
#[derive(Clone, Debug, PartialEq)]
pub struct DoubtedPack {
    pub file: PathBuf,
    pub doubts: PackDoubts,
}

impl StudiesState {
    pub fn open_row(&self) -> Option<&StudyRow> {
        let open = self.open?;
        self.rows.value()?.iter().find(|row| row.id == open)
    }
}

/// An aspect of a rating, as typed.
#[derive(Debug, Clone, Default)]
pub struct AspectFields {
    pub name: String,
    pub question: String,
    pub low: String,
    pub high: String,
    pub points: String,
}

impl AspectFields {
    fn of(aspect: &Aspect) -> AspectFields {
        AspectFields {
            name: aspect.name.clone(),
            question: aspect.question.clone(),
            low: aspect.low.clone(),
            high: aspect.high.clone(),
            points: aspect.points.to_string(),
        }
    }

    fn aspect(&self) -> Result<Aspect, String> {
        let trimmed = |text: &String| text.trim().to_string();
        Ok(Aspect {
            name: trimmed(&self.name),
            question: trimmed(&self.question),
            low: trimmed(&self.low),
            high: trimmed(&self.high),
            points: number("Points", &self.points)?,
            check: false,
        })
    }
}

#[derive(Debug)]
pub struct StudyForm {
    pub kind: StudyKind,
    /// In the order in which they were chosen; the first is model A.
    pub systems: Vec<String>,
    pub every_pair: bool,
    /// Annotators may meet a response again.
    pub repeats: bool,
    pub title: String,
    pub instructions: String,
    /// What the instructions are as long as nobody edits them.
    usual_instructions: String,
    /// Whether a rating asks aspects of its own.
    pub own_aspects: bool,
    pub aspects: Vec<AspectFields>,
    /// The place of the aspect in which attention checks are noticed.
    pub checked: usize,
    /// What annotators are asked to comment on; may be empty.
    pub comment: String,
    /// Separated by commas.
    pub annotators: String,
    pub fourth: String,
    pub contexts: String,
    pub seed: String,
    pub raters: String,
    pub checks: String,
    pub ties: String,
    pub stratified: bool,
    pub forecast: Keyed<StudyPlan, String>,
    pub refused: Option<String>,
    /// It is being created.
    pub waiting: bool,
}

/// What a study can show depends on.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyPlan {
    /// With nobody's name and no text.
    pub definition: Definition,
    pub ties_percent: u64,
}

impl fmt::Debug for StudyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StudyPlan").finish_non_exhaustive()
    }
}

impl StudyForm {
    pub fn new(kind: StudyKind) -> StudyForm {
        let usual = Definition::new(kind, Vec::new(), Vec::new());
        StudyForm {
            kind,
            systems: Vec::new(),
            every_pair: false,
            repeats: usual.repeats,
            title: usual.title,
            usual_instructions: usual.instructions.clone(),
            instructions: usual.instructions,
            own_aspects: false,
            aspects: Aspects::paper().0.iter().map(AspectFields::of).collect(),
            checked: Aspects::paper().checked().map_or(0, |(at, _)| at),
            comment: String::new(),
            annotators: String::new(),
            fourth: String::new(),
            contexts: usual.contexts.to_string(),
            seed: usual.seed.to_string(),
            raters: usual.raters_per_item.to_string(),
            checks: "0".to_string(),
            ties: "20".to_string(),
            stratified: usual.stratified,
            forecast: Keyed::default(),
            refused: None,
            waiting: false,
        }
    }

    /// Changes the kind; title and instructions follow unless they were edited.
    pub fn set_kind(&mut self, kind: StudyKind) {
        let (before, after) = (StudyForm::new(self.kind), StudyForm::new(kind));
        if self.title == before.title {
            self.title = after.title;
        }
        self.kind = kind;
        self.follow();
    }

    /// Lets the instructions follow the kind and the aspects, unless they were edited.
    pub fn follow(&mut self) {
        let mut usual = Definition::new(self.kind, Vec::new(), Vec::new());
        if let Ok(Some(aspects)) = self.aspects() {
            usual.ask(aspects);
        }
        let before = std::mem::replace(&mut self.usual_instructions, usual.instructions.clone());
        if self.instructions == before {
            self.instructions = usual.instructions;
        }
    }

    /// The aspects of its own that a rating asks; attention checks are noticed in one of them.
    fn aspects(&self) -> Result<Option<Aspects>, String> {
        if !self.own_aspects || self.kind != StudyKind::Rating {
            return Ok(None);
        }
        let aspects: Result<Vec<Aspect>, String> =
            self.aspects.iter().map(AspectFields::aspect).collect();
        let mut aspects = aspects?;
        if let Some(checked) = aspects.get_mut(self.checked) {
            checked.check = true;
        }
        Ok(Some(Aspects(aspects)))
    }

    /// The study that is set up.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn definition(&self) -> Result<Definition, String> {
        let definition = self.draft()?;
        definition.validate().map_err(|error| error.to_string())?;
        Ok(definition)
    }

    /// What its forecast depends on; None while a number is none or too large to compute.
    pub fn plan(&self) -> Option<StudyPlan> {
        let mut definition = self.draft().ok()?;
        definition.title.clear();
        definition.instructions.clear();
        definition.aspects = None;
        definition.comment = None;
        definition.annotators.iter_mut().for_each(String::clear);
        definition.adjudicator = None;
        let ties_percent = number("Ties", &self.ties).ok()?;
        // Larger studies take long to compute and have enough power.
        let fits = (1..=5000).contains(&definition.contexts) && ties_percent <= 100;
        fits.then_some(StudyPlan {
            definition,
            ties_percent,
        })
    }

    /// The fields as they are.
    ///
    /// # Errors
    /// The first number that is none.
    fn draft(&self) -> Result<Definition, String> {
        let names = self.annotators.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty()).map(str::to_string);
        let mut definition = Definition::new(self.kind, self.systems.clone(), names.collect());
        definition.title.clone_from(&self.title);
        definition.instructions.clone_from(&self.instructions);
        definition.aspects = self.aspects()?;
        let comment = self.comment.trim();
        definition.comment = (!comment.is_empty()).then(|| comment.to_string());
        definition.contexts = number("Contexts", &self.contexts)?;
        definition.seed = number("Seed", &self.seed)?;
        definition.attention_checks = number("Attention checks", &self.checks)?;
        if self.kind == StudyKind::Rating {
            definition.raters_per_item = number("Annotators per item", &self.raters)?;
        }
        definition.stratified = self.stratified;
        definition.repeats = self.repeats;
        if self.every_pair {
            definition.pairing = crate::study::definition::Pairing::EveryPair;
        }
        let fourth = self.fourth.trim();
        definition.adjudicator =
            (!fourth.is_empty() && self.kind == StudyKind::AbTest).then(|| fourth.to_string());
        Ok(definition)
    }
}

/// A whole number from a field.
pub fn number<N: std::str::FromStr>(field: &str, text: &str) -> Result<N, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("{field}: \"{}\" is not a whole number", text.trim()))
}

#[derive(Debug)]
pub struct TablesState {
    pub table: TableNumber,
    pub runs: BTreeSet<i64>,
    pub studies: BTreeSet<i64>,
    pub systems: BTreeSet<String>,
    pub made: Keyed<(TableNumber, TableSelection), Box<Table>>,
    pub notice: Option<String>,
}

impl Default for TablesState {
    fn default() -> Self {
        TablesState {
            table: TableNumber::Automatic,
            runs: BTreeSet::new(),
            studies: BTreeSet::new(),
            systems: BTreeSet::new(),
            made: Keyed::default(),
            notice: None,
        }
    }
}

impl TablesState {
    /// The inputs chosen for the current table.
    pub fn chosen(&self) -> TableSelection {
        use TableNumber::{AbTest, Ablation, Automatic, Cases, Identifiers, Rating};
        let of = |tables: &[TableNumber]| tables.contains(&self.table);
        let mut chosen = TableSelection::default();
        if of(&[Identifiers, Automatic, Ablation]) {
            chosen.runs = self.runs.iter().copied().map(crate::store::RunId).collect();
        }
        if of(&[Rating, AbTest]) {
            chosen.studies = self.studies.iter().copied().map(StudyId).collect();
        }
        if of(&[Automatic, Cases]) {
            chosen.systems = self.systems.iter().cloned().collect();
            chosen.systems.sort_by_key(|name| paper::rank(name));
        }
        chosen
    }
}
