//! Proximal policy optimisation of the generator (Eq. 6-15 of the paper), one file a part. What a response
//! is worth (Eq. 2-5) stands in [`super::reward`].

pub mod advantage;
pub mod checks;
pub mod kl;
pub mod measured;
pub mod objective;
pub mod reward;
pub mod rollout;
pub mod shaping;
pub mod shown;
pub mod step;
pub mod trainer;
pub mod truncation;
mod update;
pub mod whiten;
