//! Colours stand in the theme and nowhere else.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_colour_is_made_outside_the_theme() {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app");
    sources(&folder, &mut files);
    assert!(files.len() > 20);
    let words = [
        "Color32::from",
        "Rgba::from",
        "Hsva",
        "hex_color",
        "Color32::WHITE",
        "Color32::BLACK",
        "Color32::GRAY",
        "Color32::RED",
    ];
    for file in files.iter().filter(|file| !file.ends_with("theme.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for (n, line) in text.lines().enumerate() {
            let made = words.iter().find(|word| line.contains(**word));
            assert!(made.is_none(), "{}:{}: {line}", file.display(), n + 1);
        }
    }
}
