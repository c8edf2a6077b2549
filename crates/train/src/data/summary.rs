//! Summary of a set: sizes, emotions, lengths, levels. Must not know files.

use std::collections::HashMap;

use serde::Serialize;

use super::corpus::Counts;
use super::empathy::{EmpathyLevel, Mechanism};
use super::import::SplitCount;
use super::preferences::{PreferencePair, PreferenceSet, StudyPairs};
use super::sets::{BySplit, DialogueSet, LevelSet, Split};

/// The output of `data show`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SetSummary {
    pub name: String,
    /// SHA-256 over its dialogues and pairs.
    pub fingerprint: String,
    /// Conversations and pairs by split, for dialogues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub splits: Option<BySplit<SplitCount>>,
    /// Emotions of all conversations that have a pair, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emotions: Vec<EmotionCount>,
    /// Labelled pairs, for levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelled_pairs: Option<usize>,
    /// Preference pairs, for a set of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference_pairs: Option<usize>,
    /// What its records have, for a corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Counts>,
    /// The studies that preference pairs come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub studies: Vec<StudyPairs>,
    /// Levels of each mechanism, for levels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelCount>,
    /// Lengths of texts, in words between spaces.
    pub lengths: Vec<LengthSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmotionCount {
    pub emotion: String,
    pub conversations: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelCount {
    pub mechanism: Mechanism,
    /// Pairs at level 0, 1 and 2.
    pub counts: [usize; 3],
    /// Pairs without annotation.
    pub unknown: usize,
}

/// Lengths of one kind of text, in words between spaces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LengthSummary {
    /// What was measured: `context`, `target`, `chosen`, `rejected`, `seeker_post`, `response_post`.
    pub text: &'static str,
    pub mean: f64,
    /// Half are at most this long.
    pub median: usize,
    /// 95 % are at most this long.
    pub percentile_95: usize,
    pub longest: usize,
}

impl SetSummary {
    pub(super) fn add_dialogues(&mut self, set: &DialogueSet) {
        let mut splits = BySplit::default();
        let mut emotions: HashMap<&str, usize> = HashMap::new();
        let (mut contexts, mut targets) = (Vec::new(), Vec::new());
        for split in Split::ALL {
            let examples = set.split(split);
            *splits.get_mut(split) = SplitCount {
                conversations: *set.conversations.get(split),
                pairs: examples.len(),
            };
            let mut conversation = None;
            for example in examples {
                if conversation != Some(&example.conversation) {
                    conversation = Some(&example.conversation);
                    *emotions.entry(&example.emotion).or_default() += 1;
                }
                contexts.push(example.context.iter().map(|text| words(text)).sum());
                targets.push(words(&example.target));
            }
        }
        let mut emotions: Vec<EmotionCount> = emotions
            .into_iter()
            .map(|(emotion, conversations)| EmotionCount {
                emotion: emotion.to_string(),
                conversations,
            })
            .collect();
        emotions.sort_by(|a, b| {
            (b.conversations.cmp(&a.conversations)).then_with(|| a.emotion.cmp(&b.emotion))
        });
        self.splits = Some(splits);
        self.emotions = emotions;
        self.lengths.extend(lengths("context", contexts));
        self.lengths.extend(lengths("target", targets));
    }

    pub(super) fn of_preferences(set: &PreferenceSet) -> Self {
        let measure = |text, of: fn(&PreferencePair) -> usize| {
            lengths(text, set.pairs.iter().map(of).collect())
        };
        let measured = [
            measure("context", |pair| {
                pair.context.iter().map(|text| words(text)).sum()
            }),
            measure("chosen", |pair| words(&pair.chosen)),
            measure("rejected", |pair| words(&pair.rejected)),
        ];
        SetSummary {
            name: set.name.clone(),
            fingerprint: set.fingerprint.clone(),
            preference_pairs: Some(set.pairs.len()),
            studies: set.studies(),
            lengths: measured.into_iter().flatten().collect(),
            ..SetSummary::default()
        }
    }

    pub(super) fn add_levels(&mut self, set: &LevelSet) {
        self.labelled_pairs = Some(set.pairs.len());
        self.levels = Mechanism::ALL
            .into_iter()
            .map(|mechanism| {
                let of = |pair: &super::LabelledPair| pair.levels[mechanism.index()];
                LevelCount {
                    mechanism,
                    counts: EmpathyLevel::ALL
                        .map(|level| set.pairs.iter().filter(|p| of(p) == Some(level)).count()),
                    unknown: set.pairs.iter().filter(|p| of(p).is_none()).count(),
                }
            })
            .collect();
        let posts = set.pairs.iter().map(|p| words(&p.seeker_post)).collect();
        let responses = set.pairs.iter().map(|p| words(&p.response_post)).collect();
        self.lengths.extend(lengths("seeker_post", posts));
        self.lengths.extend(lengths("response_post", responses));
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

fn lengths(text: &'static str, mut counts: Vec<usize>) -> Option<LengthSummary> {
    counts.sort_unstable();
    let last = counts.len().checked_sub(1)?;
    Some(LengthSummary {
        text,
        mean: counts.iter().sum::<usize>() as f64 / counts.len() as f64,
        median: counts[last / 2],
        percentile_95: counts[last * 95 / 100],
        longest: counts[last],
    })
}
