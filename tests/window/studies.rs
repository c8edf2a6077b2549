//! Studies in the window, by keyboard: judged alone and side by side, undone, skipped, taken up again, sent and
//! merged; cases found, pinned and put into a table.

use std::path::Path;

use crate::judging_support::{begin, fill, in_view, judge, next_page, pages, says_none_of};
use crate::study_support::{SYSTEMS, create, definition, made, store_with_systems};
use crate::window_support::{
    Window, click, expect, find, labels, open, open_as, open_pack, press, settle, shows, wait_for,
};
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use emprl::operations::studies::write_packs;
use emprl::store::{StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice};
use emprl::study::make::{Blinded, NewStudy};
use emprl::study::page::Page;

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
    into_study(open(dir))
}

fn into_study(mut window: Window) -> Window {
    click(&mut window, "Studies");
    wait_for(&mut window, "Open Study 1", 10);
    let label = labels(&window)
        .into_iter()
        .find(|label| label.starts_with("Open Study 1"));
    click(&mut window, &label.unwrap());
    expect(&mut window, "Judge as A1");
    window
}

#[test]
fn a_pack_that_the_program_is_started_with_is_opened_to_be_judged() {
    let [home, away, packs] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut store = store_with_systems(home.path(), 2, 4);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    let study = create(&mut store, &definition);
    let written = write_packs(&store.reader().unwrap(), study, Some(2), packs.path()).unwrap();
    let mut window = open_pack(away.path(), &written[0].file);
    wait_for(&mut window, "Open Study 1", 10);
    let reader = StoreReader::open(away.path()).unwrap();
    assert_eq!(reader.study(StudyId(1)).unwrap().annotators.len(), 1);
}

#[test]
fn two_annotators_judge_at_once_in_two_windows() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 20);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 20;
    definition.annotators = ["Ada", "Ben", "Cem", "Dee", "Eve"]
        .map(str::to_string)
        .to_vec();
    create(&mut store, &definition);
    drop(store);
    let mut seats = [(1, Key::ArrowLeft), (2, Key::ArrowRight)].map(|(number, key)| {
        let mut window = at_study(dir.path());
        begin(&mut window, &format!("A{number}"));
        let own = pages(dir.path(), StudyId(1), number);
        Seat::new(window, own, key)
    });
    let others: Vec<Vec<String>> = [(0, 1), (1, 0)]
        .map(|(own, other)| seats[other].contexts_not_of(&seats[own]))
        .to_vec();
    assert!(others.iter().all(|contexts| !contexts.is_empty()));
    let share = seats[0].own.len();
    assert_eq!(seats[1].own.len(), share);
    for turn in 0..share {
        // One frame each in turn: both have an answer under way at the same time.
        for (seat, others) in seats.iter_mut().zip(&others) {
            seat.see(turn, others);
        }
        if turn == 3 {
            // Undoing in one window takes nothing from the other.
            seats[0].window.key_press(Key::U);
            let before = seats[0].seen[turn - 1];
            let again = next_page(
                &mut seats[0].window,
                &seats[0].own,
                Some(seats[0].seen[turn]),
            );
            assert_eq!(again.unwrap().item, before);
            seats[0].window.key_press(Key::ArrowLeft);
            let back = next_page(&mut seats[0].window, &seats[0].own, Some(before));
            assert_eq!(back.unwrap().item, seats[0].seen[turn]);
            expect(&mut seats[1].window, &format!("{turn} of {share}"));
        }
        for seat in &mut seats {
            seat.window.key_press(seat.key);
            seat.window.step();
        }
    }
    for seat in &mut seats {
        let last = seat.seen.last().copied();
        assert!(next_page(&mut seat.window, &seat.own, last).is_none());
    }
    let reader = StoreReader::open(dir.path()).unwrap();
    for (annotator, choice) in [(1, Choice::Left), (2, Choice::Right)] {
        let desk = reader.worklist(StudyId(1), annotator).unwrap();
        assert_eq!(desk.progress().answered, share);
        let all = |page| desk.state(page).answer == Some(Answer::Choice(choice));
        assert!(desk.pages().iter().all(all));
    }
    let acts = |annotator| reader.pack(StudyId(1), annotator).unwrap().acts.len();
    assert_eq!((acts(1), acts(2), acts(3)), (share + 2, share, 0));
}

