//! Packs come back from anywhere, twice, in any order, with the same result; what is foreign or changed is
//! refused, with the reason, and changes nothing.

use crate::study_support::*;
use emprl::metrics::Bootstrap;
use emprl::operations::OperationError;
use emprl::operations::studies::{merge_pack, open_pack, read_pack, receive_pack, write_packs};
use emprl::store::{MergeTerms, PackReturn, Store, StoreError, StudyId};
use emprl::study::arrivals::Late;
use emprl::study::definition::StudyKind;
use emprl::study::export::full_rows;
use emprl::study::judgement::{Answer, Choice, JudgementAction};
use emprl::study::pack::Pack;
use emprl::study::results::results;
use emprl::study::{PackError, StudyError};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

/// The store where a study was made; made anew it is always the same study.
fn home() -> (TempDir, Store, StudyId) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 20);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 12;
    definition.adjudicator = Some("Dee".to_string());
    let study = create(&mut store, &definition);
    (dir, store, study)
}

fn sent(pack: &Pack) -> Pack {
    Pack::from_bytes(&pack.to_bytes().unwrap()).unwrap()
}

fn pack_error(error: StoreError) -> PackError {
    match error {
        StoreError::Study(StudyError::Pack(error)) => error,
        other => panic!("{other}"),
    }
}

/// Judges some items at random, with second thoughts.
fn judge(store: &mut Store, study: StudyId, annotator: u32, random: &mut ChaCha8Rng) {
    let desk = store.reader().unwrap().worklist(study, annotator).unwrap();
    for _ in 0..15 {
        let page = &desk.pages()[random.random_range(0..desk.pages().len())];
        let action = match random.random_range(0..6) {
            0 => JudgementAction::Skip,
            1 => JudgementAction::Flag(random.random()),
            2 => JudgementAction::Comment(format!("comment {}", random.random_range(0..100))),
            side => JudgementAction::Answer(Answer::Choice(match side {
                3 => Choice::Left,
                4 => Choice::Right,
                _ => Choice::Tie,
            })),
        };
        store
            .judge_now(study, annotator, page.item, &[action], 7)
            .unwrap();
        if random.random_range(0..5) == 0 {
            store.undo_now(study, annotator).unwrap();
        }
    }
}

/// Everything that anybody did, and what it means.
fn outcome(store: &mut Store, study: StudyId) -> String {
    store.unblind(study, "Ada", "to compare", true).unwrap();
    let mut unblinded = store.reader().unwrap().unblinded(study).unwrap();
    unblinded.unblinding.wall_ms = 0;
    let found = results(&unblinded, &Bootstrap::default());
    serde_json::to_string(&(&unblinded, found)).unwrap()
}

#[test]
fn merging_in_any_order_and_again_gives_the_same() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (_dir, first, study) = home();
    let mut packs = Vec::new();
    for annotator in 1..=3 {
        let (elsewhere, reader) = (tempfile::tempdir().unwrap(), first.reader().unwrap());
        let mut guest = Store::open(elsewhere.path()).unwrap();
        let opened = guest
            .open_pack(&sent(&reader.pack(study, annotator).unwrap()))
            .unwrap();
        // Sent back while in progress, and when it is done.
        for _ in 0..3 {
            judge(&mut guest, opened.study, opened.annotator, &mut random);
            let back = guest
                .reader()
                .unwrap()
                .pack(opened.study, opened.annotator)
                .unwrap();
            packs.push(sent(&back));
        }
    }
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        let (_dir, mut store, study) = home();
        packs.shuffle(&mut random);
        let twice: Vec<&Pack> = packs.iter().chain(&packs[..4]).collect();
        for (at, pack) in twice.iter().enumerate() {
            let merged = store.merge_pack(*pack).unwrap();
            assert_eq!(merged.added + merged.known, pack.acts.len());
            assert!(at < packs.len() || merged.added == 0, "twice does nothing");
        }
        outcomes.push(outcome(&mut store, study));
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}

