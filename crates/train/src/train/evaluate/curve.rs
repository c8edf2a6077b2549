//! The validation metrics that are plotted while a policy is trained.

use super::{Answers, Exam, Examiner};
use crate::metrics::controls::{commonest_levels, level_shares};
use crate::metrics::emp_f1::{Levels, emp_f1};
use crate::metrics::{ResponseWords, declared, perplexity};
use crate::train::auditor::held_out_values;
use crate::train::likelihood::target_losses;
use crate::train::policy::Policy;

impl Examiner<'_> {
    /// The validation metrics, without intervals.
    pub fn curve(&self, policy: &Policy, exam: &Exam<'_>, answers: &Answers) -> Vec<(String, f64)> {
        let losses = target_losses(policy, exam.examples, self.batch);
        let words = ResponseWords::new(&answers.responses);
        let mut values = vec![
            (declared::VALIDATION_DIST_1.to_string(), words.dist(1)),
            (declared::VALIDATION_DIST_2.to_string(), words.dist(2)),
        ];
        let references = ResponseWords::new(&exam.references());
        for (n, key) in [
            (1, declared::VALIDATION_EAD_1),
            (2, declared::VALIDATION_EAD_2),
        ] {
            let ead = words.ead(n, references.vocabulary(n));
            values.extend(ead.is_finite().then(|| (key.to_string(), ead)));
        }
        if !words.is_empty() {
            let mean = words.words() as f64 / words.len() as f64;
            values.push((declared::VALIDATION_WORDS.to_string(), mean));
        }
        if let Some(ppl) = perplexity(&losses) {
            values.push((declared::VALIDATION_PPL.to_string(), ppl));
        }
        if let Some((gold, given)) = answers.levels() {
            let constant = exam.constant().map(|(_, levels)| levels);
            let shuffled = answers.shuffled.as_deref();
            let values_of = level_values(&gold, &given, shuffled, constant);
            values.extend(values_of.into_iter().map(|(key, v)| (key.to_string(), v)));
        }
        let held_out = held_out_values(&answers.audits).into_iter();
        values.extend(held_out.map(|(key, value)| (key.to_string(), value)));
        values
    }
}

/// Emp-F1 and its controls without intervals. What is undefined is left out.
fn level_values(
    targets: &[Levels],
    responses: &[Levels],
    shuffled: Option<&[Levels]>,
    constant: Option<&[Levels]>,
) -> Vec<(&'static str, f64)> {
    let Some(found) = emp_f1(targets, responses) else {
        return Vec::new();
    };
    let mut values = vec![(declared::VALIDATION_EMP_F1, found.emp_f1)];
    values.extend(
        declared::VALIDATION_F1_KEYS
            .into_iter()
            .zip(found.mechanism_f1),
    );
    let Some(shuffled) = shuffled.and_then(|levels| emp_f1(targets, levels)) else {
        return values;
    };
    values.push((declared::VALIDATION_EMP_F1_SHUFFLED, shuffled.emp_f1));
    let gain = found.emp_f1 - shuffled.emp_f1;
    values.push((declared::VALIDATION_EMP_F1_GAIN, gain));
    if let Some(constant) = constant.and_then(|levels| emp_f1(targets, levels)) {
        values.push((declared::VALIDATION_EMP_F1_CONSTANT, constant.emp_f1));
    }
    let commonest = commonest_levels(&level_shares(targets), &level_shares(responses));
    for (at, (agreement, commonest)) in found.agreement.iter().zip(commonest).enumerate() {
        let kappa = agreement.kappa();
        values.extend(kappa.map(|kappa| (declared::VALIDATION_KAPPA_KEYS[at], kappa)));
        values.extend([
            (
                declared::VALIDATION_MACRO_F1_KEYS[at],
                100.0 * agreement.macro_f1(),
            ),
            (
                declared::VALIDATION_COMMONEST_KEYS[at],
                commonest.of_responses,
            ),
            (
                declared::VALIDATION_COMMONEST_OF_TARGETS_KEYS[at],
                commonest.of_targets,
            ),
        ]);
    }
    values
}
