//! Contested items decided, and studies and systems deleted, in the window: each is asked about first.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::judging_support::{begin, fill, in_view, next_page, pages};
use crate::study_support::{
    JudgeNow, SYSTEMS, create, create_sealed, definition, store_with_systems, texts, whose,
};
use crate::window_support::{
    Window, click, expect, find, labels, open, settle, shows, wait_for, write_in,
};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::NodeT;
use emprl::store::{Store, StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction, JudgementRecord};
use emprl::study::pack::Pack;
use emprl::study::standing::Standing;

const STUDY: StudyId = StudyId(1);

fn store(dir: &Path) -> Store {
    let mut store = store_with_systems(dir, 2, 6);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    assert_eq!(create(&mut store, &definition), STUDY);
    store
}

/// Merges what the first annotator says of their first item at a place of its own.
fn say(store: &mut Store, choice: Choice, wall_ms: i64) {
    let pack = store.reader().unwrap().pack(STUDY, 1).unwrap();
    let acts = vec![JudgementRecord {
        seq: 1,
        item: pack.pages[0].item,
        action: JudgementAction::Answer(Answer::Choice(choice)),
        shown_ms: 1,
        wall_ms,
    }];
    store.merge_pack(&Pack { acts, ..pack }).unwrap();
}

fn at_study(dir: &Path) -> Window {
    let mut window = open(dir);
    click(&mut window, "Studies");
    wait_for(&mut window, "Open Study 1", 10);
    click(&mut window, &format!("Open Study 1, {}", title(dir)));
    expect(&mut window, "Judge as A1");
    window
}

fn title(dir: &Path) -> String {
    StoreReader::open(dir)
        .unwrap()
        .study(STUDY)
        .unwrap()
        .head
        .title
}

#[test]
fn answers_from_two_places_are_decided() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    say(&mut store, Choice::Left, 1);
    say(&mut store, Choice::Right, 2);
    let mut window = at_study(dir.path());
    expect(
        &mut window,
        "A1 answered 1 item differently at several places",
    );
    click(&mut window, "Decide…");
    let reader = store.reader().unwrap();
    let item = reader.worklist(STUDY, 1).unwrap().pages()[0].item;
    let right = format!("A1, item {item}: right is better");
    expect(&mut window, &format!("A1, item {item}: left is better"));
    click(&mut window, &right);
    expect(&mut window, "1 of 4");
    assert!(!shows(&window, "differently at several places"));
    let list = reader.worklist(STUDY, 1).unwrap();
    let state = list.state(&list.pages()[0]);
    assert_eq!(state.answer, Some(Answer::Choice(Choice::Right)));
}

/// The pack of the first annotator as it comes back with two items from this place on answered so, in a file.
fn back(store: &Store, folder: &Path, name: &str, from: usize, choice: Choice) -> String {
    let sent = store.reader().unwrap().pack(STUDY, 1).unwrap();
    let guest = tempfile::tempdir().unwrap();
    let mut there = Store::open(guest.path()).unwrap();
    let opened = there
        .open_pack(&Pack {
            acts: Vec::new(),
            ..sent.clone()
        })
        .unwrap();
    for page in &sent.pages[from..from + 2] {
        let answer = [JudgementAction::Answer(Answer::Choice(choice))];
        let (study, annotator) = (opened.study, opened.annotator);
        there
            .judge_now(study, annotator, page.item, &answer, 9)
            .unwrap();
    }
    let judged = there
        .reader()
        .unwrap()
        .pack(opened.study, opened.annotator)
        .unwrap();
    let file = folder.join(name);
    std::fs::write(&file, judged.to_bytes().unwrap()).unwrap();
    file.display().to_string()
}

fn import(window: &mut Window, file: &str) {
    fill(window, "Path of a pack", file);
    click(window, "Import pack");
}

