//! How a policy answers, and how its answers are measured.

use crate::experiment::setting::{BOOL, choice, float, int, settings, words};

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

words! {
    /// Which validation examples an evaluation answers.
    SubsetChoice {
        /// Drawn by the run's seed.
        Seed = "seed",
        /// The first ones, as in runs that were begun before there was a choice.
        First = "first",
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
