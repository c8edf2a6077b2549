//! A bundle: chosen runs, systems' responses and studies of a store in one file for a reviewer, who opens it read-only in any
//! `emprl`.
//!
//! It is a zip of a store that holds these parts alone, with their tables, and a manifest with the checksum of every file. It
//! is opened by unpacking it into a folder of its own, which goes when it is closed.

mod chosen;
mod folder;

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub use chosen::BundleRequest;
pub(super) use chosen::Chosen;
use folder::TemporaryFolder;

use super::OperationError;
use super::exports::{make_folder, write};
use crate::experiment;
use crate::report::tables::Format;
use crate::store::{self, RunId, Store, StoreReader, StudyId, now_ms};
use crate::study::hex;

/// Marks a file as a bundle.
const FORMAT: &str = "emprl-bundle";
/// The version that this program writes, and the newest that it reads.
const VERSION: u32 = 1;
/// What every bundle has first.
const MANIFEST: &str = "bundle.json";
/// How to open it, for who unpacks it by hand.
const READ_ME: &str = "README.txt";
/// Bytes of the largest manifest.
const LARGEST_MANIFEST: u64 = 16 << 20;

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    pub format: String,
    pub version: u32,
    /// When it was made, in milliseconds since the Unix epoch.
    pub made: i64,
    /// The program's version, and the commit that it was built from.
    pub emprl: String,
    pub commit: Option<String>,
    pub runs: Vec<BundledRun>,
    pub systems: Vec<BundledSystem>,
    pub studies: Vec<BundledStudy>,
    pub files: Vec<BundledFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledRun {
    pub run: RunId,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledSystem {
    pub name: String,
    /// Of the file of its responses, or what else they came from.
    pub sha256: String,
    pub responses: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledStudy {
    pub study: StudyId,
    pub title: String,
    pub annotators: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// A bundle that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Bundled {
    pub file: PathBuf,
    pub bytes: u64,
    #[serde(flatten)]
    pub manifest: BundleManifest,
    /// Tables that could not be made of these parts, and why; each a sentence.
    pub without: Vec<String>,
}

/// A bundle that is open: a store that is only read, as long as this is kept.
#[derive(Debug)]
pub struct OpenBundle {
    pub manifest: BundleManifest,
    folder: TemporaryFolder,
}

impl OpenBundle {
    /// The folder of its store.
    pub fn store(&self) -> &Path {
        self.folder.path()
    }
}

/// Writes chosen parts of a store into one new file.
///
/// # Errors
/// Nothing is chosen, or something that cannot be: a run in progress, a study that is blind or was created elsewhere; the
/// file exists or cannot be written.
pub fn bundle(
    store: &Path,
    request: &BundleRequest,
    file: &Path,
) -> Result<Bundled, OperationError> {
    if file.symlink_metadata().is_ok() {
        let path = file.to_path_buf();
        return Err(OperationError::Exists { path });
    }
    let reader = StoreReader::open(store)?;
    let chosen = Chosen::of(&reader, request)?;
    let folder = TemporaryFolder::new()?;
    Store::open(folder.path())?.take_parts(&reader, &chosen.parts)?;
    let own = StoreReader::open(folder.path())?;
    let mut manifest = BundleManifest {
        format: FORMAT.to_string(),
        version: VERSION,
        made: now_ms(),
        emprl: env!("CARGO_PKG_VERSION").to_string(),
        commit: experiment::commit().map(str::to_string),
        runs: Vec::new(),
        systems: Vec::new(),
        studies: Vec::new(),
        files: Vec::new(),
    };
    for run in &chosen.parts.runs {
        let name = own.run(*run)?.row.name;
        manifest.runs.push(BundledRun { run: *run, name });
    }
    for system in &chosen.systems {
        manifest.systems.push(BundledSystem {
            name: system.name.clone(),
            sha256: system.sha256.clone(),
            responses: system.responses,
        });
    }
    for study in &chosen.studies {
        manifest.studies.push(BundledStudy {
            study: study.id,
            title: study.head.title.clone(),
            annotators: study.annotators.len(),
        });
    }
    let tables = chosen.tables(&own)?;
    for (table, _) in &tables.made {
        let folder = folder.path().join("tables");
        make_folder(&folder)?;
        for format in [Format::Markdown, Format::Csv] {
            let name = format!("{}.{}", table.file_stem(), format.ending());
            write(&folder.join(name), table.write(format).as_bytes())?;
        }
    }
    drop(own);
    write(&folder.path().join(READ_ME), read_me(&manifest).as_bytes())?;
    manifest.files = files(folder.path())?;
    let bytes = pack(folder.path(), &manifest, file)?;
    Ok(Bundled {
        file: file.to_path_buf(),
        bytes,
        manifest,
        without: tables.without,
    })
}

fn read_me(manifest: &BundleManifest) -> String {
    format!(
        "A bundle of EmpRL Studio (emprl {}): {} runs, {} systems and {} studies, with their tables in tables/.\n\n\
         Open it as it is, read-only: emprl open FILE, or emprl --store FILE with any command.\n\
         {MANIFEST} has the SHA-256 of every file; emprl.db is an SQLite database.\n\
         Annotators have pseudonyms here; what links them to people stayed where the studies were made.\n",
        manifest.emprl,
        manifest.runs.len(),
        manifest.systems.len(),
        manifest.studies.len()
    )
}

/// All files in a folder with their checksums, by their paths.
fn files(folder: &Path) -> Result<Vec<BundledFile>, OperationError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).map_err(OperationError::read(&inner))? {
            let path = entry.map_err(OperationError::read(&inner))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut content = File::open(&path).map_err(OperationError::read(&path))?;
            let mut digest = Sha256::new();
            let bytes = io::copy(&mut content, &mut Hashed(&mut digest));
            let inside = path.strip_prefix(folder).unwrap_or(&path);
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            found.push(BundledFile {
                path: parts.join("/"),
                bytes: bytes.map_err(OperationError::read(&path))?,
                sha256: hex(&digest.finalize()),
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Feeds a digest as a writer.
struct Hashed<'a>(&'a mut Sha256);

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packs a folder into one new file, by way of a second one, so that there is none that is not whole. Returns its bytes.
fn pack(folder: &Path, manifest: &BundleManifest, file: &Path) -> Result<u64, OperationError> {
    let mut part = file.as_os_str().to_os_string();
    part.push(format!(".part-{}", std::process::id()));
    let part = PathBuf::from(part);
    let packed = pack_into(folder, manifest, &part)
        .and_then(|bytes| fs::rename(&part, file).map(|()| bytes));
    packed.map_err(|error| {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
        OperationError::write(file)(error)
    })
}

fn pack_into(folder: &Path, manifest: &BundleManifest, file: &Path) -> io::Result<u64> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true);
    let mut zip = ZipWriter::new(BufWriter::new(File::create_new(file)?));
    zip.start_file(MANIFEST, options)?;
    zip.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    for inside in &manifest.files {
        zip.start_file(&inside.path, options)?;
        io::copy(&mut File::open(folder.join(&inside.path))?, &mut zip)?;
    }
    let out = zip
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    out.sync_all()?;
    Ok(out.metadata()?.len())
}

/// Whether a file is a zip, as a bundle is.
pub fn is_zip(file: &Path) -> bool {
    let mut start = [0; 4];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"PK\x03\x04"
}

/// Opens a bundle: unpacks it into a folder of its own, with every checksum verified.
///
/// # Errors
/// The file is none, is damaged, or a newer program made it; nothing can be written.
pub fn open_bundle(file: &Path) -> Result<OpenBundle, OperationError> {
    let refused = |what: String| OperationError::Bundle {
        path: file.to_path_buf(),
        what,
    };
    let damaged = |error: &dyn std::fmt::Display| {
        refused(format!("is cut off or damaged ({error}); get it again"))
    };
    let none = |detail: &str| {
        refused(format!(
            "is no bundle of emprl ({detail}); name a folder, or a file that `emprl bundle` wrote"
        ))
    };
    let content = File::open(file).map_err(OperationError::read(file))?;
    if !is_zip(file) {
        return Err(none("it is no zip"));
    }
    let mut zip = ZipArchive::new(io::BufReader::new(content)).map_err(|error| damaged(&error))?;
    let manifest = {
        let inside = zip
            .by_name(MANIFEST)
            .map_err(|_| none("it has no bundle.json"))?;
        let mut text = Vec::new();
        let read = inside.take(LARGEST_MANIFEST).read_to_end(&mut text);
        read.map_err(|error| damaged(&error))?;
        let head: Head = serde_json::from_slice(&text).map_err(|error| damaged(&error))?;
        if head.format != FORMAT {
            return Err(none("its bundle.json is another program's"));
        }
        if head.version > VERSION {
            return Err(refused(format!(
                "was made by a newer emprl (bundle version {}, this one reads {VERSION}); update emprl",
                head.version
            )));
        }
        serde_json::from_slice::<BundleManifest>(&text).map_err(|error| damaged(&error))?
    };
    let folder = TemporaryFolder::new()?;
    for listed in &manifest.files {
        let inside = Path::new(&listed.path);
        let is_within = !listed.path.contains('\\')
            && inside
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
        if !is_within {
            return Err(damaged(&format!("{:?} is no path within it", listed.path)));
        }
        let target = folder.path().join(inside);
        if let Some(parent) = target.parent() {
            make_folder(parent)?;
        }
        let packed = zip.by_name(&listed.path).map_err(|error| damaged(&error))?;
        let mut out = File::create_new(&target).map_err(OperationError::write(&target))?;
        let mut digest = Sha256::new();
        let mut limited = packed.take(listed.bytes.saturating_add(1));
        let mut bytes = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = limited.read(&mut buffer).map_err(|error| damaged(&error))?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            digest.update(&buffer[..read]);
            out.write_all(&buffer[..read])
                .map_err(OperationError::write(&target))?;
        }
        if bytes != listed.bytes || hex(&digest.finalize()) != listed.sha256 {
            return Err(damaged(&format!(
                "{} is not what was packed: its checksum differs",
                listed.path
            )));
        }
    }
    // One of an earlier version is brought up to date here, where it can still be written.
    drop(Store::open(folder.path())?.writable());
    store::mark_as_bundle(folder.path(), file)?;
    Ok(OpenBundle { manifest, folder })
}

/// What a manifest of any version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}
