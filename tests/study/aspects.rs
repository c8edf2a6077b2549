//! A rating that asks aspects of its own, on scales of its own: from its making to packs, results, exports and tables.

use crate::study_support::*;
use emprl::metrics::Bootstrap;
use emprl::report::tables::{Cell, TableNumber, TableSelection, gather};
use emprl::store::{Store, StudyId};
use emprl::study::aspects::Aspects;
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::export::{csv, full_rows, jsonl, own_rows};
use emprl::study::judgement::{Answer, JudgementAction};
use emprl::study::pack::Pack;
use emprl::study::page::Page;
use emprl::study::results::{Findings, RatingResults};

const OWN: &str = r#"
[[aspect]]
name = "Warmth"
question = "How warm is it?"
low = "cold"
high = "warm"
points = 11

[[aspect]]
name = "Sense"
points = 2
check = true
"#;

const STUDY: StudyId = StudyId(1);

fn own(contexts: usize, checks: usize) -> Definition {
    let mut rating = definition(StudyKind::Rating, 2);
    rating.contexts = contexts;
    rating.attention_checks = checks;
    rating.comment = Some("What would you have said?".to_string());
    rating.ask(Aspects::from_toml(OWN).unwrap());
    rating
}

/// What the annotator of this number says of a page: the first system is warmer, and checks are noticed.
fn scores(page: &Page, annotator: u32) -> [u8; 2] {
    let Some(system) = whose(texts(page)[0]) else {
        return [6, 1];
    };
    let number = context_number(page) as u8;
    match system {
        0 => [7 + (number + annotator as u8) % 5, 2],
        _ => [1 + number % 4, 1 + (annotator == 3) as u8],
    }
}

fn work(store: &mut Store, annotator: u32) {
    let list = store.reader().unwrap().worklist(STUDY, annotator).unwrap();
    for page in list.pages().to_vec() {
        let answer = list.head.rated(&scores(&page, annotator)).unwrap();
        let action = JudgementAction::Answer(answer);
        store
            .judge_now(STUDY, annotator, page.item, &[action], 9_000)
            .unwrap();
    }
}

fn rating(store: &Store) -> RatingResults {
    let unblinded = store.reader().unwrap().unblinded(STUDY).unwrap();
    let results = emprl::study::results::results(&unblinded, &Bootstrap::default());
    match results.found {
        Findings::Rating(rating) => rating,
        Findings::AbTest(_) => panic!("a rating"),
    }
}

