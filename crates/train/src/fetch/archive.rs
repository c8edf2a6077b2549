//! Unpacks a `.tar.gz`, of which nothing is trusted.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::FetchError;
use super::disk::create_parent;

const MOST_FILES: usize = 1000;

/// Unpacks an archive's files below `folder`, and returns their names.
///
/// # Errors
/// It is damaged; it has a link, a device or a path that leads out of the folder; its files have more than
/// `most_bytes`; the disk cannot be written.
pub(super) fn unpack(
    archive: &Path,
    folder: &Path,
    most_bytes: u64,
) -> Result<Vec<String>, FetchError> {
    let wrong = |problem: String| FetchError::Archive {
        archive: archive.to_path_buf(),
        problem,
    };
    let damaged = |error: io::Error| wrong(format!("cannot be unpacked ({error})"));
    let file = File::open(archive).map_err(FetchError::io(archive))?;
    // Headers and padding are small beside the files.
    let unzipped = GzDecoder::new(file).take(most_bytes + (2 << 20));
    let mut tar = Archive::new(unzipped);
    let mut names = Vec::new();
    let mut left = most_bytes;
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let shown = path.display().to_string();
        let within = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !path.components().all(within) {
            return Err(wrong(format!("{shown:?} leads out of its folder")));
        }
        match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Regular => {}
            _ => return Err(wrong(format!("{shown:?} is no regular file"))),
        }
        if entry.size() > left || names.len() == MOST_FILES {
            return Err(wrong(format!(
                "has more than {most_bytes} bytes or {MOST_FILES} files"
            )));
        }
        left -= entry.size();
        let to = folder.join(&path);
        create_parent(&to)?;
        let mut out = File::create(&to).map_err(FetchError::io(&to))?;
        let size = entry.size();
        match io::copy(&mut entry, &mut out) {
            Ok(copied) if copied == size => names.push(shown),
            Ok(_) => return Err(wrong(format!("{shown:?} is cut short"))),
            // Reading and writing fail alike: what a short file is, its length tells.
            Err(error) => {
                let _ = fs::remove_file(&to);
                return Err(damaged(error));
            }
        }
    }
    match names.is_empty() {
        true => Err(wrong("has no files".to_string())),
        false => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    /// An archive of one entry.
    fn archive(dir: &Path, name: &str, kind: EntryType, content: &[u8]) -> std::path::PathBuf {
        let path = dir.join("a.tar.gz");
        let gz = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
        let mut tar = Builder::new(gz);
        let mut header = Header::new_ustar();
        // `set_path` would refuse the names that are tried here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, content).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        path
    }

    fn tried(name: &str, kind: EntryType, content: &[u8]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("in");
        let path = archive(dir.path(), name, kind, content);
        let names = unpack(&path, &folder, 100).map_err(|error| error.to_string());
        if let Ok(names) = &names {
            assert_eq!(fs::read(folder.join(&names[0])).unwrap(), content);
        }
        let outside = fs::read_dir(dir.path()).unwrap().count();
        assert!(outside <= 2, "only the archive and its folder");
        names
    }

    #[test]
    fn files_are_unpacked_into_the_folder_and_nowhere_else() {
        let regular = EntryType::Regular;
        assert_eq!(
            tried("ed/train.csv", regular, b"rows").unwrap(),
            ["ed/train.csv"]
        );
        for (name, kind, content, said) in [
            ("../out", regular, &b"x"[..], "leads out of its folder"),
            ("/out", regular, b"x", "leads out of its folder"),
            ("ed/../../out", regular, b"x", "leads out of its folder"),
            ("ed/link", EntryType::Symlink, b"", "is no regular file"),
            ("ed/pipe", EntryType::Fifo, b"", "is no regular file"),
            ("ed/big", regular, &[0; 101], "has more than 100 bytes"),
        ] {
            let error = tried(name, kind, content).unwrap_err();
            assert!(error.contains(said), "{name}: {error}");
        }
    }

    #[test]
    fn a_cut_archive_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = archive(dir.path(), "ed/a", EntryType::Regular, &[7; 90]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = unpack(&path, &dir.path().join("in"), 100)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot be unpacked") || error.contains("cut short"),
            "{error}"
        );
        fs::write(&path, "not found").unwrap();
        assert!(unpack(&path, dir.path(), 100).is_err());
    }
}
