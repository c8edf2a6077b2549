//! What the places of annotators and reviewers hold: cases, studies, the judging page, tables.
//!
//! Plain data: changed by views and by the shell, never by another thread. The judging page holds one
//! annotator's own pages, and nothing that could say which system is which.

use std::collections::BTreeSet;

use super::remote::{Keyed, Remote};
use crate::app::jobs::Pending;
use crate::report::paper;
use crate::report::tables::{Chosen, Table, TableNumber};
use crate::store::{RunRow, ScoredSystem, StudyId, StudyRow, SystemRow};
use crate::study::attention::Attention;
use crate::study::cases::{CaseBook, CaseFilter, Search};
use crate::study::definition::{Definition, StudyKind};
use crate::study::judgement::{Act, Answer, Aspect, Rating, Score};
use crate::study::page::{Desk, Page};
use crate::study::results::Results;

/// Everything of these places.
#[derive(Debug, Default)]
pub struct People {
    pub systems: Remote<Systems>,
    pub cases: CasesState,
    pub studies: StudiesState,
    pub judging: Option<Judging>,
    pub tables: TablesState,
}

/// The systems of the store and the runs that tables can hold.
#[derive(Debug)]
pub struct Systems {
    pub systems: Vec<SystemRow>,
    pub scores: Vec<ScoredSystem>,
    pub runs: Vec<RunRow>,
}

/// The place Case study.
#[derive(Debug, Default)]
pub struct CasesState {
    pub book: Remote<CaseBook>,
    pub emotions: Vec<String>,
    pub filter: CaseFilter,
    pub search: Search,
    /// Whether the search is through.
    pub searched: bool,
    /// Place of the case that is shown.
    pub shown: Option<usize>,
    /// The note of the case that is shown, as it is typed.
    pub note: String,
    pub refused: Option<String>,
    /// Responses to import, as typed; none while the form is closed.
    pub importing: Option<ImportResponsesForm>,
    /// Systems to score, as typed; none while the form is closed.
    pub scoring: Option<ScoreForm>,
    /// A checkpoint that responds, or the scoring, while it goes on.
    pub task: Option<SystemTask>,
    /// What was done last.
    pub notice: Option<String>,
}

/// Long work on systems: one at a time.
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

/// How far long work is.
#[derive(Debug, Clone, Default)]
pub struct TaskProgress {
    pub doing: String,
    pub done: usize,
    pub of: usize,
}

/// A system's responses to import, as typed.
#[derive(Debug, Clone, Default)]
pub struct ImportResponsesForm {
    pub from: ResponseSource,
    pub file: String,
    /// A run, one of its steps, or a folder.
    pub model: String,
    pub greedy: bool,
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

/// Systems to score, as typed.
#[derive(Debug, Clone, Default)]
pub struct ScoreForm {
    /// A run or a folder; nothing for Dist-n and length alone.
    pub identifiers: String,
    pub refused: Option<String>,
}

impl CasesState {
    /// Takes the cases when they were read. The filter and the case that is shown stay; the systems that count
    /// are all at first.
    pub fn poll(&mut self) {
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
        if systems.as_ref() != Some(&book.systems) {
            self.filter.systems = (0..book.systems.len()).collect();
        }
        self.emotions = book.emotions();
        let place = |key| book.cases.iter().position(|case| case.key == key);
        self.shown = key.flatten().and_then(place);
        self.search_again();
    }

    /// Begins the search of the present filter.
    pub fn search_again(&mut self) {
        self.search = Search::new(self.filter.clone());
        self.searched = false;
    }

