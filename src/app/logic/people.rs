//! What comes of tasks of the study desk, and which of its places need which.

use std::time::Instant;

use eframe::egui::Context;

use super::App;
use crate::app::command::Place;
use crate::app::state::Loaded;
use crate::app::state::people::{Judging, Systems};
use crate::app::workers::desk::{Answer, Outcome, Task};
use crate::app::workers::errand::{Ended, Errand, Work};
use crate::app::workers::librarian as library;

impl App {
    /// Hands a task over. Where too many wait already, the page says so; nothing is lost.
    pub(super) fn ask_desk(&mut self, task: Task) {
        if let Task::OpenDesk { study, annotator } = &task {
            self.state.people.studies.told = None;
            self.state.people.judging = Some(Judging::new(*study, *annotator));
            self.state.prefs.place = Place::Studies;
        }
        let kept = task.clone();
        match self.desk.ask(task) {
            Some(id) => {
                if matches!(kept, Task::Table { .. }) {
                    self.asked.table = Some(id);
                }
            }
            None => self.refused(&kept, "the store is busy; try again".to_string()),
        }
    }

    /// Begins what takes minutes, on a thread of its own. One at a time: the forms do not offer a second.
    pub(super) fn start_errand(&mut self, work: Work) {
        if self.errand.is_some() {
            return;
        }
        let kept = work.clone();
        match Errand::start(self.options.store.clone(), work, self.waker()) {
            Ok(errand) => {
                self.state.people.cases.told = None;
                self.errand = Some(errand);
            }
            Err(error) => self.errand_failed(&kept, format!("no thread could be made: {error}")),
        }
    }

    pub(super) fn hear_errand(&mut self) {
        let ended = self.errand.as_ref().and_then(Errand::ended);
        let cases = &mut self.state.people.cases;
        let Some(ended) = ended else {
            cases.working = self.errand.as_ref().map(Errand::working);
            return;
        };
        cases.working = None;
        let Some(errand) = self.errand.take() else {
            return;
        };
        match ended {
            Ended::Done(words) => {
                match errand.work {
                    Work::Answer { .. } => cases.taking = None,
                    Work::Measure(_) => cases.scoring = None,
                }
                cases.told = Some(words);
                self.ask_desk(Task::Cases);
                self.ask_desk(Task::Systems);
            }
            Ended::Stopped => {
                let words = match errand.work {
                    Work::Answer { .. } => "Stopped; no answer is kept.",
                    Work::Measure(_) => "Stopped; the systems measured before are kept.",
                };
                cases.told = Some(words.to_string());
                self.ask_desk(Task::Cases);
            }
            Ended::Failed(why) => self.errand_failed(&errand.work, why),
        }
    }

    /// Says so where it was asked for.
    fn errand_failed(&mut self, work: &Work, why: String) {
        let cases = &mut self.state.people.cases;
        match work {
            Work::Answer { .. } => cases.taking.get_or_insert_default().refused = Some(why),
            Work::Measure(_) => cases.scoring.get_or_insert_default().refused = Some(why),
        }
    }

    /// Counts the time for which an item is attended to: while the window has the keyboard and shows it.
    pub(super) fn attend(&mut self, ctx: &Context) {
        let in_sight = self.state.prefs.place == Place::Studies;
        let Some(judging) = &mut self.state.people.judging else {
            return;
        };
        let (now, focused, sign) =
            ctx.input(|input| (input.time, input.focused, !input.events.is_empty()));
        judging.attend(now, focused && in_sight, sign);
    }

    /// Reads what a place shows.
    pub(super) fn visit(&mut self, place: Place) {
        let tasks: &[Task] = match place {
            Place::Cases => &[Task::Cases],
            Place::Studies => &[Task::Studies, Task::Systems],
            Place::Tables => &[Task::Systems, Task::Studies],
            _ => &[],
        };
        for task in tasks {
            self.ask_desk(task.clone());
        }
        match place {
            Place::Playground => self.ask_library(library::Task::Models),
            Place::Data => self.visit_library(),
            _ => {}
        }
        if place == Place::Tables {
            // What it is made of may have changed since.
            self.state.people.tables.asked = None;
        }
    }

    pub(super) fn hear_desk(&mut self, until: Instant) {
        while Instant::now() < until {
            let Some(Answer { id, task, outcome }) = self.desk.answer() else {
                return;
            };
            match outcome {
                Ok(outcome) => self.take_outcome(id, &task, outcome),
                Err(why) => self.refused(&task, why),
            }
        }
        self.ctx.request_repaint();
    }

