//! From token rows on the host to padded tensors on a device, and back.

use burn::tensor::{Device, Int, Tensor};

use crate::nn::pad;

/// Rows of token ids, padded on the right to the longest one.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// `[batch, tokens]`, 0 where padded.
    pub ids: Tensor<2, Int>,
    /// `[batch, tokens]`, 1 where real and 0 where padded.
    pub mask: Tensor<2>,
    /// Real tokens in all rows together.
    pub real: usize,
}

impl Tokens {
    /// Pads `rows`; an empty row, and no rows at all, still make one column.
    pub fn pad<R: AsRef<[u32]>>(rows: &[R], device: &Device) -> Self {
        let (ids, mask) = pad(rows, 0, device);
        let real = rows.iter().map(|row| row.as_ref().len()).sum();
        Tokens { ids, mask, real }
    }
}

/// Indices of `count` items in batches of similar length, shortest first; `length` is the sort key.
pub fn by_length<K: Ord>(
    count: usize,
    batch: usize,
    length: impl Fn(usize) -> K,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&index| length(index));
    order.chunks(batch.max(1)).map(<[usize]>::to_vec).collect()
}

/// The rows of a `[batch, tokens]` tensor, each cut to its real length.
pub fn to_rows(tensor: Tensor<2>, lengths: impl Iterator<Item = usize>) -> Vec<Vec<f32>> {
    let width = tensor.dims()[1];
    let flat = floats(tensor);
    flat.chunks(width.max(1))
        .zip(lengths)
        .map(|(row, length)| row[..length].to_vec())
        .collect()
}

/// The values of a tensor, row by row.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The value of a one-element tensor.
pub fn scalar(tensor: Tensor<1>) -> f64 {
    tensor.into_scalar::<f32>().into()
}
