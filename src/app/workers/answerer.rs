//! Answers of saved models for the playground, on a thread of its own.
//!
//! Keeps at most two models and one set of identifiers open. Questions are answered one after the other;
//! each can be stopped between two tokens. Knows no widget; wakes the window through the function it is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use super::worker::{Answers, Worker, guarded};
use crate::engine::Waker;
use crate::engine::reference::{Found, Reference, ReferenceError};
use crate::experiment::{SamplingSettings, Stage};
use crate::store::{RunId, RunRef};
use crate::train::TrainError;
use crate::train::saved::{Drawing, Identified, SavedIdentifiers, SavedModel};

/// How many questions may wait.
const WAITING: usize = 16;
/// How many models are kept open.
const MODELS: usize = 2;

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Checkpoint { run: RunId, stage: Stage, step: u64 },
    Folder(PathBuf),
}

impl Who {
    /// On screen.
    pub fn words(&self) -> String {
        match self {
            Who::Checkpoint { run, stage, step } => format!("run {run}, {} {step}", stage.title()),
            Who::Folder(folder) => folder.display().to_string(),
        }
    }

    pub fn find(&self, store: &Path) -> Result<Found, ReferenceError> {
        match self {
            Who::Checkpoint { run, stage, step } => Reference::Run(RunRef {
                run: *run,
                step: Some(*step),
            })
            .model_of(store, *stage),
            Who::Folder(folder) => Reference::Folder(folder.clone()).model(store),
        }
    }
}

/// A context to be answered, with everything that the answer depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub id: u64,
    pub who: Who,
    /// Utterances, oldest first.
    pub context: Vec<String>,
    pub settings: SamplingSettings,
    /// Tokens of the context that count, the latest.
    pub max_source: usize,
    /// Always the likeliest token.
    pub greedy: bool,
    pub seed: u64,
    pub device: String,
    /// Whose identifiers say its levels, and on which device.
    pub judge: Option<(Reference, String)>,
}

/// An answer in words, with what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub response: String,
    /// The eos included.
    pub tokens: usize,
    /// Natural logarithm of the whole response's probability, under the full, untempered softmax.
    pub logprob: f32,
    /// Whether it ended by itself, rather than at the longest length.
    pub ended: bool,
    pub seconds: f64,
}

/// A model that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub who: Who,
    pub device: String,
    pub parameters: u64,
}

/// What comes of a question, in this order.
#[derive(Clone, Debug)]
pub enum News {
    /// The model is being read from disk.
    Opening,
    /// The words so far.
    SoFar(String),
    Said(Said),
    /// Levels and probabilities by mechanism, after what was said.
    Levels(Result<[Identified; 3], String>),
    /// A person stopped it; what there was of it is dropped.
    Stopped,
    Failed(String),
}

/// News of a question, or of what is open.
#[derive(Clone, Debug)]
pub enum Heard {
    Of(u64, News),
    Open(Vec<Opened>),
}

enum Task {
    Answer(Box<Question>),
    /// Gives the memory of everything that is open back.
    Close,
}

/// The thread, as the window holds it.
pub struct Answerer {
    worker: Worker<Task, Heard>,
    /// Questions up to this one are not to be answered any more.
    stopped: Arc<AtomicU64>,
}

impl Answerer {
    /// Starts the thread; `wake` is called after every news.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(store: PathBuf, wake: Waker) -> std::io::Result<Self> {
        let stopped = Arc::new(AtomicU64::new(0));
        let theirs = stopped.clone();
        let worker = Worker::start("playground", WAITING, wake, move |tasks, answers| {
            let mut mind = Mind {
                store,
                models: Vec::new(),
                identifiers: None,
                out: Out {
                    answers,
                    stopped: theirs,
                },
            };
            for task in tasks {
                match task {
                    Task::Answer(question) => mind.carry_out(&question),
                    Task::Close => mind.close(),
                }
            }
        })?;
        Ok(Answerer { worker, stopped })
    }

    /// Asks. False when too many questions wait already. Numbers of questions rise.
    pub fn ask(&self, question: Question) -> bool {
        self.worker.ask(Task::Answer(Box::new(question))).is_ok()
    }

    /// Gives the memory of what is open back. False when too many tasks wait already.
    pub fn close(&self) -> bool {
        self.worker.ask(Task::Close).is_ok()
    }

    /// Stops every question up to the number `id`: between two tokens, or once the model is open.
    pub fn stop(&self, id: u64) {
        self.stopped.fetch_max(id, Ordering::Relaxed);
    }

    /// The next news, if there are any.
    pub fn news(&self) -> Option<Heard> {
        self.worker.answer()
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.stop(u64::MAX);
    }
}

