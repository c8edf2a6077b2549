//! What a language model costs, whatever its architecture.

use super::{llama, t5};
use crate::nn::LanguageModelConfig;

/// Parameters.
pub(super) fn parameters(model: &LanguageModelConfig) -> u64 {
    match model {
        LanguageModelConfig::T5(shape) => t5::parameters(shape),
        LanguageModelConfig::Llama(shape) => llama::parameters(shape),
    }
}

/// Activations that a forward pass on contexts of `source` and responses of `target` tokens keeps for the backward
/// pass, with logits, their derivative and their gradient.
pub(super) fn activations(
    model: &LanguageModelConfig,
    batch: usize,
    source: usize,
    target: usize,
) -> u64 {
    match model {
        LanguageModelConfig::T5(shape) => t5::activations(shape, batch, source, target),
        LanguageModelConfig::Llama(shape) => llama::activations(shape, batch, source, target),
    }
}

/// Operations of a forward pass.
pub(super) fn operations(model: &LanguageModelConfig, source: f64, target: f64) -> f64 {
    match model {
        LanguageModelConfig::T5(shape) => t5::operations(shape, source, target),
        LanguageModelConfig::Llama(shape) => llama::operations(shape, source, target),
    }
}

/// Operations of a forward and a backward pass. Products whose weights are trained have a second product in the
/// backward pass.
pub(super) fn update(
    model: &LanguageModelConfig,
    source: f64,
    target: f64,
    trains_model: bool,
) -> f64 {
    let passes = if trains_model { 3.0 } else { 2.0 };
    passes * operations(model, source, target)
}
