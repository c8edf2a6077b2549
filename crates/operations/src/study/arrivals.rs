//! How judgements came in: after the unblinding, or in a pack that was not as it was sent; and which of those count.
//!
//! Every result says so in the words of [`Arrivals`]. Knows no system.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::counted;
use super::judgement::JudgementAction;
use super::record::RecordedAct;

/// What became of a judgement that came in after the unblinding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    Counted,
    LeftOut,
}

/// How one annotator's judgement of an item came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    pub late: Option<Late>,
    pub edited: bool,
}

/// The marks of a study's judgements, by annotator and item.
#[derive(Debug, Clone, Default)]
pub struct Marks(BTreeMap<(u32, u32), Mark>);

/// How many judgements of a study came in otherwise than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Arrivals {
    /// After the unblinding, and they count since the lead said so.
    pub late_counted: usize,
    /// After the unblinding: kept, and counted nowhere.
    pub late_left_out: usize,
    /// In packs that were not as they were sent, and they count.
    pub edited: usize,
}

/// The marks of these judgements.
pub fn marks<'a>(acts: impl IntoIterator<Item = &'a RecordedAct>) -> Marks {
    let mut marks = Marks::default();
    for one in acts {
        if !matches!(one.act.action, JudgementAction::Answer(_)) {
            continue;
        }
        let mark = marks.0.entry((one.annotator, one.act.item)).or_default();
        match (one.late, one.counts) {
            (true, false) => mark.late = Some(Late::LeftOut),
            (true, true) if mark.late.is_none() => mark.late = Some(Late::Counted),
            _ => {}
        }
        mark.edited |= one.edited && one.counts;
    }
    marks
}

/// How the judgements of a study came in.
pub fn arrivals<'a>(acts: impl IntoIterator<Item = &'a RecordedAct>) -> Arrivals {
    let (mut counted, mut left_out) = (BTreeSet::new(), BTreeSet::new());
    let mut edited = BTreeSet::new();
    let answers = acts
        .into_iter()
        .filter(|one| matches!(one.act.action, JudgementAction::Answer(_)));
    for one in answers {
        let item = (one.annotator, one.act.item);
        match (one.late, one.counts) {
            (true, true) => drop(counted.insert(item)),
            (true, false) => drop(left_out.insert(item)),
            (false, _) => {}
        }
        if one.edited && one.counts {
            edited.insert(item);
        }
    }
    Arrivals {
        late_counted: counted.len(),
        late_left_out: left_out.len(),
        edited: edited.len(),
    }
}

impl Marks {
    pub fn of(&self, annotator: u32, item: u32) -> Mark {
        self.0.get(&(annotator, item)).copied().unwrap_or_default()
    }
}

impl std::ops::AddAssign for Arrivals {
    fn add_assign(&mut self, other: Arrivals) {
        self.late_counted += other.late_counted;
        self.late_left_out += other.late_left_out;
        self.edited += other.edited;
    }
}

impl Arrivals {
    /// A sentence for each kind that there is.
    pub fn sentences(&self) -> Vec<String> {
        let judgements = |count: usize| counted(count, "judgement", "judgements");
        let (counts, was) = (
            |count: usize| if count == 1 { "counts" } else { "count" },
            |count: usize| if count == 1 { "is" } else { "are" },
        );
        let mut sentences = Vec::new();
        if self.late_counted > 0 {
            let (n, counts) = (judgements(self.late_counted), counts(self.late_counted));
            sentences.push(format!("{n} came in after the unblinding, and {counts}."));
        }
        if self.late_left_out > 0 {
            let (n, was) = (judgements(self.late_left_out), was(self.late_left_out));
            sentences.push(format!(
                "{n} came in after the unblinding, and {was} left out."
            ));
        }
        if self.edited > 0 {
            let (n, counts) = (judgements(self.edited), counts(self.edited));
            sentences.push(format!(
                "{n} came in a pack that was not as it was sent, and {counts}."
            ));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::Choice;
    use crate::study::judgement::tests::{act, choice};

    #[test]
    fn every_judgement_that_came_otherwise_is_counted_once() {
        let one = |item, late, counts, edited| RecordedAct {
            annotator: 1,
            act: act(1, item, choice(Choice::Left)),
            late,
            counts,
            edited,
        };
        let acts = [
            one(1, false, true, false),
            one(2, true, false, false),
            one(2, true, false, false),
            one(3, true, true, true),
            one(4, false, true, true),
            one(5, true, false, true),
        ];
        let found = arrivals(&acts);
        assert_eq!(
            (found.late_counted, found.late_left_out, found.edited),
            (1, 2, 2)
        );
        assert_eq!(
            found.sentences(),
            [
                "1 judgement came in after the unblinding, and counts.",
                "2 judgements came in after the unblinding, and are left out.",
                "2 judgements came in a pack that was not as it was sent, and count.",
            ]
        );
        let marks = marks(&acts);
        assert_eq!(marks.of(1, 1), Mark::default());
        assert_eq!(marks.of(1, 2).late, Some(Late::LeftOut));
        assert_eq!(marks.of(1, 3).late, Some(Late::Counted));
        assert!(marks.of(1, 3).edited && !marks.of(1, 5).edited);
        assert!(Arrivals::default().sentences().is_empty());
    }
}