    /// Shows a case.
    pub fn show(&mut self, place: usize) {
        self.shown = Some(place);
        let pin = self
            .book
            .value()
            .and_then(|book| book.cases.get(place)?.pin.clone());
        self.note = pin.unwrap_or_default();
    }
}

/// The place Studies.
#[derive(Debug, Default)]
pub struct StudiesState {
    pub rows: Remote<Vec<StudyRow>>,
    pub open: Option<StudyId>,
    pub form: Option<StudyForm>,
    pub results: Option<(StudyId, Box<Results>)>,
    /// Path of a pack, as it is typed.
    pub pack: String,
    /// The fourth annotator, as typed.
    pub fourth: String,
    /// Who unblinds and why, as typed; none while nobody does.
    pub unblinding: Option<(String, String)>,
    /// What was done last.
    pub notice: Option<String>,
    pub refused: Option<String>,
}

impl StudiesState {
    pub fn open_row(&self) -> Option<&StudyRow> {
        let open = self.open?;
        self.rows.value()?.iter().find(|row| row.id == open)
    }
}

/// A study as it is set up.
#[derive(Debug)]
pub struct StudyForm {
    pub kind: StudyKind,
    /// Systems in the order in which they were chosen; the first is model A.
    pub systems: Vec<String>,
    pub every_pair: bool,
    pub title: String,
    pub instructions: String,
    /// Separated by commas.
    pub annotators: String,
    pub fourth: String,
    pub contexts: String,
    pub seed: String,
    pub raters: String,
    pub checks: String,
    pub ties: String,
    pub stratified: bool,
    /// What a study of this size can show.
    pub forecast: Keyed<StudySize, String>,
    pub refused: Option<String>,
    /// It is being made.
    pub waiting: bool,
}

/// On which the power of a study depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudySize {
    pub kind: StudyKind,
    pub contexts: u64,
    pub ties_percent: u64,
}

impl StudyForm {
    pub fn new(kind: StudyKind) -> StudyForm {
        let usual = Definition::new(kind, Vec::new(), Vec::new());
        StudyForm {
            kind,
            systems: Vec::new(),
            every_pair: false,
            title: usual.title,
            instructions: usual.instructions,
            annotators: String::new(),
            fourth: String::new(),
            contexts: usual.contexts.to_string(),
            seed: usual.seed.to_string(),
            raters: usual.raters_per_item.to_string(),
            checks: "0".to_string(),
            ties: "20".to_string(),
            stratified: true,
            forecast: Keyed::default(),
            refused: None,
            waiting: false,
        }
    }

    /// Changes what is asked; words that were not touched follow.
    pub fn set_kind(&mut self, kind: StudyKind) {
        let (before, after) = (StudyForm::new(self.kind), StudyForm::new(kind));
        if self.title == before.title {
            self.title = after.title;
        }
        if self.instructions == before.instructions {
            self.instructions = after.instructions;
        }
        self.kind = kind;
    }

    /// The study that is set up.
    ///
    /// # Errors
    /// A field does not hold what it should; the first is said.
    pub fn definition(&self) -> Result<Definition, String> {
        let names = self.annotators.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty()).map(str::to_string);
        let mut definition = Definition::new(self.kind, self.systems.clone(), names.collect());
        definition.title.clone_from(&self.title);
        definition.instructions.clone_from(&self.instructions);
        definition.contexts = number("Contexts", &self.contexts)?;
        definition.seed = number("Seed", &self.seed)?;
        definition.attention_checks = number("Attention checks", &self.checks)?;
        if self.kind == StudyKind::Rating {
            definition.raters_per_item = number("Annotators an item", &self.raters)?;
        }
        definition.stratified = self.stratified;
        if self.every_pair {
            definition.pairing = crate::study::definition::Pairing::EveryPair;
        }
        let fourth = self.fourth.trim();
        definition.adjudicator =
            (!fourth.is_empty() && self.kind == StudyKind::AbTest).then(|| fourth.to_string());
        definition.validate().map_err(|error| error.to_string())?;
        Ok(definition)
    }
}

/// A whole number from a field.
pub fn number<N: std::str::FromStr>(field: &str, text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| {
        format!(
            "{field}: \"{}\" is no whole number; type digits",
            text.trim()
        )
    })
}

/// The judging page: one annotator at work.
#[derive(Debug)]
pub struct Judging {
    pub study: StudyId,
    pub annotator: u32,
    pub desk: Remote<Desk>,
    /// Place of the page that is shown; none when all is judged, or before the first.
    pub at: Option<usize>,
    /// For how long the page is attended to, as far as that is not recorded.
    attention: Attention,
    /// The scores given so far, in a rating.
    pub draft: [Option<Score>; 3],
    /// The comment as it is typed; none while the field is closed.
    pub comment: Option<String>,
    /// What was answered and is not on disk yet, or is acknowledged before the next page shows.
    pub given: Option<Given>,
    /// Whether the instructions are in view.
    pub reading: bool,
    pub refused: Option<String>,
    /// Seconds from showing an item to its answer, of the items of this sitting.
    pub pace: Vec<f32>,
}

