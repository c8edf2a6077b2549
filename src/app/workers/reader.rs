//! Reads the store for the window, on a thread of its own.
//!
//! Requests go over a bounded channel and carry a number; whoever asks again drops older replies.
//! Knows no widget; wakes the window through the function it is given.

mod compared;
mod needs;
mod stored;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::RecvTimeoutError;

use self::compared::compared;
use self::needs::needs;
use self::stored::{outline, stored};
use super::worker::{Worker, guarded};
use crate::catalog::Entry;
use crate::engine::Waker;
use crate::engine::queue::{Waiting, waiting};
use crate::experiment::{
    ExperimentError, ExperimentFile, RolloutResponse, SampleDialogue, Stage, presets,
};
use crate::store::{RunId, StoreError, StoreReader};

pub use compared::Compared;
pub use needs::{Need, Wanted};
pub use stored::{OverSteps, StoredRun};

/// How many requests may wait.
const WAITING: usize = 32;
/// How often the store is looked at for changes of other programs.
const WATCH: Duration = Duration::from_secs(1);
/// Points of a sketch.
const SKETCH: u32 = 48;
/// What the window wants to know.
#[derive(Clone, Debug)]
pub enum Request {
    /// Every run, or every deleted one, with a sketch of this metric's curve.
    Runs {
        deleted: bool,
        sketch: Option<String>,
    },
    /// What runs answered on the test split, compared with the first of them, and the curves of a metric.
    Compare { runs: Vec<RunId>, metric: String },
    /// All of one run but its dialogues.
    Run(RunId),
    /// The dialogues of a step.
    Samples { run: RunId, stage: Stage, step: u64 },
    /// One dialogue over all evaluations, by its place in the fixed list.
    OverSteps { run: RunId, position: u32 },
    /// The rollout of a step.
    Rollout { run: RunId, stage: Stage, step: u64 },
    /// What is missing for each of these to start.
    Needs(Vec<Wanted>),
    /// The runs that wait for their turn, with their settings.
    Queue,
    /// The experiment files: those that come with the program, and those in `experiments/` here.
    Experiments,
}

/// An experiment file that cannot be used.
#[derive(Debug)]
pub struct Broken {
    pub name: String,
    pub error: ExperimentError,
}

/// What the store answered.
#[derive(Debug)]
pub enum Answer {
    Runs {
        deleted: bool,
        entries: Result<Vec<Listed>, StoreError>,
    },
    Compare(Result<Box<Compared>, StoreError>),
    /// Something was written to the store since the runs were listed last.
    Changed,
    Run(RunId, Result<Box<StoredRun>, StoreError>),
    Samples {
        run: RunId,
        stage: Stage,
        step: u64,
        dialogues: Result<Vec<SampleDialogue>, StoreError>,
    },
    OverSteps {
        run: RunId,
        position: u32,
        answers: Result<OverSteps, StoreError>,
    },
    Rollout {
        run: RunId,
        stage: Stage,
        step: u64,
        responses: Result<Vec<RolloutResponse>, StoreError>,
    },
    Needs(Vec<(String, Vec<Need>)>),
    Queue(Result<Vec<Waiting>, StoreError>),
    Experiments(Vec<Result<ExperimentFile, Broken>>),
    /// Nothing came of a request, by a fault of the program.
    Fault(String),
}

/// A run of the table, with a sketch of a curve.
#[derive(Clone, Debug)]
pub struct Listed {
    pub entry: Entry,
    pub sketch: Arc<[f32]>,
}

/// An answer, with the number of the request.
#[derive(Debug)]
pub struct Reply {
    pub id: u64,
    pub answer: Answer,
}

/// The reading thread, as the window holds it.
pub struct Reader {
    worker: Worker<(u64, Request), Reply>,
    next: u64,
}

