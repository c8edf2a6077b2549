//! Rows of tokens of different lengths as one tensor.

use burn::tensor::{Device, Int, Tensor, TensorData};

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
