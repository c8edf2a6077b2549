//! The typed tree of settings: defaults, ranges, help and the paper's values, each declared once.
//!
//! Defaults are the paper's (Sec. IV-B) where it states one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Stage;
use super::group_settings::{GrpoSettings, RlooSettings};
use super::setting::{BOOL, Setting, SettingKind, Spec, TEXT, choice, float, int, settings, words};
use super::term::{Scorer, TermSettings, term_settings};

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

words! {
    /// Where an identifier's encoder starts from, if it is the run's own model.
    IdentifierInit {
        /// The model folder.
        Folder = "folder",
        /// The model after the pre-training stage.
        Pretraining = "pretraining",
        /// The generator's model.
        Generator = "generator",
        /// Random weights.
        Random = "random",
    }
}

words! {
    /// How an identifier sums up a response's tokens.
    PoolingChoice {
        /// The largest value of each feature (the paper).
        Max = "max",
        /// The mean (the released code).
        Mean = "mean",
        /// The token that stands for all: BERT's first, a decoder's last. T5 has none.
        Cls = "cls",
    }
}

words! {
    /// What turns the pooled response into three logits.
    HeadChoice {
        /// One linear layer (the paper).
        Linear = "linear",
        /// Half width, tanh, three (the released code).
        Mlp = "mlp",
    }
}

words! {
    /// The feed-forward layers of a model made from nothing.
    FeedForwardChoice {
        /// T5 v1.0.
        Relu = "relu",
        /// T5 v1.1 and Flan.
        GatedGelu = "gated-gelu",
    }
}

words! {
    /// The per-token KL estimate that the reward subtracts.
    KlEstimator {
        /// log π - log ρ of the sampled token.
        K1 = "k1",
        /// Its absolute value.
        Abs = "abs",
        /// Half its square.
        Mse = "mse",
        /// exp(log ρ - log π) - 1 + log π - log ρ, never negative.
        K3 = "k3",
        /// Exact, over the whole vocabulary.
        Full = "full",
    }
}

words! {
    /// Which validation examples an evaluation answers.
    SubsetChoice {
        /// Drawn by the run's seed.
        Seed = "seed",
        /// The first ones, as in runs that were begun before there was a choice.
        First = "first",
    }
}

words! {
    /// How the KL coefficient β moves.
    KlControlChoice {
        /// It stays.
        Fixed = "fixed",
        /// Proportional control towards a target.
        Adaptive = "adaptive",
    }
}

words! {
    /// The numbers that weights are stored and multiplied in where they are not trained.
    Precision {
        /// As in training.
        F32 = "f32",
        /// Half the memory; sums stay in f32.
        Bf16 = "bf16",
    }
}

words! {
    /// Which labelled pairs the identifiers are trained on. A seeker post's half depends on its identifier alone, on no seed.
    PairsChoice {
        /// All.
        All = "all",
        /// Those of one half of the seeker posts.
        FirstHalf = "first-half",
        /// Those of the other half.
        SecondHalf = "second-half",
    }
}

impl PairsChoice {
    /// What is left for a judge that shares no seeker post with the identifiers; all, where they read all.
    pub fn others(self) -> Self {
        match self {
            PairsChoice::All => PairsChoice::All,
            PairsChoice::FirstHalf => PairsChoice::SecondHalf,
            PairsChoice::SecondHalf => PairsChoice::FirstHalf,
        }
    }
}

words! {
    /// The loss of direct preference optimisation.
    DpoLoss {
        /// -log σ(β (chosen log-ratio - rejected log-ratio)), with label smoothing where that is set.
        Sigmoid = "sigmoid",
    }
}

words! {
    /// How much the cross-entropy of a level counts in the empathy reward.
    ClassWeights {
        /// All levels alike (the paper).
        None = "none",
        /// By the inverse of the level's share among the training targets.
        Balanced = "balanced",
    }
}

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

settings! {
    /// Which texts a run reads, and how much of them.
    DataSettings in "data" {
        /// Dialogues: "builtin", or the name of an imported set.
        dialogues: String = "empathetic-dialogues".into() => TEXT.paper("EmpatheticDialogues");
        /// Labelled pairs for the identifiers: "builtin", or the name of an imported set.
        levels: String = "mental-health-subreddits".into() => TEXT.paper("Mental Health Subreddits");
        /// Preference pairs for the dpo stage: the name of an imported set.
        preferences: String = "preferences".into() => TEXT;
        /// Longest context; longer ones lose their oldest tokens.
        max_source: usize = 200 => int(8, 4096).unit("tokens");
        /// Longest target response.
        max_target: usize = 50 => int(4, 1024).unit("tokens");
        /// Training examples used, drawn by seed; 0 for all.
        train_limit: usize = 0 => int(0, 10_000_000).unit("examples");
        /// Validation examples used for early stopping; 0 for all.
        validation_limit: usize = 0 => int(0, 10_000_000).unit("examples");
        /// Test examples answered at the end; 0 for all.
        test_limit: usize = 0 => int(0, 10_000_000).unit("examples");
    }
}

