//! What the figures of a run or of a system were computed from, for the signatures below tables and plots.

use crate::experiment::{Config, SCRATCH};
use crate::metrics::declared;
use crate::metrics::signature::{NONE, Origin, Signature};
use crate::store::{RunDetail, RunId, StoreError, StoreReader, SystemRow};

/// The metrics of a result table.
pub const RESULT_METRICS: [&str; 13] = [
    declared::VALIDATION_PPL,
    declared::VALIDATION_DIST_1,
    declared::VALIDATION_DIST_2,
    declared::VALIDATION_EAD_1,
    declared::VALIDATION_EAD_2,
    declared::VALIDATION_WORDS,
    declared::VALIDATION_EMP_F1,
    declared::VALIDATION_EMP_F1_SHUFFLED,
    declared::VALIDATION_EMP_F1_GAIN,
    declared::VALIDATION_EMP_F1_CONSTANT,
    declared::VALIDATION_KAPPA_KEYS[0],
    declared::VALIDATION_KAPPA_KEYS[1],
    declared::VALIDATION_KAPPA_KEYS[2],
];

/// The metrics of a table of identifiers.
pub const IDENTIFIER_METRICS: [&str; 6] = [
    declared::IDENTIFIER_ACCURACY[0],
    declared::IDENTIFIER_ACCURACY[1],
    declared::IDENTIFIER_ACCURACY[2],
    declared::IDENTIFIER_WEIGHTED_F1[0],
    declared::IDENTIFIER_WEIGHTED_F1[1],
    declared::IDENTIFIER_WEIGHTED_F1[2],
];

/// What words are cut by.
const WORDS: &str = "nltk";

/// Digits of a fingerprint.
const DIGITS: usize = 8;

/// Where a run's figures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    pub run: RunId,
    pub seed: u64,
    pub origin: Origin,
}

impl Provenance {
    /// Of a run as it was started.
    pub fn of(detail: &RunDetail) -> Provenance {
        let origin = format!("settings of run {}", detail.row.id);
        // Settings of another version of the program may not be readable here; the rest is known all the same.
        let config = Config::from_toml(&origin, &detail.config_toml).ok();
        let known = |name: &str| detail.fingerprints.get(name).map(|of| digits(of));
        let model = match &config {
            Some(config) if config.model.source == SCRATCH => {
                Some(format!("scratch{}", config.model.vocabulary))
            }
            _ => known("model").map(str::to_string),
        };
        let data = config.as_ref().map(|config| {
            let sets = [&config.data.dialogues, &config.data.levels].map(|name| known(name));
            let [dialogues, levels] = sets;
            let levels = known("identifiers").or(levels);
            let both: Vec<&str> = dialogues.into_iter().chain(levels).collect();
            let limit = match config.data.test_limit {
                0 => String::new(),
                limit => format!("/test{limit}"),
            };
            format!("data:{}{limit}", both.join("+"))
        });
        Provenance {
            run: detail.row.id,
            seed: detail.row.seed,
            origin: Origin {
                tokenizer: match model {
                    Some(model) => format!("{WORDS}+{model}"),
                    None => WORDS.to_string(),
                },
                data: data.unwrap_or_default(),
                decoding: config.as_ref().map_or(String::new(), decoding),
                commit: detail.environment["commit"]
                    .as_str()
                    .unwrap_or_default()
                    .to_string(),
            },
        }
    }

    /// Of runs of a store, in this order.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn read(reader: &StoreReader, runs: &[RunId]) -> Result<Vec<Provenance>, StoreError> {
        let of = |run: &RunId| Ok(Provenance::of(&reader.run(*run)?));
        runs.iter().map(of).collect()
    }
}

/// How responses were drawn.
fn decoding(config: &Config) -> String {
    let of = &config.sampling;
    format!(
        "top_k={},top_p={},temperature={},tokens={}..{}",
        of.top_k, of.top_p, of.temperature, of.min_new_tokens, of.max_new_tokens
    )
}

fn digits(fingerprint: &str) -> &str {
    fingerprint.get(..DIGITS).unwrap_or(fingerprint)
}

/// Signatures of these metrics of runs: one for all that differ in the seed alone.
pub fn signatures<'a>(
    metrics: &[&str],
    runs: impl IntoIterator<Item = &'a Provenance>,
) -> Vec<Signature> {
    let mut groups: Vec<(&Origin, Vec<u64>)> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|(origin, _)| **origin == run.origin) {
            Some((_, seeds)) if seeds.contains(&run.seed) => {}
            Some((_, seeds)) => seeds.push(run.seed),
            None => groups.push((&run.origin, vec![run.seed])),
        }
    }
    groups
        .into_iter()
        .map(|(origin, seeds)| Signature::new(metrics, origin, &seeds))
        .collect()
}

/// The signature of a system's scores. Responses from elsewhere are given: how they were drawn is not known here.
pub fn system_signature(metrics: &[&str], system: &SystemRow) -> Signature {
    let origin = Origin {
        tokenizer: WORDS.to_string(),
        data: format!("data:{}", digits(&system.sha256)),
        decoding: "given".to_string(),
        commit: NONE.to_string(),
    };
    Signature::new(metrics, &origin, &[])
}
