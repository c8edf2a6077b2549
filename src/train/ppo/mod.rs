//! Proximal policy optimisation of the generator (Eq. 6-15 of the paper), one file per part. The scores of
//! responses (Eq. 2-5) are in [`super::reward`], rollouts and what else it shares with other algorithms in
//! [`super::policy_gradient`].

pub mod advantage;
pub mod metrics;
pub mod objective;
pub mod step;
pub mod token_rewards;
pub mod trainer;
mod update;
pub mod whiten;
