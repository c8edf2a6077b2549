//! Models from a Hugging Face hub, by way of its cache.
//!
//! A hub answers `/api/models/NAME/revision/REVISION` with a commit and its files, and the head of
//! `/NAME/resolve/COMMIT/FILE` with a file's length and checksum (`X-Linked-Size`, `X-Linked-Etag`). What the cache
//! holds is not asked for again.

mod answers;
mod cache;
mod files;
mod name;
mod settings;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use name::{ModelName, Revision};
pub use settings::{Settings, Token};

use super::disk::{lock, require_space};
use super::download::{Source, download, incomplete};
use super::http::Http;
use super::{Checksum, FetchError, OnProgress, Retry, Tracker};
use answers::{FileHead, ModelInfo};
use cache::RepoCache;
use files::{is_gguf, is_relative, needed};

/// What is asked of a hub.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    pub name: ModelName,
    pub revision: Revision,
    /// Only these files; empty for what a model is made of.
    pub files: Vec<String>,
    /// A new or empty folder to copy them to.
    pub to: Option<PathBuf>,
}

/// A model that is there.
#[derive(Clone, Debug, Serialize)]
pub struct FetchedModel {
    pub name: String,
    pub revision: String,
    pub commit: String,
    pub folder: PathBuf,
    /// What to give as a model: the folder, or the one GGUF file that was asked for.
    pub model: PathBuf,
    pub files: Vec<FetchedFile>,
    /// Of all files.
    pub bytes: u64,
    /// Of the files that were not there before.
    pub received: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct FetchedFile {
    pub file: String,
    pub bytes: u64,
    /// It was fetched now, and not there before.
    pub received: bool,
    /// A checksum of the hub was met.
    pub checked: bool,
}

/// A model in the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CachedModel {
    pub name: String,
    pub commit: String,
    pub folder: PathBuf,
    pub bytes: u64,
}

/// A hub and its cache.
pub struct Hub {
    settings: Settings,
    http: Http,
}

impl Hub {
    /// # Errors
    /// The endpoint is no address, or the certificates cannot be read.
    pub fn new(settings: Settings, retry: Retry) -> Result<Hub, FetchError> {
        let mut http = Http::new(settings.certificates.as_deref(), retry)?;
        if let Some(token) = &settings.token {
            http = http.with_token(&settings.endpoint, token.value.clone())?;
        }
        Ok(Hub { settings, http })
    }

    /// Fetches a model into the cache, or finds it there, and copies it to `request.to`.
    ///
    /// # Errors
    /// The name, revision or file is unknown or not allowed; the hub cannot be reached; what arrives is not what was
    /// announced; the disk is full; the fetch was stopped.
    pub fn fetch(
        &self,
        request: &ModelRequest,
        on_progress: OnProgress<'_>,
    ) -> Result<FetchedModel, FetchError> {
        if let Some(to) = &request.to {
            require_empty(to)?;
        }
        let mut tracker = Tracker::new(on_progress, 0);
        let mut fetched = match self.settings.offline {
            true => self.cached(request)?,
            false => self.online(request, &mut tracker)?,
        };
        if let Some(to) = &request.to {
            copy(&fetched, to, &mut tracker)?;
            fetched.folder = to.clone();
            fetched.model = model_path(to, &request.files);
        }
        Ok(fetched)
    }

    /// The models in a cache that have a `config.json` or a GGUF file, sorted by name.
    pub fn list(cache: &Path) -> Vec<CachedModel> {
        let entries = fs::read_dir(cache).into_iter().flatten().flatten();
        let names = entries
            .filter_map(|entry| ModelName::from_folder(&entry.file_name().to_string_lossy()));
        let mut found: Vec<CachedModel> =
            names.flat_map(|name| cached_models(cache, &name)).collect();
        found.sort_by(|a, b| (&a.name, &a.commit).cmp(&(&b.name, &b.commit)));
        found
    }

    fn online(
        &self,
        request: &ModelRequest,
        tracker: &mut Tracker<'_>,
    ) -> Result<FetchedModel, FetchError> {
        let ModelInfo { commit, available } = self.info(request, tracker)?;
        let files = needed(&request.name, &available, &request.files)?;
        let cache = RepoCache::new(&self.settings.cache, &request.name);
        let snapshot = cache.snapshot(&commit);
        let mut heads = Vec::new();
        for file in &files {
            let there = snapshot.join(file).metadata().ok();
            heads.push(match there {
                Some(there) => Planned::There(there.len()),
                None => Planned::Missing(self.head(request, &commit, file, tracker)?),
            });
        }
        tracker.of = heads.iter().map(Planned::bytes).sum();
        fs::create_dir_all(cache.folder()).map_err(FetchError::io(cache.folder()))?;
        let missing = heads.iter().map(|planned| planned.missing(&cache)).sum();
        require_space(cache.folder(), missing)?;

        let mut fetched = Vec::new();
        for (file, planned) in files.iter().zip(&heads) {
            tracker.begin(file)?;
            fetched.push(match planned {
                Planned::There(bytes) => {
                    tracker.at(*bytes)?;
                    FetchedFile::there(file, *bytes)
                }
                Planned::Missing(head) => {
                    self.receive(request, &cache, &commit, file, head, tracker)?
                }
            });
        }
        cache.set_commit(&request.revision, &commit)?;
        Ok(FetchedModel::new(request, commit, snapshot, fetched))
    }

