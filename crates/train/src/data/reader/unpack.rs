//! What is packed: gzip, and the one file of rows in a zip or tar.gz archive. Nothing of an archive is trusted.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use crate::data::error::DataError;

/// How much a packed file may become.
#[derive(Clone, Copy)]
struct Bound {
    /// Bytes that are allowed however well they were packed.
    free: u64,
    /// How many times its packed size a larger one may be; texts come to 3 to 10.
    times: u64,
    most: u64,
}

const BOUND: Bound = Bound {
    free: 64 << 20,
    times: 100,
    most: 2 << 30,
};

/// Entries of an archive that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// What the names of files of rows end in.
const ENDINGS: [&str; 8] = [
    "jsonl", "json", "ndjson", "csv", "tsv", "tab", "txt", "parquet",
];

/// A file as it was, or what was packed in it.
pub(super) struct Unpacked {
    pub bytes: Vec<u8>,
    /// What the file within is called; its ending says what it may be.
    pub name: PathBuf,
    /// Each a sentence.
    pub notes: Vec<String>,
}

/// The bytes of the file within.
///
/// # Errors
/// It is damaged, holds no file of rows or several, or would become far larger than texts do.
pub(super) fn unpack(path: &Path, bytes: Vec<u8>) -> Result<Unpacked, DataError> {
    unpack_bounded(path, bytes, BOUND)
}

fn unpack_bounded(path: &Path, bytes: Vec<u8>, bound: Bound) -> Result<Unpacked, DataError> {
    if bytes.starts_with(b"PK\x03\x04") {
        return unzip(path, bytes, bound);
    }
    if is_tar(&bytes) {
        return untar(path, bytes);
    }
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(Unpacked {
            bytes,
            name: path.to_path_buf(),
            notes: Vec::new(),
        });
    }
    let packed = bytes.len() as u64;
    let unpacked = bounded(MultiGzDecoder::new(&bytes[..]), packed, bound)
        .map_err(|error| refused(path, "a gzip file", error))?;
    drop(bytes);
    if is_tar(&unpacked) {
        return untar(path, unpacked);
    }
    Ok(Unpacked {
        bytes: unpacked,
        name: path.with_extension(""),
        notes: vec!["The file is unpacked by gzip.".to_string()],
    })
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar".as_slice())
}

enum Refusal {
    TooLarge(u64),
    Damaged(io::Error),
}

fn refused(path: &Path, what: &str, refusal: Refusal) -> DataError {
    match refusal {
        Refusal::TooLarge(most) => DataError::file(
            path,
            format!(
                "is {what} that becomes more than {} MiB, far more than texts do",
                most >> 20
            ),
            "unpack it yourself if you trust it",
        ),
        Refusal::Damaged(error) => DataError::file(
            path,
            format!("is {what} that cannot be unpacked ({error})"),
            "it is cut off or damaged: get it again",
        ),
    }
}

/// All that `reader` gives, unless it is more than `packed` bytes may become.
fn bounded(reader: impl Read, packed: u64, bound: Bound) -> Result<Vec<u8>, Refusal> {
    let most = packed
        .saturating_mul(bound.times)
        .clamp(bound.free, bound.most);
    let mut bytes = Vec::new();
    let read = reader.take(most + 1).read_to_end(&mut bytes);
    match read {
        Ok(read) if read as u64 > most => Err(Refusal::TooLarge(most)),
        Ok(_) => Ok(bytes),
        Err(error) => Err(Refusal::Damaged(error)),
    }
}

/// Whether an entry of an archive may be a file of rows.
fn holds_rows(name: &str) -> bool {
    let path = Path::new(name);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    !name.starts_with("__MACOSX")
        && !file.starts_with('.')
        && !file.to_lowercase().starts_with("readme")
        && !file.to_lowercase().starts_with("license")
        && ENDINGS.iter().any(|known| ending == *known)
}

/// The one file of rows among the entries of an archive.
fn the_one<T>(path: &Path, mut found: Vec<(String, T)>) -> Result<(String, T), DataError> {
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(DataError::file(
            path,
            "is an archive without a file of rows (JSON, JSONL, CSV, TSV, text, Parquet)",
            "unpack it and name the file",
        )),
        (Some((last, _)), false) => {
            let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
            names.push(&last);
            let what = format!(
                "is an archive of {} files of rows ({})",
                names.len(),
                super::named(&names)
            );
            let fix = "unpack it and name one of them";
            Err(DataError::file(path, what, fix))
        }
    }
}

