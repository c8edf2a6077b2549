//! The runs queued in the store: putting them there and reading them back.

use std::path::Path;

use super::worker::{ReuseError, anywhere, shared};
use crate::experiment::{Config, ExperimentFile, value_words};
use crate::store::{QueuedRun, RunId, StoreError, StoreReader, ToQueue};

/// A queued run with its settings.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub queued: QueuedRun,
    /// Or why they cannot be read: another version of the program wrote them.
    pub config: Result<Config, String>,
    /// What distinguishes it from others: its seed, and settings that differ from its experiment's.
    pub differs: String,
}

/// A run of `config` for the queue, with all of its settings as they are now.
pub fn to_queue(experiment: &str, name: &str, config: &Config, reuse: Option<RunId>) -> ToQueue {
    ToQueue {
        experiment: experiment.to_string(),
        name: name.to_string(),
        config_toml: anywhere(config).to_toml(),
        reuse,
    }
}

/// Queued runs that cannot reuse any stage, though they were meant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vain {
    pub count: usize,
    /// The first setting that differs.
    pub differs: &'static str,
}

/// Removes reuse from runs that cannot reuse any stage, such as those of another seed: they start from the
/// beginning.
///
/// # Errors
/// The run that one of them reuses does not exist.
pub fn without_vain_reuse(
    store: &StoreReader,
    runs: &[ToQueue],
) -> Result<(Vec<ToQueue>, Option<Vain>), ReuseError> {
    let mut settled = runs.to_vec();
    let mut vain: Option<Vain> = None;
    for run in &mut settled {
        let Some(of) = run.reuse else { continue };
        let origin = format!("settings of {} in the queue", run.name);
        let config = Config::from_toml(&origin, &run.config_toml)?;
        let shared = shared(store, &store.run(of)?, &config)?;
        if shared.stages.is_empty() {
            run.reuse = None;
            let differs = shared.differs.unwrap_or("run.stages");
            vain.get_or_insert(Vain { count: 0, differs }).count += 1;
        }
    }
    Ok((settled, vain))
}

/// The queued runs, the next first. `own` is the folder of a person's own experiment files.
pub fn waiting(store: &StoreReader, own: &Path) -> Result<Vec<Waiting>, StoreError> {
    let queued = store.queue()?.into_iter();
    Ok(queued.map(|queued| with_settings(queued, own)).collect())
}

fn with_settings(queued: QueuedRun, own: &Path) -> Waiting {
    let origin = format!(
        "settings of {} in the queue ({})",
        queued.run.name, queued.id
    );
    let config = Config::from_toml(&origin, &queued.run.config_toml);
    let differs = match &config {
        Ok(config) => differs(config, &queued.run.experiment, own),
        Err(_) => "settings of another version".into(),
    };
    Waiting {
        config: config.map_err(|error| error.to_string()),
        queued,
        differs,
    }
}

/// The seed, and the first settings that differ from the experiment of that name, if there is one.
fn differs(config: &Config, experiment: &str, own: &Path) -> String {
    const SHOWN: usize = 3;
    let file = ExperimentFile::preset(experiment)
        .unwrap_or_else(|| ExperimentFile::read(&own.join(format!("{experiment}.toml"))));
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
