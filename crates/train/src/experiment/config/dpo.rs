//! Direct preference optimisation.

use super::{LrSchedule, Tuning};
use crate::experiment::setting::{choice, float, int, settings, words};

words! {
    /// The loss of direct preference optimisation.
    DpoLoss {
        /// -log σ(β (chosen log-ratio - rejected log-ratio)), with label smoothing where that is set.
        Sigmoid = "sigmoid",
    }
}

settings! {
    /// Direct preference optimisation: responses that people preferred are made likelier than the others (Rafailov et al. 2023).
    DpoSettings in "dpo" {
        /// Which parameters are trained.
        tuning: Tuning = Tuning::Prefix => choice(Tuning::WORDS);
        /// How far the policy may move from the reference, which is the generator: higher keeps it closer.
        beta: f64 = 0.1 => float(0.0, 100.0).label("β");
        /// The loss of a pair.
        loss_type: DpoLoss = DpoLoss::Sigmoid => choice(DpoLoss::WORDS).label("Loss");
        /// Share of pairs that are taken to be the wrong way round.
        label_smoothing: f64 = 0.0 => float(0.0, 0.5);
        /// Passes over the training pairs.
        epochs: u64 = 3 => int(1, 1000).unit("epochs");
        /// Batches at most, over all epochs; 0 for no limit.
        max_steps: u64 = 0 => int(0, 10_000_000).unit("steps");
        /// Pairs a batch.
        batch: usize = 8 => int(1, 1024).unit("pairs");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1e-6 => float(0.0, 1.0).label("Learning rate");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Linear => choice(LrSchedule::WORDS).label("Learning rate schedule");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.0 => float(0.0, 1.0);
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6);
        /// Longest context of a pair; longer ones lose their oldest tokens.
        max_prompt_length: usize = 512 => int(8, 4096).unit("tokens");
        /// Longest response of a pair; longer ones lose their end; 0 for no limit of its own.
        max_completion_length: usize = 0 => int(0, 4096).unit("tokens");
        /// Context and response together; the context loses its oldest tokens.
        max_length: usize = 1_024 => int(16, 8192).unit("tokens");
        /// Share of contexts whose pairs are kept for validation; 0 for none.
        validation_share: f64 = 0.1 => float(0.0, 0.9);
        /// The validation pairs are measured, and the validation subset is answered and scored, every so many steps.
        evaluate_every: u64 = 200 => int(1, 1_000_000).unit("steps");
    }
}
