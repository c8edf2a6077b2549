//! The trainers: identifiers, generator, PPO, and the line that joins them.

pub mod observer;
