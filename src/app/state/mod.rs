//! The window's state: that of each place, and the preferences.
//!
//! Plain data: changed by views and logic, never by another thread.

pub mod arrangement;
pub mod baseline;
pub mod compared;
pub mod corpora;
pub mod form;
pub mod judging;
pub mod library;
pub mod model;
pub mod paths;
pub mod people;
pub mod playground;
mod prefs;
pub mod progress;
pub mod remote;
pub mod reply;
pub mod serving;
pub mod sound;
pub mod tiles;

use std::collections::BTreeMap;

use self::baseline::Baseline;
use self::compared::ComparedCurves;
use self::form::Form;
use self::library::Library;
use self::model::RunModel;
use self::paths::Paths;
use self::people::People;
use self::playground::Playground;
use self::remote::{Keyed, Remote};
use crate::app::format::{Clock, Now};
use crate::app::place::Place;
use crate::app::queries::compared::{Compared, CurveNews, CurveQuestion};
use crate::app::queries::experiments::Broken;
use crate::app::queries::needs::Need;
use crate::app::queries::runs::Listed;
use crate::app::queries::stored::StoredRun;
use crate::catalog::{Column, DEFAULT_COLUMNS, parts_of};
use crate::experiment::{ExperimentFile, Stage};
use crate::operations::imports::ImportedRun;
use crate::operations::launch::DryRun;
use crate::operations::programs::ProgramCall;
use crate::operations::queue::QueueEntry;
use crate::operations::runs::{Edit, GoesOn};
use crate::store::{CatalogParts, QueueId, QueuedRun, RunId, RunRow, RunStatus};

pub use prefs::{ChosenRuns, Prefs, ThemeChoice};

/// The experiment that the start page's main button starts.
pub const QUICKSTART: &str = "quickstart";

/// Whether this window starts queued runs. Nothing starts unless the user asked for it in this window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueMode {
    /// The queue was filled before the window opened, or by another program.
    #[default]
    Untouched,
    /// The user paused it, or a start failed.
    Paused,
    /// Queued runs start.
    Running,
}

#[derive(Debug, Default)]
pub struct ExperimentsState {
    pub files: Remote<Vec<Result<ExperimentFile, Broken>>>,
    pub needs: Remote<Needs>,
    pub form: Option<Form>,
    /// Idle while no dry run is shown.
    pub dry_run: Remote<Box<DryRun>>,
    /// How many runs the form describes; the dry run is of the first.
    pub dry_run_of: usize,
    pub queue: QueueState,
    /// Why the last start failed.
    pub refused: Option<String>,
}

#[derive(Debug, Default)]
pub struct Needs {
    /// The missing inputs of each experiment file, by its name.
    pub files: BTreeMap<String, Vec<Need>>,
    /// The missing inputs of the form, with its experiment's name.
    pub form: Option<(String, Vec<Need>)>,
}

impl Needs {
    /// The missing inputs of the form, if it is that of this experiment.
    pub fn of_form(&self, name: &str) -> &[Need] {
        let form = self.form.as_ref().filter(|(known, _)| known == name);
        form.map_or(&[], |(_, needs)| needs)
    }
}

/// The store's queue of runs.
#[derive(Debug, Default)]
pub struct QueueState {
    /// In the order in which they start.
    pub runs: Vec<QueueEntry>,
    /// Whether this window starts them.
    pub mode: QueueMode,
    /// The one being prepared or started.
    pub starting: Option<QueueId>,
    /// The run that was removed last.
    pub removed: Option<QueuedRun>,
    /// Why the next one waits until a run in progress has ended.
    pub short_of_memory: Option<String>,
    /// How many reads are pending: `runs` may be out of date.
    pub reading: usize,
}

/// Importing the runs of other programs.
#[derive(Debug, Default)]
pub struct RunImport {
    /// Whether its dialog is open.
    pub open: bool,
    pub path: String,
    pub done: Remote<Vec<ImportedRun>>,
}

#[derive(Debug, Default)]
pub struct RunsState {
    /// Every run that is not deleted.
    pub list: Remote<Vec<Listed>>,
    /// How often it has been read.
    pub readings: u64,
    pub deleted: Remote<Vec<Listed>>,
    /// What is read of every run, besides its row: what the places show.
    pub parts: CatalogParts,
    /// The settings that differ among the runs.
    pub differing: Remote<Vec<String>>,
    /// The metrics that other programs recorded, of all runs.
    pub recorded: Remote<Vec<String>>,
    pub import: RunImport,
    pub open: Option<OpenRun>,
    /// From where the newest run goes on, if it was interrupted; by its last heartbeat, as that may happen again.
    pub goes_on: Keyed<(RunId, i64), Option<GoesOn>>,
    /// Why the last resume failed.
    pub refused: Option<(RunId, String)>,
}

