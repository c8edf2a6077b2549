//! Packs are sealed with a key of their study: one that was edited on its way is known, and taken in only if the lead
//! says so, with its judgements marked.

use std::path::Path;

use crate::study_support::*;
use emprl::metrics::Bootstrap;
use emprl::operations::exports;
use emprl::operations::studies::{create as create_study, write_html_packs};
use emprl::report::judging::{Texts, pack_html, pack_html_name};
use emprl::store::{MergeTerms, PackReturn, Store, StoreError, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction, Rating, Score};
use emprl::study::pack::Pack;
use emprl::study::results::results;
use emprl::study::seal::SealState;
use emprl::study::{PackError, StudyError};
use proptest::prelude::*;

/// A store with a rating, whose annotators all have the same pages.
fn home(dir: &Path) -> (Store, StudyId) {
    let mut store = store_with_systems(dir, 2, 6);
    let mut definition = definition(StudyKind::Rating, 2);
    definition.contexts = 3;
    let study = create_sealed(&mut store, &definition);
    (store, study)
}

fn english() -> Texts {
    Texts::of_language("en").unwrap().unwrap()
}

fn points(points: u8) -> Score {
    Score::try_from(points).unwrap()
}

/// The pack of an annotator as it comes back, with so many items rated.
fn rated(store: &Store, study: StudyId, annotator: u32, items: usize) -> Pack {
    let sent = store.reader().unwrap().pack(study, annotator).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut guest = Store::open(dir.path()).unwrap();
    let sent = Pack::from_bytes(&sent.to_bytes().unwrap()).unwrap();
    let opened = guest.open_pack(&sent).unwrap();
    let rating = Answer::Rating(Rating {
        empathy: points(4),
        relevance: points(3),
        fluency: points(5),
    });
    for page in &sent.pages[..items] {
        let rate = [JudgementAction::Answer(rating)];
        let (there, annotator) = (opened.study, opened.annotator);
        guest
            .judge_now(there, annotator, page.item, &rate, 7)
            .unwrap();
    }
    let reader = guest.reader().unwrap();
    reader.pack(opened.study, opened.annotator).unwrap()
}

fn refused(store: &mut Store, pack: &Pack) -> String {
    // Even under a checksum that is right.
    let pack = Pack::from_bytes(&pack.to_bytes().unwrap()).unwrap();
    match store.merge_pack(&pack).unwrap_err() {
        StoreError::Study(StudyError::Pack(PackError::Edited { what })) => what,
        other => panic!("{other}"),
    }
}

#[test]
fn what_comes_back_as_it_was_sent_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = home(dir.path());
    let back = rated(&store, study, 2, 4);
    assert!(back.seal.is_some());
    let merged = store.merge_pack(&back).unwrap();
    assert_eq!(
        (merged.seal, merged.new_answers),
        (Some(SealState::Sealed), 4)
    );
    // Another annotator has another seal.
    let other = store.reader().unwrap().pack(study, 3).unwrap();
    assert_eq!(other.pages.len(), back.pages.len());
    assert_ne!(other.seal, back.seal);
}

#[test]
fn an_edited_pack_is_known_whatever_was_edited_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = home(dir.path());
    let back = rated(&store, study, 2, 4);
    let mut said = |change: &dyn Fn(&mut Pack)| {
        let mut pack = back.clone();
        change(&mut pack);
        let what = refused(&mut store, &pack);
        assert!(
            store
                .reader()
                .unwrap()
                .pack(study, 2)
                .unwrap()
                .acts
                .is_empty()
        );
        assert!(
            store
                .reader()
                .unwrap()
                .pack(study, 3)
                .unwrap()
                .acts
                .is_empty()
        );
        what
    };
    let item = back.pages[1].item;
    let text = said(&|pack| pack.pages[1].context[0].push('!'));
    assert_eq!(text, format!("another text is shown in item {item}"));
    let renamed = said(&|pack| pack.pseudonym = "A3".to_string());
    assert_eq!(renamed, "it was sent to A2, and says that it is A3's");
    let order = said(&|pack| pack.pages.swap(0, 1));
    assert_eq!(order, "items are left out, or in another order");
    let instructions = said(&|pack| pack.head.instructions.push('!'));
    assert_eq!(instructions, "the instructions differ");
    assert_eq!(said(&|pack| pack.seal = None), "its seal is missing");
    // A seal of another study's key.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = store_with_systems(elsewhere.path(), 2, 6);
    let mut definition = definition(StudyKind::Rating, 2);
    definition.contexts = 3;
    let made = create_study(&mut other, &definition).unwrap();
    let seal = other.reader().unwrap().pack(made.study, 2).unwrap().seal;
    assert!(seal.is_some());
    assert_eq!(
        said(&|pack| pack.seal.clone_from(&seal)),
        "its seal does not fit"
    );
    assert_eq!(store.merge_pack(&back).unwrap().new_answers, 4);
}

