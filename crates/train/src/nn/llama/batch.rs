//! Rows of token ids as one batch: contexts padded on the left, responses after them on the right.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Tokens that a decoder reads at once.
pub(super) struct Batch {
    /// `[batch, tokens]`
    pub ids: Tensor<2, Int>,
    /// `[batch, tokens]`: 1 where a token is real.
    pub mask: Tensor<2>,
    /// Of every token, counting real ones only.
    pub positions: Vec<Vec<usize>>,
}

impl Batch {
    /// Contexts, none of them empty, padded on the left to the longest; then `width` columns of responses, cut off
    /// or padded there. Positions begin at `first`. `pad` is in the vocabulary and is not seen.
    pub fn of(
        contexts: &[&[u32]],
        responses: &[&[u32]],
        width: usize,
        first: usize,
        pad: u32,
        device: &Device,
    ) -> Self {
        let longest = contexts.iter().map(|context| context.len()).max();
        let longest = longest.unwrap_or(0);
        let tokens = longest + width;
        let mut ids = vec![pad as i32; contexts.len() * tokens];
        let mut mask = vec![0.0_f32; contexts.len() * tokens];
        let mut positions = vec![vec![first; tokens]; contexts.len()];
        for (index, context) in contexts.iter().enumerate() {
            let response = responses.get(index).map_or(&[][..], |response| response);
            let start = longest - context.len();
            let real = context.iter().chain(response.iter().take(width));
            for (position, (column, id)) in (start..).zip(real).enumerate() {
                let at = index * tokens + column;
                ids[at] = *id as i32;
                mask[at] = 1.0;
                positions[index][column] = first + position;
            }
        }
        let shape = [contexts.len(), tokens];
        Batch {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
            positions,
        }
    }
}
