//! Until a study is unblinded, nothing an annotator sees, gets, sends or finds in a file or a log says which
//! system wrote what, and nobody reads what another annotator said.

mod judging_support;
mod study_support;
mod window_support;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use eframe::egui::Key;
use egui_kittest::kittest::NodeT;
use emprl::report::tables::{Chosen, TableNumber, gather};
use emprl::store::{Store, StoreError, StoreReader, StudyId};
use emprl::study::StudyError;
use emprl::study::definition::StudyKind;
use emprl::study::export::{csv, jsonl, own_rows};
use emprl::study::judgement::{Answer, Choice, Deed};
use emprl::study::make::{NewStudy, Sealed, make};
use emprl::study::pack::Pack;
use study_support::*;

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

/// What the program logs, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn study(dir: &Path) -> (Store, StudyId) {
    let mut store = store_with_systems(dir, 3, 40);
    let mut definition = definition(StudyKind::AbTest, 3);
    (definition.contexts, definition.attention_checks) = (30, 3);
    definition.adjudicator = Some("Dee".to_string());
    let study = create(&mut store, &definition);
    (store, study)
}

fn judge_all(store: &mut Store, study: StudyId, annotator: u32, choices: [Choice; 3]) {
    let desk = store.reader().unwrap().desk(study, annotator).unwrap();
    for (page, choice) in desk.pages().iter().zip(choices.iter().cycle()) {
        let deeds = [
            Deed::Answer(Answer::Choice(*choice)),
            Deed::Comment("hm".to_string()),
        ];
        store
            .judge(study, annotator, page.item, &deeds, 10)
            .unwrap();
    }
}

/// Everything that can be had of a blind study.
fn all_that_is_read(reader: &StoreReader, study: StudyId) -> BTreeMap<String, Vec<u8>> {
    let mut read = BTreeMap::new();
    let row = reader.study(study).unwrap();
    read.insert(
        "the study's row".to_string(),
        serde_json::to_vec(&row).unwrap(),
    );
    read.insert(
        "its debug form".to_string(),
        format!("{row:?}").into_bytes(),
    );
    let list = reader.list_studies().unwrap();
    read.insert("the list".to_string(), serde_json::to_vec(&list).unwrap());
    for annotator in row.annotators {
        let n = annotator.number;
        let desk = reader.desk(study, n).unwrap();
        let rows = own_rows(&desk);
        let pack = reader.pack(study, n).unwrap();
        read.insert(format!("desk {n}"), serde_json::to_vec(&desk).unwrap());
        read.insert(
            format!("debug form of desk {n}"),
            format!("{desk:?}").into_bytes(),
        );
        read.insert(format!("pack {n}"), pack.to_bytes().unwrap());
        read.insert(format!("name of pack {n}"), pack.file_name().into_bytes());
        read.insert(format!("JSONL {n}"), jsonl(&rows).unwrap().into_bytes());
        read.insert(format!("CSV {n}"), csv(&rows).unwrap());
    }
    read
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
        assert!(store.route_to_adjudicator(study).unwrap() > 0);

        for (at, study) in [(&store, study), (&guest, opened.study)] {
            let reader = at.reader().unwrap();
            for (what, bytes) in all_that_is_read(&reader, study) {
                says_no_system(&what, &bytes);
            }
            let refused = reader.unblinded(study).err().unwrap();
            says_no_system("the refusal", format!("{refused} {refused:?}").as_bytes());
        }
        let refused = guest.unblind(opened.study, "me", "curious").unwrap_err();
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
        let silent = store.unblind(study, by, reason).unwrap_err();
        assert!(matches!(silent, StoreError::NoReason), "{silent}");
    }
    assert!(reader.study(study).unwrap().unblinding.is_none());
    store.unblind(study, "Ada", "the deadline").unwrap();
    let recorded = reader.study(study).unwrap().unblinding.unwrap();
    assert_eq!(
        (recorded.by.as_str(), recorded.reason.as_str()),
        ("Ada", "the deadline")
    );
    assert_eq!(recorded.missing, 3 * 63);
    let known = reader.unblinded(study).unwrap();
    assert_eq!(known.record.definition.systems, SYSTEMS);
    let again = store.unblind(study, "Ben", "again").unwrap_err();
    assert!(matches!(again, StoreError::Unblinded { .. }), "{again}");
    let item = reader.desk(study, 1).unwrap().pages()[0].item;
    let late = store.judge(study, 1, item, &[Deed::Skip], 1).unwrap_err();
    assert!(matches!(late, StoreError::Unblinded { .. }), "{late}");
    assert!(matches!(
        store.undo(study, 1),
        Err(StoreError::Unblinded { .. })
    ));
}