/// An annotator at a window of their own.
struct Seat {
    window: Window,
    own: Vec<Page>,
    key: Key,
    seen: Vec<u32>,
}

impl Seat {
    fn new(window: Window, own: Vec<Page>, key: Key) -> Seat {
        Seat {
            window,
            own,
            key,
            seen: Vec::new(),
        }
    }

    /// What this annotator reads and the other does not.
    fn contexts_not_of(&self, other: &Seat) -> Vec<String> {
        let theirs = |context| other.own.iter().any(|page| &page.context[0] == context);
        let contexts = self.own.iter().map(|page| &page.context[0]);
        contexts.filter(|one| !theirs(*one)).cloned().collect()
    }

    /// The next page is one's own, with one's own progress.
    fn see(&mut self, turn: usize, others: &[String]) {
        let last = self.seen.last().copied();
        let page = next_page(&mut self.window, &self.own, last).unwrap();
        assert_eq!(page.item, self.own[turn].item, "in one's own order");
        self.seen.push(page.item);
        expect(&mut self.window, &format!("{turn} of {}", self.own.len()));
        let labels = labels(&self.window);
        for other in others {
            assert!(!labels.contains(other), "\"{other}\" is the other's item");
        }
    }
}

#[test]
fn judging_can_be_undone_skipped_flagged_commented_and_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 3);
    begin(&mut window, "A1");
    let own = pages(dir.path(), StudyId(1), 1);
    let first = next_page(&mut window, &own, None).unwrap().item;
    window.key_press(Key::F);
    expect(&mut window, "Flagged");
    press(&mut window, Key::C);
    find(&window, "Comment").type_text("sold: s, f and u");
    settle(&mut window);
    window.key_press(Key::Enter);
    expect(&mut window, "Comment: sold: s, f and u");
    assert_eq!(
        in_view(&window, &own).unwrap().item,
        first,
        "flags and comments keep the item"
    );
    window.key_press(Key::ArrowDown);
    let second = next_page(&mut window, &own, Some(first)).unwrap().item;
    window.key_press(Key::U);
    assert_eq!(
        next_page(&mut window, &own, Some(second)).unwrap().item,
        first
    );
    expect(&mut window, "Comment: sold: s, f and u");
    window.key_press(Key::S);
    assert_eq!(
        next_page(&mut window, &own, Some(first)).unwrap().item,
        second
    );
    expect(&mut window, "1 skipped");
    window.key_press(Key::ArrowLeft);
    let third = next_page(&mut window, &own, Some(second)).unwrap().item;
    window.key_press(Key::I);
    expect(&mut window, "Consider how far each expresses understanding");
    press(&mut window, Key::ArrowLeft);
    press(&mut window, Key::Escape);
    assert_eq!(
        in_view(&window, &own).unwrap().item,
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
        next_page(&mut window, &own, None).unwrap().item,
        third,
        "where one stopped"
    );
    window.key_press(Key::ArrowRight);
    assert_eq!(
        next_page(&mut window, &own, Some(third)).unwrap().item,
        first,
        "the skipped one comes last"
    );
    // The mouse does what the keys do.
    click(&mut window, "Tie");
    assert!(next_page(&mut window, &own, Some(first)).is_none());
    window.key_press(Key::U);
    assert_eq!(next_page(&mut window, &own, None).unwrap().item, first);
    says_none_of(&window, &SYSTEMS);
}

