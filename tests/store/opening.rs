//! A folder that is no store, or not a sound one, ends in one clear message; a newer store is read only.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::store_support::*;
use emprl::experiment::{Control, EventKind, Report, Stage};
use emprl::store::{ReadOnly, RunId, RunRef, RunStatus, Store, StoreError, StoreReader};
use rusqlite::Connection;

fn filled(dir: &Path) -> RunId {
    let mut store = Store::open(dir).unwrap();
    let lock = store.create_run(&new_run("kept")).unwrap();
    let points: Vec<_> = (0..2_000)
        .map(|step| (0, metrics(Stage::Ppo, step, &[("a", step as f64)])))
        .collect();
    store.record(lock.run(), &points).unwrap();
    store
        .set_status(lock.run(), RunStatus::Finished, None, 5)
        .unwrap();
    lock.run()
}

fn says(error: &StoreError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{text}` does not say `{word}`");
    }
}

#[test]
fn a_store_is_made_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("some/where");
    let missing = StoreReader::open(&place).err().unwrap();
    assert!(matches!(missing, StoreError::Missing { .. }));
    assert!(!place.exists(), "reading makes nothing");
    let run = filled(&place);
    assert_eq!(run, RunId(1));
    let again = Store::open(&place).unwrap();
    assert_eq!(again.read_only(), None);
    let row = &again.reader().unwrap().list_runs().unwrap()[0];
    assert_eq!(
        (row.id, row.status, row.ended),
        (run, RunStatus::Finished, Some(5))
    );
    // Who is killed while making it leaves an empty file: that is still no store, and becomes one.
    let begun = dir.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join("emprl.db"), "").unwrap();
    let nothing = StoreReader::open(&begun).err().unwrap();
    assert!(matches!(nothing, StoreError::Missing { .. }));
    Store::open(&begun).unwrap();
}

#[test]
fn a_newer_store_is_read_but_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let run = filled(dir.path());
    let db = dir.path().join("emprl.db");
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch("PRAGMA user_version = 99; ALTER TABLE runs ADD COLUMN colour TEXT")
        .unwrap();
    drop(raw);
    let before = fs::read(&db).unwrap();

    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!(store.read_only(), Some(&ReadOnly::Newer(99)));
    let reader = store.reader().unwrap();
    assert_eq!(reader.read_only(), Some(&ReadOnly::Newer(99)));
    assert_eq!(reader.list_runs().unwrap()[0].name, "kept");
    let key = key(Stage::Ppo, "a");
    assert_eq!(reader.series(run, &key, None).unwrap().len(), 2_000);
    let control = Control::Stop;
    let stop = Report::Event {
        at: None,
        kind: EventKind::Control { control },
    };
    let refused = [
        store.create_run(&new_run("no")).map(|_| ()),
        store.resume_run(run).map(|_| ()),
        store.record(run, &[(0, metrics(Stage::Ppo, 1, &[]))]),
        store.set_status(run, RunStatus::Failed, None, 0),
        store.record(run, &[(0, stop)]),
        store.heartbeat(run),
        store.set_note(run, "no"),
        store.truncate_after(run, None),
        store.recover().map(|_| ()),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
        says(
            &error,
            &["emprl.db", "newer", "99", "update emprl", "--store"],
        );
    }
    drop((store, reader));
    assert!(fs::read(&db).unwrap() == before, "not a byte changed");

    // Tables that this program has no word for: the message still says why.
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch("ALTER TABLE runs RENAME COLUMN name TO title")
        .unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = store.reader().unwrap().list_runs().unwrap_err();
    says(&error, &["newer", "99"]);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("emprl.db");
    let letter = "Dear diary, today nothing was trained.\n".repeat(200);
    fs::write(&db, &letter).unwrap();
    for error in [
        Store::open(dir.path()).err().unwrap(),
        StoreReader::open(dir.path()).err().unwrap(),
    ] {
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
        says(&error, &["emprl.db", "not an SQLite file", "--store"]);
    }
    assert_eq!(fs::read_to_string(&db).unwrap(), letter);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("emprl.db");
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    drop(raw);
    let before = fs::read(&db).unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    says(&error, &["emprl.db", "another program", "--store"]);
    assert!(fs::read(&db).unwrap() == before, "not a byte changed");
}

#[test]
fn a_store_that_was_cut_short_says_so() {
    for keep in [30, 4_096, 20_000] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let db = dir.path().join("emprl.db");
        let whole = fs::metadata(&db).unwrap().len();
        fs::File::options()
            .write(true)
            .open(&db)
            .unwrap()
            .set_len(keep)
            .unwrap();
        let error = Store::open(dir.path()).err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        says(&error, &["emprl.db", &keep.to_string()]);
        if keep > 30 {
            says(&error, &["cut short", &whole.to_string()]);
        }
    }
}

#[test]
fn a_damaged_page_is_noticed_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let run = filled(dir.path());
    let mut store = Store::open(dir.path()).unwrap();
    let more: Vec<_> = (2_000..20_000)
        .map(|step| (0, metrics(Stage::Ppo, step, &[("a", step as f64)])))
        .collect();
    store.record(run, &more).unwrap();
    drop(store);
    let db = dir.path().join("emprl.db");
    let mut file = fs::File::options()
        .read(true)
        .write(true)
        .open(&db)
        .unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    // The points were written last, and are most of it, so they lie behind the tables' own pages.
    let start = bytes.len() * 2 / 3 / 4_096 * 4_096;
    file.seek(SeekFrom::Start(start as u64)).unwrap();
    file.write_all(&vec![0xFF; bytes.len() - start]).unwrap();
    drop(file);
    let reader = StoreReader::open(dir.path()).unwrap();
    let read = reader.series(run, &key(Stage::Ppo, "a"), None);
    let error = read.err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    says(&error, &["emprl.db", "damaged", "-wal"]);
}

#[test]
fn a_row_that_means_nothing_is_listed_as_damaged_and_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    filled(dir.path());
    let raw = Connection::open(dir.path().join("emprl.db")).unwrap();
    raw.execute("UPDATE runs SET status = 'dancing' WHERE id = 1", [])
        .unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let rows = reader.list_runs().unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.id.0, row.status)).collect();
    assert_eq!(found, [(2, RunStatus::Finished), (1, RunStatus::Damaged)]);
    assert_eq!(rows[1].name, "kept", "what can be read is");
    let why = rows[1].error.as_deref().unwrap();
    assert!(
        why.contains("run 1, status") && why.contains("dancing"),
        "{why}"
    );
    let error = reader.run(RunId(1)).unwrap_err();
    says(&error, &["emprl.db", "run 1, status", "dancing"]);
}

#[test]
fn a_place_that_is_no_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Store::open(&file.join("store")).err().unwrap();
    assert!(matches!(error, StoreError::Folder { .. }), "{error}");
    says(&error, &["file/store", "--store"]);
    // Where the database should be there is a folder.
    fs::create_dir_all(dir.path().join("odd/emprl.db")).unwrap();
    let error = Store::open(&dir.path().join("odd")).err().unwrap();
    assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
    says(&error, &["odd/emprl.db", "not a file"]);
    #[cfg(target_os = "linux")]
    {
        let error = Store::open(Path::new("/proc/emprl")).err().unwrap();
        assert!(matches!(error, StoreError::Folder { .. }), "{error}");
    }
}

#[test]
fn what_a_crash_left_unmerged_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let run = filled(dir.path());
    // As a kill leaves it: rows in the write-ahead log only.
    let left = tempfile::tempdir().unwrap();
    for name in ["emprl.db", "emprl.db-wal"] {
        fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    drop(store);
    assert!(
        fs::metadata(left.path().join("emprl.db-wal"))
            .unwrap()
            .len()
            > 4_096
    );
    let reader = StoreReader::open(left.path()).unwrap();
    let points = reader.series(run, &key(Stage::Ppo, "a"), None).unwrap();
    assert_eq!(points.len(), 2_000);
}

#[test]
fn runs_and_their_steps_are_read_from_text() {
    assert_eq!("3".parse(), Ok(RunId(3)));
    assert_eq!(
        "3".parse(),
        Ok(RunRef {
            run: RunId(3),
            step: None
        })
    );
    let at = RunRef {
        run: RunId(12),
        step: Some(400),
    };
    assert_eq!("12@400".parse(), Ok(at));
    assert_eq!(at.to_string(), "12@400");
    for wrong in [
        "",
        "0",
        "-1",
        "+1",
        "x",
        "3@",
        "@3",
        "3@x",
        "3@4@5",
        "3 ",
        "99999999999999999999",
    ] {
        let error = wrong.parse::<RunRef>().unwrap_err();
        assert!(error.to_string().contains(&format!("`{wrong}`")), "{error}");
    }
}
