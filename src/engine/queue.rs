//! Runs that wait in the store for their turn: how they are put there, and what they are when read back.

use std::path::Path;

use super::worker::anywhere;
use crate::experiment::{Config, ExperimentFile, value_words};
use crate::store::{QueuedRun, RunId, StoreError, StoreReader, ToQueue};

/// A run that waits, with its settings.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub queued: QueuedRun,
    /// Or why they cannot be read: another version of the program wrote them.
    pub config: Result<Config, String>,
    /// What it is told from others by: its seed, and settings that are not as its experiment has them.
    pub differs: String,
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

/// The runs that wait, the next first. `own` is the folder of a person's own experiment files.
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

/// The seed, and the first settings that are not as in the experiment of that name, where there is one.
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
