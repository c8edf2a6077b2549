//! Wrong input ends in one line that names the file, the place and the fix, the right exit code, and nothing
//! half-written in the store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::cli_support::{Place, short};
use rusqlite::Connection;
use serde_json::Value;

/// Every file below a folder with its content, but for SQLite's own companions.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("-wal") && !name.ends_with("-shm") {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The command must be refused with this exit code, in one line that holds all of `parts`, and leave
/// the store as it was.
fn refused(place: &Place, arguments: &[&str], code: i32, parts: &[&str]) {
    let before = snapshot(&place.store());
    let done = place.run(arguments);
    let line = done.stderr.trim_end();
    assert_eq!(done.code, code, "{arguments:?}: {line}");
    assert_eq!(done.stdout, "", "{arguments:?}");
    assert!(line.starts_with("error: "), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
    assert!(!line.contains("panicked"), "{arguments:?}: {line}");
    for part in parts {
        assert!(
            line.contains(part),
            "{arguments:?}: no {part:?} in {line:?}"
        );
    }
    assert!(
        before == snapshot(&place.store()),
        "{arguments:?} changed the store"
    );
}

/// A store with one short run, and a Hugging Face folder made of its generator.
fn trained() -> &'static (Place, PathBuf) {
    static TRAINED: OnceLock<(Place, PathBuf)> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let place = Place::new();
        place.ok(&short(&["--set", "run.stages=[\"generator\"]"]));
        let shown = place.json(&["model", "show", "1"]);
        (place, PathBuf::from(shown["folder"].as_str().unwrap()))
    })
}

/// A copy of the model's Hugging Face files, with one file changed by `damage`.
fn model_with(name: &str, file: &str, damage: impl FnOnce(&Path)) -> String {
    let (place, folder) = trained();
    let copy = place.path().join("models").join(name);
    fs::create_dir_all(&copy).unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(folder.join(file), copy.join(file)).unwrap();
    }
    damage(&copy.join(file));
    copy.display().to_string()
}

