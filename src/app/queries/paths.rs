//! Path completion, and the system's file dialog.

use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::{Duration, Instant};

/// How many names are offered.
const OFFERED: usize = 8;
/// A dialog that closes within this time never appeared.
const SEEN: Duration = Duration::from_millis(400);
/// How many entries of a folder are read.
const READ: usize = 4096;

/// What a field's path may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    Folder,
    /// The folder of a model: those that are known are offered too.
    Model,
    /// A file; folders are offered on the way.
    File,
    /// A file to write.
    NewFile,
}

/// The outcome of a file dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    Path(PathBuf),
    /// Closed without a choice.
    Nothing,
    /// No dialog could be opened.
    NoDialog,
}

/// Opens the system's dialog and waits until it is closed.
pub fn pick(title: &str, kind: PathKind) -> Picked {
    let begun = Instant::now();
    // Some systems require the main thread and panic; then there is no dialog.
    let path = std::panic::catch_unwind(|| {
        let dialog = rfd::FileDialog::new().set_title(title);
        match kind {
            PathKind::File => dialog.pick_file(),
            PathKind::NewFile => dialog.save_file(),
            PathKind::Folder | PathKind::Model => dialog.pick_folder(),
        }
    });
    match path.unwrap_or_default() {
        Some(path) => Picked::Path(path),
        None if begun.elapsed() < SEEN => Picked::NoDialog,
        None => Picked::Nothing,
    }
}

/// Paths that begin with what is typed, sorted; folders end with a separator. Hidden ones only after a dot.
pub fn completions(typed: &str, kind: PathKind) -> Vec<String> {
    let cut = typed.rfind(['/', MAIN_SEPARATOR]).map_or(0, |at| at + 1);
    let (folder, begun) = typed.split_at(cut);
    let place = match folder {
        "" => Path::new("."),
        folder => Path::new(folder),
    };
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    let lower = begun.to_lowercase();
    let mut found: Vec<String> = entries
        .take(READ)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !begun.starts_with('.');
            if hidden || !name.to_lowercase().starts_with(&lower) {
                return None;
            }
            let is_folder = entry.path().is_dir();
            let end = if is_folder { "/" } else { "" };
            (is_folder || kind == PathKind::File).then(|| format!("{folder}{name}{end}"))
        })
        .collect();
    found.sort();
    found.truncate(OFFERED);
    found
}

/// The known folders whose path has what is typed, in any case.
pub fn containing(typed: &str, known: &[PathBuf]) -> Vec<String> {
    let lower = typed.trim().to_lowercase();
    let paths = known.iter().map(|path| path.display().to_string());
    let is_other = |path: &String| path.trim_end_matches('/') != typed.trim_end_matches('/');
    // A hub's cache writes the slash of a name as two hyphens.
    let named = |path: &String| path.to_lowercase().replace("--", "/").contains(&lower);
    let matches = |path: &String| path.to_lowercase().contains(&lower) || named(path);
    paths
        .filter(|path| is_other(path) && matches(path))
        .take(OFFERED)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_models_are_found_by_their_names() {
        let known = [
            "/hub/models--ada--tiny/snapshots/01".into(),
            "/models/t5".into(),
        ];
        let found = |typed: &str| containing(typed, &known).len();
        assert_eq!(
            (found(""), found("Ada/T"), found("t5"), found("gpt")),
            (2, 1, 1, 0)
        );
        assert_eq!(found("/models/t5/"), 0, "it is typed already");
    }

    #[test]
    fn matching_paths_are_offered_folders_with_a_separator() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["Models", "more", "other", ".hidden"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("moel.txt"), "").unwrap();
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        assert_eq!(
            completions(&at("mo"), PathKind::Folder),
            [at("Models/"), at("more/")]
        );
        assert_eq!(
            completions(&at("mo"), PathKind::File),
            [at("Models/"), at("moel.txt"), at("more/")]
        );
        assert_eq!(completions(&at(".h"), PathKind::Folder), [at(".hidden/")]);
        assert_eq!(completions(&at(""), PathKind::Folder).len(), 3);
        assert!(completions(&at("none/x"), PathKind::File).is_empty());
    }
}
