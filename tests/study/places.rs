//! One annotator's judgements from several places: whatever the order, the copies and the parts in which they come,
//! the study is the same, and an answer counts only if no place says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use crate::study_support::*;
use emprl::operations::studies::{Place, contested, decide_all, place_words};
use emprl::store::{PackReturn, Store, StoreError, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::history::{ItemState, last_settled, states};
use emprl::study::judgement::{Answer, Choice, JudgementAction, JudgementRecord};
use emprl::study::pack::Pack;
use proptest::prelude::*;

const UID: &str = "study";
const WHO: &str = "A1";
const ITEMS: u32 = 4;

/// What an annotator does next at a place.
#[derive(Clone, Debug)]
enum Act {
    /// On the first item that is open or skipped, by how many are before it.
    Answer(u8, Choice),
    Skip(u8),
    Undo,
    Flag(u8, bool),
    Comment(u8, u8),
}

fn act() -> impl Strategy<Value = Act> {
    let choice = prop_oneof![Just(Choice::Left), Just(Choice::Right), Just(Choice::Tie)];
    prop_oneof![
        5 => (any::<u8>(), choice).prop_map(|(at, choice)| Act::Answer(at, choice)),
        2 => any::<u8>().prop_map(Act::Skip),
        2 => Just(Act::Undo),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(at, flag)| Act::Flag(at, flag)),
        1 => (any::<u8>(), 0..3u8).prop_map(|(at, text)| Act::Comment(at, text)),
    ]
}

/// The records of a place that has these, after these acts. As in the program, an item is answered only while it is
/// open or skipped.
fn judged(before: &[JudgementRecord], acts: &[Act], place: i64) -> Vec<JudgementRecord> {
    let mut records = before.to_vec();
    for act in acts {
        let now = states(UID, WHO, &records);
        let state = |item: &u32| now.get(item).cloned().unwrap_or_default();
        let free: Vec<u32> = (1..=ITEMS)
            .filter(|item| state(item).answer.is_none())
            .collect();
        let one = |at: u8| free.get(usize::from(at) % free.len().max(1)).copied();
        let any = |at: u8| u32::from(at) % ITEMS + 1;
        let (item, action) = match act {
            Act::Answer(at, choice) => (one(*at), JudgementAction::Answer(Answer::Choice(*choice))),
            Act::Skip(at) => (one(*at), JudgementAction::Skip),
            Act::Undo => (last_settled(&now), JudgementAction::Undo),
            Act::Flag(at, flag) => (Some(any(*at)), JudgementAction::Flag(*flag)),
            Act::Comment(at, text) => (Some(any(*at)), JudgementAction::Comment(format!("{text}"))),
        };
        let Some(item) = item else { continue };
        let overrule = state(&item).overrule().filter(|_| action.settles());
        for action in overrule.into_iter().chain([action]) {
            let seq = records.iter().map(|record| record.seq).max().unwrap_or(0) + 1;
            records.push(JudgementRecord {
                seq,
                item,
                action,
                shown_ms: 1,
                wall_ms: 1000 * seq as i64 + place,
            });
        }
    }
    records
}

fn settling(records: &[JudgementRecord]) -> BTreeSet<u32> {
    let settling = records.iter().filter(|record| record.action.settles());
    settling.map(|record| record.item).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_counts_only_if_no_place_says_otherwise(
        common in prop::collection::vec(act(), 0..6),
        branches in prop::collection::vec(prop::collection::vec(act(), 1..10), 2..4),
        seed in any::<prop::sample::Index>(),
    ) {
        let start = judged(&[], &common, 0);
        let places: Vec<Vec<JudgementRecord>> = branches
            .iter()
            .zip(1..)
            .map(|(acts, place)| judged(&start, acts, place))
            .collect();
        let mut all: Vec<JudgementRecord> = places.iter().flatten().cloned().collect();
        let found = states(UID, WHO, &all);
        let len = all.len();
        all.rotate_left(if len > 0 { seed.index(len) } else { 0 });
        all.extend(start.clone());
        prop_assert_eq!(&states(UID, WHO, &all), &found, "another order, and copies");

        for item in 1..=ITEMS {
            let state = found.get(&item).cloned().unwrap_or_default();
            // What each place that did something about the item since the packs were copied says in the end.
            let said: Vec<ItemState> = places
                .iter()
                .filter(|records| settling(&records[start.len()..]).contains(&item))
                .map(|records| states(UID, WHO, records.as_slice())[&item].clone())
                .collect();
            let answers: BTreeSet<String> =
                said.iter().filter_map(|one| Some(format!("{:?}", one.answer?))).collect();
            if answers.len() > 1 {
                prop_assert_eq!(state.answer, None, "item {}: {:?}", item, said);
                prop_assert!(!state.contested.is_empty(), "item {}: {:?}", item, said);
            }
            if let Some(answer) = state.answer {
                let before = states(UID, WHO, &start).get(&item).and_then(|one| one.answer);
                let given = answers.contains(&format!("{answer:?}"));
                prop_assert!(given || (said.is_empty() && before == Some(answer)));
            }
            // No answer that stands at a place is gone without a word.
            if answers.len() == 1 {
                prop_assert!(state.answer.is_some() || !state.contested.is_empty(), "{:?}", said);
            }
        }
    }
}