impl Reader {
    /// Starts the thread. `own` is the folder of a person's own experiment files; `wake` is called
    /// after every reply.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(store: PathBuf, own: PathBuf, wake: Waker) -> std::io::Result<Self> {
        let worker = Worker::start("store reader", WAITING, wake, move |requests, replies| {
            let mut known = Known::default();
            loop {
                match requests.recv_timeout(WATCH) {
                    Ok((id, request)) => {
                        if let Request::Run(run) = request
                            && let Some(first) = outline(&store, &mut known.reader, run)
                        {
                            let answer = Answer::Run(run, Ok(Box::new(first)));
                            replies.send(Reply { id, answer });
                        }
                        let answer = guarded("Reading the store", || {
                            answer(&store, &own, &mut known, request)
                        });
                        let answer = answer.unwrap_or_else(|why| {
                            // What is kept may be half changed.
                            known = Known::default();
                            Answer::Fault(why)
                        });
                        replies.send(Reply { id, answer });
                    }
                    // Runs of other programs move on without telling.
                    Err(RecvTimeoutError::Timeout) => {
                        if known.has_changed(&store) {
                            let answer = Answer::Changed;
                            replies.send(Reply { id: 0, answer });
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Reader { worker, next: 1 })
    }

    /// Asks. None when too many requests wait already: ask again later.
    pub fn ask(&mut self, request: Request) -> Option<u64> {
        let id = self.next;
        self.worker.ask((id, request)).ok()?;
        self.next += 1;
        Some(id)
    }

    /// The next reply, if one is there.
    pub fn reply(&self) -> Option<Reply> {
        self.worker.answer()
    }
}

/// What the thread keeps between requests.
#[derive(Default)]
struct Known {
    reader: Option<StoreReader>,
    /// The store's count of changes when it was looked at last.
    version: Option<i64>,
    sketches: Sketches,
}

/// By run and metric: how many points there were, and the sketch of them.
type Sketches = HashMap<(RunId, String), (u64, Arc<[f32]>)>;

impl Known {
    /// Whether something was written since the last look.
    fn has_changed(&mut self, store: &Path) -> bool {
        let Ok(Some(reader)) = open(store, &mut self.reader) else {
            return false;
        };
        let version = reader.changes().ok();
        let before = std::mem::replace(&mut self.version, version);
        before.is_some() && before != version
    }

    fn listed(
        &mut self,
        store: &Path,
        deleted: bool,
        sketch: Option<&str>,
    ) -> Result<Vec<Listed>, StoreError> {
        let Some(reader) = open(store, &mut self.reader)? else {
            return Ok(Vec::new());
        };
        self.version = reader.changes().ok();
        let rows = match deleted {
            true => reader.deleted_catalog()?,
            false => reader.catalog()?,
        };
        let mut listed = Vec::new();
        for entry in rows.into_iter().map(Entry::new) {
            let mut drawn = Arc::from([]);
            if let Some(summary) = sketch.and_then(|metric| entry.metrics.get(metric)) {
                let key = (entry.row.id, summary.key.name.clone());
                drawn = match self.sketches.get(&key) {
                    Some((count, drawn)) if *count == summary.count => drawn.clone(),
                    _ => {
                        let points = reader.sketch(entry.row.id, &summary.key, SKETCH)?;
                        let points: Arc<[f32]> = points.into();
                        self.sketches.insert(key, (summary.count, points.clone()));
                        points
                    }
                };
            }
            listed.push(Listed {
                entry,
                sketch: drawn,
            });
        }
        Ok(listed)
    }
}

fn answer(store: &Path, own: &Path, known: &mut Known, request: Request) -> Answer {
    let request = match request {
        Request::Runs { deleted, sketch } => {
            return Answer::Runs {
                deleted,
                entries: known.listed(store, deleted, sketch.as_deref()),
            };
        }
        other => other,
    };
    let reader = &mut known.reader;
    match request {
        Request::Runs { .. } => Answer::Changed,
        Request::Compare { runs, metric } => Answer::Compare(
            opened(store, reader).and_then(|reader| compared(reader, runs, metric).map(Box::new)),
        ),
        Request::Run(run) => Answer::Run(
            run,
            opened(store, reader).and_then(|reader| stored(reader, run).map(Box::new)),
        ),
        Request::Samples { run, stage, step } => Answer::Samples {
            run,
            stage,
            step,
            dialogues: opened(store, reader).and_then(|reader| reader.samples_at(run, stage, step)),
        },
        Request::OverSteps { run, position } => Answer::OverSteps {
            run,
            position,
            answers: opened(store, reader)
                .and_then(|reader| reader.sample_over_steps(run, position)),
        },
        Request::Rollout { run, stage, step } => Answer::Rollout {
            run,
            stage,
            step,
            responses: opened(store, reader).and_then(|reader| reader.rollout_at(run, stage, step)),
        },
        Request::Needs(wanted) => {
            let needs = wanted
                .into_iter()
                .map(|wanted| (wanted.name.clone(), needs(store, &wanted)));
            Answer::Needs(needs.collect())
        }
        Request::Queue => Answer::Queue(match open(store, reader) {
            Ok(Some(reader)) => waiting(reader, own),
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(error),
        }),
        Request::Experiments => Answer::Experiments(experiments(own)),
    }
}

/// The store; none when there is none yet.
fn open<'a>(
    store: &Path,
    reader: &'a mut Option<StoreReader>,
) -> Result<Option<&'a StoreReader>, StoreError> {
    match opened(store, reader) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn opened<'a>(
    store: &Path,
    reader: &'a mut Option<StoreReader>,
) -> Result<&'a StoreReader, StoreError> {
    if reader.is_none() {
        *reader = Some(StoreReader::open(store)?);
    }
    reader.as_ref().ok_or_else(|| StoreError::Missing {
        path: store.to_path_buf(),
    })
}

/// Those that come with the program first, then the others in `folder` by name.
fn experiments(folder: &Path) -> Vec<Result<ExperimentFile, Broken>> {
    let mut found: Vec<Result<ExperimentFile, Broken>> = match presets() {
        Ok(presets) => presets.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(Broken {
            name: "experiments".into(),
            error,
        })],
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
    {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if ExperimentFile::preset(&name).is_none() {
            found.push(ExperimentFile::read(path).map_err(|error| Broken { name, error }));
        }
    }
    found
}
