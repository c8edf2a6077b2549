//! What auditors find of a policy's answers.

use serde_json::{Map, json};

use crate::data::EmpathyLevel;
use crate::data::rows::Row;
use crate::metrics::{AuditLevels, Bootstrap, HeldOut, Levels, declared};
use crate::train::evaluate::{Answers, Exam, Examiner};

impl Examiner<'_> {
    /// The levels of a response to each context, by each auditor.
    pub(in crate::train) fn audit(
        &self,
        contexts: &[String],
        responses: &[&str],
    ) -> Vec<Vec<Levels>> {
        let contexts = contexts.iter().map(String::as_str);
        let pairs: Vec<_> = contexts.zip(responses.iter().copied()).collect();
        let auditors = self.auditors.iter();
        let levels = auditors.map(|own| own.levels(&pairs, self.batch, &self.device));
        levels.collect()
    }

    /// What each auditor finds of the responses, and of the same `shuffled` over the contexts.
    pub(in crate::train) fn audits(
        &self,
        exam: &Exam<'_>,
        responses: &[&str],
        shuffled: Option<&[&str]>,
    ) -> Vec<AuditLevels> {
        let mut of_shuffled = shuffled
            .map(|shuffled| self.audit(&exam.contexts, shuffled))
            .into_iter()
            .flatten();
        let of_responses = self.audit(&exam.contexts, responses).into_iter();
        let found = self.auditors.iter().zip(of_responses).zip(&exam.audited);
        found
            .map(|((auditor, responses), targets)| AuditLevels {
                auditor: auditor.name.clone(),
                targets: targets.clone(),
                responses,
                shuffled: of_shuffled.next(),
            })
            .collect()
    }
}

/// The validation metrics that auditors find, without intervals. What is undefined is left out.
pub(in crate::train) fn held_out_values(audits: &[AuditLevels]) -> Vec<(&'static str, f64)> {
    let plain = Bootstrap {
        resamples: 0,
        seed: 0,
    };
    let Some(HeldOut { mean, .. }) = HeldOut::new(audits, &plain) else {
        return Vec::new();
    };
    let values = [
        (declared::VALIDATION_EMP_F1_HELD_OUT, Some(mean.emp_f1)),
        (declared::VALIDATION_EMP_F1_HELD_OUT_SHUFFLED, mean.shuffled),
        (declared::VALIDATION_EMP_F1_HELD_OUT_GAIN, mean.gain),
        (declared::VALIDATION_KAPPA_HELD_OUT, mean.mean_kappa),
    ];
    let by_mechanism = declared::VALIDATION_KAPPA_HELD_OUT_KEYS
        .into_iter()
        .zip(mean.kappa);
    let all = values.into_iter().chain(by_mechanism);
    all.filter_map(|(key, figure)| Some((key, figure?.value)))
        .collect()
}

impl Answers {
    /// Adds to a row the levels by each auditor: of target and response, and of the response shuffled to this context.
    pub(in crate::train) fn put_audits(&self, index: usize, row: &mut Row) {
        if self.audits.is_empty() {
            return;
        }
        let numbers = |levels: &[Levels]| levels[index].map(EmpathyLevel::index);
        let of_auditor = |own: &AuditLevels| {
            let mut levels = Map::new();
            levels.insert("target_levels".into(), json!(numbers(&own.targets)));
            levels.insert("levels".into(), json!(numbers(&own.responses)));
            if let Some(shuffled) = &own.shuffled {
                levels.insert("shuffled_levels".into(), json!(numbers(shuffled)));
            }
            (own.auditor.clone(), levels.into())
        };
        let all: Map<_, _> = self.audits.iter().map(of_auditor).collect();
        row.set("held_out", all);
    }
}
