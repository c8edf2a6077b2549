//! Prepares runs: everything that can be wrong is found before anything is written.

use std::path::{Path, PathBuf};

use super::OperationError;
use super::programs::call_words;
use crate::engine::{Listener, StartRequest, Waker, What, worker};
use crate::experiment::{
    Config, EventKind, ExperimentFile, MachineMemory, Report, Severity, Stage, resident_memory,
};
use crate::store::{NewRun, QueueId, RunId, RunRef, Store, StoreReader, now_ms};
use crate::train::pipeline::Reuse;
use crate::train::plan::peak_memory;
pub use crate::train::plan::{Parameters, TimedPlan};

/// A run to start.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    pub experiment: String,
    pub name: String,
    pub config: Config,
    /// The run whose finished stages are reused where they are the same.
    pub reuse: Option<RunId>,
}

impl PlannedRun {
    /// An experiment as in its file.
    pub fn of(file: &ExperimentFile) -> Self {
        PlannedRun {
            experiment: file.name.clone(),
            name: file.name.clone(),
            config: file.config.clone(),
            reuse: None,
        }
    }
}

/// A run that is ready to start.
#[derive(Debug)]
pub struct PreparedRun {
    pub new: NewRun,
    pub config: Config,
    /// Stages that are reused from another run.
    pub reuse: Option<Reuse>,
    /// Its place in the queue, if it was queued.
    pub queued: Option<QueueId>,
    store: PathBuf,
}

/// A run that ended early and can be resumed.
#[derive(Debug)]
pub struct ResumableRun {
    /// With a step, if not from the last checkpoint.
    pub run: RunRef,
    /// The settings it was started with.
    pub config: Config,
    /// The stage it ended in.
    stage: Option<Stage>,
    store: PathBuf,
}

/// The plan of a run.
#[derive(Debug)]
pub struct DryRun {
    pub foreseen: TimedPlan,
    /// The stages that would be reused from another run.
    pub taken_over: Vec<Stage>,
    /// Where the system tells.
    pub machine: Option<MachineMemory>,
    /// Why it would be refused, if this machine has too little memory free.
    pub too_large: Option<String>,
    /// Programs that its reward would start, with their arguments.
    pub programs: Vec<String>,
    /// Where its reward would send contexts, responses and targets.
    pub addresses: Vec<String>,
}

/// Checks data and weights, which can take a second; `queued` is the run's place in the queue, if it is queued: such a
/// run reuses what others of its experiment have done, if it does not name one.
///
/// # Errors
/// Data, weights or device are missing, the name has a control character, or the run to reuse shares no stage.
pub fn prepare(
    store: &Path,
    planned: PlannedRun,
    queued: Option<QueueId>,
) -> Result<PreparedRun, OperationError> {
    let PlannedRun {
        experiment,
        name,
        config,
        reuse,
    } = planned;
    if name.contains(char::is_control) {
        return Err(OperationError::RunNameLine);
    }
    let new = worker::new_run(store, &experiment, &name, &config)?;
    let reuse = match (reuse, queued) {
        (Some(run), _) => Some(worker::reuse(store, run, &new, &config)?),
        // The runs of a sweep have much in common.
        (None, Some(_)) => worker::reusable(store, &new, &config)?,
        (None, None) => None,
    };
    Ok(PreparedRun {
        reuse,
        new,
        config,
        queued,
        store: store.to_path_buf(),
    })
}

/// The plan of a run: sizes, memory, time. Takes about a second and writes nothing.
pub fn dry_run(store: &Path, planned: PlannedRun) -> Result<DryRun, OperationError> {
    prepare(store, planned, None)?.dry_run(store)
}

/// Devices whose memory is the machine's.
const IN_MAIN_MEMORY: [&str; 2] = ["flex", "tch"];

/// The memory that these stages of a run need of the machine at their fullest: 0 where they compute elsewhere.
fn main_memory(
    config: &Config,
    stages: &[Stage],
    store: &Path,
) -> Result<(Option<Stage>, u64), OperationError> {
    if !IN_MAIN_MEMORY.contains(&config.run.device.as_str()) {
        return Ok((None, 0));
    }
    let peak = peak_memory(config, stages, store)?;
    Ok(peak.map_or((None, 0), |(stage, memory)| (Some(stage), memory.total())))
}

/// Compares what these stages of a run need with what this machine has free, less what is `promised` to the runs in
/// progress. Passes where the system does not tell. Returns what they need, in bytes.
fn fits(
    config: &Config,
    stages: &[Stage],
    store: &Path,
    promised: u64,
    machine: Option<MachineMemory>,
) -> Result<u64, OperationError> {
    let (stage, needed) = main_memory(config, stages, store)?;
    let machine = machine.map(|machine| MachineMemory {
        available: machine.available.saturating_sub(promised),
        ..machine
    });
    match (stage, machine) {
        (Some(stage), Some(machine)) if needed > machine.available => {
            Err(OperationError::NotEnoughMemory {
                stage,
                needed,
                machine,
            })
        }
        _ => Ok(needed),
    }
}

/// The memory that runs in progress in this program may still take, in bytes, of what each needs at its fullest.
pub fn promised_memory(runs: &[u64]) -> u64 {
    let held = resident_memory().unwrap_or(0);
    runs.iter().sum::<u64>().saturating_sub(held)
}