/// A store with a study, and the pack of its first annotator.
fn home() -> (tempfile::TempDir, Store, StudyId, Pack) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 12);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = ITEMS as usize;
    let study = create(&mut store, &definition);
    let pack = store.reader().unwrap().pack(study, 1).unwrap();
    (dir, store, study, pack)
}

fn with(pack: &Pack, acts: Vec<JudgementRecord>) -> Pack {
    Pack {
        acts,
        ..pack.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_any_copies_and_any_split_merge_to_the_same_study(
        branches in prop::collection::vec(prop::collection::vec(act(), 1..10), 1..4),
        parts in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize), 0..40),
    ) {
        let places = branches.iter().zip(1..).map(|(acts, place)| judged(&[], acts, place));
        let all: Vec<JudgementRecord> = places.flatten().collect();
        prop_assume!(!all.is_empty());
        let (_one, mut store, study, pack) = home();
        store.merge_pack(&with(&pack, all.clone())).unwrap();
        let whole = store.reader().unwrap().worklist(study, 1).unwrap();

        // The same records, each at least once, in parts.
        let (_two, mut other, study, pack) = home();
        let mut split: BTreeMap<usize, Vec<JudgementRecord>> = BTreeMap::new();
        for (record, at) in all.iter().rev().zip(0..) {
            split.entry(at % 3).or_default().push(record.clone());
        }
        for (index, part) in &parts {
            split.entry(*part).or_default().push(all[index.index(all.len())].clone());
        }
        for acts in split.into_values() {
            other.merge_pack(&with(&pack, acts)).unwrap();
        }
        let merged = other.reader().unwrap().worklist(study, 1).unwrap();
        for page in whole.pages() {
            prop_assert_eq!(whole.state(page), merged.state(page));
        }
    }
}

#[test]
fn a_contested_item_is_judged_again_and_undone_like_any_other() {
    let (_dir, mut store, study, pack) = home();
    let item = pack.pages[0].item;
    let say = |choice, wall_ms| JudgementRecord {
        seq: 1,
        item,
        action: JudgementAction::Answer(Answer::Choice(choice)),
        shown_ms: 1,
        wall_ms,
    };
    store
        .merge_pack(&with(&pack, vec![say(Choice::Left, 1)]))
        .unwrap();
    let merged = store
        .merge_pack(&with(&pack, vec![say(Choice::Right, 2)]))
        .unwrap();
    assert_eq!(merged.contested, 1);
    let reader = store.reader().unwrap();
    let answer = || {
        let list = reader.worklist(study, 1).unwrap();
        let state = list.state(&list.pages()[0]);
        (state.answer, state.contested.len())
    };
    assert_eq!(answer(), (None, 2));
    let tie = Answer::Choice(Choice::Tie);
    store
        .judge_now(study, 1, item, &[JudgementAction::Answer(tie)], 1)
        .unwrap();
    assert_eq!(answer(), (Some(tie), 0));
    store.undo_now(study, 1).unwrap();
    assert_eq!(answer(), (None, 0));
    // The packs that were merged before change nothing.
    store
        .merge_pack(&with(&pack, vec![say(Choice::Left, 1)]))
        .unwrap();
    assert_eq!(answer(), (None, 0));
}

#[test]
fn nothing_is_recorded_from_a_page_that_does_not_show_what_was_judged_elsewhere() {
    let (dir, mut store, study, pack) = home();
    let mut other = Store::open(dir.path()).unwrap();
    let item = pack.pages[0].item;
    let answer = |choice| [JudgementAction::Answer(Answer::Choice(choice))];
    let read = |store: &Store| store.reader().unwrap().worklist(study, 1).unwrap();
    let page = read(&store);
    other
        .judge(study, 1, page.known(), item, &answer(Choice::Left), 1)
        .unwrap();
    for what in [&answer(Choice::Right)[..], &[JudgementAction::Skip]] {
        let refused = store.judge(study, 1, page.known(), item, what, 1);
        let refused = refused.unwrap_err();
        assert!(
            matches!(refused, StoreError::JudgedElsewhere { .. }),
            "{refused}"
        );
    }
    let refused = store.undo(study, 1, page.known()).unwrap_err();
    assert!(
        matches!(refused, StoreError::JudgedElsewhere { .. }),
        "{refused}"
    );
    let now = read(&store);
    assert_eq!(now.changed_since(&page), [item]);
    assert_eq!(now.known(), 1);
    assert_eq!(
        now.state(&now.pages()[0]).answer,
        Some(Answer::Choice(Choice::Left))
    );
    // With that in view it can be judged; another annotator's judgements do not matter.
    other
        .judge(
            study,
            2,
            0,
            read_item(&other, study, 2),
            &[JudgementAction::Skip],
            1,
        )
        .unwrap();
    let acts = store.judge(study, 1, now.known(), item, &answer(Choice::Right), 1);
    let mut followed = now;
    acts.unwrap().iter().for_each(|act| followed.apply(act));
    assert_eq!(followed.known(), read(&store).known());
}