fn cut_to_half(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn edit_json(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

#[test]
fn experiments() {
    let place = Place::new();
    let file = |name: &str, text: &str| place.write(name, text);
    let cases: Vec<(Vec<String>, i32, Vec<&str>)> = vec![
        (
            vec!["nowhere.toml".into()],
            1,
            vec!["nowhere.toml", "experiments/quickstart.toml"],
        ),
        (
            vec!["quickstat".into()],
            2,
            vec!["quickstat", "quickstart, emprl-paper"],
        ),
        (vec![".".into()], 1, vec!["cannot read .", "Give the path"]),
        (
            vec![file("cut.toml", "[ppo]\nsteps = 3\n[rewa")],
            2,
            vec!["cut.toml", "line 3"],
        ),
        (
            vec![file("key.toml", "[ppo]\nstep = 3\n")],
            2,
            vec!["key.toml", "`ppo.step`", "Did you mean `ppo.steps`?"],
        ),
        (
            vec![file("range.toml", "[ppo]\nclip_range = 2\n")],
            2,
            vec!["range.toml", "`ppo.clip_range`", "0 to 1"],
        ),
        (
            vec![file("word.toml", "[ppo]\nsteps = \"many\"\n")],
            2,
            vec!["word.toml", "`ppo.steps`", "whole number from 1"],
        ),
        (
            vec![file("orphan.toml", "parent = \"nobody\"\n")],
            2,
            vec!["orphan.toml", "`nobody`", "quickstart"],
        ),
        (
            vec![file("circle.toml", "parent = \"circle\"\n")],
            2,
            vec!["circle.toml", "circle → circle"],
        ),
        (
            vec![file(
                "stages.toml",
                "parent = \"quickstart\"\n[run]\nstages = [\"ppo\"]\n",
            )],
            2,
            vec!["stages.toml", "`run.stages`", "needs the generator stage"],
        ),
        (
            vec!["quickstart".into(), "--set=ppo.steps".into()],
            2,
            vec!["--set ppo.steps", "key=value"],
        ),
        (
            vec!["quickstart".into(), "--set=ppo.lrr=1".into()],
            2,
            vec!["`ppo.lrr`", "`ppo.lr`"],
        ),
        (
            vec!["quickstart".into(), "--set=ppo.steps=0".into()],
            2,
            vec!["`ppo.steps`", "1 to 10000000"],
        ),
        (
            vec!["quickstart".into(), "--seed=99999999999".into()],
            2,
            vec!["--seed", "0 to 4294967295"],
        ),
        (
            vec!["quickstart".into(), "--device=abacus".into()],
            2,
            vec!["\"abacus\"", "flex"],
        ),
        (
            vec!["quickstart".into(), "--set=data.dialogues=movies".into()],
            2,
            vec!["\"movies\"", "builtin"],
        ),
        (
            vec![
                "quickstart".into(),
                "--set=data.dialogues=empathetic-dialogues".into(),
            ],
            1,
            vec![
                "empathetic-dialogues is not imported",
                "`emprl data import empathetic-dialogues DIR`",
            ],
        ),
        (
            vec!["quickstart".into(), "--set=model.source=nowhere".into()],
            1,
            vec!["nowhere", "config.json", "give a Hugging Face folder"],
        ),
        (vec![], 2, vec!["give an experiment file", "quickstart"]),
    ];
    for (arguments, code, parts) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(
            &place,
            &[&["run"], arguments.as_slice()].concat(),
            code,
            &parts,
        );
    }
    let binary = place.write("binary.toml", [0xff, 0xfe, 0x00]);
    refused(&place, &["run", &binary], 1, &["binary.toml", "UTF-8"]);
    assert!(
        !place.store().exists(),
        "nothing was started, so there is no store"
    );
}

#[test]
fn arguments() {
    let place = Place::new();
    for arguments in [
        &["frobnicate"][..],
        &["run", "quickstart", "--sed", "3"],
        &["run", "quickstart", "--resume", "1"],
        &["run", "--resume", "one"],
        &["runs", "show", "0"],
        &["evaluate"],
        &["evaluate", "--run", "1", "--split", "trial"],
        &["generate"],
        &["data", "import", "empathetic-dialogues"],
    ] {
        let done = place.run(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
    }
    assert!(!place.store().exists());
}

#[test]
fn data_sets() {
    let place = Place::new();
    let header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
    let row = "c1,1,proud,I won,7,I won the race.,5|5|5,\nc1,2,proud,I won,9,Well done!,5|5|5,\n";
    let folder = |name: &str, train: &str| {
        for (file, text) in [("train.csv", train), ("valid.csv", ""), ("test.csv", "")] {
            let text = if text.is_empty() {
                format!("{header}{row}")
            } else {
                text.to_string()
            };
            place.write(&format!("{name}/{file}"), text);
        }
        place.path().join(name).display().to_string()
    };
    let missing = place.path().join("nowhere").display().to_string();
    let cut = folder("cut", &format!("{header}{row}c2,1,sa"));
    let foreign = folder("foreign", "a,b\n1,2\n");
    let empty = folder("empty", header);
    let import = ["data", "import", "empathetic-dialogues"];
    refused(
        &place,
        &[import.as_slice(), &[&missing]].concat(),
        1,
        &["nowhere", "train.csv", "give the folder"],
    );
    refused(
        &place,
        &[import.as_slice(), &[&cut]].concat(),
        1,
        &["train.csv, line 4", "truncated"],
    );
    refused(
        &place,
        &[import.as_slice(), &[&foreign]].concat(),
        1,
        &["train.csv, line 1", "not the header"],
    );
    refused(
        &place,
        &[import.as_slice(), &[&empty]].concat(),
        1,
        &["train.csv", "no row after the header"],
    );
    refused(
        &place,
        &["data", "import", "movies", &cut],
        2,
        &["\"movies\"", "empathetic-dialogues"],
    );
    refused(
        &place,
        &["data", "show", "movies"],
        2,
        &["\"movies\"", "builtin"],
    );
    refused(
        &place,
        &["data", "show", "mental-health-subreddits"],
        1,
        &["not imported", "emprl data import"],
    );

    let good = folder("good", &format!("{header}{row}"));
    place.ok(&[import.as_slice(), &[&good]].concat());
    let before = snapshot(&place.store());
    refused(
        &place,
        &[import.as_slice(), &[&cut]].concat(),
        1,
        &["truncated"],
    );
    assert!(
        before == snapshot(&place.store()),
        "what was imported before is still there"
    );
    let kept = place.store().join("data/empathetic-dialogues/train.jsonl");
    cut_to_half(&kept);
    refused(
        &place,
        &["data", "show", "empathetic-dialogues"],
        1,
        &["train.jsonl", "import"],
    );
    refused(
        &place,
        &[
            "run",
            "quickstart",
            "--set=data.dialogues=empathetic-dialogues",
            "--set=ppo.steps=1",
        ],
        1,
        &["train.jsonl", "import"],
    );
}

#[test]
fn model_folders() {
    let (place, _) = trained();
    let good = model_with("good", "config.json", |_| {});
    place.ok(&["model", "show", &good]);
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let foreign = |path: &Path| fs::write(path, "{\"hello\": \"world\"}").unwrap();
    let set = |field: &'static str, value: Value| {
        move |path: &Path| edit_json(path, |json| json[field] = value)
    };
    let cases = [
        (
            "config-missing",
            "config.json",
            Box::new(remove) as Box<dyn Fn(&Path)>,
            vec!["is not there", "Hugging Face folder"],
        ),
        (
            "config-cut",
            "config.json",
            Box::new(cut_to_half),
            vec!["EOF"],
        ),
        (
            "config-foreign",
            "config.json",
            Box::new(foreign),
            vec!["`model_type` is missing"],
        ),
        (
            "weights-missing",
            "model.safetensors",
            Box::new(remove),
            vec!["is not there", "a model folder holds"],
        ),
        (
            "weights-cut",
            "model.safetensors",
            Box::new(cut_to_half),
            vec!["damaged", "fetch it again"],
        ),
        (
            "weights-foreign",
            "model.safetensors",
            Box::new(foreign),
            vec!["damaged", "fetch it again"],
        ),
        (
            "tokenizer-missing",
            "tokenizer.json",
            Box::new(remove),
            vec!["is not there", "a model folder holds"],
        ),
        (
            "tokenizer-cut",
            "tokenizer.json",
            Box::new(cut_to_half),
            vec!["no tokenizer", "give the tokenizer.json of a T5"],
        ),
        (
            "tokenizer-foreign",
            "tokenizer.json",
            Box::new(foreign),
            vec!["no tokenizer", "give the tokenizer.json of a T5"],
        ),
    ];
    for (name, file, damage, parts) in cases {
        let folder = model_with(name, file, |path| damage(path));
        let parts = [&[name, file], parts.as_slice()].concat();
        refused(place, &["model", "show", &folder], 1, &parts);
        refused(place, &["generate", "--model", &folder], 1, &parts);
        let source = format!("--set=model.source={folder}");
        refused(
            place,
            &["run", "quickstart", &source, "--set=ppo.tuning=full"],
            1,
            &parts,
        );
    }
    let misfits: [(&str, &str, Value, &[&str]); 6] = [
        (
            "bert",
            "model_type",
            "bert".into(),
            &["config.json", "`model_type`", "\"bert\""],
        ),
        (
            "no-heads",
            "num_heads",
            0.into(),
            &["config.json", "`num_heads`", "must be from 1 to"],
        ),
        (
            "wide",
            "d_model",
            96.into(),
            &[
                "model.safetensors",
                "shared.weight",
                "do not belong to this configuration",
            ],
        ),
        (
            "deep",
            "num_layers",
            7.into(),
            &["model.safetensors", "is missing", "do not belong"],
        ),
        (
            "shallow",
            "num_layers",
            1.into(),
            &["model.safetensors", "have no place", "do not belong"],
        ),
        (
            "small",
            "vocab_size",
            300.into(),
            &["tokenizer.json has 400 tokens", "`vocab_size` is 300"],
        ),
    ];
    for (name, field, value, parts) in misfits {
        let folder = model_with(name, "config.json", set(field, value));
        refused(place, &["model", "show", &folder], 1, parts);
    }
    refused(
        place,
        &["model", "show", "nowhere"],
        1,
        &["nowhere", "no such folder", "3@1200"],
    );
    refused(
        place,
        &["model", "show", "9"],
        1,
        &["emprl.db", "no run 9", "`emprl runs list`"],
    );
    refused(
        place,
        &["generate", "--model", "1@77"],
        1,
        &["run 1", "step 77", "it has generator 12"],
    );
    refused(
        place,
        &["generate", "--model", &good, "--device", "abacus"],
        2,
        &["\"abacus\"", "flex"],
    );
    let rows = place.write("any.jsonl", "{\"context\": \"a\", \"response\": \"b\"}\n");
    refused(
        place,
        &["identify", "--identifiers", "1", "--input", &rows],
        1,
        &["run 1 has no identifiers checkpoint"],
    );
    refused(
        place,
        &["identify", "--identifiers", &good, "--input", &rows],
        1,
        &["identifiers.json"],
    );
}

#[test]
fn rows() {
    let (place, folder) = trained();
    let model = folder.display().to_string();
    let cases: [(&str, &[u8], &[&str]); 8] = [
        (
            "json.jsonl",
            b"{\"context\": \"a\", \"response\": \"b\"}\n{\"context\": \"a\", \"resp",
            &["line 2", "cut off", "JSON object"],
        ),
        (
            "list.jsonl",
            b"{\"context\": \"a\", \"response\": \"b\"}\n[1]\n",
            &["line 2", "no JSON object"],
        ),
        (
            "array.json",
            b"[{\"context\": \"a\", \"response\": \"b\"},\n{\"context\": 3}]\n",
            &["line 2", "\"context\""],
        ),
        (
            "garbled.jsonl",
            b"{\"context\": a}\n",
            &["line 1", "character 13"],
        ),
        (
            "type.jsonl",
            b"{\"context\": 3, \"response\": \"b\"}\n",
            &["line 1", "\"context\""],
        ),
        (
            "none.jsonl",
            b"{\"context\": \"a\"}\n",
            &["line 1", "no \"response\""],
        ),
        (
            "bytes.jsonl",
            b"{\"context\": \"a\", \"response\": \"b\"}\n\xff\n",
            &["line 2", "UTF-8"],
        ),
        (
            "plain.txt",
            b"Only a response.\n",
            &["line 1", "no context", "--contexts FILE"],
        ),
    ];
    for (name, bytes, parts) in cases {
        let path = place.write(name, bytes);
        let parts = [&[name], parts].concat();
        refused(
            place,
            &["score", "--model", &model, "--input", &path],
            1,
            &parts,
        );
    }
    let missing = place.path().join("missing.jsonl").display().to_string();
    refused(
        place,
        &["score", "--model", &model, "--input", &missing],
        1,
        &["missing.jsonl", "check the path"],
    );
    refused(
        place,
        &["generate", "--model", &model, "--input", &missing],
        1,
        &["missing.jsonl", "check the path"],
    );
    refused(
        place,
        &["evaluate", "--responses", &missing],
        1,
        &["missing.jsonl", "check the path"],
    );
    let without = place.write(
        "without.jsonl",
        "{\"context\": \"a\"}\n{\"response\": \"b\"}\n",
    );
    refused(
        place,
        &["generate", "--model", &model, "--input", &without],
        1,
        &["line 2", "no \"context\""],
    );
    let empty = place.write("empty.txt", "");
    for arguments in [
        &["evaluate", "--responses", &empty][..],
        &["generate", "--model", &model, "--input", &empty],
        &["score", "--model", &model, "--input", &empty],
    ] {
        refused(place, arguments, 1, &["empty.txt", "has no r"]);
    }
    let file = place.write("store.txt", "not a folder");
    refused(
        place,
        &["runs", "list", "--store", &file],
        1,
        &["store.txt", "folder"],
    );
}

#[test]
fn damaged_checkpoints() {
    let place = Place::new();
    place.ok(&short(&["--set", "run.stages=[\"generator\"]"]));
    let shown = place.json(&["model", "show", "1"]);
    let weights = Path::new(shown["folder"].as_str().unwrap()).join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&weights, bytes).unwrap();
    refused(
        &place,
        &["generate", "--model", "1"],
        1,
        &["model.safetensors", "was altered", "earlier checkpoint"],
    );
    cut_to_half(&weights);
    refused(
        &place,
        &["generate", "--model", "1"],
        1,
        &["model.safetensors", "bytes", "earlier checkpoint"],
    );
}

