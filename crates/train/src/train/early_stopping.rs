//! The best model so far by validation loss, and when to stop early.

use serde::{Deserialize, Serialize};

/// The best validation loss so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Patience {
    pub best: Option<f64>,
    /// Evaluations since then.
    pub misses: u64,
}

/// The model of the best validation loss so far.
pub struct Best<M> {
    pub model: Option<M>,
    pub patience: Patience,
}

impl<M> Default for Best<M> {
    fn default() -> Self {
        Best {
            model: None,
            patience: Patience::default(),
        }
    }
}

impl<M> Best<M> {
    /// Keeps `model` if its loss is the lowest so far, else counts a miss. Returns whether it was kept.
    pub fn offer(&mut self, loss: f64, model: M) -> bool {
        let better = self.patience.best.is_none_or(|best| loss < best);
        if better {
            self.model = Some(model);
            self.patience = Patience {
                best: Some(loss),
                misses: 0,
            };
        } else {
            self.patience.misses += 1;
        }
        better
    }

    /// Whether there were `patience` misses in a row; never if that is 0.
    pub fn is_exhausted(&self, patience: u64) -> bool {
        patience > 0 && self.patience.misses >= patience
    }
}
