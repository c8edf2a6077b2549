//! The place Runs: the list of runs, a run's page, and changes of saved runs with their undo.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::{Core, read_run};
use crate::app::jobs::{AtClose, Job, Lane, Pending};
use crate::app::place::Place;
use crate::app::queries::lengths::rewards_by_length;
use crate::app::queries::runs::{Differences, Listing, Sketches, differing, listed};
use crate::app::queries::stored::outline;
use crate::app::state::model::RunModel;
use crate::app::state::{OpenRun, RunPage, State};
use crate::experiment::Stage;
use crate::operations::record::RecordedAs;
use crate::operations::runs::{self, Edit, GoesOn};
use crate::operations::{OnProgress, imports};
use crate::store::{CatalogParts, RunId};

/// How many changes can be undone.
const UNDONE: usize = 100;

impl Core {
    /// Lists the runs and the deleted runs.
    pub fn list_runs(&mut self) {
        self.watch.changed.runs = false;
        self.watch.list.asked();
        let sketch = &self.state.prefs.sketch;
        let list = |deleted| {
            let listing = Listing {
                deleted,
                sketch: sketch.clone(),
                parts: self.state.runs.parts.clone(),
                whole: self.state.compare.runs.clone(),
            };
            self.jobs.ask(Lane::Reader, move |context| {
                let mut sketches = context.take_cache::<Sketches>();
                let listed = match context.existing()? {
                    Some(reader) => listed(reader, &listing, &mut sketches)?,
                    None => Vec::new(),
                };
                context.put_cache(sketches);
                Ok(listed)
            })
        };
        let (kept, deleted) = (list(false), list(true));
        let differing = self.jobs.ask(Lane::Reader, |context| {
            let mut differences = context.take_cache::<Differences>();
            let paths = match context.existing()? {
                Some(reader) => differing(reader, &mut differences)?,
                None => Vec::new(),
            };
            context.put_cache(differences);
            Ok(paths)
        });
        let recorded = self
            .jobs
            .ask(Lane::Reader, |context| match context.existing()? {
                Some(reader) => Ok(reader.metrics_of(Stage::Recorded)?),
                None => Ok(Vec::new()),
            });
        self.state.runs.recorded.load(recorded);
        self.state.runs.differing.load(differing);
        self.state.runs.list.load(kept);
        self.state.runs.deleted.load(deleted);
    }

    /// Lists the runs with these parts too: the table shows them.
    pub fn read_parts(&mut self, parts: CatalogParts) {
        self.state.runs.parts = parts;
        self.list_runs();
    }

    pub(super) fn poll_runs(&mut self) {
        let runs = &mut self.state.runs;
        runs.differing.poll();
        runs.recorded.poll();
        runs.import.done.poll();
        runs.deleted.poll();
        if runs.list.poll() {
            runs.readings += 1;
            self.watch.list.arrived();
            self.read_goes_on();
            self.forget_missing();
        }
        self.state.runs.goes_on.poll();
        self.state.runs.deleted.poll();
        let State { runs, live, .. } = &mut self.state;
        let pages = [runs.open.as_mut(), live.elsewhere.as_mut()];
        for open in pages.into_iter().flatten() {
            if open.poll() {
                self.watch.page.arrived();
            }
        }
    }

    /// Reads from where the newest run goes on, if it was interrupted.
    fn read_goes_on(&mut self) {
        let runs = &mut self.state.runs;
        let Some(row) = runs.interrupted().cloned() else {
            return;
        };
        let key = (row.id, row.heartbeat);
        if runs.goes_on.wants(&key) {
            let pending = self.jobs.ask(Lane::Reader, move |context| {
                Ok(GoesOn::of(context.reader()?, &row)?)
            });
            self.state.runs.goes_on.load(key, pending);
        }
    }

    pub fn open_run(&mut self, run: RunId) {
        self.state.runs.open = Some(OpenRun::new(run));
        self.state.prefs.place = Place::Runs;
        self.load_page();
    }

    /// Loads the run whose page is open.
    pub(super) fn load_page(&mut self) {
        if let Some(open) = &self.state.runs.open {
            let pending = self.page_of(open.id, open.page.value().is_none());
            if let Some(open) = &mut self.state.runs.open {
                open.page.load(pending);
            }
        }
    }

    /// Loads the run of another window or program that Live shows.
    pub(super) fn load_elsewhere(&mut self) {
        if let Some(open) = &self.state.live.elsewhere {
            let pending = self.page_of(open.id, open.page.value().is_none());
            if let Some(open) = &mut self.state.live.elsewhere {
                open.page.load(pending);
            }
        }
    }

    /// A run's page, where `outlined` with an outline of a long run first.
    pub(super) fn page_of(
        &mut self,
        run: RunId,
        outlined: bool,
    ) -> Pending<Box<RunPage>, Box<RunPage>> {
        self.watch.page.asked();
        self.jobs
            .ask_reporting(Lane::Reader, move |context, job: &Job<Box<RunPage>>| {
                if outlined && let Some(outline) = outline(context.reader()?, run) {
                    job.report(Box::new(outline.into()));
                }
                Ok(Box::new(RunPage::from(read_run(context, run)?)))
            })
    }

