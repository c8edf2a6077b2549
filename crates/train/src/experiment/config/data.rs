//! The texts that a run reads.

use crate::experiment::setting::{TEXT, int, settings};

settings! {
    /// Which texts a run reads, and how much of them.
    DataSettings in "data" {
        /// Dialogues: "builtin", or the name of an imported set; or several with commas between, where "support:0.5" is half of that set's training examples and "support:2" each twice.
        dialogues: String = "empathetic-dialogues".into() => TEXT.paper("EmpatheticDialogues");
        /// Labelled pairs for the identifiers: "builtin", or the name of an imported set; or several, as in data.dialogues.
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
