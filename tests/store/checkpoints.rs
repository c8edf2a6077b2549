//! A checkpoint is whole, or it is not there; an altered one is never loaded.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::store_support::new_run;
use emprl::checkpoint::{CheckpointError, publish, verify};
use emprl::store::Store;

fn write_two(text: &str) -> impl FnOnce(&Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    move |dir: &Path| {
        fs::write(dir.join("weights.safetensors"), text)?;
        fs::create_dir(dir.join("state"))?;
        fs::write(dir.join("state/step.json"), "{}")?;
        Ok(())
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_published_checkpoint_is_whole_and_checked() {
    let run = tempfile::tempdir().unwrap();
    let done = publish(run.path(), "ppo-100", write_two("abc")).unwrap();
    assert_eq!(done.path, Path::new("checkpoints/ppo-100"));
    assert_eq!(done.bytes, 5);
    let dir = run.path().join(&done.path);
    let manifest = verify(&dir).unwrap();
    let files: Vec<(&str, u64)> = manifest
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.bytes))
        .collect();
    assert_eq!(files, [("state/step.json", 2), ("weights.safetensors", 3)]);
    assert_eq!(
        manifest.files[1].sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(names(&run.path().join("checkpoints")), ["ppo-100"]);
}

#[test]
fn what_was_altered_is_refused_by_name() {
    let run = tempfile::tempdir().unwrap();
    let whole = || {
        let done = publish(run.path(), "a", write_two("abc")).unwrap();
        run.path().join(done.path)
    };
    let says = |error: CheckpointError, words: &[&str]| {
        for word in words {
            assert!(error.to_string().contains(word), "`{error}` lacks `{word}`");
        }
    };
    let dir = whole();
    fs::write(dir.join("weights.safetensors"), "ab").unwrap();
    says(
        verify(&dir).unwrap_err(),
        &["weights.safetensors", "2 bytes", "3 were", "earlier"],
    );
    let dir = whole();
    fs::write(dir.join("weights.safetensors"), "abd").unwrap();
    says(
        verify(&dir).unwrap_err(),
        &["weights.safetensors", "altered"],
    );
    fs::remove_file(dir.join("weights.safetensors")).unwrap();
    says(
        verify(&dir).unwrap_err(),
        &["weights.safetensors", "missing"],
    );
    let dir = whole();
    fs::write(dir.join("manifest.json"), "{\"version\": 1, \"fi").unwrap();
    says(verify(&dir).unwrap_err(), &["manifest.json", "malformed"]);
    let hostile = r#"{"version":1,"files":[{"path":"../../secret","bytes":1,"sha256":""}]}"#;
    fs::write(dir.join("manifest.json"), hostile).unwrap();
    says(verify(&dir).unwrap_err(), &["manifest.json", "outside"]);
    fs::remove_file(dir.join("manifest.json")).unwrap();
    says(
        verify(&dir).unwrap_err(),
        &["checkpoints/a", "no manifest.json"],
    );
    says(
        verify(&run.path().join("nowhere")).unwrap_err(),
        &["nowhere"],
    );
}

#[test]
fn a_failed_write_leaves_the_one_before() {
    let run = tempfile::tempdir().unwrap();
    publish(run.path(), "a", write_two("first")).unwrap();
    let error = publish(run.path(), "a", |dir| {
        fs::write(dir.join("half"), "x")?;
        Err("the pen broke".into())
    })
    .unwrap_err();
    assert!(error.to_string().contains("the pen broke"), "{error}");
    let dir = run.path().join("checkpoints/a");
    verify(&dir).unwrap();
    assert_eq!(
        fs::read_to_string(dir.join("weights.safetensors")).unwrap(),
        "first"
    );
    assert_eq!(names(&run.path().join("checkpoints")), ["a"]);
    publish(run.path(), "a", write_two("second")).unwrap();
    assert_eq!(
        fs::read_to_string(dir.join("weights.safetensors")).unwrap(),
        "second"
    );
    for name in ["", ".", "..", ".hidden", "a/b", "a b", "ä"] {
        let error = publish(run.path(), name, write_two("x")).unwrap_err();
        assert!(matches!(error, CheckpointError::Name { .. }), "{error}");
    }
}

#[test]
fn what_a_crash_left_is_cleared_when_the_run_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let lock = store.create_run(&new_run("crashed")).unwrap();
    let (run, folder) = (lock.run(), lock.dir().join("checkpoints"));
    publish(lock.dir(), "kept", write_two("1")).unwrap();
    publish(lock.dir(), "replaced", write_two("2")).unwrap();
    publish(lock.dir(), "moved", write_two("3")).unwrap();
    // Killed while writing a new one, while clearing an old one, and between the two renames.
    fs::create_dir_all(folder.join(".new-next/state")).unwrap();
    fs::create_dir_all(folder.join(".old-replaced")).unwrap();
    fs::rename(folder.join("moved"), folder.join(".old-moved")).unwrap();
    drop(lock);

    assert_eq!(store.recover().unwrap(), [run]);
    assert_eq!(names(&folder), ["kept", "moved", "replaced"]);
    for name in names(&folder) {
        verify(&folder.join(name)).unwrap();
    }
    fs::create_dir_all(folder.join(".new-next")).unwrap();
    let _lock = store.hold_run(run).unwrap();
    assert_eq!(names(&folder), ["kept", "moved", "replaced"]);
}