/// What every place that lists runs reads of them, besides their rows.
pub const LISTED: [&str; 2] = ["reward", "emp_f1"];

/// What the table of runs reads of them before anything is chosen in it.
pub fn listed_parts(prefs: &Prefs) -> CatalogParts {
    let chosen = prefs.columns.iter().filter_map(|name| name.parse().ok());
    let chosen: Vec<Column> = chosen.collect();
    let names = chosen.iter().map(Column::name).chain(LISTED);
    // Runs in which a setting was changed are groups of their own.
    let group = prefs
        .group
        .as_deref()
        .into_iter()
        .flat_map(|group| [group, "changed"]);
    let names = names.chain(prefs.sketch.as_deref()).chain(group);
    match chosen.is_empty() {
        true => parts_of(names.chain(DEFAULT_COLUMNS)),
        false => parts_of(names),
    }
}

impl RunsState {
    /// The runs that are not deleted; empty until they have been read.
    pub fn listed(&self) -> &[Listed] {
        self.list.value().map_or(&[], Vec::as_slice)
    }

    pub fn rows(&self) -> impl Iterator<Item = &RunRow> {
        self.listed().iter().map(|listed| &listed.entry.row)
    }

    /// The newest run, if this program made it and was gone before it ended.
    pub fn interrupted(&self) -> Option<&RunRow> {
        let newest = self.rows().next();
        newest.filter(|row| {
            let is_ours = row.stage != Some(Stage::Recorded);
            is_ours && row.status == RunStatus::Interrupted && !row.archived
        })
    }

    /// A run that is not deleted.
    pub fn row(&self, run: RunId) -> Option<&RunRow> {
        self.rows().find(|row| row.id == run)
    }
}

#[derive(Debug, Default)]
pub struct CompareState {
    /// The first is the baseline, with which the others are compared; the others are in the order in which they were
    /// chosen.
    pub runs: Vec<RunId>,
    pub compared: Remote<Box<Compared>>,
    /// How often that has been read.
    pub readings: u64,
    pub curves: ComparedCurves,
    /// The runs, and how many metrics they had logged, for which the plots were delivered.
    pub delivered_for: (Vec<RunId>, usize),
    /// What was asked for last.
    pub asked: Option<CurveQuestion>,
    /// What is new of the curves, until it is applied to them, with what was asked.
    pub news: Remote<Box<(CurveQuestion, CurveNews)>>,
}

/// The undo stack, the last notice, and the error log.
#[derive(Debug, Default)]
pub struct Notices {
    pub undo: Vec<Edit>,
    pub latest: Option<Notice>,
    /// The errors since the window opened, with their times.
    pub log: Vec<(i64, String)>,
    pub log_open: bool,
    /// How many entries of the log have been seen.
    pub seen: usize,
}

#[derive(Clone, Debug)]
pub struct Notice {
    pub words: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Whether Undo reverts it.
    pub undoable: bool,
}

impl Notices {
    /// Shows a notice for a while.
    pub fn show(&mut self, at: i64, words: impl Into<String>, undoable: bool) {
        self.latest = Some(Notice {
            words: words.into(),
            at,
            undoable,
        });
    }

    pub fn log_error(&mut self, at: i64, words: impl Into<String>) {
        const KEPT: usize = 500;
        self.log.push((at, words.into()));
        if self.log.len() > KEPT {
            self.log.remove(0);
            self.seen = self.seen.saturating_sub(1);
        }
    }
}

#[derive(Debug)]
pub struct OpenRun {
    pub id: RunId,
    /// A long run reports an outline first.
    pub page: Remote<Box<RunPage>, Box<RunPage>>,
}

impl OpenRun {
    pub fn new(id: RunId) -> Self {
        OpenRun {
            id,
            page: Remote::default(),
        }
    }

    pub fn model_mut(&mut self) -> Option<&mut RunModel> {
        self.page.value_mut().map(|page| &mut page.model)
    }

    /// Takes what has been read. True when the whole page has.
    pub fn poll(&mut self) -> bool {
        if self.page.value().is_none()
            && let Some(outline) = self.page.progress()
        {
            self.page.show(outline);
        }
        let inherit = |page: &mut Box<RunPage>, before: Box<RunPage>| {
            page.model.inherit(before.model);
        };
        let arrived = self.page.poll_with(inherit);
        if let Some(model) = self.model_mut() {
            model.poll();
        }
        arrived
    }
}

