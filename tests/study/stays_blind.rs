//! Until a study is unblinded, nothing an annotator sees, gets, sends or finds in a file or a log says which
//! system wrote what, and nobody reads what another annotator said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::blind_support::{Log, all_that_is_read, judge_all};
use crate::study_support::*;
use emprl::store::{Store, StoreError, StudyId};
use emprl::study::StudyError;
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};
use emprl::study::make::{NewStudy, make};
use emprl::study::pack::Pack;

/// What gives a system away, wherever it stands: its name, its file, its place.
fn says_no_system(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for name in SYSTEMS {
        assert!(!text.contains(&name.to_lowercase()), "{what} names {name}");
    }
    for word in [
        "swapped",
        "system",
        "slot",
        "definition",
        "seed",
        "source",
        ".txt",
    ] {
        assert!(
            !text.contains(&format!("\"{word}")),
            "{what} has a field {word}"
        );
    }
}

fn study(dir: &Path) -> (Store, StudyId) {
    let mut store = store_with_systems(dir, 3, 40);
    let mut definition = definition(StudyKind::AbTest, 3);
    (definition.contexts, definition.attention_checks) = (30, 3);
    definition.adjudicator = Some("Dee".to_string());
    definition.repeats = true;
    let study = create(&mut store, &definition);
    (store, study)
}

#[test]
fn nothing_names_a_system_before_unblinding() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tracing::subscriber::with_default(subscriber, || {
        let (mut store, study) = study(dir.path());
        use Choice::{Left, Right, Tie};
        judge_all(&mut store, study, 1, [Left, Right, Tie]);
        judge_all(&mut store, study, 2, [Right, Tie, Left]);
        let pack = store.reader().unwrap().pack(study, 3).unwrap();
        let bytes = pack.to_bytes().unwrap();
        let mut guest = Store::open(elsewhere.path()).unwrap();
        let opened = guest.open_pack(&Pack::from_bytes(&bytes).unwrap()).unwrap();
        judge_all(
            &mut guest,
            opened.study,
            opened.annotator,
            [Tie, Left, Right],
        );
        let back = guest
            .reader()
            .unwrap()
            .pack(opened.study, opened.annotator)
            .unwrap();
        store.merge_pack(&back).unwrap();
        assert!(store.assign_to_fourth(study, None).unwrap() > 0);

        for (at, study) in [(&store, study), (&guest, opened.study)] {
            let reader = at.reader().unwrap();
            for (what, bytes) in all_that_is_read(&reader, study) {
                says_no_system(&what, &bytes);
            }
            let refused = reader.unblinded(study).err().unwrap();
            says_no_system("the refusal", format!("{refused} {refused:?}").as_bytes());
        }
        let refused = guest
            .unblind(opened.study, "me", "curious", true)
            .unwrap_err();
        assert!(
            matches!(refused, StoreError::MadeElsewhere { .. }),
            "{refused}"
        );
    });
    says_no_system("the log", &log.0.lock().unwrap());
    // Not even whoever opens the files of the annotator's store finds anything.
    for file in std::fs::read_dir(elsewhere.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for name in SYSTEMS {
                assert!(!text.contains(name), "{} names {name}", path.display());
            }
            for person in ["Ada", "Ben", "Dee"] {
                assert!(!text.contains(person), "packs hold pseudonyms only");
            }
        }
    }
}

#[test]
fn names_are_known_only_by_the_recorded_act() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = study(dir.path());
    let reader = store.reader().unwrap();
    let blind = reader.unblinded(study).err().unwrap();
    assert!(matches!(blind, StoreError::StillBlind { .. }), "{blind}");
    for (by, reason) in [("", "done"), ("Ada", " ")] {
        let silent = store.unblind(study, by, reason, true).unwrap_err();
        assert!(matches!(silent, StoreError::NoReason), "{silent}");
    }
    assert!(reader.study(study).unwrap().unblinding.is_none());
    store.unblind(study, "Ada", "the deadline", true).unwrap();
    let recorded = reader.study(study).unwrap().unblinding.unwrap();
    assert_eq!(
        (recorded.by.as_str(), recorded.reason.as_str()),
        ("Ada", "the deadline")
    );
    assert_eq!(recorded.missing, 3 * 63);
    let known = reader.unblinded(study).unwrap();
    assert_eq!(known.record.definition.systems, SYSTEMS);
    let again = store.unblind(study, "Ben", "again", true).unwrap_err();
    assert!(
        matches!(again, StoreError::AlreadyUnblinded { .. }),
        "{again}"
    );
    let item = reader.worklist(study, 1).unwrap().pages()[0].item;
    let late = store
        .judge_now(study, 1, item, &[JudgementAction::Skip], 1)
        .unwrap_err();
    assert!(matches!(late, StoreError::Unblinded { .. }), "{late}");
    assert!(matches!(
        store.undo_now(study, 1),
        Err(StoreError::Unblinded { .. })
    ));
}

