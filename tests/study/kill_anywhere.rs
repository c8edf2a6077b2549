//! Killed at any moment while somebody judges, the store keeps every judgement that was acknowledged, whole,
//! and none by half. And two who judge at once in one store lose nothing to each other.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::study_support::*;
use emprl::store::{Store, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction, JudgementRecord};
use emprl::study::pack::Pack;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const STORE: &str = "EMPRL_TEST_STORE";
const WHO: &str = "EMPRL_TEST_ANNOTATOR";
const COUNT: &str = "EMPRL_TEST_COUNT";
const KILLS: usize = 200;
const STUDY: StudyId = StudyId(1);

/// What is done at the n-th step: always three actions that belong together, now and then taken back.
fn actions(step: u64) -> [JudgementAction; 3] {
    let choice = [Choice::Left, Choice::Right, Choice::Tie][(step % 3) as usize];
    [
        JudgementAction::Answer(Answer::Choice(choice)),
        JudgementAction::Comment(format!("step {step} {}", "x".repeat((step % 700) as usize))),
        JudgementAction::Flag(step.is_multiple_of(2)),
    ]
}

fn acknowledge(acts: &[JudgementRecord]) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "recorded {}", serde_json::to_string(acts).unwrap()).unwrap();
    out.flush().unwrap();
}

/// The body of the program that is killed: does nothing unless a test below started it as one.
#[test]
fn judging_program() {
    let Some(dir) = std::env::var_os(STORE) else {
        return;
    };
    let annotator: u32 = std::env::var(WHO).unwrap().parse().unwrap();
    let count: u64 = std::env::var(COUNT).unwrap().parse().unwrap();
    let mut store = Store::open(Path::new(&dir)).unwrap();
    let desk = store.reader().unwrap().worklist(STUDY, annotator).unwrap();
    let pages = desk.pages();
    for step in 0..count {
        let item = pages[(step % pages.len() as u64) as usize].item;
        acknowledge(
            &store
                .judge_now(STUDY, annotator, item, &actions(step), step)
                .unwrap(),
        );
        if step % 5 == 4 {
            acknowledge(&store.undo_now(STUDY, annotator).unwrap());
        }
    }
}