/// Records a note on a run in progress, such as that its output was lost.
pub fn note(store: &Path, run: RunId, text: &str) -> Result<(), OperationError> {
    let kind = EventKind::Note {
        severity: Severity::Warning,
        text: text.to_string(),
    };
    let note = Report::Event { at: None, kind };
    Ok(Store::open(store)?.record(run, &[(now_ms(), note)])?)
}

/// Prepares a run that ended early, from its last checkpoint or from that of a step.
///
/// # Errors
/// There is no such run; its settings cannot be read; data or weights have changed since it started.
pub fn resume(store: &Path, run: RunRef) -> Result<ResumableRun, OperationError> {
    let detail = StoreReader::open(store)?.run(run.run)?;
    let origin = format!("settings of run {} in {}", run.run, store.display());
    let config = Config::from_toml(&origin, &detail.config_toml)?;
    let row = &detail.row;
    let now = worker::new_run(store, &row.experiment, &row.name, &config)?;
    let changed = detail
        .fingerprints
        .iter()
        .find(|(name, then)| now.fingerprints.get(*name) != Some(*then));
    match changed {
        Some((name, _)) => Err(OperationError::DataChanged {
            run: run.run,
            name: name.clone(),
        }),
        None => Ok(ResumableRun {
            run,
            config,
            stage: row.stage,
            store: store.to_path_buf(),
        }),
    }
}

impl PreparedRun {
    /// The request for the supervisor.
    pub fn request(self, listener: Listener, waker: Option<Waker>) -> StartRequest {
        let new = Box::new(self.new);
        StartRequest {
            what: match self.queued {
                Some(id) => What::Queued(id, new),
                None => What::New(new),
            },
            listener,
            waker,
            body: worker::body(self.config, self.reuse),
        }
    }

    fn taken_over(&self) -> &[Stage] {
        self.reuse.as_ref().map_or(&[], |reuse| &reuse.stages)
    }

    /// The stages that are not taken over from another run.
    fn own_stages(&self) -> Vec<Stage> {
        let mut stages = self.config.run.stages.clone();
        stages.retain(|stage| !self.taken_over().contains(stage));
        stages
    }

    /// The memory that it needs at its fullest, in bytes; `promised` is kept for the runs in progress.
    ///
    /// # Errors
    /// It needs more than this machine has free.
    pub fn require_memory(&self, promised: u64) -> Result<u64, OperationError> {
        let machine = MachineMemory::now();
        fits(
            &self.config,
            &self.own_stages(),
            &self.store,
            promised,
            machine,
        )
    }

    /// As [`dry_run`], for a prepared run.
    ///
    /// # Errors
    /// The device is missing or the data cannot be read.
    pub fn dry_run(&self, store: &Path) -> Result<DryRun, OperationError> {
        // Before the machine is timed, which takes memory too.
        let machine = MachineMemory::now();
        let fits = fits(&self.config, &self.own_stages(), store, 0, machine);
        Ok(DryRun {
            foreseen: TimedPlan::of(&self.config, store)?,
            taken_over: self.taken_over().to_vec(),
            machine,
            too_large: fits.err().map(|error| error.to_string()),
            programs: self.config.reward.commands().map(call_words).collect(),
            addresses: self.config.reward.addresses().map(str::to_string).collect(),
        })
    }
}

impl ResumableRun {
    /// The memory that the rest of it needs at its fullest, in bytes; `promised` is kept for the runs in progress.
    ///
    /// # Errors
    /// It needs more than this machine has free.
    pub fn require_memory(&self, promised: u64) -> Result<u64, OperationError> {
        let mut left = self.config.run.stages.clone();
        left.retain(|stage| self.stage.is_none_or(|last| *stage >= last));
        fits(
            &self.config,
            &left,
            &self.store,
            promised,
            MachineMemory::now(),
        )
    }

    /// The request for the supervisor.
    pub fn request(self, listener: Listener, waker: Option<Waker>) -> StartRequest {
        StartRequest {
            what: What::Resume(self.run),
            listener,
            waker,
            body: worker::body(self.config, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_does_not_fit_is_refused_with_the_setting_to_lower() {
        let config = Config::default();
        let machine = |available| {
            Some(MachineMemory {
                total: 1 << 50,
                available,
            })
        };
        let (stages, store) = (&config.run.stages, Path::new("store"));
        fits(&config, stages, store, 0, None).unwrap();
        fits(&config, stages, store, 0, machine(1 << 49)).unwrap();
        let refused = fits(&config, stages, store, 0, machine(1_000)).unwrap_err();
        let words = refused.to_string();
        assert!(words.contains("1.0 kB of this machine's"), "{words}");
        assert!(words.contains("--ignore-memory"), "{words}");
        let (stage, memory) = peak_memory(&config, stages, store).unwrap().unwrap();
        assert!(words.contains(stage.title()), "{words}");
        fits(&config, stages, store, 0, machine(memory.total())).unwrap();
        assert!(fits(&config, stages, store, 0, machine(memory.total() - 1)).is_err());
        // Stages that are taken over or done need none.
        let others: Vec<Stage> = stages.iter().copied().filter(|s| *s != stage).collect();
        fits(&config, &others, store, 0, machine(memory.total() - 1)).unwrap();
        // A graphics card has a memory of its own.
        let mut on_card = config.clone();
        on_card.run.device = "vulkan".to_string();
        fits(&on_card, stages, store, 0, machine(1_000)).unwrap();
        // What others will take is not free.
        assert!(fits(&config, stages, store, 1, machine(memory.total())).is_err());
        assert_eq!(
            fits(&config, stages, store, 1, machine(memory.total() + 1)).unwrap(),
            memory.total()
        );
    }
}
