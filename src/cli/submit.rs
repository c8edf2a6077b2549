//! `emprl submit`: an experiment as a job of a cluster; and what the job's script starts.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::notices::Notify;
use super::output::{line_on_stderr, number_of};
use super::run::RunWatcher;
use super::{CommandContext, Failure, input};
use crate::engine::Listener;
use crate::experiment::sweep::{Axis, grid};
use crate::experiment::{Config, Problem};
use crate::operations::cluster::{self, PreparedJob, Resources, TaskStart};
use crate::operations::launch::{self, PlannedRun};
use crate::operations::programs::AllowedPrograms;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub struct Submit {
    /// Experiment file, or the name of one that comes with the program, such as quickstart
    #[arg(value_name = "FILE.toml")]
    file: String,
    /// Give a setting another value, such as ppo.steps=100
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Vary a setting, such as ppo.lr=1e-5,3e-5; several give every combination
    #[arg(long, value_name = "KEY=VALUES")]
    sweep: Vec<String>,
    /// So many seeds from 1 on, or those named: 5, or 3,7..9
    #[arg(long, value_name = "N|LIST")]
    seeds: Option<String>,
    /// Name of the job and its runs; else the experiment's
    #[arg(long)]
    name: Option<String>,
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Graphics cards for each task; with --set run.device=tch-cuda
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
    /// Processors for each task
    #[arg(long, value_name = "N")]
    cpus: Option<u32>,
    /// Memory for each task, such as 16G
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Time for each task, such as 8:00:00; two minutes before its end the run saves itself and is queued again
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// A site's own job script, with {{name}}, {{last}}, {{folder}}, {{program}} and {{options}} to fill
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Print the script, and write and send off nothing
    #[arg(long)]
    dry_run: bool,
}

impl Submit {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut file = input::experiment(&self.file)?;
        file.assign(&self.set)?;
        let axes = self.axes()?;
        let runs = grid(&file.config, &axes).map_err(|problem| wrong(&problem))?;
        for run in &runs {
            require_no_programs(&run.config)?;
        }
        // What would fail on the cluster fails here.
        for run in &runs {
            let planned = PlannedRun {
                experiment: file.name.clone(),
                name: file.name.clone(),
                config: run.config.clone(),
                reuse: None,
            };
            launch::prepare(&ctx.store, planned, None)?;
        }
        let template = self.template.as_ref().map(|path| {
            let failed =
                |error| Failure::Usage(format!("{}: {error}; check the path", path.display()));
            fs::read_to_string(path).map_err(failed)
        });
        let program = std::env::current_exe().map_err(|error| {
            Failure::Failed(format!("this program's file was not found: {error}"))
        })?;
        let job = PreparedJob {
            name: self.name.unwrap_or_else(|| file.name.clone()),
            experiment: file.name,
            runs,
            resources: Resources {
                partition: self.partition,
                gpus: self.gpus,
                cpus: self.cpus,
                memory: self.memory,
                time: self.time,
            },
            template: template.transpose()?,
            program,
        };
        if self.dry_run {
            return ctx.out.content(&job.script(&ctx.store.join("jobs/N"))?);
        }
        // The store is made if need be: the job is kept in it.
        Store::open(&ctx.store)?.writable()?;
        let folder = job.write(&ctx.store)?;
        let id = match cluster::submit(&folder) {
            Ok(id) => id,
            Err(error) => {
                let _ = fs::remove_dir_all(&folder); // what was refused is no job
                return Err(error.into());
            }
        };
        let tasks = number_of(job.runs.len() as u64, "task", "tasks");
        let number = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let document = json!({"job": number, "id": id, "tasks": job.runs.len(), "folder": folder});
        let argument = ctx.store_argument();
        ctx.out.show(&document, || {
            format!(
                "Job {number} with {tasks} is sent off as Slurm's {id}. `emprl jobs show {number}{argument}` says how they \
                 are doing, `emprl jobs merge {number}{argument}` takes their runs over into the store.\n"
            )
        })
    }

    fn axes(&self) -> Result<Vec<Axis>, Failure> {
        let mut axes = Vec::new();
        for sweep in &self.sweep {
            let (path, values) = sweep.split_once('=').ok_or_else(|| {
                Failure::Usage(format!("--sweep {sweep}: write it as KEY=VALUE,VALUE"))
            })?;
            axes.push(Axis::parse(path.trim(), values).map_err(|problem| wrong(&problem))?);
        }
        if let Some(seeds) = &self.seeds {
            let listed = match seeds.parse::<u64>() {
                Ok(count) => format!("1..{count}"),
                Err(_) => seeds.clone(),
            };
            axes.push(Axis::parse("run.seed", &listed).map_err(|problem| wrong(&problem))?);
        }
        Ok(axes)
    }
}

/// A program is allowed on one machine by its own person.
fn require_no_programs(config: &Config) -> Result<(), Failure> {
    match config.reward.commands().next() {
        None => Ok(()),
        Some(_) => Ok(AllowedPrograms::of_person()?.require(config)?),
    }
}

fn wrong(problem: &Problem) -> Failure {
    Failure::Usage(format!("{}: {}", problem.path, problem.message))
}

#[derive(Debug, clap::Args)]
pub struct Task {
    /// The job's folder
    folder: PathBuf,
    /// Counted from 0
    task: usize,
}

impl Task {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let (store, start) = cluster::start_task(&self.folder, self.task)?;
        let ctx = CommandContext {
            store_given: Some(store.clone()),
            store,
            display: ctx.display,
            out: ctx.out,
        };
        let request = match start {
            TaskStart::Finished => {
                line_on_stderr("The task's run is finished.");
                return Ok(());
            }
            TaskStart::Begin(prepared) => prepared.request(Listener::Lossless, None),
            TaskStart::GoOn(resumable) => resumable.request(Listener::Lossless, None),
        };
        let watcher = RunWatcher::new(&ctx, 1, Notify::default())?;
        let handle = watcher.start(request);
        watcher.watch(&ctx, &handle)
    }
}
