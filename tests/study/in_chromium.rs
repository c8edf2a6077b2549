//! The judging page in Chromium: by keyboard and by touch, without a network for a while, closed and opened again.
//!
//! Ignored unless asked for, since it needs chromium and chromedriver.

use crate::chromium_support::{Chromium, keys};
use crate::cli_support::Place;
use crate::serve_support::Served;
use crate::study_support::*;
use emprl::store::{StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};

const STUDY: StudyId = StudyId(1);

/// Waits until the item in view is another one than this, and can be answered.
fn next_item(page: &Chromium, before: &str) -> String {
    page.wait_for(&format!(
        "document.querySelector('#desk').hidden === false && ['item', 'end'].includes(document.querySelector('#desk > *').dataset.view) \
         && document.querySelector('#desk > *').dataset.item !== '{before}'"
    ));
    std::thread::sleep(std::time::Duration::from_millis(300));
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
    page.wait_for("document.querySelector('#desk > *').dataset.view === 'practice'");
    std::thread::sleep(std::time::Duration::from_millis(300));
    page.press(keys::RIGHT);
    page.wait_for("!document.querySelector('.feedback').hidden");
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
                "document.querySelector('#strip').textContent.startsWith('Not sent yet')",
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
    page.wait_for("document.querySelector('.code').textContent === 'C1DONE'");
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
