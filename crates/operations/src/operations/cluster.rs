//! Runs on a cluster: a job with a task for each run of a sweep, written as a script for Slurm or by a site's own template,
//! sent off, read back and taken over.
//!
//! Every task has a store of its own in the job's folder, since SQLite and file locks are not to be shared by machines over
//! a network. A task goes on where its run is, however often it is started. Knows no thread and no terminal.

mod scheduler;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::OperationError;
use super::launch::{self, PlannedRun, PreparedRun, ResumableRun};
use super::stores::{self, DATA, MergedStore};
use crate::engine::worker::with_absolute_paths;
use crate::experiment::sweep::SweepRun;
use crate::experiment::{Config, ExperimentFile, RunStatus, Stage};
use crate::store::{CheckpointFiles, RunRef, StoreReader, now_ms};

/// The job script of Slurm; a site's own has the same places to fill.
pub const TEMPLATE: &str = include_str!("../../../../assets/cluster/slurm.sh");

/// The folder of the jobs in a store.
const JOBS: &str = "jobs";
const RECORD: &str = "job.json";
const SCRIPT: &str = "job.sh";
const CANCELLED: &str = "cancelled";

/// What is asked of the cluster for each task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub partition: Option<String>,
    pub gpus: Option<u32>,
    pub cpus: Option<u32>,
    /// As Slurm writes it, such as `16G`.
    pub memory: Option<String>,
    /// As Slurm writes it, such as `8:00:00`.
    pub time: Option<String>,
}

/// A job that is ready to be written.
#[derive(Debug)]
pub struct PreparedJob {
    pub experiment: String,
    pub name: String,
    /// The run of each task.
    pub runs: Vec<SweepRun>,
    pub resources: Resources,
    /// Instead of [`TEMPLATE`].
    pub template: Option<String>,
    /// This program.
    pub program: PathBuf,
}

/// A job as its folder has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub experiment: String,
    pub name: String,
    /// What each task's run differs by.
    pub tasks: Vec<String>,
    pub written: i64,
    /// The scheduler's number of each time it was sent off; none yet.
    pub ids: Vec<String>,
}

/// How a task is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskState {
    pub task: usize,
    pub label: String,
    /// As the scheduler has it, such as RUNNING; None once it has forgotten the task, or cannot be asked.
    pub scheduler: Option<String>,
    /// As its store has it; None before it has begun.
    pub run: Option<RunProgress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RunProgress {
    pub status: RunStatus,
    pub stage: Option<Stage>,
    pub step: u64,
    pub total: u64,
}

/// What a task does when it is started.
pub enum TaskStart {
    Begin(Box<PreparedRun>),
    GoOn(Box<ResumableRun>),
    /// Its run is finished.
    Finished,
}

impl PreparedJob {
    /// The job script, as it would be written for the job's folder.
    ///
    /// # Errors
    /// The template lacks a place that is needed, or a path cannot stand in a script.
    pub fn script(&self, folder: &Path) -> Result<String, OperationError> {
        let template = self.template.as_deref().unwrap_or(TEMPLATE);
        for needed in ["{{folder}}", "{{program}}", "{{last}}"] {
            if !template.contains(needed) {
                return Err(OperationError::JobTemplate {
                    problem: format!("it has no {needed}"),
                });
            }
        }
        let path = |path: &Path| match path.to_str() {
            Some(text) if text.chars().all(is_plain) => Ok(text.to_string()),
            _ => Err(OperationError::JobTemplate {
                problem: format!(
                    "{} has characters that a job script cannot hold; use letters, digits, and `/._-`",
                    path.display()
                ),
            }),
        };
        let plain = self
            .name
            .chars()
            .map(|c| if is_plain(c) && c != '/' { c } else { '-' });
        let filled = template
            .replace("{{name}}", &plain.collect::<String>())
            .replace("{{last}}", &(self.runs.len().max(1) - 1).to_string())
            .replace("{{folder}}", &path(folder)?)
            .replace("{{program}}", &path(&self.program)?)
            .replace("{{options}}", &self.resources.options()?);
        match filled.split_once("{{") {
            None => Ok(filled),
            Some((_, rest)) => Err(OperationError::JobTemplate {
                problem: format!(
                    "{{{{{} is no place that is filled",
                    rest.chars().take(20).collect::<String>()
                ),
            }),
        }
    }

