//! Generating responses token by token, with a key/value cache.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Dropout;
use super::prefix::PrefixVectors;
use super::sampling::Sampling;
use super::t5::T5;

/// A sampled response.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Token ids, eos included if it ended with one.
    pub tokens: Vec<u32>,
    /// Natural log-probability of each, under the full, untempered softmax.
    pub log_probs: Vec<f32>,
    /// Whether it ended with eos rather than at the maximum length.
    pub ended: bool,
}

/// Samples one response to each context. Every row has its own random stream, so that a batch gives what each
/// row alone would. Rows that have ended leave the batch.
///
/// `model` and `prefix` must be without autodiff, or the tape grows with every token.
///
/// # Panics
/// If there are not as many streams as contexts.
pub fn generate<R: AsRef<[u32]>>(
    model: &T5,
    prefix: Option<&PrefixVectors>,
    contexts: &[R],
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
) -> Vec<Generated> {
    generate_while(model, prefix, contexts, sampling, streams, &mut |_| true)
}

/// As [`generate`]; `keep_going` is called with the responses after every token, and `false` ends them.
///
/// # Panics
/// As [`generate`].
pub fn generate_while<R: AsRef<[u32]>>(
    model: &T5,
    prefix: Option<&PrefixVectors>,
    contexts: &[R],
    sampling: &Sampling,
    streams: &mut [ChaCha8Rng],
    keep_going: &mut dyn FnMut(&[Generated]) -> bool,
) -> Vec<Generated> {
    assert_eq!(contexts.len(), streams.len(), "one stream for each context");
    let mut responses: Vec<Generated> = contexts
        .iter()
        .map(|_| Generated {
            tokens: Vec::new(),
            log_probs: Vec::new(),
            ended: false,
        })
        .collect();
    if contexts.is_empty() || sampling.max_new_tokens == 0 {
        return responses;
    }
    let device = model.device().without_autodiff();
    let config = model.config();
    let eos = config.eos_token_id;
    let (ids, mask) = pad(contexts, config.pad_token_id, &device);
    let encoded = model.encode(ids, &mask, prefix, &mut Dropout::off());
    let mut cache = model.start(&encoded, &mask, prefix);
    // Rows of the batch, as positions in `contexts`, and the last token of each.
    let mut rows: Vec<usize> = (0..contexts.len()).collect();
    let mut last = vec![config.decoder_start_token_id; rows.len()];
    for position in 0..sampling.max_new_tokens {
        let ids: Vec<i32> = last.iter().map(|id| *id as i32).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows.len(), 1]), &device);
        let hidden = model.decode_next(ids, &mut cache, prefix);
        let logits = model.logits(hidden).into_data_as::<f32>();
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
            .zip(logits.par_chunks(config.vocab_size).zip(&mut last))
            .filter(|((response, _), _)| !response.ended)
            .for_each_init(Vec::new, |scratch, ((response, stream), (logits, last))| {
                let (token, log_prob) = sampling.draw(logits, position, eos, stream, scratch);
                response.tokens.push(token);
                response.log_probs.push(log_prob);
                response.ended = token == eos;
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
            let indices: Vec<i32> = active.iter().map(|at| *at as i32).collect();
            let indices =
                Tensor::<1, Int>::from_data(TensorData::new(indices, [active.len()]), &device);
            cache = cache.select(&indices);
            rows = active.iter().map(|&at| rows[at]).collect();
            last = active.iter().map(|&at| last[at]).collect();
        }
    }
    responses
}

/// Ids and mask of `rows`, padded on the right with `pad`; an empty row, and no rows at all, still make one column.
pub fn pad<R: AsRef<[u32]>>(rows: &[R], pad: u32, device: &Device) -> (Tensor<2, Int>, Tensor<2>) {
    let longest = rows.iter().map(|row| row.as_ref().len()).max();
    let width = longest.unwrap_or(0).max(1);
    let mut ids = vec![pad as i32; rows.len() * width];
    let mut mask = vec![0.0_f32; rows.len() * width];
    for (row, (ids, mask)) in rows
        .iter()
        .zip(ids.chunks_mut(width).zip(mask.chunks_mut(width)))
    {
        let row = row.as_ref();
        for (slot, id) in ids.iter_mut().zip(row) {
            *slot = *id as i32;
        }
        mask[..row.len()].fill(1.0);
    }
    let shape = [rows.len(), width];
    (
        Tensor::from_data(TensorData::new(ids, shape), device),
        Tensor::from_data(TensorData::new(mask, shape), device),
    )
}
