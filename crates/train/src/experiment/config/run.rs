//! What a run does as a whole.

use crate::experiment::Stage;
use crate::experiment::setting::{SettingKind, Spec, TEXT, choice, int, settings, words};

words! {
    /// The numbers that weights are stored and multiplied in where they are not trained.
    Precision {
        /// As in training.
        F32 = "f32",
        /// Half the memory; sums stay in f32.
        Bf16 = "bf16",
    }
}

settings! {
    /// What a run does as a whole.
    RunSettings in "run" {
        /// Every random draw of the run derives from it.
        seed: u64 = 1 => int(0, 4_294_967_295);
        /// Where tensors live: flex (this processor), or tch, vulkan, cuda where compiled in.
        device: String = "flex".into() => TEXT;
        /// The numbers that frozen weights and identifiers in use are stored and multiplied in: bf16 takes half the memory and, on processors with AMX or AVX-512 BF16, less time than f32; it needs the device flex.
        precision: Precision = Precision::F32 => choice(Precision::WORDS);
        /// The stages to run, in this order.
        stages: Vec<Stage> = vec![Stage::Identifiers, Stage::Generator, Stage::Ppo, Stage::Evaluation]
            => Spec::of(SettingKind::List(&["pretraining", "identifiers", "generator", "ppo", "grpo", "rloo", "dpo", "evaluation"]));
        /// A checkpoint is written every so many steps of a stage, besides the one at its end; 0 for none between.
        checkpoint_every: u64 = 500 => int(0, 1_000_000).unit("steps");
    }
}
