//! The trainers: identifiers, generator, PPO, and the line that joins them.

pub mod clip;
pub mod optimizer;
pub mod ppo;
pub mod schedule;
