//! T5 as a language model of responses: the encoder reads the context, the decoder the response shifted right.

use burn::tensor::{Int, Tensor, TensorData};

use super::{Cache, T5};
use crate::nn::Dropout;
use crate::nn::adapter::AdapterWeights;
use crate::nn::padding::pad;

impl T5 {
    /// Final decoder states `[batch, response tokens, d_model]`, each of which predicts the response's token at its
    /// position (teacher forcing).
    pub fn forward<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let (device, config) = (self.device().without_autodiff(), self.config());
        let (ids, mask) = pad(contexts, config.pad_token_id, &device);
        let encoded = self.encode(ids, &mask, adapter, dropout);
        let inputs = shift_right(responses, config.decoder_start_token_id);
        let (ids, _) = pad(&inputs, config.pad_token_id, &device);
        self.decode(ids, &encoded, &mask, adapter, dropout)
    }

    /// A cache after each context, and the states `[batch, 1, d_model]` that predict the first tokens.
    pub fn start<C: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        adapter: Option<&AdapterWeights>,
    ) -> (Cache, Tensor<3>) {
        let (device, config) = (self.device().without_autodiff(), self.config());
        let (ids, mask) = pad(contexts, config.pad_token_id, &device);
        let encoded = self.encode(ids, &mask, adapter, &mut Dropout::off());
        let mut cache = self.start_decoding(&encoded, &mask, adapter);
        let first = vec![config.decoder_start_token_id; contexts.len()];
        let hidden = self.next(&first, &mut cache, adapter);
        (cache, hidden)
    }

    /// The states `[batch, 1, d_model]` that predict what follows `tokens`, one of each row.
    pub fn next(
        &self,
        tokens: &[u32],
        cache: &mut Cache,
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        let device = self.device().without_autodiff();
        let ids: Vec<i32> = tokens.iter().map(|id| *id as i32).collect();
        let ids = TensorData::new(ids, [tokens.len(), 1]);
        let ids = Tensor::<2, Int>::from_data(ids, &device);
        self.decode_next(ids, cache, adapter)
    }
}

/// Decoder inputs that predict `rows`: the start token, then all tokens but the last.
fn shift_right<R: AsRef<[u32]>>(rows: &[R], start: u32) -> Vec<Vec<u32>> {
    rows.iter()
        .map(|row| {
            let row = row.as_ref();
            let mut shifted = Vec::with_capacity(row.len());
            if let Some((_, all_but_last)) = row.split_last() {
                shifted.push(start);
                shifted.extend_from_slice(all_but_last);
            }
            shifted
        })
        .collect()
}
