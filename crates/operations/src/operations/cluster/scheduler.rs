//! Slurm's commands: `sbatch`, `squeue`, `scancel`. Started by the person's own word alone, with nothing of any file among
//! their arguments but numbers and the job's folder.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use crate::operations::OperationError;

/// Sends a job script off, for these tasks alone if there are any; returns the scheduler's number.
pub(super) fn submit(script: &Path, tasks: &[usize]) -> Result<String, OperationError> {
    let mut command = Command::new("sbatch");
    command.arg("--parsable");
    if !tasks.is_empty() {
        let tasks: Vec<String> = tasks.iter().map(usize::to_string).collect();
        command.arg(format!("--array={}", tasks.join(",")));
    }
    let output = run(command.arg(script))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A cluster's name may follow the number.
    let id = said.trim().split(';').next().unwrap_or_default();
    match id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
        true => Err(OperationError::Scheduler {
            command: "sbatch".into(),
            problem: format!("it answered {:?} instead of a job's number", said.trim()),
        }),
        false => Ok(id.to_string()),
    }
}

/// The state of each task that the scheduler still has; none if it cannot be asked.
pub(super) fn states(ids: &[String]) -> BTreeMap<usize, String> {
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--array", "--format=%K %T", "--jobs"]);
    let Ok(output) = run(command.arg(ids.join(","))) else {
        return BTreeMap::new();
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = said.lines().filter_map(|line| {
        let (task, state) = line.trim().split_once(' ')?;
        Some((task.parse().ok()?, state.trim().to_string()))
    });
    lines.collect()
}

pub(super) fn cancel(ids: &[String]) -> Result<(), OperationError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("scancel");
    run(command.args(ids)).map(|_| ())
}

fn run(command: &mut Command) -> Result<Output, OperationError> {
    let output = command.output();
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |problem: String| OperationError::Scheduler {
        command: name,
        problem,
    };
    match output {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_string(),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OperationError::NoScheduler),
        Err(error) => Err(failed(error.to_string())),
    }
}
