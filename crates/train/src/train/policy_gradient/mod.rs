//! What every stage that draws responses and learns from their rewards has in common: rollouts, the reference, how
//! scores are shaped, self-checks, the record of responses token by token, and the stage itself around an
//! [`algorithm::Algorithm`].
//!
//! Knows no algorithm: PPO, GRPO and RLOO are rooms of their own beside it.

pub mod algorithm;
pub mod checks;
pub mod kl;
pub mod metrics;
pub mod record;
pub mod rollout;
pub mod shaping;
pub mod trainer;
pub mod truncation;
