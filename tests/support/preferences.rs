//! Preference pairs that a model can learn, and their import.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::{Path, PathBuf};

use emprl::data::library;

const THINGS: [&str; 6] = ["dog", "job", "house", "friend", "garden", "bike"];
const EVENTS: [&str; 5] = [
    "I lost my",
    "I worry about my",
    "I miss my",
    "I am proud of my",
    "I found my",
];

/// One pair for each thing and event, as JSONL: kind answers are preferred.
pub fn rows() -> String {
    let mut rows = String::new();
    for event in EVENTS {
        for thing in THINGS {
            let row = serde_json::json!({
                "context": [format!("{event} {thing}.")],
                "chosen": format!("I am so sorry about your {thing}, tell me more."),
                "rejected": format!("Nobody cares what you say of a {thing}."),
            });
            rows += &format!("{row}\n");
        }
    }
    rows
}

/// Writes them into `folder`.
pub fn file(folder: &Path) -> PathBuf {
    let path = folder.join("pairs.jsonl");
    std::fs::write(&path, rows()).unwrap();
    path
}

/// Imports them into a store as the set `preferences`.
pub fn import(store: &Path) {
    let report = library::import_preferences(store, "preferences", &file(store), None).unwrap();
    assert_eq!(report.preference_pairs, Some(THINGS.len() * EVENTS.len()));
}
