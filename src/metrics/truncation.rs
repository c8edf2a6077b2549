//! How much of the texts the empathy identifiers did not read.

use serde::{Deserialize, Serialize};

/// The identifiers' limits in tokens, and the shares in % of texts that are longer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truncation {
    /// Of a longer context the beginning is not read.
    pub max_context: u64,
    /// Of a longer response or target the end is not read.
    pub max_response: u64,
    pub contexts: f64,
    pub responses: f64,
    /// None if there is no target.
    pub targets: Option<f64>,
}

/// Whether each text of a pair is longer than the identifiers read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TruncatedPair {
    pub context: bool,
    pub response: bool,
}

impl Truncation {
    /// From what was cut of contexts with responses, and of the same contexts with targets.
    pub fn new(
        (max_context, max_response): (usize, usize),
        responses: &[TruncatedPair],
        targets: &[TruncatedPair],
    ) -> Truncation {
        let share = |pairs: &[TruncatedPair], is_cut: fn(&TruncatedPair) -> bool| {
            let cut = pairs.iter().filter(|pair| is_cut(pair)).count();
            100.0 * cut as f64 / pairs.len().max(1) as f64
        };
        Truncation {
            max_context: max_context as u64,
            max_response: max_response as u64,
            contexts: share(responses, |pair| pair.context),
            responses: share(responses, |pair| pair.response),
            targets: (!targets.is_empty()).then(|| share(targets, |pair| pair.response)),
        }
    }

    /// One sentence, which stands beside the figures.
    pub fn sentence(&self) -> String {
        let mut shares = vec![(self.contexts, "contexts"), (self.responses, "responses")];
        shares.extend(self.targets.map(|share| (share, "targets")));
        let longer = match shares.iter().all(|(share, _)| *share == 0.0) {
            true => "none is longer".to_string(),
            false => {
                let shares = shares.iter().map(|(share, what)| {
                    let share = match share {
                        0.0 => "0".to_string(),
                        share if *share < 0.1 => "under 0.1".to_string(),
                        share => format!("{share:.1}"),
                    };
                    format!("{share} % of {what}")
                });
                format!("longer are {}", shares.collect::<Vec<_>>().join(", "))
            }
        };
        format!(
            "The identifiers read the last {} tokens of a context and the first {} of a response: {longer}.",
            self.max_context, self.max_response
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_texts_and_said_in_one_sentence() {
        let pair = |context, response| TruncatedPair { context, response };
        let responses = [
            pair(true, false),
            pair(true, true),
            pair(false, false),
            pair(false, false),
        ];
        let targets = [
            pair(true, true),
            pair(true, false),
            pair(false, false),
            pair(false, false),
        ];
        let cut = Truncation::new((64, 40), &responses, &targets);
        assert_eq!(
            (cut.contexts, cut.responses, cut.targets),
            (50.0, 25.0, Some(25.0))
        );
        assert_eq!(
            cut.sentence(),
            "The identifiers read the last 64 tokens of a context and the first 40 of a response: longer are \
             50.0 % of contexts, 25.0 % of responses, 25.0 % of targets."
        );
        let none = Truncation::new((64, 40), &[TruncatedPair::default()], &[]);
        assert_eq!(none.targets, None);
        assert!(none.sentence().ends_with(": none is longer."));
    }
}
