//! The three trained identifiers in use: log-probabilities of the empathy levels of responses.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::pair_tokenizer::{EncodedPair, PairTokenizer};
use super::tensors::{by_length, floats};
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::TruncatedPair;
use crate::nn::identifier::{Identifier, IdentifierConfig};
use crate::nn::{Dropout, in_bf16};
use crate::text::Tokenizer;

/// Log-probabilities of the three levels, for each mechanism.
pub type LevelLogProbs = [[f32; 3]; 3];

/// An identifier for each mechanism, with the tokenizer they were trained with.
pub struct IdentifierSet {
    identifiers: Vec<Identifier>,
    config: IdentifierConfig,
    tokenizer: PairTokenizer,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    network: IdentifierConfig,
    max_context: usize,
    max_response: usize,
    /// Whether the tokenizer finds special tokens in texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    special_tokens: bool,
}

const MANIFEST: &str = "identifiers.json";
const TOKENIZER: &str = "tokenizer.json";

impl Manifest {
    fn read(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(MANIFEST);
        let manifest: Manifest = read_json(&path)?;
        let longest = manifest.max_context + manifest.max_response;
        let problem = match manifest.network.problem() {
            Some((field, problem)) => format!("`{field}` {problem}"),
            None if manifest
                .network
                .longest()
                .is_some_and(|most| most < longest) =>
            {
                format!("pairs of {longest} tokens are more than its encoder can read")
            }
            None => return Ok(manifest),
        };
        Err(TrainError::Foreign { path, problem })
    }
}

/// The file of a mechanism's identifier in a checkpoint.
pub fn weights_file(mechanism: Mechanism) -> PathBuf {
    PathBuf::from(format!("{}.safetensors", mechanism.key()))
}

impl IdentifierSet {
    /// `identifiers` in the order of [`Mechanism::ALL`].
    pub fn new(
        identifiers: Vec<Identifier>,
        config: IdentifierConfig,
        tokenizer: PairTokenizer,
    ) -> Self {
        IdentifierSet {
            identifiers,
            config,
            tokenizer,
        }
    }

    /// The same with its networks' weights in bf16.
    #[must_use]
    pub fn in_bf16(self) -> Self {
        IdentifierSet {
            identifiers: self.identifiers.into_iter().map(in_bf16).collect(),
            ..self
        }
    }

    pub fn config(&self) -> &IdentifierConfig {
        &self.config
    }

    /// Whether a set was saved into `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(MANIFEST).is_file()
    }

    /// Names of the files that [`IdentifierSet::save`] writes.
    pub fn files() -> impl Iterator<Item = String> {
        let weights = Mechanism::ALL.map(weights_file);
        let weights = weights.map(|name| name.to_string_lossy().into_owned());
        [MANIFEST, TOKENIZER]
            .map(str::to_string)
            .into_iter()
            .chain(weights)
    }

    /// Writes the set into `folder`.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        for (mechanism, identifier) in Mechanism::ALL.iter().zip(&self.identifiers) {
            identifier.save(&folder.join(weights_file(*mechanism)))?;
        }
        let tokenizer = self.tokenizer.tokenizer();
        tokenizer.save(folder.join(TOKENIZER))?;
        let (max_context, max_response) = self.limits();
        write_json(
            &folder.join(MANIFEST),
            &Manifest {
                network: self.config.clone(),
                max_context,
                max_response,
                special_tokens: tokenizer.special_tokens(),
            },
        )
    }

    /// The shape of the identifiers in `folder`.
    ///
    /// # Errors
    /// There are none, or the file that says so is damaged.
    pub fn config_in(folder: &Path) -> Result<IdentifierConfig, TrainError> {
        Ok(Manifest::read(folder)?.network)
    }

    /// Reads what [`IdentifierSet::save`] wrote.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, TrainError> {
        let manifest = Manifest::read(folder)?;
        let identifiers = Mechanism::ALL
            .iter()
            .map(|mechanism| {
                let path = folder.join(weights_file(*mechanism));
                Identifier::load(&manifest.network, &path, device)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let tokenizer = Tokenizer::from_file(folder.join(TOKENIZER))?
            .with_special_tokens(manifest.special_tokens);
        let (max_context, max_response) = (manifest.max_context, manifest.max_response);
        Ok(IdentifierSet {
            identifiers,
            tokenizer: PairTokenizer::new(tokenizer, &manifest.network, max_context, max_response),
            config: manifest.network,
        })
    }

    /// The most tokens that are read of a context and of a response.
    pub fn limits(&self) -> (usize, usize) {
        self.tokenizer.limits()
    }

    /// Which texts of each (context, response) are longer than is read.
    pub fn truncated(&self, pairs: &[(&str, &str)]) -> Vec<TruncatedPair> {
        pairs
            .iter()
            .map(|(context, response)| self.tokenizer.truncated(context, response))
            .collect()
    }

    /// Log-probabilities of the levels of each (context, response), in the given order.
    pub fn log_probs(
        &self,
        pairs: &[(&str, &str)],
        batch: usize,
        device: &Device,
    ) -> Vec<LevelLogProbs> {
        let encode = |(context, response): &(&str, &str)| self.tokenizer.encode(context, response);
        let encoded: Vec<EncodedPair> = pairs.iter().map(encode).collect();
        let mut result = vec![[[0.0; 3]; 3]; pairs.len()];
        let lengths = |index: usize| {
            let (context, response) = encoded[index].lengths();
            self.identifiers[0].padded_lengths(context, response)
        };
        for indices in by_length(pairs.len(), batch, lengths) {
            let pairs = indices.iter().map(|&index| &encoded[index]);
            let (contexts, responses): (Vec<&[u32]>, Vec<&[u32]>) = pairs
                .map(|pair| (pair.context.as_slice(), pair.response.as_slice()))
                .unzip();
            for (mechanism, identifier) in self.identifiers.iter().enumerate() {
                let off = &mut Dropout::off();
                let logits = identifier.forward(&contexts, &responses, device, off);
                for (row, &index) in floats(log_softmax(logits, 1)).chunks(3).zip(&indices) {
                    result[index][mechanism].copy_from_slice(row);
                }
            }
        }
        result
    }
}

/// The likeliest level of each mechanism.
pub fn levels(log_probs: &LevelLogProbs) -> [EmpathyLevel; 3] {
    log_probs.map(|row| EmpathyLevel::ALL[argmax(&row)])
}

/// Index of the largest value; the first of equals.
pub fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}