#[test]
fn a_rating_is_three_digits() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::Rating, 1);
    begin(&mut window, "A2");
    for key in [Key::Num4, Key::Num3, Key::U, Key::Num2] {
        press(&mut window, key);
    }
    expect(&mut window, "Empathy 4, good");
    expect(&mut window, "0 of 2");
    window.key_press(Key::Num5);
    expect(&mut window, "1 of 2");
    // A point can be clicked too.
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
        .worklist(StudyId(1), 2)
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
    let own = pages(dir.path(), StudyId(1), 1);
    let first = next_page(&mut window, &own, None).unwrap().item;
    let mut other = emprl::store::Store::open(dir.path()).unwrap();
    other.unblind(StudyId(1), "Ada", "too early", true).unwrap();
    window.key_press(Key::ArrowLeft);
    expect(&mut window, "Not recorded");
    assert_eq!(in_view(&window, &own).unwrap().item, first);
    says_none_of(&window, &SYSTEMS);
}

#[test]
fn packs_go_out_and_come_back_in_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 2);
    click(&mut window, "Save pack A2");
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
    click(&mut there, "Import pack");
    expect(&mut there, "Study 1 can be judged here by A2");
    click(&mut there, "Open Study 1, Which response is better?");
    let own = pages(elsewhere.path(), StudyId(1), 1);
    let count = judge(&mut there, &own, "A2", |_| {}, |_| Key::ArrowDown);
    assert_eq!(count, 2);
    click(&mut there, "Save all packs");
    expect(&mut there, "Written to");
    let back = elsewhere
        .path()
        .join("packs")
        .join(sent.file_name().unwrap());
    fill(&mut window, "Path of a pack", &back.display().to_string());
    click(&mut window, "Import pack");
    expect(&mut window, "A2 merged into study 1: 2 answers were new");
    expect(&mut window, "2 of 2");
    fill(&mut window, "Path of a pack", "nowhere.json");
    click(&mut window, "Import pack");
    expect(&mut window, "nowhere.json");
    expect(&mut window, "That did not work");
}

/// Runs frames while nothing is pressed; each is a quarter of a second of the window's time.
fn pass(window: &mut Window, seconds: usize) {
    for _ in 0..4 * seconds {
        window.step();
    }
}

#[test]
fn time_counts_only_while_somebody_attends() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 3);
    begin(&mut window, "A1");
    let own = pages(dir.path(), StudyId(1), 1);
    let shown = |item: u32| {
        let reader = StoreReader::open(dir.path()).unwrap();
        let desk = reader.worklist(StudyId(1), 1).unwrap();
        let page = desk.pages().iter().find(|page| page.item == item).unwrap();
        desk.state(page).shown_ms
    };
    // Another window has the keyboard for two minutes.
    let first = next_page(&mut window, &own, None).unwrap().item;
    pass(&mut window, 3);
    window.input_mut().focused = false;
    pass(&mut window, 120);
    window.input_mut().focused = true;
    pass(&mut window, 2);
    window.key_press(Key::ArrowLeft);
    let second = next_page(&mut window, &own, Some(first)).unwrap().item;
    let attended = shown(first);
    assert!((5_000..30_000).contains(&attended), "{attended}");

    // Reading the instructions is no time of the item; what was there before stays.
    pass(&mut window, 4);
    window.key_press(Key::I);
    pass(&mut window, 60);
    window.key_press(Key::Enter);
    pass(&mut window, 1);
    window.key_press(Key::ArrowLeft);
    let third = next_page(&mut window, &own, Some(second)).unwrap().item;
    let attended = shown(second);
    assert!((5_000..30_000).contains(&attended), "{attended}");

    // Lunch in front of the page: two minutes of it count.
    pass(&mut window, 3600);
    window.key_press(Key::ArrowLeft);
    assert!(next_page(&mut window, &own, Some(third)).is_none());
    let attended = shown(third);
    assert!((120_000..130_000).contains(&attended), "{attended}");
}

