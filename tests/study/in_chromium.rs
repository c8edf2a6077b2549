//! The judging page in Chromium: by keyboard and by touch, without a network for a while, closed and opened again.
//!
//! Ignored unless asked for, since it needs chromium and chromedriver.

use crate::chromium_support::{Chromium, keys};
use crate::cli_support::Place;
use crate::serve_support::Served;
use crate::study_support::*;
use emprl::store::{StoreReader, StudyId};
use emprl::study::aspects::Aspects;
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};

const STUDY: StudyId = StudyId(1);

/// Waits until the item in view is another one than this and can be answered, or until all is judged.
fn next_item(page: &Chromium, before: &str) -> String {
    page.wait_for(&format!(
        "(({{ view, ready, item }}) => !document.querySelector('#desk').hidden && (view === 'done' || view === 'end' \
         || (view === 'item' && ready && item !== '{before}')))(document.querySelector('#desk > *').dataset)"
    ));
    page.text("document.querySelector('#desk > *').dataset.item || ''")
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_worker_judges_by_keyboard_and_by_touch_with_the_network_lost_in_the_middle() {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, 25);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 25;
    assert_eq!(create(&mut store, &definition), STUDY);
    let served = Served::start(&place, &["--crowd", "--completion", "C1DONE"]);
    let entrance = served.said["entrance"].as_str().unwrap().to_string();
    let entrance = entrance.replace("{{%PROLIFIC_PID%}}", "5f3worker");
    let entrance = entrance.split_once("&STUDY_ID").unwrap().0;
    let page = Chromium::start();
    page.screen(1280, 800, false);
    page.open(entrance);
    let link = page.text("location.href");
    // Consent, the instructions, the check, a practice item.
    page.touch("[data-input=agree]");
    page.wait_for("!document.querySelector('#reading').hidden");
    page.press(keys::ENTER);
    page.wait_for("document.querySelector('#desk > *').dataset.view === 'check'");
    page.touch("input[name=q0][value='1']");
    page.touch("input[name=q1][value='0']");
    page.touch(".check [type=submit]");
    page.wait_for("document.querySelector('[data-view=practice][data-ready]')");
    page.press(keys::RIGHT);
    page.wait_for("!document.querySelector('.feedback')?.hidden");
    page.press(keys::ENTER);
    let mut item = next_item(&page, "none");
    let mut expected = Vec::new();
    let by_key = [
        (keys::LEFT, Choice::Left),
        ("2", Choice::Right),
        (keys::DOWN, Choice::Tie),
        ("1", Choice::Left),
        (keys::RIGHT, Choice::Right),
    ];
    for at in 0..20 {
        let (key, choice) = by_key[at % by_key.len()];
        expected.push(choice);
        if at == 7 {
            // Without a network the answer waits, and the page says so.
            page.offline(true);
            page.press(key);
            page.wait_for(
                "document.querySelector('#strip')?.textContent?.startsWith('Not sent yet')",
            );
            let still = page.text("document.querySelector('#desk > *').dataset.item");
            assert_eq!(still, item);
            // Other keys change nothing meanwhile.
            page.press("2");
            page.offline(false);
            item = next_item(&page, &item);
            page.wait_for("document.querySelector('#strip').hidden");
            continue;
        }
        if at == 12 {
            // Closed before it is sent, and opened again with the network.
            page.offline(true);
            page.press(key);
            page.wait_for("localStorage.length === 1");
            page.offline(false);
            page.open("about:blank");
            page.open(&link);
            item = next_item(&page, &item);
            page.wait_for("localStorage.length === 0");
            continue;
        }
        if at == 15 {
            page.press(keys::LEFT);
            let after = next_item(&page, &item);
            page.press("u");
            assert_eq!(next_item(&page, &after), item);
        }
        page.press(key);
        item = next_item(&page, &item);
    }
    page.screen(390, 844, true);
    page.open(&link);
    item = next_item(&page, "none");
    for at in 0..5 {
        let (selector, choice) = [
            (".card[data-input=left]", Choice::Left),
            (".choice[data-input=tie]", Choice::Tie),
            (".choice[data-input=right]", Choice::Right),
        ][at % 3];
        expected.push(choice);
        page.touch(selector);
        item = next_item(&page, &item);
    }
    page.wait_for("document.querySelector('.code')?.textContent === 'C1DONE'");
    // Nothing was refused by the page's own policy, and nothing failed but what had no network.
    let log = page.log();
    let bad = log
        .lines()
        .filter(|line| !line.contains("ERR_INTERNET_DISCONNECTED"));
    assert_eq!(bad.count(), 0, "{log}");
    let worklist = StoreReader::open(&place.store())
        .unwrap()
        .worklist(STUDY, 1)
        .unwrap();
    let given: Vec<Choice> = worklist
        .pages()
        .iter()
        .filter_map(|page| match worklist.state(page).answer {
            Some(Answer::Choice(choice)) => Some(choice),
            _ => None,
        })
        .collect();
    assert_eq!(given, expected);
    let acts = StoreReader::open(&place.store())
        .unwrap()
        .pack(STUDY, 1)
        .unwrap()
        .acts;
    let answers = acts
        .iter()
        .filter(|act| matches!(act.action, JudgementAction::Answer(_)));
    assert_eq!(
        answers.count(),
        26,
        "one was taken back, and each other is there once"
    );
    assert!(
        acts.iter().filter(|act| act.shown_ms > 0).count() >= 20,
        "time in view"
    );
}

