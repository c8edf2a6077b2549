//! Writes files: which existing file may be replaced, and by what.
//!
//! A file that a person did not name is never replaced. One that they did name is, unless it holds judgements that
//! would be lost.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::operations::OperationError;
use crate::report::judging::pack_in_html;
use crate::study::pack::Pack;

/// What people judged, in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// A pack with judgements, which no other file may have.
    Pack,
    /// Judgements or a record that were exported from a study.
    Export,
}

/// Writes a file that a person named, replacing an older one as a whole.
///
/// # Errors
/// The older one holds judgements; the file cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), OperationError> {
    match held(file) {
        Some(_) => Err(holds_judgements(file)),
        None => replace(file, bytes),
    }
}

/// Writes exported judgements into a file that a person named, replacing an older export as a whole.
///
/// # Errors
/// The older one is a pack with judgements; the file cannot be written.
pub fn write_judgements(file: &Path, bytes: &[u8]) -> Result<(), OperationError> {
    match held(file) {
        Some(Held::Pack) => Err(holds_judgements(file)),
        _ => replace(file, bytes),
    }
}

/// Checks that a pack may be written here: there is no file, or one with no more judgements of the same annotator.
///
/// # Errors
/// Another file, or judgements that the pack does not have, would be lost.
pub(in crate::operations) fn check_pack(file: &Path, pack: &Pack) -> Result<(), OperationError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OperationError::read(file)(error)),
    };
    match Pack::from_bytes(&bytes) {
        Ok(older) if pack.covers(&older) => Ok(()),
        Ok(older) if older.acts.is_empty() => Err(exists(file)),
        Ok(_) => Err(holds_judgements(file)),
        Err(_) => Err(exists(file)),
    }
}

/// Checks that a pack as HTML replaces nothing but one with no more judgements of the same annotator.
///
/// # Errors
/// Another file, or judgements that the pack does not have, would be lost.
pub(in crate::operations) fn check_html_pack(
    file: &Path,
    pack: &Pack,
) -> Result<(), OperationError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OperationError::read(file)(error)),
    };
    match pack_in_html(&String::from_utf8_lossy(&bytes)) {
        Some(older) if pack.covers(&older) => Ok(()),
        Some(older) if !older.acts.is_empty() => Err(holds_judgements(file)),
        _ => Err(exists(file)),
    }
}

/// Writes a pack that passed [`check_pack`], replacing an older one as a whole.
pub(in crate::operations) fn write_pack(file: &Path, bytes: &[u8]) -> Result<(), OperationError> {
    replace(file, bytes)
}

/// Writes files of one name into a folder, which is made if needed, under the first number that is free for all of
/// them; returns the name with it. `files` are endings and contents.
pub(in crate::operations) fn write_numbered(
    folder: &Path,
    name: &str,
    files: &[(impl AsRef<str>, Vec<u8>)],
) -> Result<String, OperationError> {
    make_folder(folder)?;
    let path = |name: &str, ending: &str| folder.join(format!("{name}{ending}"));
    let is_free = |name: &String| {
        !files
            .iter()
            .any(|(ending, _)| path(name, ending.as_ref()).symlink_metadata().is_ok())
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let name = std::iter::once(name.to_string())
        .chain(numbered)
        .find(is_free)
        .unwrap_or_else(|| name.to_string());
    for (ending, bytes) in files {
        write_new(&path(&name, ending.as_ref()), bytes)?;
    }
    Ok(name)
}

/// Creates a folder if it does not exist.
pub(in crate::operations) fn make_folder(folder: &Path) -> Result<(), OperationError> {
    fs::create_dir_all(folder).map_err(OperationError::write(folder))
}

/// Writes a file that does not exist yet.
pub(in crate::operations) fn write_new(file: &Path, bytes: &[u8]) -> Result<(), OperationError> {
    let mut out = create(file)?;
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(OperationError::write(file))
}

/// Creates a new file.
pub(super) fn create(file: &Path) -> Result<BufWriter<File>, OperationError> {
    let created = File::create_new(file).map_err(OperationError::write(file))?;
    Ok(BufWriter::new(created))
}

/// Replaces a file by way of a second one, so that a full disk leaves the older whole. What is no plain file, such as
/// a pipe, is written into.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), OperationError> {
    let failed = OperationError::write(file);
    let is_plain = match file.symlink_metadata() {
        Ok(metadata) => metadata.is_file(),
        Err(_) => true,
    };
    let mut part = file.as_os_str().to_os_string();
    part.push(format!(".part-{}", std::process::id()));
    let part = PathBuf::from(part);
    let Some(mut out) = is_plain.then(|| File::create_new(&part).ok()).flatten() else {
        return fs::write(file, bytes).map_err(failed);
    };
    let written = out
        .write_all(bytes)
        .and_then(|()| out.sync_all())
        .and_then(|()| fs::rename(&part, file));
    written.map_err(|error| {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
        failed(error)
    })
}