#[test]
fn digits_answer_as_arrows_do_and_nothing_jumps_between_items() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 6);
    let own = pages(dir.path(), StudyId(1), 1);
    begin(&mut window, "A1");
    let mut last = None;
    let mut places = Vec::new();
    let answers = [
        (Key::Num1, Choice::Left),
        (Key::Num2, Choice::Right),
        (Key::Num3, Choice::Tie),
    ];
    for (key, choice) in answers {
        let page = next_page(&mut window, &own, last).unwrap();
        settle(&mut window);
        let labels = labels(&window);
        let cards = ["Response 1: ", "Response 2: "].map(|start| {
            let name = labels.iter().find(|label| label.starts_with(start));
            find(&window, name.unwrap()).rect()
        });
        let keys = [
            "Left is better",
            "Tie",
            "Right is better",
            "Skip",
            "Comment",
        ];
        let keys = keys.map(|name| find(&window, name).rect());
        places.push((cards, keys));
        window.key_press(key);
        last = Some(page.item);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let recorded = || {
            let desk = StoreReader::open(dir.path()).unwrap();
            let desk = desk.worklist(StudyId(1), 1).unwrap();
            desk.state(&page).answer
        };
        while recorded().is_none() {
            assert!(std::time::Instant::now() < until, "{key:?} answers nothing");
            window.step();
        }
        assert_eq!(recorded(), Some(Answer::Choice(choice)));
    }
    assert_eq!(places[0], places[1]);
    assert_eq!(places[1], places[2]);
}

#[test]
fn a_second_press_is_not_for_the_next_item() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path(), StudyKind::AbTest, 3);
    let builder = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_step_dt(0.015);
    let mut window = into_study(open_as(builder, dir.path(), dir.path()));
    let own = pages(dir.path(), StudyId(1), 1);
    let answered = || {
        let reader = StoreReader::open(dir.path()).unwrap();
        let list = reader.worklist(StudyId(1), 1).unwrap();
        list.progress().answered
    };
    begin(&mut window, "A1");
    let mut last = None;
    for count in 0..2 {
        let page = next_page(&mut window, &own, last).unwrap();
        last = Some(page.item);
        for key in [Key::ArrowLeft, Key::S] {
            window.key_press(key);
            settle(&mut window);
            assert_eq!(in_view(&window, &own), Some(&page), "it was just shown");
        }
        assert_eq!(answered(), count);
        expect(&mut window, EARLY);
        // More than the 400 ms of silence that are asked for.
        window.run_steps(30);
        window.key_press(Key::ArrowLeft);
    }
    next_page(&mut window, &own, last).unwrap();
    assert_eq!(answered(), 2);
    assert!(!shows(&window, EARLY));
}

const EARLY: &str = "Not counted: it came before this item was in view";

#[test]
fn digits_typed_in_one_go_are_never_those_of_the_next_item() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path(), StudyKind::Rating, 6);
    let builder = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_step_dt(0.05);
    let mut window = into_study(open_as(builder, dir.path(), dir.path()));
    begin(&mut window, "A1");
    window.run_steps(10);
    // A digit each 50 ms, of which the fourth to the last come before the second item can be answered.
    for digit in [Key::Num1, Key::Num2, Key::Num3]
        .into_iter()
        .cycle()
        .take(30)
    {
        window.key_press(digit);
        window.step();
    }
    settle(&mut window);
    expect(&mut window, EARLY);
    let ratings = || {
        let reader = StoreReader::open(dir.path()).unwrap();
        let list = reader.worklist(StudyId(1), 1).unwrap();
        let answers = list
            .pages()
            .iter()
            .filter_map(|page| list.state(page).answer);
        answers.collect::<Vec<_>>()
    };
    assert_eq!(ratings().len(), 1);
    // After a silence all three digits are one item's.
    window.run_steps(12);
    for digit in [Key::Num5, Key::Num4, Key::Num3] {
        window.key_press(digit);
        window.step();
    }
    wait_for(&mut window, "2 of 12", 10);
    let points = ratings().into_iter().filter_map(|answer| answer.scores());
    assert!(
        points
            .collect::<Vec<_>>()
            .iter()
            .any(|one| one.points() == [5, 4, 3])
    );
}

