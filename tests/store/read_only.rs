//! A store that cannot be written is read; one that cannot be read says so. As on a read-only disk, or in another
//! user's folder.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli_support::{Done, Place};
use crate::full_store::fill;
use crate::store_support::*;
use emprl::experiment::{Config, Stage};
use emprl::store::{NewRun, RunLock, Store};
use rusqlite::Connection;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Sets the permissions of everything in a folder, and of the folder.
fn chmod_all(folder: &Path, files: u32, folders: u32) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => chmod_all(&path, files, folders),
            false => chmod(&path, files),
        }
    }
    chmod(folder, folders);
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The program as a user whom permissions stop: root is stopped by none, so it becomes nobody.
struct Stopped<'a> {
    place: &'a Place,
    program: PathBuf,
}

impl Stopped<'_> {
    fn in_place(place: &Place) -> Stopped<'_> {
        // Where every user can reach it.
        chmod(place.path(), 0o755);
        let program = place.path().join("emprl");
        let built = Path::new(env!("CARGO_BIN_EXE_emprl"));
        if fs::hard_link(built, &program).is_err() {
            fs::copy(built, &program).unwrap();
        }
        Stopped { place, program }
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
                command.arg(&self.program);
                command
            }
            false => Command::new(&self.program),
        };
        let output = command
            .args(arguments)
            .current_dir(self.place.path())
            .env("EMPRL_STORE", self.place.store())
            .env_remove("EMPRL_LOG")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        Done::of(output)
    }
}

const READING: [&[&str]; 13] = [
    &["runs", "list"],
    &["runs", "list", "--json"],
    &["runs", "list", "--deleted"],
    &["runs", "show", "1"],
    &["runs", "samples", "1"],
    &["runs", "rollout", "1"],
    &["runs", "note", "1"],
    &["runs", "compare", "1", "2", "--resamples", "10"],
    &["queue", "list"],
    &["data", "list"],
    &["responses", "list"],
    &["study", "list"],
    &["study", "results", "1"],
];

const WRITING: [&[&str]; 16] = [
    &["runs", "tag", "1", "--add", "new"],
    &["runs", "note", "1", "new"],
    &["runs", "rename", "1", "new"],
    &["runs", "archive", "1"],
    &["runs", "delete", "1"],
    &["runs", "delete", "4", "--for-good"],
    &["runs", "undelete", "4"],
    &["queue", "add", "quickstart"],
    &["queue", "remove", "1"],
    &["queue", "run"],
    &["data", "import", "empathetic-dialogues", "."],
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
    &["study", "unblind", "1", "--by=Ada", "--reason=done"],
    &["run", "quickstart"],
];

/// Every command reads what it read before, and changes nothing.
fn reads_all_and_writes_nothing(place: &Place, run: impl Fn(&[&str]) -> Done, why: &[&str]) {
    let before: Vec<Done> = READING
        .iter()
        .map(|arguments| place.run(arguments))
        .collect();
    let db = || fs::read(place.store().join("emprl.db")).unwrap();
    let bytes = db();
    for (arguments, before) in READING.iter().zip(&before) {
        let done = run(arguments);
        assert_eq!(done.stdout, before.stdout, "{arguments:?}: {}", done.stderr);
        assert_eq!(done.code, before.code, "{arguments:?}: {}", done.stderr);
        // What fails for another reason says that one.
        assert!(
            done.code != 0 || done.stderr.contains("read-only"),
            "{arguments:?}: {}",
            done.stderr
        );
    }
    for arguments in WRITING {
        let done = run(arguments);
        assert_eq!(
            done.code, 1,
            "{arguments:?}: {}{}",
            done.stdout, done.stderr
        );
        let error = done.stderr.lines().last().unwrap();
        for word in why {
            assert!(error.contains(word), "{arguments:?}: {error}");
        }
    }
    assert!(db() == bytes, "not a byte changed");
    assert!(!place.store().join("data").exists());
    assert!(!place.store().join("runs/5").exists());
}

