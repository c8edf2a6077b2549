//! The seed of every random draw of a run, derived from the run's seed and the draw's purpose.
//!
//! No generator lives from step to step: the draws of step 700 are the same whether or not the run was resumed,
//! and do not depend on how examples were batched.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The purpose of a draw.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    Weights = 1,
    Prefix,
    Identifier,
    Subset,
    Split,
    PretrainingOrder,
    PretrainingDropout,
    Corruption,
    IdentifierOrder,
    IdentifierDropout,
    GeneratorOrder,
    GeneratorDropout,
    Rollout,
    RolloutOrder,
    Answer,
    Bootstrap,
    Controls,
    Lora,
    PreferenceSplit,
    PreferenceOrder,
    BestOf,
}

/// The seed of `draw` number `index` (a step, an epoch or an example) of a run.
pub fn seed(run: u64, draw: Draw, index: u64) -> u64 {
    mix(mix(mix(run) ^ draw as u64) ^ index)
}

/// The generator of that seed; each `row` has an independent stream.
pub fn stream(run: u64, draw: Draw, index: u64, row: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed(run, draw, index));
    generator.set_stream(row);
    generator
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a fixed hash of a number.
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn draws_differ_by_run_purpose_and_index() {
        let mut seen = HashSet::new();
        for run in 0..20 {
            for draw in [Draw::Weights, Draw::Rollout, Draw::Bootstrap] {
                for index in 0..50 {
                    assert!(seen.insert(seed(run, draw, index)));
                }
            }
        }
        assert_eq!(seed(7, Draw::Rollout, 3), seed(7, Draw::Rollout, 3));
    }
}
