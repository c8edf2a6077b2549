//! A bundle for a reviewer: it holds what was chosen and nothing else, opens read-only in any program, and says what is wrong
//! with one that is damaged.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use crate::cli_support::Place;
use crate::full_store::fill;
use rusqlite::Connection;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// People and what came with them, none of which may leave the store.
const SECRETS: [&str; 12] = [
    "Adelheid Quaxmann",
    "Bentworth Zyl",
    "Cemile Vorhees",
    "Leadwin Oxbridge",
    "5f3a9worker0000000prolific",
    "platformstudy77aa",
    "session88bb",
    "tokendigest99cc",
    "linksecret11dd",
    "entrancedigest22ee",
    "entrancesecret33ff",
    "sealkey44aabbcc",
];

/// A store with everything in it, of whose studies the third is judged and unblinded.
fn judged() -> Place {
    let place = Place::new();
    fill(&place);
    // Others than those of the studies that are blind.
    let contexts: Vec<String> = (0..8)
        .map(|at| {
            json!({"context": format!("I moved to house {at}."), "response": "Oh."}).to_string()
        })
        .collect();
    place.write("houses.jsonl", contexts.join("\n"));
    for (name, mark) in [("Wyxmodel", "surely"), ("Vaqbaseline", "rather")] {
        let rows: Vec<String> = (0..8)
            .map(|at| format!("I {mark} see house {at}."))
            .collect();
        let file = place.write(&format!("{name}.txt"), rows.join("\n"));
        let import = ["responses", "import", &file, "--system", name];
        place.ok(&[&import[..], &["--contexts=houses.jsonl"]].concat());
    }
    let who = SECRETS[..3].join(",");
    place.ok(&[
        "study",
        "create",
        "--kind=ab",
        "--systems=Wyxmodel,Vaqbaseline",
        "--contexts=6",
        "--annotators",
        &who,
    ]);
    for (at, name) in SECRETS[..3].iter().enumerate() {
        let answers = ["1\n", "2\n", "3\n"].concat().repeat(2);
        let answers = answers.replace("3\n", if at == 0 { "3\n" } else { "1\n" });
        let judge = ["study", "judge", "3", "--annotator", name];
        let done = place.run_with_input(&judge, &answers);
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    place.ok(&[
        "study",
        "unblind",
        "3",
        "--unfinished",
        "--by",
        SECRETS[3],
        "--reason=all is judged",
    ]);
    let db = Connection::open(place.store().join("emprl.db")).unwrap();
    db.execute_batch(&format!(
        "INSERT INTO study_links (id, study, annotator, token_sha256, secret, made, expires) VALUES (1, 3, 1, '{}', '{}', 0, 1);
         INSERT INTO study_workers (link, worker, platform_study, session, arrived, tries, practised) VALUES (1, '{}', '{}', '{}', 0, 0, 0);
         INSERT INTO study_entrances VALUES (3, '{}', '{}', 0, 1);
         INSERT OR REPLACE INTO study_keys VALUES (3, '{}');
         INSERT INTO study_returns (study, annotator, name, merged, edited) VALUES (3, 1, 'home/{}.json', 0, 0);
         UPDATE studies SET definition_json = json_set(definition_json, '$.annotators', json_array('{}', '{}', '{}')) WHERE id = 3;
         UPDATE runs SET note = 'ask {}', holder = '{}';",
        SECRETS[7], SECRETS[8], SECRETS[4], SECRETS[5], SECRETS[6], SECRETS[9], SECRETS[10], SECRETS[11], SECRETS[0],
        SECRETS[0], SECRETS[1], SECRETS[2], SECRETS[1], SECRETS[2],
    ))
    .unwrap();
    place
}

fn bundle(place: &Place, name: &str) -> String {
    let file = place.path().join(name).display().to_string();
    place.ok(&["bundle", &file, "--runs=1,3", "--studies=3"]);
    file
}

/// What a command says of a bundle that another opens, who has no store.
fn read(file: &str, arguments: &[&str]) -> Value {
    Place::new().json(&[arguments, &["--store", file]].concat())
}

#[test]
fn a_bundle_says_of_what_was_chosen_what_its_store_says() {
    let place = judged();
    let file = bundle(&place, "review.zip");
    let runs = read(&file, &["runs", "list"]);
    let numbers: Vec<&Value> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["id"])
        .collect();
    assert_eq!(numbers, [&json!(3), &json!(1)]);
    let results = ["study", "results", "3"];
    let mut ours = place.json(&results);
    // But for the lead's name.
    ours["unblinding"]["by"] = json!("the lead");
    assert_eq!(read(&file, &results), ours);
    for same in [
        &["table", "4", "--study=3"][..],
        &["table", "2", "--runs=1,3"],
    ] {
        assert_eq!(read(&file, same), place.json(same), "{same:?}");
    }
    let cases = ["responses", "cases", "house 3"];
    // The store has other systems as well, which answered nothing there.
    let answers = |of: &Value| {
        let answers = of["cases"][0]["answers"].as_array().unwrap().iter();
        answers
            .filter(|answer| !answer.is_null())
            .cloned()
            .collect::<Vec<_>>()
    };
    let found = answers(&read(&file, &cases));
    assert_eq!((found.len(), found), (2, answers(&place.json(&cases))));
    let shown = |of: &Value| {
        (
            of["events"].clone(),
            of["settings"].clone(),
            of["results"].clone(),
        )
    };
    let ours = place.json(&["runs", "show", "1"]);
    assert_eq!(shown(&read(&file, &["runs", "show", "1"])), shown(&ours));
    let mut zip = ZipArchive::new(File::open(&file).unwrap()).unwrap();
    let mut table = String::new();
    let mut inside = zip.by_name("tables/table-4.md").unwrap();
    inside.read_to_string(&mut table).unwrap();
    assert!(table.contains("Wyxmodel") && table.contains('|'), "{table}");
}