#[derive(Debug)]
pub struct RunPage {
    pub model: RunModel,
    pub stored: StoredRun,
}

impl From<StoredRun> for RunPage {
    fn from(mut stored: StoredRun) -> Self {
        RunPage {
            model: RunModel::from_store(&mut stored),
            stored,
        }
    }
}

#[derive(Debug, Default)]
pub struct LiveState {
    pub run: Option<RunModel>,
    /// A run in progress in another window or program, shown while this window has had none.
    pub elsewhere: Option<OpenRun>,
    /// Asked to stop, and not stopped yet.
    pub stopping: bool,
    /// The name of the run being prepared.
    pub launching: Option<String>,
    /// The other runs of this window in progress.
    pub others: Vec<RunId>,
}

#[derive(Debug, Default)]
pub struct State {
    pub prefs: Prefs,
    pub experiments: ExperimentsState,
    pub runs: RunsState,
    pub live: LiveState,
    pub compare: CompareState,
    pub baseline: Baseline,
    pub notices: Notices,
    pub people: People,
    pub playground: Playground,
    pub library: Library,
    pub paths: Paths,
    pub clock: Clock,
    pub now_ms: i64,
    /// The store's path, as displayed.
    pub store: String,
    /// Why nothing in the store can be changed, if it is read-only.
    pub read_only: Option<String>,
    /// Programs of a reward that wait for the person's word, with their arguments.
    pub to_allow: Vec<ProgramCall>,
    /// The devices of this build: name and title.
    pub devices: Vec<(&'static str, &'static str)>,
}

impl State {
    /// An experiment file by its name.
    pub fn experiment(&self, name: &str) -> Option<&ExperimentFile> {
        self.experiments
            .files
            .value()?
            .iter()
            .flatten()
            .find(|file| file.name == name)
    }

    pub fn now(&self) -> Now {
        Now {
            clock: self.clock,
            ms: self.now_ms,
        }
    }

    /// A run in progress in another window or program, while there is none here.
    pub fn elsewhere(&self) -> Option<&RunRow> {
        if self.active().is_some() || self.live.launching.is_some() {
            return None;
        }
        let here = self.live.run.as_ref().map(|run| run.id);
        let mut rows = self.runs.rows();
        rows.find(|row| {
            row.status.is_active() && Some(row.id) != here && !self.live.others.contains(&row.id)
        })
    }

    /// Whether the page of a run is open that is not this one.
    pub fn shows_other_than(&self, run: RunId) -> bool {
        let open = self.runs.open.as_ref().map(|open| open.id);
        self.prefs.place == Place::Runs && open.is_some_and(|open| open != run)
    }

    /// Makes the table, the pages and the title tell one progress of each run: that of the run in progress here, else
    /// what was read last.
    pub fn agree(&mut self) {
        let State { runs, live, .. } = self;
        let here = live.run.as_ref().filter(|run| run.status.is_active());
        let mut rows = runs.list.value_mut().into_iter().flatten();
        if let Some(run) = here
            && let Some(listed) = rows.find(|listed| listed.entry.row.id == run.id)
        {
            run.lead(&mut listed.entry.row);
        }
        let here = here.map(|run| run.id);
        for open in [runs.open.as_mut(), live.elsewhere.as_mut()]
            .into_iter()
            .flatten()
            .filter(|open| Some(open.id) != here)
        {
            let mut rows = runs.list.value_mut().into_iter().flatten();
            let row = rows.find(|listed| listed.entry.row.id == open.id);
            let (Some(listed), Some(page)) = (row, open.page.value_mut()) else {
                continue;
            };
            let (row, read) = (&mut listed.entry.row, &page.stored.detail.row);
            if read.heartbeat > row.heartbeat {
                *row = read.clone();
            } else {
                page.model.follow(row);
            }
        }
    }

    /// The other runs of this window in progress, as far as they are listed.
    pub fn others(&self) -> impl Iterator<Item = &RunRow> {
        self.live
            .others
            .iter()
            .filter_map(|run| self.runs.row(*run))
    }

    /// Whether as many runs of this window are in progress as may be at once.
    pub fn is_full(&self) -> bool {
        usize::from(self.active().is_some()) + self.live.others.len() >= self.prefs.at_once
    }

    /// The run in progress that Live shows, unless it has ended.
    pub fn active(&self) -> Option<&RunModel> {
        self.live.run.as_ref().filter(|run| run.status.is_active())
    }
}