#[test]
fn a_second_copy_of_a_pack_is_shown_item_by_item_and_decided_for_all() {
    for (what, expected) in [
        ("keep what came in first", Some(Choice::Left)),
        ("take what came in second", Some(Choice::Right)),
        ("neither", None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let files = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let one = back(&store, files.path(), "home.json", 0, Choice::Left);
        let two = back(&store, files.path(), "work.json", 0, Choice::Right);
        let mut window = open(dir.path());
        click(&mut window, "Studies");
        wait_for(&mut window, "Open Study 1", 10);
        import(&mut window, &one);
        expect(&mut window, "A1 merged into study 1: 2 answers were new");
        assert!(!shows(&window, "differently at several places"));
        import(&mut window, &two);
        // It opens the study, and each item with where each answer was given.
        expect(
            &mut window,
            "A1 answered 2 items differently at several places",
        );
        wait_for(&mut window, "A1, all 2 items", 10);
        expect(&mut window, "home.json; right is better: in ");
        let all = format!("A1, all: {what}");
        click(&mut window, &all);
        let answered = if expected.is_some() {
            "2 of 4"
        } else {
            "0 of 4"
        };
        wait_for(&mut window, answered, 10);
        settle(&mut window);
        assert!(!shows(&window, "differently at several places"));
        let list = store.reader().unwrap().worklist(STUDY, 1).unwrap();
        for page in &list.pages()[..2] {
            assert_eq!(list.state(page).answer, expected.map(Answer::Choice));
        }
    }
}

#[test]
fn neither_of_two_answers_counts_if_the_lead_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    say(&mut store, Choice::Left, 1);
    say(&mut store, Choice::Right, 2);
    let mut window = at_study(dir.path());
    click(&mut window, "Decide…");
    let reader = store.reader().unwrap();
    let item = reader.worklist(STUDY, 1).unwrap().pages()[0].item;
    let neither = format!("A1, item {item}: neither");
    wait_for(&mut window, &neither, 10);
    click(&mut window, &neither);
    wait_for(&mut window, "0 of 4", 10);
    settle(&mut window);
    assert!(!shows(&window, "differently at several places"));
    let list = reader.worklist(STUDY, 1).unwrap();
    assert!(list.state(&list.pages()[0]).is_open());
}

#[test]
fn an_edited_pack_and_a_late_one_wait_for_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 6);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    assert_eq!(create_sealed(&mut store, &definition), STUDY);
    let whole = back(&store, files.path(), "whole.json", 0, Choice::Left);
    let mut pack = Pack::from_bytes(&std::fs::read(&whole).unwrap()).unwrap();
    pack.pages[0].context[0].push('!');
    let edited = files.path().join("edited.json");
    std::fs::write(&edited, pack.to_bytes().unwrap()).unwrap();
    let edited = edited.display().to_string();
    let mut window = at_study(dir.path());
    let acts = |store: &Store| store.reader().unwrap().recorded(STUDY, 1).unwrap();

    import(&mut window, &edited);
    wait_for(&mut window, "Import edited.json?", 10);
    expect(&mut window, "another text is shown in item");
    click(&mut window, "Leave it out");
    assert!(!shows(&window, "Import edited.json?"));
    assert!(acts(&store).is_empty());
    import(&mut window, &edited);
    wait_for(&mut window, "Take it in, marked as edited", 10);
    click(&mut window, "Take it in, marked as edited");
    wait_for(&mut window, "its judgements are marked as edited", 10);
    assert!(acts(&store).iter().all(|act| act.edited && act.counts));
    import(&mut window, &whole);
    wait_for(&mut window, "0 answers were new, 2 known before", 10);
    assert!(acts(&store).iter().all(|act| !act.edited));

    let late = back(&store, files.path(), "late.json", 2, Choice::Tie);
    let late_acts = |store: &Store| {
        let acts = acts(store);
        let late: Vec<bool> = acts
            .iter()
            .filter(|act| act.late)
            .map(|act| act.counts)
            .collect();
        late
    };
    store.unblind(STUDY, "Ada", "done", true).unwrap();
    import(&mut window, &late);
    wait_for(&mut window, "Import late.json?", 10);
    expect(&mut window, "2 judgements come in after that");
    click(&mut window, "Keep it without counting");
    wait_for(&mut window, "kept without counting", 10);
    wait_for(
        &mut window,
        "2 judgements came in after the unblinding, and are left out",
        10,
    );
    assert_eq!(late_acts(&store), [false, false]);
    import(&mut window, &late);
    wait_for(&mut window, "Count what came late", 10);
    click(&mut window, "Count what came late");
    wait_for(
        &mut window,
        "2 judgements came in after the unblinding, and count",
        10,
    );
    assert_eq!(late_acts(&store), [true, true]);
}

