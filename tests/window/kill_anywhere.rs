//! The window is killed at any moment while somebody judges in it: what it showed as judged is on disk, and it
//! opens again where the annotator stopped.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::judging_support::begin;
use crate::study_support::*;
use crate::window_support::{click, labels, open, wait_for};
use eframe::egui::Key;
use emprl::store::{Store, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STORE: &str = "EMPRL_TEST_WINDOW_STORE";
const ITEMS: usize = 400;
const KILLS: usize = 30;
const STUDY: StudyId = StudyId(1);
/// What is pressed, again and again.
const KEYS: [Key; 4] = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowDown, Key::U];

/// Whether an act is what a key asks for.
fn is_pressed(action: &JudgementAction, key: Key) -> bool {
    let choice = match key {
        Key::ArrowLeft => Choice::Left,
        Key::ArrowRight => Choice::Right,
        Key::ArrowDown => Choice::Tie,
        _ => return *action == JudgementAction::Undo,
    };
    *action == JudgementAction::Answer(Answer::Choice(choice))
}

/// How many items the page says are judged.
fn judged(labels: &[String]) -> Option<usize> {
    let line = labels
        .iter()
        .find(|label| label.ends_with(&format!(" of {ITEMS}")))?;
    line.split_once(' ')?.0.parse().ok()
}

/// The body of the program that is killed: does nothing unless the test below started it as one. It says what
/// the page shows, as soon as it shows it.
#[test]
fn judging_window() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let mut window = open(Path::new(&dir));
    click(&mut window, "Studies");
    click(&mut window, "Open Study 1, Which response is better?");
    // The instructions come only before the first answer.
    wait_for(&mut window, "Judge as A1", 10);
    match crate::window_support::shows(&window, &format!("A1  Ada: 0 of {ITEMS}")) {
        true => begin(&mut window, "A1"),
        false => click(&mut window, "Judge as A1"),
    }
    let mut shown = judged(&labels(&window));
    say(shown);
    for key in KEYS.iter().cycle() {
        window.key_press(*key);
        let before = shown;
        while shown == before {
            window.step();
            shown = judged(&labels(&window));
        }
        say(shown);
    }
}

fn say(shown: Option<usize>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "judged {} ", shown.unwrap()).unwrap();
    out.flush().unwrap();
}

#[test]
fn nothing_the_window_showed_as_judged_is_lost_by_kills() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, ITEMS);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = ITEMS;
    assert_eq!(create(&mut store, &definition), STUDY);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut judging = 0;
    let mut known = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill_anywhere::judging_window", "--nocapture"])
            .env(STORE, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut counts = Vec::new();
        let mut hear = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, enough| {
            while counts.len() < enough {
                let Some(Ok(line)) = lines.next() else { break };
                let said = line.split_once("judged ");
                counts.extend(said.and_then(|(_, n)| n.trim_end().parse::<usize>().ok()));
            }
            counts.clone()
        };
        let enough = if kill % 6 == 0 {
            0
        } else {
            random.random_range(1..8)
        };
        hear(&mut lines, enough);
        std::thread::sleep(Duration::from_micros(random.random_range(0..30_000)));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        let shown = hear(&mut lines, usize::MAX);
        judging += usize::from(!shown.is_empty());

        let reader = store.reader().unwrap();
        let acts = reader.pack(STUDY, 1).unwrap().acts;
        let new = &acts[known..];
        // The first count is that of the start; each other one is of a key.
        let keys = shown.len().saturating_sub(1);
        assert!(new.len() >= keys, "kill {kill} lost a judgement");
        assert!(
            new.len() <= keys + 1,
            "kill {kill}: more than was under way"
        );
        for ((act, key), seq) in new.iter().zip(KEYS.iter().cycle()).zip(known as u64 + 1..) {
            assert!(is_pressed(&act.action, *key), "kill {kill}: {act:?}");
            assert_eq!(act.seq, seq, "no hole");
        }
        let answered = reader.worklist(STUDY, 1).unwrap().progress().answered;
        if let Some(last) = shown.last() {
            let under_way = match (new.len() - keys, KEYS[keys % KEYS.len()]) {
                (0, _) => *last,
                (_, Key::U) => last - 1,
                _ => last + 1,
            };
            assert_eq!(answered, under_way, "kill {kill}");
        }
        known = acts.len();
    }
    println!("{judging} of {KILLS} while judging");
    assert!(judging > KILLS / 2, "{judging}");
    drop(Store::open(dir.path()).unwrap());
}
