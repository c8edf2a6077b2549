//! ggml's block formats: a few integers a block with a common scale, as ggml-quants.c defines them.

use half::f16;

/// Numbers of a K-quant's block.
const QK_K: usize = 256;

/// A format whose numbers are stored in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nn::weights) enum Blocks {
    Q4_0,
    Q4_1,
    Q8_0,
    Q4K,
    Q6K,
}

impl Blocks {
    /// Numbers of a block, and its bytes.
    pub fn size(self) -> (usize, usize) {
        match self {
            Blocks::Q4_0 => (32, 2 + 16),
            Blocks::Q4_1 => (32, 4 + 16),
            Blocks::Q8_0 => (32, 2 + 32),
            Blocks::Q4K => (QK_K, 4 + 12 + QK_K / 2),
            Blocks::Q6K => (QK_K, QK_K / 2 + QK_K / 4 + QK_K / 16 + 2),
        }
    }

    /// The numbers of whole blocks, each computed in f32 in the order of the `gguf` Python package.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let (numbers, size) = self.size();
        let mut values = Vec::with_capacity(bytes.len() / size * numbers);
        for block in bytes.chunks_exact(size) {
            match self {
                Blocks::Q4_0 => {
                    let scale = half(block, 0);
                    let signed = |nibble: u8| f32::from(nibble) - 8.0;
                    values.extend(nibbles(&block[2..]).map(|q| scale * signed(q)));
                }
                Blocks::Q4_1 => {
                    let (scale, least) = (half(block, 0), half(block, 2));
                    values.extend(nibbles(&block[4..]).map(|q| scale * f32::from(q) + least));
                }
                Blocks::Q8_0 => {
                    let scale = half(block, 0);
                    values.extend(block[2..].iter().map(|q| f32::from(*q as i8) * scale));
                }
                Blocks::Q4K => q4_k(block, &mut values),
                Blocks::Q6K => q6_k(block, &mut values),
            }
        }
        values
    }
}

fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// The lower halves of all bytes, then the upper ones.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let lower = bytes.iter().map(|byte| byte & 0xF);
    lower.chain(bytes.iter().map(|byte| byte >> 4))
}

/// Eight groups of 32 numbers `scale · q − least`, whose 6-bit scales and least values share twelve bytes.
fn q4_k(block: &[u8], values: &mut Vec<f32>) {
    let (d, d_least) = (half(block, 0), half(block, 2));
    let (packed, quants) = block[4..].split_at(12);
    for (group, bytes) in quants.chunks_exact(32).enumerate() {
        for (upper, index) in [(false, 2 * group), (true, 2 * group + 1)] {
            let (scale, least) = match index {
                0..4 => (packed[index] & 0x3F, packed[index + 4] & 0x3F),
                _ => {
                    let shared = packed[index + 4];
                    (
                        shared & 0xF | packed[index - 4] >> 2 & 0x30,
                        shared >> 4 | packed[index] >> 2 & 0x30,
                    )
                }
            };
            let (scale, least) = (d * f32::from(scale), d_least * f32::from(least));
            let nibble = |byte: &u8| if upper { byte >> 4 } else { byte & 0xF };
            values.extend(bytes.iter().map(|q| scale * f32::from(nibble(q)) - least));
        }
    }
}

/// Sixteen groups of 16 six-bit numbers: four bits in one place, two in another.
fn q6_k(block: &[u8], values: &mut Vec<f32>) {
    let (lower, rest) = block.split_at(QK_K / 2);
    let (upper, rest) = rest.split_at(QK_K / 4);
    let (scales, _) = rest.split_at(QK_K / 16);
    let d = half(rest, QK_K / 16);
    for (half, (lower, upper)) in lower
        .chunks_exact(64)
        .zip(upper.chunks_exact(32))
        .enumerate()
    {
        for quarter in 0..4 {
            for place in 0..32 {
                let four = lower[32 * (quarter % 2) + place] >> (4 * (quarter / 2)) & 0xF;
                let two = upper[place] >> (2 * quarter) & 3;
                let q = f32::from(four | two << 4) - 32.0;
                let scale = scales[8 * half + 2 * quarter + place / 16] as i8;
                values.push(d * f32::from(scale) * q);
            }
        }
    }
}
