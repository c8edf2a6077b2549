//! Scores of the identifiers on validation pairs, beside the paper's (Table I).

use super::paper;
use super::table::{Align, TextTable};
use crate::data::EmpathyLevel;
use crate::metrics::{Digits, IdentifierScores};

/// A row for each identifier, and the confusion matrices below.
pub fn identifiers_table(scores: &[IdentifierScores]) -> String {
    let mut table = TextTable::new(&[
        ("On validation pairs (%)", Align::Left),
        ("Pairs", Align::Right),
        ("Accuracy", Align::Right),
        ("paper", Align::Right),
        ("commonest", Align::Right),
        ("Weighted F1", Align::Right),
        ("paper", Align::Right),
        ("commonest", Align::Right),
        ("Macro F1", Align::Right),
    ]);
    for row in scores {
        let (report, commonest) = (row.report(), row.commonest());
        let (accuracy, weighted_f1) = paper::identifier(row.mechanism);
        let figures = [
            report.accuracy,
            accuracy,
            commonest.accuracy,
            report.weighted_f1,
            weighted_f1,
            commonest.weighted_f1,
            report.macro_f1,
        ];
        table.row(
            [row.mechanism.title().to_string(), report.n.to_string()]
                .into_iter()
                .chain(figures.map(|figure| Digits::RESULT.write(figure))),
        );
    }
    let mut confusion = TextTable::new(&[
        ("Labelled as", Align::Left),
        ("identified as no", Align::Right),
        ("weak", Align::Right),
        ("strong", Align::Right),
    ]);
    for row in scores {
        for level in EmpathyLevel::ALL {
            let name = format!(
                "{}: {}",
                row.mechanism.title(),
                level.title().to_lowercase()
            );
            let counts = &row.confusion.counts[level.index()];
            confusion.row([name].into_iter().chain(counts.iter().map(u64::to_string)));
        }
    }
    format!(
        "{}\"paper\" is reported there, from T5-base; \"commonest\" is what always saying the commonest \
         level would reach.\n\n{}",
        table.text(),
        confusion.text()
    )
}
