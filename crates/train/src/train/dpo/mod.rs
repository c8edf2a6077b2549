//! Direct preference optimisation (Rafailov et al. 2023), with names, defaults and figures as in TRL's DPOTrainer: the
//! pairs as tokens, the loss, one step, and the stage.

pub mod loss;
mod pairs;
pub mod step;
pub mod trainer;

pub(in crate::train) use pairs::counts;
pub use pairs::{EncodedPreference, training_pairs};
