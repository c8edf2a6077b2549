//! Display names of data sets, commands to type in a terminal, and errors without them.

use std::path::Path;

use crate::data::library;
use crate::store::default_dir;
use crate::text::shown::shell_option;

pub fn set_title(name: &str) -> &str {
    match name {
        library::BUILTIN => "The built-in corpus",
        library::EMPATHETIC_DIALOGUES => "EmpatheticDialogues",
        library::MENTAL_HEALTH_SUBREDDITS => "Mental Health Subreddits",
        other => other,
    }
}

/// A folder of a model as a list shows it: OWNER/NAME of one in a hub's cache, else its path.
pub fn model_title(folder: &str) -> String {
    let cached = folder
        .rsplit('/')
        .find_map(|part| part.strip_prefix("models--"));
    match cached.and_then(|name| name.split_once("--")) {
        Some((owner, name)) => format!("{owner}/{name}"),
        None => folder.to_string(),
    }
}

/// The command that fetches a data set into this window's store.
pub fn fetch_command(name: &str, store: &Path) -> String {
    format!(
        "cargo run --release -- data fetch {name}{}",
        store_argument(store)
    )
}

/// The command that imports a data set into this window's store.
pub fn import_command(name: &str, store: &Path) -> String {
    let place = store_argument(store);
    format!("cargo run --release -- data import {name} FOLDER{place}")
}

/// The command that imports preference pairs as the set `name` into this window's store.
pub fn import_preferences_command(name: &str, store: &Path) -> String {
    let place = store_argument(store);
    format!("cargo run --release -- data import preferences FILE --name {name}{place}")
}

/// The argument that names this store; empty for the default store.
pub fn store_argument(store: &Path) -> String {
    match default_dir().is_ok_and(|usual| usual == store) {
        true => String::new(),
        false => format!(" {}", shell_option("--store", &store.to_string_lossy())),
    }
}

/// An error's sentence without the fixes that are typed in a terminal: in the window, what can be done is beside it.
pub fn without_commands(error: &str) -> String {
    let is_typed = |words: &str| {
        let option = |(at, _): (usize, &str)| {
            let before = words[..at].chars().next_back();
            before.is_none_or(|c| c == ' ' || c == '`')
                && words[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
        };
        words.contains("`emprl ") || words.match_indices("--").any(option)
    };
    // What is wrong is said first, and stays whatever it names.
    let mut is_first = true;
    let mut untyped = |clause: &str| {
        if std::mem::take(&mut is_first) {
            return Some(clause.to_string());
        }
        let fixes: Vec<&str> = clause.split(", or ").filter(|fix| !is_typed(fix)).collect();
        (!fixes.is_empty()).then(|| fixes.join(", or "))
    };
    let sentences: Vec<String> = error
        .split(". ")
        .filter_map(|sentence| {
            let kept: Vec<String> = sentence.split("; ").filter_map(&mut untyped).collect();
            (!kept.is_empty()).then(|| kept.join("; "))
        })
        .collect();
    sentences.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_the_window_names_no_command() {
        for (error, shown) in [
            (
                "there is no run 3 in /a--b; `emprl runs list` shows its runs",
                "there is no run 3 in /a--b",
            ),
            (
                "study 2 is unfinished: A1 has 3 left; wait for them, or add --unfinished to unblind it, for good",
                "study 2 is unfinished: A1 has 3 left; wait for them",
            ),
            (
                "study 2 holds judgements; save them first with `emprl study pack 2`, or delete them with --with-judgements",
                "study 2 holds judgements",
            ),
            (
                "it needs 9 GB, and 2 are free. Lower `ppo.batch`, or start it all the same with `emprl run --ignore-memory`",
                "it needs 9 GB, and 2 are free. Lower `ppo.batch`",
            ),
            (
                "a.csv: line 3 -- is odd; write a - or --",
                "a.csv: line 3 -- is odd; write a - or --",
            ),
            ("the disk is full", "the disk is full"),
        ] {
            assert_eq!(without_commands(error), shown);
        }
    }
}
