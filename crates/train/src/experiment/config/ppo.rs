//! Proximal policy optimisation.

use super::{LrSchedule, Tuning};
use crate::experiment::setting::{BOOL, choice, float, int, settings};

settings! {
    /// Reinforcement learning (Sec. III-E, IV-B).
    PpoSettings in "ppo" {
        /// Which parameters are trained, besides the value head.
        tuning: Tuning = Tuning::Prefix => choice(Tuning::WORDS).paper("prefix");
        /// Batches of fresh responses.
        steps: u64 = 24_000 => int(1, 10_000_000).unit("steps").paper("24 000");
        /// Contexts a batch.
        batch: usize = 8 => int(1, 1024).unit("contexts").paper("8");
        /// Passes over each batch.
        epochs: u64 = 4 => int(1, 100).unit("epochs").paper("4");
        /// Parts that a batch is cut into, with one update each.
        minibatches: usize = 1 => int(1, 1024).paper("1");
        /// Parts whose gradients are gathered for one update.
        accumulation: usize = 1 => int(1, 1024).unit("parts").paper("1");
        /// Parts of one update count equally, however many tokens they have (fault of the authors' trainer).
        equal_parts: bool = false => BOOL.paper("false");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1.41e-5 => float(0.0, 1.0).label("Learning rate").paper("1.41e-5");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Constant => choice(LrSchedule::WORDS).label("Learning rate schedule");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.01 => float(0.0, 1.0);
        /// ε of the clipped objective (Eq. 14).
        clip_range: f64 = 0.2 => float(0.0, 1.0).paper("0.2");
        /// α, the weight of the value loss (Eq. 13).
        value_coefficient: f64 = 0.1 => float(0.0, 10.0).paper("0.1");
        /// Values may move so far from the rollout's before the loss is clipped; 0 for no clipping.
        value_clip_range: f64 = 0.2 => float(0.0, 100.0);
        /// γ of the advantages (Eq. 10).
        gamma: f64 = 1.0 => float(0.0, 1.0).paper("1.0");
        /// λ of the advantages (Eq. 9).
        lambda: f64 = 0.95 => float(0.0, 1.0).paper("0.95");
        /// Scale advantages to mean 0 and variance 1 over the batch's tokens.
        whiten_advantages: bool = true => BOOL;
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6);
        /// Only the first update of a run is clipped (fault of the authors' trainer, whose list of parameters is used up by then).
        clip_once: bool = false => BOOL.paper("false");
        /// Updates whose mean ratio passes this are skipped and counted.
        ratio_threshold: f64 = 10.0 => float(1.0, 1e6);
        /// The batch's remaining epochs are skipped once old and new policy differ by so much; 0 for never.
        target_kl: f64 = 0.0 => float(0.0, 1e3).label("Target KL of an update");
        /// The first token of every response counts nowhere: not in the KL, nor in advantages, nor in losses (fault of the authors' trainer).
        skip_first_token: bool = false => BOOL.paper("false");
        /// Log-probabilities are those of the truncated, tempered distribution that responses are drawn from, which makes the k1 estimate unbiased; off, those of the full softmax. Metrics of the truncated one have names of their own.
        score_truncated: bool = false => BOOL.paper("false");
        /// The validation subset is answered and scored every so many steps.
        evaluate_every: u64 = 200 => int(1, 1_000_000).unit("steps");
    }
}
