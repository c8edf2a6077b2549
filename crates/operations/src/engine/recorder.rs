//! The recorder thread of a run: starts it, records its reports and forwards them to the listener.
//!
//! Knows the store; the run's body is a closure on the trainer's thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError, bounded,
};

use super::failure::{panic_text, with_sources};
use super::reporter::Reporter;
use super::resumption::{self, Resumption};
use super::run::{
    RunBody, RunContext, RunEnd, RunError, RunOutcome, Shared, StartError, Waker, What,
};
use super::{Message, MessageKind};
use crate::experiment::{Control, EventKind, Report, RunStatus, Stage};
use crate::store::{RunId, RunLock, RunRef, Store, StoreError, now_ms};

/// Batches of messages that may be queued before the trainer waits.
const BACKLOG: usize = 256;
/// Messages recorded in one transaction, roughly at most.
const BATCH: usize = 512;
/// Interval of heartbeats while there are no messages.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Networks recurse deeply when gradients are taken.
const TRAINER_STACK: usize = 32 << 20;

/// A run to be started.
pub(super) struct Job {
    pub what: What,
    pub body: RunBody,
    pub shared: Arc<Shared>,
    pub outlet: Outlet,
}

/// The channel to the listener.
pub(super) struct Outlet {
    pub messages: Option<Sender<Message>>,
    pub lossless: bool,
    pub waker: Option<Waker>,
}

/// Records a run from start to end, on the caller's thread.
pub(super) fn run(store: &Path, job: Job) {
    let shared = job.shared.clone();
    let waker = job.outlet.waker.clone();
    if !shared.has_ended() {
        let end = begin(store, job).map_or_else(
            |error| RunEnd::NotStarted(Arc::new(error)),
            Begun::record_until_the_end,
        );
        shared.end(end);
    }
    if let Some(wake) = waker {
        wake();
    }
}

struct Recorder {
    store: Store,
    lock: RunLock,
    shared: Arc<Shared>,
    outlet: Outlet,
    /// The stage and step of the last message.
    stage: Option<Stage>,
    step: u64,
    /// How the run is resumed, until its trainer has loaded the checkpoint.
    resuming: Option<Resumption>,
}

/// A run whose trainer is running.
struct Begun {
    recorder: Recorder,
    trainer: JoinHandle<Result<RunOutcome, RunError>>,
    messages: Receiver<Vec<Message>>,
}

fn begin(dir: &Path, job: Job) -> Result<Begun, StartError> {
    let Job {
        what,
        body,
        shared,
        outlet,
    } = job;
    let mut store = Store::open(dir)?;
    let (lock, resuming) = match what {
        What::New(new) => (store.create_run(&new)?, None),
        What::Queued(id, new) => (store.create_queued_run(id, &new)?, None),
        What::Resume(of) => {
            let (lock, resumption) = resume(&mut store, of)?;
            (lock, Some(resumption))
        }
    };
    let run = lock.run();
    let (from, checkpoints) = match &resuming {
        Some(resumption) => (resumption.from.clone(), resumption.needed.clone()),
        None => (None, Vec::new()),
    };
    let (stage, step) = from.as_ref().map(|from| (from.stage, from.step)).unzip();
    let context = RunContext {
        run,
        store: dir.to_path_buf(),
        dir: lock.dir().to_path_buf(),
        from,
        checkpoints,
    };
    let mut recorder = Recorder {
        store,
        lock,
        shared: shared.clone(),
        outlet,
        stage,
        step: step.unwrap_or_default(),
        resuming,
    };
    if !shared.begin(run) {
        recorder.close(RunStatus::Stopped, None)?;
        return Err(StartError::Cancelled);
    }
    let (sender, messages) = bounded(BACKLOG);
    let trainer = thread::Builder::new()
        .name(format!("run-{run}"))
        .stack_size(TRAINER_STACK)
        .spawn(move || body(&mut Reporter::new(run, shared, sender), &context));
    match trainer {
        Ok(trainer) => Ok(Begun {
            recorder,
            trainer,
            messages,
        }),
        Err(error) => {
            recorder.close(RunStatus::Failed, Some(&error.to_string()))?;
            Err(StartError::Thread(error))
        }
    }
}

/// Prepares a run to resume: its lock, and the checkpoint it resumes from. Refused, the run is as it was.
fn resume(store: &mut Store, of: RunRef) -> Result<(RunLock, Resumption), StartError> {
    let reader = store.reader()?;
    let run = of.run;
    let finished = || StartError::Finished { run };
    if reader.run(run)?.row.status == RunStatus::Finished {
        return Err(finished());
    }
    let lock = store.hold_run(run)?;
    // Another program may have held it until now.
    if reader.run(run)?.row.status == RunStatus::Finished {
        return Err(finished());
    }
    let resumption = resumption::choose(&reader, of)?;
    store.resume_run(&lock)?;
    Ok((lock, resumption))
}

