//! How data sets are called on screen, and commands as a person types them.

use std::path::Path;

use crate::data::library;
use crate::store::default_dir;

pub fn set_title(name: &str) -> &str {
    match name {
        library::BUILTIN => "The built-in corpus",
        library::EMPATHETIC_DIALOGUES => "EmpatheticDialogues",
        library::MENTAL_HEALTH_SUBREDDITS => "Mental Health Subreddits",
        other => other,
    }
}

/// How a data set is imported into the store of this window, to be typed in a terminal.
pub fn import_command(name: &str, store: &Path) -> String {
    let place = store_argument(store);
    format!("cargo run --release -- data import {name} FOLDER{place}")
}

/// What names this store at the end of a command; nothing where it is the usual one.
pub fn store_argument(store: &Path) -> String {
    match default_dir().is_ok_and(|usual| usual == store) {
        true => String::new(),
        false => format!(" --store \"{}\"", store.display()),
    }
}