#[test]
fn own_aspects_go_from_the_study_to_its_results() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 12);
    create_sealed(&mut store, &own(8, 2));
    let head = store.reader().unwrap().study(STUDY).unwrap().head;
    assert!(
        head.instructions
            .contains("Warmth: How warm is it? (1 cold … 11 warm)")
    );
    // The second judges elsewhere.
    let sent = store.reader().unwrap().pack(STUDY, 2).unwrap();
    let bytes = sent.to_bytes().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains("\"form\": 4") && text.contains("How warm is it?"));
    let elsewhere = tempfile::tempdir().unwrap();
    let mut there = Store::open(elsewhere.path()).unwrap();
    there.open_pack(&Pack::from_bytes(&bytes).unwrap()).unwrap();
    let list = there.reader().unwrap().worklist(STUDY, 1).unwrap();
    assert_eq!(list.head, head);
    for page in list.pages().to_vec() {
        let answer = list.head.rated(&scores(&page, 2)).unwrap();
        let action = JudgementAction::Answer(answer);
        there
            .judge_now(STUDY, 1, page.item, &[action], 9_000)
            .unwrap();
    }
    let back = there
        .reader()
        .unwrap()
        .pack(STUDY, 1)
        .unwrap()
        .to_bytes()
        .unwrap();
    let merged = store.merge_pack(&Pack::from_bytes(&back).unwrap()).unwrap();
    assert_eq!(merged.contested, 0);
    work(&mut store, 1);
    work(&mut store, 3);
    let own = own_rows(&store.reader().unwrap().worklist(STUDY, 2).unwrap());
    assert_eq!(own[0].scores.as_ref().unwrap().0[0].0, "Warmth");

    store.unblind(STUDY, "Ada", "done", false).unwrap();
    let found = rating(&store);
    let names: Vec<String> = found
        .aspects
        .iter()
        .map(|aspect| aspect.heading())
        .collect();
    assert_eq!(names, ["Warmth (1-11)", "Sense (1-2)"]);
    let unblinded = store.reader().unwrap().unblinded(STUDY).unwrap();
    // The means are those of what was given.
    let mut sums = [[0.0; 2]; 2];
    let rows = full_rows(&unblinded);
    for row in rows.iter().filter(|row| !row.is_check) {
        let system = SYSTEMS
            .iter()
            .position(|name| Some(*name) == row.system.as_deref());
        for (at, (_, score)) in row.scores.as_ref().unwrap().0.iter().enumerate() {
            sums[at][system.unwrap()] += f64::from(score.unwrap()) / 24.0;
        }
        assert_eq!(row.empathy, None);
    }
    for (aspect, sums) in found.aspects.iter().zip(sums) {
        for (system, sum) in aspect.systems.iter().zip(sums) {
            assert!(
                (system.mean.unwrap().value - sum).abs() < 1e-9,
                "{system:?}: {sum}"
            );
        }
        assert!(aspect.agreement.judgements > 0);
    }
    assert!(found.aspects[0].differences[0].difference.unwrap().high < 0.0);
    let results = emprl::study::results::results(&unblinded, &Bootstrap::default());
    for annotator in &results.annotators {
        let checks = annotator.checks.unwrap();
        assert_eq!((checks.answered, checks.passed), (2, 2));
    }
    // As rows.
    let text = String::from_utf8(csv(&rows).unwrap()).unwrap();
    let head = text.lines().next().unwrap();
    assert!(
        head.contains(",fluency,scores.Warmth,scores.Sense,skipped,"),
        "{head}"
    );
    assert_eq!(text.lines().count(), 1 + rows.len());
    let text = jsonl(&rows).unwrap();
    assert!(
        text.lines()
            .all(|line| line.contains(r#""scores":{"Warmth":"#))
    );
    // As Table III, whose figures of the paper say nothing here.
    let selection = TableSelection {
        studies: vec![STUDY],
        ..TableSelection::default()
    };
    let reader = store.reader().unwrap();
    let table = gather(&reader, TableNumber::Rating, &selection).unwrap();
    let titles: Vec<&str> = table.columns.iter().map(|column| &*column.title).collect();
    assert_eq!(titles, ["Warmth (1-11)", "Sense (1-2)"]);
    assert_eq!(table.rows.len(), 2);
    for row in &table.rows {
        assert!(
            matches!(row.cells[..], [Cell::Figure { .. }, Cell::Figure { .. }]),
            "{row:?}"
        );
    }
    assert!(!table.caption.contains("1 to 5"), "{}", table.caption);
}

#[test]
fn what_is_not_on_the_scales_is_refused_wherever_it_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 12);
    create_sealed(&mut store, &own(4, 0));
    let pack = store.reader().unwrap().pack(STUDY, 1).unwrap();
    let item = pack.pages[0].item;
    let paper = Answer::rated(None, &[5, 1, 2]).unwrap();
    let short = Answer::Scores(emprl::study::judgement::Scores::new(&[5]).unwrap());
    let high = Answer::Scores(emprl::study::judgement::Scores::new(&[5, 3]).unwrap());
    for wrong in [paper, short, high] {
        let action = JudgementAction::Answer(wrong);
        let refused = store
            .judge_now(STUDY, 1, item, std::slice::from_ref(&action), 5)
            .unwrap_err();
        assert!(refused.to_string().contains("on its scale"), "{refused}");
        let mut back = pack.clone();
        back.acts = vec![emprl::study::judgement::JudgementRecord {
            seq: 1,
            item,
            action,
            shown_ms: 5,
            wall_ms: 6,
        }];
        let refused = Pack::from_bytes(&back.to_bytes().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("on its scale"), "{refused}");
    }
    // A pack whose scales were changed on the way is not as it was sent.
    let mut edited = pack.clone();
    edited.head.aspects.as_mut().unwrap().0[0].points = 5;
    let refused = store.merge_pack(&edited).unwrap_err().to_string();
    assert!(refused.contains("what is asked differs"), "{refused}");
}

#[test]
fn the_papers_aspects_are_written_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 6);
    let mut rating = definition(StudyKind::Rating, 2);
    rating.contexts = 3;
    create_sealed(&mut store, &rating);
    let pack = store.reader().unwrap().pack(STUDY, 1).unwrap();
    let text = String::from_utf8(pack.to_bytes().unwrap()).unwrap();
    assert!(text.contains("\"form\": 3") && !text.contains("\"aspects\""));
    let answer = Answer::rated(None, &[5, 1, 2]).unwrap();
    let action = JudgementAction::Answer(answer);
    store
        .judge_now(STUDY, 1, pack.pages[0].item, &[action], 5)
        .unwrap();
    let rows = own_rows(&store.reader().unwrap().worklist(STUDY, 1).unwrap());
    let text = String::from_utf8(csv(&rows).unwrap()).unwrap();
    assert!(!text.contains("scores"), "{text}");
    assert!(
        jsonl(&rows)
            .unwrap()
            .contains(r#""empathy":5,"relevance":1,"fluency":2,"skipped""#)
    );
}