    /// Writes the job into the store's folder of jobs: its script, and for each task its experiment and a folder for its
    /// store, which has the data sets of this one. Returns the job's folder.
    ///
    /// # Errors
    /// As [`PreparedJob::script`]; a file cannot be written.
    pub fn write(&self, store: &Path) -> Result<PathBuf, OperationError> {
        let store = fs::canonicalize(store).map_err(OperationError::write(store))?;
        let jobs = store.join(JOBS);
        fs::create_dir_all(&jobs).map_err(OperationError::write(&jobs))?;
        let number = numbers(&jobs)?.last().copied().unwrap_or(0) + 1;
        let folder = jobs.join(number.to_string());
        let script = self.script(&folder)?;
        let make = |path: &Path| fs::create_dir_all(path).map_err(OperationError::write(path));
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text).map_err(OperationError::write(&path))
        };
        make(&folder.join("logs"))?;
        for (task, run) in self.runs.iter().enumerate() {
            let own = task_folder(&folder, task);
            let tasks_store = own.join("store");
            make(&tasks_store)?;
            write(
                own.join("experiment.toml"),
                &with_absolute_paths(&run.config).to_toml(),
            )?;
            let (data, link) = (store.join(DATA), tasks_store.join(DATA));
            if data.is_dir() {
                link_folder(&data, &link).map_err(OperationError::write(&link))?;
            }
        }
        write(folder.join(SCRIPT), &script)?;
        let job = Job {
            experiment: self.experiment.clone(),
            name: self.name.clone(),
            tasks: self.runs.iter().map(|run| run.label.clone()).collect(),
            written: now_ms(),
            ids: Vec::new(),
        };
        // Last of all: a folder without it is no job.
        job.save(&folder)?;
        Ok(folder)
    }
}

/// Whether it means nothing to a shell.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+@,:".contains(c)
}

impl Resources {
    /// As lines of a job script.
    fn options(&self) -> Result<String, OperationError> {
        let text = |number: Option<u32>| number.map(|number| number.to_string());
        let given = [
            ("partition", self.partition.clone()),
            ("gpus", text(self.gpus)),
            ("cpus-per-task", text(self.cpus)),
            ("mem", self.memory.clone()),
            ("time", self.time.clone()),
        ];
        let mut lines = Vec::new();
        for (option, value) in given {
            let Some(value) = value else { continue };
            if value.is_empty() || !value.chars().all(is_plain) {
                return Err(OperationError::JobTemplate {
                    problem: format!("--{option}={value} cannot stand in a job script"),
                });
            }
            lines.push(format!("#SBATCH --{option}={value}"));
        }
        Ok(lines.join("\n"))
    }
}