/// Something on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// The answer; none for a skip, a flag, a comment or an undo.
    pub answer: Option<Answer>,
    /// Whether the next page comes after it.
    pub settles: bool,
    /// When, in the window's seconds.
    pub time: f64,
    /// Whether it is on disk.
    pub recorded: bool,
}

impl Judging {
    pub fn new(study: StudyId, annotator: u32) -> Judging {
        Judging {
            study,
            annotator,
            desk: Remote::default(),
            at: None,
            attention: Attention::default(),
            draft: [None; 3],
            comment: None,
            given: None,
            reading: true,
            refused: None,
            pace: Vec::new(),
        }
    }

    /// Takes the annotator's work when it was read.
    pub fn poll(&mut self) {
        if self.desk.poll()
            && let Some(desk) = self.desk.value()
        {
            self.reading = desk.progress().answered == 0;
            self.at = desk.next();
            self.turn();
        }
    }

    /// The page that is shown.
    pub fn page(&self) -> Option<&Page> {
        self.desk.value()?.pages().get(self.at?)
    }

    /// Time goes on to `now`, in seconds. `in_view` says whether the window has the keyboard and shows the page,
    /// `sign` whether something was pressed or moved. Instructions and what is on its way to the disk are no item.
    pub fn attend(&mut self, now: f64, in_view: bool, sign: bool) {
        let at_item = !self.reading && self.at.is_some() && self.given.is_none();
        self.attention.go_on(now, in_view && at_item, sign);
    }

    /// Milliseconds for which the page was attended to since that was last recorded; from now on it counts anew.
    pub fn shown_ms(&mut self) -> u64 {
        self.attention.take_ms()
    }

    /// Begins a page.
    pub fn turn(&mut self) {
        self.attention.take_ms();
        self.draft = [None; 3];
        self.comment = None;
        self.given = None;
    }

    /// The scores, when all three are given.
    pub fn rating(&self) -> Option<Rating> {
        Some(Rating {
            empathy: self.draft[0]?,
            relevance: self.draft[1]?,
            fluency: self.draft[2]?,
        })
    }

    /// The aspect that the next digit scores.
    pub fn aspect(&self) -> Option<Aspect> {
        let at = self.draft.iter().position(Option::is_none)?;
        Some(Aspect::ALL[at])
    }

    /// Takes what was recorded. An undone page is shown again.
    pub fn recorded(&mut self, acts: &[Act]) {
        let Some(desk) = self.desk.value_mut() else {
            return;
        };
        for act in acts {
            desk.take(act);
        }
        let undone = acts
            .iter()
            .find(|act| act.deed == crate::study::judgement::Deed::Undo);
        if let Some(act) = undone {
            self.at = desk.pages().iter().position(|page| page.item == act.item);
            self.turn();
        } else if let Some(given) = &mut self.given {
            given.recorded = true;
            if !given.settles {
                self.given = None;
            } else if given.answer.is_some() {
                let seconds = acts.first().map_or(0.0, |act| act.shown_ms as f32 / 1000.0);
                self.pace.push(seconds);
            }
        }
        self.refused = None;
    }

    /// Shows the next page.
    pub fn next(&mut self) {
        if let (Some(desk), Some(at)) = (self.desk.value(), self.at) {
            self.at = desk.next_after(at);
        }
        self.turn();
    }
}

/// The place Tables.
#[derive(Debug)]
pub struct TablesState {
    pub table: TableNumber,
    pub runs: BTreeSet<i64>,
    pub studies: BTreeSet<i64>,
    pub systems: BTreeSet<String>,
    pub made: Keyed<(TableNumber, Chosen), Box<Table>>,
    /// What was saved last.
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
    /// What the table in view is to be made of.
    pub fn chosen(&self) -> Chosen {
        use TableNumber::{AbTest, Ablation, Automatic, Cases, Identifiers, Rating};
        let of = |tables: &[TableNumber]| tables.contains(&self.table);
        let mut chosen = Chosen::default();
        if of(&[Identifiers, Automatic, Ablation]) {
            chosen.runs = self.runs.iter().copied().map(crate::store::RunId).collect();
        }
        if of(&[Rating, AbTest]) {
            chosen.studies = self.studies.iter().copied().map(StudyId).collect();
        }
        if of(&[Automatic, Cases]) {
            chosen.systems = self.systems.iter().cloned().collect();
            chosen.systems.sort_by_key(|name| paper::place_of(name));
        }
        chosen
    }
}
