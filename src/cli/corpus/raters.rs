//! How far raters agree, in words.

use super::super::output::{count, number_of};
use crate::metrics::Digits;
use crate::operations::corpus::RatedScore;
use crate::report::{Align, TextTable};
use crate::study::statistics::agreement::Metric;

/// A table of the scores that several raters gave; nothing where there are none.
pub(super) fn raters_text(found: &[RatedScore]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&[
        ("Score", Align::Left),
        ("Raters", Align::Right),
        ("Answers", Align::Right),
        ("by several", Align::Right),
        ("α", Align::Left),
    ]);
    for of in found {
        let metric = match of.metric {
            Metric::Ordinal => "ordinal",
            Metric::Interval => "interval",
            Metric::Nominal => "nominal",
            Metric::Ratio => "ratio",
        };
        let alpha = match &of.alpha {
            Ok(alpha) => format!("{} ({metric})", Digits::AGREEMENT.write(*alpha)),
            Err(_) => "–".to_string(),
        };
        table.row([
            of.score.clone(),
            count(of.raters as u64),
            count(of.rated as u64),
            count(of.by_several as u64),
            alpha,
        ]);
    }
    let mut text = format!(
        "\nWho rated the same\n{}α is Krippendorff's, over the answers that several rated; judges are not among the raters.\n",
        table.text()
    );
    let again: usize = found.iter().map(|of| of.again).sum();
    if again > 0 {
        text += &format!(
            "{} left out, of somebody who rated the same again: the last counts.\n",
            number_of(again as u64, "score is", "scores are")
        );
    }
    text
}
