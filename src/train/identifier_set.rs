//! The three trained identifiers in use: log-probabilities of the empathy levels of responses.

use std::path::{Path, PathBuf};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::tensors::{Tokens, by_length, floats};
use crate::data::batch::{cut_context, cut_target, is_cut};
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::TruncatedPair;
use crate::nn::identifier::{Identifier, IdentifierConfig};
use crate::nn::{Dropout, in_bf16};
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
    /// Whether the tokenizer finds special tokens in texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    special_tokens: bool,
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

    /// The same with its networks' weights in bf16.
    #[must_use]
    pub fn in_bf16(self) -> Self {
        IdentifierSet {
            identifiers: self.identifiers.into_iter().map(in_bf16).collect(),
            ..self
        }
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
        self.tokenizer.save(folder.join(TOKENIZER))?;
        write_json(
            &folder.join(MANIFEST),
            &Manifest {
                network: self.config.clone(),
                max_context: self.max_context,
                max_response: self.max_response,
                special_tokens: self.tokenizer.special_tokens(),
            },
        )
    }

    /// Reads what [`IdentifierSet::save`] wrote.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, TrainError> {
        let manifest: Manifest = read_json(&folder.join(MANIFEST))?;
        let identifiers = Mechanism::ALL
            .iter()
            .map(|mechanism| {
                let path = folder.join(weights_file(*mechanism));
                Identifier::load(&manifest.network, &path, device)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(IdentifierSet {
            identifiers,
            config: manifest.network,
            tokenizer: Tokenizer::from_file(folder.join(TOKENIZER))?
                .with_special_tokens(manifest.special_tokens),
            max_context: manifest.max_context,
            max_response: manifest.max_response,
        })
    }

    /// The most tokens that are read of a context and of a response.
    pub fn limits(&self) -> (usize, usize) {
        (self.max_context, self.max_response)
    }

    /// Which texts of each (context, response) are longer than is read.
    pub fn truncated(&self, pairs: &[(&str, &str)]) -> Vec<TruncatedPair> {
        let is_longer =
            |text: &str, max| is_cut(&self.tokenizer.encode_plain(text), max, Some(EOS));
        let pair = |&(context, response): &(&str, &str)| TruncatedPair {
            context: is_longer(context, self.max_context),
            response: is_longer(response, self.max_response),
        };
        pairs.iter().map(pair).collect()
    }

    /// Log-probabilities of the levels of each (context, response), in the given order.
    pub fn log_probs(
        &self,
        pairs: &[(&str, &str)],
        batch: usize,
        device: &Device,
    ) -> Vec<LevelLogProbs> {
        let (max_context, max_response) = (self.max_context, self.max_response);
        let encode = |&(context, response): &(&str, &str)| {
            EncodedPair::new(
                &self.tokenizer,
                context,
                response,
                max_context,
                max_response,
            )
        };
        let encoded: Vec<EncodedPair> = pairs.iter().map(encode).collect();
        let mut result = vec![[[0.0; 3]; 3]; pairs.len()];
        for indices in by_length(pairs.len(), batch, |index| encoded[index].lengths()) {
            let pairs: Vec<&EncodedPair> = indices.iter().map(|&index| &encoded[index]).collect();
            let pairs = PaddedPairs::new(&pairs, device);
            for (mechanism, identifier) in self.identifiers.iter().enumerate() {
                let logits = pairs.logits(identifier, &mut Dropout::off());
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

/// A context and a response as identifiers read them.
pub struct EncodedPair {
    pub context: Vec<u32>,
    pub response: Vec<u32>,
}

impl EncodedPair {
    pub fn new(
        tokenizer: &Tokenizer,
        context: &str,
        response: &str,
        max_context: usize,
        max_response: usize,
    ) -> Self {
        EncodedPair {
            context: cut_context(&tokenizer.encode_plain(context), max_context, Some(EOS)),
            response: cut_target(&tokenizer.encode_plain(response), max_response, Some(EOS)),
        }
    }

    /// Tokens of context and response.
    pub fn lengths(&self) -> (usize, usize) {
        (self.context.len(), self.response.len())
    }
}

/// A batch of pairs on a device.
pub struct PaddedPairs {
    contexts: Tokens,
    responses: Tokens,
}

impl PaddedPairs {
    pub fn new(pairs: &[&EncodedPair], device: &Device) -> Self {
        let pad = |side: fn(&EncodedPair) -> &[u32]| {
            let rows: Vec<&[u32]> = pairs.iter().map(|pair| side(pair)).collect();
            Tokens::pad(&rows, device)
        };
        PaddedPairs {
            contexts: pad(|pair| &pair.context),
            responses: pad(|pair| &pair.response),
        }
    }

    /// Logits `[pairs, 3]`.
    pub fn logits(&self, identifier: &Identifier, dropout: &mut Dropout) -> Tensor<2> {
        let (contexts, responses) = (&self.contexts, &self.responses);
        identifier.forward(
            contexts.ids.clone(),
            &contexts.mask,
            responses.ids.clone(),
            &responses.mask,
            dropout,
        )
    }
}
