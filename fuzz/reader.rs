//! One fuzz target for all readers: `READER` names the one to try (see `README.md`).
#![no_main]

mod readers;

use std::sync::LazyLock;

static READ: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    // The fuzzer's own hook ends the program at panics that a reader catches, too; others end it without.
    drop(std::panic::take_hook());
    let name = std::env::var("READER").unwrap_or_default();
    match readers::READERS.iter().find(|(known, _)| *known == name) {
        Some((_, read)) => *read,
        None => {
            let known = readers::READERS.map(|(known, _)| known);
            eprintln!("READER is one of {}", known.join(", "));
            std::process::exit(2);
        }
    }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| READ(bytes));
