//! Reads the store for the window, on a thread of its own.
//!
//! Requests go over a bounded channel and carry a number; whoever asks again drops older replies.
//! Knows no widget; wakes the window through the function it is given.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::model::{OverSteps, StoredRun};
use super::naming::{import_command, set_title};
use crate::catalog::Entry;
use crate::catalog::compare::{Answers, BandPoint, Paired, Prepared, paired, prepare};
use crate::data::library;
use crate::experiment::{
    Config, ExperimentError, ExperimentFile, RolloutResponse, SampleDialogue, Stage, presets,
};
use crate::metrics::Bootstrap;
use crate::series::Point;
use crate::store::{KeySummary, QueuedRun, RunId, StoreError, StoreReader};

/// How many requests may wait.
const WAITING: usize = 32;
/// How often the store is looked at for changes of other programs.
const WATCH: Duration = Duration::from_secs(1);
/// Points of a sketch.
const SKETCH: u32 = 48;
/// A run of more points than this is shown in outline first.
const MANY: u64 = 200_000;
/// Points of a metric in such an outline.
const OUTLINE: u64 = 400;

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
    /// The runs that wait for their turn.
    Queue,
    /// The experiment files: those that come with the program, and those in `experiments/` here.
    Experiments,
}

/// What an experiment reads, under the name it is asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    /// None where no stage reads any.
    pub dialogues: Option<String>,
    pub levels: Option<String>,
    pub source: String,
}

impl Wanted {
    pub fn of(name: &str, config: &Config) -> Self {
        Wanted {
            name: name.to_string(),
            dialogues: config
                .reads_dialogues()
                .then(|| config.data.dialogues.clone()),
            levels: config.reads_levels().then(|| config.data.levels.clone()),
            source: config.model.source.clone(),
        }
    }
}

/// Something an experiment needs and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The setting that names it.
    pub path: &'static str,
    /// What is missing.
    pub what: String,
    /// What to do.
    pub mend: String,
    /// The command that does it.
    pub command: Option<String>,
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
    Queue(Result<Vec<QueuedRun>, StoreError>),
    Experiments(Vec<Result<ExperimentFile, Broken>>),
}

/// A run of the table, with a sketch of a curve.
#[derive(Clone, Debug)]
pub struct Listed {
    pub entry: Entry,
    pub sketch: Arc<[f32]>,
}

/// Runs beside each other.
#[derive(Debug)]
pub struct Compared {
    pub runs: Vec<RunId>,
    pub metric: String,
    /// Of each run its curve, of few enough points to draw.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Runs with the same settings but for the seed, by their places among `runs`, and their bands.
    pub groups: Vec<Vec<usize>>,
    pub bands: Vec<Vec<BandPoint>>,
    /// Of each run but the first: its figures minus those of the first. None where one of them has no
    /// answers on the test split.
    pub differences: Vec<Option<Paired>>,
}

/// An answer, with the number of the request.
#[derive(Debug)]
pub struct Reply {
    pub id: u64,
    pub answer: Answer,
}

/// The reading thread, as the window holds it.
pub struct Reader {
    requests: Option<Sender<(u64, Request)>>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<()>>,
    next: u64,
}

