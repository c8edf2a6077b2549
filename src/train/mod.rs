//! Training: the stages of a run, what they share, and trained models in use.

mod artifacts;
pub mod base;
pub mod checkpoint;
pub mod clip;
pub mod control_answers;
mod early_stopping;
pub mod error;
pub mod evaluate;
mod evaluation_stage;
pub mod export;
mod fingerprint;
mod generator;
mod identifier;
pub mod identifier_set;
pub mod likelihood;
pub mod material;
mod maximum_likelihood;
pub mod model_tokenizer;
pub mod observer;
pub mod optimizer;
mod order;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod policy_gradient;
pub mod ppo;
mod pretraining;
pub mod reward;
pub mod saved;
pub mod schedule;
pub mod score;
pub mod seed;
pub mod session;
pub mod stage;
pub mod tensors;

pub use error::{CheckError, TrainError};