/// A pack as one HTML file: judged from the disk without a server, closed in the middle and opened again, saved, merged.
#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_pack_of_one_file_is_judged_without_a_network_and_merged() {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, 6);
    let mut rating = definition(StudyKind::Rating, 2);
    rating.contexts = 3;
    assert_eq!(create_sealed(&mut store, &rating), STUDY);
    let pack = [
        "study",
        "pack",
        "1",
        "--html",
        "--annotator",
        "A2",
        "--out",
        "packs",
    ];
    let written = place.json(&pack);
    let file = place.path().join(written[0]["file"].as_str().unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    for name in SYSTEMS.iter().chain(&["Ada", "Ben", "Cem"]) {
        assert!(!text.contains(name), "{name}");
    }
    // Written again it replaces itself, and nothing else.
    place.json(&pack);
    let page = Chromium::start();
    page.save_into(place.path());
    let url = format!("file://{}", file.display());
    page.open(&url);
    page.wait_for("!document.querySelector('#reading').hidden");
    page.press(keys::ENTER);
    let mut item = next_item(&page, "none");
    let mut expected = Vec::new();
    let rate = |scores: &str, item: &str| {
        page.press(scores);
        next_item(&page, item)
    };
    for (at, scores) in ["435", "111", "554", "321", "242", "133"]
        .iter()
        .enumerate()
    {
        if at == 2 {
            // What is given is kept in the browser.
            page.open("about:blank");
            page.open(&url);
            page.wait_for(
                "document.querySelector('[data-ready] [data-count]')?.textContent === '2 of 6'",
            );
        }
        if at == 3 {
            let after = rate("222", &item);
            page.press("u");
            assert_eq!(next_item(&page, &after), item);
            page.press("f");
            page.wait_for(
                "document.querySelector('[data-input=flag]')?.textContent?.includes('Flagged')",
            );
            page.press("c");
            page.press("odd \u{e9} \"x\"");
            page.press(keys::ENTER);
            page.wait_for(
                "document.querySelector('.said')?.textContent?.startsWith('Comment: odd')",
            );
        }
        expected.push(scores.to_string());
        item = rate(scores, &item);
    }
    page.wait_for("document.querySelector('#desk > *').dataset.view === 'done'");
    page.touch("[data-input=save]");
    let saved = file.with_extension("json");
    let saved = place.path().join(saved.file_name().unwrap());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !saved.is_file() {
        assert!(
            std::time::Instant::now() < until,
            "nothing was saved: {}",
            page.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let merged = place.ok(&["study", "merge", &saved.display().to_string()]);
    assert!(merged.contains("6 answers were new"), "{merged}");
    assert!(
        !merged.contains("seal"),
        "it came back with its seal: {merged}"
    );
    let worklist = StoreReader::open(&place.store())
        .unwrap()
        .worklist(STUDY, 2)
        .unwrap();
    let given: Vec<String> = worklist
        .pages()
        .iter()
        .map(|page| match worklist.state(page).answer {
            Some(Answer::Rating(rating)) => {
                let scores = [rating.empathy, rating.relevance, rating.fluency];
                scores.map(|score| score.points().to_string()).concat()
            }
            _ => String::new(),
        })
        .collect();
    assert_eq!(given, expected);
    let state = worklist.state(&worklist.pages()[3]);
    assert!(
        state.flagged && state.comment == "odd \u{e9} \"x\"",
        "{state:?}"
    );
    assert_eq!(page.log(), "");
}

/// Aspects of a study's own, by keys of every point and by touch; a long story says what of it is not in view.
#[test]
#[ignore = "needs chromium and chromedriver"]
fn own_aspects_are_rated_and_long_texts_say_what_is_not_in_view() {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, 6);
    let mut rating = definition(StudyKind::Rating, 2);
    rating.contexts = 3;
    rating.comment = Some("What would you have said?".to_string());
    let aspects = "[[aspect]]\nname = \"Warmth\"\nquestion = \"How warm is it?\"\nlow = \"cold\"\nhigh = \"warm\"\n\
                   points = 11\n[[aspect]]\nname = \"Sense\"\npoints = 2\n[[aspect]]\nname = \"Tact\"\npoints = 7\n";
    rating.ask(Aspects::from_toml(aspects).unwrap());
    let new = made(&store, &rating);
    let mut items = new.items.reveal().clone();
    for item in &mut items {
        let before = (0..30).map(|at| format!("Turn {at}, of a story that goes on and on."));
        item.utterances = before.chain(item.utterances.clone()).collect();
    }
    let new = emprl::study::make::NewStudy {
        items: emprl::study::make::Blinded::new(items),
        ..new
    };
    assert_eq!(store.create_study(&new).unwrap(), STUDY);
    let served = Served::start(&place, &["--annotators", "A1"]);
    let url = served.said["links"][0]["url"].as_str().unwrap().to_string();
    let page = Chromium::start();
    page.screen(1280, 800, false);
    page.open(&url);
    page.wait_for("!document.querySelector('#reading').hidden");
    page.wait_for("document.querySelector('#reading').textContent.includes('Warmth: How warm is it? (1 cold … 11 warm)')");
    page.press(keys::ENTER);
    let mut item = next_item(&page, "none");
    let comment = page.text("document.querySelector('[name=comment]').placeholder");
    assert_eq!(comment, "What would you have said?");
    // The story begins in view, and the rest is below.
    page.wait_for("document.querySelector('.more.above').hidden && !document.querySelector('.more.below').hidden");
    page.press("jjjj");
    page.wait_for(
        "/^Earlier turns: [1-9]/.test(document.querySelector('.more.above span').textContent)",
    );
    for _ in 0..20 {
        page.press("j");
    }
    page.wait_for("document.querySelector('.more.below').hidden");
    // 3 is on no scale of two points, and - is the eleventh.
    let mut expected = Vec::new();
    for (typed, scores) in [
        ("-327", [11, 2, 7]),
        ("0911", [10, 1, 1]),
        ("12u24", [1, 2, 4]),
    ] {
        expected.push(scores.to_vec());
        page.press(typed);
        item = next_item(&page, &item);
    }
    page.screen(390, 844, true);
    page.open(&url);
    item = next_item(&page, "none");
    for scores in [[11, 1, 7], [1, 2, 3], [6, 1, 2]] {
        expected.push(scores.to_vec());
        // On a phone three scales stand below the story.
        page.value("document.querySelector('.foot').scrollIntoView({ block: 'end' })");
        page.wait_for("document.querySelector('.more.below').hidden");
        for (at, point) in scores.iter().enumerate() {
            page.touch(&format!("[data-aspect='{at}'] [data-input='{point}']"));
        }
        item = next_item(&page, &item);
    }
    assert_eq!(
        page.text("document.querySelector('#desk > *').dataset.view"),
        "done"
    );
    assert_eq!(page.log(), "");
    let list = StoreReader::open(&place.store())
        .unwrap()
        .worklist(STUDY, 1)
        .unwrap();
    let given: Vec<Vec<u8>> = list
        .pages()
        .iter()
        .filter_map(|page| list.state(page).answer?.scores())
        .map(|scores| scores.points().to_vec())
        .collect();
    assert_eq!(given, expected);
    // The same in a pack of one file.
    let written = place.json(&[
        "study",
        "pack",
        "1",
        "--html",
        "--annotator=A2",
        "--out=packs",
    ]);
    let file = place.path().join(written[0]["file"].as_str().unwrap());
    page.save_into(place.path());
    page.open(&format!("file://{}", file.display()));
    page.wait_for("!document.querySelector('#reading').hidden");
    page.touch("#reading [data-input=close]");
    item = next_item(&page, "none");
    for _ in 0..6 {
        page.press("-27");
        item = next_item(&page, &item);
    }
    page.touch("[data-input=save]");
    let saved = place
        .path()
        .join(file.with_extension("json").file_name().unwrap());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !saved.is_file() {
        assert!(std::time::Instant::now() < until, "{}", page.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let merged = place.ok(&["study", "merge", &saved.display().to_string()]);
    assert!(merged.contains("6 answers were new"), "{merged}");
}