#[test]
fn a_judged_study_is_deleted_only_with_its_judgements() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    say(&mut store, Choice::Left, 1);
    let mut window = at_study(dir.path());
    let title = "Open Study 1, Which response is better?";
    click(&mut window, "Delete study");
    expect(&mut window, "Study 1 is deleted.");
    assert!(!shows(&window, title));
    click(&mut window, "Undo");
    expect(&mut window, "Study 1 is back.");
    click(&mut window, title);
    click(&mut window, "Delete study");
    expect(&mut window, "Study 1 is deleted.");
    click(&mut window, "Archived and deleted ones too");
    click(&mut window, title);
    click(&mut window, "Remove for good…");
    expect(&mut window, "Remove study 1 for good?");
    click(&mut window, "Keep it");
    assert!(!shows(&window, "Remove study 1 for good?"));
    click(&mut window, "Remove for good…");
    expect(&mut window, "Delete its judgement too");
    assert_eq!(store.reader().unwrap().list_studies().unwrap().len(), 1);
    click(&mut window, "Delete its judgement too");
    click(&mut window, "Remove study");
    expect(&mut window, "Study 1 is deleted.");
    assert!(store.reader().unwrap().list_studies().unwrap().is_empty());
    expect(&mut window, "No studies yet");
}

#[test]
fn an_annotator_is_watched_paused_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    say(&mut store, Choice::Left, 1);
    let mut window = at_study(dir.path());
    click(&mut window, "How annotators work");
    expect(&mut window, "Alike in a row");
    assert!(SYSTEMS.iter().all(|system| !shows(&window, system)));
    click(&mut window, "Pause, exclude or replace A1");
    expect(&mut window, "Can judge.");
    fill(&mut window, "Reason", "on leave");
    click(&mut window, "Pause");
    expect(&mut window, "A1 is paused; what they judged counts.");
    click(&mut window, "Pause, exclude or replace A1");
    expect(&mut window, "Paused: cannot judge for now");
    fill(&mut window, "Reason", "gone");
    fill(&mut window, "Substitute", "Eve");
    click(&mut window, "Replace");
    expect(
        &mut window,
        "A1 is excluded, and A4 has all of their items.",
    );
    let row = store.reader().unwrap().study(STUDY).unwrap();
    assert_eq!(row.annotators[0].standing, Standing::Excluded);
    assert_eq!(
        (
            row.annotators[3].name.as_str(),
            row.annotators[3].progress.assigned
        ),
        ("Eve", 4)
    );
}

#[test]
fn the_leads_name_and_note_are_kept_and_shown_in_the_list() {
    let dir = tempfile::tempdir().unwrap();
    drop(store(dir.path()));
    let mut window = at_study(dir.path());
    fill(&mut window, "Own name", "Pilot of May");
    fill(&mut window, "Note", "with the new instructions");
    click(&mut window, "Save name and note");
    click(&mut window, "Back to all studies");
    expect(&mut window, "Open Study 1, Pilot of May");
}

#[test]
fn a_system_is_deleted_once_no_study_compares_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    let mut window = open(dir.path());
    click(&mut window, "Case study");
    expect(&mut window, "2 cases");
    click(&mut window, &format!("Show {}", SYSTEMS[1]));
    for (freed, words) in [(false, "compares"), (true, "are deleted")] {
        if freed {
            store.delete_study(STUDY, false).unwrap();
        }
        click(&mut window, "Delete system…");
        expect(&mut window, &format!("Delete {}?", SYSTEMS[0]));
        click(&mut window, "Delete responses");
        expect(&mut window, words);
    }
    let systems = store.reader().unwrap().systems().unwrap();
    assert_eq!(systems.len(), 1);
    assert_eq!(systems[0].name, SYSTEMS[1]);
}

