//! Studies of many systems: nobody meets a response twice, everybody has the same work, and the results fill Table IV.
//! Annotators who are paused, excluded or replaced.

use std::collections::BTreeSet;

use crate::study_support::*;
use emprl::operations::exports;
use emprl::operations::studies;
use emprl::report::tables::{TableNumber, TableSelection};
use emprl::store::{Store, StoreError, StudyId};
use emprl::study::StudyError;
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::judgement::{Answer, Choice, JudgementAction};
use emprl::study::responses::import;
use emprl::study::results::{Findings, quality, results};
use emprl::study::standing::Standing;

const BASELINES: [&str; 8] = [
    "MoEL", "MIME", "EmpDG", "KEMP", "CEM", "SEEK", "CASE", "ChatGPT",
];

/// EmpRL, then the paper's baselines, each with a response to `n` contexts that nobody else gives.
fn store_of_the_paper(dir: &std::path::Path, n: usize) -> Store {
    let mut store = Store::open(dir).unwrap();
    let order = contexts(n);
    let files = tempfile::tempdir().unwrap();
    for (number, name) in ["EmpRL"].into_iter().chain(BASELINES).enumerate() {
        let path = files.path().join(format!("{name}.txt"));
        let lines: Vec<String> = (0..n)
            .map(|at| format!("I see, about {at}, said {number}."))
            .collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let responses = import(&path, &order, None).unwrap();
        store
            .put_system(name, "own", &responses, &order, false)
            .unwrap();
    }
    store
}

fn against_each(people: usize, contexts: usize) -> Definition {
    let systems = ["EmpRL"].into_iter().chain(BASELINES);
    let people = (0..people).map(|at| format!("Person {at}")).collect();
    let mut definition = Definition::new(
        StudyKind::AbTest,
        systems.map(str::to_string).collect(),
        people,
    );
    definition.contexts = contexts;
    definition
}

fn judge_with(store: &mut Store, study: StudyId, annotator: u32, choice: Choice) {
    let mut desk = store.reader().unwrap().worklist(study, annotator).unwrap();
    while let Some(at) = desk.next() {
        let item = desk.pages()[at].item;
        let answer = JudgementAction::Answer(Answer::Choice(choice));
        let records = store
            .judge_now(study, annotator, item, &[answer], 900)
            .unwrap();
        records.iter().for_each(|record| desk.apply(record));
    }
}

#[test]
fn eight_systems_against_ours_fill_table_four_and_nobody_meets_a_response_twice() {
    const PEOPLE: usize = 24;
    const CONTEXTS: usize = 10;
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_of_the_paper(dir.path(), CONTEXTS);
    let definition = against_each(PEOPLE, CONTEXTS);
    assert_eq!(definition.workload(), (10, 240));
    let study = studies::create(&mut store, &definition).unwrap().study;
    for annotator in 1..=PEOPLE as u32 {
        let desk = store.reader().unwrap().worklist(study, annotator).unwrap();
        assert_eq!(desk.pages().len(), CONTEXTS, "everybody has the same work");
        let read: Vec<&str> = desk.pages().iter().flat_map(texts).collect();
        let different: BTreeSet<&str> = read.iter().copied().collect();
        assert_eq!(different.len(), read.len(), "annotator {annotator}");
        judge_with(&mut store, study, annotator, Choice::Tie);
    }
    store.unblind(study, "Ada", "all is judged", false).unwrap();
    let chosen = TableSelection {
        studies: vec![study],
        ..TableSelection::default()
    };
    let table = exports::table(dir.path(), TableNumber::AbTest, &chosen).unwrap();
    let text = serde_json::to_string(&table).unwrap();
    for baseline in BASELINES {
        assert!(text.contains(baseline), "{baseline}: {text}");
    }
    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    let Findings::AbTest(found) = results(&unblinded, &Default::default()).found else {
        panic!("an A/B test")
    };
    assert_eq!(found.pairs.len(), 8);
    for pair in &found.pairs {
        let ties = pair.tie.unwrap();
        assert_eq!(
            (pair.judged, ties.count),
            (CONTEXTS as u64, CONTEXTS as u64)
        );
    }
}

#[test]
fn too_few_contexts_for_few_annotators_are_refused_unless_repeats_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_of_the_paper(dir.path(), 10);
    let mut definition = against_each(3, 10);
    let refused = studies::create(&mut store, &definition)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("takes 80 contexts") && refused.contains("name 24 annotators"),
        "{refused}"
    );
    definition.contexts = 1;
    studies::create(&mut store, &definition).unwrap();
    definition.contexts = 10;
    definition.repeats = true;
    assert!(
        definition
            .repeats_give_away()
            .unwrap()
            .contains("EmpRL to a context 8 times")
    );
    let study = studies::create(&mut store, &definition).unwrap().study;
    // What is met again is met far apart.
    let desk = store.reader().unwrap().worklist(study, 1).unwrap();
    let contexts: Vec<usize> = desk.pages().iter().map(context_number).collect();
    assert_eq!(contexts.len(), 80);
    for (at, context) in contexts.iter().enumerate() {
        let next = contexts[at + 1..].iter().position(|other| other == context);
        assert!(next.is_none_or(|next| next >= 4), "{contexts:?}");
    }
}

