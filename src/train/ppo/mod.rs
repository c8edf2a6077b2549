//! Proximal policy optimisation of the generator (Eq. 6-15 of the paper), one file per part. The scores of
//! responses (Eq. 2-5) are in [`super::reward`].

pub mod advantage;
pub mod checks;
pub mod kl;
pub mod metrics;
pub mod objective;
pub mod record;
pub mod rollout;
pub mod shaping;
pub mod step;
pub mod token_rewards;
pub mod trainer;
pub mod truncation;
mod update;
pub mod whiten;
