//! What a package of the program holds beside it: manual pages, completions, and what desktops know of packs.

use std::fs;
use std::path::Path;

use crate::cli_support::Place;

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    let said = place.ok(&["manual", "man/pages"]);
    let folder = place.path().join("man/pages");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(
        said.starts_with(&format!("{} pages", names.len())),
        "{said}"
    );
    for page in [
        "emprl.1",
        "emprl-run.1",
        "emprl-study-merge.1",
        "emprl-corpus-import.1",
    ] {
        assert!(names.contains(&page.to_string()), "{names:?}");
    }
    let text = fs::read_to_string(folder.join("emprl-run.1")).unwrap();
    assert!(
        text.starts_with(".ie") || text.contains(".TH emprl-run 1"),
        "{text}"
    );
    assert!(text.contains("resume"), "its options are there");
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let place = Place::new();
    place.write("in the way", "");
    let done = place.run(&["manual", "in the way/pages"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("in the way/pages"), "{}", done.stderr);
}

#[test]
fn shells_complete_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.ok(&["completions", shell]);
        assert!(
            script.contains("serve-model") && script.contains("corpus"),
            "{shell}"
        );
    }
}

#[test]
fn desktops_open_packs_with_the_program() {
    let file = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(root.join("packaging").join(name)).unwrap()
    };
    let (entry, kinds, package) = (
        file("emprl.desktop"),
        file("emprl-mime.xml"),
        file("../Cargo.toml"),
    );
    let kind = "application/vnd.emprl.pack+json";
    assert!(entry.contains(&format!("MimeType={kind};")) && entry.contains("Exec=emprl open %f"));
    assert!(kinds.contains(&format!("type=\"{kind}\"")) && kinds.contains("\"*.emprl.json\""));
    for name in ["emprl.desktop", "emprl-mime.xml", "emprl.svg"] {
        assert!(
            package.contains(&format!("packaging/{name}")),
            "{name} is packed"
        );
    }
}