fn start(dir: &Path, annotator: u32, count: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_anywhere::judging_program", "--nocapture"])
        .env(STORE, dir)
        .env(WHO, annotator.to_string())
        .env(COUNT, count.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads acknowledgements until the end, or until there were `enough`; a line cut short acknowledges nothing.
fn acknowledged(out: &mut impl BufRead, enough: usize) -> Vec<Vec<JudgementRecord>> {
    let mut seen = Vec::new();
    let mut line = String::new();
    while seen.len() < enough {
        line.clear();
        if out.read_line(&mut line).unwrap() == 0 {
            break;
        }
        // The harness may write its own words in front of the first.
        if let Some((_, acts)) = line.trim_end_matches('\n').split_once("recorded ") {
            seen.extend(
                serde_json::from_str::<Vec<JudgementRecord>>(acts)
                    .ok()
                    .filter(|_| line.ends_with('\n')),
            );
        }
    }
    seen
}

fn acts(store: &Store, annotator: u32) -> Vec<JudgementRecord> {
    store.reader().unwrap().pack(STUDY, annotator).unwrap().acts
}

fn prepared(dir: &Path) -> Store {
    let mut store = store_with_systems(dir, 2, 12);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 10;
    assert_eq!(create(&mut store, &definition), STUDY);
    store
}

/// Every judgement is there whole: its three actions one behind the other, or the one of an undo.
fn whole(acts: &[JudgementRecord]) {
    let mut at = 0;
    while at < acts.len() {
        let JudgementAction::Answer(_) = acts[at].action else {
            assert_eq!(acts[at].action, JudgementAction::Undo, "{:?}", acts[at]);
            at += 1;
            continue;
        };
        let together: Vec<&JudgementAction> =
            acts[at..].iter().take(3).map(|act| &act.action).collect();
        let step = acts[at].shown_ms;
        assert_eq!(
            together,
            actions(step).iter().collect::<Vec<_>>(),
            "half a judgement"
        );
        at += 3;
    }
    for (act, seq) in acts.iter().zip(1..) {
        assert_eq!(act.seq, seq, "no hole");
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_200_kills() {
    let dir = tempfile::tempdir().unwrap();
    drop(prepared(dir.path()));
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut known: BTreeMap<u32, usize> = BTreeMap::new();
    for kill in 0..KILLS {
        let annotator = 1 + kill as u32 % 3;
        let mut child = start(dir.path(), annotator, u64::MAX);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // At a random time from the start, or a random time after some were acknowledged.
        let mut seen = match kill % 4 {
            0 => Vec::new(),
            _ => acknowledged(&mut out, random.random_range(1..6)),
        };
        let after = Duration::from_micros(random.random_range(0..12_000));
        std::thread::sleep(after);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        seen.extend(acknowledged(&mut out, usize::MAX));
        *kinds
            .entry(if seen.is_empty() { "early" } else { "judging" })
            .or_default() += 1;

        let store = Store::open(dir.path()).unwrap();
        let on_disk = acts(&store, annotator);
        let before = known.get(&annotator).copied().unwrap_or(0);
        let shown: Vec<JudgementRecord> = seen.into_iter().flatten().collect();
        assert!(
            on_disk.len() >= before + shown.len(),
            "kill {kill} lost a judgement"
        );
        assert_eq!(on_disk[before..before + shown.len()], shown, "kill {kill}");
        whole(
            &on_disk[before..]
                .iter()
                .zip(1..)
                .map(|(act, seq)| {
                    assert_eq!(act.seq, before as u64 + seq);
                    JudgementRecord { seq, ..act.clone() }
                })
                .collect::<Vec<JudgementRecord>>(),
        );
        known.insert(annotator, on_disk.len());
    }
    println!("killed: {kinds:?}, acts: {known:?}");
    assert!(kinds["judging"] > KILLS / 2, "{kinds:?}");
    sound(dir.path());
}

/// The database is whole, and what was judged can still be sent.
fn sound(dir: &Path) {
    let db = rusqlite::Connection::open(dir.join("emprl.db")).unwrap();
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let store = Store::open(dir).unwrap();
    let pack = store.reader().unwrap().pack(STUDY, 1).unwrap();
    assert_eq!(Pack::from_bytes(&pack.to_bytes().unwrap()).unwrap(), pack);
}

/// What an annotator types at the n-th line. Undone answers keep the study from coming to its end.
fn typed(line: u64) -> String {
    match line % 8 {
        0 => "1".to_string(),
        1 => "f".to_string(),
        2 => format!("c line {line} {}", "x".repeat((line * 37 % 300) as usize)),
        3 => "2".to_string(),
        4 | 6 => "u".to_string(),
        5 => "0".to_string(),
        _ => "s".to_string(),
    }
}

/// Whether an act is what a typed line asks for.
fn is_typed(act: &JudgementRecord, line: u64) -> bool {
    let choice = |choice| act.action == JudgementAction::Answer(Answer::Choice(choice));
    match line % 8 {
        0 => choice(Choice::Left),
        1 => matches!(act.action, JudgementAction::Flag(_)),
        2 => {
            matches!(&act.action, JudgementAction::Comment(text) if format!("c {text}") == typed(line))
        }
        3 => choice(Choice::Right),
        4 | 6 => act.action == JudgementAction::Undo,
        5 => choice(Choice::Tie),
        _ => act.action == JudgementAction::Skip,
    }
}

/// Reads what the program says until `enough` was said to be recorded, or to the end. Gives how many were, and
/// those acts that are said in full.
fn said(out: &mut impl Read, enough: usize) -> (usize, Vec<JudgementRecord>) {
    let mut count = 0;
    let mut acts = Vec::new();
    let mut line = Vec::new();
    let mut byte = [0];
    // Byte by byte, so that nothing behind the line is taken.
    while count < enough && out.read(&mut byte).unwrap() == 1 {
        if byte[0] != b'\n' {
            line.push(byte[0]);
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
        let event: Option<Value> = serde_json::from_str(&text).ok();
        match event.filter(|event| event["event"] == "recorded") {
            Some(event) => acts.push(serde_json::from_value(event["act"].clone()).unwrap()),
            None if text == "Recorded." || text.starts_with("Undone: ") => {}
            None => continue,
        }
        count += 1;
    }
    (count, acts)
}

/// The program itself, judging in the terminal, is killed; what it had said to be recorded is.
#[test]
fn nothing_the_program_said_is_recorded_is_lost_by_200_kills() {
    let place = crate::cli_support::Place::new();
    let dir = place.store();
    std::fs::create_dir_all(&dir).unwrap();
    let mut store = store_with_systems(&dir, 2, 700);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 700;
    assert_eq!(create(&mut store, &definition), STUDY);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut known: BTreeMap<u32, usize> = BTreeMap::new();
    let mut judging = 0;
    for kill in 0..KILLS {
        let annotator = 1 + kill as u32 % 3;
        let who = annotator.to_string();
        let mut arguments = vec!["study", "judge", "1", "--annotator", &who];
        // Every other time as a person sees it.
        if kill % 2 == 0 {
            arguments.push("--json");
        }
        let mut command = place.command(&arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let lines: Vec<String> = (0..240).map(typed).collect();
        input
            .write_all((lines.join("\n") + "\n").as_bytes())
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let enough = match kill % 4 {
            0 => 0,
            _ => random.random_range(1..6),
        };
        let (before_kill, mut shown) = said(&mut out, enough);
        std::thread::sleep(Duration::from_micros(random.random_range(0..12_000)));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "kill {kill}");
        let (more, rest) = said(&mut out, usize::MAX);
        let count = before_kill + more;
        shown.extend(rest);
        judging += usize::from(count > 0);

        let on_disk = acts(&store, annotator);
        let before = known.insert(annotator, on_disk.len()).unwrap_or(0);
        let new = &on_disk[before..];
        assert!(new.len() >= count, "kill {kill} lost a judgement");
        assert!(
            new.len() <= count + 1,
            "kill {kill}: more than was under way"
        );
        if kill % 2 == 0 {
            assert_eq!(new[..count], shown, "kill {kill}");
        }
        for (act, line) in new.iter().zip(0..) {
            assert!(is_typed(act, line), "kill {kill}, line {line}: {act:?}");
            assert_eq!(act.seq, before as u64 + line + 1, "no hole");
        }
    }
    println!("{judging} of {KILLS} while judging, acts: {known:?}");
    assert!(judging > KILLS / 2, "{judging}");
    sound(&dir);
}

#[test]
fn two_judge_at_once_in_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = prepared(dir.path());
    let children: Vec<Child> = (1..=2).map(|who| start(dir.path(), who, 60)).collect();
    for (mut child, who) in children.into_iter().zip(1..) {
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let shown: Vec<JudgementRecord> = acknowledged(&mut out, usize::MAX)
            .into_iter()
            .flatten()
            .collect();
        assert!(child.wait().unwrap().success());
        let on_disk = acts(&store, who);
        assert_eq!(on_disk.len(), 60 * 3 + 12);
        assert_eq!(on_disk, shown);
        whole(&on_disk);
    }
    assert!(acts(&store, 3).is_empty());
}
