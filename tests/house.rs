//! Who may know whom: arrows only downward, no circles, and no foreign crate in the wrong room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms it may know, the lowest first. A room may only know those above it in this
/// list, so that there are no circles.
const ROOMS: [(&str, &[&str]); 21] = [
    ("allocator", &[]),
    ("text", &[]),
    ("data", &[]),
    ("checkpoint", &[]),
    ("series", &[]),
    ("filter", &[]),
    ("fetch", &[]),
    ("metrics", &["data", "text"]),
    ("study", &["data", "metrics", "text"]),
    ("experiment", &["data", "metrics"]),
    ("nn", &["data", "text"]),
    (
        "train",
        // Of `fetch`, only what a term of the reward asks a server for.
        &[
            "checkpoint",
            "data",
            "experiment",
            "fetch",
            "metrics",
            "nn",
            "text",
        ],
    ),
    (
        "store",
        &["checkpoint", "data", "experiment", "metrics", "study"],
    ),
    (
        "report",
        &["data", "experiment", "metrics", "store", "study", "text"],
    ),
    // Of `report`, the checksum of event files.
    ("trackers", &["data", "experiment", "report"]),
    (
        "catalog",
        &[
            "data",
            "experiment",
            "filter",
            "metrics",
            "report",
            "series",
            "store",
        ],
    ),
    (
        "engine",
        &[
            "checkpoint",
            "data",
            "experiment",
            "metrics",
            "store",
            "train",
        ],
    ),
    (
        "operations",
        &[
            "checkpoint",
            "data",
            "engine",
            "experiment",
            "fetch",
            "filter",
            "metrics",
            "nn",
            "report",
            "store",
            "study",
            "text",
            "trackers",
            "train",
        ],
    ),
    (
        "web",
        &[
            "data",
            "experiment",
            "operations",
            "report",
            "store",
            "study",
        ],
    ),
    (
        "cli",
        &[
            "catalog",
            "data",
            "engine",
            "experiment",
            "fetch",
            "filter",
            "metrics",
            "operations",
            "report",
            "store",
            "study",
            "text",
            "web",
        ],
    ),
    (
        "app",
        &[
            "catalog",
            "checkpoint",
            "data",
            "engine",
            "experiment",
            "fetch",
            "filter",
            "metrics",
            "nn",
            "operations",
            "report",
            "series",
            "store",
            "study",
            "text",
            "train",
            // Judging in a browser, from a button.
            "web",
        ],
    ),
];

/// Crates with the only rooms that may know them.
const CRATES: [(&str, &[&str]); 30] = [
    ("ureq", &["fetch"]),
    ("notify_rust", &["operations"]),
    ("axum", &["web"]),
    ("hyper", &["web"]),
    ("hyper_util", &["web"]),
    ("tokio", &["web"]),
    ("tokio_rustls", &["web"]),
    ("getrandom", &["operations"]),
    ("hmac", &["study"]),
    ("futures_util", &["web"]),
    ("tar", &["data", "fetch"]),
    ("flate2", &["data", "fetch"]),
    ("zip", &["data", "operations"]),
    ("parquet", &["data"]),
    ("sysinfo", &["experiment"]),
    ("egui", &["app"]),
    ("eframe", &["app"]),
    ("egui_plot", &["app"]),
    ("rfd", &["app"]),
    ("burn", &["nn", "train"]),
    ("safetensors", &["nn", "train"]),
    ("tokenizers", &["text"]),
    ("regex", &["text"]),
    ("minijinja", &["text"]),
    ("statrs", &["study"]),
    ("rusqlite", &["store", "trackers"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("ctrlc", &["cli"]),
    ("anyhow", &[]),
];

/// The crates of the house, the lowest first, each with its own rooms.
const SOURCES: [&str; 3] = ["crates/train/src", "crates/operations/src", "src"];

/// The code of every room, without comments, with paths within the crate.
fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut rooms: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for source in SOURCES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).unwrap();
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let place = path.strip_prefix(&source).unwrap();
                let room = place.components().next().unwrap();
                let room = room.as_os_str().to_string_lossy();
                let room = room.trim_end_matches(".rs").to_string();
                let is_code = path.extension().is_some_and(|end| end == "rs");
                if !is_code || ["lib", "main"].contains(&&*room) {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let is_comment = |line: &&str| line.trim_start().starts_with("//");
                let code: Vec<&str> = text.lines().filter(|line| !is_comment(line)).collect();
                let code = (place.to_path_buf(), code.join("\n"));
                rooms.entry(room).or_default().push(code);
            }
        }
    }
    rooms
}

/// What follows `prefix` as a name, wherever `prefix` is not the end of a longer name.
fn names_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(prefix)
        .filter(|(at, _)| !code[..*at].ends_with(is_name))
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn every_room_has_its_place() {
    let known: BTreeSet<String> = ROOMS.iter().map(|(room, _)| (*room).to_string()).collect();
    let found: BTreeSet<String> = rooms().into_keys().collect();
    assert_eq!(
        found, known,
        "name a new room here, with the rooms it may know"
    );
    for (at, (room, may_know)) in ROOMS.iter().enumerate() {
        for below in *may_know {
            let below = ROOMS.iter().position(|(room, _)| room == below);
            assert!(
                below.is_some_and(|below| below < at),
                "{room} may only know rooms before it"
            );
        }
    }
}

