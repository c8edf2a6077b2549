//! The place Compare, and saving plots and tables from any place.

use super::Core;
use crate::app::jobs::{AtClose, Lane};
use crate::app::place::Place;
use crate::app::queries::compared::compared;
use crate::operations::OperationError;
use crate::operations::exports::{SavedFiles, save_figure, save_sheet};
use crate::report::{Figure, Sheet};
use crate::store::RunId;
use std::path::Path;

impl Core {
    /// Compares these runs.
    pub fn compare(&mut self, runs: Vec<RunId>) {
        self.state.compare.runs = runs;
        self.state.prefs.place = Place::Compare;
        // The table has read of them only what it shows.
        self.list_runs();
        self.load_compared();
    }

    /// Loads the curves and differences of the compared runs.
    pub fn load_compared(&mut self) {
        let metric = self.state.compared_metric();
        let compare = &mut self.state.compare;
        if compare.runs.is_empty() {
            compare.compared.clear();
            return;
        }
        let runs = compare.runs.clone();
        self.note_compared();
        let pending = self.jobs.ask(Lane::Reader, move |context| {
            Ok(Box::new(compared(context.reader()?, runs, metric)?))
        });
        self.state.compare.compared.load(pending);
    }

    pub(super) fn poll_compared(&mut self) {
        if self.state.compare.compared.poll() {
            self.watch.comparison.arrived();
            self.settle_compared();
        }
    }

    /// Loads the curves of another metric where that is the one to be shown: which it is, is known of another program's
    /// runs once they were listed with all that they logged.
    pub(super) fn settle_compared(&mut self) {
        let compared = &self.state.compare.compared;
        let metric = compared.value().map(|compared| &compared.metric);
        let is_other = metric.is_some_and(|metric| *metric != self.state.compared_metric());
        if is_other && !compared.is_pending() {
            self.load_compared();
        }
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
            |core, saved| match saved {
                Ok(SavedFiles {
                    folder,
                    name,
                    endings,
                }) => {
                    let (endings, folder) = (endings.join(", "), folder.display());
                    core.show_done(format!("{name} saved as {endings} in {folder}"), false);
                }
                Err(why) => core.log_error(why),
            },
        );
    }
}
