//! The place Runs: the list of runs, a run's page, and changes of saved runs with their undo.

use std::time::{Duration, Instant};

use super::{Core, REFRESH, read_run};
use crate::app::jobs::{Job, Lane};
use crate::app::place::Place;
use crate::app::queries::runs::{Differences, Listing, Sketches, differing, listed};
use crate::app::queries::stored::outline;
use crate::app::state::model::RunModel;
use crate::app::state::{OpenRun, RunPage, State};
use crate::experiment::Stage;
use crate::operations::runs::{self, Edit};
use crate::store::{CatalogParts, RunId};

/// How many changes can be undone.
const UNDONE: usize = 100;

impl Core {
    /// Lists the runs and the deleted runs.
    pub fn list_runs(&mut self) {
        self.listed = Instant::now();
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
        runs.list.poll();
        runs.deleted.poll();
        runs.differing.poll();
        let Some(open) = &mut runs.open else { return };
        if open.page.value().is_none()
            && let Some(outline) = open.page.progress()
        {
            open.page.show(outline);
        }
        let inherit = |page: &mut Box<RunPage>, before: Box<RunPage>| {
            page.model.inherit(before.model);
        };
        open.page.poll_with(inherit);
        if let Some(model) = open.model_mut() {
            model.poll();
        }
    }

    /// Runs of other programs progress without notice: while they are visible they are listed again. Returns the
    /// time until the next refresh.
    pub fn refresh_runs(&mut self) -> Option<Duration> {
        let here = self.state.active().map(|run| run.id);
        let elsewhere = self
            .state
            .runs
            .rows()
            .any(|row| row.status.is_active() && Some(row.id) != here);
        let in_sight = matches!(self.state.prefs.place, Place::Start | Place::Runs);
        if !elsewhere || !in_sight {
            return None;
        }
        let since = self.listed.elapsed();
        if since >= REFRESH {
            self.list_runs();
            let open = self.state.runs.open.as_ref().map(|open| open.id);
            let row = open.and_then(|run| self.state.runs.row(run));
            if row.is_some_and(|row| row.status.is_active()) {
                self.load_page();
            }
        }
        let left = REFRESH.saturating_sub(since);
        Some(left.max(Duration::from_millis(100)))
    }

    pub fn open_run(&mut self, run: RunId) {
        self.state.runs.open = Some(OpenRun::new(run));
        self.state.prefs.place = Place::Runs;
        self.load_page();
    }

    /// Loads the run whose page is open; a long one in outline first.
    pub(super) fn load_page(&mut self) {
        let Some(open) = &mut self.state.runs.open else {
            return;
        };
        let run = open.id;
        let pending =
            self.jobs
                .ask_reporting(Lane::Reader, move |context, job: &Job<Box<RunPage>>| {
                    if let Some(outline) = outline(context.reader()?, run) {
                        job.report(Box::new(outline.into()));
                    }
                    Ok(Box::new(RunPage::from(read_run(context, run)?)))
                });
        open.page.load(pending);
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
                    Err(why) => return core.log_error(why),
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

    pub(super) fn show_done(&mut self, words: String, undoable: bool) {
        let now = self.state.now_ms;
        self.state.notices.show(now, words, undoable);
    }
}

/// The models of a run that are shown: it may be live, and open in Runs.
fn models_of(state: &mut State, run: RunId) -> impl Iterator<Item = &mut RunModel> {
    let open = state.runs.open.as_mut();
    let models = [state.live.run.as_mut(), open.and_then(OpenRun::model_mut)];
    models
        .into_iter()
        .flatten()
        .filter(move |model| model.id == run)
}
