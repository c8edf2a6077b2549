//! What every stage that draws responses and is told their rewards has in common: rollouts, the reference, how
//! scores are shaped, self-checks, the record of responses token by token.
//!
//! Knows no algorithm: PPO, GRPO and RLOO are rooms of their own beside it.

pub mod checks;
pub mod kl;
pub mod record;
pub mod rollout;
pub mod shaping;
pub mod truncation;
