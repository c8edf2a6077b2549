//! Every command against stores that are damaged at random: no panic, no hang, no signal; a failure names the file.
//!
//! `cargo test --test store damage` tries for about half a minute. For longer, with other damage:
//!
//!     EMPRL_DAMAGE_SECONDS=3600 EMPRL_DAMAGE_SEED=7 cargo test --test store damage -- --ignored --nocapture
//!
//! A failure prints its seed; EMPRL_DAMAGE_SEED with it begins there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use serde_json::Value;

use crate::cli_support::{Done, Place};
use crate::full_store::{copy, fill};

/// How long one command may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(60);

const COMMANDS: [&[&str]; 41] = [
    &["runs", "list"],
    &["runs", "list", "--all", "--json"],
    &["runs", "list", "--deleted"],
    &[
        "runs",
        "list",
        "--columns=name,ppo.lr,kl,test.ppl",
        "--sort=kl",
    ],
    &["runs", "list", "--group=experiment"],
    &["runs", "show", "1"],
    &["runs", "show", "2", "--json"],
    &["runs", "samples", "1"],
    &["runs", "rollout", "1", "--json"],
    &["runs", "compare", "1", "2", "--resamples=10"],
    &["runs", "export", "1", "--format=csv", "export-csv"],
    &["runs", "export", "1", "--format=jsonl", "export-jsonl"],
    &[
        "runs",
        "export",
        "1",
        "--format=tensorboard",
        "export-tensorboard",
    ],
    &["queue", "list", "--json"],
    &["data", "list"],
    &["data", "show", "builtin"],
    &["model", "show", "1"],
    &["responses", "list"],
    &["responses", "list", "--json"],
    &["study", "list"],
    &["study", "list", "--json"],
    &["study", "results", "1"],
    &["study", "pack", "1", "--out=packs"],
    &["table", "2"],
    &["evaluate", "--run=1"],
    &["doctor"],
    &["runs", "tag", "1", "--add=new"],
    &["runs", "note", "1", "new"],
    &["runs", "rename", "2", "new"],
    &["runs", "archive", "1"],
    &["runs", "delete", "2"],
    &["runs", "delete", "4", "--for-good"],
    &["runs", "undelete", "4"],
    &["queue", "add", "quickstart"],
    &["queue", "remove", "1"],
    &[
        "responses",
        "import",
        "Qoxmodel.txt",
        "--system=new",
        "--contexts=contexts.jsonl",
    ],
    &["responses", "delete", "Qoxmodel", "--for-good"],
    &[
        "study",
        "create",
        "--kind=ab",
        "--contexts=12",
        "--systems=Qoxmodel,Zyvbaseline",
        "--annotators=A,B,C",
    ],
    &[
        "study",
        "unblind",
        "2",
        "--by=Ada",
        "--reason=done",
        "--unfinished",
    ],
    &["study", "judge", "1", "--annotator=Ada"],
    &["run", "quickstart", "--dry-run", "--reuse=1"],
];

/// Columns with what no emprl writes into them.
const ROWS: [&str; 16] = [
    "UPDATE runs SET status = 'dancing' WHERE id = 1",
    "UPDATE runs SET stage = '' WHERE id = 2",
    "UPDATE runs SET name = CAST(x'FFFE' AS TEXT) WHERE id = 1",
    "UPDATE runs SET config_toml = 'not [toml' WHERE id = 1",
    "UPDATE runs SET environment_json = '{' WHERE id = 1",
    "UPDATE runs SET started = 9223372036854775807, ended = -9223372036854775808 WHERE id = 1",
    "UPDATE summary SET last = 9e999, min = NULL, last_step = -1 WHERE run = 1",
    "UPDATE events SET body = '{\"kind\": 7}' WHERE run = 1",
    "UPDATE samples SET dialogue_json = '{}' WHERE run = 1",
    "UPDATE rollouts SET response_json = 'null' WHERE run = 1",
    "UPDATE figures SET value = NULL, low = 9e999 WHERE run = 1",
    "UPDATE metric_keys SET stage = 'nowhere' WHERE id = 1",
    "UPDATE queue SET config_toml = CAST(x'00FF' AS TEXT)",
    "UPDATE systems SET problems_json = '7' WHERE id = 1",
    "UPDATE study_assignments SET page_json = '{}' WHERE study = 1",
    "UPDATE studies SET head_json = '[' WHERE id = 1",
];

