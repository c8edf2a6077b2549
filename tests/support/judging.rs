//! What the tests of the judging page share: pages as they are found on screen, and whole sittings by keyboard.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::Key;
use emprl::store::{StoreReader, StudyId};
use emprl::study::page::{Page, Shown};

use crate::window_support::{Window, click, expect, find, labels, settle, shows, wait_for};

/// Types into the field of this name.
pub fn fill(window: &mut Window, name: &str, text: &str) {
    wait_for(window, name, 10);
    find(window, name).focus();
    window.run_ok();
    find(window, name).type_text(text);
    settle(window);
}

/// Nothing on screen, for eyes or for a screen reader, has one of these names.
pub fn says_none_of(window: &Window, names: &[&str]) {
    let text = labels(window).join("\n").to_lowercase();
    for name in names {
        assert!(
            !text.contains(&name.to_lowercase()),
            "\"{name}\" is on screen: {text}"
        );
    }
}

/// An annotator's own pages, as the store gives them.
pub fn pages(store: &Path, study: StudyId, annotator: u32) -> Vec<Page> {
    let reader = StoreReader::open(store).unwrap();
    reader.worklist(study, annotator).unwrap().pages().to_vec()
}

/// The one of these pages that is on screen, all of it.
pub fn in_view<'a>(window: &Window, pages: &'a [Page]) -> Option<&'a Page> {
    let labels = labels(window);
    let shows = |text: &str| labels.iter().any(|label| label == text);
    pages.iter().find(|page| {
        let responses = match &page.shown {
            Shown::Pair { left, right } => {
                shows(&format!("Response 1: {left}")) && shows(&format!("Response 2: {right}"))
            }
            Shown::Single { response } => shows(&format!("Response: {response}")),
        };
        responses && page.context.iter().all(|utterance| shows(utterance))
    })
}

/// Runs frames until another page is in view than the one of this item, or none is left.
pub fn next_page(window: &mut Window, pages: &[Page], before: Option<u32>) -> Option<Page> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        window.step();
        let now = in_view(window, pages);
        if now.map(|page| page.item) != before
            && (now.is_some() || shows(window, "Nothing is left to judge"))
        {
            let now = now.cloned();
            // A quarter of a second more, as an answer at once is not counted.
            window.step();
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

/// Opens the judging page of an annotator and goes past the instructions.
pub fn begin(window: &mut Window, who: &str) {
    click(window, &format!("Judge as {who}"));
    wait_for(window, "Begin", 10);
    window.key_press(Key::Enter);
    settle(window);
}

/// Judges every page as this annotator with the key that `answer` gives, until all are answered or one that was
/// skipped comes again. `look` sees every page. Gives how many pages there were.
pub fn judge(
    window: &mut Window,
    pages: &[Page],
    who: &str,
    look: impl Fn(&Window),
    answer: impl Fn(&Page) -> Key,
) -> usize {
    begin(window, who);
    let mut count = 0;
    let mut last = None;
    let mut skipped = Vec::new();
    while let Some(page) = next_page(window, pages, last) {
        if skipped.contains(&page.item) {
            break;
        }
        look(window);
        let key = answer(&page);
        if key == Key::S {
            skipped.push(page.item);
        }
        window.key_press(key);
        last = Some(page.item);
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
