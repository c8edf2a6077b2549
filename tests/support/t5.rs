//! What the tests of the networks share: fixtures, and rows of tokens as tensors.

#![allow(dead_code)] // each test file uses its part

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Int, Tensor, TensorData};
use emprl::nn::t5::T5;
use serde_json::Value;

pub use crate::device_support::device;

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn expected() -> Value {
    let text = fs::read_to_string(fixture("t5_expected.json")).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

pub fn model(name: &str) -> T5 {
    T5::load(&fixture(name), &device()).expect("the fixture is a model")
}

pub fn row(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .expect("a row")
        .iter()
        .map(|id| id.as_u64().expect("an id") as u32)
        .collect()
}

pub fn rows(value: &Value) -> Vec<Vec<u32>> {
    value.as_array().expect("rows").iter().map(row).collect()
}

/// Ids and mask of rows padded on the right; pads are `pad`, and `extra` more columns of them.
pub fn padded(rows: &[Vec<u32>], pad: u32, extra: usize) -> (Tensor<2, Int>, Tensor<2>) {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0) + extra;
    let mut ids = Vec::new();
    let mut mask = Vec::new();
    for row in rows {
        for place in 0..width {
            ids.push(row.get(place).copied().unwrap_or(pad) as i32);
            mask.push(if place < row.len() { 1.0_f32 } else { 0.0 });
        }
    }
    let shape = [rows.len(), width];
    (
        Tensor::from_data(TensorData::new(ids, shape), &device()),
        Tensor::from_data(TensorData::new(mask, shape), &device()),
    )
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

pub fn numbers(value: &Value) -> Vec<f32> {
    value["values"]
        .as_array()
        .expect("numbers")
        .iter()
        .map(|number| number.as_f64().expect("a number") as f32)
        .collect()
}

pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|x| x.is_finite()));
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Compares with numbers of the fixture, `lengths[row]` tokens of each row (pads hold anything).
pub fn assert_close_rows(found: Tensor<3>, expected: &Value, lengths: &[usize], tolerance: f32) {
    let [batch, tokens, width] = found.dims();
    let shape: Vec<usize> = row(&expected["shape"])
        .iter()
        .map(|n| *n as usize)
        .collect();
    assert_eq!(shape, [batch, tokens, width]);
    let (found, expected) = (values(found), numbers(expected));
    for (at, &length) in lengths.iter().enumerate() {
        let range = at * tokens * width..(at * tokens + length) * width;
        let difference = largest_difference(&found[range.clone()], &expected[range]);
        assert!(difference <= tolerance, "row {at} is off by {difference}");
    }
}
