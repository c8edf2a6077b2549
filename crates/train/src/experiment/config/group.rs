//! The settings of the algorithms that weigh several responses to one context against each other: GRPO and RLOO.
//! Names, defaults and meaning are those of TRL 0.25.1, but for what every stage calls the same.

use super::{LrSchedule, Tuning};
use crate::experiment::setting::{BOOL, choice, float, int, settings, words};

words! {
    /// How the losses of a batch's tokens become one number (GRPO).
    LossType {
        /// The mean within each response, then over responses: short ones count more by token (Shao et al. 2024).
        Grpo = "grpo",
        /// The mean over the tokens of a part of the batch.
        Bnpo = "bnpo",
        /// The sum over the batch by the largest number of tokens it could have (Liu et al. 2025).
        DrGrpo = "dr_grpo",
        /// The mean over the tokens of the whole batch (Yu et al. 2025).
        Dapo = "dapo",
    }
}

words! {
    /// What is clipped: the ratio of a token, or that of a response.
    ImportanceSamplingLevel {
        /// A ratio for each token.
        Token = "token",
        /// One for a response, by the mean of its tokens' log-ratios: GSPO (Zheng et al. 2025).
        Sequence = "sequence",
    }
}

words! {
    /// What advantages are divided by.
    ScaleRewards {
        /// The standard deviation of the group's rewards.
        Group = "group",
        /// That of the whole batch's.
        Batch = "batch",
        /// Nothing.
        None = "none",
    }
}

settings! {
    /// GRPO: several responses to a context, each weighed against the mean of its group. Names and defaults are TRL's.
    GrpoSettings in "grpo" {
        /// Which parameters are trained.
        tuning: Tuning = Tuning::Prefix => choice(Tuning::WORDS);
        /// Batches of fresh responses.
        steps: u64 = 1_000 => int(1, 10_000_000).unit("steps");
        /// Contexts a batch; each is answered num_generations times, so that a batch has batch × num_generations responses.
        batch: usize = 8 => int(1, 1024).unit("contexts");
        /// Responses to each context: a group.
        num_generations: usize = 8 => int(2, 1024).label("Responses a context").unit("responses").trl("8");
        /// Updates from each batch.
        num_iterations: usize = 1 => int(1, 100).label("Updates a batch").unit("updates").trl("1");
        /// Parts that the responses of a batch are cut into, whose gradients are gathered for one update: more need less memory.
        gradient_accumulation_steps: usize = 1 => int(1, 4096).label("Parts of an update").unit("parts").trl("1");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1e-6 => float(0.0, 1.0).label("Learning rate").trl("1e-6");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Linear => choice(LrSchedule::WORDS).label("Learning rate schedule").trl("linear");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.0 => float(0.0, 1.0).trl("0");
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6).trl("1");
        /// Weight of the KL to the generator (k3 of each token) in the loss. It stands for reward.beta, which GRPO does not use.
        beta: f64 = 0.0 => float(0.0, 100.0).label("KL coefficient β").trl("0");
        /// The ratio of new and old policy may fall so far below 1 before it is clipped.
        epsilon: f64 = 0.2 => float(0.0, 1.0).label("Clip range ε").trl("0.2");
        /// The ratio may rise so far above 1 before it is clipped; 0 for as far as ε. DAPO takes 0.28.
        epsilon_high: f64 = 0.0 => float(0.0, 100.0).label("Upper clip range").trl("as ε");
        /// How the losses of tokens become one number.
        loss_type: LossType = LossType::Dapo => choice(LossType::WORDS).trl("dapo");
        /// Ratios by token, or by response (GSPO).
        importance_sampling_level: ImportanceSamplingLevel = ImportanceSamplingLevel::Token => choice(ImportanceSamplingLevel::WORDS).trl("token");
        /// What a group's advantages are divided by.
        scale_rewards: ScaleRewards = ScaleRewards::Group => choice(ScaleRewards::WORDS).trl("group");
        /// The validation subset is answered and scored every so many steps.
        evaluate_every: u64 = 100 => int(1, 1_000_000).unit("steps");
    }
}

settings! {
    /// RLOO: several responses to a context, each less the mean of the others. Names and defaults are TRL's.
    RlooSettings in "rloo" {
        /// Which parameters are trained.
        tuning: Tuning = Tuning::Prefix => choice(Tuning::WORDS);
        /// Batches of fresh responses.
        steps: u64 = 1_000 => int(1, 10_000_000).unit("steps");
        /// Contexts a batch; each is answered num_generations times, so that a batch has batch × num_generations responses.
        batch: usize = 8 => int(1, 1024).unit("contexts");
        /// Responses to each context: a group.
        num_generations: usize = 2 => int(2, 1024).label("Responses a context").unit("responses").trl("2");
        /// Updates from each batch.
        num_iterations: usize = 1 => int(1, 100).label("Updates a batch").unit("updates").trl("1");
        /// Parts that the responses of a batch are cut into, whose gradients are gathered for one update: more need less memory.
        gradient_accumulation_steps: usize = 1 => int(1, 4096).label("Parts of an update").unit("parts").trl("1");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there.
        lr: f64 = 1e-6 => float(0.0, 1.0).label("Learning rate").trl("1e-6");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Linear => choice(LrSchedule::WORDS).label("Learning rate schedule").trl("linear");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.0 => float(0.0, 1.0).trl("0");
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6).trl("1");
        /// Weight of the KL to the generator, summed over a response (k1), in its reward. It stands for reward.beta, which RLOO does not use.
        beta: f64 = 0.05 => float(0.0, 100.0).label("KL coefficient β").trl("0.05");
        /// A response's ratio of new and old policy may fall so far below 1 before it is clipped.
        epsilon: f64 = 0.2 => float(0.0, 1.0).label("Clip range ε").trl("0.2");
        /// The ratio may rise so far above 1 before it is clipped; 0 for as far as ε.
        epsilon_high: f64 = 0.0 => float(0.0, 100.0).label("Upper clip range").trl("as ε");
        /// Scale advantages to mean 0 and variance 1 over the batch's responses.
        normalize_advantages: bool = false => BOOL.label("Scale advantages").trl("false");
        /// The validation subset is answered and scored every so many steps.
        evaluate_every: u64 = 100 => int(1, 1_000_000).unit("steps");
    }
}
