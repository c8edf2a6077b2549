//! Checksums by which a server names its files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The checksum that a file must have, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Of the content: large files of a hub, published archives.
    Sha256(String),
    /// Git's name of the content, SHA-1 over `blob LENGTH\0` and the content: a hub's other files.
    GitBlob(String),
}

impl Checksum {
    /// What the ETag of a hub's file says; None where it is of another kind.
    pub fn from_etag(etag: &str) -> Option<Checksum> {
        let is_hex = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = etag.to_ascii_lowercase();
        match (is_hex, etag.len()) {
            (true, 64) => Some(Checksum::Sha256(hex)),
            (true, 40) => Some(Checksum::GitBlob(hex)),
            _ => None,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Checksum::Sha256(_) => "SHA-256",
            Checksum::GitBlob(_) => "git's SHA-1",
        }
    }

    pub fn hex(&self) -> &str {
        let (Checksum::Sha256(hex) | Checksum::GitBlob(hex)) = self;
        hex
    }

    /// The checksum of the same kind that a file on disk has.
    pub(super) fn of_file(&self, path: &Path) -> io::Result<String> {
        match self {
            Checksum::Sha256(_) => sha256_of(path),
            Checksum::GitBlob(_) => {
                let length = path.metadata()?.len();
                digest(Sha1::new_with_prefix(format!("blob {length}\0")), path)
            }
        }
    }
}

/// The SHA-256 of a file's content.
pub(super) fn sha256_of(path: &Path) -> io::Result<String> {
    digest(Sha256::new(), path)
}

fn digest(mut hasher: impl Digest, path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => hasher.update(&block[..read]),
        }
    }
    let bytes = hasher.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_git_and_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "hello\n").unwrap();
        let of = |etag: &str| {
            let expected = Checksum::from_etag(etag).unwrap();
            assert_eq!(expected.of_file(&path).unwrap(), expected.hex());
        };
        of("ce013625030ba8dba906f756967f9e9ca394464a"); // git hash-object
        of("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"); // sha256sum
    }

    #[test]
    fn other_etags_are_no_checksums() {
        for etag in ["", "abc", "d41d8cd98f00b204e9800998ecf8427e", "xyz-5"] {
            assert_eq!(Checksum::from_etag(etag), None, "{etag}");
        }
    }
}
