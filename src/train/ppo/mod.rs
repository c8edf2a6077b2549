//! Proximal policy optimisation of the generator (Eq. 2-15 of the paper), one file a part.

pub mod advantage;
pub mod checks;
pub mod kl;
pub mod measured;
pub mod objective;
pub mod reward;
pub mod rollout;
pub mod scorer;
pub mod shaping;
pub mod shown;
pub mod step;
pub mod trainer;
pub mod truncation;
mod update;
pub mod whiten;