#[test]
fn what_was_judged_elsewhere_meanwhile_is_kept_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    let mut window = at_study(dir.path());
    let pages = pages(dir.path(), STUDY, 1);
    begin(&mut window, "A1");
    assert_eq!(in_view(&window, &pages), Some(&pages[0]));
    let tie = Answer::Choice(Choice::Tie);
    store
        .judge_now(STUDY, 1, pages[0].item, &[JudgementAction::Answer(tie)], 9)
        .unwrap();
    let read = || {
        let reader = StoreReader::open(dir.path()).unwrap();
        reader.worklist(STUDY, 1).unwrap()
    };
    window.key_press(Key::ArrowLeft);
    wait_for(
        &mut window,
        "was judged elsewhere; the page is read again",
        10,
    );
    expect(&mut window, &format!("Item {}", pages[0].item));
    assert_eq!(read().state(&pages[0]).answer, Some(tie));
    assert_eq!(in_view(&window, &pages), Some(&pages[1]));

    // Of another page, or about a comment, the page and the words stay.
    let skip = [JudgementAction::Skip];
    store.judge_now(STUDY, 1, pages[2].item, &skip, 9).unwrap();
    window.key_press(Key::C);
    settle(&mut window);
    write_in(&mut window, "Comment", "half a thought");
    window.key_press(Key::Enter);
    wait_for(&mut window, &format!("Item {}", pages[2].item), 10);
    assert_eq!(
        find(&window, "Comment").accesskit_node().value().as_deref(),
        Some("half a thought")
    );
    find(&window, "Comment").focus();
    window.run_ok();
    window.key_press(Key::Enter);
    wait_for(&mut window, "Comment: half a thought", 10);
    assert_eq!(read().state(&pages[1]).comment, "half a thought");
    window.key_press(Key::ArrowRight);
    next_page(&mut window, &pages, Some(pages[1].item));
    assert_eq!(
        read().state(&pages[1]).answer,
        Some(Answer::Choice(Choice::Right))
    );
}

#[test]
fn items_on_which_three_differ_are_not_unblinded_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    for annotator in 1..=3 {
        for page in pages(dir.path(), STUDY, annotator) {
            let first_left = whose(texts(&page)[0]) == Some(0);
            let choice = match (annotator, first_left) {
                (3, _) => Choice::Tie,
                (1, true) | (2, false) => Choice::Left,
                _ => Choice::Right,
            };
            let answer = [JudgementAction::Answer(Answer::Choice(choice))];
            store
                .judge_now(STUDY, annotator, page.item, &answer, 9)
                .unwrap();
        }
    }
    let waiting = "4 items on which three differ wait for a fourth annotator";
    let mut window = open(dir.path());
    click(&mut window, "Studies");
    wait_for(&mut window, "Open Study 1", 10);
    click(&mut window, &format!("Open Study 1, {}", title(dir.path())));
    expect(&mut window, waiting);
    click(&mut window, "Unblind…");
    expect(&mut window, "cannot be taken back. 4 items");
    let why = find(&window, "Why").accesskit_node().value();
    assert_eq!(
        why.unwrap_or_default(),
        "",
        "nothing says that all is judged"
    );
    write_in(&mut window, "Fourth annotator", "Dee");
    click(&mut window, "Give split items to the fourth");
    expect(&mut window, "The fourth annotator has 4 more items");
    assert!(!shows(&window, waiting));
}

/// The window judges, and browsers at the same time.
#[test]
fn a_study_is_judged_in_a_browser_while_the_window_serves_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let mut window = at_study(dir.path());
    let address = |window: &mut Window, text: &str| {
        find(window, "Address to listen at").focus();
        window.run_ok();
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        window.run_ok();
        write_in(window, "Address to listen at", text);
    };
    address(&mut window, "nowhere");
    click(&mut window, "Judge in a browser");
    expect(&mut window, "is no address to listen at");
    address(&mut window, "127.0.0.1:0");
    click(&mut window, "Judge in a browser");
    expect(&mut window, "Judged in a browser while this window is open");
    let label = labels(&window)
        .into_iter()
        .find(|label| label.starts_with("A2 Ben  http://"));
    let url = label.unwrap().split_once("http://").unwrap().1.to_string();
    let (host, path) = url.split_once('/').unwrap();
    let page = get(host, &format!("/{path}"));
    let own = store.reader().unwrap().worklist(STUDY, 2).unwrap();
    for text in texts(&own.pages()[0]) {
        assert!(page.contains(text), "{page}");
    }
    assert!(SYSTEMS.iter().all(|system| !page.contains(system)));
    click(&mut window, "Stop serving");
    expect(&mut window, "Judge in a browser");
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(host).is_ok() {
        assert!(Instant::now() < until, "it still listens");
        window.step();
    }
}

/// What a browser would be sent.
fn get(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
