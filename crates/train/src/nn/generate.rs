//! Generating responses token by token, with a key/value cache.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::adapter::AdapterWeights;
use super::language_model::{Generation, LanguageModel};
use super::sampling::Sampling;

/// A sampled response.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Token ids, with the eos where it ended with one.
    pub tokens: Vec<u32>,
    /// Natural log-probability of each, under the full, untempered softmax.
    pub log_probs: Vec<f32>,
    /// Whether it ended with eos rather than at the maximum length.
    pub ended: bool,
}

/// Samples one response to each context. Every row has its own random stream, so that a batch gives what each
/// row alone would. Rows that have ended leave the batch.
///
/// `model` and `adapter` must be without autodiff, or the tape grows with every token.
///
/// # Panics
/// If there are not as many streams as contexts.
pub fn generate<R: AsRef<[u32]>>(
    model: &LanguageModel,
    adapter: Option<&AdapterWeights>,
    contexts: &[R],
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
) -> Vec<Generated> {
    generate_while(model, adapter, contexts, sampling, streams, &mut |_| true)
}

/// As [`generate`], with `count` responses to each context, those of one context side by side. A context is read
/// once; there is a stream for each response.
///
/// # Panics
/// If there are not as many streams as responses.
pub fn generate_groups<R: AsRef<[u32]>>(
    model: &LanguageModel,
    adapter: Option<&AdapterWeights>,
    contexts: &[R],
    count: usize,
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
) -> Vec<Generated> {
    let rows: Vec<usize> = (0..contexts.len() * count).map(|row| row / count).collect();
    assert_eq!(rows.len(), streams.len(), "one stream for each response");
    let start = || model.start(contexts, adapter).select(&rows);
    respond(model, adapter, start, sampling, streams, &mut |_| true)
}

/// As [`generate`]; `keep_going` is called with the responses after every token, and `false` ends them.
///
/// # Panics
/// As [`generate`].
pub fn generate_while<R: AsRef<[u32]>>(
    model: &LanguageModel,
    adapter: Option<&AdapterWeights>,
    contexts: &[R],
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
    keep_going: &mut dyn FnMut(&[Generated]) -> bool,
) -> Vec<Generated> {
    assert_eq!(contexts.len(), streams.len(), "one stream for each context");
    let start = || model.start(contexts, adapter);
    respond(model, adapter, start, sampling, streams, keep_going)
}

/// Samples a response from each stream, in the rows that `start` begins.
fn respond(
    model: &LanguageModel,
    adapter: Option<&AdapterWeights>,
    start: impl FnOnce() -> Generation,
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
    keep_going: &mut dyn FnMut(&[Generated]) -> bool,
) -> Vec<Generated> {
    let mut responses: Vec<Generated> = streams
        .iter()
        .map(|_| Generated {
            tokens: Vec::new(),
            log_probs: Vec::new(),
            ended: false,
        })
        .collect();
    if responses.is_empty() || sampling.max_new_tokens == 0 {
        return responses;
    }
    let eos = model.eos_token_ids();
    let mut generation = start();
    // Rows of the batch, as positions in `responses`, and the last token of each.
    let mut rows: Vec<usize> = (0..responses.len()).collect();
    let mut last = vec![0; rows.len()];
    for position in 0..sampling.max_new_tokens {
        let hidden = match position {
            0 => generation.first.clone(),
            _ => model.next(&last, &mut generation, adapter),
        };
        let logits = model.logits(hidden);
        let vocabulary = logits.dims()[2];
        let logits = logits.into_data_as::<f32>();
        #[expect(clippy::expect_used, reason = "the line above asked for this type")]
        let logits = logits.as_slice::<f32>().expect("it was asked for f32");
        let mut of_row: Vec<_> = responses
            .iter_mut()
            .zip(streams.iter_mut())
            .map(Some)
            .collect();
        let active: Vec<_> = rows.iter().filter_map(|&row| of_row[row].take()).collect();
        active
            .into_par_iter()
            .zip(logits.par_chunks(vocabulary).zip(&mut last))
            .filter(|((response, _), _)| !response.ended)
            .for_each_init(Vec::new, |scratch, ((response, stream), (logits, last))| {
                let (token, log_prob) = sampling.draw(logits, position, eos, stream, scratch);
                response.tokens.push(token);
                response.log_probs.push(log_prob);
                response.ended = eos.contains(&token);
                *last = token;
            });
        let active: Vec<usize> = (0..rows.len())
            .filter(|&at| !responses[rows[at]].ended)
            .collect();
        if !keep_going(&responses) || active.is_empty() {
            break;
        }
        // Copying the cache pays once a quarter of the batch has ended.
        if active.len() * 4 <= rows.len() * 3 {
            generation = generation.select(&active);
            rows = active.iter().map(|&at| rows[at]).collect();
            last = active.iter().map(|&at| last[at]).collect();
        }
    }
    responses
}
