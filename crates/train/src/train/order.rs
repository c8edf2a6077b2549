//! The training items of each step of a stage.

use crate::data::batch::batches;

/// The batches of a stage, epoch after epoch. Only those of the current epoch are in memory.
pub struct Order {
    lengths: Vec<usize>,
    batch: usize,
    seed: u64,
    current: Option<(u64, Vec<Vec<usize>>)>,
}

impl Order {
    /// Batches of `batch` items; `lengths` are the items', so that similar ones share a batch.
    pub fn new(lengths: Vec<usize>, batch: usize, seed: u64) -> Self {
        Order {
            lengths,
            batch,
            seed,
            current: None,
        }
    }

    /// Batches of an epoch.
    pub fn per_epoch(&self) -> u64 {
        self.lengths.len().div_ceil(self.batch) as u64
    }

    /// The epoch of a step, both from 0.
    pub fn epoch(&self, step: u64) -> u64 {
        step / self.per_epoch()
    }

    /// The items of a step.
    pub fn batch(&mut self, step: u64) -> &[usize] {
        let epoch = self.epoch(step);
        let place = (step % self.per_epoch()) as usize;
        let current = self.current.take().filter(|(of, _)| *of == epoch);
        let (_, batches) = self.current.insert(current.unwrap_or_else(|| {
            let batches = batches(&self.lengths, self.batch, self.seed, epoch);
            (epoch, batches)
        }));
        batches.get(place).map_or(&[], Vec::as_slice)
    }
}
