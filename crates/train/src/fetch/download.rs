//! One file from an address to a path: continued where it was cut, checked, then put in its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::disk::create_parent;
use super::http::Http;
use super::retry::Trouble;
use super::{Checksum, FetchError, Tracker};

/// Bytes between two reports of progress.
const BLOCK: usize = 128 << 10;

/// What is downloaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub url: &'a str,
    /// For messages.
    pub file: &'a str,
    pub checksum: Option<&'a Checksum>,
    /// Its length, where it is known.
    pub bytes: Option<u64>,
    /// It is refused when it is longer.
    pub limit: u64,
}

/// Downloads to `path`, and returns how many bytes the file has.
///
/// `PATH.incomplete` holds what has arrived. With a checksum to tell whether it belongs to the file, the next call
/// continues it.
///
/// # Errors
/// The server cannot be reached, refuses, or sends something else than was announced, which is deleted; the disk is
/// full; the fetch was stopped.
pub(super) fn download(
    http: &Http,
    source: &Source<'_>,
    path: &Path,
    tracker: &mut Tracker<'_>,
) -> Result<u64, FetchError> {
    create_parent(path)?;
    let part = incomplete(path);
    if source.checksum.is_none() {
        remove(&part)?;
    }
    let mut was_there = part.exists();
    loop {
        let bytes = receive(http, source, &part, tracker)?;
        let Some((expected, found)) = mismatch(source, &part)? else {
            fs::rename(&part, path).map_err(FetchError::io(path))?;
            return Ok(bytes);
        };
        remove(&part)?;
        // What an earlier process left may have been of another kind: once more from the beginning.
        if !std::mem::take(&mut was_there) {
            return Err(FetchError::Checksum {
                file: source.file.to_string(),
                kind: expected.kind(),
                expected: expected.hex().to_string(),
                found,
            });
        }
    }
}

/// Where a file lies until it is whole.
pub(super) fn incomplete(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".incomplete");
    PathBuf::from(name)
}

/// The checksum that the file should have and the one that it has, if they differ.
fn mismatch<'a>(
    source: &Source<'a>,
    part: &Path,
) -> Result<Option<(&'a Checksum, String)>, FetchError> {
    let Some(expected) = source.checksum else {
        return Ok(None);
    };
    let found = expected.of_file(part).map_err(FetchError::io(part))?;
    Ok((found != expected.hex()).then_some((expected, found)))
}

/// Appends to the part until it is whole, through any number of cuts.
fn receive(
    http: &Http,
    source: &Source<'_>,
    part: &Path,
    tracker: &mut Tracker<'_>,
) -> Result<u64, FetchError> {
    let mut receiver = Receiver::open(source, part)?;
    let mut attempts = http.attempts();
    loop {
        if source.bytes == Some(receiver.bytes) {
            break;
        }
        let before = receiver.bytes;
        let trouble = match receiver.continued(http, tracker) {
            Ok(()) if source.bytes.is_none_or(|bytes| bytes == receiver.bytes) => break,
            Ok(()) => Trouble::passing("the file ended early"),
            Err(trouble) => trouble,
        };
        if receiver.bytes > before {
            attempts.reset();
        }
        attempts.again(source.url, trouble, tracker)?;
    }
    tracker.at(receiver.bytes)?;
    receiver.file.sync_all().map_err(FetchError::io(part))?;
    Ok(receiver.bytes)
}

/// A part of a file that is being received.
struct Receiver<'a> {
    source: &'a Source<'a>,
    path: &'a Path,
    file: File,
    bytes: u64,
    /// The ETag of what has arrived, so that parts of two versions are not joined.
    etag: Option<String>,
}

impl<'a> Receiver<'a> {
    fn open(source: &'a Source<'a>, path: &'a Path) -> Result<Self, FetchError> {
        let mut options = File::options();
        let file = options.create(true).append(true).open(path);
        let file = file.map_err(FetchError::io(path))?;
        let bytes = file.metadata().map_err(FetchError::io(path))?.len();
        let mut receiver = Receiver {
            source,
            path,
            file,
            bytes,
            etag: None,
        };
        if source.bytes.is_some_and(|all| bytes > all) {
            receiver.begin_anew()?;
        }
        Ok(receiver)
    }

    fn begin_anew(&mut self) -> Result<(), FetchError> {
        self.bytes = 0;
        self.file.set_len(0).map_err(FetchError::io(self.path))
    }

    /// One request, and its body until it ends or breaks off.
    fn continued(&mut self, http: &Http, tracker: &mut Tracker<'_>) -> Result<(), Trouble> {
        let range = format!("bytes={}-", self.bytes);
        let mut headers = Vec::new();
        let known = self.source.checksum.is_some() || self.etag.is_some();
        if self.bytes > 0 && known {
            headers.push(("Range", range.as_str()));
            let etag = self.etag.as_deref();
            headers.extend(etag.map(|etag| ("If-Range", etag)));
        }
        let answer = http.get_once(self.source.url, &headers)?;
        match answer.status() {
            200 => self.begin_anew()?,
            206 if begins_at(answer.header("content-range")) == Some(self.bytes) => {}
            206 | 416 => {
                self.begin_anew()?;
                return Err(Trouble::passing("the server sent another part of the file"));
            }
            _ => return Err(answer.refused().into()),
        }
        // Of a file with a checksum, every server may have an ETag of its own.
        if self.source.checksum.is_none() {
            let strong = answer.header("etag").filter(|etag| etag.starts_with('"'));
            self.etag = strong.map(str::to_string);
        }
        if let Some(to_come) = answer.number("content-length") {
            tracker.expect(self.bytes + to_come);
        }
        let mut body = answer.body();
        let mut block = vec![0; BLOCK];
        loop {
            tracker.at(self.bytes)?;
            let read = match body.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::passing(error)),
            };
            self.bytes += read as u64;
            let most = self.source.bytes.unwrap_or(self.source.limit);
            if self.bytes > most {
                remove(self.path)?;
                return Err(Trouble::Lasting(FetchError::Unexpected {
                    url: self.source.url.to_string(),
                    problem: format!("sends more than the {most} bytes expected"),
                }));
            }
            let written = self.file.write_all(&block[..read]);
            written.map_err(FetchError::io(self.path))?;
        }
    }
}

/// Where a part begins, by `bytes 100-199/200`.
fn begins_at(content_range: Option<&str>) -> Option<u64> {
    let range = content_range?.strip_prefix("bytes ")?;
    range.split('-').next()?.parse().ok()
}

fn remove(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FetchError::io(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_where_its_header_says() {
        assert_eq!(begins_at(Some("bytes 100-199/200")), Some(100));
        assert_eq!(begins_at(Some("bytes 0-0/*")), Some(0));
        assert_eq!(begins_at(Some("bytes */200")), None);
        assert_eq!(begins_at(None), None);
    }
}
