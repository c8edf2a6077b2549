//! The three trained identifiers in use: log-probabilities of the empathy levels of responses.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::tensors::{Tokens, floats};
use crate::data::batch::{cut_context, cut_target};
use crate::data::{EmpathyLevel, Mechanism};
use crate::nn::Dropout;
use crate::nn::identifier::{Identifier, IdentifierConfig};
use crate::text::{EOS, Tokenizer};

/// Log-probabilities of the three levels, for each mechanism.
pub type LevelLogProbs = [[f32; 3]; 3];

/// An identifier for each mechanism, with the tokenizer they were trained with.
pub struct IdentifierSet {
    identifiers: Vec<Identifier>,
    config: IdentifierConfig,
    tokenizer: Tokenizer,
    max_context: usize,
    max_response: usize,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    network: IdentifierConfig,
    max_context: usize,
    max_response: usize,
}

const MANIFEST: &str = "identifiers.json";
const TOKENIZER: &str = "tokenizer.json";

/// The file of a mechanism's identifier in a checkpoint.
pub fn weights_file(mechanism: Mechanism) -> PathBuf {
    PathBuf::from(format!("{}.safetensors", mechanism.key()))
}

impl IdentifierSet {
    /// `identifiers` in the order of [`Mechanism::ALL`].
    pub fn new(
        identifiers: Vec<Identifier>,
        config: IdentifierConfig,
        tokenizer: Tokenizer,
        max_context: usize,
        max_response: usize,
    ) -> Self {
        IdentifierSet {
            identifiers,
            config,
            tokenizer,
            max_context,
            max_response,
        }
    }

    /// Writes the set into `folder`.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        for (mechanism, identifier) in Mechanism::ALL.iter().zip(&self.identifiers) {
            identifier.save(&folder.join(weights_file(*mechanism)))?;
        }
        self.tokenizer.save(folder.join(TOKENIZER))?;
        write_json(
            &folder.join(MANIFEST),
            &Manifest {
                network: self.config.clone(),
                max_context: self.max_context,
                max_response: self.max_response,
            },
        )
    }

    /// Reads what [`IdentifierSet::save`] wrote.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, TrainError> {
        let manifest: Manifest = read_json(&folder.join(MANIFEST))?;
        let identifiers = Mechanism::ALL
            .iter()
            .map(|mechanism| {
                Identifier::load(
                    &manifest.network,
                    &folder.join(weights_file(*mechanism)),
                    device,
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(IdentifierSet {
            identifiers,
            config: manifest.network,
            tokenizer: Tokenizer::from_file(folder.join(TOKENIZER))?,
            max_context: manifest.max_context,
            max_response: manifest.max_response,
        })
    }

    /// Log-probabilities of the levels of each (context, response), in the given order.
    pub fn log_probs(
        &self,
        pairs: &[(&str, &str)],
        batch: usize,
        device: &Device,
    ) -> Vec<LevelLogProbs> {
        let encoded = pairs
            .iter()
            .map(|(context, response)| {
                encode_pair(
                    &self.tokenizer,
                    context,
                    response,
                    self.max_context,
                    self.max_response,
                )
            })
            .collect::<Vec<_>>();
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by_key(|&index| (encoded[index].0.len(), encoded[index].1.len()));
        let mut result = vec![[[0.0; 3]; 3]; pairs.len()];
        for indices in order.chunks(batch) {
            let contexts = Tokens::pad(
                &indices.iter().map(|&i| &encoded[i].0).collect::<Vec<_>>(),
                device,
            );
            let responses = Tokens::pad(
                &indices.iter().map(|&i| &encoded[i].1).collect::<Vec<_>>(),
                device,
            );
            for (mechanism, identifier) in self.identifiers.iter().enumerate() {
                let logits = identifier.forward(
                    contexts.ids.clone(),
                    &contexts.mask,
                    responses.ids.clone(),
                    &responses.mask,
                    &mut Dropout::off(),
                );
                for (row, &index) in floats(log_softmax(logits, 1)).chunks(3).zip(indices) {
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

/// Context and response as identifiers read them.
pub fn encode_pair(
    tokenizer: &Tokenizer,
    context: &str,
    response: &str,
    max_context: usize,
    max_response: usize,
) -> (Vec<u32>, Vec<u32>) {
    (
        cut_context(&tokenizer.encode(context), max_context, EOS),
        cut_target(&tokenizer.encode(response), max_response, EOS),
    )
}
