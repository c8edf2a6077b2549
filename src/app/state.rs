//! What the window holds: the state of each place, and what is remembered between starts.
//!
//! Plain data: changed by views and by the shell, never by another thread.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::command::Place;
use super::format::Clock;
use super::keeper::Edit;
use super::library::Library;
use super::model::RunModel;
use super::paths::Paths;
use super::people::People;
use super::playground::Playground;
use super::reader::{Broken, Compared, Listed, Need};
use super::views::arrangement::Arrangement;
use super::views::curves::CurvesView;
use super::views::experiments::PlanView;
use super::views::form::Form;
use super::widgets::chart::AlongX;
use crate::experiment::{ExperimentFile, Stage};
use crate::metrics::declared;
use crate::store::{QueueId, QueuedRun, RunId, RunRow};

/// What is remembered when the window closes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefs {
    pub place: Place,
    pub theme: ThemeChoice,
    /// Size of everything; 1 is as the system has it.
    pub zoom: f32,
    /// Smoothing of curves, from 0 (none) to 0.99.
    pub smoothing: f64,
    /// What is laid along x of the plots.
    pub along: AlongX,
    /// Columns of the table of runs, as in a filter; the delivered ones when there are none.
    pub columns: Vec<String>,
    /// The metric whose curve is sketched in the table of runs.
    pub sketch: Option<String>,
    /// By what runs are grouped.
    pub group: Option<String>,
    /// Filters that a person keeps.
    pub filters: Vec<String>,
    /// The plots of each stage of each experiment; under the stage alone those that were kept before
    /// arrangements went by experiment.
    arrangements: BTreeMap<String, Arrangement>,
}

/// Light, dark, or as the system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    #[default]
    System,
    Light,
    Dark,
}

impl Default for Prefs {
    fn default() -> Self {
        Prefs {
            place: Place::Start,
            theme: ThemeChoice::System,
            zoom: 1.0,
            smoothing: 0.8,
            along: AlongX::Step,
            columns: Vec::new(),
            sketch: Some(declared::EMPATHY_REWARD.to_string()),
            group: None,
            filters: Vec::new(),
            arrangements: BTreeMap::new(),
        }
    }
}

impl Prefs {
    /// The plots of a stage in runs of an experiment, as the person left them there; where they were
    /// never moved, as they were left before arrangements went by experiment.
    pub fn arrangement(&mut self, experiment: &str, stage: Stage) -> &mut Arrangement {
        let key = arrangement_key(experiment, stage);
        let begin = match self.arrangements.get(stage.key()) {
            Some(of_all) if !self.arrangements.contains_key(&key) => Some(of_all.clone()),
            _ => None,
        };
        let delivered = || begin.unwrap_or_else(|| Arrangement::delivered(stage));
        self.arrangements.entry(key).or_insert_with(delivered)
    }

    /// Puts the plots of a stage in runs of an experiment back as they were delivered.
    pub fn reset_arrangement(&mut self, experiment: &str, stage: Stage) {
        let key = arrangement_key(experiment, stage);
        self.arrangements.insert(key, Arrangement::delivered(stage));
    }
}

/// No stage is called so, and no other pair.
fn arrangement_key(experiment: &str, stage: Stage) -> String {
    format!("{}/{experiment}", stage.key())
}

/// Something read from the store: not asked for yet, on its way, there, or refused.
#[derive(Clone, Debug, Default)]
pub enum Loaded<T> {
    #[default]
    Nothing,
    Value(T),
    Failed(String),
}

impl<T> Loaded<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Loaded::Value(value) => Some(value),
            Loaded::Nothing | Loaded::Failed(_) => None,
        }
    }
}

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
    pub plan: PlanView,
    /// Runs that wait for their turn in the store, the next first.
    pub queue: Vec<QueuedRun>,
    /// Why this window starts none of them.
    pub held: Held,
    /// The one of them that is being made ready or begun.
    pub starting: Option<QueueId>,
    /// What was taken out of the queue last.
    pub removed: Option<QueuedRun>,
    /// Why the last start was refused.
    pub refused: Option<String>,
}

/// The place Runs.
#[derive(Debug, Default)]
pub struct RunsState {
    /// Every run that is not deleted.
    pub rows: Loaded<Vec<RunRow>>,
    /// The same, with all that the table may show.
    pub entries: Vec<Listed>,
    pub deleted: Vec<Listed>,
    pub view: super::views::runs::RunsView,
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
    pub view: super::views::compare::CompareView,
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
    pub tab: super::views::run_page::Tab,
    pub words: super::views::run_page::Words,
    pub view: CurvesView,
}

impl OpenRun {
    pub fn new(id: RunId) -> Self {
        OpenRun {
            id,
            page: Loaded::Nothing,
            tab: Default::default(),
            words: Default::default(),
            view: CurvesView::default(),
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
    pub stored: super::model::StoredRun,
}

/// The place Live.
#[derive(Debug, Default)]
pub struct LiveState {
    pub run: Option<RunModel>,
    pub view: CurvesView,
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
    pub palette: super::views::palette::Palette,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::views::tiles::Tile;

    fn tile(key: &str) -> Tile {
        Tile {
            keys: vec![key.into()],
            log: false,
        }
    }

    fn count(prefs: &mut Prefs, experiment: &str) -> usize {
        prefs.arrangement(experiment, Stage::Ppo).plots().count()
    }

    #[test]
    fn plots_are_arranged_for_each_experiment_and_kept_as_text() {
        let mut prefs = Prefs::default();
        let delivered = count(&mut prefs, "quickstart");
        prefs.arrangement("emprl-paper", Stage::Ppo).add(tile("x"));
        assert_eq!(count(&mut prefs, "emprl-paper"), delivered + 1);
        assert_eq!(count(&mut prefs, "quickstart"), delivered);
        let text = serde_json::to_string(&prefs).unwrap();
        let mut back: Prefs = serde_json::from_str(&text).unwrap();
        assert_eq!(count(&mut back, "emprl-paper"), delivered + 1);
        back.reset_arrangement("emprl-paper", Stage::Ppo);
        assert_eq!(count(&mut back, "emprl-paper"), delivered);
    }

    #[test]
    fn what_was_kept_for_all_experiments_is_where_each_begins() {
        let mut of_all = Arrangement::delivered(Stage::Ppo);
        let delivered = of_all.plots().count();
        of_all.add(tile("x"));
        let earlier = serde_json::json!({"smoothing": 0.5, "arrangements": {"ppo": of_all}});
        let mut prefs: Prefs = serde_json::from_value(earlier).unwrap();
        assert_eq!(prefs.smoothing, 0.5);
        assert_eq!(count(&mut prefs, "quickstart"), delivered + 1);
        prefs.arrangement("quickstart", Stage::Ppo).add(tile("y"));
        assert_eq!(count(&mut prefs, "quickstart"), delivered + 2);
        assert_eq!(count(&mut prefs, "emprl-paper"), delivered + 1);
        prefs.reset_arrangement("quickstart", Stage::Ppo);
        assert_eq!(
            count(&mut prefs, "quickstart"),
            delivered,
            "not as before, as delivered"
        );
    }
}