/// What a file holds of people's judgements.
fn held(file: &Path) -> Option<Held> {
    // A pipe or a device holds nothing, and reading it would wait.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut start = Vec::new();
    let read = File::open(file).ok()?.take(4096).read_to_end(&mut start);
    let start: String = String::from_utf8_lossy(&start)
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    read.ok()?;
    let exports = [
        "{\"record\":{\"head\":",
        "{\"item\":",
        "item,position,annotator,",
        "item,context,emotion,",
    ];
    if exports.iter().any(|export| start.starts_with(export)) {
        return Some(Held::Export);
    }
    if start.to_lowercase().starts_with("<!doctypehtml") {
        let pack = pack_in_html(&String::from_utf8_lossy(&fs::read(file).ok()?))?;
        return (!pack.acts.is_empty()).then_some(Held::Pack);
    }
    if !start.starts_with("{\"format\":\"emprl-pack\"") {
        return None;
    }
    match Pack::from_bytes(&fs::read(file).ok()?) {
        Ok(pack) if pack.acts.is_empty() => None,
        // A pack that cannot be read may hold some.
        _ => Some(Held::Pack),
    }
}

fn exists(file: &Path) -> OperationError {
    OperationError::Exists {
        path: file.to_path_buf(),
    }
}

fn holds_judgements(file: &Path) -> OperationError {
    OperationError::HoldsJudgements {
        path: file.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kl.csv");
        write_new(&file, b"first").unwrap();
        let refused = write_new(&file, b"second").unwrap_err();
        assert!(
            matches!(refused, OperationError::Exists { .. }),
            "{refused}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"first");
    }

    #[test]
    fn a_named_file_is_replaced_unless_it_holds_judgements() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("named");
        for bytes in ["a table", "{\"context\": \"a row\"}\n"] {
            fs::write(&file, bytes).unwrap();
            write(&file, b"new").unwrap();
            assert_eq!(fs::read(&file).unwrap(), b"new");
        }
        for bytes in [
            "item,position,annotator,choice\n1,1,A1,left\n",
            "item,context,emotion,system\n",
            "{\"item\":1,\"position\":1}\n",
            "{\n  \"record\": {\n    \"head\": {}}}",
            "{\n  \"format\": \"emprl-pack\",\n  \"form\": 9",
        ] {
            fs::write(&file, bytes).unwrap();
            let refused = write(&file, b"new").unwrap_err();
            let held = matches!(refused, OperationError::HoldsJudgements { .. });
            assert!(held, "{refused}");
            assert_eq!(fs::read_to_string(&file).unwrap(), bytes);
        }
        // A pack, but not an earlier export, is more than the study has.
        assert!(write_judgements(&file, b"new").is_err());
        fs::write(&file, "item,context,emotion,system\n").unwrap();
        write_judgements(&file, b"newer").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"newer");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing else is left: {left:?}");
    }
}
