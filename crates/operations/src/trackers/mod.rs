//! What other programs log of their runs: a line of JSON, TensorBoard's event files, trackio's databases, exports of W&B.
//!
//! Reads, and knows neither our store nor who asks. Nothing is guessed: what is not a number of a step is said in the
//! remarks, and a name stays what it is.

pub mod line;
mod moment;
mod rows;
mod tensorboard;
mod trackio;
mod wandb;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::data::regular_file::open_regular_file;
use crate::experiment::Severity;

/// The deepest folder that is looked into.
const DEEPEST: usize = 16;
/// The most files that are looked at.
const MOST_FILES: usize = 100_000;
/// The largest file that is read as a whole, in bytes; event files and databases are not.
const LARGEST_TEXT: u64 = 1 << 30;
/// The most notes that are kept of a run.
const MOST_NOTES: usize = 1_000;

/// The program that wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracker {
    Tensorboard,
    Trackio,
    Wandb,
    /// A `Trainer`'s own history, as in the `trainer_state.json` of its checkpoints.
    Transformers,
}

impl Tracker {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Tracker::Tensorboard => "TensorBoard",
            Tracker::Trackio => "trackio",
            Tracker::Wandb => "W&B",
            Tracker::Transformers => "Transformers",
        }
    }
}

/// A value of a metric: step, value, and when it was logged in milliseconds since the Unix epoch, if that is known.
pub type LoggedPoint = (u64, f64, Option<i64>);

/// Something else that was logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedNote {
    pub step: u64,
    pub wall_ms: Option<i64>,
    pub severity: Severity,
    pub text: String,
}

/// A run as another program logged it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedRun {
    pub tracker: Tracker,
    pub name: String,
    /// What that program calls a project or a group of runs.
    pub project: Option<String>,
    /// What tells it from every other run, wherever its files lie and however far it has come.
    pub key: String,
    pub files: Vec<PathBuf>,
    /// By the names of the metrics, each in the order in which it was logged.
    pub series: BTreeMap<String, Vec<LoggedPoint>>,
    pub settings: Map<String, Value>,
    pub notes: Vec<LoggedNote>,
    /// Whether its file ends in the middle: the run goes on, or was killed.
    pub cut: bool,
    /// What was not taken as it is, in sentences.
    pub remarks: Vec<String>,
}

impl LoggedRun {
    fn new(tracker: Tracker, name: &str) -> LoggedRun {
        LoggedRun {
            tracker,
            name: name.to_string(),
            project: None,
            key: String::new(),
            files: Vec::new(),
            series: BTreeMap::new(),
            settings: Map::new(),
            notes: Vec::new(),
            cut: false,
            remarks: Vec::new(),
        }
    }

    fn push(&mut self, name: &str, point: LoggedPoint) {
        match self.series.get_mut(name) {
            Some(series) => series.push(point),
            None => {
                self.series.insert(name.to_string(), vec![point]);
            }
        }
    }

    fn note(&mut self, note: LoggedNote) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        }
    }

    pub fn points(&self) -> usize {
        self.series.values().map(Vec::len).sum()
    }

    /// Values that are no finite numbers.
    pub fn nonfinite(&self) -> usize {
        let values = self.series.values().flatten();
        values.filter(|(_, value, _)| !value.is_finite()).count()
    }

    /// The first and the last moment at which something was logged, if any is known.
    pub fn moments(&self) -> Option<(i64, i64)> {
        let of_points = self.series.values().flatten().filter_map(|point| point.2);
        let of_notes = self.notes.iter().filter_map(|note| note.wall_ms);
        let mut all = of_points.chain(of_notes);
        let first = all.next()?;
        Some(all.fold((first, first), |(least, most), at| {
            (least.min(at), most.max(at))
        }))
    }

    pub fn last_step(&self) -> u64 {
        let steps = self.series.values().flatten().map(|point| point.0);
        steps.max().unwrap_or_default()
    }
}

/// Why a file of another program cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    #[error("{}: cannot be read ({source}); check the path and its permissions", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {problem}", path.display())]
    Broken { path: PathBuf, problem: String },
    #[error(
        "{}: there is nothing of another program here; give an event file of TensorBoard or a folder of them, a database of \
         trackio, a CSV file of a plot of W&B, or the history of a run of W&B as CSV or JSON",
        path.display()
    )]
    Nothing { path: PathBuf },
    #[error("{}: has over {MOST_FILES} files or folders; name one further down", path.display())]
    TooMany { path: PathBuf },
}

impl TrackerError {
    fn read(path: &Path) -> impl FnOnce(std::io::Error) -> TrackerError + '_ {
        move |source| TrackerError::Read {
            path: path.to_path_buf(),
            source,
        }
    }

    fn broken(path: &Path, problem: impl Into<String>) -> TrackerError {
        TrackerError::Broken {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }
}

/// What a file is by its name and its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Events,
    Database,
    Table,
    Json,
}

