//! Preference pairs from an A/B test: on each item that annotators decided, the response they preferred and the other.
//! Only an [`Unblinded`] study has any.

use super::arrivals::{Arrivals, arrivals};
use super::definition::StudyKind;
use super::error::StudyError;
use super::make::Content;
use super::record::Unblinded;
use super::results::{ItemVerdict, verdicts};
use super::verdict::{Outcome, Verdict};
use crate::data::preferences::{PairJudgement, PreferencePair, Votes};

/// The pairs of a study, and how many of its items gave none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyPreferences {
    pub pairs: Vec<PreferencePair>,
    /// Items that ended as a tie.
    pub ties: usize,
    /// Items with missing votes, or on which annotators differ.
    pub undecided: usize,
    /// Items whose responses are the same or empty, so that no verdict teaches anything.
    pub alike: usize,
    /// Judgements that came in after the unblinding or in edited packs, and whether they count.
    pub arrivals: Arrivals,
}

/// The pairs of an A/B test, by item.
///
/// # Errors
/// The study is a rating, or no item was decided for one side.
pub fn preferences(unblinded: &Unblinded) -> Result<StudyPreferences, StudyError> {
    let study = &unblinded.record;
    if study.head.kind != StudyKind::AbTest {
        return Err(StudyError::NoPreferences {
            what: "it is a rating, which prefers nothing to anything",
        });
    }
    let mut found = StudyPreferences {
        arrivals: arrivals(&study.acts),
        ..StudyPreferences::default()
    };
    let verdicts = verdicts(study);
    let judged = study.items.iter().filter_map(|item| {
        let verdict = verdicts
            .iter()
            .find(|verdict| verdict.item == item.number)?;
        Some((item, verdict))
    });
    for (item, ItemVerdict { verdict, votes, .. }) in judged {
        let (Content::Pair(first, second), [one, other]) = (item.content, &item.texts[..]) else {
            continue;
        };
        let wins = match verdict.label() {
            Some(Outcome::Win) => true,
            Some(Outcome::Lose) => false,
            Some(Outcome::Tie) => {
                found.ties += 1;
                continue;
            }
            None => {
                found.undecided += 1;
                continue;
            }
        };
        let (one, other) = (one.trim(), other.trim());
        if one == other || one.is_empty() || other.is_empty() {
            found.alike += 1;
            continue;
        }
        let count = |outcome| votes.iter().filter(|vote| **vote == outcome).count() as u32;
        let name = |system: usize| {
            study
                .definition
                .systems
                .get(system)
                .cloned()
                .unwrap_or_default()
        };
        let mut sides = [(one, first, Outcome::Win), (other, second, Outcome::Lose)];
        if !wins {
            sides.reverse();
        }
        let [
            (chosen, chosen_system, for_chosen),
            (rejected, rejected_system, for_rejected),
        ] = sides;
        found.pairs.push(PreferencePair {
            context: item.utterances.clone(),
            roles: item.roles.clone(),
            chosen: chosen.to_string(),
            rejected: rejected.to_string(),
            judgement: Some(PairJudgement {
                study: study.head.uid.clone(),
                title: study.head.title.clone(),
                item: item.number,
                chosen_system: name(chosen_system),
                rejected_system: name(rejected_system),
                votes: Votes {
                    chosen: count(for_chosen),
                    rejected: count(for_rejected),
                    tie: count(Outcome::Tie),
                },
                by_fourth: matches!(verdict, Verdict::ByFourth(_)),
            }),
        });
    }
    match found.pairs.is_empty() {
        true => Err(StudyError::NoPreferences {
            what: "no item was decided for one of the two responses",
        }),
        false => Ok(found),
    }
}

impl StudyPreferences {
    /// Sentences on what was left out and how judgements came in; `None` where every item gave a pair and all came in
    /// while the study was blind.
    pub fn left_out(&self) -> Option<String> {
        let parts = [
            (self.ties, "tied", "tied"),
            (
                self.undecided,
                "is open or undecided",
                "are open or undecided",
            ),
            (
                self.alike,
                "has two equal or empty responses",
                "have two equal or empty responses",
            ),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        let items = (!parts.is_empty()).then(|| format!("Items left out: {}.", parts.join(", ")));
        let sentences = items.into_iter().chain(self.arrivals.sentences());
        let sentences: Vec<String> = sentences.collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}
