//! The place Compare, what is laid under the plots of other runs, and saving plots and tables from any place.

use std::collections::BTreeSet;
use std::path::Path;

use super::Core;
use super::watch::Wait;
use crate::app::jobs::{AtClose, Lane};
use crate::app::place::Place;
use crate::app::queries::compared::{CurveCache, CurveQuestion, compared, curves, logged};
use crate::app::state::arrangement::Arrangement;
use crate::app::state::compared::question;
use crate::app::state::{ChosenRuns, OpenRun, tiles};
use crate::catalog::Entry;
use crate::operations::OperationError;
use crate::operations::exports::{SavedFiles, save_figure, save_sheet};
use crate::report::provenance::{Provenance, signatures};
use crate::report::{Figure, Sheet};
use crate::store::RunId;

impl Core {
    /// Compares these runs with the first.
    pub fn compare(&mut self, runs: Vec<RunId>) {
        self.state.prefs.place = Place::Compare;
        self.compare_only(runs);
    }

    /// Compares these runs, wherever the window is.
    fn compare_only(&mut self, runs: Vec<RunId>) {
        self.state.compare.runs = runs;
        // The table has read of them only what it shows.
        self.list_runs();
        self.load_compared();
    }

    /// Makes a run the one that the others are compared with; with it the runs that differ from it in the seed alone.
    pub fn make_baseline(&mut self, run: RunId) {
        let mut runs = self.state.compare.runs.clone();
        if let Some(at) = runs.iter().position(|known| *known == run) {
            runs[..=at].rotate_right(1);
            self.compare_only(runs);
        }
    }

    /// Loads what the answers of the compared runs say of each other.
    pub fn load_compared(&mut self) {
        let compare = &mut self.state.compare;
        if compare.runs.is_empty() {
            compare.compared.clear();
            return;
        }
        let runs = compare.runs.clone();
        self.note_compared();
        let pending = self.jobs.ask(Lane::Comparing, move |context| {
            Ok(Box::new(compared(context.reader()?, runs)?))
        });
        self.state.compare.compared.load(pending);
    }

    pub(super) fn poll_compared(&mut self) {
        let compare = &mut self.state.compare;
        if compare.compared.poll() {
            compare.readings += 1;
            self.watch.comparison.arrived();
        }
        if compare.news.poll() {
            self.watch.curves.arrived();
            if let Some(news) = compare.news.take() {
                let (question, news) = *news;
                compare.curves.apply(question, news);
            }
        }
        self.state.baseline.poll();
    }

    /// Reads what is new of the compared curves, where they are in sight: what other plots show, and what runs in
    /// progress have recorded since.
    pub(super) fn refresh_curves(&mut self, wait: &mut Wait) {
        if self.state.prefs.place != Place::Compare || self.state.compare.runs.is_empty() {
            return;
        }
        self.deliver_plots();
        let Some(question) = self.curve_question() else {
            return;
        };
        let compare = &self.state.compare;
        let asked = compare.asked.as_ref();
        let is_other = asked != Some(&question);
        // While the smoothing is dragged, each mean is made before the next.
        let is_alike = asked.is_some_and(|asked| asked.is_alike(&question));
        if is_alike && compare.news.is_pending() {
            return;
        }
        if !is_other && (compare.news.is_pending() || !self.watch.changed.curves) {
            return;
        }
        if is_other || wait.is_over(&self.watch.curves) {
            self.load_curves(question);
        }
    }

    /// The plots of the compared runs, until somebody arranges them: what these runs have logged.
    fn deliver_plots(&mut self) {
        let compare = &mut self.state.compare;
        let listed = self.state.runs.list.value().into_iter().flatten();
        let of = listed.filter(|listed| compare.runs.contains(&listed.entry.row.id));
        let of: Vec<_> = of.collect();
        if of.is_empty() || of.iter().any(|listed| !listed.is_whole) {
            return;
        }
        let entries: Vec<&Entry> = of.into_iter().map(|listed| &listed.entry).collect();
        let metrics = entries.iter().map(|entry| entry.metrics.len()).sum();
        let plots = &mut self.state.prefs.compared_plots;
        let arranged = plots.as_ref().is_some_and(|plots| plots.changed);
        let is_for =
            (&compare.delivered_for.0, compare.delivered_for.1) == (&compare.runs, metrics);
        if arranged || (is_for && plots.is_some()) {
            return;
        }
        compare.delivered_for = (compare.runs.clone(), metrics);
        let wanted = tiles::compared_tiles(&logged(&entries));
        let same = plots.as_ref().is_some_and(|plots| {
            let (known, wanted): (BTreeSet<_>, BTreeSet<_>) = (
                plots.plots().flat_map(|tile| &tile.keys).collect(),
                wanted.iter().flat_map(|tile| &tile.keys).collect(),
            );
            known == wanted
        });
        if !same {
            *plots = Some(Arrangement::of_compared(wanted));
        }
    }

