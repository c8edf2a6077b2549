//! What is measured: the declaration of every metric, and those computed from words and levels.
//!
//! Takes numbers, levels and texts; must not know SQL, egui or tensors. Perplexity is a plain number;
//! Dist, accuracy, F1 and Emp-F1 are in %, as the paper's tables give them, unless a name says otherwise.

pub mod best_of;
pub mod bootstrap;
pub mod classification;
pub mod control_answers;
pub mod controls;
mod correlation;
pub mod declared;
pub mod distinct;
pub mod emp_f1;
pub mod held_out;
pub mod hierarchical;
pub mod identified;
pub mod length;
pub mod paired_tests;
pub mod perplexity;
mod results;
pub mod rliable;
pub mod signature;
mod truncation;
pub mod written;

pub use best_of::BestOf;
pub use bootstrap::{Bootstrap, Estimate};
pub use classification::{ClassificationReport, Confusion};
pub use controls::{ConstantAnswer, ControlLevels, Controls, EqualLength};
pub use correlation::{pearson, spearman};
pub use declared::{Direction, MetricDecl, declared};
pub use distinct::{ResponseWords, dist_n};
pub use emp_f1::{EmpF1, EmpF1Estimates, LevelPairs, Levels, emp_f1_difference};
pub use held_out::{
    Audit, AuditFigure, AuditFigures, AuditLevels, EqualLengthKappa, HeldOut, audit_difference,
    audit_figure, judge_sentences,
};
pub use identified::IdentifierScores;
pub use length::{LengthTercile, MatchedLength, words_of};
pub use perplexity::{TargetLoss, perplexity, perplexity_hf};
pub use results::{Answered, SystemResults, system_results};
pub use truncation::{TruncatedPair, Truncation, truncation_sentences};
pub use written::Digits;
