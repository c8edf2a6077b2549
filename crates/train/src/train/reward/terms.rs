//! A reward of several terms: the sum of their scores times their weights.

use std::borrow::Cow;

use super::outside::Outside;
use super::{Candidate, EmpathyReward, Reward, Score, Term, rules};
use crate::experiment::{Alert, LengthTerm, RepetitionTerm, Scorer, TermSettings};
use crate::train::TrainError;

/// The reward that `[[reward.term]]` tables ask for.
pub struct Terms<'a> {
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    name: String,
    weight: f32,
    by: By<'a>,
}

enum By<'a> {
    Identifiers(Box<EmpathyReward<'a>>),
    Length(LengthTerm),
    Repetition(RepetitionTerm),
    Outside(Box<Outside>),
}

impl<'a> Terms<'a> {
    /// The terms in the order of the settings. That of the identifiers is left out where there is no `empathy`.
    ///
    /// # Errors
    /// A server's certificates cannot be read.
    pub fn new(
        settings: &[TermSettings],
        mut empathy: Option<EmpathyReward<'a>>,
    ) -> Result<Self, TrainError> {
        let mut parts = Vec::new();
        for TermSettings {
            name,
            weight,
            scorer,
        } in settings
        {
            let by = match scorer {
                Scorer::Identifiers => match empathy.take() {
                    Some(empathy) => By::Identifiers(Box::new(empathy)),
                    None => continue,
                },
                Scorer::Length(own) => By::Length(own.clone()),
                Scorer::Repetition(own) => By::Repetition(own.clone()),
                Scorer::Command(own) => By::Outside(Box::new(Outside::program(name, own))),
                Scorer::Http(own) => By::Outside(Box::new(Outside::server(name, own)?)),
            };
            parts.push(Part {
                name: name.clone(),
                weight: *weight as f32,
                by,
            });
        }
        Ok(Terms { parts })
    }
}

impl Part<'_> {
    /// A score for each candidate; the identifiers' has terms of its own.
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        let responses = candidates.iter().map(|candidate| candidate.response);
        Ok(match &mut self.by {
            By::Identifiers(empathy) => empathy.score(candidates)?,
            By::Length(own) => responses
                .map(|text| rules::length(own, text).into())
                .collect(),
            By::Repetition(own) => responses
                .map(|text| rules::repetition(own, text).into())
                .collect(),
            By::Outside(scorer) => scorer
                .score(candidates)?
                .into_iter()
                .map(Score::from)
                .collect(),
        })
    }
}

impl Reward for Terms<'_> {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        let mut scores = vec![Score::default(); candidates.len()];
        for part in &mut self.parts {
            for (score, own) in scores.iter_mut().zip(part.score(candidates)?) {
                score.total += part.weight * own.total;
                score.terms.push(Term {
                    name: Cow::Owned(part.name.clone()),
                    value: own.total,
                });
                score.terms.extend(own.terms);
            }
        }
        Ok(scores)
    }

    fn take_alerts(&mut self) -> Vec<Alert> {
        let alerts = self.parts.iter_mut().map(|part| match &mut part.by {
            By::Outside(scorer) => scorer.take_alerts(),
            _ => Vec::new(),
        });
        alerts.flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Example;
    use crate::experiment::Config;

    #[test]
    fn the_total_is_the_weighted_sum_of_the_terms() {
        let text = r#"
            [[reward.term]]
            name = "short"
            kind = "length"
            weight = 0.5
            at_most = 2

            [[reward.term]]
            name = "again"
            kind = "repetition"
            weight = 2
            ngram = 1
        "#;
        let config = Config::from_toml("case", text).unwrap();
        let mut reward = Terms::new(&config.reward.term, None).unwrap();
        let example = Example::default();
        let candidate = |response| Candidate {
            index: 0,
            example: &example,
            response,
        };
        let scores = reward
            .score(&[candidate("so so sorry so"), candidate("sorry")])
            .unwrap();
        let terms: Vec<(&str, f32)> = scores[0]
            .terms
            .iter()
            .map(|term| (&*term.name, term.value))
            .collect();
        assert_eq!(terms, [("short", -2.0), ("again", -0.5)]);
        assert_eq!([scores[0].total, scores[1].total], [-2.0, 0.0]);
    }
}