/// As `model.source`: a T5 made from nothing.
pub const SCRATCH: &str = "scratch";

settings! {
    /// The language model that everything starts from.
    ModelSettings in "model" {
        /// A Hugging Face folder, a GGUF file of the Llama family, or "scratch" for a T5 and a tokenizer made from the texts at hand.
        source: String = SCRATCH.into() => TEXT.paper("t5-base");
        /// Pieces of the tokenizer (scratch only).
        vocabulary: usize = 8_000 => int(200, 64_000).unit("pieces");
        /// Width of the hidden states (scratch only).
        d_model: usize = 256 => int(8, 4096).label("Model width").paper("768");
        /// Width of one head's keys and values (scratch only).
        d_kv: usize = 32 => int(4, 512).label("Head width").paper("64");
        /// Width inside the feed-forward layers (scratch only).
        d_ff: usize = 1_024 => int(8, 16_384).label("Feed-forward width").paper("3072");
        /// Layers of the encoder, and as many of the decoder (scratch only).
        layers: usize = 4 => int(1, 48).paper("12");
        /// Attention heads (scratch only).
        heads: usize = 8 => int(1, 64).paper("12");
        /// Feed-forward layers (scratch only).
        feed_forward: FeedForwardChoice = FeedForwardChoice::Relu => choice(FeedForwardChoice::WORDS).paper("relu");
        /// Whether the output head shares the embedding (scratch only).
        tied: bool = true => BOOL.paper("true");
        /// Tokens that stand in the texts by name, such as </s> or <extra_id_0> or those added to the tokenizer as special, become these tokens; off, they are text like any other.
        special_tokens: bool = false => BOOL.label("Special tokens in texts");
        /// Dropout of the identifiers', generator's and pre-training stages; always off in reinforcement learning. Identifiers on an encoder of a folder have that of its config.json.
        dropout: f64 = 0.1 => float(0.0, 0.9).paper("0.1");
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
    /// The three empathy identifiers (Sec. III-D).
    IdentifierSettings in "identifiers" {
        /// "train", or whose identifiers to take instead: the number of a run in this store, a folder that holds a set, or one with the authors' three .pt files.
        source: String = TRAIN.into() => TEXT;
        /// Every draw of theirs derives from it: the split, first weights, order and dropout. With one of its own they are the same whatever run.seed is; 0 for run.seed.
        seed: u64 = 0 => int(0, 4_294_967_295);
        /// The labelled pairs they are trained on: all, or those of one half of the seeker posts. The auditor "logistic" then reads those of the other half, so that reward and auditor have learnt from nothing in common.
        pairs: PairsChoice = PairsChoice::All => choice(PairsChoice::WORDS).paper("all");
        /// What they stand on: "t5", the run's T5, two encoders and attention between them as in the paper; "policy", the run's model whatever it is; or the folder of a BERT (such as all-MiniLM-L6-v2), of a T5 or of a decoder. BERT and decoders read context and response as one text.
        encoder: String = T5_ENCODER.into() => TEXT.paper("t5");
        /// Judges that watch: they judge every evaluation beside the reward's identifiers, and never give a reward or stop a run. "none", or names with commas between: the number of a run in this store, a folder that holds identifiers, or "logistic" for a logistic regression over words that is trained on the labelled pairs.
        auditors: String = NO_AUDITORS.into() => TEXT;
        /// Where the encoder starts from, if it is the run's own model; one of a folder starts from its weights there.
        init: IdentifierInit = IdentifierInit::Folder => choice(IdentifierInit::WORDS).paper("T5");
        /// How a response's tokens are summed up.
        pooling: PoolingChoice = PoolingChoice::Max => choice(PoolingChoice::WORDS).paper("max");
        /// What makes three logits of it.
        head: HeadChoice = HeadChoice::Linear => choice(HeadChoice::WORDS).paper("linear");
        /// Passes over the training pairs, at most.
        epochs: u64 = 4 => int(1, 1000).unit("epochs");
        /// Pairs a batch.
        batch: usize = 16 => int(1, 1024).unit("pairs");
        /// Step size of AdamW at the first batch; the schedule says how it moves from there. The default suits T5-base; all-MiniLM-L6-v2 takes 1e-4 (experiments/identifiers-minilm.toml).
        lr: f64 = 2e-5 => float(0.0, 1.0).label("Learning rate");
        /// How the learning rate moves.
        lr_schedule: LrSchedule = LrSchedule::Constant => choice(LrSchedule::WORDS).label("Learning rate schedule");
        /// Decoupled weight decay.
        weight_decay: f64 = 0.01 => float(0.0, 1.0);
        /// Share of seeker posts kept for validation.
        validation_share: f64 = 0.2 => float(0.01, 0.9).paper("0.2");
        /// Weigh rare levels up in the loss.
        class_weights: bool = false => BOOL;
        /// Epochs without a better validation loss before training ends; 0 for never.
        patience: u64 = 0 => int(0, 1000).unit("epochs");
        /// Longest seeker post or context.
        max_context: usize = 128 => int(4, 4096).unit("tokens");
        /// Longest response.
        max_response: usize = 64 => int(4, 4096).unit("tokens");
        /// Largest global gradient norm; 0 for no clipping.
        max_gradient_norm: f64 = 1.0 => float(0.0, 1e6);
    }
}

/// As `identifiers.source`: the run trains its own.
const TRAIN: &str = "train";
/// As `identifiers.encoder`: the run's model, which is a T5.
const T5_ENCODER: &str = "t5";
/// As `identifiers.encoder`: the run's model.
const POLICY_ENCODER: &str = "policy";

/// As `identifiers.auditors`: nobody but the reward's identifiers judges.
const NO_AUDITORS: &str = "none";

/// Among `identifiers.auditors`: the logistic regression over words.
pub const LOGISTIC: &str = "logistic";

impl IdentifierSettings {
    /// Where the encoder is, unless it is the run's own model.
    pub fn encoder_folder(&self) -> Option<&Path> {
        let own = [T5_ENCODER, POLICY_ENCODER];
        let encoder = self.encoder.trim();
        (!own.contains(&encoder)).then(|| Path::new(encoder))
    }

    /// Whether the encoder is the run's own model, whatever it is.
    pub fn stands_on_policy(&self) -> bool {
        self.encoder.trim() == POLICY_ENCODER
    }

    /// The seed of their draws in a run of this seed.
    pub fn seed(&self, run_seed: u64) -> u64 {
        match self.seed {
            0 => run_seed,
            own => own,
        }
    }

    /// The judges that give no reward, each a run's number, a folder or [`LOGISTIC`].
    pub fn auditors(&self) -> impl Iterator<Item = &str> {
        let names = self.auditors.split(',').map(str::trim);
        let is_none = self.auditors.trim() == NO_AUDITORS;
        names.filter(move |name| !is_none && !name.is_empty())
    }

    /// Whose identifiers are taken, unless the run trains its own.
    pub fn given(&self) -> Option<&str> {
        Some(self.source.trim()).filter(|source| *source != TRAIN)
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

settings! {
    /// How responses are drawn, in rollouts and at inference (Sec. IV-B).
    SamplingSettings in "sampling" {
        /// Longest response.
        max_new_tokens: usize = 30 => int(1, 512).unit("tokens").paper("30");
        /// The end of the response is forbidden before so many tokens.
        min_new_tokens: usize = 0 => int(0, 512).unit("tokens");
        /// Only the k likeliest tokens are drawn from; 0 for all.
        top_k: usize = 20 => int(0, 100_000).label("Top-k").paper("20");
        /// Only the likeliest tokens that together reach this probability are drawn from.
        top_p: f64 = 1.0 => float(0.0, 1.0).label("Top-p").paper("1.0");
        /// Logits are divided by it before drawing.
        temperature: f64 = 0.9 => float(0.01, 10.0).paper("0.9");
    }
}

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

settings! {
    /// The reward (Eq. 2-8).
    RewardSettings in "reward" {
        /// What the reward is the weighted sum of, each a [[reward.term]]; without any it is the empathy reward.
        term: Vec<TermSettings> = Vec::new() => Spec::of(SettingKind::Terms).label("Terms");
        /// Whether the empathy reward is given, where there are no terms; off is the ablation "w/o Empathy Reward".
        empathy: bool = true => BOOL.paper("true");
        /// Weight of the emotional reaction loss in Eq. 3; 0 switches it off.
        emotional_reaction: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// Weight of the interpretation loss in Eq. 3; 0 switches it off.
        interpretation: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// Weight of the exploration loss in Eq. 3; 0 switches it off.
        exploration: f64 = 1.0 => float(0.0, 100.0).paper("1");
        /// What a level's loss in Eq. 3 counts: "balanced" by the inverse of the level's share among the training targets, so that the commonest level does not pay.
        class_weights: ClassWeights = ClassWeights::None => choice(ClassWeights::WORDS).paper("none");
        /// Instead of exp(-loss), the log-probability of the target's level less that of its share among the training targets: what answers without regard to the context cannot raise above 0.
        log_prior: bool = false => BOOL.label("Less the log-prior").paper("false");
        /// β, the weight of the KL penalty (Eq. 8); 0 is the ablation "w/o KL Penalty".
        beta: f64 = 0.2 => float(0.0, 100.0).label("KL coefficient β").paper("0.2");
        /// The per-token estimate that is subtracted.
        kl_estimator: KlEstimator = KlEstimator::K1 => choice(KlEstimator::WORDS).label("KL estimator").paper("k1");
        /// How β moves.
        kl_control: KlControlChoice = KlControlChoice::Fixed => choice(KlControlChoice::WORDS).label("KL control").paper("fixed");
        /// KL of a response that adaptive control aims at.
        kl_target: f64 = 6.0 => float(0.001, 1e4).label("KL target");
        /// Responses over which adaptive control moves β.
        kl_horizon: f64 = 10_000.0 => float(1.0, 1e9).label("KL horizon").unit("responses");
        /// Divide scores by their running deviation (released code).
        scale_scores: bool = false => BOOL.paper("false");
        /// Subtract the running mean of scores as well (released code).
        normalise_scores: bool = false => BOOL.paper("false");
        /// Scores are cut to ± this; 0 for no cut.
        clip_scores: f64 = 0.0 => float(0.0, 1e6);
        /// Scale per-token rewards to variance 1 over the batch (released code).
        whiten_rewards: bool = false => BOOL.paper("false");
        /// Whitening also moves the zeros behind shorter responses, which then enter the advantages (fault of the authors' trainer).
        whiten_padding: bool = false => BOOL.paper("false");
    }
}

settings! {
    /// How answers are measured.
    EvaluationSettings in "evaluation" {
        /// Validation examples answered at each evaluation of a policy.
        subset: usize = 200 => int(1, 1_000_000).unit("examples");
        /// Which validation examples these are: drawn by the run's seed, of the validation examples that it reads; or the first of them.
        subset_by: SubsetChoice = SubsetChoice::Seed => choice(SubsetChoice::WORDS).label("Subset drawn by");
        /// Dialogues of the fixed sample list.
        samples: usize = 8 => int(1, 200).unit("dialogues");
        /// Also measure "best of n": of so many responses of the generator the one that the reward likes best, which any training by that reward must beat; 0 to leave it out.
        best_of: usize = 0 => int(0, 256).label("Best of n").unit("responses");
        /// Examples answered at once.
        batch: usize = 32 => int(1, 1024).unit("examples");
        /// Also report PPL as the authors' released code does, which depends on the batch size: by batches of so many targets; 0 to leave it out.
        ppl_batch: usize = 0 => int(0, 1024).label("PPL by batches of").unit("targets");
        /// Resamples of the bootstrap behind every interval.
        resamples: usize = 1_000 => int(10, 100_000);
        /// Put controls beside Emp-F1: the answers shuffled over the contexts, the best constant answer, κ and shares of levels.
        controls: bool = true => BOOL;
    }
}

settings! {
    /// When to alert a person. None of these changes the results of a run.
    AlertSettings in "alerts" {
        /// Steps over which the rules take their means.
        window: u64 = 50 => int(2, 100_000).unit("steps");
        /// Alert when the mean KL of a response passes this; 0 for never.
        kl_limit: f64 = 30.0 => float(0.0, 1e6).label("KL limit").unit("nats");
        /// Alert when the mean KL of a response has grown this many times from one window to the next; 0 for never.
        kl_factor: f64 = 4.0 => float(0.0, 1e6).label("KL growth").unit("times");
        /// Alert when this share of the sample dialogues gets the same response as another one; 0 for never.
        duplicate_share: f64 = 0.5 => float(0.0, 1.0);
        /// Alert when Dist-2 of an evaluation falls below this share of the first one's; 0 for never.
        dist_share: f64 = 0.5 => float(0.0, 1.0).label("Dist-2 left");
        /// Alert when an evaluation's responses have one level of a mechanism in more than this share, and the targets have it clearly less often (by 0.1 or more); 0 for never.
        level_share: f64 = 0.95 => float(0.0, 1.0).label("Levels collapsed");
        /// Alert when more than this share of responses is cut at the longest length; 0 for never.
        cut_share: f64 = 0.9 => float(0.0, 1.0).label("Responses cut off");
        /// Alert when more than this share of contexts has responses of equal reward, from which GRPO and RLOO learn nothing; 0 for never.
        zero_std_share: f64 = 0.8 => float(0.0, 1.0).label("Groups of equal rewards");
        /// Alert when reward and length of responses correlate by more than this; 0 for never.
        length_correlation: f64 = 0.9 => float(0.0, 1.0).label("Reward tied to length");
        /// Alert when the mean reward has not risen for so many steps; 0 for never.
        stalled_after: u64 = 4_000 => int(0, 10_000_000).label("Stalled reward").unit("steps");
        /// In the window, a loss that is not finite pauses the run at its last checkpoint, so that settings can be changed; off, and on the command line, the run ends as failed and can be resumed.
        pause: bool = true => BOOL.label("Pause at a lost loss");
    }
}

/// All settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub run: RunSettings,
    pub data: DataSettings,
    pub model: ModelSettings,
    pub prefix: PrefixSettings,
    pub lora: LoraSettings,
    pub pretraining: PretrainingSettings,
    pub identifiers: IdentifierSettings,
    pub generator: GeneratorSettings,
    pub sampling: SamplingSettings,
    pub ppo: PpoSettings,
    pub grpo: GrpoSettings,
    pub rloo: RlooSettings,
    pub dpo: DpoSettings,
    pub reward: RewardSettings,
    pub evaluation: EvaluationSettings,
    pub alerts: AlertSettings,
}

impl Config {
    /// What a run has that was begun before some of the settings existed: the defaults, but for those whose default is not
    /// what was done then.
    pub(super) fn of_earlier_versions() -> Config {
        let mut config = Config::default();
        config.evaluation.subset_by = SubsetChoice::First;
        config
    }
}

/// The sections of the tree: key, title.
pub const SECTIONS: &[(&str, &str)] = &[
    ("run", "Run"),
    ("data", "Data"),
    ("model", "Model"),
    ("prefix", "Prefix"),
    ("lora", "LoRA"),
    ("pretraining", "Pre-training"),
    ("identifiers", "Identifiers"),
    ("generator", "Generator"),
    ("sampling", "Sampling"),
    ("ppo", "PPO"),
    ("grpo", "GRPO"),
    ("rloo", "RLOO"),
    ("dpo", "DPO"),
    ("reward", "Reward"),
    ("evaluation", "Evaluation"),
    ("alerts", "Alerts"),
];

/// Every setting, in the order of the tree.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    [
        RunSettings::SETTINGS,
        DataSettings::SETTINGS,
        ModelSettings::SETTINGS,
        PrefixSettings::SETTINGS,
        LoraSettings::SETTINGS,
        PretrainingSettings::SETTINGS,
        IdentifierSettings::SETTINGS,
        GeneratorSettings::SETTINGS,
        SamplingSettings::SETTINGS,
        PpoSettings::SETTINGS,
        GrpoSettings::SETTINGS,
        RlooSettings::SETTINGS,
        DpoSettings::SETTINGS,
        RewardSettings::SETTINGS,
        EvaluationSettings::SETTINGS,
        AlertSettings::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// The setting at `path`, such as `ppo.lr`, or `reward.term.tone.weight` of a term.
pub fn setting(path: &str) -> Option<&'static Setting> {
    match term_path(path) {
        Some((_, field)) => term_settings().find(|setting| setting.field() == field),
        None => settings().find(|setting| setting.path == path),
    }
}

/// The path of the list of a reward's terms.
pub const TERMS: &str = "reward.term";

/// Which term (by its name, or its place from 0) and which of its settings a path names.
pub(super) fn term_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(TERMS)?.strip_prefix('.')?.split_once('.')
}

impl RewardSettings {
    /// Whether the identifiers have a part in the reward.
    pub fn uses_identifiers(&self) -> bool {
        match self.term.is_empty() {
            true => self.empathy,
            false => self
                .term
                .iter()
                .any(|term| term.scorer == Scorer::Identifiers),
        }
    }

    /// Whether what the identifiers give is `exp(-Σ CE)`, as in the paper.
    pub fn is_papers_form(&self) -> bool {
        self.class_weights == ClassWeights::None && !self.log_prior
    }

    /// The programs that a run would start, each with its arguments.
    pub fn commands(&self) -> impl Iterator<Item = &[String]> {
        self.term.iter().filter_map(|term| match &term.scorer {
            Scorer::Command(own) => Some(own.command.as_slice()),
            _ => None,
        })
    }

    /// The addresses that a run would send texts to.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.term.iter().filter_map(|term| match &term.scorer {
            Scorer::Http(own) => Some(own.address.as_str()),
            _ => None,
        })
    }
}