#[test]
fn what_the_lead_takes_in_all_the_same_is_marked_until_it_comes_as_it_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = home(dir.path());
    let whole = rated(&store, study, 2, 4);
    let mut edited = whole.clone();
    edited.pages[0].context[0].push('!');
    let doubts = store.reader().unwrap().pack_doubts(&edited).unwrap();
    assert!(doubts.edited.unwrap().contains("another text is shown"));
    let taken = |pack| PackReturn {
        pack,
        name: Some("edited.json"),
        terms: MergeTerms {
            take_edited: true,
            ..MergeTerms::default()
        },
    };
    let merged = store.merge_pack(taken(&edited)).unwrap();
    assert_eq!(
        (merged.seal, merged.new_answers),
        (Some(SealState::Edited), 4)
    );
    let marked = |store: &Store| {
        let recorded = store.reader().unwrap().recorded(study, 2).unwrap();
        recorded.iter().filter(|act| act.edited).count()
    };
    assert_eq!(marked(&store), 4);
    // What is shown here stays what the study says.
    let page = store.reader().unwrap().worklist(study, 2).unwrap().pages()[0].clone();
    assert_eq!(page, whole.pages[0]);
    // An edited pack brings no answer of another kind.
    let mut other_kind = edited.clone();
    other_kind.head.kind = StudyKind::AbTest;
    other_kind.acts[0].action = JudgementAction::Answer(Answer::Choice(Choice::Tie));
    let error = store.merge_pack(taken(&other_kind)).unwrap_err();
    assert!(
        error.to_string().contains("is answered by scores"),
        "{error}"
    );
    // Judgements of items that were not sent to this annotator cannot be taken.
    let mut more = edited.clone();
    let mut page = more.pages[0].clone();
    page.item = 77_777;
    more.pages.push(page);
    let mut act = more.acts[0].clone();
    (act.item, act.seq) = (77_777, 5);
    more.acts.push(act);
    let error = store.merge_pack(taken(&more)).unwrap_err();
    assert!(error.to_string().contains("item 77777"), "{error}");

    store.merge_pack(&rated(&store, study, 1, 6)).unwrap();
    store.unblind(study, "Ada", "to see", true).unwrap();
    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    let found = results(&unblinded, &Bootstrap::default());
    assert_eq!(
        found.arrivals.sentences(),
        ["4 judgements came in a pack that was not as it was sent, and count."]
    );
    assert_eq!(store.merge_pack(&whole).unwrap().added, 0);
    assert_eq!(marked(&store), 0);
}

#[test]
fn packs_of_studies_without_a_key_are_taken_as_before_and_said_to_be_unsealed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 6);
    let mut definition = definition(StudyKind::Rating, 2);
    definition.contexts = 3;
    let study = create(&mut store, &definition);
    let back = rated(&store, study, 2, 2);
    assert_eq!(back.seal, None);
    let text = String::from_utf8(back.to_bytes().unwrap()).unwrap();
    assert!(text.contains("\"form\": 1"), "older programs read it");
    let merged = store.merge_pack(&back).unwrap();
    assert_eq!(
        (merged.seal, merged.new_answers),
        (Some(SealState::Unsealed), 2)
    );
    let mut changed = back.clone();
    changed.pages[0].context[0].push('!');
    let error = store.merge_pack(&changed).unwrap_err();
    assert!(
        error.to_string().contains("is not what the study shows"),
        "{error}"
    );
}

#[test]
fn the_key_leaves_with_no_pack() {
    let dir = tempfile::tempdir().unwrap();
    let (store, study) = home(dir.path());
    let reader = store.reader().unwrap();
    let out = dir.path().join("out");
    let written = write_html_packs(&reader, study, None, &out, &english());
    let key: String = "07".repeat(32);
    for pack in written.unwrap() {
        let html = std::fs::read_to_string(&pack.file).unwrap();
        let sealed = reader.pack(study, pack.annotator).unwrap();
        let seal = sealed.seal.clone().unwrap();
        assert!(html.contains(seal.text()) && html.contains("\"forms\":[3,3]"));
        let json = String::from_utf8(sealed.to_bytes().unwrap()).unwrap();
        assert!(!html.contains(&key) && !json.contains(&key));
    }
    assert!(!format!("{:?}", reader.pack(study, 1)).contains(&key));
}

#[test]
fn a_pack_as_html_that_holds_judgements_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = home(dir.path());
    let out = dir.path().join("out");
    // Another store's page, with what was judged there before.
    let back = rated(&store, study, 2, 3);
    std::fs::create_dir_all(&out).unwrap();
    let file = out.join(pack_html_name(&back));
    std::fs::write(&file, pack_html(&english(), &back).unwrap()).unwrap();
    let write = |store: &Store| {
        let reader = store.reader().unwrap();
        write_html_packs(&reader, study, Some(2), &out, &english())
    };
    for refused in [
        write(&store).unwrap_err(),
        exports::write(&file, b"a table").unwrap_err(),
        exports::write_judgements(&file, b"rows").unwrap_err(),
    ] {
        assert!(
            refused.to_string().contains("holds judgements"),
            "{refused}"
        );
    }
    store.merge_pack(&back).unwrap();
    write(&store).unwrap();
    write(&store).unwrap();
    std::fs::write(&file, "<!doctype html><p>mine</p>").unwrap();
    assert!(
        write(&store)
            .unwrap_err()
            .to_string()
            .contains("already exists")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_byte_of_what_was_sent_goes_unnoticed(at in any::<prop::sample::Index>(), to in 32..127u8) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, study) = home(dir.path());
        let back = rated(&store, study, 1, 1);
        let sent = serde_json::to_vec(&(&back.head, &back.pseudonym, &back.pages)).unwrap();
        let mut changed = sent.clone();
        changed[at.index(sent.len())] = to;
        let Ok((head, pseudonym, pages)) = serde_json::from_slice(&changed) else {
            return Ok(());
        };
        let changed = Pack { head, pseudonym, pages, ..back.clone() };
        match changed == back {
            true => prop_assert!(store.merge_pack(&changed).is_ok()),
            false => prop_assert!(store.merge_pack(&changed).is_err()),
        }
    }
}