#[test]
fn who_is_excluded_counts_nowhere_and_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 6);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 6;
    let study = create(&mut store, &definition);
    for (annotator, choice) in [(1, Choice::Tie), (2, Choice::Tie), (3, Choice::Left)] {
        judge_with(&mut store, study, annotator, choice);
    }
    let silent = store
        .set_standing(study, 3, Standing::Excluded, " ")
        .unwrap_err();
    assert!(matches!(silent, StoreError::NoStandingReason), "{silent}");
    store
        .set_standing(study, 2, Standing::Paused, "on leave")
        .unwrap();
    let item = store.reader().unwrap().worklist(study, 2).unwrap().pages()[0].item;
    let refused = store
        .judge_now(study, 2, item, &[JudgementAction::Flag(true)], 1)
        .unwrap_err();
    assert!(refused.to_string().contains("paused"), "{refused}");
    store
        .set_standing(study, 2, Standing::Judging, "back")
        .unwrap();
    let again = store
        .set_standing(study, 2, Standing::Judging, "back")
        .unwrap_err();
    assert!(matches!(again, StoreError::SameStanding { .. }), "{again}");

    let named = store
        .replace_annotator(study, 3, "ada ", "always left")
        .unwrap_err();
    assert!(matches!(named, StoreError::NameTaken { .. }), "{named}");
    let row = store.reader().unwrap().study(study).unwrap();
    assert_eq!(
        row.annotators[2].standing,
        Standing::Judging,
        "all or nothing"
    );
    let substitute = store
        .replace_annotator(study, 3, "Dee", "always left")
        .unwrap();
    assert_eq!(substitute, 4);
    let reader = store.reader().unwrap();
    let own = |annotator| {
        let desk = reader.worklist(study, annotator).unwrap();
        let items = desk.pages().iter().map(|page| page.item);
        items.collect::<BTreeSet<u32>>()
    };
    assert_eq!(own(4), own(3));
    let unfinished = store.unblind(study, "Ada", "done", false).unwrap_err();
    assert!(
        matches!(unfinished, StoreError::Unfinished { missing: 6, .. }),
        "{unfinished}"
    );
    judge_with(&mut store, study, 4, Choice::Tie);
    store.unblind(study, "Ada", "done", false).unwrap();

    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    let found = results(&unblinded, &Default::default());
    let Findings::AbTest(ab) = &found.found else {
        panic!("an A/B test")
    };
    assert_eq!(ab.agreement.judgements, 18);
    assert_eq!(ab.pairs[0].tie.unwrap().count, 6);
    let reasons: Vec<&str> = found.annotators[2]
        .standings
        .iter()
        .map(|change| &*change.reason)
        .collect();
    assert_eq!(reasons, ["always left"]);
    let rows = emprl::study::export::full_rows(&unblinded);
    assert_eq!(rows.iter().filter(|row| row.excluded).count(), 6);
    let late = store
        .set_standing(study, 1, Standing::Excluded, "x")
        .unwrap_err();
    assert!(matches!(late, StoreError::Unblinded { .. }), "{late}");
}

#[test]
fn quality_is_seen_while_the_study_is_blind_and_says_nothing_of_systems() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 12);
    let mut definition = definition(StudyKind::AbTest, 2);
    (definition.contexts, definition.attention_checks) = (8, 2);
    let study = create(&mut store, &definition);
    judge_with(&mut store, study, 1, Choice::Tie);
    judge_with(&mut store, study, 2, Choice::Left);
    let item = store.reader().unwrap().worklist(study, 2).unwrap().pages()[3].item;
    let remarks = [
        JudgementAction::Flag(true),
        JudgementAction::Comment("hard to read".to_string()),
    ];
    store.judge_now(study, 2, item, &remarks, 0).unwrap();
    let found = studies::quality(&store.reader().unwrap(), study).unwrap();
    let [ada, ben, cem] = &found.annotators[..] else {
        panic!("three annotators")
    };
    assert_eq!(
        (ada.longest_run, ben.longest_run, cem.longest_run),
        (10, 10, 0)
    );
    // Fifteen words or so are not read in 0.9 s.
    assert_eq!((ada.too_fast, cem.too_fast), (10, 0));
    assert_eq!(ada.checks.unwrap().passed, 0);
    assert_eq!((ada.distance, cem.distance), (Some(1.0), None));
    assert_eq!(found.remarks.len(), 1);
    assert_eq!(
        (&*found.remarks[0].comment, found.remarks[0].item),
        ("hard to read", item)
    );
    let text = serde_json::to_string(&found).unwrap();
    assert!(SYSTEMS.iter().all(|name| !text.contains(name)), "{text}");
    // The same once it is unblinded.
    store.unblind(study, "Ada", "the end", true).unwrap();
    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    assert_eq!(quality(&unblinded.record), found);
}

#[test]
fn a_definition_that_was_stored_before_repeats_allowed_them() {
    let mut stored = serde_json::to_value(definition(StudyKind::AbTest, 2)).unwrap();
    assert_eq!(stored["repeats"], false);
    stored.as_object_mut().unwrap().remove("repeats");
    let read: Definition = serde_json::from_value(stored).unwrap();
    assert!(read.repeats);
    let refused = StudyError::NeedRepeats {
        found: 1,
        wanted: 2,
        contexts: 1,
        annotators: 6,
    };
    assert!(refused.to_string().contains("allow repeats"));
}
