//! Which examples are in which batch, and how their tokens are cut.
//!
//! Works on lengths and token ids; must not know tensors or where the ids come from.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Batches sorted by length together: enough to fill rows evenly, few enough to mix.
const POOL_BATCHES: usize = 32;

/// The batches of one epoch: every item once, items of similar length together, in random order. Batches have
/// `batch_size` items (0 counts as 1); the rest forms a smaller one.
///
/// The same lengths, batch size, seed and epoch give the same batches on every machine.
pub fn batches(lengths: &[usize], batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let batch_size = batch_size.max(1);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.shuffle(&mut rng);
    let mut batches = Vec::with_capacity(lengths.len().div_ceil(batch_size));
    for pool in order.chunks_mut(batch_size * POOL_BATCHES) {
        pool.sort_by_key(|&item| lengths[item]);
        batches.extend(pool.chunks(batch_size).map(<[usize]>::to_vec));
    }
    batches.shuffle(&mut rng);
    batches
}

/// Cuts a context from the left to `max_tokens`, `end` included, which is put behind it: the latest utterances are
/// what the answer is about.
pub fn cut_context(ids: &[u32], max_tokens: usize, end: Option<u32>) -> Vec<u32> {
    let first = ids.len().saturating_sub(room(max_tokens, end));
    ids[first..].iter().copied().chain(end).collect()
}

/// Whether [`cut_context`] or [`cut_target`] leaves any of these tokens out.
pub fn is_cut(ids: &[u32], max_tokens: usize, end: Option<u32>) -> bool {
    ids.len() > room(max_tokens, end)
}

/// Cuts a target from the right to `max_tokens`, `end` included, which is put behind it.
pub fn cut_target(ids: &[u32], max_tokens: usize, end: Option<u32>) -> Vec<u32> {
    let kept = ids.iter().copied().take(room(max_tokens, end));
    kept.chain(end).collect()
}

/// Tokens that fit before the end.
fn room(max_tokens: usize, end: Option<u32>) -> usize {
    max_tokens.saturating_sub(usize::from(end.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths() -> Vec<usize> {
        (0..1003).map(|item| (item * 7919) % 61 + 1).collect()
    }

    #[test]
    fn every_item_is_in_exactly_one_batch() {
        let batches = batches(&lengths(), 8, 3, 0);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..1003).collect::<Vec<_>>());
        assert_eq!(batches.len(), 126);
    }

    #[test]
    fn seed_and_epoch_decide_the_order() {
        let lengths = lengths();
        assert_eq!(batches(&lengths, 8, 3, 1), batches(&lengths, 8, 3, 1));
        assert_ne!(batches(&lengths, 8, 3, 1), batches(&lengths, 8, 3, 2));
        assert_ne!(batches(&lengths, 8, 3, 1), batches(&lengths, 8, 4, 1));
    }

    #[test]
    fn little_is_padding() {
        let lengths = lengths();
        let width = |batch: &Vec<usize>| {
            let longest = batch.iter().map(|&item| lengths[item]).max().unwrap_or(0);
            longest * batch.len()
        };
        let padded: usize = batches(&lengths, 8, 3, 0).iter().map(width).sum();
        let real: usize = lengths.iter().sum();
        assert!((padded as f64) < 1.1 * real as f64, "{padded} for {real}");
    }

    #[test]
    fn contexts_lose_their_beginning_and_targets_their_end() {
        let (ids, end) = ([10, 11, 12, 13], Some(1));
        assert_eq!(cut_context(&ids, 3, end), [12, 13, 1]);
        assert_eq!(cut_target(&ids, 3, end), [10, 11, 1]);
        assert_eq!(cut_context(&ids, 9, end), [10, 11, 12, 13, 1]);
        assert_eq!(cut_target(&ids, 0, end), [1]);
        assert_eq!(cut_context(&ids, 3, None), [11, 12, 13]);
        assert_eq!(cut_target(&ids, 3, None), [10, 11, 12]);
        for end in [None, end] {
            let kept = |max| cut_target(&ids, max, end).starts_with(&ids);
            assert!((0..9).all(|max| is_cut(&ids, max, end) != kept(max)));
        }
    }
}
