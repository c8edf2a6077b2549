//! What comes of tasks of the librarian: data sets, saved models, and the fields of paths.

use std::time::Instant;

use super::App;
use crate::app::state::Loaded;
use crate::app::state::library::Part;
use crate::app::workers::finder::{Ask, Heard, Picked};
use crate::app::workers::librarian::{Answer, Outcome, Task};

impl App {
    /// Reads what the place Data and models shows.
    pub(super) fn visit_library(&mut self) {
        self.ask_library(Task::Sets);
        self.ask_library(Task::Models);
    }

    /// Hands a task over. Where too many wait already, the page says so.
    pub(super) fn ask_library(&mut self, task: Task) {
        let library = &mut self.state.library;
        match &task {
            Task::Import { name, .. } => {
                library.import.running = Some(name.clone());
                library.import.refused = None;
                library.import.report = None;
            }
            Task::Check(_) => {
                library.check.running = true;
                library.check.found = None;
            }
            Task::Export { .. } => {
                library.export.running = true;
                library.export.done = None;
            }
            Task::Open(_) => library.browser.asked = true,
            Task::Summary(name) => {
                library.summaries.insert(name.clone(), Loaded::Nothing);
            }
            Task::Models | Task::Sets => {}
        }
        if self.librarian.ask(task.clone()).is_err() {
            self.library_refused(task, "too much is asked for at once; try again".into());
        }
    }

    pub(super) fn hear_library(&mut self, until: Instant) {
        while Instant::now() < until {
            let Some(Answer { task, outcome }) = self.librarian.answer() else {
                return;
            };
            match outcome {
                Ok(outcome) => self.take_library(task, outcome),
                Err(why) => self.library_refused(task, why),
            }
        }
        self.ctx.request_repaint();
    }

    fn take_library(&mut self, task: Task, outcome: Outcome) {
        let library = &mut self.state.library;
        match outcome {
            Outcome::Models { runs, folders } => {
                library.know(folders);
                self.state.playground.take_models(runs);
            }
            Outcome::Sets(sets) => {
                library.sets = Loaded::Value(sets);
                library.settle_tab();
            }
            Outcome::Summary(summary) => {
                let name = summary.name.clone();
                library.summaries.insert(name, Loaded::Value(summary));
            }
            Outcome::Opened(book) => {
                if book.name == library.chosen {
                    library.browser.take(book);
                }
            }
            Outcome::Imported(report) => {
                let name = report.name.clone();
                library.import.running = None;
                library.import.report = Some(report);
                library.summaries.remove(&name);
                if library.chosen == name {
                    library.browser = Default::default();
                }
                self.ask_library(Task::Sets);
                self.check_needs();
            }
            Outcome::Checked(anatomy) => {
                library.check.running = false;
                if let Task::Check(folder) = task {
                    library.know([folder.clone()]);
                    library.check.found = Some((folder, Ok(anatomy)));
                }
            }
            Outcome::Exported(exported) => {
                library.export.running = false;
                library.know([exported.folder.clone()]);
                library.export.done = Some(Ok(exported));
            }
        }
    }

    fn library_refused(&mut self, task: Task, why: String) {
        let library = &mut self.state.library;
        match task {
            Task::Models => self.state.playground.models = Loaded::Failed(why),
            Task::Sets => library.sets = Loaded::Failed(why),
            Task::Summary(name) => {
                library.summaries.insert(name, Loaded::Failed(why));
            }
            Task::Open(name) => {
                if name == library.chosen {
                    library.browser.book = Loaded::Failed(why);
                }
            }
            Task::Import { name, .. } => {
                library.import.running = None;
                library.import.refused = Some((name, why));
            }
            Task::Check(folder) => {
                library.check.running = false;
                library.check.found = Some((folder, Err(why)));
            }
            Task::Export { .. } => {
                library.export.running = false;
                library.export.done = Some(Err(why));
                library.part = Part::Models;
            }
        }
    }

    pub(super) fn ask_path(&mut self, ask: Ask) {
        let browses = matches!(ask, Ask::Browse { .. });
        if !self.finder.ask(ask) && browses {
            self.state.paths.browsing = None;
            self.wrong("the system's dialog did not open: no thread could be made");
        }
    }

    pub(super) fn hear_paths(&mut self) {
        let mut heard = false;
        while let Some(answer) = self.finder.heard() {
            let no_dialog = Picked::NoDialog;
            if matches!(&answer, Heard::Picked { picked, .. } if *picked == no_dialog) {
                self.wrong("no file dialog opens on this machine; type or paste the path");
            }
            self.state.paths.take(answer);
            heard = true;
        }
        if heard {
            self.ctx.request_repaint();
        }
    }
}