/// How a store is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Bytes,
    Page,
    CutShort,
    LogBytes,
    LogCutShort,
    NoLog,
    Header,
    NoTable,
    Row,
    Files,
}

const DAMAGE: [Damage; 10] = [
    Damage::Bytes,
    Damage::Page,
    Damage::CutShort,
    Damage::LogBytes,
    Damage::LogCutShort,
    Damage::NoLog,
    Damage::Header,
    Damage::NoTable,
    Damage::Row,
    Damage::Files,
];

fn inflict(damage: Damage, store: &Path, random: &mut ChaCha8Rng) {
    let db = store.join("emprl.db");
    let log = store.join("emprl.db-wal");
    let flip = |path: &Path, random: &mut ChaCha8Rng| {
        let mut bytes = fs::read(path).unwrap();
        for _ in 0..random.random_range(1..=64) {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path, random: &mut ChaCha8Rng| {
        let length = fs::metadata(path).unwrap().len();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(random.random_range(0..length)).unwrap();
    };
    let sql = |sql: &str| {
        let raw = Connection::open(&db).unwrap();
        raw.execute_batch(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    match damage {
        Damage::Bytes => flip(&db, random),
        Damage::Page => {
            let mut bytes = fs::read(&db).unwrap();
            let page = random.random_range(0..bytes.len() / 4096) * 4096;
            let fill: u8 = random.random();
            bytes[page..page + 4096].fill(fill);
            fs::write(&db, bytes).unwrap();
        }
        Damage::CutShort => cut(&db, random),
        Damage::LogBytes => flip(&log, random),
        Damage::LogCutShort => cut(&log, random),
        Damage::NoLog => fs::remove_file(&log).unwrap(),
        Damage::Header => {
            let number = [-1, 0, 1, 3, 99, i64::from(i32::MIN)][random.random_range(0..6)];
            let name = ["user_version", "application_id"][random.random_range(0..2)];
            sql(&format!("PRAGMA {name} = {number}"));
        }
        Damage::NoTable => {
            let raw = Connection::open(&db).unwrap();
            let tables =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
            let mut query = raw.prepare(tables).unwrap();
            let tables = query.query_map([], |row| row.get(0)).unwrap();
            let tables: Vec<String> = tables.collect::<Result<_, _>>().unwrap();
            let table = &tables[random.random_range(0..tables.len())];
            sql(&format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"));
        }
        Damage::Row => {
            for _ in 0..random.random_range(1..=3) {
                sql(ROWS[random.random_range(0..ROWS.len())]);
            }
        }
        Damage::Files => {
            let runs = store.join("runs");
            match random.random_range(0..4) {
                0 => fs::remove_dir_all(&runs).unwrap(),
                1 => {
                    fs::remove_dir_all(&runs).unwrap();
                    fs::write(&runs, "a file").unwrap();
                }
                2 => {
                    fs::remove_file(runs.join("1/lock")).unwrap();
                    fs::create_dir(runs.join("1/lock")).unwrap();
                    sql("UPDATE runs SET status = 'running'");
                }
                _ => {
                    fs::remove_file(&db).unwrap();
                    fs::create_dir(&db).unwrap();
                }
            }
        }
    }
}

/// The program's answer; None if it took too long and was killed.
fn answer(place: &Place, arguments: &[&str]) -> Option<Done> {
    let mut child: Child = place
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    fn read(from: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
        let mut from = from.unwrap();
        std::thread::Builder::new()
            .name("reading".into())
            .spawn(move || {
                let mut bytes = Vec::new();
                from.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
            .unwrap()
    }
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Some(Done {
        code: status?.code().unwrap_or(-1),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    })
}

/// What is wrong with an answer from a damaged store.
fn complaint(
    arguments: &[&str],
    damage: Damage,
    sound: &Done,
    done: Option<&Done>,
) -> Option<String> {
    let Some(done) = done else {
        return Some(format!("it hangs: nothing after {} s", PATIENCE.as_secs()));
    };
    let all = format!("{}{}", done.stdout, done.stderr);
    if !(0..=2).contains(&done.code) {
        return Some(format!("it ends with {}", done.code));
    }
    if all.contains("internal error") || all.contains("panicked") {
        return Some("it panics".into());
    }
    if done.code != 0 {
        let error = done.stderr.lines().last().unwrap_or_default();
        // What it says of a sound store, it may also say here: a study is still blind.
        let same = done.stderr == sound.stderr;
        let names_it = [
            "emprl.db",
            "/store",
            "run ",
            "study ",
            "doctor",
            "above must be fixed",
        ]
        .iter()
        .any(|name| all.contains(name));
        let is_named = same || (error.starts_with("error: ") && names_it);
        return (!is_named).then(|| "the error does not name the file".into());
    }
    if arguments.contains(&"--json") && serde_json::from_str::<Value>(&done.stdout).is_err() {
        return Some("it prints what is not JSON".into());
    }
    // Whole runs never vanish; a log that is gone takes with it what was in it only.
    let is_list = arguments.starts_with(&["runs", "list"]) && arguments.contains(&"--json");
    if is_list && matches!(damage, Damage::Row | Damage::Files | Damage::Header) {
        let count =
            |text: &str| serde_json::from_str::<Vec<Value>>(text).map_or(0, |rows| rows.len());
        if count(&done.stdout) != count(&sound.stdout) {
            return Some("runs are missing without a word".into());
        }
    }
    None
}

struct Report {
    tried: usize,
    /// By kind of damage: answers of success, and of failure.
    answers: BTreeMap<Damage, (usize, usize)>,
    complaints: Vec<String>,
}

fn try_all(first_seed: u64, time: Duration) -> Report {
    let sound = Place::new();
    fill(&sound);
    // With a log that is not merged, as a killed program leaves it.
    let writer = Connection::open(sound.store().join("emprl.db")).unwrap();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO run_tags VALUES (1, 'late')")
        .unwrap();
    let template = tempfile::tempdir().unwrap();
    copy(sound.path(), template.path());
    drop(writer);
    assert!(template.path().join("store/emprl.db-wal").is_file());
    let place_of = || {
        let place = Place::new();
        copy(template.path(), place.path());
        let shared_memory = place.store().join("emprl.db-shm");
        if shared_memory.exists() {
            fs::remove_file(shared_memory).unwrap();
        }
        place
    };
    let begun = Instant::now();
    let mut report = Report {
        tried: 0,
        answers: BTreeMap::new(),
        complaints: Vec::new(),
    };
    let mut of_sound: BTreeMap<usize, Done> = BTreeMap::new();
    let mut seed = first_seed;
    while begun.elapsed() < time && report.complaints.len() < 20 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let damage = DAMAGE[random.random_range(0..DAMAGE.len())];
        let command = random.random_range(0..COMMANDS.len());
        let arguments = COMMANDS[command];
        of_sound
            .entry(command)
            .or_insert_with(|| answer(&place_of(), arguments).expect("a sound store is answered"));
        let place = place_of();
        inflict(damage, &place.store(), &mut random);
        let done = answer(&place, arguments);
        report.tried += 1;
        let counts = report.answers.entry(damage).or_default();
        match &done {
            Some(done) if done.code == 0 => counts.0 += 1,
            _ => counts.1 += 1,
        }
        if let Some(why) = complaint(arguments, damage, &of_sound[&command], done.as_ref()) {
            let said = done.map_or(String::new(), |done| {
                format!(
                    "{}{}",
                    done.stdout.chars().take(300).collect::<String>(),
                    done.stderr
                )
            });
            let line = format!(
                "seed {seed}, {damage:?}, {}: {why}: {said}",
                arguments.join(" ")
            );
            println!("{line}");
            report.complaints.push(line);
        }
        seed += 1;
    }
    report
}

fn check(report: &Report) {
    println!("{} commands were tried on damaged stores", report.tried);
    for (damage, (done, failed)) in &report.answers {
        println!("{damage:?}: {done} answered, {failed} refused");
    }
    assert!(
        report.complaints.is_empty(),
        "{}",
        report.complaints.join("\n")
    );
    assert!(report.tried > 0);
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn a_damaged_store_is_answered_by_every_command_in_words() {
    check(&try_all(
        number("EMPRL_DAMAGE_SEED", 1),
        Duration::from_secs(25),
    ));
}

#[test]
#[ignore = "tries for as long as EMPRL_DAMAGE_SECONDS says"]
fn a_damaged_store_is_answered_for_a_long_time() {
    let seconds = Duration::from_secs(number("EMPRL_DAMAGE_SECONDS", 600));
    check(&try_all(number("EMPRL_DAMAGE_SEED", 1_000_000), seconds));
}
