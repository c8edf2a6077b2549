//! What is measured: the declaration of every metric, and those computed from words and levels.
//!
//! Takes numbers, levels and texts; must not know SQL, egui or tensors.

pub mod declared;

pub use declared::{Direction, MetricDecl, declared};
