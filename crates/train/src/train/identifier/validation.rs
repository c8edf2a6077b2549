//! Validation of an identifier.

use burn::tensor::Device;
use burn::tensor::activation::log_softmax;

use super::forward;
use super::labels::Item;
use crate::data::{EmpathyLevel, Mechanism};
use crate::metrics::{Confusion, Digits, IdentifierScores, declared};
use crate::nn::Dropout;
use crate::nn::identifier::Identifier;
use crate::train::identifier_set::argmax;
use crate::train::session::Values;
use crate::train::tensors::floats;

/// Loss and confusion of an identifier on validation items.
pub fn validate(
    identifier: &Identifier,
    items: &[Item],
    mechanism: Mechanism,
    device: &Device,
) -> IdentifierScores {
    let mut order: Vec<&Item> = items.iter().collect();
    order.sort_by_key(|item| {
        let (context, response) = item.pair.lengths();
        identifier.padded_lengths(context, response)
    });
    let (mut confusion, mut loss) = (Confusion::new(EmpathyLevel::ALL.len()), 0.0);
    for part in order.chunks(32) {
        let (logits, levels) = forward(
            identifier,
            part.iter().copied(),
            device,
            &mut Dropout::off(),
        );
        for (row, &level) in floats(log_softmax(logits, 1)).chunks(3).zip(&levels) {
            loss -= f64::from(row[level]);
            confusion.add(level, argmax(row));
        }
    }
    IdentifierScores {
        mechanism,
        loss: loss / items.len() as f64,
        confusion,
    }
}

/// The scores as metrics.
pub fn curve(scores: &IdentifierScores) -> Values {
    let report = scores.report();
    [
        (declared::IDENTIFIER_VALIDATION_LOSS, scores.loss),
        (declared::IDENTIFIER_ACCURACY, report.accuracy),
        (declared::IDENTIFIER_WEIGHTED_F1, report.weighted_f1),
        (declared::IDENTIFIER_MACRO_F1, report.macro_f1),
    ]
    .map(|(keys, value)| (keys[scores.mechanism.index()].to_string(), value))
    .to_vec()
}

/// The scores in a sentence.
pub fn summary(scores: &IdentifierScores) -> String {
    let report = scores.report();
    let percent = |value| Digits::RESULT.write(value);
    format!(
        "{}: accuracy {} %, weighted F1 {} %, macro F1 {} % on {} validation pairs; always saying the commonest level would be right in {} %",
        scores.mechanism.title(),
        percent(report.accuracy),
        percent(report.weighted_f1),
        percent(report.macro_f1),
        report.n,
        percent(scores.commonest().accuracy),
    )
}
