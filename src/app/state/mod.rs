//! What the window holds: the state of each place, and what is remembered between starts.
//!
//! Plain data: changed by views and by the shell, never by another thread.

pub mod arrangement;
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
pub mod tiles;

use std::collections::BTreeMap;

use self::form::Form;
use self::library::Library;
use self::model::RunModel;
use self::paths::Paths;
use self::people::People;
use self::playground::Playground;
use self::remote::Remote;
use crate::app::format::{Clock, Now};
use crate::app::queries::compared::Compared;
use crate::app::queries::experiments::Broken;
use crate::app::queries::needs::Need;
use crate::app::queries::runs::Listed;
use crate::app::queries::stored::StoredRun;
use crate::experiment::ExperimentFile;
use crate::metrics::{declared, terms};
use crate::operations::launch::DryRun;
use crate::operations::queue::Waiting;
use crate::operations::runs::Edit;
use crate::store::{QueueId, QueuedRun, RunId, RunRow};

pub use prefs::{Prefs, ThemeChoice};

/// The experiment that the big action of the start page starts.
pub const QUICKSTART: &str = "quickstart";

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

#[derive(Debug, Default)]
pub struct ExperimentsState {
    pub files: Remote<Vec<Result<ExperimentFile, Broken>>>,
    pub needs: Remote<Needs>,
    pub form: Option<Form>,
    /// What the run would be; idle while nobody asks.
    pub dry_run: Remote<Box<DryRun>>,
    /// It is the first of so many.
    pub dry_run_of: usize,
    pub queue: QueueState,
    /// Why the last start was refused.
    pub refused: Option<String>,
}

#[derive(Debug, Default)]
pub struct Needs {
    /// What each experiment file lacks, by its name.
    pub files: BTreeMap<String, Vec<Need>>,
    /// What the form lacks, with the name of its experiment.
    pub form: Option<(String, Vec<Need>)>,
}

impl Needs {
    /// What the form of an experiment lacks.
    pub fn of_form(&self, name: &str) -> &[Need] {
        let form = self.form.as_ref().filter(|(known, _)| known == name);
        form.map_or(&[], |(_, needs)| needs)
    }
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
    /// How many times it is being read: what is known may be out of date.
    pub reading: usize,
}

#[derive(Debug, Default)]
pub struct RunsState {
    /// Every run that is not deleted.
    pub list: Remote<Vec<Listed>>,
    pub deleted: Remote<Vec<Listed>>,
    pub open: Option<OpenRun>,
    /// Why the last resume was refused.
    pub refused: Option<(RunId, String)>,
}

impl RunsState {
    /// Every run that is not deleted, as far as they were read.
    pub fn listed(&self) -> &[Listed] {
        self.list.value().map_or(&[], Vec::as_slice)
    }

    pub fn rows(&self) -> impl Iterator<Item = &RunRow> {
        self.listed().iter().map(|listed| &listed.entry.row)
    }

    /// A run that is not deleted.
    pub fn row(&self, run: RunId) -> Option<&RunRow> {
        self.rows().find(|row| row.id == run)
    }
}

#[derive(Debug, Default)]
pub struct CompareState {
    /// In the order in which they were chosen; differences are those from the first.
    pub runs: Vec<RunId>,
    pub metric: Option<String>,
    pub compared: Remote<Box<Compared>>,
}

/// What can be undone, what was done last, and what went wrong.
#[derive(Debug, Default)]
pub struct Notices {
    /// The latest last.
    pub undo: Vec<Edit>,
    /// What was done last.
    pub latest: Option<Notice>,
    /// What went wrong since the window opened, with the time.
    pub log: Vec<(i64, String)>,
    pub log_open: bool,
    /// How many lines of the log have been seen.
    pub seen: usize,
}

/// What was done, in a few words.
#[derive(Clone, Debug)]
pub struct Notice {
    pub words: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// It is what Undo takes back.
    pub undoable: bool,
}

impl Notices {
    /// Shows for a while what was done.
    pub fn show(&mut self, at: i64, words: impl Into<String>, undoable: bool) {
        self.latest = Some(Notice {
            words: words.into(),
            at,
            undoable,
        });
    }

    /// Puts something that went wrong in the log.
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
    /// An outline of a long run is reported before the whole is there.
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
}

/// A run as the store had it.
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
    /// Asked to stop, not yet stopped.
    pub stopping: bool,
    /// The experiment whose run is being made ready.
    pub launching: Option<String>,
}

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

    /// The metric whose curves are compared: the chosen one, else the raw reward of the compared runs.
    pub fn compared_metric(&self) -> String {
        let logged_by_any = |key: &&str| {
            let mut entries = self.runs.listed().iter().map(|row| &row.entry);
            entries.any(|run| {
                self.compare.runs.contains(&run.row.id) && run.metrics.contains_key(*key)
            })
        };
        self.compare.metric.clone().unwrap_or_else(|| {
            let raw_reward = terms::RAW_REWARDS.into_iter().find(logged_by_any);
            raw_reward.unwrap_or(declared::EMPATHY_REWARD).to_string()
        })
    }

    pub fn now(&self) -> Now {
        Now {
            clock: self.clock,
            ms: self.now_ms,
        }
    }

    /// The run in progress, if it still is.
    pub fn active(&self) -> Option<&RunModel> {
        self.live.run.as_ref().filter(|run| run.status.is_active())
    }
}
