//! The place Case study: cases and pins; importing, generating and scoring responses of systems.

use std::ops::ControlFlow;
use std::path::Path;

use super::Core;
use crate::app::format;
use crate::app::jobs::{AtClose, Job, JobContext, JobError, Lane};
use crate::app::state::people::{SystemList, SystemTask, SystemTaskKind, TaskProgress};
use crate::operations::responses::{self, Generate, Import, MeasureRequest, StoredResponses};
use crate::operations::{OnProgress, OperationError, reader_if_present};
use crate::study::contexts::ContextKey;

impl Core {
    pub fn load_cases(&mut self) {
        self.watch.changed.systems = false;
        let read = |context: &mut JobContext| Ok(responses::cases(context.dir())?);
        let pending = self.jobs.ask(Lane::Studies, read);
        self.state.people.cases.book.load(pending);
    }

    /// Reads what corpora say of a case.
    pub fn load_remarks(&mut self, case: ContextKey) {
        let of = case.clone();
        let pending = self.jobs.ask(Lane::Studies, move |context| {
            Ok(responses::remarks(context.dir(), &of)?)
        });
        self.state.people.cases.remarks.load(case, pending);
    }

    /// Loads the systems, and the runs that tables can include.
    pub(super) fn load_systems(&mut self) {
        self.watch.changed.systems = false;
        self.watch.systems.asked();
        let pending = self.jobs.ask(Lane::Studies, |context| {
            let responses::Systems { systems, scores } = responses::list(context.dir())?;
            let runs = match reader_if_present(context.dir())? {
                Some(reader) => reader.list_runs()?,
                None => Vec::new(),
            };
            Ok(SystemList {
                systems,
                scores,
                runs,
            })
        });
        self.state.people.systems.load(pending);
    }

    /// Pins a case with a note, or unpins it.
    pub fn pin(&mut self, case: ContextKey, note: Option<String>) {
        let (key, text) = (case.clone(), note.clone());
        self.ask_then(
            Lane::Studies,
            move |context| Ok(context.store()?.set_pin(&key, text.as_deref())?),
            move |core, pinned| {
                let cases = &mut core.state.people.cases;
                cases.refused = pinned.as_ref().err().cloned();
                if pinned.is_err() {
                    return;
                }
                let book = cases.book.value_mut();
                let mut found = book.into_iter().flat_map(|book| &mut book.cases);
                if let Some(found) = found.find(|found| found.key == case) {
                    found.pin = note;
                }
                if cases.filter.pinned {
                    cases.search_again();
                }
            },
        );
    }

    pub fn import_responses(&mut self, import: Import) {
        self.ask_then(
            Lane::Studies,
            move |context| Ok(imported_words(&responses::import(context.dir(), &import)?)),
            |core, words| match words {
                Ok(words) => {
                    core.state.people.cases.importing = None;
                    core.show_systems(words);
                }
                Err(why) => {
                    if let Some(form) = &mut core.state.people.cases.importing {
                        form.refused = Some(why);
                    }
                }
            },
        );
    }

    /// Deletes a system with its responses, without undo.
    pub fn delete_system(&mut self, system: String) {
        let name = system.clone();
        self.ask_then(
            Lane::Studies,
            move |context| Ok(responses::delete(context.store()?, &system)?),
            move |core, deleted| {
                core.show_systems(match deleted {
                    Ok(()) => format!("{name} and its responses are deleted."),
                    Err(why) => format!("{name} was not deleted: {why}"),
                });
            },
        );
    }

    /// Generates a system's responses with a checkpoint.
    pub fn generate_responses(&mut self, generate: Generate) {
        self.start_task(SystemTaskKind::Respond, move |store, on_progress| {
            let stored = responses::generate(store, &generate, on_progress)?;
            let (system, count) = (&stored.system, stored.texts().len());
            let count = format::count(count as u64);
            Ok(format!("{system}: {count} responses by {}.", stored.source))
        });
    }

