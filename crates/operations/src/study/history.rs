//! What an annotator said of each item, from all of their records, at one place or at several.
//!
//! One place numbers its records without gaps, so two records of one number come from two places that judged the
//! same pack. From the first such number on, the fork, an item counts only where its records are one place's or
//! agree; otherwise it is contested, and nothing of it counts until that is decided. Records are a set: their order
//! and their copies do not matter. Knows no system.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::judgement::{Answer, JudgementAction, JudgementId, JudgementRecord};

/// An item's state for one annotator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemState {
    pub answer: Option<Answer>,
    pub skipped: bool,
    pub flagged: bool,
    pub comment: String,
    /// Total time in view.
    pub shown_ms: u64,
    /// When the current answer was given.
    pub answered_ms: Option<i64>,
    /// The answers given at several places, where they differ: then none counts.
    #[serde(default)]
    pub contested: Vec<Answer>,
    /// `seq` of the answer or skip.
    settled_by: Option<u64>,
    /// The answers, skips and undos since the fork, by which the item stands as it does. A new judgement
    /// overrules them.
    #[serde(default)]
    since_fork: Vec<JudgementId>,
}

impl ItemState {
    /// Neither answered nor skipped.
    pub fn is_open(&self) -> bool {
        self.answer.is_none() && !self.skipped
    }

    /// What a new answer, skip or undo must overrule, so that it alone counts; None where nothing forked.
    pub fn overrule(&self) -> Option<JudgementAction> {
        let forked = !self.since_fork.is_empty();
        forked.then(|| JudgementAction::Overrule(self.since_fork.clone()))
    }

    /// Applies a record that was made with all before it in view.
    pub fn apply(&mut self, act: &JudgementRecord) {
        self.shown_ms = self.shown_ms.saturating_add(act.shown_ms);
        match &act.action {
            JudgementAction::Flag(flagged) => self.flagged = *flagged,
            JudgementAction::Comment(comment) => self.comment.clone_from(comment),
            JudgementAction::Overrule(_) => {
                self.contested.clear();
                self.since_fork.clear();
                self.reopen();
            }
            JudgementAction::Answer(_) | JudgementAction::Skip | JudgementAction::Undo => {
                self.settle(act);
            }
        }
    }

    fn settle(&mut self, act: &JudgementRecord) {
        self.answer = match act.action {
            JudgementAction::Answer(answer) => Some(answer),
            _ => None,
        };
        self.skipped = act.action == JudgementAction::Skip;
        self.answered_ms = self.answer.map(|_| act.wall_ms);
        self.settled_by = (act.action != JudgementAction::Undo).then_some(act.seq);
    }

    fn reopen(&mut self) {
        self.answer = None;
        self.skipped = false;
        self.answered_ms = None;
        self.settled_by = None;
    }

