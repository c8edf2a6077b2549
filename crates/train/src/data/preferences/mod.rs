//! Preference pairs: two responses to one context, of which one was preferred. Knows no files but those it reads.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sets::{Role, Turns};

pub use read::read;
pub use write::trl_rows;

/// Two responses to one context, the first of which was preferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferencePair {
    /// Utterances before the response, oldest first.
    pub context: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    pub chosen: String,
    pub rejected: String,
    /// What it comes from, if that is a study of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<PairJudgement>,
}

/// The item of an A/B test that a pair comes from, and who wrote the responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairJudgement {
    /// The study's uid, the same in every store.
    pub study: String,
    pub title: String,
    pub item: u32,
    pub chosen_system: String,
    pub rejected_system: String,
    pub votes: Votes,
    /// Whether three annotators differed and a fourth decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_fourth: bool,
}

/// How many annotators preferred which response; a fourth annotator's vote is among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    pub chosen: u32,
    pub rejected: u32,
    pub tie: u32,
}

impl PreferencePair {
    /// What was said before the responses.
    pub fn turns(&self) -> Turns<'_> {
        Turns {
            utterances: &self.context,
            roles: &self.roles,
        }
    }
}

/// An imported set of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceSet {
    /// Its name in the library.
    pub name: String,
    /// SHA-256 over the pairs, in hexadecimal.
    pub fingerprint: String,
    pub pairs: Vec<PreferencePair>,
}

/// The pairs of a set that come from one study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StudyPairs {
    /// The study's uid.
    pub study: String,
    pub title: String,
    /// In the order of their names.
    pub systems: Vec<String>,
    /// Numbers of the items, in order.
    pub items: Vec<u32>,
    /// Judgements behind the pairs.
    pub votes: u32,
    /// Pairs that a fourth annotator decided.
    pub by_fourth: usize,
}

impl PreferenceSet {
    /// The studies that pairs come from, by uid.
    pub fn studies(&self) -> Vec<StudyPairs> {
        let mut studies: BTreeMap<&str, StudyPairs> = BTreeMap::new();
        for judged in self.pairs.iter().filter_map(|pair| pair.judgement.as_ref()) {
            let study = studies.entry(&judged.study).or_insert_with(|| StudyPairs {
                study: judged.study.clone(),
                title: judged.title.clone(),
                systems: Vec::new(),
                items: Vec::new(),
                votes: 0,
                by_fourth: 0,
            });
            study
                .systems
                .extend([judged.chosen_system.clone(), judged.rejected_system.clone()]);
            study.items.push(judged.item);
            study.votes += judged.votes.chosen + judged.votes.rejected + judged.votes.tie;
            study.by_fourth += usize::from(judged.by_fourth);
        }
        let in_order = |mut study: StudyPairs| {
            study.systems.sort();
            study.systems.dedup();
            study.items.sort_unstable();
            study.items.dedup();
            study
        };
        studies.into_values().map(in_order).collect()
    }
}

impl StudyPairs {
    /// A sentence without its full stop: which judgements these are.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} of the A/B test \"{}\" ({}) between {}, by {} judgements: items {}",
            match self.items.len() {
                1 => "1 pair".to_string(),
                n => format!("{n} pairs"),
            },
            self.title,
            self.study,
            self.systems.join(" and "),
            self.votes,
            ranges(&self.items)
        );
        if self.by_fourth > 0 {
            words += &format!("; {} decided by a fourth annotator", self.by_fourth);
        }
        words
    }
}

/// Numbers in order, neighbours as ranges: `1-4, 7`.
fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let words: Vec<String> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            _ => run.iter().map(u32::to_string).collect(),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_tells_the_judgements_behind_it() {
        let pair = |study: &str, item, by_fourth| PreferencePair {
            context: vec!["Hi.".into()],
            roles: Vec::new(),
            chosen: "Hello!".into(),
            rejected: "No.".into(),
            judgement: Some(PairJudgement {
                study: study.into(),
                title: "Ours".into(),
                item,
                chosen_system: if item == 2 { "B" } else { "A" }.into(),
                rejected_system: if item == 2 { "A" } else { "B" }.into(),
                votes: Votes {
                    chosen: 2,
                    rejected: 0,
                    tie: 1,
                },
                by_fourth,
            }),
        };
        let mut from_file = pair("x", 1, false);
        from_file.judgement = None;
        let set = PreferenceSet {
            name: "mine".into(),
            fingerprint: String::new(),
            pairs: vec![
                pair("x", 7, true),
                pair("x", 1, false),
                pair("x", 2, false),
                pair("x", 3, false),
                from_file,
            ],
        };
        let [study] = &set.studies()[..] else {
            panic!("one study")
        };
        assert_eq!(
            study.words(),
            "4 pairs of the A/B test \"Ours\" (x) between A and B, by 12 judgements: items 1-3, 7; 1 decided by a \
             fourth annotator"
        );
    }
}