    /// What there is to draw; None before it is known which plots there are.
    fn curve_question(&self) -> Option<CurveQuestion> {
        let prefs = &self.state.prefs;
        let plots = prefs.compared_plots.as_ref()?;
        let runs = &self.state.compare.runs;
        Some(question(runs, plots, prefs.smoothing, prefs.compared_means))
    }

    fn load_curves(&mut self, question: CurveQuestion) {
        self.watch.changed.curves = false;
        self.watch.curves.asked();
        let smoothing = self.state.prefs.smoothing;
        let compare = &mut self.state.compare;
        compare.asked = Some(question.clone());
        let known = compare.curves.known();
        let pending = self.jobs.ask(Lane::Reader, move |context| {
            let mut cache = context.take_cache::<CurveCache>();
            let news = curves(context.reader()?, &mut cache, &question, &known, smoothing)?;
            context.put_cache(cache);
            Ok(Box::new((question, news)))
        });
        compare.news.load(pending);
    }

    /// Lays a finished run under the plots of others, or none.
    pub fn lay_under(&mut self, run: Option<RunId>) {
        self.state.baseline.open = run.map(OpenRun::new);
        let Some(run) = run else { return };
        let pending = self.page_of(run, true);
        if let Some(open) = &mut self.state.baseline.open {
            open.page.load(pending);
        }
    }

    /// Takes up what was chosen among the runs of this store before the window was closed.
    pub(super) fn recall_runs(&mut self) {
        let ChosenRuns {
            compared, under, ..
        } = self.chosen_before();
        self.state.compare.runs = compared;
        self.lay_under(under);
    }

    /// What was chosen among the runs of this store.
    pub fn chosen_before(&self) -> ChosenRuns {
        self.state.prefs.chosen_runs(&self.state.store)
    }

    /// Keeps in the preferences what is chosen among the runs; `ticked` in their table.
    pub fn keep_chosen(&mut self, ticked: BTreeSet<RunId>) {
        let chosen = ChosenRuns {
            store: self.state.store.clone(),
            compared: self.state.compare.runs.clone(),
            ticked,
            under: self.state.baseline.run(),
        };
        self.state.prefs.choose_runs(chosen);
    }

    /// Forgets chosen runs that are not in the store any more.
    pub(super) fn forget_missing(&mut self) {
        let Some(listed) = self.state.runs.list.value() else {
            return;
        };
        let is_there = |run: &RunId| listed.iter().any(|listed| listed.entry.row.id == *run);
        let runs = &mut self.state.compare.runs;
        let before = runs.len();
        runs.retain(is_there);
        let changed = runs.len() != before;
        if self.state.baseline.run().is_some_and(|run| !is_there(&run)) {
            self.state.baseline.open = None;
        }
        if changed {
            self.load_compared();
        }
    }

    /// Writes a plot into the store's folder `exports`, with the signature of what it shows of these runs.
    pub fn save_plot(
        &mut self,
        name: String,
        mut figure: Figure,
        runs: Vec<RunId>,
        metrics: Vec<String>,
    ) {
        self.spawn_then(
            "Writing the files",
            AtClose::Wait,
            move |context| {
                let provenance = Provenance::read(context.reader()?, &runs)?;
                let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
                figure.signatures = signatures(&metrics, &provenance);
                let folder = context.dir().join("exports");
                Ok(save_figure(&folder, &name, &figure)?)
            },
            Core::say_saved,
        );
    }

    /// Writes a table into the store's folder `exports`.
    pub fn save_sheet(&mut self, name: String, sheet: Sheet) {
        self.save(move |folder| save_sheet(folder, &name, &sheet));
    }

    /// Writes a plot into the store's folder `exports`.
    pub fn save_figure(&mut self, name: String, figure: Figure) {
        self.save(move |folder| save_figure(folder, &name, &figure));
    }

    fn save(
        &mut self,
        save: impl FnOnce(&Path) -> Result<SavedFiles, OperationError> + Send + 'static,
    ) {
        self.spawn_then(
            "Writing the files",
            AtClose::Wait,
            move |context| Ok(save(&context.dir().join("exports"))?),
            Core::say_saved,
        );
    }

    fn say_saved(&mut self, saved: Result<SavedFiles, String>) {
        match saved {
            Ok(SavedFiles {
                folder,
                name,
                endings,
            }) => {
                let (endings, folder) = (endings.join(", "), folder.display());
                self.show_done(format!("{name} saved as {endings} in {folder}"), false);
            }
            Err(why) => self.log_error(why),
        }
    }
}