#[test]
fn scores_are_corrected_by_a_click_and_an_undo_shows_what_was_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::Rating, 2);
    begin(&mut window, "A1");
    click(&mut window, "Fluency 2, marginal");
    click(&mut window, "Empathy 1, poor");
    click(&mut window, "Empathy 4, good");
    click(&mut window, "Relevance 5, excellent");
    wait_for(&mut window, "1 of 4", 10);
    window.key_press(Key::U);
    wait_for(&mut window, "Empathy 4, good, taken back", 10);
    expect(&mut window, "Relevance 5, excellent, taken back");
    expect(&mut window, "Fluency 2, marginal, taken back");
    expect(&mut window, "0 of 4");
}

#[test]
fn judged_items_are_looked_at_and_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 3);
    let own = pages(dir.path(), StudyId(1), 1);
    begin(&mut window, "A1");
    let first = next_page(&mut window, &own, None).unwrap();
    window.key_press(Key::ArrowLeft);
    let second = next_page(&mut window, &own, Some(first.item)).unwrap();
    window.key_press(Key::S);
    let third = next_page(&mut window, &own, Some(second.item)).unwrap();
    press(&mut window, Key::B);
    assert_eq!(in_view(&window, &own), Some(&second));
    press(&mut window, Key::B);
    assert_eq!(in_view(&window, &own), Some(&first));
    expect(&mut window, "Looking back at item 1, which stays as it is");
    // There is none before, and nothing of it changes.
    for key in [Key::B, Key::ArrowRight, Key::U, Key::F] {
        press(&mut window, key);
        assert_eq!(in_view(&window, &own), Some(&first));
    }
    press(&mut window, Key::N);
    assert_eq!(in_view(&window, &own), Some(&second));
    press(&mut window, Key::N);
    assert_eq!(in_view(&window, &own), Some(&third));
    press(&mut window, Key::B);
    press(&mut window, Key::Escape);
    assert_eq!(in_view(&window, &own), Some(&third));
    let reader = StoreReader::open(dir.path()).unwrap();
    let list = reader.worklist(StudyId(1), 1).unwrap();
    assert_eq!(
        list.state(&first).answer,
        Some(Answer::Choice(Choice::Left))
    );
    assert_eq!((list.progress().answered, list.progress().flagged), (1, 0));
}

#[test]
fn a_comment_begins_with_what_is_typed_right_behind_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = study(dir.path(), StudyKind::AbTest, 3);
    begin(&mut window, "A1");
    let own = pages(dir.path(), StudyId(1), 1);
    next_page(&mut window, &own, None).unwrap();
    // Faster than frames, and with letters that are keys.
    for (key, text) in [(Key::C, "c"), (Key::F, "f"), (Key::U, "u")] {
        let key = Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        let text = Event::Text(text.to_string());
        window.input_mut().events.extend([key, text]);
    }
    window.step();
    window.event(Event::Text("ll".to_string()));
    settle(&mut window);
    window.key_press(Key::Enter);
    expect(&mut window, "Comment: full");
    let reader = StoreReader::open(dir.path()).unwrap();
    let list = reader.worklist(StudyId(1), 1).unwrap();
    assert_eq!(list.progress().flagged, 0);
}

#[test]
fn a_new_study_says_how_many_contexts_can_be_had() {
    let dir = tempfile::tempdir().unwrap();
    drop(store_with_systems(dir.path(), 2, 12));
    let mut window = open(dir.path());
    click(&mut window, "Studies");
    click(&mut window, "New study");
    for system in &SYSTEMS[..2] {
        click(&mut window, system);
    }
    expect(
        &mut window,
        "only 12 contexts have a response by every system, 100 are wanted",
    );
}

/// Types this instead of the last letters of a field.
fn instead(window: &mut Window, field: &str, letters: usize, text: &str) {
    fill(window, field, "");
    for _ in 0..letters {
        press(window, Key::Backspace);
    }
    fill(window, field, text);
}

