//! Display names of data sets, and commands to type in a terminal.

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
