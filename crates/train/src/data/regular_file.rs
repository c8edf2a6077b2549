//! Opens files that a person names: regular ones only.
//!
//! A pipe would wait for ever and a device has no end. Must not know what is in a file.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a regular file for reading.
///
/// # Errors
/// It does not exist, cannot be read, or is a folder, pipe, socket or device.
pub fn open_regular_file(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            ErrorKind::IsADirectory,
            "it is a folder; name a file",
        ));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, socket or device; write its content to a file and name that",
        ));
    }
    File::open(path)
}
