//! A long piece of work of the place Case study on a thread of its own: a checkpoint answers, systems are
//! measured. One at a time; it says how far it is and can be stopped.
//!
//! Knows no widget. The study desk is another thread, so that nobody who judges waits for a model.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::channel::{Receiver, TryRecvError, bounded};

use crate::engine::Waker;
use crate::store::Store;
use crate::study::contexts::TestOrder;
use crate::systems::{Answering, Measuring, Progress, SystemsError, answer, check_name, measure};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A checkpoint answers the contexts of a file, or of the imported test split, as a system of this name.
    Answer {
        answering: Answering,
        system: String,
        contexts: Option<PathBuf>,
    },
    /// Systems are measured.
    Measure(Measuring),
}

/// How far it is, for the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Working {
    pub doing: String,
    pub done: usize,
    pub of: usize,
    /// Whether it was asked to stop.
    pub stopping: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// In a sentence.
    Done(String),
    /// Asked to.
    Stopped,
    /// Why nothing came of it.
    Failed(String),
}

#[derive(Default)]
struct Shared {
    working: Mutex<Working>,
    stop: AtomicBool,
}

/// The thread, as the window holds it. Dropped, it stops at the next batch.
pub struct Errand {
    pub work: Work,
    shared: Arc<Shared>,
    end: Receiver<Ended>,
}

impl Errand {
    /// Begins; `wake` is called with every step.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(store: PathBuf, work: Work, wake: Waker) -> std::io::Result<Errand> {
        let shared = Arc::new(Shared::default());
        let (send, end) = bounded(1);
        let (theirs, what) = (shared.clone(), work.clone());
        std::thread::Builder::new()
            .name("systems at work".into())
            .spawn(move || {
                let mut hear = |progress: Progress<'_>| {
                    let mut working = theirs
                        .working
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    working.doing = progress.doing.to_string();
                    (working.done, working.of) = (progress.done, progress.of);
                    drop(working);
                    wake();
                    match theirs.stop.load(Ordering::Relaxed) {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                };
                let ended = match carry_out(&store, &what, &mut hear) {
                    Ok(words) => Ended::Done(words),
                    Err(SystemsError::Stopped) => Ended::Stopped,
                    Err(error) => Ended::Failed(error.to_string()),
                };
                // The window may be gone: then nobody waits for the end.
                let _ = send.send(ended);
                wake();
            })?;
        Ok(Errand { work, shared, end })
    }

    /// Asks it to stop after the batch at hand.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// How far it is.
    pub fn working(&self) -> Working {
        let working = self.shared.working.lock();
        let working = working.unwrap_or_else(PoisonError::into_inner).clone();
        let stopping = self.shared.stop.load(Ordering::Relaxed);
        Working {
            stopping,
            ..working
        }
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<Ended> {
        match self.end.try_recv() {
            Ok(ended) => Some(ended),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Ended::Failed(
                "the work broke off by a fault of the program; please report it".to_string(),
            )),
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.stop();
    }
}

fn carry_out(
    store: &Path,
    work: &Work,
    hear: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<String, SystemsError> {
    match work {
        Work::Answer {
            answering,
            system,
            contexts,
        } => {
            check_name(store, system, false)?;
            let (order, _) = TestOrder::find(store, contexts.as_deref())?;
            let (source, responses) = answer(store, answering, &order, hear)?;
            let mut kept = Store::open(store)?;
            kept.put_system(system, &source, &responses, &order, false)?;
            let n = responses.answers.iter().flatten().count();
            Ok(format!("{system}: {n} responses by {source}."))
        }
        Work::Measure(measuring) => {
            let names = measure(store, measuring, hear)?;
            let by = match measuring.identifiers {
                Some(_) => "Emp-F1, levels, Dist-1/2 and length",
                None => "Dist-1/2 and length",
            };
            Ok(format!("Measured in {by}: {}.", names.join(", ")))
        }
    }
}