/// The way back to the window.
struct Out {
    answers: Answers<Heard>,
    stopped: Arc<AtomicU64>,
}

impl Out {
    fn tell(&self, id: u64, news: News) {
        self.answers.send(Heard::Of(id, news));
    }

    /// More words follow, should the window be busy.
    fn tell_so_far(&self, id: u64, words: &str) {
        let news = News::SoFar(words.to_string());
        self.answers.offer(Heard::Of(id, news));
    }

    fn is_stopped(&self, id: u64) -> bool {
        self.stopped.load(Ordering::Relaxed) >= id
    }
}

/// A model that is open, and the state of its folder when it was opened.
struct Kept {
    opened: Opened,
    folder: PathBuf,
    stamp: Option<SystemTime>,
    model: SavedModel,
}

/// Identifiers that are open.
struct KeptJudge {
    by: (Reference, String),
    folder: PathBuf,
    stamp: Option<SystemTime>,
    identifiers: SavedIdentifiers,
}

/// What the thread keeps between questions.
struct Mind {
    store: PathBuf,
    /// The one used last at the end.
    models: Vec<Kept>,
    identifiers: Option<KeptJudge>,
    out: Out,
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    NotFound(#[from] ReferenceError),
    #[error(transparent)]
    NotOpened(#[from] TrainError),
}

impl Mind {
    fn carry_out(&mut self, question: &Question) {
        let id = question.id;
        let answered = guarded("the model", || self.answer(question));
        let news = match answered {
            Ok(Ok(Some(said))) => {
                let pair = (question.context.join(" "), said.response.clone());
                self.out.tell(id, News::Said(said));
                match self.judge(question, &pair) {
                    Some(levels) => News::Levels(levels),
                    None => return,
                }
            }
            Ok(Ok(None)) => News::Stopped,
            Ok(Err(fault)) => News::Failed(fault.to_string()),
            Err(why) => {
                // What was open may be half changed.
                self.close();
                News::Failed(why)
            }
        };
        self.out.tell(id, news);
    }

    /// None where it was stopped.
    fn answer(&mut self, question: &Question) -> Result<Option<Said>, Fault> {
        let id = question.id;
        if self.out.is_stopped(id) {
            return Ok(None);
        }
        self.open(question)?;
        let out = &self.out;
        let Some(kept) = self.models.last().filter(|_| !out.is_stopped(id)) else {
            return Ok(None);
        };
        let drawing = Drawing {
            settings: &question.settings,
            greedy: question.greedy,
            seed: question.seed,
        };
        let begun = Instant::now();
        let context = question.context.join(" ");
        let answer =
            kept.model
                .answer_aloud(&context, question.max_source, &drawing, &mut |words| {
                    out.tell_so_far(id, words);
                    !out.is_stopped(id)
                });
        Ok(answer.map(|answer| Said {
            ended: answer.ended(),
            tokens: answer.tokens.len(),
            logprob: answer.log_probs.iter().sum(),
            response: answer.response,
            seconds: begun.elapsed().as_secs_f64(),
        }))
    }

    /// Puts the model that is asked at the end of those that are open.
    fn open(&mut self, question: &Question) -> Result<(), Fault> {
        let same = |kept: &Kept| {
            kept.opened.who == question.who
                && kept.opened.device == question.device
                && kept.stamp.is_some()
                && kept.stamp == stamp(&kept.folder)
        };
        if let Some(at) = self.models.iter().position(same) {
            let kept = self.models.remove(at);
            self.models.push(kept);
            return Ok(());
        }
        self.out.tell(question.id, News::Opening);
        // Its room is given back before another takes it.
        self.models.retain(|kept| {
            kept.opened.who != question.who || kept.opened.device != question.device
        });
        if self.models.len() >= MODELS {
            self.models.remove(0);
        }
        let found = question.who.find(&self.store)?;
        let stamp = stamp(&found.folder);
        let model = SavedModel::open(&found.folder, &question.device)?;
        let anatomy = model.anatomy();
        self.models.push(Kept {
            opened: Opened {
                who: question.who.clone(),
                device: question.device.clone(),
                parameters: (anatomy.t5_parameters + anatomy.prefix_parameters) as u64,
            },
            folder: found.folder,
            stamp,
            model,
        });
        self.tell_open();
        Ok(())
    }

    fn judge(
        &mut self,
        question: &Question,
        (context, response): &(String, String),
    ) -> Option<Result<[Identified; 3], String>> {
        let by = question.judge.as_ref()?;
        let judged = guarded("identifying", || {
            self.open_judge(by)?;
            let kept = self.identifiers.as_ref();
            let levels = kept.and_then(|kept| {
                let pairs = [(context.as_str(), response.as_str())];
                kept.identifiers.identify(&pairs, 1, &mut |_| {}).pop()
            });
            Ok::<_, Fault>(levels)
        });
        match judged {
            Ok(Ok(levels)) => levels.map(Ok),
            Ok(Err(fault)) => Some(Err(fault.to_string())),
            Err(why) => {
                self.identifiers = None;
                Some(Err(why))
            }
        }
    }

    fn open_judge(&mut self, by: &(Reference, String)) -> Result<(), Fault> {
        let same = |kept: &KeptJudge| {
            kept.by == *by && kept.stamp.is_some() && kept.stamp == stamp(&kept.folder)
        };
        if self.identifiers.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.identifiers = None;
        let found = by.0.identifiers(&self.store)?;
        let stamp = stamp(&found.folder);
        let identifiers = SavedIdentifiers::open(&found.folder, &by.1)?;
        self.identifiers = Some(KeptJudge {
            by: by.clone(),
            folder: found.folder,
            stamp,
            identifiers,
        });
        Ok(())
    }

    fn close(&mut self) {
        self.models.clear();
        self.identifiers = None;
        self.tell_open();
    }

    fn tell_open(&self) {
        let open = self.models.iter().map(|kept| kept.opened.clone());
        self.out.answers.send(Heard::Open(open.collect()));
    }
}

/// When something in a folder changed last; none where it cannot be read.
fn stamp(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: u64) -> Question {
        Question {
            id,
            who: Who::Folder("no such folder".into()),
            context: vec!["Hello.".into()],
            settings: SamplingSettings::default(),
            max_source: 64,
            greedy: true,
            seed: 1,
            device: "flex".into(),
            judge: None,
        }
    }

    /// What comes of a question in the end.
    fn end(answerer: &Answerer, of: u64) -> News {
        loop {
            let Some(heard) = answerer.news() else {
                std::thread::yield_now();
                continue;
            };
            match heard {
                Heard::Of(id, News::Opening | News::SoFar(_)) if id == of => {}
                Heard::Of(id, news) if id == of => return news,
                Heard::Of(..) | Heard::Open(_) => {}
            }
        }
    }

    #[test]
    fn what_is_stopped_is_not_begun_and_what_fails_says_why() {
        let store = tempfile::tempdir().unwrap();
        let answerer = Answerer::start(store.path().into(), Arc::new(|| {})).unwrap();
        answerer.stop(3);
        assert!(answerer.ask(question(3)) && answerer.ask(question(4)));
        assert!(matches!(end(&answerer, 3), News::Stopped));
        let News::Failed(why) = end(&answerer, 4) else {
            panic!("there is no such folder");
        };
        assert!(why.contains("no such folder"), "{why}");
    }
}
