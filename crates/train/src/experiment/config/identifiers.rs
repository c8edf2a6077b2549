//! The three empathy identifiers, and the auditors beside them.

use std::path::Path;

use super::LrSchedule;
use crate::experiment::setting::{BOOL, TEXT, choice, float, int, settings, words};

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
