//! Vectorised arithmetic on rows of numbers, dispatched by the processor's features.

use super::product::Output;

/// Defines functions that are compiled for AVX-512, for AVX2 and for any processor, and dispatch at run time.
macro_rules! on_this_processor {
    ($($(#[$doc:meta])* $visibility:vis fn $name:ident($($argument:tt: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block)+) => {$(
        $(#[$doc])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
                fn wide($($argument: $kind),*) $(-> $result)? {
                    body($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($argument: $kind),*) $(-> $result)? {
                    body($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                {
                    // SAFETY: this processor has what the function was compiled for.
                    return unsafe { wide($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { middle($($argument),*) };
                }
            }
            body($($argument),*)
        }
    )+};
}
pub(super) use on_this_processor;

/// Numbers added in parallel; the order of a sum does not depend on the processor.
const LANES: usize = 16;
/// Rows and columns that are transposed at once.
const TILE: usize = 16;

/// `e^x` within two units in the last place; exactly 0 below -87.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0; // 1.5 · 2^23: adding it rounds to a whole number
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + SHIFT;
    let whole = shifted - SHIFT;
    let rest = clamped - whole * LN_2_HIGH - whole * LN_2_LOW;
    let series = 1.987_569_1e-4;
    let series = series * rest + 1.398_199_9e-3;
    let series = series * rest + 8.333_452e-3;
    let series = series * rest + 4.166_579_6e-2;
    let series = series * rest + 0.166_666_66;
    let series = series * rest + 0.5;
    let power = series * (rest * rest) + rest + 1.0;
    let result = f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23));
    if x < -87.0 { 0.0 } else { result }
}

#[inline(always)]
pub(super) fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for numbers in whole {
        for (lane, x) in lanes.iter_mut().zip(numbers) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// `Σ_i term(a_i, b_i)`.
#[inline(always)]
pub(super) fn sum_of(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += term(*a, *b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}

on_this_processor! {
    /// Turns scores into probabilities.
    pub(super) fn softmax(row: &mut [f32]) {
        let largest = largest(row);
        for x in row.iter_mut() {
            *x = exp(*x - largest);
        }
        let scale = 1.0 / sum_of(row, row, |x, _| x);
        for x in row.iter_mut() {
            *x *= scale;
        }
    }

    /// Writes the transpose of a matrix `[rows, columns]`, whose rows are `step` apart, to `target`.
    pub(super) fn transpose(
        source: &[f32],
        step: usize,
        [rows, columns]: [usize; 2],
        target: Output<'_>,
    ) {
        let mut tile = [[0.0; TILE]; TILE];
        for left in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - left);
            for top in (0..rows).step_by(TILE) {
                let height = TILE.min(rows - top);
                for (row, numbers) in tile[..height].iter_mut().enumerate() {
                    let first = (top + row) * step + left;
                    numbers[..width].copy_from_slice(&source[first..first + width]);
                }
                let target = target.row(left).from(top);
                target.for_each_row(width, height, |column, slots| {
                    for (slot, numbers) in slots.iter_mut().zip(&tile) {
                        slot.write(numbers[column]);
                    }
                });
            }
        }
    }

    /// `ln Σ e^x`.
    pub fn log_sum_exp(row: &[f32]) -> f32 {
        let largest = largest(row);
        let mut total = 0.0_f64;
        for block in row.chunks(4096) {
            total += f64::from(sum_of(block, block, |x, _| exp(x - largest)));
        }
        largest + total.ln() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_the_last_places() {
        for step in -870_000..=880_000 {
            let x = step as f32 / 10_000.0;
            let known = f64::from(x).exp();
            let error = (f64::from(exp(x)) - known).abs() / known;
            assert!(error < 2.5e-7, "{x}: {error}");
        }
        assert_eq!(exp(-1e9), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn softmax_and_log_sum_exp_agree_with_their_definition() {
        let row: Vec<f32> = (0..1003)
            .map(|i| ((i * 37) % 101) as f32 / 7.0 - 60.0)
            .collect();
        let total: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
        assert!((f64::from(log_sum_exp(&row)) - total.ln()).abs() < 1e-5);
        let mut probabilities = row.clone();
        softmax(&mut probabilities);
        for (found, x) in probabilities.iter().zip(&row) {
            let known = f64::from(*x).exp() / total;
            assert!((f64::from(*found) - known).abs() <= 1e-6 * known + 1e-12);
        }
        let mut one_left = [3.0, -1e9, f32::NEG_INFINITY];
        softmax(&mut one_left);
        assert_eq!(one_left, [1.0, 0.0, 0.0]);
    }
}
