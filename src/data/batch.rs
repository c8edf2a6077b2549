//! Which examples stand in which batch, and how their tokens are cut and padded.
//!
//! Works on lengths and token ids on the host: must not know tensors or where the ids come from.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Batches that are sorted by length within a pool: enough to fill rows evenly, few enough to mix.
const POOL_BATCHES: usize = 32;

/// The batches of one epoch: every item once, items of similar length together, in random order.
///
/// The same lengths, batch size, seed and epoch give the same batches on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    batches: Vec<Vec<usize>>,
    batch_size: usize,
}

impl Batches {
    /// Batches of `batch_size` items (0 counts as 1); what does not fill one forms a smaller one.
    pub fn new(lengths: &[usize], batch_size: usize, seed: u64, epoch: u64) -> Batches {
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
        Batches {
            batches,
            batch_size,
        }
    }

    /// Items in their own order, for evaluation: nothing is shuffled.
    pub fn in_order(items: usize, batch_size: usize) -> Batches {
        let batch_size = batch_size.max(1);
        let order: Vec<usize> = (0..items).collect();
        Batches {
            batches: order.chunks(batch_size).map(<[usize]>::to_vec).collect(),
            batch_size,
        }
    }

    /// Without the batch that is not full, if there is one.
    pub fn full_only(mut self) -> Batches {
        self.batches.retain(|batch| batch.len() == self.batch_size);
        self
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there is no batch.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Items of one batch, if there is one at this place.
    pub fn get(&self, batch: usize) -> Option<&[usize]> {
        self.batches.get(batch).map(Vec::as_slice)
    }

    /// All batches in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.batches.iter().map(Vec::as_slice)
    }
}

/// Token ids of several rows, padded on the right to one width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaddedBatch {
    /// `[batch * tokens]`, row after row.
    pub ids: Vec<i64>,
    /// `[batch * tokens]`: true where a token is real.
    pub mask: Vec<bool>,
    /// Rows.
    pub batch: usize,
    /// Width of each row, at least 1 where there is a row.
    pub tokens: usize,
    /// `[batch]`: real tokens of each row.
    pub lengths: Vec<usize>,
}

impl PaddedBatch {
    /// Pads to the longest row.
    pub fn new<R: AsRef<[u32]>>(rows: &[R], pad: u32) -> PaddedBatch {
        PaddedBatch::with_width(rows, pad, 0)
    }

    /// Pads to the longest row, and at least to `width` tokens.
    pub fn with_width<R: AsRef<[u32]>>(rows: &[R], pad: u32, width: usize) -> PaddedBatch {
        let lengths: Vec<usize> = rows.iter().map(|row| row.as_ref().len()).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let tokens = if rows.is_empty() {
            0
        } else {
            longest.max(width).max(1)
        };
        let mut ids = vec![i64::from(pad); rows.len() * tokens];
        let mut mask = vec![false; rows.len() * tokens];
        for (row, start) in rows.iter().zip((0..).step_by(tokens.max(1))) {
            for (offset, &id) in row.as_ref().iter().enumerate() {
                ids[start + offset] = i64::from(id);
                mask[start + offset] = true;
            }
        }
        PaddedBatch {
            ids,
            mask,
            batch: rows.len(),
            tokens,
            lengths,
        }
    }

    /// Real tokens of all rows.
    pub fn real_tokens(&self) -> usize {
        self.lengths.iter().sum()
    }
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
    fn every_item_stands_in_exactly_one_batch() {
        let batches = Batches::new(&lengths(), 8, 3, 0);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..1003).collect::<Vec<_>>());
        assert_eq!(batches.len(), 126);
        assert_eq!(batches.full_only().len(), 125);
    }

    #[test]
    fn seed_and_epoch_decide_the_order() {
        let lengths = lengths();
        assert_eq!(
            Batches::new(&lengths, 8, 3, 1),
            Batches::new(&lengths, 8, 3, 1)
        );
        assert_ne!(
            Batches::new(&lengths, 8, 3, 1),
            Batches::new(&lengths, 8, 3, 2)
        );
        assert_ne!(
            Batches::new(&lengths, 8, 3, 1),
            Batches::new(&lengths, 8, 4, 1)
        );
    }

    #[test]
    fn little_is_padding() {
        let lengths = lengths();
        let width = |batch: &[usize]| {
            let longest = batch.iter().map(|&item| lengths[item]).max().unwrap_or(0);
            longest * batch.len()
        };
        let padded: usize = Batches::new(&lengths, 8, 3, 0).iter().map(width).sum();
        let real: usize = lengths.iter().sum();
        assert!((padded as f64) < 1.1 * real as f64, "{padded} for {real}");
    }

    #[test]
    fn rows_are_padded_on_the_right() {
        let batch = PaddedBatch::new(&[vec![5, 6, 1], vec![1], vec![]], 0);
        assert_eq!((batch.batch, batch.tokens), (3, 3));
        assert_eq!(batch.ids, [5, 6, 1, 1, 0, 0, 0, 0, 0]);
        let real = [true, true, true, true, false, false, false, false, false];
        assert_eq!(batch.mask, real);
        assert_eq!(batch.real_tokens(), 4);
        assert_eq!(PaddedBatch::new(&[Vec::new()], 0).tokens, 1);
        assert_eq!(PaddedBatch::new(&Vec::<Vec<u32>>::new(), 0).tokens, 0);
    }

    #[test]
    fn contexts_lose_their_beginning_and_targets_their_end() {
        let ids = [10, 11, 12, 13, 1];
        assert_eq!(cut_context(&ids, 3, 1), [12, 13, 1]);
        assert_eq!(cut_target(&ids, 3, 1), [10, 11, 1]);
        assert_eq!(cut_context(&ids, 9, 1), ids);
        assert_eq!(cut_target(&ids[..4], 9, 1), ids);
        assert_eq!(cut_target(&ids, 0, 1), [1]);
    }
}
