//! Training by maximum likelihood: pre-training, and the generator.

use super::Tuning;
use crate::experiment::setting::{choice, float, int, settings, words};

words! {
    /// How a learning rate moves over a stage.
    LrSchedule {
        /// It stays.
        Constant = "constant",
        /// Falls in a line to zero at the last step.
        Linear = "linear",
    }
}

settings! {
    /// T5's own span corruption, for a model made from nothing.
    PretrainingSettings in "pretraining" {
        /// Batches.
        steps: u64 = 2_000 => int(1, 10_000_000).unit("steps");
        /// Texts a batch.
        batch: usize = 16 => int(1, 1024).unit("texts");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1e-3 => float(0.0, 1.0).label("Learning rate");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Linear => choice(LrSchedule::WORDS).label("Learning rate schedule");
        /// Share of tokens that are hidden.
        corruption: f64 = 0.15 => float(0.01, 0.9);
        /// Mean length of a hidden span.
        mean_span: f64 = 3.0 => float(1.0, 20.0).unit("tokens");
    }
}

settings! {
    /// Maximum likelihood on the dialogues (Sec. III-C, IV-B).
    GeneratorSettings in "generator" {
        /// Which parameters are trained.
        tuning: Tuning = Tuning::Prefix => choice(Tuning::WORDS).paper("prefix");
        /// Passes over the training examples, at most.
        epochs: u64 = 10 => int(1, 1000).unit("epochs");
        /// Batches at most, over all epochs; 0 for no limit.
        max_steps: u64 = 0 => int(0, 10_000_000).unit("steps");
        /// Examples a batch.
        batch: usize = 8 => int(1, 1024).unit("examples").paper("8");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1e-4 => float(0.0, 1.0).label("Learning rate").paper("1e-4");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Constant => choice(LrSchedule::WORDS).label("Learning rate schedule");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.01 => float(0.0, 1.0);
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6);
        /// Validation loss is measured every so many steps.
        validate_every: u64 = 1_000 => int(1, 1_000_000).unit("steps");
        /// Validations without a better loss before training ends; 0 for never.
        patience: u64 = 3 => int(0, 1000).unit("validations").paper("early stopping");
    }
}