    /// Downloads a file's blob, unless it is there, and links it into the snapshot.
    fn receive(
        &self,
        request: &ModelRequest,
        cache: &RepoCache,
        commit: &str,
        file: &str,
        head: &FileHead,
        tracker: &mut Tracker<'_>,
    ) -> Result<FetchedFile, FetchError> {
        let _lock = lock(&cache.lock(&head.etag), tracker)?;
        let blob = cache.blob(&head.etag);
        // Another process may have fetched it meanwhile, or another commit may have the same file.
        let received = !blob.exists();
        let checksum = Checksum::from_etag(&head.etag);
        if received {
            let source = Source {
                url: &self.file_url(request, commit, file),
                file,
                checksum: checksum.as_ref(),
                bytes: Some(head.bytes),
                limit: head.bytes,
            };
            download(&self.http, &source, &blob, tracker)?;
        }
        tracker.at(head.bytes)?;
        cache.link(&head.etag, commit, file)?;
        Ok(FetchedFile {
            file: file.to_string(),
            bytes: head.bytes,
            received,
            checked: received && checksum.is_some(),
        })
    }

    /// What the cache has of the revision, if that is a whole model.
    fn cached(&self, request: &ModelRequest) -> Result<FetchedModel, FetchError> {
        let cache = RepoCache::new(&self.settings.cache, &request.name);
        let found = cache.commit(&request.revision).and_then(|commit| {
            let files = needed(&request.name, &cache.files(&commit), &request.files).ok()?;
            Some((commit, files))
        });
        let Some((commit, files)) = found else {
            return Err(FetchError::Offline {
                name: format!("{} ({})", request.name, request.revision),
                cache: self.settings.cache.clone(),
            });
        };
        let snapshot = cache.snapshot(&commit);
        let mut there = Vec::new();
        for file in &files {
            let path = snapshot.join(file);
            let bytes = path.metadata().map_err(FetchError::io(&path))?.len();
            there.push(FetchedFile::there(file, bytes));
        }
        Ok(FetchedModel::new(request, commit, snapshot, there))
    }
}

/// A file before it is fetched.
enum Planned {
    /// In the snapshot, with so many bytes.
    There(u64),
    Missing(FileHead),
}

impl Planned {
    fn bytes(&self) -> u64 {
        match self {
            Planned::There(bytes) => *bytes,
            Planned::Missing(head) => head.bytes,
        }
    }

    /// The bytes that are still to come.
    fn missing(&self, cache: &RepoCache) -> u64 {
        let Planned::Missing(head) = self else {
            return 0;
        };
        let blob = cache.blob(&head.etag);
        if blob.exists() {
            return 0;
        }
        let part = incomplete(&blob).metadata().map_or(0, |part| part.len());
        head.bytes.saturating_sub(part)
    }
}

impl FetchedFile {
    fn there(file: &str, bytes: u64) -> FetchedFile {
        FetchedFile {
            file: file.to_string(),
            bytes,
            received: false,
            checked: false,
        }
    }
}

impl FetchedModel {
    fn new(
        request: &ModelRequest,
        commit: String,
        folder: PathBuf,
        files: Vec<FetchedFile>,
    ) -> FetchedModel {
        let received = files.iter().filter(|file| file.received);
        FetchedModel {
            name: request.name.to_string(),
            revision: request.revision.to_string(),
            model: model_path(&folder, &request.files),
            commit,
            folder,
            bytes: files.iter().map(|file| file.bytes).sum(),
            received: received.map(|file| file.bytes).sum(),
            files,
        }
    }
}

fn model_path(folder: &Path, asked: &[String]) -> PathBuf {
    match asked {
        [file] if is_gguf(file) => folder.join(file),
        _ => folder.to_path_buf(),
    }
}

fn cached_models(cache: &Path, name: &ModelName) -> Vec<CachedModel> {
    let repo = RepoCache::new(cache, name);
    let snapshots = fs::read_dir(repo.folder().join("snapshots"));
    let commits = snapshots.into_iter().flatten().flatten();
    commits
        .filter_map(|entry| {
            let commit = entry.file_name().to_string_lossy().into_owned();
            let files = repo.files(&commit);
            let is_model = files
                .iter()
                .any(|file| file == "config.json" || is_gguf(file));
            let folder = repo.snapshot(&commit);
            let sizes = files
                .iter()
                .filter_map(|file| folder.join(file).metadata().ok());
            is_model.then(|| CachedModel {
                name: name.to_string(),
                bytes: sizes.map(|file| file.len()).sum(),
                folder: folder.clone(),
                commit,
            })
        })
        .collect()
}

/// Refuses a folder with something in it.
fn require_empty(folder: &Path) -> Result<(), FetchError> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(FetchError::NotEmpty(folder.to_path_buf())),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(FetchError::io(folder)(error)),
        _ => Ok(()),
    }
}

/// Copies the files to a folder that is then whole, or not there.
fn copy(model: &FetchedModel, to: &Path, tracker: &mut Tracker<'_>) -> Result<(), FetchError> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
    require_space(parent, model.bytes)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.fetching"));
    let _ = fs::remove_dir_all(&temporary); // what a killed fetch left
    let copied = (|| {
        for file in &model.files {
            tracker.tell()?;
            let (from, to) = (model.folder.join(&file.file), temporary.join(&file.file));
            super::disk::create_parent(&to)?;
            fs::copy(&from, &to).map_err(FetchError::io(&to))?;
        }
        // On some systems a folder is not renamed over an empty one.
        let _ = fs::remove_dir(to);
        fs::rename(&temporary, to).map_err(FetchError::io(to))
    })();
    if copied.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&temporary);
    }
    copied
}
