//! Trained models outside a run: answers, scores, levels, metrics.
//!
//! The interface is folders, texts, settings and numbers; callers need no tensors.

use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;

use super::auditor;
use super::base::dequantised;
use super::control_answers::ConstantSearch;
use super::error::TrainError;
use super::evaluate::{Examiner, Samples, answer_all, sampling};
use super::fingerprint;
use super::identifier_set::{IdentifierSet, levels};
use super::likelihood::log_probs;
use super::material::Material;
use super::model_tokenizer::ModelTokenizer;
use super::policy::Policy;
use super::seed::{Draw, stream};
use super::tensors::by_length;
use super::windows::windows;
use crate::data::{EmpathyLevel, Split, Turns, library};
use crate::experiment::{Config, SamplingSettings};
use crate::metrics::{SystemResults, TruncatedPair};
use crate::nn::adapter::Adapter;
use crate::nn::lora::LoraConfig;
use crate::nn::prefix::PrefixConfig;
use crate::nn::sampling::Sampling;
use crate::nn::{Dropout, Generated, LanguageModelConfig, device, generate_while};

/// A model's folder or a checkpoint of a generator or policy, with its tokenizer.
pub struct SavedModel {
    pub(super) policy: Policy,
    pub(super) tokenizer: ModelTokenizer,
    formats: Vec<(&'static str, usize)>,
}

/// A response to one context.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedResponse {
    pub response: String,
    /// Token ids, with the eos where it ended with one.
    pub tokens: Vec<u32>,
    /// Natural log-probability of each, under the full, untempered softmax.
    pub log_probs: Vec<f32>,
    /// Whether it ended with eos rather than at the maximum length.
    pub ended: bool,
}

/// How responses are generated.
#[derive(Clone, Debug)]
pub struct Drawing<'a> {
    pub settings: &'a SamplingSettings,
    /// Always the likeliest token; no sampling.
    pub greedy: bool,
    /// Each context has its own random stream, derived from this and its index.
    pub seed: u64,
}

impl Drawing<'_> {
    pub(super) fn sampling(&self) -> Sampling {
        Sampling {
            greedy: self.greedy,
            ..sampling(self.settings)
        }
    }
}

/// Architecture and parameters of a saved model.
#[derive(Clone, Debug, Serialize)]
pub struct Anatomy {
    pub config: LanguageModelConfig,
    /// Parameters of the language model itself.
    pub model_parameters: usize,
    /// The tensors in each format that is not f32, f16 or bf16, as they are on disk.
    pub formats: Vec<(&'static str, usize)>,
    pub chat_template: bool,
    pub prefix: Option<PrefixConfig>,
    pub lora: Option<LoraConfig>,
    /// Parameters of the prefix with its reparameterisation, or of LoRA.
    pub adapter_parameters: usize,
    pub value_head: bool,
    /// Tokens of the tokenizer.
    pub tokens: usize,
    /// Whether they are found in texts by name.
    pub special_tokens: bool,
    /// Tensors of the weights file that are no part of the model.
    pub left_out: Vec<String>,
}

impl Anatomy {
    /// What the weights were before they were read as f32, if they were quantised.
    pub fn dequantised(&self) -> Option<String> {
        dequantised(&self.formats)
    }
}

impl SavedModel {
    /// Opens a Hugging Face folder, or what a run saved, on the device of that name.
    ///
    /// # Errors
    /// Something in the folder is missing, damaged, or does not fit the rest; the device is unknown.
    pub fn open(folder: &Path, device: &str) -> Result<Self, TrainError> {
        let device = device::resolve(device)?;
        let (policy, tokenizer) = Policy::load(folder, &device)?;
        Ok(SavedModel {
            policy,
            tokenizer,
            formats: Policy::formats(folder)?,
        })
    }

    /// Whether special tokens that stand in a text become these tokens, other than what the run recorded.
    #[must_use]
    pub fn with_special_tokens(mut self, in_texts: bool) -> Self {
        self.tokenizer = self.tokenizer.with_special_tokens(in_texts);
        self
    }

    pub fn anatomy(&self) -> Anatomy {
        let adapter = self.policy.adapter.as_ref();
        Anatomy {
            formats: self.formats.clone(),
            chat_template: self.tokenizer.chat().is_some(),
            lora: adapter
                .and_then(Adapter::lora)
                .map(|lora| lora.config().clone()),
            config: self.policy.model.config(),
            model_parameters: self.policy.model.num_params(),
            prefix: adapter
                .and_then(Adapter::prefix)
                .map(|prefix| prefix.config().clone()),
            adapter_parameters: adapter.map_or(0, Adapter::num_params),
            value_head: self.policy.value_head.is_some(),
            tokens: self.tokenizer.vocab_size(),
            special_tokens: self.tokenizer.special_tokens(),
            left_out: self.policy.model.left_out().to_vec(),
        }
    }