fn read_item(store: &Store, study: StudyId, annotator: u32) -> u32 {
    let list = store.reader().unwrap().worklist(study, annotator).unwrap();
    list.pages()[0].item
}

#[test]
fn contested_items_are_decided_all_or_none() {
    let (_dir, mut store, study, pack) = home();
    let items: Vec<u32> = pack.pages.iter().map(|page| page.item).collect();
    for (choice, wall_ms) in [(Choice::Left, 1), (Choice::Right, 2)] {
        let said = items
            .iter()
            .take(2)
            .zip(1..)
            .map(|(item, seq)| JudgementRecord {
                seq,
                item: *item,
                action: JudgementAction::Answer(Answer::Choice(choice)),
                shown_ms: 1,
                wall_ms,
            });
        store.merge_pack(&with(&pack, said.collect())).unwrap();
    }
    let left = Answer::Choice(Choice::Left);
    let contested = |store: &Store| {
        let list = store.reader().unwrap().worklist(study, 1).unwrap();
        list.progress().contested
    };
    let wrong = [(items[0], left), (items[1], left), (77_777, left)];
    let refused = store.decide(study, 1, &wrong).unwrap_err();
    assert!(
        matches!(refused, StoreError::NotContested { item: 77_777, .. }),
        "{refused}"
    );
    assert_eq!(contested(&store), 2);
    // Neither do they end the study unnoticed.
    let refused = store.unblind(study, "Ada", "done", false).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unfinished { contested: 2, missing, .. } if missing > 2),
        "{refused}"
    );
    store.decide(study, 1, &wrong[..2]).unwrap();
    assert_eq!(contested(&store), 0);
}

/// Merges what the first annotator says of their first items at a place of its own, in a file of this name.
fn say_all(store: &mut Store, pack: &Pack, name: &str, choices: &[Choice], wall_ms: i64) {
    let said = pack.pages.iter().zip(choices).zip(1..);
    let said = said.map(|((page, choice), seq)| JudgementRecord {
        seq,
        item: page.item,
        action: JudgementAction::Answer(Answer::Choice(*choice)),
        shown_ms: 1,
        wall_ms,
    });
    let pack = with(pack, said.collect());
    let back = PackReturn {
        name: Some(name),
        ..PackReturn::from(&pack)
    };
    store.merge_pack(back).unwrap();
}

#[test]
fn all_contested_items_are_decided_by_the_place_that_came_in_first_or_second_or_by_neither() {
    use Choice::{Left, Right, Tie};
    for (place, expected) in [
        (Place::First, vec![Some(Left), Some(Left), Some(Left)]),
        (Place::Second, vec![Some(Right), Some(Left), Some(Tie)]),
        (Place::Neither, vec![None, Some(Left), None]),
    ] {
        let (_dir, mut store, study, pack) = home();
        // What came in first was given last: the order of coming in counts, not the clocks.
        say_all(&mut store, &pack, "home.json", &[Left, Left, Left], 9);
        say_all(&mut store, &pack, "work.json", &[Right, Left, Tie], 1);
        let items = contested(&store.reader().unwrap(), study).unwrap();
        let places: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                item.answers
                    .iter()
                    .map(|one| place_words(&one.from))
                    .collect()
            })
            .collect();
        assert_eq!(places, vec![vec!["in home.json", "in work.json"]; 2]);
        assert_eq!(decide_all(&mut store, study, 1, place).unwrap(), 2);
        let list = store.reader().unwrap().worklist(study, 1).unwrap();
        let answers: Vec<Option<Choice>> = list.pages()[..3]
            .iter()
            .map(|page| match list.state(page).answer {
                Some(Answer::Choice(choice)) => Some(choice),
                _ => None,
            })
            .collect();
        assert_eq!(answers, expected);
        assert_eq!(list.progress().contested, 0);
        // Both come again, and the decision holds.
        say_all(&mut store, &pack, "home.json", &[Left, Left, Left], 9);
        say_all(&mut store, &pack, "work.json", &[Right, Left, Tie], 1);
        let again = store.reader().unwrap().worklist(study, 1).unwrap();
        for page in list.pages() {
            assert_eq!(again.state(page), list.state(page));
        }
    }
}
