//! The networks: T5, prefixes, value head, empathy identifier, sampling.
//!
//! Knows tensors and weights files; knows no data sets, no settings and no training.

pub mod device;
mod dropout;
mod generate;
mod host;
pub mod identifier;
pub mod prefix;
pub mod sampling;
pub mod t5;
pub mod value_head;
pub mod weights;

pub use device::{DeviceError, DeviceInfo};
pub use dropout::Dropout;
pub use generate::{Generated, generate, generate_while, pad};
pub use weights::WeightsError;
