//! The preferences, which are kept when the window closes.
//!
//! Stored as text: every later version reads what an earlier one wrote.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::arrangement::Arrangement;
use crate::app::place::Place;
use crate::app::widgets::chart::AlongX;
use crate::experiment::Stage;
use crate::metrics::declared;
use crate::operations::notices::Recipient;
use crate::store::RunId;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefs {
    pub place: Place,
    pub theme: ThemeChoice,
    /// Zoom factor; 1 is the system's size.
    pub zoom: f32,
    /// Smoothing of curves, from 0 (none) to 0.99.
    pub smoothing: f64,
    /// The x axis of the plots.
    pub along: AlongX,
    /// Columns of the table of runs, named as in a filter; empty for the defaults.
    pub columns: Vec<String>,
    /// The metric whose curve is sketched in the table of runs.
    pub sketch: Option<String>,
    /// What runs are grouped by.
    pub group: Option<String>,
    /// Saved filters.
    pub filters: Vec<String>,
    /// Runs in progress at once.
    pub at_once: usize,
    /// Whether the desktop shows notices of runs.
    pub desktop_notices: bool,
    /// The address to which notices of runs are sent; empty for none.
    pub notices_to: String,
    /// The plots of Compare, as they were arranged.
    pub compared_plots: Option<Arrangement>,
    /// Whether Compare draws runs that differ in the seed alone as one.
    pub compared_means: bool,
    /// What was chosen among the runs of each store, the latest first.
    chosen_runs: Vec<ChosenRuns>,
    /// The plots of each stage of each experiment; under the stage alone, those saved by versions in which all
    /// experiments shared an arrangement.
    arrangements: BTreeMap<String, Arrangement>,
}

/// What was chosen among the runs of a store, whose numbers mean nothing in another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChosenRuns {
    pub store: String,
    /// The first is the baseline.
    pub compared: Vec<RunId>,
    /// In the table of runs.
    pub ticked: BTreeSet<RunId>,
    /// What is laid under the plots of other runs.
    pub under: Option<RunId>,
}

/// Of how many stores the chosen runs are kept.
const STORES: usize = 16;

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
            at_once: 1,
            desktop_notices: false,
            notices_to: String::new(),
            compared_plots: None,
            compared_means: false,
            chosen_runs: Vec::new(),
            arrangements: BTreeMap::new(),
        }
    }
}

impl Prefs {
    /// The arrangement of a stage's plots in an experiment; at first the one that experiments used to share, or the
    /// default.
    pub fn arrangement(&mut self, experiment: &str, stage: Stage) -> &mut Arrangement {
        let key = arrangement_key(experiment, stage);
        let begin = match self.arrangements.get(stage.key()) {
            Some(of_all) if !self.arrangements.contains_key(&key) => Some(of_all.clone()),
            _ => None,
        };
        let initial = || begin.unwrap_or_else(|| Arrangement::default_for(stage));
        self.arrangements.entry(key).or_insert_with(initial)
    }

    /// Who gets notices of runs. An address that is none is said where it is written.
    pub fn recipients(&self) -> Vec<Recipient> {
        let desktop = self.desktop_notices.then_some(Recipient::Desktop);
        let address = self.notices_to.trim().parse().ok();
        let address = address.filter(|recipient| *recipient != Recipient::Desktop);
        desktop.into_iter().chain(address).collect()
    }

    /// Closes gaps between plots, which earlier versions left.
    pub fn close_gaps(&mut self) {
        let all = self.arrangements.values_mut();
        let all = all.chain(self.compared_plots.as_mut());
        all.for_each(Arrangement::close_gaps);
    }

    /// What was chosen among the runs of a store.
    pub fn chosen_runs(&self, store: &str) -> ChosenRuns {
        let known = self.chosen_runs.iter().find(|known| known.store == store);
        known.cloned().unwrap_or_default()
    }

    /// Keeps what is chosen among the runs of a store.
    pub fn choose_runs(&mut self, chosen: ChosenRuns) {
        self.chosen_runs.retain(|known| known.store != chosen.store);
        self.chosen_runs.insert(0, chosen);
        self.chosen_runs.truncate(STORES);
    }

    /// Resets the plots of a stage in an experiment to the default.
    pub fn reset_arrangement(&mut self, experiment: &str, stage: Stage) {
        let key = arrangement_key(experiment, stage);
        self.arrangements
            .insert(key, Arrangement::default_for(stage));
    }
}

fn arrangement_key(experiment: &str, stage: Stage) -> String {
    format!("{}/{experiment}", stage.key())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::tiles::Tile;

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
    fn plots_are_arranged_per_experiment_and_serialized() {
        let mut prefs = Prefs::default();
        let initial = count(&mut prefs, "quickstart");
        prefs.arrangement("emprl-paper", Stage::Ppo).add(tile("x"));
        assert_eq!(count(&mut prefs, "emprl-paper"), initial + 1);
        assert_eq!(count(&mut prefs, "quickstart"), initial);
        let text = serde_json::to_string(&prefs).unwrap();
        let mut back: Prefs = serde_json::from_str(&text).unwrap();
        assert_eq!(count(&mut back, "emprl-paper"), initial + 1);
        back.reset_arrangement("emprl-paper", Stage::Ppo);
        assert_eq!(count(&mut back, "emprl-paper"), initial);
    }

    #[test]
    fn the_chosen_runs_of_each_store_are_kept_apart() {
        let mut prefs = Prefs::default();
        for store in 0..20 {
            let compared = vec![RunId(store), RunId(1)];
            prefs.choose_runs(ChosenRuns {
                store: format!("store {store}"),
                compared,
                ..ChosenRuns::default()
            });
        }
        let text = serde_json::to_string(&prefs).unwrap();
        let back: Prefs = serde_json::from_str(&text).unwrap();
        assert_eq!(back.chosen_runs("store 19").compared, [RunId(19), RunId(1)]);
        assert_eq!(back.chosen_runs("another"), ChosenRuns::default());
        assert_eq!(back.chosen_runs.len(), STORES);
    }

    #[test]
    fn each_experiment_begins_with_the_shared_arrangement() {
        let mut of_all = Arrangement::default_for(Stage::Ppo);
        let initial = of_all.plots().count();
        of_all.add(tile("x"));
        let earlier = serde_json::json!({"smoothing": 0.5, "arrangements": {"ppo": of_all}});
        let mut prefs: Prefs = serde_json::from_value(earlier).unwrap();
        assert_eq!(prefs.smoothing, 0.5);
        assert_eq!(count(&mut prefs, "quickstart"), initial + 1);
        prefs.arrangement("quickstart", Stage::Ppo).add(tile("y"));
        assert_eq!(count(&mut prefs, "quickstart"), initial + 2);
        assert_eq!(count(&mut prefs, "emprl-paper"), initial + 1);
        prefs.reset_arrangement("quickstart", Stage::Ppo);
        assert_eq!(
            count(&mut prefs, "quickstart"),
            initial,
            "the default, not the shared one"
        );
    }
}