#[test]
fn a_pack_is_merged_where_its_study_was_made_and_opened_elsewhere() {
    let (dir, mut store, study) = home();
    let (out, back) = (dir.path().join("out"), dir.path().join("back"));
    let written = write_packs(&store.reader().unwrap(), study, Some(2), &out).unwrap();
    let [pack] = &written[..] else {
        panic!("one annotator has one pack: {written:?}");
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let mut guest = Store::open(elsewhere.path()).unwrap();
    let sent = read_pack(&pack.file).unwrap();
    let opened = receive_pack(&mut guest, &sent, MergeTerms::default()).unwrap();
    assert!(!opened.made_here && opened.pseudonym == "A2");
    let (there, annotator) = (opened.merged.study, opened.merged.annotator);
    let item = guest.reader().unwrap().worklist(there, annotator).unwrap();
    let item = item.pages()[0].item;
    let tie = JudgementAction::Answer(Answer::Choice(Choice::Tie));
    guest.judge_now(there, annotator, item, &[tie], 5).unwrap();
    let written = write_packs(&guest.reader().unwrap(), there, None, &back).unwrap();
    let judged = read_pack(&written[0].file).unwrap();
    let merged = receive_pack(&mut store, &judged, MergeTerms::default()).unwrap();
    assert!(merged.made_here);
    assert_eq!(
        (
            merged.merged.study,
            merged.merged.annotator,
            merged.merged.added
        ),
        (study, 2, 1)
    );
    // Who asks for one of the two by name is told which file is wrong.
    for refused in [
        open_pack(&mut store, &judged).unwrap_err(),
        merge_pack(&mut guest, &judged, MergeTerms::default()).unwrap_err(),
    ] {
        assert!(matches!(refused, OperationError::Pack { .. }), "{refused}");
        assert!(
            refused.to_string().starts_with(&*back.to_string_lossy()),
            "{refused}"
        );
    }
}

#[test]
fn work_begun_at_home_goes_on_elsewhere_and_back() {
    let (_dir, mut store, study) = home();
    let reader = store.reader().unwrap();
    let pages = reader.worklist(study, 1).unwrap().pages().to_vec();
    let tie = JudgementAction::Answer(Answer::Choice(Choice::Tie));
    store
        .judge_now(study, 1, pages[0].item, std::slice::from_ref(&tie), 5)
        .unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut guest = Store::open(elsewhere.path()).unwrap();
    let pack = sent(&reader.pack(study, 1).unwrap());
    let opened = guest.open_pack(&pack).unwrap();
    assert_eq!((opened.added, opened.known), (1, 0));
    let desk = guest
        .reader()
        .unwrap()
        .worklist(opened.study, opened.annotator)
        .unwrap();
    assert_eq!((desk.next(), desk.pages()), (Some(1), &pages[..]));
    guest
        .judge_now(opened.study, opened.annotator, pages[1].item, &[tie], 5)
        .unwrap();
    guest.undo_now(opened.study, opened.annotator).unwrap();
    guest.undo_now(opened.study, opened.annotator).unwrap();
    let again = guest.open_pack(&pack).unwrap();
    assert_eq!(
        (again.study, again.annotator, again.added),
        (opened.study, opened.annotator, 0)
    );
    let back = guest
        .reader()
        .unwrap()
        .pack(opened.study, opened.annotator)
        .unwrap();
    let merged = store.merge_pack(&sent(&back)).unwrap();
    assert_eq!((merged.added, merged.known), (3, 1));
    assert_eq!(reader.worklist(study, 1).unwrap().progress().answered, 0);
    // Two annotators on one machine.
    let second = guest
        .open_pack(&sent(&reader.pack(study, 2).unwrap()))
        .unwrap();
    assert_eq!(second.study, opened.study);
    assert_ne!(second.annotator, opened.annotator);
}

#[test]
fn the_fourths_pack_grows() {
    let (_dir, mut store, study) = home();
    let reader = store.reader().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut guest = Store::open(elsewhere.path()).unwrap();
    // All judge the first six items of the first annotator, then the others, each otherwise.
    let items: Vec<u32> = reader
        .worklist(study, 1)
        .unwrap()
        .pages()
        .iter()
        .map(|p| p.item)
        .collect();
    for (half, wanted) in [(&items[..6], 6), (&items[6..], 12)] {
        for annotator in 1..=3 {
            let desk = reader.worklist(study, annotator).unwrap();
            for page in desk.pages().iter().filter(|page| half.contains(&page.item)) {
                let first_left = whose(texts(page)[0]) == Some(0);
                let choice = match annotator {
                    1 => Choice::Tie,
                    2 if first_left => Choice::Left,
                    2 => Choice::Right,
                    _ if first_left => Choice::Right,
                    _ => Choice::Left,
                };
                let action = JudgementAction::Answer(Answer::Choice(choice));
                store
                    .judge_now(study, annotator, page.item, &[action], 5)
                    .unwrap();
            }
        }
        assert_eq!(store.assign_to_fourth(study, None).unwrap(), 6);
        let opened = guest
            .open_pack(&sent(&reader.pack(study, 4).unwrap()))
            .unwrap();
        let desk = guest
            .reader()
            .unwrap()
            .worklist(opened.study, opened.annotator)
            .unwrap();
        assert_eq!(desk.pages().len(), wanted);
        assert_eq!(desk.pages(), reader.worklist(study, 4).unwrap().pages());
    }
}

#[test]
fn foreign_packs_are_refused_and_change_nothing() {
    let (_dir, mut store, study) = home();
    let own = store.reader().unwrap().pack(study, 1).unwrap();
    let refused = |store: &mut Store, change: &dyn Fn(&mut Pack)| {
        let mut pack = own.clone();
        change(&mut pack);
        // Even under a checksum that is right.
        pack_error(store.merge_pack(&sent(&pack)).unwrap_err())
    };
    let other = refused(&mut store, &|pack| pack.head.uid = "0".repeat(32));
    assert_eq!(other, PackError::ForeignStudy);
    let nobody = refused(&mut store, &|pack| pack.pseudonym = "A9".to_string());
    assert!(matches!(nobody, PackError::ForeignAnnotator { .. }));
    let texts = refused(&mut store, &|pack| pack.pages[2].context[0].push('!'));
    assert_eq!(
        texts,
        PackError::ForeignItem {
            item: own.pages[2].item
        }
    );
    let words = refused(&mut store, &|pack| pack.head.instructions.push('!'));
    assert_eq!(words, PackError::Changed);
    // Another annotator's sides are not these, so their pack under this name is no pack of theirs.
    let of_another = store.reader().unwrap().pack(study, 2).unwrap();
    let stolen = refused(&mut store, &|pack| pack.pages.clone_from(&of_another.pages));
    assert!(matches!(stolen, PackError::ForeignItem { .. }));

    let here = store.open_pack(&own).unwrap_err();
    assert!(matches!(here, StoreError::MadeHere { .. }), "{here}");
    let elsewhere = tempfile::tempdir().unwrap();
    let mut guest = Store::open(elsewhere.path()).unwrap();
    guest.open_pack(&own).unwrap();
    assert_eq!(
        pack_error(guest.merge_pack(&own).unwrap_err()),
        PackError::ForeignStudy
    );
    let mut other = own.clone();
    other.pages[0].context.clear();
    let clash = pack_error(guest.open_pack(&sent(&other)).unwrap_err());
    assert_eq!(
        clash,
        PackError::ForeignItem {
            item: own.pages[0].item
        }
    );
    assert_eq!(store.reader().unwrap().pack(study, 1).unwrap(), own);
    assert_eq!(guest.reader().unwrap().list_studies().unwrap().len(), 1);
}

#[test]
fn what_comes_back_after_the_unblinding_counts_only_if_the_lead_says_so() {
    let (_dir, mut store, study) = home();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut guest = Store::open(elsewhere.path()).unwrap();
    let sent = store.reader().unwrap().pack(study, 3).unwrap();
    let opened = guest.open_pack(&sent).unwrap();
    let page = |at: usize| sent.pages[at].item;
    let tie = JudgementAction::Answer(Answer::Choice(Choice::Tie));
    for at in 0..4 {
        let (there, annotator) = (opened.study, opened.annotator);
        let tie = std::slice::from_ref(&tie);
        guest.judge_now(there, annotator, page(at), tie, 7).unwrap();
    }
    let back = guest.reader().unwrap();
    let back = back.pack(opened.study, opened.annotator).unwrap();
    // The first judgement came in while the study was blind.
    let early = Pack {
        acts: back.acts[..1].to_vec(),
        ..back.clone()
    };
    assert!(!store.merge_pack(&early).unwrap().is_late);
    store.unblind(study, "Ada", "the deadline", true).unwrap();
    assert_eq!(store.reader().unwrap().pack_doubts(&back).unwrap().late, 3);
    let found = |store: &Store| {
        let unblinded = store.reader().unwrap().unblinded(study).unwrap();
        let found = results(&unblinded, &Bootstrap::default());
        let rows = full_rows(&unblinded);
        let own = rows.into_iter().filter(|row| row.annotator == "A3");
        let answered = own.clone().filter(|row| row.choice.is_some()).count();
        let late: Vec<_> = own.filter_map(|row| row.late).collect();
        assert_eq!(found.annotators[2].progress.answered, answered);
        (answered, late, found.arrivals)
    };
    let merged = store.merge_pack(&back).unwrap();
    assert_eq!(
        (merged.added, merged.late_left_out, merged.is_late),
        (3, 3, true)
    );
    let (answered, late, arrivals) = found(&store);
    assert_eq!((answered, late), (1, vec![Late::LeftOut; 3]));
    assert_eq!((arrivals.late_counted, arrivals.late_left_out), (0, 3));
    assert_eq!(
        arrivals.sentences(),
        ["3 judgements came in after the unblinding, and are left out."]
    );
    // They are kept, and merging again changes nothing.
    let kept = store.reader().unwrap().pack(study, 3).unwrap();
    assert!(kept.covers(&back));
    assert_eq!(store.merge_pack(&back).unwrap().added, 0);
    assert_eq!(found(&store).0, 1);
    let counting = PackReturn {
        terms: MergeTerms {
            count_late: true,
            ..MergeTerms::default()
        },
        ..PackReturn::from(&back)
    };
    let merged = store.merge_pack(counting).unwrap();
    assert_eq!((merged.added, merged.late_counted), (0, 3));
    let (answered, late, arrivals) = found(&store);
    assert_eq!((answered, late), (4, vec![Late::Counted; 3]));
    assert_eq!((arrivals.late_counted, arrivals.late_left_out), (3, 0));
    assert_eq!(store.reader().unwrap().pack_doubts(&back).unwrap().late, 0);
}