    /// One response to each context, which is cut to its last `max_source` tokens. Answers `batch` contexts at
    /// once; `done` is called with the number answered so far.
    pub fn answer(
        &self,
        contexts: &[Turns<'_>],
        max_source: usize,
        drawing: &Drawing<'_>,
        batch: usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<GeneratedResponse>, TrainError> {
        self.answer_while(contexts, max_source, drawing, batch, &mut |finished| {
            done(finished);
            ControlFlow::Continue(())
        })
    }

    /// The same until `done` breaks; then only some contexts, in no particular order, have an answer.
    pub fn answer_while(
        &self,
        contexts: &[Turns<'_>],
        max_source: usize,
        drawing: &Drawing<'_>,
        batch: usize,
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Vec<GeneratedResponse>, TrainError> {
        let sources = self.sources(contexts.iter().copied(), max_source)?;
        let sources: Vec<&[u32]> = sources.iter().map(Vec::as_slice).collect();
        let (sampling, samples) = (drawing.sampling(), Samples::answers(drawing.seed));
        let generated = answer_all(&self.policy, &sources, &sampling, samples, batch, done);
        let answers = generated.into_iter();
        Ok(answers.map(|generated| self.answer_of(generated)).collect())
    }

    /// The response of [`SavedModel::answer`] to a single context. `keep_going` is called with the text so far
    /// after every token; if it returns false, there is no response.
    pub fn answer_streaming(
        &self,
        context: Turns<'_>,
        max_source: usize,
        drawing: &Drawing<'_>,
        keep_going: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<GeneratedResponse>, TrainError> {
        let sources = self.sources([context].into_iter(), max_source)?;
        let mut stopped = false;
        let mut generated = generate_while(
            &self.policy.model,
            self.policy.adapter_weights().as_ref(),
            &sources,
            &drawing.sampling(),
            &mut [stream(drawing.seed, Draw::Answer, 0, 0)],
            &mut |so_far| {
                let tokens = so_far.first().map_or(&[][..], |first| &first.tokens);
                stopped = !keep_going(&self.tokenizer.decode(tokens));
                !stopped
            },
        );
        let generated = generated.pop().filter(|_| !stopped);
        Ok(generated.map(|generated| self.answer_of(generated)))
    }

    pub(super) fn answer_of(&self, generated: Generated) -> GeneratedResponse {
        GeneratedResponse {
            response: self.tokenizer.decode(&generated.tokens),
            tokens: generated.tokens,
            log_probs: generated.log_probs,
            ended: generated.ended,
        }
    }

    /// Token ids of a response, with the one that ends it.
    pub fn encode(&self, response: &str) -> Vec<u32> {
        self.tokenizer.response(response, usize::MAX)
    }

    /// Whether these are ids of the model's vocabulary whose text is `response`.
    pub fn spells(&self, tokens: &[u32], response: &str) -> bool {
        let vocabulary = self.policy.model.shape().vocab_size;
        tokens.iter().all(|id| (*id as usize) < vocabulary)
            && self.tokenizer.decode(tokens) == response
    }

    /// Natural log-probabilities of the given response tokens after each context, under the full,
    /// untempered softmax. Ids are within the vocabulary, as those of [`SavedModel::encode`] are.
    pub fn score(
        &self,
        pairs: &[(Turns<'_>, &[u32])],
        max_source: usize,
        batch: usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<Vec<f32>>, TrainError> {
        let (model, adapter) = (&self.policy.model, self.policy.adapter_weights());
        let sources = self.sources(pairs.iter().map(|(context, _)| *context), max_source)?;
        let mut scored = vec![Vec::new(); pairs.len()];
        let mut finished = 0;
        for indices in by_length(pairs.len(), batch, |index| sources[index].len()) {
            let rows: Vec<&[u32]> = indices.iter().map(|&i| sources[i].as_slice()).collect();
            let responses: Vec<&[u32]> = indices.iter().map(|&i| pairs[i].1).collect();
            let dropout = &mut Dropout::off();
            let hidden = model.forward(&rows, &responses, adapter.as_ref(), dropout);
            let log_probs = log_probs(model, hidden, &responses);
            for (&index, row) in indices.iter().zip(log_probs) {
                scored[index] = row;
            }
            finished += indices.len();
            done(finished);
        }
        Ok(scored)
    }

    /// How many of these contexts are longer than `max_source` tokens, and lose their beginning.
    ///
    /// # Errors
    /// The model's chat template refuses a context.
    pub fn truncated(
        &self,
        contexts: &[Turns<'_>],
        max_source: usize,
    ) -> Result<usize, TrainError> {
        let mut truncated = 0;
        for context in contexts {
            truncated += usize::from(self.tokenizer.is_cut(*context, max_source)?);
        }
        Ok(truncated)
    }

    /// How many tokens are read of a context.
    ///
    /// # Errors
    /// The model's chat template refuses it.
    pub fn context_tokens(
        &self,
        context: Turns<'_>,
        max_source: usize,
    ) -> Result<usize, TrainError> {
        Ok(self.tokenizer.context(context, max_source)?.len())
    }

    pub(super) fn sources<'a>(
        &self,
        contexts: impl Iterator<Item = Turns<'a>>,
        max_source: usize,
    ) -> Result<Vec<Vec<u32>>, TrainError> {
        contexts
            .map(|context| self.tokenizer.context(context, max_source))
            .collect()
    }
}

/// The three identifiers of a run.
pub struct SavedIdentifiers {
    pub(super) set: IdentifierSet,
    pub(super) device: Device,
}

/// An identifier's output for a response.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Identified {
    pub level: EmpathyLevel,
    /// Probabilities of the levels no, weak and strong.
    pub probs: [f32; 3],
}

impl SavedIdentifiers {
    /// Opens the identifiers that a run saved, on the device of that name.
    ///
    /// # Errors
    /// As [`SavedModel::open`].
    pub fn open(folder: &Path, device: &str) -> Result<Self, TrainError> {
        let device = device::resolve(device)?;
        let set = IdentifierSet::load(folder, &device)?;
        Ok(SavedIdentifiers { set, device })
    }

    /// The most tokens that are read of a context and of a response.
    pub fn limits(&self) -> (usize, usize) {
        self.set.limits()
    }

    /// Which texts of each (context, response) are longer than is read.
    pub fn truncated(&self, pairs: &[(&str, &str)]) -> Vec<TruncatedPair> {
        self.set.truncated(pairs)
    }

    /// SHA-256 over the files of identifiers in a folder.
    ///
    /// # Errors
    /// One of them is missing.
    pub fn fingerprint(folder: &Path) -> Result<String, TrainError> {
        fingerprint::of_files(folder, IdentifierSet::files())
    }

    /// The windows in which a response is read: whole, where it is no longer than the identifiers read.
    pub fn windows<'a>(&self, response: &'a str) -> Vec<&'a str> {
        windows(response, |text| {
            !self.set.truncated(&[("", text)])[0].response
        })
    }

    /// Levels of each (context, response), by mechanism.
    pub fn identify(
        &self,
        pairs: &[(&str, &str)],
        batch: usize,
        done: &mut dyn FnMut(usize),
    ) -> Vec<[Identified; 3]> {
        self.identify_while(pairs, batch, &mut |finished| {
            done(finished);
            ControlFlow::Continue(())
        })
    }

    /// The same until `done` breaks; then only the first pairs are identified.
    pub fn identify_while(
        &self,
        pairs: &[(&str, &str)],
        batch: usize,
        done: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Vec<[Identified; 3]> {
        /// Batches between two reports of progress: enough to find rows of similar length.
        const AT_ONCE: usize = 32;
        let mut identified = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(batch * AT_ONCE) {
            for log_probs in self.set.log_probs(pairs, batch, &self.device) {
                let levels = levels(&log_probs);
                identified.push([0, 1, 2].map(|mechanism: usize| Identified {
                    level: levels[mechanism],
                    probs: log_probs[mechanism].map(f32::exp),
                }));
            }
            if done(identified.len()).is_break() {
                break;
            }
        }
        identified
    }
}

/// Evaluates a checkpoint on a split of its run's own data with its run's settings, as the evaluation stage
/// does.
///
/// # Errors
/// The data are missing, or as [`SavedModel::open`].
pub fn examine(
    store: &Path,
    config: &Config,
    model: &Path,
    identifiers: Option<&Path>,
    system: &str,
    split: Split,
) -> Result<SystemResults, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let dialogues = library::open_dialogues(store, &config.data.dialogues)?;
    let (policy, tokenizer) = Policy::load(model, &device)?;
    let rewarding = identifiers;
    let identifiers = identifiers
        .map(|folder| IdentifierSet::load(folder, &device))
        .transpose()?;
    let (settings, seed) = (&config.data, config.run.seed);
    let material = Material::prepare(Some(&dialogues), settings, seed, &tokenizer)?;
    let examples = match split {
        Split::Train => &material.train,
        Split::Validation => &material.validation,
        Split::Test => &material.test,
    };
    let search = ConstantSearch {
        train: &material.train,
        found: &OnceCell::new(),
    };
    let auditors = auditor::open_named(config, store, &device)?;
    if let Some(folder) = rewarding {
        auditor::refuse_reward(&auditors, folder)?;
    }
    let examiner = Examiner::new(
        config,
        &tokenizer,
        identifiers.as_ref(),
        &auditors,
        search,
        &device,
    );
    let exam = examiner.exam(examples);
    let answers = examiner.answer(&policy, &exam);
    let losses = examiner.losses(&policy, examples);
    Ok(examiner.results(system, split.key(), &exam, &answers, &losses))
}
