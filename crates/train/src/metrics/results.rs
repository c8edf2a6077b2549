//! One row of the result table: a system's automatic metrics on one split.
//!
//! Takes losses, responses and levels; must not know the model.

use serde::{Deserialize, Serialize};

use super::BestOf;
use super::Digits;
use super::Truncation;
use super::bootstrap::{Bootstrap, Estimate};
use super::controls::{ControlLevels, Controls};
use super::distinct::ResponseWords;
use super::emp_f1::{Levels, emp_f1_estimates};
use super::held_out::{AuditLevels, HeldOut};
use super::perplexity::{TargetLoss, perplexity_estimate, perplexity_hf_estimate};

/// The automatic metrics of one system (Table II), each with its bootstrap interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemResults {
    /// "Generator", "EmpRL", "DPO", "best of 8", or an imported system's name.
    pub system: String,
    /// Name of the split, such as "test".
    pub split: String,
    /// Examples answered.
    pub n: u64,
    /// None for systems whose probabilities are unknown.
    pub ppl: Option<Estimate>,
    /// The perplexity of the authors' released code, by batches of `evaluation.ppl_batch` targets; None where
    /// it was not asked for.
    #[serde(default)]
    pub ppl_hf: Option<Estimate>,
    /// Distinct words in %, over all responses.
    pub dist_1: Estimate,
    /// Distinct word pairs in %, over all responses.
    pub dist_2: Estimate,
    /// Expectation-adjusted distinct words and word pairs in %; None without targets, or where an earlier version
    /// measured.
    #[serde(default)]
    pub ead: Option<[Estimate; 2]>,
    /// In %; None without identifiers.
    pub emp_f1: Option<Estimate>,
    /// Weighted F1 in % of emotional reaction, interpretation and exploration.
    pub mechanism_f1: Option<[Estimate; 3]>,
    /// Mean words per response, as Dist counts them.
    pub mean_words: f64,
    /// What the identifiers behind Emp-F1 did not read; None without identifiers, or where it was not recorded.
    #[serde(default)]
    pub truncation: Option<Truncation>,
    /// What Emp-F1 is to be read beside; None without identifiers, where they were switched off, or where an earlier
    /// version measured.
    #[serde(default)]
    pub controls: Option<Controls>,
    /// Emp-F1 by judges that give no reward; None where there were none, or where an earlier version measured.
    #[serde(default)]
    pub held_out: Option<HeldOut>,
    /// Of a system that was imported as lower-case tokens: the same figures of the tokens as they are. All other figures
    /// here are then of its responses as people see them, detokenised.
    #[serde(default)]
    pub as_imported: Option<Box<SystemResults>>,
}

impl SystemResults {
    /// What this system is, if it is the best of n: its bound of the KL goes with every table.
    pub fn best_of(&self) -> Option<BestOf> {
        BestOf::named(&self.system)
    }

    /// A warning about the figures of a system with hardly any words, which mean nothing: one word answered
    /// once is 100 % distinct words.
    pub fn caution(&self) -> Option<String> {
        let silent = self.n > 0 && self.mean_words < 1.0;
        silent.then(|| {
            format!(
                "{} answers with {} words on average: its answers are all but empty, and figures of them tell nothing",
                self.system,
                Digits::WORDS.write(self.mean_words)
            )
        })
    }
}

/// The inputs of a system's metrics, in the order of the split's examples.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The system's losses on the targets, if known.
    pub targets: Option<&'a [TargetLoss]>,
    /// Targets a batch of the released code's perplexity; 0 to leave it out.
    pub ppl_batch: usize,
    pub responses: &'a [String],
    /// Targets, whose words are the vocabulary of EAD; empty to leave it out.
    pub references: &'a [&'a str],
    /// Levels identified in targets and in responses, if there are identifiers.
    pub levels: Option<(&'a [Levels], &'a [Levels])>,
    /// Levels of the control answers, if they were identified.
    pub controls: Option<ControlLevels<'a>>,
    /// Levels by each auditor.
    pub held_out: &'a [AuditLevels],
    /// What the identifiers did not read.
    pub truncation: Option<Truncation>,
}

