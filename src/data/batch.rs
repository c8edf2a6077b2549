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

/// Cuts a context from the left to `max_tokens`, eos included: the latest utterances are what the
/// answer is about. `ids` may or may not end with eos; the result does.
pub fn cut_context(ids: &[u32], max_tokens: usize, eos: u32) -> Vec<u32> {
    let words = ids.strip_suffix(&[eos]).unwrap_or(ids);
    let room = max_tokens.saturating_sub(1);
    let mut cut = words[words.len().saturating_sub(room)..].to_vec();
    cut.push(eos);
    cut
}

/// Whether [`cut_context`] or [`cut_target`] leaves any of these tokens out.
pub fn is_cut(ids: &[u32], max_tokens: usize, eos: u32) -> bool {
    ids.strip_suffix(&[eos]).unwrap_or(ids).len() > max_tokens.saturating_sub(1)
}

/// Cuts a target from the right to `max_tokens`, eos included. `ids` may or may not end with
/// eos; the result does.
pub fn cut_target(ids: &[u32], max_tokens: usize, eos: u32) -> Vec<u32> {
    let words = ids.strip_suffix(&[eos]).unwrap_or(ids);
    let room = max_tokens.saturating_sub(1);
    let mut cut = words[..words.len().min(room)].to_vec();
    cut.push(eos);
    cut
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
        let ids = [10, 11, 12, 13, 1];
        assert_eq!(cut_context(&ids, 3, 1), [12, 13, 1]);
        assert_eq!(cut_target(&ids, 3, 1), [10, 11, 1]);
        assert_eq!(cut_context(&ids, 9, 1), ids);
        assert_eq!(cut_target(&ids[..4], 9, 1), ids);
        assert_eq!(cut_target(&ids, 0, 1), [1]);
        let kept = |max| cut_target(&ids, max, 1) == ids;
        assert!((0..9).all(|max| is_cut(&ids, max, 1) != kept(max)));
    }
}