    /// Applies an item's records since the fork, in order of number and id.
    fn join(&mut self, records: &[&Identified<'_>], overruled: &HashSet<&JudgementId>) {
        self.join_remarks(records);
        let settling: Vec<&Identified<'_>> = records
            .iter()
            .filter(|one| one.record.action.settles() && !overruled.contains(&one.id))
            .copied()
            .collect();
        let Some(last) = settling.last() else {
            return;
        };
        self.since_fork = settling.iter().map(|one| one.id.clone()).collect();
        let is_decided = records
            .iter()
            .any(|one| matches!(one.record.action, JudgementAction::Overrule(_)));
        if settling.len() == 1 || (!is_decided && self.is_one_history(&settling)) {
            self.settle(last.record);
            return;
        }
        let answers = distinct_answers(&settling);
        let has = |wanted: &JudgementAction| settling.iter().any(|s| s.record.action == *wanted);
        self.reopen();
        match (&answers[..], has(&JudgementAction::Undo)) {
            ([answer], false) => {
                let same =
                    |one: &&&Identified<'_>| one.record.action == JudgementAction::Answer(*answer);
                let first = settling
                    .iter()
                    .filter(same)
                    .min_by_key(|one| one.record.wall_ms);
                if let Some(first) = first {
                    self.settle(first.record);
                }
            }
            ([], false) => self.settle(last.record),
            ([], true) => {}
            _ => self.contested = answers,
        }
    }

    /// Time, flags and comments: those of every place are kept.
    fn join_remarks(&mut self, records: &[&Identified<'_>]) {
        let (mut flags, mut comments) = (Vec::new(), Vec::new());
        for one in records {
            self.shown_ms = self.shown_ms.saturating_add(one.record.shown_ms);
            match &one.record.action {
                JudgementAction::Flag(flagged) => flags.push(*flagged),
                JudgementAction::Comment(comment) if !comments.contains(comment) => {
                    comments.push(comment.clone());
                }
                _ => {}
            }
        }
        if !flags.is_empty() {
            self.flagged = flags.contains(&true);
        }
        if comments.len() > 1 {
            comments.retain(|comment| !comment.is_empty());
        }
        if !comments.is_empty() {
            self.comment = comments.join("\n");
        }
    }

    /// Whether these records since the fork, in order, can only be one place's, or one place's answer after
    /// skips. An undo among skips, or a second undo of what was settled before the fork, might be another
    /// place's.
    fn is_one_history(&self, settling: &[&Identified<'_>]) -> bool {
        let numbered = settling
            .windows(2)
            .all(|pair| pair[0].record.seq < pair[1].record.seq);
        let actions: Vec<&JudgementAction> = settling.iter().map(|s| &s.record.action).collect();
        let is_answer = |action: &&JudgementAction| matches!(action, JudgementAction::Answer(_));
        let undos = actions.iter().filter(|a| ***a == JudgementAction::Undo);
        let undos = undos.count();
        if undos == 0 {
            let before_last = &actions[..actions.len().saturating_sub(1)];
            return numbered && self.answer.is_none() && !before_last.iter().any(is_answer);
        }
        let has_skips = self.skipped || actions.contains(&&JudgementAction::Skip);
        // Answers and undos in turn, from the item as it was at the fork.
        let mut answered = self.answer.is_some();
        let in_turn = actions.iter().all(|action| {
            let fits = is_answer(action) != answered;
            answered = is_answer(action);
            fits
        });
        numbered && !has_skips && in_turn && (self.answer.is_none() || undos == 1)
    }
}

/// What is decided of an item that was answered differently at several places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// This one of its answers counts.
    Counts(Answer),
    /// None of them does: the item is open again.
    Neither,
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Decision {
        Decision::Counts(answer)
    }
}

/// A record with its id.
struct Identified<'a> {
    id: JudgementId,
    record: &'a JudgementRecord,
}

/// All records, each once, in order of number and id.
fn identified<'a>(
    study: &str,
    pseudonym: &str,
    acts: impl IntoIterator<Item = &'a JudgementRecord>,
) -> Vec<Identified<'a>> {
    let identify = |record: &'a JudgementRecord| Identified {
        id: record.id(study, pseudonym),
        record,
    };
    let mut all: Vec<Identified<'a>> = acts.into_iter().map(identify).collect();
    all.sort_by(|a, b| (a.record.seq, &a.id).cmp(&(b.record.seq, &b.id)));
    // The same record may come from two stores.
    all.dedup_by(|a, b| a.id == b.id);
    all
}

