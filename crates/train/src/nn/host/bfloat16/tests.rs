//! Kernels in bf16 against sums of the rounded numbers in f64, at sizes that cross every tile and block.

use burn::tensor::{FloatDType, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::linear;
use super::super::product::filled;
use super::super::tests::{draw, gradient, loss, trained, values};
use super::*;

/// Rows, columns and terms.
const SIZES: [[usize; 3]; 9] = [
    [1, 5, 48],
    [3, 700, 512],
    [7, 33, 1_100],
    [9, 300, 64],
    [17, 64, 32],
    [32, 16, 2_080],
    [40, 900, 33],
    [130, 200, 1_000],
    [300, 70, 130],
];

fn numbers(random: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn rounded(values: &[f32]) -> Vec<bf16> {
    values.iter().copied().map(bf16::from_f32).collect()
}

/// `Σ_k a(row, k) · b(k, column)`.
fn known(
    [rows, columns, terms]: [usize; 3],
    a: impl Fn(usize, usize) -> bf16,
    b: impl Fn(usize, usize) -> bf16,
) -> Vec<f32> {
    let sum = |row: usize, column: usize| -> f64 {
        let terms = 0..terms;
        terms
            .map(|term| a(row, term).to_f64() * b(term, column).to_f64())
            .sum()
    };
    let rows = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    rows.map(|(row, column)| sum(row, column) as f32).collect()
}

fn assert_close(found: &[f32], known: &[f32], what: &str) {
    assert_eq!(found.len(), known.len(), "{what}");
    let scale = known.iter().fold(1.0_f32, |a, b| a.max(b.abs()));
    for (found, known) in found.iter().zip(known) {
        assert!(
            (found - known).abs() <= 4e-6 * scale,
            "{what}: {found} where {known} is right"
        );
    }
}

#[test]
fn products_are_those_of_the_rounded_numbers() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for size in SIZES {
        let [rows, columns, terms] = size;
        let x = numbers(&mut random, rows * terms);
        let weight = rounded(&numbers(&mut random, columns * terms));
        let size = Size::new(rows, columns, terms);
        let found = filled(rows * columns, |output| {
            by_weight(Output::uninitialised(output, columns), &x, &weight, size);
        });
        let x = rounded(&x);
        let a = |row, term| x[row * terms + term];
        let all = [rows, columns, terms];
        let of_weight = known(all, a, |term, column| weight[column * terms + term]);
        assert_close(&found, &of_weight, &format!("{all:?} by weight"));

        let wide: Vec<f32> = x.iter().map(|x| x.to_f32()).collect();
        let found = filled(rows * columns, |output| {
            by_rows(Output::uninitialised(output, columns), &wide, &weight, size);
        });
        let of_rows = known(all, a, |term, column| weight[term * columns + column]);
        assert_close(&found, &of_rows, &format!("{all:?} by rows"));
    }
}

/// Each kernel that this processor has, from nothing and on top of what is there; rows packed and as they lie.
#[test]
fn kernels_agree_but_for_the_order_of_a_sum() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for [rows, columns, terms] in SIZES {
        let x = numbers(&mut random, rows * terms);
        let y = numbers(&mut random, columns * terms);
        let (rounded_x, rounded_y) = (rounded(&x), rounded(&y));
        let right = Columns::rounded(&y, columns, terms);
        let once = known(
            [rows, columns, terms],
            |row, term| rounded_x[row * terms + term],
            |term, column| rounded_y[column * terms + term],
        );
        let twice: Vec<f32> = once.iter().map(|sum| 2.0 * sum).collect();
        let kernels = Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available());
        for kernel in kernels {
            for left in [
                Rows::rounded(&x, rows, terms),
                Rows::as_they_lie(&rounded_x, rows, terms),
            ] {
                let mut found = vec![0.0; rows * columns];
                for add in [false, true] {
                    let output = Output::rows(&mut found, columns);
                    kernel.multiply(output, [rows, columns], (&left, 0), &right, add);
                }
                let what = format!("{rows} {columns} {terms}, {kernel:?}");
                assert_close(&found, &twice, &what);
            }
        }
    }
}

#[test]
fn numbers_are_rounded_as_everywhere() {
    let special = [
        0.0,
        -0.0,
        1.0,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1.003_906_2,
        1.011_718_8,
        3.389_531_4e38,
        1e-40,
        -7.3e-12,
    ];
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let drawn = (0..4_000).map(|_| f32::from_bits(random.random()));
    let values: Vec<f32> = special.into_iter().chain(drawn).collect();
    for values in values.chunks_exact(TERMS) {
        let rows = Rows::rounded(values, 1, TERMS);
        for (found, value) in rows.terms(0, 0).iter().zip(values) {
            let known = bf16::from_f32(*value);
            let both_nan = found.is_nan() && known.is_nan();
            assert!(
                both_nan || found.to_bits() == known.to_bits(),
                "{value}: {found}"
            );
        }
    }
}

#[test]
fn a_linear_layer_in_bf16_has_the_derivative_of_its_rounded_weight() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for [rows, columns, terms] in SIZES {
        let x: Tensor<3> = draw(&mut random, [1, rows, terms]);
        let weight: Tensor<2> = draw(&mut random, [columns, terms]);
        let slopes: Tensor<3> = draw(&mut random, [1, rows, columns]);
        let weight = weight.cast(FloatDType::BF16);
        let ours = trained(&x);
        let frozen = Tensor::from_inner(weight.clone());
        let found = loss(linear(ours.clone(), frozen), &slopes).backward();
        let found = gradient(&ours, &found);
        let [slopes, weight] = [values(slopes), values(weight.cast(FloatDType::F32))];
        let (slopes, weight) = (rounded(&slopes), rounded(&weight));
        let of_x = known(
            [rows, terms, columns],
            |row, column| slopes[row * columns + column],
            |column, term| weight[column * terms + term],
        );
        assert_close(&found, &of_x, &format!("{rows} {columns} {terms}"));
    }
}