/// All runs in a file, or in a folder and the folders in it.
///
/// # Errors
/// Nothing of another program is there, or a file cannot be read. In a folder, a file that is none of theirs is passed
/// over.
pub fn read(path: &Path) -> Result<Vec<LoggedRun>, TrackerError> {
    let metadata = fs::metadata(path).map_err(TrackerError::read(path))?;
    let mut runs = Vec::new();
    if metadata.is_dir() {
        let mut left = MOST_FILES;
        let files = files_below(path, 0, &mut left)?;
        let mut events: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        let mut exports = Vec::new();
        for file in files {
            match kind_of(&file).map_err(TrackerError::read(&file))? {
                Some(Kind::Events) => {
                    let folder = file.parent().unwrap_or(path).to_path_buf();
                    events.entry(folder).or_default().push(file);
                }
                Some(Kind::Database) => runs.extend(trackio::read(&file)?.unwrap_or_default()),
                Some(Kind::Table) => exports.extend(wandb::table(&file)?.unwrap_or_default()),
                Some(Kind::Json) => exports.extend(wandb::json(&file)?.unwrap_or_default()),
                None => {}
            }
        }
        for (folder, mut files) in events {
            files.sort();
            let name = name_of_folder(path, &folder);
            runs.extend(tensorboard::read(&name, &files)?);
        }
        runs.extend(exports);
    } else {
        let found = match kind_of(path).map_err(TrackerError::read(path))? {
            Some(Kind::Events) => {
                let folder = path.parent().unwrap_or(Path::new("."));
                let name = name_of_folder(folder, folder);
                Some(
                    tensorboard::read(&name, &[path.to_path_buf()])?
                        .into_iter()
                        .collect(),
                )
            }
            Some(Kind::Database) => trackio::read(path)?,
            Some(Kind::Table) => wandb::table(path)?,
            Some(Kind::Json) => wandb::json(path)?,
            None => None,
        };
        runs.extend(found.unwrap_or_default());
    }
    runs.retain(|run| run.points() > 0);
    let runs = joined(runs);
    match runs.is_empty() {
        true => Err(TrackerError::Nothing {
            path: path.to_path_buf(),
        }),
        false => Ok(runs),
    }
}

/// Parts of one run from several files, such as the plots of W&B, as one.
fn joined(runs: Vec<LoggedRun>) -> Vec<LoggedRun> {
    let mut whole: Vec<LoggedRun> = Vec::new();
    for run in runs {
        match whole.iter_mut().find(|known| known.key == run.key) {
            None => whole.push(run),
            Some(known) => {
                for (name, points) in run.series {
                    known.series.entry(name).or_default().extend(points);
                }
                known.files.extend(run.files);
                known.settings.extend(run.settings);
                known.notes.extend(run.notes);
                known.remarks.extend(run.remarks);
                known.cut |= run.cut;
            }
        }
    }
    whole
}

/// Regular files in a folder, by name; links to folders are not followed, so that there is an end.
fn files_below(
    folder: &Path,
    depth: usize,
    left: &mut usize,
) -> Result<Vec<PathBuf>, TrackerError> {
    let entries = fs::read_dir(folder).map_err(TrackerError::read(folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(TrackerError::read(folder))?;
        let kind = entry.file_type().map_err(TrackerError::read(folder))?;
        *left = left.checked_sub(1).ok_or_else(|| TrackerError::TooMany {
            path: folder.to_path_buf(),
        })?;
        let path = entry.path();
        if kind.is_dir() && depth < DEEPEST {
            found.extend(files_below(&path, depth + 1, left)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn kind_of(path: &Path) -> std::io::Result<Option<Kind>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let ending = ending.to_lowercase();
    if name.contains("tfevents") {
        return Ok(Some(Kind::Events));
    }
    Ok(match ending.as_str() {
        "csv" => Some(Kind::Table),
        "json" | "jsonl" | "ndjson" => Some(Kind::Json),
        "db" | "sqlite" | "sqlite3" => {
            let mut head = [0; 16];
            let mut file = open_regular_file(path)?;
            let is_database = file.read_exact(&mut head).is_ok() && &head == b"SQLite format 3\0";
            is_database.then_some(Kind::Database)
        }
        _ => None,
    })
}

/// What a run in a folder of TensorBoard's is called: the way to it from the folder that was named, or that one's name.
fn name_of_folder(root: &Path, folder: &Path) -> String {
    let below = folder.strip_prefix(root).unwrap_or(folder);
    if below.as_os_str().is_empty() {
        let whole = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let name = whole
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        return name.unwrap_or_else(|| "run".to_string());
    }
    below.to_string_lossy().into_owned()
}

/// The text of a file.
fn text_of(path: &Path) -> Result<String, TrackerError> {
    let file = open_regular_file(path).map_err(TrackerError::read(path))?;
    let mut bytes = Vec::new();
    let mut limited = file.take(LARGEST_TEXT + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(TrackerError::read(path))?;
    if bytes.len() as u64 > LARGEST_TEXT {
        return Err(TrackerError::broken(
            path,
            "is over 1 GB large, which no export is",
        ));
    }
    Ok(String::from_utf8_lossy(&bytes)
        .trim_start_matches('\u{feff}')
        .to_string())
}

/// The name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// `3 values`, with their number.
fn counted(number: usize, one: &str, many: &str) -> String {
    let what = if number == 1 { one } else { many };
    format!("{number} {what}")
}
