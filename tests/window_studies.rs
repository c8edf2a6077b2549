//! Whole studies in the window, by keyboard: made, judged, resolved, unblinded, put into tables; and nothing on
//! screen gives a system away before that.

mod study_support;
mod window_support;

use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::Key;
use emprl::metrics::Bootstrap;
use emprl::store::{StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice};
use emprl::study::results::{Found, results};
use serde_json::Value;
use study_support::{MARKS, SYSTEMS, create, definition, store_with_systems};
use window_support::{Window, click, expect, find, labels, open, settle, shows, wait_for};

fn fixture() -> Value {
    let text = include_str!("fixtures/study_whole.json");
    serde_json::from_str::<Value>(text).unwrap()["ab"].take()
}

/// The letter at a place of a list of strings.
fn letter(list: &Value, at: usize, which: usize) -> char {
    list[at].as_str().unwrap().chars().nth(which).unwrap()
}

/// Types into the field of this name.
fn fill(window: &mut Window, name: &str, text: &str) {
    find(window, name).focus();
    window.run_ok();
    find(window, name).type_text(text);
    settle(window);
}

fn says_no_system(window: &Window) {
    let text = labels(window).join("\n").to_lowercase();
    for name in SYSTEMS {
        assert!(!text.contains(&name.to_lowercase()), "{text}");
    }
}

/// What an annotator sees of an item: the number of its context, and which system stands first, as only a
/// test can know.
struct Item {
    number: usize,
    first_left: bool,
}

fn item(window: &Window) -> Option<Item> {
    let labels = labels(window);
    let context = labels
        .iter()
        .find(|label| label.contains("happened, number"))?;
    let digits: String = context.chars().filter(char::is_ascii_digit).collect();
    let left = labels
        .iter()
        .find(|label| label.starts_with("Response 1: "))?;
    Some(Item {
        number: digits.parse().ok()?,
        first_left: left.contains(MARKS[0]),
    })
}