/// The first number that two records have.
fn fork(records: &[Identified<'_>]) -> Option<u64> {
    let twice = records
        .windows(2)
        .find(|pair| pair[0].record.seq == pair[1].record.seq);
    twice.map(|pair| pair[0].record.seq)
}

/// The different answers, the earliest first.
fn distinct_answers(settling: &[&Identified<'_>]) -> Vec<Answer> {
    let mut given: Vec<(i64, String, Answer)> = settling
        .iter()
        .filter_map(|one| match one.record.action {
            JudgementAction::Answer(answer) => Some((one.record.wall_ms, one.id.0.clone(), answer)),
            _ => None,
        })
        .collect();
    given.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut answers: Vec<Answer> = Vec::new();
    for (_, _, answer) in given {
        if !answers.contains(&answer) {
            answers.push(answer);
        }
    }
    answers
}

/// The states of all items for one annotator, from all of their records in any order.
pub fn states<'a>(
    study: &str,
    pseudonym: &str,
    acts: impl IntoIterator<Item = &'a JudgementRecord>,
) -> BTreeMap<u32, ItemState> {
    let records = identified(study, pseudonym, acts);
    let fork = fork(&records).unwrap_or(u64::MAX);
    let overruled: HashSet<&JudgementId> = records
        .iter()
        .filter_map(|one| match &one.record.action {
            JudgementAction::Overrule(ids) => Some(ids),
            _ => None,
        })
        .flatten()
        .collect();
    let mut states: BTreeMap<u32, ItemState> = BTreeMap::new();
    let mut since: BTreeMap<u32, Vec<&Identified<'_>>> = BTreeMap::new();
    for one in &records {
        let state = states.entry(one.record.item).or_default();
        match &one.record.action {
            _ if one.record.seq >= fork => since.entry(one.record.item).or_default().push(one),
            JudgementAction::Overrule(_) => {}
            action if action.settles() && overruled.contains(&one.id) => {
                state.shown_ms = state.shown_ms.saturating_add(one.record.shown_ms);
            }
            _ => state.apply(one.record),
        }
    }
    for (item, records) in since {
        let state = states.entry(item).or_default();
        state.join(&records, &overruled);
    }
    states
}

/// What decides a contested item so; None if it is not contested, or not by the answer that is to count. Where neither
/// is to count it is an undo, which overrules all of them.
pub fn decide<'a>(
    study: &str,
    pseudonym: &str,
    acts: impl IntoIterator<Item = &'a JudgementRecord> + Clone,
    item: u32,
    decision: impl Into<Decision>,
) -> Option<JudgementAction> {
    let states = states(study, pseudonym, acts.clone());
    let state = states
        .get(&item)
        .filter(|state| !state.contested.is_empty())?;
    let Decision::Counts(answer) = decision.into() else {
        return Some(JudgementAction::Undo);
    };
    if !state.contested.contains(&answer) {
        return None;
    }
    let records = identified(study, pseudonym, acts);
    let kept = records
        .iter()
        .filter(|one| state.since_fork.contains(&one.id))
        .filter(|one| one.record.action == JudgementAction::Answer(answer))
        .min_by_key(|one| (one.record.wall_ms, &one.id))?;
    let others = state.since_fork.iter().filter(|id| **id != kept.id);
    Some(JudgementAction::Overrule(others.cloned().collect()))
}