    pub fn close_run(&mut self) {
        self.state.runs.open = None;
        self.list_runs();
    }

    pub fn load_samples(&mut self, run: RunId, (stage, step): (Stage, u64)) {
        for model in models_of(&mut self.state, run) {
            let mut sets = model.samples.iter_mut();
            let set = sets.find(|set| (set.stage, set.step) == (stage, step));
            if let Some(set) = set.filter(|set| set.dialogues.needs_loading()) {
                set.dialogues
                    .load(self.jobs.ask(Lane::Reader, move |context| {
                        Ok(context.reader()?.samples_at(run, stage, step)?)
                    }));
            }
        }
    }

    pub fn load_over_steps(&mut self, run: RunId, position: u32) {
        for model in models_of(&mut self.state, run) {
            if model.over_steps.wants(&position) {
                let pending = self.jobs.ask(Lane::Reader, move |context| {
                    Ok(context.reader()?.sample_over_steps(run, position)?)
                });
                model.over_steps.load(position, pending);
            }
        }
    }

    pub fn load_rollout(&mut self, run: RunId, (stage, step): (Stage, u64)) {
        for model in models_of(&mut self.state, run) {
            if model.rollout.wants(&(stage, step)) {
                let pending = self.jobs.ask(Lane::Reader, move |context| {
                    Ok(context.reader()?.rollout_at(run, stage, step)?.into())
                });
                model.rollout.load((stage, step), pending);
            }
        }
    }

    pub fn load_lengths(&mut self, run: RunId, (stage, recorded): (Stage, usize)) {
        for model in models_of(&mut self.state, run) {
            if model.lengths.wants(&(stage, recorded)) {
                let pending = self.jobs.ask(Lane::Reader, move |context| {
                    Ok(rewards_by_length(context.reader()?, run, stage)?)
                });
                model.lengths.load((stage, recorded), pending);
            }
        }
    }

    /// Changes saved runs, with undo.
    pub fn edit(&mut self, edit: Edit) {
        self.apply(edit, true);
    }

    pub fn undo(&mut self) {
        if let Some(edit) = self.state.notices.undo.pop() {
            self.apply(edit, false);
        }
    }

    fn apply(&mut self, edit: Edit, undoable: bool) {
        let words = edit.to_string();
        let is_swap = matches!(edit, Edit::SwapQueued(..));
        let of_queue = is_swap || matches!(edit, Edit::Unqueue(_) | Edit::Requeue(_));
        let removed = match &edit {
            Edit::Unqueue(run) => Some((**run).clone()),
            _ => None,
        };
        self.ask_then(
            Lane::Changes,
            move |context| Ok(edit.apply(context.store()?)?),
            move |core, inverse| {
                match of_queue {
                    true => core.load_queue(),
                    false => core.list_runs(),
                }
                let inverse = match inverse {
                    Ok(inverse) => inverse,
                    Err(why) => {
                        core.show_done(why.clone(), false);
                        return core.log_error(why);
                    }
                };
                let undo = &mut core.state.notices.undo;
                if undoable {
                    undo.push(inverse);
                    if undo.len() > UNDONE {
                        undo.remove(0);
                    }
                }
                if removed.is_some() {
                    core.state.experiments.queue.removed = removed;
                }
                // A new order needs no notice.
                if !is_swap {
                    core.show_done(words, undoable);
                }
            },
        );
    }

    /// Removes deleted runs from disk, without undo.
    pub fn delete_for_good(&mut self, deleted: Vec<RunId>) {
        let words = format!("{} removed for good", runs::named(&deleted));
        self.ask_then(
            Lane::Changes,
            move |context| Ok(runs::delete_for_good(context.store()?, &deleted)?),
            move |core, done| {
                core.list_runs();
                match done {
                    Ok(()) => core.show_done(words, false),
                    Err(why) => core.log_error(why),
                }
            },
        );
    }

    /// Imports the runs of other programs from a file or a folder.
    pub fn import_runs(&mut self, path: PathBuf) {
        let pending = self
            .jobs
            .spawn("The import", AtClose::Wait, move |context, _| {
                let of = RecordedAs::default();
                let on_progress: OnProgress<'_> = &mut |_| ControlFlow::Continue(());
                Ok(imports::import(
                    context.dir(),
                    &path,
                    &of,
                    false,
                    on_progress,
                )?)
            });
        self.state.runs.import.done.clear();
        self.state.runs.import.done.load(pending);
    }

    pub fn show_done(&mut self, words: String, undoable: bool) {
        let now = self.state.now_ms;
        self.state.notices.show(now, words, undoable);
    }
}

/// The models of a run that are shown: it may be live, and open in Runs.
fn models_of(state: &mut State, run: RunId) -> impl Iterator<Item = &mut RunModel> {
    let State { runs, live, .. } = state;
    let pages = [runs.open.as_mut(), live.elsewhere.as_mut()];
    let pages = pages.into_iter().flatten().filter_map(OpenRun::model_mut);
    let models = live.run.as_mut().into_iter().chain(pages);
    models.filter(move |model| model.id == run)
}