/// Runs frames until another item is in view than the one of this number, or none.
fn next_item(window: &mut Window, before: Option<usize>) -> Option<Item> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        window.step();
        let now = item(window);
        if now.as_ref().map(|item| item.number) != before
            && (now.is_some() || shows(window, "Nothing is left to judge"))
        {
            return now;
        }
        assert!(
            Instant::now() < until,
            "no other item came; on screen: {:?}",
            labels(window)
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn key(vote: char, item: &Item) -> Key {
    match (vote, item.first_left) {
        ('t', _) => Key::ArrowDown,
        ('-', _) => Key::S,
        ('w', true) | ('l', false) => Key::ArrowLeft,
        _ => Key::ArrowRight,
    }
}

/// Judges everything as this annotator, by keyboard. Gives how many items there were.
fn judge(window: &mut Window, who: &str, vote: impl Fn(usize) -> char) -> usize {
    click(window, &format!("Judge as {who}"));
    wait_for(window, "Begin", 10);
    says_no_system(window);
    window.key_press(Key::Enter);
    let mut count = 0;
    let mut last = None;
    let mut skipped = Vec::new();
    while let Some(item) = next_item(window, last) {
        if skipped.contains(&item.number) {
            break;
        }
        says_no_system(window);
        let vote = vote(item.number);
        if vote == '-' {
            skipped.push(item.number);
        }
        window.key_press(key(vote, &item));
        last = Some(item.number);
        count += 1;
    }
    settle(window);
    if shows(window, "Nothing is left to judge") {
        click(window, "Back to studies");
    } else {
        window.key_press(Key::Escape);
        settle(window);
    }
    expect(window, "Judge as");
    count
}

#[test]
fn a_whole_study_by_keyboard() {
    let expected = fixture();
    let dir = tempfile::tempdir().unwrap();
    drop(store_with_systems(dir.path(), 2, 100));
    let mut window = open(dir.path());
    click(&mut window, "Studies");
    click(&mut window, "New study");
    click(&mut window, SYSTEMS[0]);
    click(&mut window, SYSTEMS[1]);
    expect(&mut window, "100 items, 20 % ties expected");
    click(&mut window, "Make study");
    expect(&mut window, "fewer annotators than judge each item");
    fill(&mut window, "Annotators", "Ada, Ben, Cem");
    expect(
        &mut window,
        "100 items for each annotator, 300 judgements in all",
    );
    click(&mut window, "Make study");
    expect(&mut window, "Study 1 is made.");
    says_no_system(&window);

    for (at, who) in ["A1", "A2", "A3"].into_iter().enumerate() {
        if !shows(&window, "Judge as A1") {
            click(&mut window, "Open Study 1, Which response is better?");
        }
        let count = judge(&mut window, who, |number| {
            letter(&expected["votes"], number, at)
        });
        assert_eq!(count, 100);
        expect(&mut window, "100 of 100");
    }
    fill(&mut window, "Fourth annotator", "Dee");
    click(&mut window, "Give split items to the fourth");
    expect(&mut window, "The fourth annotator has 6 more items");
    let count = judge(&mut window, "A4", |number| {
        letter(&expected["fourth"], number, 0)
    });
    assert_eq!(count, expected["split"].as_u64().unwrap() as usize);
    says_no_system(&window);

    click(&mut window, "Unblind…");
    fill(&mut window, "Who unblinds", "Ada");
    click(&mut window, "Unblind study");
    expect(&mut window, "Study 1 is unblinded");
    for label in [
        "Qoxmodel vs Zyvbaseline",
        "50.0",
        "23.0",
        "24.0",
        "0.346 over 100 items",
    ] {
        expect(&mut window, label);
    }
    same_as_computed_elsewhere(dir.path(), &expected);
    click(&mut window, "Export all judgements");
    expect(&mut window, "study-1-judgements.csv");
    assert!(dir.path().join("exports/study-1-record.json").is_file());

    click(&mut window, "Tables");
    click(&mut window, "Table IV");
    click(&mut window, "Which response is better? #1");
    expect(&mut window, "Qoxmodel vs Zyvbaseline");
    expect(&mut window, "EmpRL vs ChatGPT");
    expect(&mut window, "[40.38, 59.62]");
    click(&mut window, "Save files");
    expect(&mut window, "table-4.tex");
    for ending in ["tex", "md", "csv"] {
        let text =
            std::fs::read_to_string(dir.path().join(format!("tables/table-4.{ending}"))).unwrap();
        assert!(text.contains("Qoxmodel vs Zyvbaseline"), "{text}");
    }
}

/// The votes of the fixture give what SciPy and scikit-learn make of them.
fn same_as_computed_elsewhere(dir: &Path, expected: &Value) {
    let unblinded = StoreReader::open(dir)
        .unwrap()
        .unblinded(StudyId(1))
        .unwrap();
    let results = results(&unblinded, &Bootstrap::default());
    let Found::AbTest(found) = &results.found else {
        panic!("an A/B test");
    };
    let pair = &found.pairs[0];
    for (share, name) in [
        (pair.win, "win"),
        (pair.lose, "lose"),
        (pair.tie, "tie"),
        (pair.unresolved, "unresolved"),
        (pair.preference, "preference"),
    ] {
        let (share, expected) = (share.unwrap(), &expected[name]);
        assert_eq!(
            (share.count, share.of),
            (expected[0].as_u64().unwrap(), expected[1].as_u64().unwrap())
        );
        assert!(
            (share.low - expected[2].as_f64().unwrap()).abs() < 1e-10,
            "{name}"
        );
        assert!(
            (share.high - expected[3].as_f64().unwrap()).abs() < 1e-10,
            "{name}"
        );
    }
    let near = |found: f64, name: &str| {
        assert!(
            (found - expected[name].as_f64().unwrap()).abs() < 1e-12,
            "{name}: {found}"
        );
    };
    near(pair.p.unwrap(), "p");
    near(found.agreement.fleiss_kappa.unwrap(), "fleiss");
    near(found.agreement.krippendorff_alpha.unwrap(), "alpha");
    assert_eq!(pair.by_fourth, expected["by_fourth"].as_u64().unwrap());
    for (pair, kappa) in found
        .agreement
        .pairs
        .iter()
        .zip(expected["cohen"].as_array().unwrap())
    {
        assert!((pair.kappa.unwrap() - kappa.as_f64().unwrap()).abs() < 1e-12);
    }
}

/// A store with a study of these annotators, opened in a window on that study.
fn study(dir: &Path, kind: StudyKind, contexts: usize) -> Window {
    let mut store = store_with_systems(dir, 2, contexts);
    let mut definition = definition(kind, 2);
    definition.contexts = contexts;
    create(&mut store, &definition);
    drop(store);
    at_study(dir)
}

fn at_study(dir: &Path) -> Window {
    let mut window = open(dir);
    click(&mut window, "Studies");
    wait_for(&mut window, "Open Study 1", 10);
    let label = labels(&window)
        .into_iter()
        .find(|label| label.starts_with("Open Study 1"));
    click(&mut window, &label.unwrap());
    expect(&mut window, "Judge as A1");
    window
}

fn begin(window: &mut Window, who: &str) {
    click(window, &format!("Judge as {who}"));
    wait_for(window, "Begin", 10);
    window.key_press(Key::Enter);
    settle(window);
}

#[test]
fn two_annotators_judge_at_once_in_two_windows() {
    let dir = tempfile::tempdir().unwrap();
    let first = study(dir.path(), StudyKind::AbTest, 12);
    let second = at_study(dir.path());
    let mut windows = [
        (first, "A1", Key::ArrowLeft),
        (second, "A2", Key::ArrowRight),
    ];
    for (window, who, _) in &mut windows {
        begin(window, who);
    }
    let mut last = [None, None];
    for _ in 0..12 {
        for ((window, _, key), last) in windows.iter_mut().zip(&mut last) {
            let item = next_item(window, *last).unwrap();
            window.key_press(*key);
            *last = Some(item.number);
            window.step();
        }
    }
    for ((window, ..), last) in windows.iter_mut().zip(last) {
        assert!(next_item(window, last).is_none());
    }
    let reader = StoreReader::open(dir.path()).unwrap();
    for (annotator, choice) in [(1, Choice::Left), (2, Choice::Right)] {
        let desk = reader.desk(StudyId(1), annotator).unwrap();
        assert_eq!(desk.progress().answered, 12);
        let all = |page| desk.state(page).answer == Some(Answer::Choice(choice));
        assert!(desk.pages().iter().all(all));
    }
}

#[test]
fn judging_can_be_undone_skipped_flagged_commented_and_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 3);
    begin(&mut window, "A1");
    let first = next_item(&mut window, None).unwrap().number;
    window.key_press(Key::F);
    expect(&mut window, "Flagged");
    window.key_press(Key::C);
    settle(&mut window);
    find(&window, "Comment").type_text("sold: s, f and u");
    settle(&mut window);
    window.key_press(Key::Enter);
    expect(&mut window, "Comment: sold: s, f and u");
    assert_eq!(
        item(&window).unwrap().number,
        first,
        "flags and comments keep the item"
    );
    window.key_press(Key::ArrowDown);
    let second = next_item(&mut window, Some(first)).unwrap().number;
    window.key_press(Key::U);
    assert_eq!(next_item(&mut window, Some(second)).unwrap().number, first);
    expect(&mut window, "Comment: sold: s, f and u");
    window.key_press(Key::S);
    assert_eq!(next_item(&mut window, Some(first)).unwrap().number, second);
    expect(&mut window, "1 skipped");
    window.key_press(Key::ArrowLeft);
    let third = next_item(&mut window, Some(second)).unwrap().number;
    window.key_press(Key::I);
    expect(&mut window, "Consider how far each expresses understanding");
    window.key_press(Key::ArrowLeft);
    settle(&mut window);
    window.key_press(Key::Escape);
    settle(&mut window);
    assert_eq!(
        item(&window).unwrap().number,
        third,
        "no answer while the instructions are read"
    );
    window.key_press(Key::Escape);
    expect(&mut window, "1 of 3, 1 skipped, 1 flagged");

    // The program ends and is opened again.
    drop(window);
    let mut window = at_study(dir.path());
    click(&mut window, "Judge as A1");
    assert_eq!(
        next_item(&mut window, None).unwrap().number,
        third,
        "where one stopped"
    );
    window.key_press(Key::ArrowRight);
    assert_eq!(
        next_item(&mut window, Some(third)).unwrap().number,
        first,
        "the skipped one comes last"
    );
    // The mouse does what the keys do.
    click(&mut window, "Tie");
    assert!(next_item(&mut window, Some(first)).is_none());
    window.key_press(Key::U);
    assert_eq!(next_item(&mut window, None).unwrap().number, first);
    says_no_system(&window);
}