    pub fn score_systems(&mut self, measuring: MeasureRequest) {
        self.start_task(SystemTaskKind::Score, move |store, on_progress| {
            let measured = responses::measure(store, &measuring, on_progress)?;
            let names = measured.systems.join(", ");
            let done = match measuring.identifiers {
                Some(_) => format!("Measured in Emp-F1, levels, Dist-1/2 and length: {names}."),
                None => format!("Measured in Dist-1/2 and length: {names}."),
            };
            let words: Vec<String> = [done].into_iter().chain(measured.notes).collect();
            Ok(words.join(" "))
        });
    }

    /// Starts a task that takes minutes. One at a time: the forms do not offer a second.
    fn start_task(
        &mut self,
        kind: SystemTaskKind,
        work: impl FnOnce(&Path, OnProgress<'_>) -> Result<String, OperationError> + Send + 'static,
    ) {
        if self.state.people.cases.task.is_some() {
            return;
        }
        let what = "The work on systems";
        let pending = self
            .jobs
            .spawn(what, AtClose::Abandon, move |context, job: &Job<_>| {
                let words = work(context.dir(), &mut |progress| {
                    job.report(TaskProgress {
                        doing: progress.doing.to_string(),
                        done: progress.done,
                        of: progress.of,
                    });
                    match job.is_cancelled() {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                })?;
                Ok(words)
            });
        let cases = &mut self.state.people.cases;
        cases.notice = None;
        cases.task = Some(SystemTask {
            kind,
            progress: TaskProgress::default(),
            pending,
        });
    }

    /// Stops the task after the current batch.
    pub fn stop_task(&mut self) {
        if let Some(task) = &self.state.people.cases.task {
            task.pending.cancel();
        }
    }

    pub(super) fn poll_cases(&mut self) {
        if self.state.people.systems.poll() {
            self.watch.systems.arrived();
        }
        let cases = &mut self.state.people.cases;
        cases.poll();
        let Some(task) = &mut cases.task else { return };
        if let Some(progress) = task.pending.progress() {
            task.progress = progress;
        }
        let Some(result) = task.pending.poll() else {
            return;
        };
        let kind = task.kind;
        cases.task = None;
        match (kind, result) {
            (SystemTaskKind::Respond, Ok(words)) => {
                cases.importing = None;
                self.show_systems(words);
            }
            (SystemTaskKind::Score, Ok(words)) => {
                cases.scoring = None;
                self.show_systems(words);
            }
            (kind, Err(JobError::Cancelled)) => {
                let words = match kind {
                    SystemTaskKind::Respond => "Stopped; no answer is kept.",
                    SystemTaskKind::Score => "Stopped; the systems measured before are kept.",
                };
                cases.notice = Some(words.to_string());
                self.load_cases();
            }
            (SystemTaskKind::Respond, Err(JobError::Failed(why))) => {
                cases.importing.get_or_insert_default().refused = Some(why);
            }
            (SystemTaskKind::Score, Err(JobError::Failed(why))) => {
                cases.scoring.get_or_insert_default().refused = Some(why);
            }
        }
    }

    /// Shows a notice and reloads cases and systems.
    fn show_systems(&mut self, words: String) {
        self.state.people.cases.notice = Some(words);
        self.load_cases();
        self.load_systems();
    }
}

/// The notice about imported responses.
fn imported_words(stored: &StoredResponses) -> String {
    let system = &stored.system;
    let mut words = format!(
        "{system}: {} responses to {} contexts, {}.",
        format::count(stored.texts().len() as u64),
        format::count(stored.contexts.len() as u64),
        stored.responses.aligned_by.words()
    );
    for note in &stored.responses.notes {
        words.push_str(&format!(" {note}"));
    }
    if stored.responses.tokenized {
        words.push_str(" They are lower-case tokens, shown as ordinary text.");
    }
    if let [first, more @ ..] = &stored.responses.problems[..] {
        words.push_str(&format!(" {}", first.words(&stored.contexts)));
        if !more.is_empty() {
            let more = more.len() as u64;
            let problems = if more == 1 { "problem" } else { "problems" };
            words.push_str(&format!("; {} more {problems}", format::count(more)));
        }
        words.push('.');
    }
    words
}
