//! The runs queued in the store: putting them there and reading them back.

use std::path::Path;

use super::{OperationError, reader_if_present};
use crate::engine::worker::{anywhere, shared};
use crate::experiment::{Config, ExperimentFile, value_words};
use crate::store::{QueueId, QueuedRun, RunId, Store, StoreReader, ToQueue};

/// A run that waits, with its settings.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub queued: QueuedRun,
    /// Or why they cannot be read: another version of the program wrote them.
    pub config: Result<Config, String>,
    /// What tells it from others: its seed, and settings that are not as its experiment has them.
    pub differs: String,
}

/// Runs that were queued.
#[derive(Clone, Debug)]
pub struct Enqueued {
    /// Their places, in the order given.
    pub ids: Vec<QueueId>,
    /// Those that will begin at the beginning, though they were meant to take stages over from another run.
    pub lost_reuse: Option<LostReuse>,
}

/// Runs that take no stage over from another, though they were meant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostReuse {
    pub count: usize,
    /// The setting for which the first of them takes nothing over.
    pub differs: &'static str,
}

/// A run of `config` as it waits: with all of its settings as they are now.
pub fn to_queue(experiment: &str, name: &str, config: &Config, reuse: Option<RunId>) -> ToQueue {
    ToQueue {
        experiment: experiment.to_string(),
        name: name.to_string(),
        config_toml: anywhere(config).to_toml(),
        reuse,
    }
}

/// The runs that wait, the next first; none where there is no store. `experiments` is the folder of the user's own
/// experiment files.
///
/// # Errors
/// The store cannot be read.
pub fn list(store: &Path, experiments: &Path) -> Result<Vec<Waiting>, OperationError> {
    let queued = match reader_if_present(store)? {
        Some(reader) => reader.queue()?,
        None => Vec::new(),
    };
    let with_settings = |queued| with_settings(queued, experiments);
    Ok(queued.into_iter().map(with_settings).collect())
}

/// Puts runs at the end of the queue. Those that could take no stage over from the run they name begin at the
/// beginning.
///
/// # Errors
/// A run that stages are to be taken over from does not exist; the store cannot be written.
pub fn enqueue(store: &mut Store, runs: &[ToQueue]) -> Result<Enqueued, OperationError> {
    let mut runs = runs.to_vec();
    let lost_reuse = drop_lost_reuse(&store.reader()?, &mut runs)?;
    let ids = store.enqueue(&runs)?;
    Ok(Enqueued { ids, lost_reuse })
}

/// Takes the reuse away from runs that would take no stage over, as those with another seed.
fn drop_lost_reuse(
    store: &StoreReader,
    runs: &mut [ToQueue],
) -> Result<Option<LostReuse>, OperationError> {
    let mut lost: Option<LostReuse> = None;
    for run in runs {
        let Some(of) = run.reuse else { continue };
        let origin = format!("settings of {} in the queue", run.name);
        let config = Config::from_toml(&origin, &run.config_toml)?;
        let shared = shared(store, &store.run(of)?, &config)?;
        if shared.stages.is_empty() {
            run.reuse = None;
            let differs = shared.differs.unwrap_or("run.stages");
            lost.get_or_insert(LostReuse { count: 0, differs }).count += 1;
        }
    }
    Ok(lost)
}

fn with_settings(queued: QueuedRun, experiments: &Path) -> Waiting {
    let origin = format!(
        "settings of {} in the queue ({})",
        queued.run.name, queued.id
    );
    let config = Config::from_toml(&origin, &queued.run.config_toml);
    let differs = match &config {
        Ok(config) => differs(config, &queued.run.experiment, experiments),
        Err(_) => "settings of another version".into(),
    };
    Waiting {
        config: config.map_err(|error| error.to_string()),
        queued,
        differs,
    }
}

/// The seed, and the first settings that are not as in the experiment of that name, where there is one.
fn differs(config: &Config, experiment: &str, experiments: &Path) -> String {
    const SHOWN: usize = 3;
    let file = ExperimentFile::preset(experiment)
        .unwrap_or_else(|| ExperimentFile::read(&experiments.join(format!("{experiment}.toml"))));
    let differences = file.map_or_else(
        |_| Vec::new(),
        |file| config.differences(&anywhere(&file.config)),
    );
    let changed = differences.iter().filter(|one| one.path != "run.seed");
    let changed = changed.map(|one| format!("{} {}", one.path, value_words(&one.value)));
    let mut words = vec![format!("seed {}", config.run.seed)];
    words.extend(changed);
    let more = words.len().saturating_sub(SHOWN);
    words.truncate(SHOWN);
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