#[test]
fn a_rating_is_three_digits() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::Rating, 1);
    begin(&mut window, "A2");
    for key in [Key::Num4, Key::Num3, Key::U, Key::Num2] {
        window.key_press(key);
        settle(&mut window);
    }
    expect(&mut window, "Empathy 4, good");
    expect(&mut window, "0 of 2");
    window.key_press(Key::Num5);
    expect(&mut window, "1 of 2");
    // A point can be clicked too, once the ones before it are given.
    for point in [
        "Empathy 1, poor",
        "Relevance 1, poor",
        "Fluency 3, moderate",
    ] {
        click(&mut window, point);
    }
    expect(&mut window, "Nothing is left to judge");
    let desk = StoreReader::open(dir.path())
        .unwrap()
        .desk(StudyId(1), 2)
        .unwrap();
    let points: Vec<[u8; 3]> = desk
        .pages()
        .iter()
        .map(|page| match desk.state(page).answer {
            Some(Answer::Rating(r)) => {
                [r.empathy.points(), r.relevance.points(), r.fluency.points()]
            }
            _ => panic!("a rating"),
        })
        .collect();
    assert_eq!(points, [[4, 2, 5], [1, 1, 3]]);
}

#[test]
fn an_answer_that_cannot_be_kept_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 2);
    begin(&mut window, "A1");
    let first = next_item(&mut window, None).unwrap().number;
    let mut other = emprl::store::Store::open(dir.path()).unwrap();
    other.unblind(StudyId(1), "Ada", "too early").unwrap();
    window.key_press(Key::ArrowLeft);
    expect(&mut window, "Not recorded");
    assert_eq!(item(&window).unwrap().number, first);
    says_no_system(&window);
}