/// All automatic metrics of one system, with intervals.
pub fn system_results(
    system: &str,
    split: &str,
    answered: Answered<'_>,
    bootstrap: &Bootstrap,
) -> SystemResults {
    let words = ResponseWords::new(answered.responses);
    let dist = |n| words.estimate(n, bootstrap).unwrap_or(Estimate::NOTHING);
    let agreement = answered
        .levels
        .and_then(|(targets, responses)| emp_f1_estimates(targets, responses, bootstrap));
    let ppl = |targets| perplexity_estimate(targets, bootstrap);
    let ppl_hf = |targets| perplexity_hf_estimate(targets, answered.ppl_batch, bootstrap);
    SystemResults {
        system: system.to_string(),
        split: split.to_string(),
        n: answered.responses.len() as u64,
        ppl: answered.targets.and_then(ppl),
        ppl_hf: answered
            .targets
            .filter(|_| answered.ppl_batch > 0)
            .and_then(ppl_hf),
        dist_1: dist(1),
        dist_2: dist(2),
        ead: ead(&words, answered.references, bootstrap),
        emp_f1: agreement.as_ref().map(|agreement| agreement.emp_f1),
        mechanism_f1: agreement.map(|agreement| agreement.mechanism_f1),
        mean_words: words.words() as f64 / words.len().max(1) as f64,
        truncation: answered.truncation,
        controls: answered
            .controls
            .and_then(|levels| Controls::new(levels, bootstrap)),
        held_out: HeldOut::new(answered.held_out, bootstrap),
        as_imported: None,
    }
}

fn ead(words: &ResponseWords, references: &[&str], bootstrap: &Bootstrap) -> Option<[Estimate; 2]> {
    let references = ResponseWords::new(references);
    let of = |n| words.ead_estimate(n, references.vocabulary(n), bootstrap);
    Some([of(1)?, of(2)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EmpathyLevel::{No, Strong, Weak};

    #[test]
    fn a_row_has_what_is_known() {
        let responses = ["I am sad.", "I am so sorry."].map(str::to_string);
        let targets = [(2.0, 2), (6.0, 6)].map(|(nll, tokens)| TargetLoss { nll, tokens });
        let levels = [[No, Weak, Strong], [Weak, Weak, No]];
        let whole = Answered {
            targets: Some(&targets),
            ppl_batch: 1,
            responses: &responses,
            references: &["I am here.", "Are you sad?"],
            levels: Some((&levels, &levels)),
            controls: Some(ControlLevels {
                targets: &levels,
                responses: &levels,
                shuffled: &levels,
                constant: None,
                target_words: &[4, 4],
            }),
            truncation: None,
            held_out: &[],
        };
        let row = system_results("EmpRL", "test", whole, &Bootstrap::default());
        assert_eq!((row.n, row.mean_words), (2, 4.5));
        assert!((row.ppl.unwrap().value - 1f64.exp()).abs() < 1e-12);
        // Two targets of one loss a token: by batches of one it is the same.
        assert!((row.ppl_hf.unwrap().value - 1f64.exp()).abs() < 1e-12);
        assert!((row.dist_1.value - 100.0 * 6.0 / 9.0).abs() < 1e-12);
        assert_eq!(row.emp_f1.unwrap().value, 100.0);
        assert_eq!(row.mechanism_f1.unwrap()[2].value, 100.0);
        let controls = row.controls.unwrap();
        assert_eq!(controls.gain.value, 0.0);
        assert_eq!(controls.by_target_length[0].n, 2);
        // Six distinct of nine words, where the targets have eight.
        let expected = 8.0 * (1.0 - (7.0f64 / 8.0).powi(9));
        assert!((row.ead.unwrap()[0].value - 600.0 / expected).abs() < 1e-9);
        let only = Answered {
            targets: None,
            levels: None,
            controls: None,
            references: &[],
            ..whole
        };
        let row = system_results("KEMP", "test", only, &Bootstrap::default());
        assert_eq!((row.ppl, row.emp_f1, row.mechanism_f1), (None, None, None));
        assert_eq!((row.controls, row.ead), (None, None));
        assert_eq!(row.ppl_hf, None);
    }

    #[test]
    fn answers_without_words_are_cautioned_about() {
        let responses = ["", "no", "", ""].map(str::to_string);
        let silent = Answered {
            targets: None,
            ppl_batch: 0,
            responses: &responses,
            references: &[],
            levels: None,
            controls: None,
            truncation: None,
            held_out: &[],
        };
        let row = system_results("EmpRL", "test", silent, &Bootstrap::default());
        assert_eq!(row.dist_1.value, 100.0);
        assert!(row.dist_1.low >= 0.0 && row.dist_1.high <= 100.0);
        let caution = row.caution().unwrap();
        assert!(
            caution.contains("EmpRL answers with 0.2 words") || caution.contains("0.3 words"),
            "{caution}"
        );
    }

    #[test]
    fn no_responses_give_zeros() {
        let none = Answered {
            targets: Some(&[]),
            ppl_batch: 4,
            responses: &[],
            references: &[],
            levels: None,
            controls: None,
            truncation: None,
            held_out: &[],
        };
        let row = system_results("none", "test", none, &Bootstrap::default());
        assert_eq!(row.caution(), None);
        assert_eq!((row.n, row.dist_1, row.ppl), (0, Estimate::NOTHING, None));
        assert_eq!(row.ppl_hf, None);
        assert_eq!(row.mean_words, 0.0);
    }
}