#[test]
fn nobody_reads_what_another_said() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = study(dir.path());
    let reader = store.reader().unwrap();
    let of = |annotator: u32| {
        let desk = serde_json::to_string(&reader.worklist(study, annotator).unwrap()).unwrap();
        let pack = reader.pack(study, annotator).unwrap().to_bytes().unwrap();
        (desk, pack)
    };
    let before: Vec<_> = (1..=4).map(of).collect();
    let secret = JudgementAction::Comment("only Ada knows".to_string());
    let item = reader.worklist(study, 1).unwrap().pages()[0].item;
    let answer = JudgementAction::Answer(Answer::Choice(Choice::Left));
    store
        .judge_now(study, 1, item, &[answer.clone(), secret], 10)
        .unwrap();
    for annotator in 2..=4 {
        assert!(
            of(annotator) == before[annotator as usize - 1],
            "annotator {annotator}"
        );
    }
    assert!(of(1).0.contains("only Ada knows"));
    let row = serde_json::to_string(&reader.study(study).unwrap()).unwrap();
    assert!(
        !row.contains("only Ada knows") && !row.contains("left"),
        "counts only"
    );
    // Nobody judges for another, or an item that is not theirs.
    let foreign = store.judge_now(study, 4, item, &[answer], 10).unwrap_err();
    assert!(
        matches!(foreign, StoreError::NotAssigned { annotator: 4, .. }),
        "{foreign}"
    );
    let nobody = store
        .judge_now(study, 9, item, &[JudgementAction::Skip], 10)
        .unwrap_err();
    assert!(
        matches!(nobody, StoreError::NoAnnotator { annotator: 9, .. }),
        "{nobody}"
    );
}

#[test]
fn numbers_orders_and_sides_tell_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, study) = study(dir.path());
    let reader = store.reader().unwrap();
    let mut orders = Vec::new();
    let mut sides_of_items: BTreeMap<u32, Vec<bool>> = BTreeMap::new();
    for annotator in 1..=3 {
        let desk = reader.worklist(study, annotator).unwrap();
        assert_eq!(desk.pages().len(), 63);
        orders.push(
            desk.pages()
                .iter()
                .map(|page| page.item)
                .collect::<Vec<_>>(),
        );
        for other in [1, 2] {
            // Model A against this other system: as often on the left as on the right.
            let mut left = Vec::new();
            for page in desk.pages() {
                let shown: Vec<Option<usize>> = texts(page).into_iter().map(whose).collect();
                if shown.contains(&Some(other)) {
                    assert!(shown.contains(&Some(0)));
                    left.push(shown[0] == Some(0));
                    sides_of_items
                        .entry(page.item)
                        .or_default()
                        .push(shown[0] == Some(0));
                }
            }
            assert_eq!(
                (left.len(), left.iter().filter(|left| **left).count()),
                (30, 15)
            );
        }
    }
    assert!(
        orders[0] != orders[1] && orders[1] != orders[2],
        "an order of one's own"
    );
    let mut numbers = orders[0].clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=63).collect::<Vec<u32>>());
    let differ = sides_of_items
        .values()
        .filter(|s| s.contains(&true) && s.contains(&false));
    assert!(differ.count() > 30, "sides of one's own");
    // By number, pairs of systems come in no runs.
    let desk = reader.worklist(study, 1).unwrap();
    let mut by_number: Vec<_> = desk.pages().iter().collect();
    by_number.sort_by_key(|page| page.item);
    let others: Vec<bool> = by_number
        .iter()
        .map(|page| texts(page).into_iter().any(|text| whose(text) == Some(2)))
        .collect();
    let changes = others.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((18..45).contains(&changes), "{changes}");
}

