//! The runs queued in the store: putting them there and reading them back.

use std::path::Path;

use super::{OperationError, read_or_default};
use crate::engine::worker::{shared, with_absolute_paths};
use crate::experiment::{Config, ExperimentFile, value_words};
use crate::store::{NewQueuedRun, QueueId, QueuedRun, RunId, Store, StoreReader};

/// A queued run with its settings.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    pub queued: QueuedRun,
    /// An error if another version of the program wrote them.
    pub config: Result<Config, String>,
    /// The seed, and settings that differ from the experiment's.
    pub differs: String,
}

#[derive(Clone, Debug)]
pub struct Enqueued {
    /// In the order given.
    pub ids: Vec<QueueId>,
    pub lost_reuse: Option<LostReuse>,
}

/// Runs that were meant to reuse stages of another run, but share none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostReuse {
    pub count: usize,
    /// The setting that prevents it in the first of them.
    pub differs: &'static str,
}

/// A run of `config` for the queue, with all of its current settings.
pub fn to_queue(
    experiment: &str,
    name: &str,
    config: &Config,
    reuse: Option<RunId>,
) -> NewQueuedRun {
    NewQueuedRun {
        experiment: experiment.to_string(),
        name: name.to_string(),
        config_toml: with_absolute_paths(config).to_toml(),
        reuse,
    }
}

/// The queued runs, the next first; none without a store. `experiments` is the folder of the user's own experiment
/// files.
pub fn list(store: &Path, experiments: &Path) -> Result<Vec<QueueEntry>, OperationError> {
    let queued = read_or_default(store, StoreReader::queue)?;
    let with_settings = |queued| with_settings(queued, experiments);
    Ok(queued.into_iter().map(with_settings).collect())
}

/// Appends runs to the queue. Those that share no stage with the run to reuse will start from the beginning.
///
/// # Errors
/// A run to reuse does not exist; the store cannot be written.
pub fn enqueue(store: &mut Store, runs: &[NewQueuedRun]) -> Result<Enqueued, OperationError> {
    let mut runs = runs.to_vec();
    let lost_reuse = drop_lost_reuse(&store.reader()?, &mut runs)?;
    let ids = store.enqueue(&runs)?;
    Ok(Enqueued { ids, lost_reuse })
}

/// Clears the reuse of runs that share no stage, such as those with another seed.
fn drop_lost_reuse(
    store: &StoreReader,
    runs: &mut [NewQueuedRun],
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

fn with_settings(queued: QueuedRun, experiments: &Path) -> QueueEntry {
    let origin = format!(
        "settings of {} in the queue ({})",
        queued.run.name, queued.id
    );
    if let Some(damage) = &queued.damage {
        return QueueEntry {
            config: Err(format!("{} in the queue is damaged: {damage}", queued.id)),
            differs: format!("damaged: {damage}"),
            queued,
        };
    }
    let config = Config::from_toml(&origin, &queued.run.config_toml);
    let differs = match &config {
        Ok(config) => differs(config, &queued.run.experiment, experiments),
        Err(_) => "settings of another version".into(),
    };
    QueueEntry {
        config: config.map_err(|error| error.to_string()),
        queued,
        differs,
    }
}

/// The seed, and the first settings that differ from the experiment of that name, if there is one.
fn differs(config: &Config, experiment: &str, experiments: &Path) -> String {
    const SHOWN: usize = 3;
    let file = ExperimentFile::preset(experiment)
        .unwrap_or_else(|| ExperimentFile::read(&experiments.join(format!("{experiment}.toml"))));
    let differences = file.map_or_else(
        |_| Vec::new(),
        |file| config.differences(&with_absolute_paths(&file.config)),
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