#[test]
fn a_bundle_is_only_read_and_leaves_nothing_behind() {
    let place = judged();
    let file = bundle(&place, "review.zip");
    let before = fs::read(&file).unwrap();
    let other = Place::new();
    let temporary = other.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = other.command(&[arguments, &["--store", &file]].concat());
        let output = command.env("TMPDIR", &temporary).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for change in [
        &["runs", "tag", "1", "--add", "mine"][..],
        &["runs", "note", "1", "mine"],
        &["study", "delete", "3", "--for-good", "--with-judgements"],
        &["responses", "delete", "Wyxmodel", "--for-good"],
        &["queue", "add", "quickstart"],
    ] {
        let (code, said) = run(change);
        assert!(code != Some(0), "{change:?}");
        assert!(said.contains("bundle"), "{change:?}: {said}");
    }
    let (code, said) = run(&["runs", "list"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("review.zip: read-only"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

/// Every byte of a bundle as it is and as it is unpacked.
fn bytes(file: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("the file".to_string(), fs::read(file).unwrap())];
    let mut zip = ZipArchive::new(File::open(file).unwrap()).unwrap();
    for at in 0..zip.len() {
        let mut inside = zip.by_index(at).unwrap();
        let mut content = Vec::new();
        inside.read_to_end(&mut content).unwrap();
        all.push((inside.name().unwrap().to_string(), content));
    }
    all
}

#[test]
fn no_byte_of_a_bundle_names_a_person_a_worker_a_link_or_a_key() {
    let place = judged();
    let file = bundle(&place, "review.zip");
    let store = fs::read(place.store().join("emprl.db")).unwrap();
    let wal = fs::read(place.store().join("emprl.db-wal")).unwrap_or_default();
    let store = [store, wal].concat();
    let holds = |bytes: &[u8], secret: &str| {
        bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    let all = bytes(&file);
    assert!(all.iter().any(|(name, _)| name == "emprl.db"));
    for secret in SECRETS {
        assert!(holds(&store, secret), "the store has no {secret}");
        for (name, content) in &all {
            assert!(!holds(content, secret), "{name} has {secret}");
        }
    }
    // Nor a run or a study that was not chosen.
    let (_, db) = all.iter().find(|(name, _)| name == "emprl.db").unwrap();
    assert!(!holds(db, "Qoxmodel") && holds(db, "Wyxmodel"));
    assert!(
        holds(db, "run of seed 1") && !holds(db, "run of seed 2") && !holds(db, "run of seed 4")
    );
}

#[test]
fn what_cannot_be_bundled_is_refused_and_leaves_no_file() {
    let place = judged();
    let file = place.path().join("x.zip").display().to_string();
    for (chosen, said) in [
        (&["--studies=1"][..], "study 1 is still blind"),
        (&["--systems=Qoxmodel"], "still blind and compares Qoxmodel"),
        (&["--runs=4"], "is deleted"),
        (&["--runs=9"], "no run 9"),
        (&["--studies=9"], "no study 9"),
        (&["--systems=nobody"], "no system nobody"),
        (&[], "choose"),
    ] {
        let refused = place.run(&[&["bundle", &file], chosen].concat());
        assert!(
            refused.code != 0 && refused.stderr.contains(said),
            "{chosen:?}: {}",
            refused.stderr
        );
        assert!(!Path::new(&file).exists(), "{chosen:?}");
    }
    fs::write(&file, "mine").unwrap();
    let refused = place.run(&["bundle", &file, "--runs=1"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("already exists"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

/// A zip of these files.
fn zip(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn a_damaged_or_foreign_bundle_says_what_is_wrong() {
    let place = judged();
    let file = bundle(&place, "review.zip");
    let all = bytes(&file);
    let parts: Vec<(&str, Vec<u8>)> = all[1..]
        .iter()
        .map(|(name, content)| (name.as_str(), content.clone()))
        .collect();
    let changed = |change: &dyn Fn(&str, &mut Vec<u8>)| {
        let mut parts = parts.clone();
        for (name, content) in &mut parts {
            change(name, content);
        }
        let path = place.path().join("changed.zip");
        let files: Vec<(&str, &[u8])> = parts
            .iter()
            .map(|(name, content)| (*name, &content[..]))
            .collect();
        zip(&path, &files);
        fs::read(&path).unwrap()
    };
    let whole = fs::read(&file).unwrap();
    let manifest = |from: &str, to: &str| {
        changed(&|name, content| {
            if name == "bundle.json" {
                *content = String::from_utf8(content.clone())
                    .unwrap()
                    .replacen(from, to, 1)
                    .into_bytes();
            }
        })
    };
    for (content, said) in [
        (b"not a zip at all".to_vec(), "it is no zip"),
        (whole[..whole.len() / 2].to_vec(), "cut off or damaged"),
        (
            changed(&|name, content| {
                if name == "emprl.db" {
                    let middle = content.len() / 2;
                    content[middle] ^= 1;
                }
            }),
            "emprl.db is not what was packed",
        ),
        (manifest("emprl-bundle", "other"), "another program's"),
        (manifest("\"version\": 1", "\"version\": 9"), "newer emprl"),
        (
            manifest("\"emprl.db\"", "\"../emprl.db\""),
            "no path within it",
        ),
    ] {
        let path = place.write("wrong.zip", content);
        let refused = place.run(&["runs", "list", "--store", &path]);
        assert!(
            refused.code != 0 && refused.stderr.contains(said),
            "{said}: {}",
            refused.stderr
        );
        assert!(refused.stderr.contains("wrong.zip"), "{}", refused.stderr);
    }
}

/// What stands between two marks, everywhere in a text.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(begin).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

#[test]
fn a_report_is_one_page_in_which_every_figure_leads_to_what_it_was_made_of() {
    let place = judged();
    let file = place.path().join("review.html").display().to_string();
    let chosen = ["--runs=1,3", "--studies=3"];
    let written = place.json(&[&["report", &file][..], &chosen].concat());
    assert_eq!(written["tables"], 3, "{written}");
    let page = fs::read_to_string(&file).unwrap();
    assert!(
        !page.contains("<script") && !page.contains("src="),
        "a script"
    );
    assert!(page.contains("default-src 'none'"));
    let ids = between(&page, "id=\"", "\"");
    let links = between(&page, "href=\"", "\"");
    for link in &links {
        assert!(ids.contains(&link.strip_prefix('#').unwrap()), "{link}");
    }
    for anchor in ["#run-1", "#run-3", "#study-3"] {
        assert!(links.contains(&anchor), "{anchor}");
    }
    let cells = between(&page, "<td class=\"number\">", "</td>");
    assert!(!cells.is_empty() && cells.iter().all(|cell| cell.starts_with("<a href=\"#")));
    assert!(page.contains("<svg") && page.contains("Fleiss"), "{page}");
    for secret in SECRETS {
        assert!(!page.contains(secret), "{secret}");
    }
    // A bundle gives the same page.
    let bundle = bundle(&place, "review.zip");
    let again = place.path().join("again.html").display().to_string();
    let of_bundle = [&["report", &again, "--store", &bundle][..], &chosen].concat();
    place.ok(&of_bundle);
    assert_eq!(fs::read_to_string(&again).unwrap(), page);
    let refused = place.run(&[&["report", &file][..], &chosen].concat());
    assert!(
        refused.code != 0 && refused.stderr.contains("exists"),
        "{}",
        refused.stderr
    );
    let blind = place.path().join("blind.html").display().to_string();
    let refused = place.run(&["report", &blind, "--studies=1"]);
    assert!(refused.stderr.contains("still blind"), "{}", refused.stderr);
    assert!(!Path::new(&blind).exists());
}