#[test]
fn the_same_seed_makes_the_same_study_and_another_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_systems(dir.path(), 2, 60);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 20;
    let first = made(&store, &definition);
    let mut candidates = store
        .reader()
        .unwrap()
        .candidates(&definition.systems)
        .unwrap();
    candidates.reverse();
    let again = make(&definition, &candidates, 1_700_000_000_000, 42).unwrap();
    assert!(first.items == again.items && first.assignments == again.assignments);
    assert_eq!(first.head.uid, again.head.uid);
    let later = make(&definition, &candidates, 1_700_000_000_000, 43).unwrap();
    assert_ne!(first.head.uid, later.head.uid);
    // The contexts are the seed's; whoever guesses it knows neither numbers nor sides.
    let contexts = |new: &NewStudy| {
        let keys = new.items.reveal().iter().map(|item| item.context.clone());
        keys.collect::<BTreeSet<_>>()
    };
    assert_eq!(contexts(&first), contexts(&later));
    assert!(first.items != later.items && first.assignments != later.assignments);
    let side = |new: &NewStudy| {
        let items = new.items.reveal();
        let sides = new.assignments.reveal().iter().map(|one| {
            let item = items.iter().find(|item| item.number == one.item).unwrap();
            ((one.annotator, item.context.clone()), one.swapped)
        });
        sides.collect::<BTreeMap<_, _>>()
    };
    let (sides, others) = (side(&first), side(&later));
    let same = sides
        .iter()
        .filter(|(at, swapped)| others[*at] == **swapped);
    let same = same.count();
    assert!((15..45).contains(&same), "{same} of {} sides", sides.len());
    definition.seed = 1;
    let other = made(&store, &definition);
    assert!(first.items != other.items && first.assignments != other.assignments);
    let debug = format!("{first:?}");
    says_no_system("the debug form of a new study", debug.as_bytes());
    assert!(debug.contains("Blinded"));
}

#[test]
fn annotators_share_contexts_evenly() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_systems(dir.path(), 2, 60);
    let mut definition = definition(StudyKind::Rating, 2);
    definition.contexts = 50;
    definition.annotators = ["a", "b", "c", "d", "e"].map(str::to_string).to_vec();
    let new = made(&store, &definition);
    let mut of: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut by: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for assignment in new.assignments.reveal() {
        of.entry(assignment.annotator)
            .or_default()
            .push(assignment.item);
        by.entry(assignment.item)
            .or_default()
            .push(assignment.annotator);
    }
    assert!(of.values().all(|items| items.len() == 60), "{of:?}");
    assert!(by.values().all(|people| people.len() == 3));
    // The same three judge both systems on a context.
    for item in new.items.reveal() {
        let same = new
            .items
            .reveal()
            .iter()
            .filter(|other| other.context == item.context);
        assert!(same.clone().count() == 2);
        assert!(
            same.into_iter()
                .all(|other| by[&other.number] == by[&item.number])
        );
    }
}

#[test]
fn a_study_that_cannot_be_made_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with_systems(dir.path(), 2, 10);
    let candidates = |systems: &[String]| store.reader().unwrap().candidates(systems);
    let sound = definition(StudyKind::AbTest, 2);
    let few = make(&sound, &candidates(&sound.systems).unwrap(), 0, 0)
        .err()
        .unwrap();
    assert!(
        few.to_string()
            .contains("only 10 contexts have a response by every system"),
        "{few}"
    );
    let mut checks = sound.clone();
    (checks.contexts, checks.attention_checks) = (9, 2);
    let few = make(&checks, &candidates(&sound.systems).unwrap(), 0, 0)
        .err()
        .unwrap();
    assert!(
        matches!(
            few,
            StudyError::TooFew {
                found: 1,
                wanted: 2,
                ..
            }
        ),
        "{few}"
    );
    let unknown = candidates(&["Nobody".to_string()]).err().unwrap();
    assert!(matches!(unknown, StoreError::NoSystem { .. }), "{unknown}");
}