impl Job {
    fn save(&self, folder: &Path) -> Result<(), OperationError> {
        let path = folder.join(RECORD);
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&path, text).map_err(OperationError::write(&path))
    }

    fn read(folder: &Path) -> Result<Job, OperationError> {
        let path = folder.join(RECORD);
        let read = |source| OperationError::Read {
            path: path.clone(),
            source,
        };
        let text = fs::read_to_string(&path).map_err(read)?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Sends a written job off; returns the scheduler's number.
///
/// # Errors
/// The scheduler is not on this machine, or refuses the job.
pub fn submit(folder: &Path) -> Result<String, OperationError> {
    let mut job = Job::read(folder)?;
    let id = scheduler::submit(&folder.join(SCRIPT), &[])?;
    job.ids.push(id.clone());
    job.save(folder)?;
    Ok(id)
}

/// The jobs of a store, by number, each with its folder.
pub fn jobs(store: &Path) -> Result<Vec<(u32, PathBuf, Job)>, OperationError> {
    let jobs = store.join(JOBS);
    let mut found = Vec::new();
    for number in numbers(&jobs)? {
        let folder = jobs.join(number.to_string());
        if folder.join(RECORD).is_file() {
            let job = Job::read(&folder)?;
            found.push((number, folder, job));
        }
    }
    Ok(found)
}

/// A job of the store.
///
/// # Errors
/// There is none of that number.
pub fn job(store: &Path, number: u32) -> Result<(PathBuf, Job), OperationError> {
    let found = jobs(store)?.into_iter().find(|(own, ..)| *own == number);
    let known = || jobs(store).map(|jobs| jobs.iter().map(|(number, ..)| *number).collect());
    match found {
        Some((_, folder, job)) => Ok((folder, job)),
        None => Err(OperationError::NoJob {
            number,
            known: known()?,
        }),
    }
}

/// How the tasks of a job are doing, as the scheduler and their stores have it.
pub fn states(folder: &Path, job: &Job) -> Result<Vec<TaskState>, OperationError> {
    let scheduled = scheduler::states(&job.ids);
    let mut states = Vec::new();
    for (task, label) in job.tasks.iter().enumerate() {
        states.push(TaskState {
            task,
            label: label.clone(),
            scheduler: scheduled.get(&task).cloned(),
            run: progress(folder, task)?,
        });
    }
    Ok(states)
}

/// Sends off again the tasks whose run is not finished and that the scheduler does not have. Returns its number, or None if
/// there is no such task.
///
/// # Errors
/// As [`submit`].
pub fn requeue(folder: &Path) -> Result<Option<String>, OperationError> {
    let mut job = Job::read(folder)?;
    let open: Vec<usize> = states(folder, &job)?
        .iter()
        .filter(|state| !state.is_finished() && state.scheduler.is_none())
        .map(|state| state.task)
        .collect();
    if open.is_empty() {
        return Ok(None);
    }
    let cancelled = folder.join(CANCELLED);
    if cancelled.exists() {
        fs::remove_file(&cancelled).map_err(OperationError::write(&cancelled))?;
    }
    let id = scheduler::submit(&folder.join(SCRIPT), &open)?;
    job.ids.push(id.clone());
    job.save(folder)?;
    Ok(Some(id))
}

/// Cancels a job. Its runs stop with a checkpoint where the scheduler gives them the time, and can be sent off again.
pub fn cancel(folder: &Path) -> Result<(), OperationError> {
    let job = Job::read(folder)?;
    let path = folder.join(CANCELLED);
    fs::write(&path, "").map_err(OperationError::write(&path))?;
    scheduler::cancel(&job.ids)
}

/// Takes the runs of a job's tasks over into the store, as far as they are.
pub fn take_over(
    store: &Path,
    folder: &Path,
    files: CheckpointFiles,
) -> Result<Vec<MergedStore>, OperationError> {
    let job = Job::read(folder)?;
    let mut begun = Vec::new();
    for task in 0..job.tasks.len() {
        if progress(folder, task)?.is_some() {
            begun.push(task_folder(folder, task).join("store"));
        }
    }
    stores::merge(store, &begun, files)
}

/// What the task is to do now: begin its run, go on with it, or nothing.
///
/// # Errors
/// There is no such task, or its run cannot be prepared or resumed.
pub fn start_task(folder: &Path, task: usize) -> Result<(PathBuf, TaskStart), OperationError> {
    let job = Job::read(folder)?;
    let label = job.tasks.get(task).ok_or(OperationError::NoTask {
        task,
        tasks: job.tasks.len(),
    })?;
    let own = task_folder(folder, task);
    let store = own.join("store");
    let runs = match StoreReader::open(&store) {
        Ok(reader) => reader.list_runs()?,
        Err(crate::store::StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let start = match runs.first() {
        Some(run) if run.status == RunStatus::Finished => TaskStart::Finished,
        Some(run) => {
            let from = RunRef {
                run: run.id,
                step: None,
            };
            TaskStart::GoOn(Box::new(launch::resume(&store, from)?))
        }
        None => {
            let config: Config = ExperimentFile::read(&own.join("experiment.toml"))?.config;
            let planned = PlannedRun {
                experiment: job.experiment.clone(),
                name: format!("{} {label}", job.name).trim().to_string(),
                config,
                reuse: None,
            };
            TaskStart::Begin(Box::new(launch::prepare(&store, planned, None)?))
        }
    };
    Ok((store, start))
}

impl TaskState {
    pub fn is_finished(&self) -> bool {
        self.run
            .is_some_and(|run| run.status == RunStatus::Finished)
    }
}

fn task_folder(folder: &Path, task: usize) -> PathBuf {
    folder.join("tasks").join(task.to_string())
}

fn progress(folder: &Path, task: usize) -> Result<Option<RunProgress>, OperationError> {
    let store = task_folder(folder, task).join("store");
    let reader = match StoreReader::open(&store) {
        Ok(reader) => reader,
        Err(crate::store::StoreError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(reader.list_runs()?.first().map(|run| RunProgress {
        status: run.status,
        stage: run.stage,
        step: run.step,
        total: run.total,
    }))
}

/// The numbers of the folders in `jobs`, ascending.
fn numbers(jobs: &Path) -> Result<Vec<u32>, OperationError> {
    let entries = match fs::read_dir(jobs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            let path = jobs.to_path_buf();
            return Err(OperationError::Read { path, source });
        }
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut numbers: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(unix)]
fn link_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link_folder(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other(
        "job folders are made on the machines that have Slurm",
    ))
}