#[test]
fn arrows_go_downward_only() {
    for (room, files) in rooms() {
        let (_, may_know) = ROOMS.iter().find(|(known, _)| *known == room).unwrap();
        for (path, code) in files {
            assert!(
                !code.contains("crate::{"),
                "{}: one `use crate::…` a room",
                path.display()
            );
            for other in names_after(&code, "crate::") {
                let is_room = ROOMS.iter().any(|(known, _)| *known == other);
                assert!(
                    !is_room || other == room || may_know.contains(&other),
                    "{}: {room} must not know {other}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    for (room, files) in rooms() {
        for (path, code) in files {
            for (name, allowed) in CRATES {
                let used = !names_after(&code, &format!("{name}::")).is_empty();
                assert!(
                    !used || allowed.contains(&&*room),
                    "{}: {room} must not know {name}",
                    path.display()
                );
            }
        }
    }
}

/// The only places with unsafe code, each behind an `expect` of its own.
const UNSAFE: [&str; 2] = ["allocator.rs", "nn/host"];

#[test]
fn unsafe_code_stays_in_the_kernels_and_the_allocator() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
    for (path, code) in rooms().into_values().flatten() {
        let allowed = UNSAFE.iter().any(|place| path.starts_with(place));
        // The keyword, and the lint's name, by which a module could allow itself the keyword.
        let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut words = words.filter(|word| ["unsafe", "unsafe_code"].contains(word));
        assert!(
            allowed || words.next().is_none(),
            "{}: unsafe code belongs in {UNSAFE:?}",
            path.display()
        );
    }
}

#[test]
fn programs_are_started_in_two_places() {
    const PLACES: [&str; 2] = ["train/reward/program.rs", "operations/cluster/scheduler.rs"];
    for (path, code) in rooms().into_values().flatten() {
        // Those of tests come last in a file.
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        let starts = code.contains("process::Command") || code.contains("process::{Child");
        assert!(
            !starts || PLACES.iter().any(|place| path == Path::new(place)),
            "{}: a person allows a program, and train/reward/program.rs starts it; Slurm's own are the cluster's",
            path.display()
        );
    }
}

/// Of what the default features take on this machine; `cargo deny check` says it of all features, and more.
#[test]
fn dependencies_are_what_deny_toml_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let rules: toml::Table = read("deny.toml").parse().unwrap();
    let allowed: BTreeSet<&str> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix=none"])
        .args(["--no-dedupe", "--format={p}\t{l}"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages: BTreeSet<&str> = tree.lines().filter(|line| !line.is_empty()).collect();
    assert!(packages.len() > 100, "cargo names few packages: {tree}");
    for package in packages {
        let (name, licence) = package.split_once('\t').unwrap();
        let terms = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).unwrap();
        let fits = terms.evaluate(|asked| allowed.contains(&*asked.to_string()));
        assert!(fits, "{name}: deny.toml allows no licence of {licence:?}");
    }

    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        *versions.entry(name).or_default() += 1;
        if let Some(source) = package.get("source") {
            let source = source.as_str().unwrap();
            assert!(source.starts_with("registry+"), "{name} is of {source}");
        }
    }
    for single in rules["bans"]["deny"].as_array().unwrap() {
        let name = single["crate"].as_str().unwrap();
        assert_eq!(versions[name], 1, "versions of {name}");
    }
}

#[test]
fn the_readme_shows_the_scorer_that_is_here() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let indented = |line: &str| match line {
        "" => "\n".to_string(),
        line => format!("    {line}\n"),
    };
    let scorer: String = read("tests/fixtures/scorer.py")
        .lines()
        .map(indented)
        .collect();
    assert!(read("README.md").contains(&scorer));
}

#[test]
fn the_window_is_the_only_one_that_knows_egui() {
    // The words themselves, since a `use eframe::egui` brings egui in under its bare name.
    for (room, files) in rooms() {
        for (path, code) in files {
            assert!(
                room == "app" || !code.contains("egui"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn what_the_window_does_knows_nothing_of_what_it_draws() {
    // Folders of the window, with what they must not know.
    let drawn = ["egui", "::views", "::widgets", "::command"];
    for (folder, more) in [
        ("jobs", ["::state", "::logic"]),
        ("queries", ["::state", "::jobs"]),
        ("logic", ["::window", "::shell"]),
    ] {
        let place = Path::new("app").join(folder);
        for (path, code) in &rooms()["app"] {
            let is_in = path.starts_with(&place) || *path == place.with_extension("rs");
            for name in drawn.iter().chain(&more).filter(|_| is_in) {
                assert!(
                    !code.contains(name),
                    "{}: {folder} must not know {name}",
                    path.display()
                );
            }
        }
    }
}