impl Reader {
    /// Starts the thread. `own` is the folder of a person's own experiment files; `wake` is called
    /// after every reply.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(
        store: PathBuf,
        own: PathBuf,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (requests, waiting) = bounded::<(u64, Request)>(WAITING);
        let (answers, replies) = bounded::<Reply>(WAITING);
        let thread = std::thread::Builder::new()
            .name("store reader".into())
            .spawn(move || {
                let mut known = Known::default();
                loop {
                    let reply = match waiting.recv_timeout(WATCH) {
                        Ok((id, request)) => {
                            if let Request::Run(run) = request
                                && let Some(first) = outline(&store, &mut known.reader, run)
                            {
                                let answer = Answer::Run(run, Ok(Box::new(first)));
                                if answers.send(Reply { id, answer }).is_err() {
                                    return;
                                }
                                wake();
                            }
                            Reply {
                                id,
                                answer: answer(&store, &own, &mut known, request),
                            }
                        }
                        // Runs of other programs move on without telling.
                        Err(RecvTimeoutError::Timeout) if known.has_changed(&store) => Reply {
                            id: 0,
                            answer: Answer::Changed,
                        },
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => return,
                    };
                    if answers.send(reply).is_err() {
                        return;
                    }
                    wake();
                }
            })?;
        Ok(Reader {
            requests: Some(requests),
            replies,
            thread: Some(thread),
            next: 1,
        })
    }

    /// Asks. None when too many requests wait already: ask again later.
    pub fn ask(&mut self, request: Request) -> Option<u64> {
        let id = self.next;
        match self.requests.as_ref()?.try_send((id, request)) {
            Ok(()) => {
                self.next += 1;
                Some(id)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }

    /// The next reply, if one is there.
    pub fn reply(&self) -> Option<Reply> {
        self.replies.try_recv().ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.requests = None;
        // A thread that is still answering waits for room; make some until it is done.
        while self
            .thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            let _ = self
                .replies
                .recv_timeout(std::time::Duration::from_millis(20));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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
            Ok(Some(reader)) => reader.queue(),
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

fn compared(
    reader: &StoreReader,
    runs: Vec<RunId>,
    metric: String,
) -> Result<Compared, StoreError> {
    let catalog: Vec<Entry> = reader.catalog()?.into_iter().map(Entry::new).collect();
    let mut entries = Vec::new();
    let mut curves = Vec::new();
    let mut answers = Vec::new();
    for run in &runs {
        match catalog.iter().find(|entry| entry.row.id == *run) {
            Some(entry) => entries.push(entry),
            None => return Err(StoreError::Deleted { run: *run }),
        }
        let key = reader
            .keys(*run)?
            .into_iter()
            .rfind(|summary| summary.key.name == metric);
        let points = match key {
            Some(summary) => reader.series(*run, &summary.key, None)?,
            None => Vec::new(),
        };
        let curve: Vec<(u64, f64)> = points
            .into_iter()
            .map(|(step, value, _)| (step, value))
            .collect();
        curves.push(curve);
        let results = reader.results(*run)?;
        let system = results.iter().rev().find(|row| row.split == "test");
        let rows = match system {
            Some(system) => reader.test_answers(*run, &system.system)?,
            None => None,
        };
        answers.push(rows.map(|rows| Answers::new(&rows)));
    }
    let first = answers.first().and_then(Option::as_ref);
    let differences = answers
        .iter()
        .skip(1)
        .map(|other| Some(paired(other.as_ref()?, first?, &Bootstrap::default())))
        .collect();
    let Prepared {
        lines,
        groups,
        bands,
    } = prepare(&entries, &curves);
    Ok(Compared {
        runs,
        metric,
        lines,
        groups,
        bands,
        differences,
    })
}

/// A first picture of a run that takes long to read; none of one that does not, or cannot be read.
fn outline(store: &Path, reader: &mut Option<StoreReader>, run: RunId) -> Option<StoredRun> {
    let reader = opened(store, reader).ok()?;
    let keys = reader.keys(run).ok()?;
    let points: u64 = keys.iter().map(|key| key.count).sum();
    if points < MANY {
        return None;
    }
    let mut first = described(reader, run, |key| {
        let last = key.last_step;
        reader.outline(run, &key.key, last, OUTLINE)
    })
    .ok()?;
    first.outline = true;
    Some(first)
}

fn stored(reader: &StoreReader, run: RunId) -> Result<StoredRun, StoreError> {
    described(reader, run, |key| reader.series(run, &key.key, None))
}

fn described(
    reader: &StoreReader,
    run: RunId,
    points: impl Fn(&KeySummary) -> Result<Vec<(u64, f64, i64)>, StoreError>,
) -> Result<StoredRun, StoreError> {
    let detail = reader.run(run)?;
    let mut series = Vec::new();
    for summary in reader.keys(run)? {
        let points = points(&summary)?;
        let points = points.into_iter().map(|(step, value, wall_ms)| Point {
            step,
            value,
            wall_ms,
        });
        series.push((summary.key, points.collect()));
    }
    Ok(StoredRun {
        config: Config::from_toml(&format!("run {run}"), &detail.config_toml).ok(),
        detail,
        outline: false,
        series,
        samples: reader.samples(run)?,
        rollouts: reader.rollouts(run)?,
        results: reader.results(run)?,
        identifiers: reader.identifier_scores(run)?,
        events: reader.events(run)?,
        checkpoints: reader.checkpoints(run)?,
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

fn needs(store: &Path, wanted: &Wanted) -> Vec<Need> {
    let sets = match library::list(store) {
        Ok(sets) => sets,
        Err(error) => {
            return vec![Need {
                path: "data.dialogues",
                what: "The imported data cannot be read".into(),
                mend: error.to_string(),
                command: None,
            }];
        }
    };
    let mut needs = Vec::new();
    for (path, name, what) in [
        ("data.dialogues", &wanted.dialogues, "dialogues"),
        ("data.levels", &wanted.levels, "labelled pairs"),
    ] {
        let Some(name) = name else { continue };
        let set = sets.iter().find(|set| set.name == name.as_str());
        let fits = |set: &library::ListedSet| {
            if path == "data.levels" {
                set.has_levels
            } else {
                set.has_dialogues
            }
        };
        match set {
            None => needs.push(Need {
                path,
                what: format!("There is no data set \"{name}\""),
                mend: format!("choose one of {}", library::NAMES.join(", ")),
                command: None,
            }),
            Some(set) if !set.imported => needs.push(Need {
                path,
                what: format!("{} is not imported", set_title(name)),
                mend: "download it, then import its folder".into(),
                command: Some(import_command(name, store)),
            }),
            Some(set) if !fits(set) => needs.push(Need {
                path,
                what: format!("{} holds no {what}", set_title(name)),
                mend: format!("choose another set for the {what}"),
                command: None,
            }),
            Some(_) => {}
        }
    }
    if wanted.source != "scratch" && !Path::new(&wanted.source).is_dir() {
        needs.push(Need {
            path: "model.source",
            what: format!("The model folder \"{}\" is not there", wanted.source),
            mend: "set Model source to a folder with config.json, model.safetensors and tokenizer.json, \
                   or to \"scratch\""
                .into(),
            command: None,
        });
    }
    needs
}
