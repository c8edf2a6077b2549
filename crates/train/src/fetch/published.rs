//! Data sets at the addresses where their authors publish them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::archive::unpack;
use super::checksum::sha256_of;
use super::disk::lock;
use super::download::{Source, download};
use super::{Checksum, FetchError, Http, OnProgress, Tracker};

/// Bytes that a file of a set, or what is unpacked of it, may have.
const LARGEST: u64 = 1 << 30;
/// What was fetched, beside it.
const RECORD: &str = "fetched.json";

/// A data set as it is published.
#[derive(Debug)]
pub struct Published {
    pub name: &'static str,
    /// Another name by which it is known.
    pub alias: &'static str,
    /// Where its files are, with a slash at its end.
    pub address: &'static str,
    pub files: &'static [PublishedFile],
}

/// A file of it: an archive to unpack, or a file as it is.
#[derive(Debug)]
pub struct PublishedFile {
    pub file: &'static str,
    /// In hexadecimal.
    pub sha256: &'static str,
}

/// The sets that can be fetched.
pub static PUBLISHED: [Published; 2] = [
    // Rashkin et al. 2019; the address is in their README, the checksum in ParlAI's `empathetic_dialogues/build.py`.
    Published {
        name: "empathetic-dialogues",
        alias: "ed",
        address: "https://dl.fbaipublicfiles.com/parlai/empatheticdialogues/",
        files: &[PublishedFile {
            file: "empatheticdialogues.tar.gz",
            sha256: "56f234d77b7dd1f005fd365bb17769cfe346c3c84295b69bc069c8ccb83be03d",
        }],
    },
    // Sharma et al. 2020, in their repository; the checksums are of its files in 2026.
    Published {
        name: "mental-health-subreddits",
        alias: "reddit",
        address: "https://raw.githubusercontent.com/behavioral-data/Empathy-Mental-Health/master/dataset/",
        files: &[
            PublishedFile {
                file: "emotional-reactions-reddit.csv",
                sha256: "225b28ffdc257f8a997d557eb937e78b68235e6203c87c7e2203d00fef8545cc",
            },
            PublishedFile {
                file: "interpretations-reddit.csv",
                sha256: "2cedbe4252c919d22a6f46685afa16d3192a91e3306c2d4a386be12a30ad3f29",
            },
            PublishedFile {
                file: "explorations-reddit.csv",
                sha256: "9efa1af8e0537c16894379598f2076cb380ae18aacd9a8d26ebd381f5b7f9645",
            },
        ],
    },
];

/// A set that is there, to be imported from its folder.
#[derive(Clone, Debug, Serialize)]
pub struct FetchedSet {
    pub name: &'static str,
    pub folder: PathBuf,
    pub files: Vec<FetchedPart>,
}

#[derive(Clone, Debug, Serialize)]
pub struct FetchedPart {
    pub file: &'static str,
    pub address: String,
    pub bytes: u64,
    pub sha256: String,
    /// It is the file that was published, by its checksum.
    pub as_published: bool,
    /// It was fetched now, and not there before.
    pub received: bool,
}

impl Published {
    /// The set of a name.
    ///
    /// # Errors
    /// None is published under it.
    pub fn find(name: &str) -> Result<&'static Published, FetchError> {
        let found = PUBLISHED
            .iter()
            .find(|set| set.name == name || set.alias == name);
        found.ok_or_else(|| FetchError::UnknownSet {
            given: name.to_string(),
            known: PUBLISHED.each_ref().map(|set| set.name).join(" and "),
        })
    }

    /// Fetches the set into `folder`, from where it is published or from another address: of the archive, else of the
    /// folder that has the files. A published file that is there already is not fetched again.
    ///
    /// # Errors
    /// The server cannot be reached or refuses; from the published address comes another file than was published; the
    /// archive is not safe to unpack; the disk is full; the fetch was stopped.
    pub fn fetch(
        &'static self,
        http: &Http,
        address: Option<&str>,
        folder: &Path,
        on_progress: OnProgress<'_>,
    ) -> Result<FetchedSet, FetchError> {
        let mut tracker = Tracker::new(on_progress, 0);
        fs::create_dir_all(folder).map_err(FetchError::io(folder))?;
        let _lock = lock(&folder.join(".lock"), &mut tracker)?;
        let mut files = Vec::new();
        for published in self.files {
            tracker.begin(published.file)?;
            files.push(self.fetch_file(published, http, address, folder, &mut tracker)?);
        }
        for file in self.files.iter().filter(|file| file.is_archive()) {
            unpack(&folder.join(file.file), folder, LARGEST)?;
        }
        let set = FetchedSet {
            name: self.name,
            folder: folder.to_path_buf(),
            files,
        };
        let record = folder.join(RECORD);
        let text = serde_json::to_vec_pretty(&set).map_err(std::io::Error::from);
        let written = text.and_then(|text| fs::write(&record, text));
        written.map_err(FetchError::io(&record))?;
        Ok(set)
    }

    fn fetch_file(
        &self,
        published: &PublishedFile,
        http: &Http,
        address: Option<&str>,
        folder: &Path,
        tracker: &mut Tracker<'_>,
    ) -> Result<FetchedPart, FetchError> {
        let path = folder.join(published.file);
        let url = match address {
            None => format!("{}{}", self.address, published.file),
            Some(address) if published.is_archive() => address.to_string(),
            Some(folder) => format!("{}/{}", folder.trim_end_matches('/'), published.file),
        };
        let expected = Checksum::Sha256(published.sha256.to_string());
        let is_there = address.is_none()
            && path.is_file()
            && sha256_of(&path).map_err(FetchError::io(&path))? == published.sha256;
        if !is_there {
            // One that a person names may have another version, whose checksum nobody knows.
            let checksum = address.is_none().then_some(&expected);
            let source = Source {
                url: &url,
                file: published.file,
                checksum,
                bytes: None,
                limit: LARGEST,
            };
            download(http, &source, &path, tracker).map_err(|error| match error {
                FetchError::Checksum {
                    expected, found, ..
                } => FetchError::NotAsPublished {
                    url: url.clone(),
                    expected,
                    found,
                },
                error => error,
            })?;
        }
        let bytes = path.metadata().map_err(FetchError::io(&path))?.len();
        tracker.at(bytes)?;
        let sha256 = sha256_of(&path).map_err(FetchError::io(&path))?;
        Ok(FetchedPart {
            file: published.file,
            address: url,
            bytes,
            as_published: sha256 == published.sha256,
            sha256,
            received: !is_there,
        })
    }
}

impl PublishedFile {
    fn is_archive(&self) -> bool {
        self.file.ends_with(".tar.gz")
    }
}