/// The item with the last answer or skip: what an undo reopens.
pub fn last_settled(states: &BTreeMap<u32, ItemState>) -> Option<u32> {
    let settled = states
        .iter()
        .filter_map(|(item, state)| Some((state.settled_by?, *item)));
    settled.max().map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::Choice;
    use crate::study::judgement::tests::{act, choice};

    #[test]
    fn the_last_answer_holds_whatever_the_order_and_the_clock() {
        let acts = [
            act(1, 1, choice(Choice::Left)),
            act(2, 2, JudgementAction::Skip),
            act(3, 2, JudgementAction::Comment("odd".to_string())),
            act(4, 2, JudgementAction::Flag(true)),
            act(5, 1, JudgementAction::Undo),
            act(6, 1, choice(Choice::Tie)),
            act(7, 3, choice(Choice::Right)),
        ];
        let expected = states("s", "A1", &acts);
        assert_eq!(expected[&1].answer, Some(Answer::Choice(Choice::Tie)));
        assert_eq!(expected[&1].shown_ms, 30);
        assert!(expected[&2].skipped && expected[&2].flagged && !expected[&2].is_open());
        assert_eq!(expected[&2].comment, "odd");
        assert_eq!(last_settled(&expected), Some(3));
        let mut other: Vec<&JudgementRecord> = acts.iter().chain(&acts[2..4]).collect();
        other.reverse();
        assert_eq!(states("s", "A1", other), expected, "twice and backwards");
    }

    #[test]
    fn undo_goes_back_one_item_after_the_other() {
        let mut acts = vec![
            act(1, 1, choice(Choice::Left)),
            act(2, 2, choice(Choice::Left)),
            act(3, 2, JudgementAction::Undo),
        ];
        let now = states("s", "A1", &acts);
        assert!(now[&2].is_open());
        assert_eq!(last_settled(&now), Some(1));
        acts.push(act(4, 1, JudgementAction::Undo));
        assert_eq!(last_settled(&states("s", "A1", &acts)), None);
    }

    const LEFT: Answer = Answer::Choice(Choice::Left);
    const RIGHT: Answer = Answer::Choice(Choice::Right);

    /// A record of another place: the same number at another time.
    fn there(seq: u64, item: u32, action: JudgementAction) -> JudgementRecord {
        let mut record = act(seq, item, action);
        record.wall_ms += 5000;
        record
    }

    #[test]
    fn what_two_places_say_differently_counts_for_neither() {
        let here = [
            act(1, 1, choice(Choice::Left)),
            act(2, 2, choice(Choice::Tie)),
            act(3, 3, choice(Choice::Left)),
        ];
        let other = [
            there(1, 1, choice(Choice::Right)),
            there(2, 2, choice(Choice::Tie)),
            there(3, 4, choice(Choice::Right)),
        ];
        let both = || here.iter().chain(&other);
        let found = states("s", "A1", both());
        assert_eq!((found[&1].answer, found[&1].is_open()), (None, true));
        assert_eq!(found[&1].contested, [LEFT, RIGHT]);
        assert_eq!(found[&2].answer, Some(Answer::Choice(Choice::Tie)));
        assert_eq!(
            (found[&3].answer, found[&4].answer),
            (Some(LEFT), Some(RIGHT))
        );

        let decision = decide("s", "A1", both(), 1, RIGHT).unwrap();
        assert!(
            decide("s", "A1", both(), 2, LEFT).is_none(),
            "not contested"
        );
        let decided = act(4, 1, decision);
        let found = states("s", "A1", both().chain([&decided]));
        assert_eq!(
            (found[&1].answer, found[&1].contested.len()),
            (Some(RIGHT), 0)
        );
        // What the first place sends later is no part of the decision.
        let again = [
            act(5, 1, JudgementAction::Undo),
            act(6, 1, choice(Choice::Tie)),
        ];
        let found = states("s", "A1", both().chain([&decided]).chain(&again));
        assert_eq!(found[&1].answer, None);
        assert_eq!(found[&1].contested.len(), 2);
    }

    #[test]
    fn neither_answer_counts_if_that_is_decided() {
        let mut acts = vec![
            act(1, 1, choice(Choice::Left)),
            there(1, 1, choice(Choice::Right)),
        ];
        let undo = decide("s", "A1", &acts, 1, Decision::Neither).unwrap();
        let overrule = states("s", "A1", &acts)[&1].overrule().unwrap();
        acts.extend([act(2, 1, overrule), act(3, 1, undo)]);
        let found = states("s", "A1", &acts);
        assert!(found[&1].is_open() && found[&1].contested.is_empty());
        assert!(decide("s", "A1", &acts, 1, Decision::Neither).is_none());
    }

    #[test]
    fn second_thoughts_at_one_place_are_no_contest() {
        let here = [
            act(1, 1, choice(Choice::Left)),
            act(2, 1, JudgementAction::Undo),
            act(3, 1, choice(Choice::Right)),
            act(4, 2, JudgementAction::Skip),
            act(5, 2, choice(Choice::Left)),
        ];
        let other = [there(1, 3, choice(Choice::Left))];
        let found = states("s", "A1", here.iter().chain(&other));
        assert_eq!(
            (found[&1].answer, found[&2].answer),
            (Some(RIGHT), Some(LEFT))
        );
        assert_eq!(found[&3].answer, Some(LEFT));
    }

    #[test]
    fn a_new_judgement_with_both_places_in_view_counts_alone() {
        let mut acts = vec![
            act(1, 1, choice(Choice::Left)),
            there(1, 1, choice(Choice::Right)),
        ];
        let overrule = states("s", "A1", &acts)[&1].overrule().unwrap();
        let mut shown = states("s", "A1", &acts)[&1].clone();
        for record in [act(2, 1, overrule), act(3, 1, choice(Choice::Tie))] {
            shown.apply(&record);
            acts.push(record);
        }
        let found = states("s", "A1", &acts);
        assert_eq!(found[&1].answer, Some(Answer::Choice(Choice::Tie)));
        assert_eq!((shown.answer, shown.contested.len()), (found[&1].answer, 0));
    }

    #[test]
    fn remarks_of_both_places_are_kept() {
        let comment = |text: &str| JudgementAction::Comment(text.to_string());
        let acts = [
            act(1, 1, comment("odd")),
            there(1, 1, comment("rude")),
            act(2, 1, JudgementAction::Flag(true)),
            there(2, 1, JudgementAction::Flag(false)),
        ];
        let found = states("s", "A1", &acts);
        assert!(found[&1].comment.contains("odd") && found[&1].comment.contains("rude"));
        assert!(found[&1].flagged);
        assert_eq!(found[&1].shown_ms, 40);
    }
}
