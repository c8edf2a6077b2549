//! Which training items each step of a stage takes.

use crate::data::batch::Batches;

/// The batches of a stage, epoch after epoch. Only those of the current epoch are kept.
pub struct Order {
    lengths: Vec<usize>,
    batch: usize,
    seed: u64,
    current: Option<(u64, Batches)>,
}

impl Order {
    /// Batches of `batch` items of similar length; `lengths` holds that of each item.
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
        let (_, batches) = match self.current.take() {
            Some(current) if current.0 == epoch => self.current.insert(current),
            _ => {
                let batches = Batches::new(&self.lengths, self.batch, self.seed, epoch);
                self.current.insert((epoch, batches))
            }
        };
        batches.get(place).unwrap_or(&[])
    }
}
