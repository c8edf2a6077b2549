//! The trainers: identifiers, generator, PPO, and the line that joins them.

pub mod checkpoint;
pub mod clip;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod generator;
pub mod identifier;
pub mod judge;
pub mod likelihood;
pub mod material;
pub mod observer;
pub mod optimizer;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod ppo;
pub mod pretraining;
pub mod reward;
pub mod saved;
pub mod schedule;
pub mod score;
pub mod seed;
pub mod session;
pub mod tensors;

pub use error::{CheckError, TrainError};