#[test]
fn a_rating_asks_aspects_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    drop(store_with_systems(dir.path(), 1, 3));
    let mut window = open(dir.path());
    click(&mut window, "Studies");
    click(&mut window, "New study");
    click(&mut window, "Kind How good one is");
    click(&mut window, SYSTEMS[0]);
    click(&mut window, "Aspects Of your own");
    // It begins with the paper's three; the first becomes another, and the last two go.
    for _ in 0..2 {
        let remove = crate::window_support::named(&window, "Remove this aspect");
        remove.last().unwrap().click();
        settle(&mut window);
    }
    click(&mut window, "Add an aspect");
    fill(&mut window, "Aspect 2", "Sense");
    fill(&mut window, "Low end of aspect 2", "none");
    for (field, letters, text) in [("Points of aspect 2", 1, "12"), ("Contexts", 3, "2")] {
        instead(&mut window, field, letters, text);
    }
    fill(&mut window, "Annotators", "Ada, Ben, Cem");
    fill(&mut window, "Comments", "What else?");
    click(&mut window, "Make study");
    expect(
        &mut window,
        "the scale of Sense has 12 points; give it 2 to 11",
    );
    instead(&mut window, "Points of aspect 2", 1, "1");
    click(&mut window, "Make study");
    wait_for(&mut window, "Study 1 is made.", 30);
    let head = StoreReader::open(dir.path())
        .unwrap()
        .study(StudyId(1))
        .unwrap()
        .head;
    assert!(
        head.instructions.ends_with("\nSense (1 none … 11)"),
        "{head:?}"
    );
    assert_eq!(head.comment.as_deref(), Some("What else?"));
    begin(&mut window, "A2");
    expect(&mut window, "Sense");
    // 9 is on no scale of five points; 0 and - are the tenth and the eleventh.
    for key in [Key::Num9, Key::Num4, Key::Minus] {
        press(&mut window, key);
    }
    expect(&mut window, "1 of 2");
    press(&mut window, Key::U);
    expect(&mut window, "Sense 11, taken back");
    click(&mut window, "Empathy 5, excellent");
    click(&mut window, "Sense 10");
    expect(&mut window, "1 of 2");
    click(&mut window, "Empathy 1, poor");
    click(&mut window, "Sense 1, none");
    expect(&mut window, "Nothing is left to judge");
    let list = StoreReader::open(dir.path())
        .unwrap()
        .worklist(StudyId(1), 2)
        .unwrap();
    let given: Vec<Vec<u8>> = list
        .pages()
        .iter()
        .filter_map(|page| list.state(page).answer?.scores())
        .map(|scores| scores.points().to_vec())
        .collect();
    assert_eq!(given, [[5, 10], [1, 1]]);
}

#[test]
fn long_answers_scroll_by_keys_and_turns_above_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 3);
    let mut long = definition(StudyKind::AbTest, 2);
    long.contexts = 2;
    let new = made(&store, &long);
    let mut items = new.items.reveal().clone();
    for item in &mut items {
        let before = (0..30).map(|at| format!("Turn {at}, of a story that goes on and on."));
        item.utterances = before.chain(item.utterances.clone()).collect();
        for text in &mut item.texts {
            *text = format!("{text} {}", "And so it goes on, word by word. ".repeat(80));
        }
    }
    let new = NewStudy {
        items: Blinded::new(items),
        ..new
    };
    store.create_study(&new).unwrap();
    let mut window = open(dir.path());
    click(&mut window, "Studies");
    click(&mut window, "Open Study 1, Which response is better?");
    begin(&mut window, "A1");
    let own = pages(dir.path(), StudyId(1), 1);
    let first = next_page(&mut window, &own, None).unwrap().item;
    expect(&mut window, "Earlier turns: 2");
    expect(&mut window, "J and K scroll them");
    for key in [Key::J, Key::J, Key::K, Key::PageUp] {
        press(&mut window, key);
    }
    click(&mut window, "Scroll answers");
    press(&mut window, Key::Home);
    assert!(!shows(&window, "Earlier turns"), "its beginning is in view");
    assert_eq!(
        in_view(&window, &own).unwrap().item,
        first,
        "nothing is answered"
    );
    press(&mut window, Key::ArrowLeft);
    expect(&mut window, "1 of 2");
}