#[test]
fn packs_go_out_and_come_back_in_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 2);
    click(&mut window, "Pack A2");
    expect(&mut window, "Written to");
    let sent = std::fs::read_dir(dir.path().join("packs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut there = open(elsewhere.path());
    click(&mut there, "Studies");
    fill(&mut there, "Path of a pack", &sent.display().to_string());
    click(&mut there, "Take in pack");
    expect(&mut there, "Study 1 can be judged here by A2");
    click(&mut there, "Open Study 1, Which response is better?");
    assert_eq!(judge(&mut there, "A2", |_| 't'), 2);
    click(&mut there, "Write all packs");
    expect(&mut there, "Written to");
    let back = elsewhere
        .path()
        .join("packs")
        .join(sent.file_name().unwrap());
    fill(&mut window, "Path of a pack", &back.display().to_string());
    click(&mut window, "Take in pack");
    expect(&mut window, "A2 merged into study 1: 2 judgements were new");
    expect(&mut window, "2 of 2");
    fill(&mut window, "Path of a pack", "nowhere.json");
    click(&mut window, "Take in pack");
    expect(&mut window, "nowhere.json");
    expect(&mut window, "It was not done");
}

#[test]
fn cases_are_found_pinned_and_put_into_table_six() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");
    drop(store_with_systems(dir.path(), 3, 30));
    click(&mut window, "Look again");
    expect(&mut window, "30 cases");
    expect(&mut window, "I indeed see, about 0.");
    expect(&mut window, "Situation: Situation 0.");
    fill(&mut window, "Find cases", "number 17 PERHAPS");
    expect(&mut window, "1 of 30 cases");
    click(&mut window, "Case 18: Oh?");
    expect(&mut window, "I certainly see, about 17.");
    click(&mut window, "Show Wuqsystem");
    assert!(!shows(&window, "I certainly see, about 17."));
    click(&mut window, "Pin");
    fill(&mut window, "Note of the pin", "as in the paper");
    find(&window, "Find cases").focus();
    settle(&mut window);
    expect(&mut window, "Table VI of 1 pinned case");
    click(&mut window, "Table VI of 1 pinned case");
    expect(&mut window, "Case 1");
    expect(&mut window, "as in the paper");
    expect(&mut window, "I certainly see, about 17.");
    click(&mut window, "Save files");
    expect(&mut window, "table-6.tex");
    let text = std::fs::read_to_string(dir.path().join("tables/table-6.md")).unwrap();
    assert!(text.contains("as in the paper"), "{text}");
}

#[test]
fn a_systems_responses_are_taken_in_in_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..3)
        .map(|at| {
            let context = format!("Number {at}.");
            serde_json::json!({"conv_id": format!("c{at}"), "context": [context], "response": "Oh."}).to_string()
        })
        .collect();
    let contexts = dir.path().join("contexts.jsonl");
    std::fs::write(&contexts, rows.join("\n")).unwrap();
    let file = dir.path().join("answers.txt");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");
    fill(
        &mut window,
        "File of responses",
        &file.display().to_string(),
    );
    fill(&mut window, "Name of the system", "Qoxmodel");
    click(&mut window, "Take in responses");
    expect(&mut window, "there are no contexts to align with");
    fill(
        &mut window,
        "File of contexts",
        &contexts.display().to_string(),
    );
    click(&mut window, "Take in responses");
    expect(&mut window, "2 responses where there are 3 contexts");
    std::fs::write(&file, "One.\n\nThree.\n").unwrap();
    click(&mut window, "Take in responses");
    expect(
        &mut window,
        "Qoxmodel: 3 responses to 3 contexts. line 2: the response to context 2 is empty.",
    );
    expect(&mut window, "3 cases");
    click(&mut window, "Add system");
    expect(&mut window, "Take in responses");
    click(&mut window, "Cancel");
    assert!(!shows(&window, "File of contexts"));
}

#[test]
fn what_a_blind_study_shows_cannot_be_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 10);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    let study = create(&mut store, &definition);
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "6 cases");
    expect(&mut window, "4 withheld while blind");
    store.unblind(study, "Ada", "done").unwrap();
    click(&mut window, "Case study");
    expect(&mut window, "10 cases");
}
