//! Notes below a table: definitions, samples and agreement.

use super::fill::Ours;
use crate::metrics::{Digits, Estimate};
use crate::report::definitions;
use crate::study::results::{Findings, Results};
use crate::study::statistics::Figure;

const KAPPA_NOTE: &str = "κ: Cohen's κ of the levels in responses and targets, by mechanism: 0 is what chance gives and \
                          a constant answer at most; undefined where all have one level.";

/// What the figures of Tables II and V are.
pub(super) fn metric_notes(ours: &[Ours], has_bold: bool) -> Vec<String> {
    let mut wanted = vec![
        ("ppl", "PPL"),
        ("dist_1", "Dist-1"),
        ("dist_2", "Dist-2"),
        ("emp_f1", "Emp-F1"),
    ];
    if !ours.is_empty() {
        wanted.extend([
            ("ead_1", "EAD-1"),
            ("ead_2", "EAD-2"),
            ("mean_words", "Words"),
        ]);
    }
    if ours.iter().any(Ours::is_controlled) {
        wanted.extend([
            ("emp_f1_shuffled", "Shuffled"),
            (
                "emp_f1_gain",
                "Gain, in points, by which systems are ranked",
            ),
            ("emp_f1_constant", "Constant"),
        ]);
    }
    let is_held_out = ours.iter().any(Ours::is_held_out);
    if is_held_out {
        wanted.extend([
            ("emp_f1_held_out", "Emp-F1, held out"),
            ("emp_f1_held_out_gain", "Gain, held out"),
            ("kappa_held_out", "κ, held out"),
        ]);
    }
    let mut notes: Vec<String> = definitions()
        .filter_map(|(name, definition)| {
            let (_, title) = wanted.iter().find(|(known, _)| *known == name)?;
            Some(format!("{title}: {definition}"))
        })
        .collect();
    if ours.iter().any(Ours::is_controlled) {
        notes.push(KAPPA_NOTE.to_string());
    }
    if is_held_out {
        notes.push(match has_bold {
            true => "In bold: the highest, where the reward's own identifiers and the auditors agree.",
            false => {
                "Nothing is in bold: the reward's own identifiers and the auditors do not both put one system first."
            }
        }.to_string());
    }
    notes.push("In brackets: 95 % bootstrap intervals over examples.".to_string());
    notes
}

/// How many judged: a fourth who had nothing to decide does not count.
fn annotators_words(results: &Results) -> String {
    let judged = results.annotators.iter();
    let judged = judged.filter(|annotator| annotator.progress.answered > 0);
    match judged.count() {
        1 => "1 annotator".to_string(),
        n => format!("{n} annotators"),
    }
}

/// What a study's figures come from, and how far its annotators agree.
pub(super) fn study_notes(mark: &str, results: &Results) -> Vec<String> {
    let mut notes = vec![format!(
        "S{}: \"{}\", {} contexts, seed {}, {}.",
        &mark[1..],
        results.title,
        results.contexts,
        results.seed,
        annotators_words(results)
    )];
    let agreement = |what: &str, found: &crate::study::results::Agreement| {
        let words = |figure: &Figure, interval: Option<&Estimate>| match (figure, interval) {
            (_, Some(interval)) => Digits::AGREEMENT.with_interval(interval),
            (Ok(value), None) => Digits::AGREEMENT.write(*value),
            (Err(undefined), None) => format!("undefined ({undefined})"),
        };
        format!(
            "{what}: Fleiss' kappa {} over {} items, Krippendorff's alpha {} over {} judgements.",
            words(&found.fleiss_kappa, found.fleiss_interval.as_ref()),
            found.fleiss_items,
            words(&found.krippendorff_alpha, found.alpha_interval.as_ref()),
            found.judgements
        )
    };
    match &results.found {
        Findings::Rating(rating) => {
            for aspect in &rating.aspects {
                let name = format!("Agreement in {}", aspect.aspect);
                notes.push(agreement(&name, &aspect.agreement));
            }
        }
        Findings::AbTest(test) => {
            for pair in &test.pairs {
                let p = match &pair.p {
                    Ok(p) => format!("sign test p = {}", Digits::P.write(*p)),
                    Err(undefined) => format!("sign test undefined ({undefined})"),
                };
                let (unresolved, missing) = (
                    pair.unresolved.map_or(0, |share| share.count),
                    pair.open + pair.waiting_for_fourth,
                );
                notes.push(format!(
                    "{} vs {}: {} of {} items judged, {} by the fourth annotator, {unresolved} \
                     unresolved, {missing} missing; {p}.",
                    pair.first, pair.second, pair.judged, pair.items, pair.by_fourth
                ));
            }
            notes.push(agreement("Agreement", &test.agreement));
        }
    }
    notes.extend(results.arrivals.sentences());
    notes
}