#[test]
fn nobody_reads_what_another_said() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, study) = study(dir.path());
    let reader = store.reader().unwrap();
    let of = |annotator: u32| {
        let desk = serde_json::to_string(&reader.desk(study, annotator).unwrap()).unwrap();
        let pack = reader.pack(study, annotator).unwrap().to_bytes().unwrap();
        (desk, pack)
    };
    let before: Vec<_> = (1..=4).map(of).collect();
    let secret = Deed::Comment("only Ada knows".to_string());
    let item = reader.desk(study, 1).unwrap().pages()[0].item;
    let answer = Deed::Answer(Answer::Choice(Choice::Left));
    store
        .judge(study, 1, item, &[answer.clone(), secret], 10)
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
    let foreign = store.judge(study, 4, item, &[answer], 10).unwrap_err();
    assert!(
        matches!(foreign, StoreError::NotAssigned { annotator: 4, .. }),
        "{foreign}"
    );
    let nobody = store.judge(study, 9, item, &[Deed::Skip], 10).unwrap_err();
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
        let desk = reader.desk(study, annotator).unwrap();
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
    let desk = reader.desk(study, 1).unwrap();
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
    definition.seed = 1;
    let other = made(&store, &definition);
    assert!(first.items != other.items && first.assignments != other.assignments);
    let debug = format!("{first:?}");
    says_no_system("the debug form of a new study", debug.as_bytes());
    assert!(debug.contains("Sealed"));
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
    for assignment in new.assignments.open() {
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
    for item in new.items.open() {
        let same = new
            .items
            .open()
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

/// The same study with the opposite truth: every response is said to be the other system's, and whoever judges
/// sees the same.
fn mirrored(new: &NewStudy) -> NewStudy {
    let mut items = new.items.open().clone();
    items.iter_mut().for_each(|item| item.texts.reverse());
    let mut assignments = new.assignments.open().clone();
    assignments
        .iter_mut()
        .for_each(|one| one.swapped = !one.swapped);
    NewStudy {
        items: Sealed::new(items),
        assignments: Sealed::new(assignments),
        ..new.clone()
    }
}

/// Text without what differs from one moment to the next: long numbers, moments and digests.
fn timeless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_part = |c: char| c.is_ascii_hexdigit() || "TZ:.-".contains(c);
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let moment = word.len() >= 12 && word.chars().any(|c| c.is_ascii_digit());
        out.push_str(if moment { "…" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

/// Everything that can be had of one of two studies, before and after the same is judged in it, with the log.
fn all_there_is(new: &NewStudy, dir: &Path) -> BTreeMap<String, String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let mut found = BTreeMap::new();
    tracing::subscriber::with_default(subscriber, || {
        let mut store = store_with_systems(dir, 3, 40);
        let study = store.create_study(new).unwrap();
        for (what, bytes) in all_that_is_read(&store.reader().unwrap(), study) {
            // Nothing was judged: these are the same to the byte.
            found.insert(
                format!("{what}, before"),
                String::from_utf8_lossy(&bytes).into_owned(),
            );
        }
        use Choice::{Left, Right, Tie};
        judge_all(&mut store, study, 1, [Left, Right, Tie]);
        judge_all(&mut store, study, 2, [Right, Tie, Left]);
        judge_all(&mut store, study, 3, [Tie, Left, Right]);
        let given = store.route_to_adjudicator(study).unwrap();
        found.insert("items of the fourth".to_string(), given.to_string());
        let undone = store.undo(study, 1).unwrap();
        found.insert(
            "an undo".to_string(),
            timeless(format!("{undone:?}").as_bytes()),
        );
        let reader = store.reader().unwrap();
        for (what, bytes) in all_that_is_read(&reader, study) {
            // Sides of the fourth are drawn when items are given to them: on these pages they may differ, and
            // are as good as tossed.
            let tossed = ["desk 4", "debug form of desk 4", "pack 4"].contains(&what.as_str());
            if !tossed {
                found.insert(format!("{what}, after"), timeless(&bytes));
            }
        }
        let chosen = Chosen {
            studies: vec![study],
            ..Chosen::default()
        };
        let table = gather(&reader, TableNumber::AbTest, &chosen).err().unwrap();
        found.insert("the refusal of Table IV".to_string(), table.to_string());
        let refused = reader.unblinded(study).err().unwrap();
        found.insert("the refusal".to_string(), format!("{refused} {refused:?}"));
        let book = reader.case_book().unwrap();
        found.insert(
            "the cases".to_string(),
            serde_json::to_string(&book).unwrap(),
        );
    });
    let log = log.0.lock().unwrap();
    let place = dir.display().to_string();
    found.insert("the log".to_string(), timeless(&log).replace(&place, "DIR"));
    for text in found.values_mut() {
        *text = text.replace(&place, "DIR");
    }
    found
}

#[test]
fn two_studies_of_opposite_truth_cannot_be_told_apart() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spare = tempfile::tempdir().unwrap();
    let store = store_with_systems(spare.path(), 3, 40);
    let mut definition = definition(StudyKind::AbTest, 3);
    (definition.contexts, definition.attention_checks) = (30, 3);
    definition.adjudicator = Some("Dee".to_string());
    let new = made(&store, &definition);
    let opposite = mirrored(&new);
    assert!(new.items != opposite.items && new.assignments != opposite.assignments);
    let (left, right) = (
        all_there_is(&new, one.path()),
        all_there_is(&opposite, other.path()),
    );
    assert!(left.len() > 40 && left.keys().eq(right.keys()));
    for (what, text) in &left {
        assert!(
            *text == right[what],
            "{what} gives the systems away:\n{text}\n{}",
            right[what]
        );
    }
}

/// All that a screen reader, or anything else that looks into the window, is told.
fn told(window: &window_support::Window) -> Vec<String> {
    let nodes = window.root().children_recursive();
    nodes
        .map(|node| format!("{:?}", node.accesskit_node().data()))
        .collect()
}

#[test]
fn the_windows_of_opposite_truths_are_the_same() {
    let spare = tempfile::tempdir().unwrap();
    let store = store_with_systems(spare.path(), 2, 20);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 20;
    let new = made(&store, &definition);
    let seen: Vec<Vec<Vec<String>>> = [new.clone(), mirrored(&new)]
        .iter()
        .map(|new| {
            let dir = tempfile::tempdir().unwrap();
            let mut store = store_with_systems(dir.path(), 2, 20);
            let study = store.create_study(new).unwrap();
            judge_all(&mut store, study, 2, [Choice::Left; 3]);
            let own = judging_support::pages(dir.path(), study, 1);
            let mut window = window_support::open(dir.path());
            window_support::click(&mut window, "Studies");
            window_support::click(&mut window, "Open Study 1, Which response is better?");
            judging_support::begin(&mut window, "A1");
            let mut seen = Vec::new();
            let mut last = None;
            for key in [Key::F, Key::ArrowLeft, Key::ArrowRight, Key::U] {
                if key != Key::F {
                    // What was pressed before brought another page.
                    let page = judging_support::next_page(&mut window, &own, last).unwrap();
                    last = Some(page.item);
                }
                for _ in 0..3 {
                    window.step();
                }
                seen.push(told(&window));
                judging_support::says_none_of(&window, &SYSTEMS);
                // Nothing of another annotator either, who has judged everything.
                judging_support::says_none_of(&window, &["Ben", "A2", "hm"]);
                window.key_press(key);
                window_support::settle(&mut window);
            }
            seen
        })
        .collect();
    assert_eq!(seen[0].len(), 4);
    for (one, other) in seen[0].iter().zip(&seen[1]) {
        assert_eq!(one, other);
    }
}
