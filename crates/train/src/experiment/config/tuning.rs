//! Which parameters a stage trains: the model's own, a prefix, or low-rank matrices.

use crate::experiment::setting::{TEXT, float, int, settings, words};

words! {
    /// Which parameters are trained.
    Tuning {
        /// Prefix vectors only; all of the model's weights are frozen (Sec. III-C).
        Prefix = "prefix",
        /// All of the model's weights, no prefix: the paper's "w/o RL, Prefix-tuning" row and the released code.
        Full = "full",
        /// All of the model's weights and a prefix, for a model that was never pre-trained; reinforcement
        /// learning can then continue with the prefix alone.
        Both = "both",
        /// LoRA only: low-rank matrices beside the linear layers; all of the model's weights are frozen (Hu et al. 2021).
        Lora = "lora",
    }
}

impl Tuning {
    /// Whether a prefix is in front of the self-attentions.
    pub fn has_prefix(self) -> bool {
        matches!(self, Tuning::Prefix | Tuning::Both)
    }

    /// Whether low-rank matrices stand beside the linear layers.
    pub fn has_lora(self) -> bool {
        self == Tuning::Lora
    }

    /// Whether something is put on the model and trained.
    pub fn has_adapter(self) -> bool {
        self.has_prefix() || self.has_lora()
    }

    /// Whether the model's own weights are trained.
    pub fn trains_model(self) -> bool {
        matches!(self, Tuning::Full | Tuning::Both)
    }
}

settings! {
    /// The prefix in front of every self-attention (Sec. III-C).
    PrefixSettings in "prefix" {
        /// Positions in each encoder layer.
        encoder: usize = 40 => int(1, 512).unit("positions").paper("40");
        /// Positions in each decoder layer.
        decoder: usize = 10 => int(1, 512).unit("positions").paper("10");
        /// Positions in each cross-attention; 0 for none.
        cross: usize = 0 => int(0, 512).unit("positions");
        /// Width of the tanh layer that makes the vectors during training.
        hidden: usize = 512 => int(8, 4096);
    }
}

settings! {
    /// The low-rank matrices beside linear layers, where the tuning is "lora" (Hu et al. 2021).
    LoraSettings in "lora" {
        /// The rank of what is added to a weight.
        rank: usize = 16 => int(1, 1_024);
        /// What is added is multiplied by alpha / rank.
        alpha: f64 = 32.0 => float(0.0, 4_096.0);
        /// Dropout of the matrices' inputs in the generator stage; always off in reinforcement learning.
        dropout: f64 = 0.05 => float(0.0, 0.9);
        /// The layers, by their published names with commas between, such as q_proj, v_proj, or of T5 q, v; "all-linear" for all of the blocks.
        targets: String = "all-linear".into() => TEXT;
    }
}