fn within(name: String, bytes: Vec<u8>) -> Unpacked {
    let notes = vec![format!("The file is an archive; {name} in it is read.")];
    Unpacked {
        bytes,
        name: PathBuf::from(name),
        notes,
    }
}

fn unzip(path: &Path, bytes: Vec<u8>, bound: Bound) -> Result<Unpacked, DataError> {
    let damaged = |error: zip::result::ZipError| {
        refused(
            path,
            "a zip archive",
            Refusal::Damaged(io::Error::other(error)),
        )
    };
    let packed = bytes.len() as u64;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    // A name that is no text is that of no file of rows.
    let names: Vec<String> = archive
        .file_names()
        .take(MOST_ENTRIES)
        .flatten()
        .map(Cow::into_owned)
        .collect();
    if names.iter().any(|name| name == "xl/workbook.xml") {
        let what = "is an Excel workbook";
        return Err(DataError::file(path, what, "save its sheet as CSV"));
    }
    let named = names
        .into_iter()
        .filter(|name| holds_rows(name))
        .map(|name| (name, ()))
        .collect();
    let (name, ()) = the_one(path, named)?;
    let entry = archive.by_name(&name).map_err(damaged)?;
    let bytes =
        bounded(entry, packed, bound).map_err(|error| refused(path, "a zip archive", error))?;
    Ok(within(name, bytes))
}

fn untar(path: &Path, bytes: Vec<u8>) -> Result<Unpacked, DataError> {
    let damaged = |error| refused(path, "a tar archive", Refusal::Damaged(error));
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut found = Vec::new();
    for entry in archive.entries().map_err(damaged)?.take(MOST_ENTRIES) {
        let entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && holds_rows(&name) {
            found.push((name, (entry.raw_file_position(), entry.size())));
        }
    }
    let (name, (at, size)) = the_one(path, found)?;
    let content = usize::try_from(at)
        .ok()
        .zip(usize::try_from(size).ok())
        .and_then(|(at, size)| bytes.get(at..at.checked_add(size)?));
    let content = content.ok_or_else(|| damaged(io::ErrorKind::UnexpectedEof.into()))?;
    Ok(within(name, content.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::write::SimpleFileOptions;

    use super::*;

    const SMALL: Bound = Bound {
        free: 20_000,
        times: 20,
        most: 100_000,
    };

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::best());
        gz.write_all(content).unwrap();
        gz.finish().unwrap()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        gzip(&tar.into_inner().unwrap())
    }

    fn tried(bytes: Vec<u8>) -> Result<(String, Vec<u8>), String> {
        unpack_bounded(Path::new("a.csv.gz"), bytes, SMALL)
            .map(|unpacked| (unpacked.name.display().to_string(), unpacked.bytes))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_within_is_read_under_its_own_name() {
        let rows = b"context,response\na,b\n".as_slice();
        let others = [("README.txt", b"x".as_slice()), ("__MACOSX/._a.csv", b"x")];
        let inner = [others[0], ("in/rows.csv", rows), others[1]];
        assert_eq!(
            tried(rows.to_vec()).unwrap(),
            ("a.csv.gz".into(), rows.to_vec())
        );
        assert_eq!(tried(gzip(rows)).unwrap(), ("a.csv".into(), rows.to_vec()));
        for packed in [zipped(&inner), tarred(&inner)] {
            assert_eq!(
                tried(packed).unwrap(),
                ("in/rows.csv".into(), rows.to_vec())
            );
        }
    }

    #[test]
    fn a_bomb_a_ruin_and_a_choice_are_refused() {
        let bomb = vec![b'x'; 200_000];
        let cut = gzip(&bomb[..900]);
        let two = [("a.csv", b"x".as_slice()), ("b.csv", b"y")];
        for (packed, said) in [
            (gzip(&bomb), "far more than texts do"),
            (zipped(&[("a.csv", &bomb)]), "far more than texts do"),
            (tarred(&[("a.csv", &bomb)]), "far more than texts do"),
            (cut[..cut.len() / 2].to_vec(), "cannot be unpacked"),
            (b"PK\x03\x04nothing".to_vec(), "cannot be unpacked"),
            (zipped(&two), "2 files of rows (\"a.csv\", \"b.csv\")"),
            (tarred(&two), "unpack it and name one of them"),
            (zipped(&[("notes.md", b"x")]), "without a file of rows"),
            (zipped(&[("xl/workbook.xml", b"x")]), "an Excel workbook"),
        ] {
            let error = tried(packed).unwrap_err();
            assert!(error.contains(said), "no {said:?} in {error:?}");
        }
    }
}
