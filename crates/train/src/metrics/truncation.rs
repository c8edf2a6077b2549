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
        let cut = match shares.iter().all(|(share, _)| *share == 0.0) {
            true => "nothing is cut".to_string(),
            false => {
                let shares = shares.iter().map(|(share, what)| match share {
                    0.0 => format!("no {what}"),
                    share if *share < 0.1 => format!("under 0.1 % of {what}"),
                    share => format!("{share:.1} % of {what}"),
                });
                let shares: Vec<String> = shares.collect();
                match shares.as_slice() {
                    [first @ .., last] if !first.is_empty() => {
                        format!("{} and {last} are cut", first.join(", "))
                    }
                    shares => format!("{} are cut", shares.concat()),
                }
            }
        };
        format!(
            "The identifiers read the last {} tokens of a context and the first {} of a response; {cut}.",
            self.max_context, self.max_response
        )
    }
}

/// The sentences of several systems, each once with the names of those whose it is, or "All".
pub fn truncation_sentences<'a>(
    systems: impl IntoIterator<Item = (&'a str, Option<&'a Truncation>)>,
) -> Vec<String> {
    let mut all = 0;
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, truncation) in systems {
        all += 1;
        let Some(sentence) = truncation.map(Truncation::sentence) else {
            continue;
        };
        match groups.iter_mut().find(|(said, _)| *said == sentence) {
            Some((_, names)) => names.push(name),
            None => groups.push((sentence, vec![name])),
        }
    }
    let line = |(sentence, names): (String, Vec<&str>)| match names.len() {
        1 if all == 1 => sentence,
        several if several == all => format!("All: {sentence}"),
        _ => format!("{}: {sentence}", names.join(", ")),
    };
    groups.into_iter().map(line).collect()
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
            "The identifiers read the last 64 tokens of a context and the first 40 of a response; \
             50.0 % of contexts, 25.0 % of responses and 25.0 % of targets are cut."
        );
        let none = Truncation::new((64, 40), &[TruncatedPair::default()], &[]);
        assert_eq!(none.targets, None);
        assert!(none.sentence().ends_with(" of a response; nothing is cut."));
        let some = Truncation::new((64, 40), &[pair(true, false)], &[pair(true, false)]);
        let said = "; 100.0 % of contexts, no responses and no targets are cut.";
        assert!(some.sentence().ends_with(said), "{}", some.sentence());
    }

    #[test]
    fn what_is_the_same_of_several_systems_is_said_once() {
        let pair = |context| TruncatedPair {
            context,
            response: false,
        };
        let [none, some] = [false, true].map(|cut| Truncation::new((64, 40), &[pair(cut)], &[]));
        let said = truncation_sentences([("A", Some(&none)), ("B", Some(&none))]);
        assert_eq!(said, [format!("All: {}", none.sentence())]);
        let systems = [
            ("A", Some(&none)),
            ("B", Some(&some)),
            ("C", Some(&none)),
            ("D", None),
        ];
        assert_eq!(
            truncation_sentences(systems),
            [
                format!("A, C: {}", none.sentence()),
                format!("B: {}", some.sentence())
            ]
        );
        assert_eq!(
            truncation_sentences([("A", Some(&some))]),
            [some.sentence()]
        );
    }
}
