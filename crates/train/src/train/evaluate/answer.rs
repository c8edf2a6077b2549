//! A policy's responses to many contexts, each drawn from a random stream of its own.

use std::ops::ControlFlow;

use crate::experiment::SamplingSettings;
use crate::nn::sampling::Sampling;
use crate::nn::{Generated, generate};
use crate::train::policy::Policy;
use crate::train::seed::{Draw, stream};
use crate::train::tensors::by_length;

/// The sampling settings in the form that [`generate`] takes.
pub fn sampling(settings: &SamplingSettings) -> Sampling {
    Sampling {
        max_new_tokens: settings.max_new_tokens,
        min_new_tokens: settings.min_new_tokens,
        greedy: false,
        top_k: settings.top_k,
        top_p: settings.top_p as f32,
        temperature: settings.temperature as f32,
    }
}

/// Whose random streams responses are drawn from: one for each source.
#[derive(Clone, Copy, Debug)]
pub(in crate::train) struct Samples {
    pub seed: u64,
    pub draw: Draw,
    pub index: u64,
}

impl Samples {
    /// Those of a system's answers.
    pub fn answers(seed: u64) -> Self {
        Samples {
            seed,
            draw: Draw::Answer,
            index: 0,
        }
    }
}

/// Answers every source, `batch` at once, each from its own random stream whatever the batches are. `done` is
/// called with the number answered so far; if it breaks, only the answers so far are returned.
pub(in crate::train) fn answer_all(
    policy: &Policy,
    sources: &[&[u32]],
    sampling: &Sampling,
    samples: Samples,
    batch: usize,
    done: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Vec<Generated> {
    let adapter = policy.adapter_weights();
    let mut answers: Vec<Option<Generated>> = vec![None; sources.len()];
    let mut finished = 0;
    for indices in by_length(sources.len(), batch, |index| sources[index].len()) {
        let rows: Vec<&[u32]> = indices.iter().map(|&index| sources[index]).collect();
        let mut streams: Vec<_> = indices
            .iter()
            .map(|&row| stream(samples.seed, samples.draw, samples.index, row as u64))
            .collect();
        let generated = generate(
            &policy.model,
            adapter.as_ref(),
            &rows,
            sampling,
            &mut streams,
        );
        for (&index, answer) in indices.iter().zip(generated) {
            answers[index] = Some(answer);
        }
        finished += indices.len();
        if done(finished).is_break() {
            break;
        }
    }
    answers.into_iter().flatten().collect()
}