#[test]
fn a_store_that_cannot_be_written_is_read_and_every_change_is_refused() {
    let place = Place::new();
    fill(&place);
    let stopped = Stopped::in_place(&place);
    // The owner's commands close the store to others; here it is open for reading, and for that only.
    let run = |arguments: &[&str]| {
        chmod_all(&place.store(), 0o444, 0o555);
        stopped.run(arguments)
    };
    reads_all_and_writes_nothing(&place, run, &["read-only", "Permission denied"]);
    chmod_all(&place.store(), 0o644, 0o755);
}

#[test]
fn a_newer_store_is_read_and_written_by_no_command() {
    let place = Place::new();
    fill(&place);
    let raw = Connection::open(place.store().join("emprl.db")).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(raw);
    reads_all_and_writes_nothing(
        &place,
        |arguments| place.run(arguments),
        &["newer emprl", "99"],
    );
}

/// A run with a metric, in the write-ahead log only while the store is open.
fn in_the_log(place: &Place) -> (Store, RunLock) {
    let mut store = Store::open(&place.store()).unwrap();
    let new = NewRun {
        config_toml: Config::default().to_toml(),
        ..new_run("in the log")
    };
    let lock = store.create_run(&new).unwrap();
    let step = metrics(Stage::Ppo, 1, &[("ppo/kl/full", 0.25)]);
    store.record(lock.run(), &[(1, step)]).unwrap();
    (store, lock)
}

/// A copy of the store's files with these ends.
fn as_a_kill_leaves_it(place: &Place, ends: &[&str]) -> Place {
    let left = Place::new();
    fs::create_dir(left.store()).unwrap();
    for end in ends {
        let name = format!("emprl.db{end}");
        fs::copy(place.store().join(&name), left.store().join(&name)).unwrap();
    }
    left
}

#[test]
fn what_a_killed_program_left_in_its_log_is_read_where_nothing_can_be_written() {
    let place = Place::new();
    let _open = in_the_log(&place);
    // As a kill leaves it: rows in the write-ahead log only. With and without the shared memory.
    for ends in [&["", "-wal"][..], &["", "-wal", "-shm"][..]] {
        let left = as_a_kill_leaves_it(&place, ends);
        let log = left.store().join("emprl.db-wal");
        assert!(fs::metadata(&log).unwrap().len() > 4096);
        let stopped = Stopped::in_place(&left);
        chmod_all(&left.store(), 0o444, 0o555);
        let done = stopped.run(&["runs", "show", "1", "--json"]);
        assert_eq!(done.code, 0, "{ends:?}: {}", done.stderr);
        assert!(done.stdout.contains("0.25"), "{ends:?}: {}", done.stdout);
        assert!(
            done.stderr.contains("read-only"),
            "{ends:?}: {}",
            done.stderr
        );
        chmod_all(&left.store(), 0o644, 0o755);
    }
}

/// Runs the program where nothing can be written into a file, as on a full disk.
fn on_a_full_disk(place: &Place, arguments: &[&str]) -> Done {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
    let output = command
        .arg(env!("CARGO_BIN_EXE_emprl"))
        .args(arguments)
        .current_dir(place.path())
        .env("EMPRL_STORE", place.store())
        .env_remove("EMPRL_LOG")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Done::of(output)
}