    fn take_outcome(&mut self, id: u64, task: &Task, outcome: Outcome) {
        let people = &mut self.state.people;
        match outcome {
            Outcome::Studies(rows) => people.studies.rows = Loaded::Value(rows),
            Outcome::Systems {
                systems,
                scores,
                runs,
            } => {
                people.systems = Loaded::Value(Systems {
                    systems,
                    scores,
                    runs,
                });
            }
            Outcome::Cases(book) => people.cases.take(*book),
            Outcome::Desk(desk) => {
                if let Some(judging) = &mut people.judging
                    && matches!(task, Task::OpenDesk { study, annotator }
                        if (*study, *annotator) == (judging.study, judging.annotator))
                {
                    judging.take(*desk);
                }
            }
            Outcome::Recorded(acts) => {
                if let Some(judging) = &mut people.judging
                    && is_of(task, judging)
                {
                    judging.recorded(&acts);
                }
            }
            Outcome::Forecast(words) => {
                if let Some(form) = &mut people.studies.form {
                    form.forecast = words;
                }
            }
            Outcome::Created { study, remarks } => {
                people.studies.form = None;
                people.studies.open = Some(study);
                let mut told = format!("Study {study} is made.");
                if remarks.identical > 0 {
                    told.push_str(&format!(
                        " In {} items both responses are the same.",
                        remarks.identical
                    ));
                }
                if remarks.naming > 0 {
                    told.push_str(&format!(
                        " In {} items a text says the name of a system.",
                        remarks.naming
                    ));
                }
                self.told(told);
            }
            Outcome::Assigned(given) => {
                people.studies.fourth.clear();
                self.told(match given {
                    0 => "No further item waits for a fourth annotator.".to_string(),
                    1 => "The fourth annotator has 1 more item.".to_string(),
                    given => format!("The fourth annotator has {given} more items."),
                });
            }
            Outcome::Unblinded(study) => {
                people.studies.unblinding = None;
                self.told(format!("Study {study} is unblinded; that is on record."));
                self.ask_desk(Task::Results(study));
            }
            Outcome::Results(study, results) => people.studies.results = Some((study, results)),
            Outcome::Told(words) => match task {
                Task::SaveTable { .. } => people.tables.told = Some(words),
                Task::TakeResponses { .. } => {
                    people.cases.taking = None;
                    people.cases.told = Some(words);
                    self.ask_desk(Task::Cases);
                    self.ask_desk(Task::Systems);
                }
                _ => self.told(words),
            },
            Outcome::Pinned { case, note } => {
                if let Loaded::Value(book) = &mut people.cases.book
                    && let Some(found) = book.cases.iter_mut().find(|found| found.key == case)
                {
                    found.pin = note;
                }
                people.cases.refused = None;
                if people.cases.filter.pinned {
                    people.cases.search_again();
                }
            }
            Outcome::Table(table) => {
                if self.asked.table == Some(id) {
                    people.tables.made = Loaded::Value(table);
                }
            }
        }
    }

    /// Says what was done with a study, and looks at all of them again.
    fn told(&mut self, words: String) {
        self.state.people.studies.told = Some(words);
        self.state.people.studies.refused = None;
        self.ask_desk(Task::Studies);
    }

    fn refused(&mut self, task: &Task, why: String) {
        let people = &mut self.state.people;
        match task {
            Task::Studies => people.studies.rows = Loaded::Failed(why),
            Task::Systems => people.systems = Loaded::Failed(why),
            Task::Cases => people.cases.book = Loaded::Failed(why),
            Task::Pin { .. } => people.cases.refused = Some(why),
            Task::TakeResponses { .. } => {
                if let Some(form) = &mut people.cases.taking {
                    form.refused = Some(why);
                }
            }
            Task::OpenDesk { .. } => {
                if let Some(judging) = &mut people.judging {
                    judging.desk = Loaded::Failed(why);
                }
            }
            Task::Judge { .. } | Task::Undo { .. } => {
                if let Some(judging) = people.judging.as_mut().filter(|one| is_of(task, one)) {
                    // Nothing was recorded: the page stays, and can be answered again.
                    judging.given = None;
                    judging.refused = Some(why);
                }
            }
            Task::Create(_) | Task::Forecast { .. } => {
                if let Some(form) = &mut people.studies.form {
                    form.waiting = false;
                    form.refused = Some(why);
                }
            }
            Task::Assign { .. }
            | Task::Unblind { .. }
            | Task::Results(_)
            | Task::WritePacks { .. }
            | Task::TakePack(_)
            | Task::ExportJudgements { .. } => {
                people.studies.told = None;
                people.studies.refused = Some(why);
            }
            Task::Table { .. } | Task::SaveTable { .. } => {
                people.tables.made = Loaded::Failed(why);
            }
        }
    }
}

/// Whether a task is of this annotator's work.
fn is_of(task: &Task, judging: &Judging) -> bool {
    match task {
        Task::Judge {
            study, annotator, ..
        }
        | Task::Undo { study, annotator } => {
            (*study, *annotator) == (judging.study, judging.annotator)
        }
        _ => false,
    }
}