#[test]
fn stores() {
    let newer = Place::new();
    newer.ok(&short(&["--set", "run.stages=[\"generator\"]"]));
    let db = newer.store().join("emprl.db");
    let raw = Connection::open(&db).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(raw);
    refused(
        &newer,
        &["run", "quickstart"],
        1,
        &["emprl.db", "newer emprl", "version 99", "--store DIR"],
    );
    assert_eq!(
        newer.json(&["runs", "list"])[0]["id"],
        1,
        "it can still be read"
    );
    let doctor = newer.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("newer emprl"), "{}", doctor.stdout);

    let garbage = Place::new();
    garbage.write(
        "store/emprl.db",
        "this is no database, but a text of some length",
    );
    for arguments in [
        &["run", "quickstart"][..],
        &["runs", "list"],
        &["runs", "show", "1"],
    ] {
        refused(&garbage, arguments, 1, &["emprl.db", "--store DIR"]);
    }
    let foreign = Place::new();
    fs::create_dir_all(foreign.store()).unwrap();
    let raw = Connection::open(foreign.store().join("emprl.db")).unwrap();
    raw.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    drop(raw);
    for arguments in [&["run", "quickstart"][..], &["runs", "list"]] {
        refused(
            &foreign,
            arguments,
            1,
            &["emprl.db", "another program", "--store DIR"],
        );
    }
    let file = Place::new();
    file.write("store", "a file where a folder should be");
    refused(&file, &["run", "quickstart"], 1, &["store", "--store DIR"]);

    let none = Place::new();
    refused(
        &none,
        &["runs", "show", "1"],
        1,
        &["no store here yet", "first run or import"],
    );
    refused(&none, &["run", "--resume", "1"], 1, &["no store here yet"]);
    assert!(!none.store().exists());
}
