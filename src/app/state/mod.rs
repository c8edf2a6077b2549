//! What the window holds: the state of each place, and what is remembered between starts.
//!
//! Plain data: changed by views and by the shell, never by another thread.

pub mod arrangement;
pub mod form;
pub mod library;
mod loaded;
pub mod looked;
pub mod model;
pub mod people;
pub mod playground;
mod prefs;
pub mod progress;
pub mod tiles;

use std::collections::BTreeMap;

use self::form::Form;
use self::library::Library;
use self::model::RunModel;
use self::people::People;
use self::playground::Playground;
use crate::app::format::Clock;
use crate::app::workers::finder::Paths;
use crate::app::workers::keeper::Edit;
use crate::app::workers::launch::Dry;
use crate::app::workers::reader::{Broken, Compared, Listed, Need, StoredRun};
use crate::engine::queue::Waiting;
use crate::experiment::ExperimentFile;
use crate::store::{QueueId, QueuedRun, RunId, RunRow};

pub use loaded::Loaded;
pub use prefs::{Prefs, ThemeChoice};

/// Whether a window starts the runs that wait. Nothing starts without having been asked for in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// The queue was as it is when the window opened, or was filled elsewhere.
    #[default]
    Kept,
    /// A person holds it, or a start was refused.
    Paused,
    /// It goes on.
    No,
}

/// The place Experiments.
#[derive(Debug, Default)]
pub struct ExperimentsState {
    pub files: Loaded<Vec<Result<ExperimentFile, Broken>>>,
    /// What each experiment lacks, by its name.
    pub needs: BTreeMap<String, Vec<Need>>,
    pub form: Option<Form>,
    /// What the run would be, once that was asked for; none while nobody asked.
    pub dry: Option<Loaded<Box<Dry>>>,
    pub queue: QueueState,
    /// Why the last start was refused.
    pub refused: Option<String>,
}

/// The runs that wait for their turn in the store.
#[derive(Debug, Default)]
pub struct QueueState {
    /// The next first.
    pub runs: Vec<Waiting>,
    /// Why this window starts none of them.
    pub held: Held,
    /// The one of them that is being made ready or begun.
    pub starting: Option<QueueId>,
    /// What was taken out last.
    pub removed: Option<QueuedRun>,
}

/// The place Runs.
#[derive(Debug, Default)]
pub struct RunsState {
    /// Every run that is not deleted.
    pub rows: Loaded<Vec<RunRow>>,
    /// The same, with all that the table may show.
    pub entries: Vec<Listed>,
    pub deleted: Vec<Listed>,
    pub open: Option<OpenRun>,
    /// Why the last resume was refused.
    pub refused: Option<(RunId, String)>,
}

/// The place Compare.
#[derive(Debug, Default)]
pub struct CompareState {
    /// In the order in which they were chosen; differences are those from the first.
    pub runs: Vec<RunId>,
    pub metric: Option<String>,
    pub answer: Loaded<Box<Compared>>,
}

/// What can be taken back, and what a person should be told of.
#[derive(Debug, Default)]
pub struct Notices {
    /// The latest last.
    pub undo: Vec<Edit>,
    /// What was done last.
    pub said: Option<Said>,
    /// What went wrong since the window opened, with the time.
    pub log: Vec<(i64, String)>,
    pub log_open: bool,
    /// How many lines of the log have been seen.
    pub seen: usize,
}

/// What was done, in a few words.
#[derive(Clone, Debug)]
pub struct Said {
    pub words: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// It is what Undo takes back.
    pub undoable: bool,
}

impl Notices {
    /// Tells for a while what was done.
    pub fn say(&mut self, at: i64, words: impl Into<String>, undoable: bool) {
        self.said = Some(Said {
            words: words.into(),
            at,
            undoable,
        });
    }

    /// Puts something that went wrong in the log.
    pub fn wrong(&mut self, at: i64, words: impl Into<String>) {
        const KEPT: usize = 500;
        self.log.push((at, words.into()));
        if self.log.len() > KEPT {
            self.log.remove(0);
            self.seen = self.seen.saturating_sub(1);
        }
    }
}

/// A run that is looked at.
#[derive(Debug)]
pub struct OpenRun {
    pub id: RunId,
    pub page: Loaded<Box<RunPage>>,
}

impl OpenRun {
    pub fn new(id: RunId) -> Self {
        OpenRun {
            id,
            page: Loaded::Nothing,
        }
    }

    pub fn model_mut(&mut self) -> Option<&mut RunModel> {
        match &mut self.page {
            Loaded::Value(page) => Some(&mut page.model),
            Loaded::Nothing | Loaded::Failed(_) => None,
        }
    }
}

/// A run as the store had it.
#[derive(Debug)]
pub struct RunPage {
    pub model: RunModel,
    pub stored: StoredRun,
}

/// The place Live.
#[derive(Debug, Default)]
pub struct LiveState {
    pub run: Option<RunModel>,
    /// Asked to stop, not yet stopped.
    pub stopping: bool,
    /// The experiment whose run is being made ready.
    pub launching: Option<String>,
}

/// Everything that views draw from.
#[derive(Debug)]
pub struct State {
    pub prefs: Prefs,
    pub experiments: ExperimentsState,
    pub runs: RunsState,
    pub live: LiveState,
    pub compare: CompareState,
    pub notices: Notices,
    pub people: People,
    pub playground: Playground,
    pub library: Library,
    pub paths: Paths,
    pub clock: Clock,
    pub now_ms: i64,
    /// Where the store is, as the person would write it.
    pub store: String,
    /// Devices that are compiled in: name and title.
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

    /// The run in progress, if it still is.
    pub fn active(&self) -> Option<&RunModel> {
        self.live.run.as_ref().filter(|run| run.status.is_active())
    }
}
