//! What EmpRL Studio computes: language models, their training, and the measures of it.
//!
//! ```text
//! train                    the trainers, their rewards and judges
//! nn                       language models and the processor's kernels
//! experiment metrics data text fetch checkpoint
//! ```
//!
//! Knows no store, no study and no window. Only `fetch` speaks HTTP; a run reports to whoever listens.

pub mod checkpoint;
pub mod data;
pub mod experiment;
pub mod fetch;
pub mod metrics;
pub mod nn;
pub mod text;
pub mod train;
