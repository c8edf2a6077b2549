//! When a person is alerted.

use crate::experiment::setting::{BOOL, float, int, settings};

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