impl Begun {
    fn record_until_the_end(self) -> RunEnd {
        let Begun {
            mut recorder,
            trainer,
            messages,
        } = self;
        recorder.announce();
        let recorded = recorder.record_all(&messages);
        if recorded.is_err() {
            // Nothing may happen unrecorded: the trainer finds the channel closed, or is woken.
            drop(messages);
            recorder.shared.requests.add(Control::Stop);
        }
        let last = match (recorded, trainer.join()) {
            (Err(error), _) => Err(error.to_string()),
            (Ok(()), Err(panic)) => Err(format!("internal error: {}", panic_text(&*panic))),
            (Ok(()), Ok(Err(error))) => Err(with_sources(&*error)),
            (Ok(()), Ok(Ok(outcome))) => recorder
                .conclude(outcome)
                .map_err(|error| error.to_string()),
        };
        let run = recorder.run();
        let (kind, end) = last.unwrap_or_else(|error| {
            if let Err(unrecorded) = recorder.close(RunStatus::Failed, Some(&error)) {
                // Without a lock it counts as interrupted, which is true.
                tracing::error!(%run, %unrecorded, "the failure of a run was not recorded");
            }
            let end = RunEnd::Failed(run, error.clone());
            (MessageKind::Failed { error }, end)
        });
        let last = recorder.message(kind);
        recorder.outlet.forward(last, &recorder.shared);
        end
    }
}

impl Recorder {
    fn run(&self) -> RunId {
        self.lock.run()
    }

    /// Announces that the run started, which is already recorded.
    fn announce(&mut self) {
        let running = self.message(status(RunStatus::Running));
        self.outlet.forward(running, &self.shared);
    }

    /// Takes the record of a resumed run back to its checkpoint. Only once its trainer has something to report, so
    /// that nothing has changed if the checkpoint cannot be loaded.
    fn return_to_checkpoint(&mut self) -> Result<(), StoreError> {
        let Some(resumption) = self.resuming.take() else {
            return Ok(());
        };
        let (run, at) = (self.run(), resumption.place());
        let (stage, step) = at.unzip();
        (self.stage, self.step) = (stage, step.unwrap_or_default());
        self.store.return_to(run, at, resumption.from_aside)?;
        let aside = self.store.reader()?.set_aside(run)?;
        let events = resumption.events(run, aside.as_ref()).into_iter();
        let reports = events.map(|kind| MessageKind::Report(Report::Event { at, kind }));
        let messages = reports.map(|kind| self.message(kind)).collect();
        self.record_and_forward(messages)
    }

    fn record_all(&mut self, messages: &Receiver<Vec<Message>>) -> Result<(), StoreError> {
        loop {
            let mut batch = match messages.recv_timeout(HEARTBEAT) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    self.store.heartbeat(self.run())?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            while batch.len() < BATCH
                && let Ok(more) = messages.try_recv()
            {
                batch.extend(more);
            }
            self.record_and_forward(batch)?;
        }
    }

    /// On disk first, then to the listener.
    fn record_and_forward(&mut self, batch: Vec<Message>) -> Result<(), StoreError> {
        if batch.iter().any(is_after_loading) {
            self.return_to_checkpoint()?;
        }
        let reports: Vec<(i64, &Report)> = batch
            .iter()
            .filter_map(|message| match &message.kind {
                MessageKind::Report(report) => Some((message.wall_ms, report)),
                MessageKind::Failed { .. } | MessageKind::Finished { .. } => None,
            })
            .collect();
        self.store.record(self.run(), &reports)?;
        for message in batch {
            (self.stage, self.step) = (message.stage, message.step);
            self.outlet.forward(message, &self.shared);
        }
        if let Some(wake) = &self.outlet.waker {
            wake();
        }
        Ok(())
    }

    /// Records the end of a run that did not fail.
    fn conclude(&mut self, outcome: RunOutcome) -> Result<(MessageKind, RunEnd), StoreError> {
        let run = self.run();
        // It had nothing left to do.
        self.return_to_checkpoint()?;
        match outcome {
            RunOutcome::Finished => {
                let results = self.store.reader()?.results(run)?;
                self.close(RunStatus::Finished, None)?;
                if let Err(error) = self.store.drop_set_aside(run) {
                    // It only takes up room.
                    tracing::warn!(%run, %error, "what was set aside was not removed");
                }
                Ok((MessageKind::Finished { results }, RunEnd::Finished(run)))
            }
            RunOutcome::Stopped => {
                self.close(RunStatus::Stopped, None)?;
                Ok((status(RunStatus::Stopped), RunEnd::Stopped(run)))
            }
        }
    }

    /// Records the last status. Retries, since the disk may have room again in a moment.
    fn close(&mut self, status: RunStatus, error: Option<&str>) -> Result<(), StoreError> {
        let run = self.run();
        for _ in 0..5 {
            if self.store.set_status(run, status, error, now_ms()).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        self.store.set_status(run, status, error, now_ms())
    }

    fn message(&self, kind: MessageKind) -> Message {
        Message {
            run: self.run(),
            wall_ms: now_ms(),
            stage: self.stage,
            step: self.step,
            kind,
        }
    }
}

impl Outlet {
    fn forward(&mut self, message: Message, shared: &Shared) {
        let Some(messages) = &self.messages else {
            return;
        };
        let mut message = message;
        while self.lossless && !shared.closing.load(Ordering::Acquire) {
            match messages.send_timeout(message, Duration::from_millis(100)) {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(back)) => message = back,
                Err(SendTimeoutError::Disconnected(_)) => {
                    self.messages = None;
                    return;
                }
            }
        }
        match messages.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => shared.lagging.store(true, Ordering::Release),
            Err(TrySendError::Disconnected(_)) => self.messages = None,
        }
    }
}

/// Whether a trainer that reports this has loaded all it is resumed from. What it says of the identifiers comes from
/// an earlier stage.
fn is_after_loading(message: &Message) -> bool {
    !matches!(
        message.kind,
        MessageKind::Report(Report::Identifiers { .. })
    )
}

/// A change of status.
fn status(status: RunStatus) -> MessageKind {
    let (at, kind) = (None, EventKind::Status { status });
    MessageKind::Report(Report::Event { at, kind })
}
