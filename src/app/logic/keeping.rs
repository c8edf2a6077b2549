//! Changes of saved runs and what takes them back; files that are written; what went wrong.

use std::path::PathBuf;

use crossbeam::channel::{TryRecvError, bounded};

use super::App;
use crate::app::command::Export;
use crate::app::state::Loaded;
use crate::app::views::compare::shown_metric;
use crate::app::workers::keeper::{Edit, QueueEdit};
use crate::app::workers::reader::Request;
use crate::report::{Figure, FigureError, Sheet};

/// Changes that can be taken back.
const UNDONE: usize = 100;

impl App {
    pub(super) fn edit(&mut self, edit: Edit) {
        // What was there before is known here only.
        let inverse = match &edit {
            Edit::Note { run, .. } => self.row(*run, |row| Edit::Note {
                run: row.id,
                text: row.note.clone(),
            }),
            Edit::Rename { run, .. } => self.row(*run, |row| Edit::Rename {
                run: row.id,
                name: row.name.clone(),
            }),
            other => other.inverse(),
        };
        match self.keeper.ask(edit) {
            Ok(()) => {
                let undo = &mut self.state.notices.undo;
                undo.extend(inverse);
                if undo.len() > UNDONE {
                    undo.remove(0);
                }
            }
            Err(edit) => self.wrong(format!(
                "{} was not done: the store is busy; try again",
                edit.words()
            )),
        }
    }

    pub(super) fn undo(&mut self) {
        let Some(edit) = self.state.notices.undo.pop() else {
            return;
        };
        if let Err(edit) = self.keeper.ask(edit) {
            self.wrong("it could not be taken back: the store is busy; try again");
            self.state.notices.undo.push(edit);
        }
    }

    fn row(
        &self,
        run: crate::store::RunId,
        of: impl FnOnce(&crate::store::RunRow) -> Edit,
    ) -> Option<Edit> {
        let rows = self.state.runs.rows.value()?;
        rows.iter().find(|row| row.id == run).map(of)
    }

    pub(super) fn wrong(&mut self, words: impl Into<String>) {
        let now = self.state.now_ms;
        self.state.notices.wrong(now, words);
    }

    /// The same trouble of a store shows in several places.
    pub(super) fn wrong_once(&mut self, words: String) {
        let known = &self.state.notices.log;
        if !known.iter().any(|(_, line)| *line == words) {
            self.wrong(words);
        }
    }

    pub(super) fn hear_keeper(&mut self) {
        let mut changed = false;
        while let Some(done) = self.keeper.answer() {
            match &done.edit {
                Edit::Queue(_) => self.ask_queue(),
                _ => changed = true,
            }
            match done.outcome {
                // An order is in sight as it is.
                Ok(_) if matches!(done.edit, Edit::Queue(QueueEdit::Swap(..))) => {}
                Ok(more) => {
                    if let Edit::Queue(QueueEdit::TakeOut(run)) = &done.edit {
                        self.state.experiments.queue.removed = Some((**run).clone());
                    }
                    let for_good = matches!(done.edit, Edit::RemoveForGood(_));
                    let queued = matches!(done.edit, Edit::Queue(QueueEdit::Add(_)));
                    let undo = &self.state.notices.undo;
                    let undoable = !for_good && !queued && !undo.is_empty();
                    let now = self.state.now_ms;
                    let words = match more {
                        Some(more) => format!("{}; {more}", done.edit.words()),
                        None => done.edit.words(),
                    };
                    self.state.notices.say(now, words, undoable);
                }
                Err(why) => {
                    let inverse = done.edit.inverse();
                    let undo = &mut self.state.notices.undo;
                    // What was not done is not taken back.
                    undo.retain(|edit| Some(edit) != inverse.as_ref());
                    self.wrong(why);
                }
            }
        }
        if changed {
            self.ask_runs();
        }
        let mut written = Vec::new();
        self.saving.retain(|answers| match answers.try_recv() {
            Ok(answer) => {
                written.push(answer);
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => {
                written.push(Err("writing the files ended without an answer".into()));
                false
            }
        });
        for answer in written {
            match answer {
                Ok(words) => self.state.notices.say(self.state.now_ms, words, false),
                Err(why) => self.wrong(why),
            }
        }
    }

    pub(super) fn load_compared(&mut self) {
        let metric = shown_metric(&self.state);
        let compare = &mut self.state.compare;
        let runs = compare.runs.clone();
        if runs.is_empty() {
            compare.answer = Loaded::Nothing;
            return;
        }
        self.asked.compared = self.reader.ask(Request::Compare { runs, metric });
    }

    /// Writes a table or a plot into the store's folder, on a thread.
    pub(super) fn save_export(&mut self, export: Export) {
        let folder = self.options.store.join("exports");
        let (answer, answers) = bounded(1);
        let wake = self.waker();
        let thread = std::thread::Builder::new()
            .name("export".into())
            .spawn(move || {
                // The receiver is gone when the window is: then nobody waits for the answer.
                let _ = answer.send(written(folder, &export));
                wake();
            });
        match thread {
            Ok(_) => self.saving.push(answers),
            Err(error) => self.wrong(format!("no thread could be made: {error}")),
        }
    }

    /// What is shown as refused in its place stands in the log as well.
    pub(super) fn note_failures(&mut self) {
        let mut found: Vec<String> = Vec::new();
        found.extend(self.state.experiments.refused.clone());
        found.extend(
            self.state
                .runs
                .refused
                .as_ref()
                .map(|(run, why)| format!("Run {run}: {why}")),
        );
        if let Loaded::Failed(why) = &self.state.runs.rows {
            found.push(why.clone());
        }
        for words in found {
            self.wrong_once(words);
        }
    }
}

fn written(folder: PathBuf, export: &Export) -> Result<String, String> {
    std::fs::create_dir_all(&folder).map_err(|error| at(&folder, &error))?;
    let (name, files) = match export {
        Export::Sheet { name, sheet } => (name, sheet_files(sheet)),
        Export::Figure { name, figure } => (
            name,
            figure_files(figure).map_err(|error| error.to_string())?,
        ),
    };
    // What was saved before stays.
    let taken = |name: &str| {
        let mut paths = files
            .iter()
            .map(|(end, _)| folder.join(format!("{name}.{end}")));
        paths.any(|path| path.exists())
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let name = std::iter::once(name.clone())
        .chain(numbered)
        .find(|name| !taken(name))
        .unwrap_or_else(|| name.clone());
    for (end, bytes) in &files {
        let path = folder.join(format!("{name}.{end}"));
        std::fs::write(&path, bytes).map_err(|error| at(&path, &error))?;
    }
    let ends: Vec<&str> = files.iter().map(|(end, _)| *end).collect();
    Ok(format!(
        "{name} saved as {} in {}",
        ends.join(", "),
        folder.display()
    ))
}

fn at(path: &std::path::Path, error: &std::io::Error) -> String {
    format!(
        "{}: cannot be written ({error}); free some space or mend its permissions",
        path.display()
    )
}

fn sheet_files(sheet: &Sheet) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("csv", sheet.csv().into_bytes()),
        ("tex", sheet.latex().into_bytes()),
        ("md", sheet.markdown().into_bytes()),
    ]
}

fn figure_files(figure: &Figure) -> Result<Vec<(&'static str, Vec<u8>)>, FigureError> {
    Ok(vec![
        ("csv", figure.csv().into_bytes()),
        ("svg", figure.svg()?.into_bytes()),
        ("png", figure.png()?),
    ])
}