#[test]
fn a_store_on_a_full_disk_is_read() {
    let place = Place::new();
    let open = in_the_log(&place);
    let left = as_a_kill_leaves_it(&place, &["", "-wal"]);
    drop(open);
    // As a kill leaves it, and as it is left otherwise.
    for place in [left, place] {
        let done = on_a_full_disk(&place, &["runs", "show", "1", "--json"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("0.25"), "{}", done.stdout);
        assert!(
            done.stderr.contains("read-only (the disk is full"),
            "{}",
            done.stderr
        );
        let done = on_a_full_disk(&place, &["runs", "tag", "1", "--add", "new"]);
        assert_eq!(done.code, 1);
        assert!(
            done.stderr.contains("the disk is full; free some space"),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn a_folder_without_permission_is_never_an_empty_store() {
    let place = Place::new();
    fill(&place);
    let stopped = Stopped::in_place(&place);
    let store = place.store();
    for path in [store.clone(), store.join("emprl.db"), store.join("runs")] {
        chmod_all(&store, 0o644, 0o755);
        chmod(&path, 0);
        for arguments in READING {
            let done = stopped.run(arguments);
            if arguments[0] == "data" {
                // The data sets lie beside the database and the runs.
                assert_eq!(done.code, i32::from(path == store), "{}", done.stderr);
                continue;
            }
            assert_eq!(
                done.code, 1,
                "{arguments:?}: {}{}",
                done.stdout, done.stderr
            );
            let says = format!("no permission: {}", path.display());
            assert!(
                done.stderr.contains(&says),
                "{arguments:?}: {}",
                done.stderr
            );
            assert!(
                !done.stdout.contains("yet"),
                "{arguments:?}: {}",
                done.stdout
            );
        }
        let done = stopped.run(&["runs", "tag", "1", "--add", "new"]);
        assert!(done.stderr.contains("no permission"), "{}", done.stderr);
        chmod(&path, 0o755);
    }
    // What is not there is another matter.
    chmod_all(&store, 0o644, 0o755);
    let nowhere = stopped.run(&["runs", "list", "--store", "nowhere"]);
    assert_eq!(nowhere.code, 0, "{}", nowhere.stderr);
    assert!(nowhere.stdout.contains("No runs in nowhere yet"));
}

#[test]
fn a_store_is_closed_to_other_users_and_says_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("store");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut store = Store::open(&place).unwrap();
    store.create_run(&new_run("kept")).unwrap();
    assert_eq!(mode(&place), 0o700);
    for name in ["emprl.db", "emprl.db-wal", "emprl.db-shm"] {
        assert_eq!(mode(&place.join(name)), 0o600, "{name}");
    }
    // One of an earlier version, with wider ones.
    chmod(&place, 0o755);
    for name in ["emprl.db", "emprl.db-wal", "emprl.db-shm"] {
        chmod(&place.join(name), 0o644);
    }
    assert!(emprl::store::access(&place).closed);
    assert!(!emprl::store::access(&place).closed, "said once");
    assert_eq!(mode(&place), 0o700);
    for name in ["emprl.db", "emprl.db-wal", "emprl.db-shm"] {
        assert_eq!(mode(&place.join(name)), 0o600, "{name}");
    }
    drop(store);
    // A folder with other things in it is not the store's to close.
    chmod(&place, 0o755);
    fs::write(place.join("thesis.tex"), "mine").unwrap();
    chmod(&place.join("runs"), 0o755);
    drop(Store::open(&place).unwrap());
    assert_eq!(mode(&place), 0o755);
    assert_eq!(mode(&place.join("runs")), 0o700);
}

#[test]
fn a_store_that_is_read_only_on_purpose_stays_so() {
    let place = Place::new();
    fill(&place);
    let stopped = Stopped::in_place(&place);
    chmod_all(&place.store(), 0o444, 0o555);
    if is_root() {
        // Its owner must be the one who runs the program.
        let mut owned = Command::new("chown");
        owned.args(["-R", "65534:65534"]).arg(place.store());
        assert!(owned.status().unwrap().success());
    }
    for _ in 0..2 {
        let done = stopped.run(&["runs", "list"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stderr.contains("read-only"), "{}", done.stderr);
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.store()), 0o500);
    assert_eq!(mode(&place.store().join("emprl.db")), 0o400);
    chmod_all(&place.store(), 0o644, 0o755);
}
