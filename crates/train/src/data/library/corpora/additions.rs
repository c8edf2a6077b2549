//! Additions to a corpus: labels, scores and verdicts that its answers were given after the import, by identifiers, a judge or
//! a file.
//!
//! Each is a file beside the records that is only appended to, a line a record, and a manifest that says how much of it
//! counts; whoever reads records finds both together. Must not know who judges.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::files::{jsonl, write_synced};
use super::super::{DataError, set_dir};
use super::is_name;
use crate::data::corpus::Record;
use crate::data::corpus::record::{Labels, Score, Verdict};

const FOLDER: &str = "additions";
/// The second has verdicts.
const FORMAT: u32 = 2;
/// How every line begins.
const RECORD: &str = "{\"record\":";
const FIX: &str =
    "delete the addition with `emprl corpus delete CORPUS --addition NAME` and make it again";

/// Whom an addition is by, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    format: u32,
    pub name: String,
    /// For people: `the identifiers of run 3`.
    pub by: String,
    /// Of what it was computed from; an addition goes on only with the same.
    pub fingerprint: String,
    /// Answers by what a reader must know about them, such as a context that was cut.
    pub tally: BTreeMap<String, usize>,
    /// Records gone through, from the first on.
    pub records: usize,
    /// Answers that were given something.
    pub answers: usize,
    /// Whether all records are gone through.
    pub finished: bool,
    /// Answers by label.
    pub labels: BTreeMap<String, usize>,
    /// Values by score.
    pub scores: BTreeMap<String, usize>,
    /// By the verdict's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, usize>,
    /// Bytes of the file that count; what stands behind them was not committed.
    bytes: u64,
}

/// What an answer is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remarks {
    /// Position of the response in its record; None: the target, else the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<usize>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Score>,
    /// Between the answers of the record, whichever response this is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
}

/// What the answers of a record are given; a line of the file, which begins with [`RECORD`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedTo {
    /// Place of the record in the corpus, from 0.
    pub record: usize,
    pub remarks: Vec<Remarks>,
}

/// An addition in the making, which nobody else can write meanwhile.
#[derive(Debug)]
pub struct Adding {
    manifest: PathBuf,
    path: PathBuf,
    file: File,
    addition: Addition,
}

impl Adding {
    /// Begins an addition, or goes on with one that has the same fingerprint.
    ///
    /// # Errors
    /// The name cannot be one, or belongs to an addition with another fingerprint; another program writes it; the store
    /// cannot be written.
    pub fn begin(
        store: &Path,
        corpus: &str,
        name: &str,
        by: &str,
        fingerprint: &str,
    ) -> Result<Adding, DataError> {
        super::check_name(name)?;
        super::require_corpus(store, corpus)?;
        let folder = folder(store, corpus);
        fs::create_dir_all(&folder).map_err(DataError::io(&folder))?;
        let path = folder.join(format!("{name}.jsonl"));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = file.map_err(DataError::io(&path))?;
        if let Err(error) = file.try_lock() {
            return Err(match error {
                fs::TryLockError::WouldBlock => {
                    let fix = "wait until it has ended, or choose another name";
                    DataError::file(&path, "another program is writing this addition", fix)
                }
                fs::TryLockError::Error(error) => DataError::io(&path)(error),
            });
        }
        let manifest = folder.join(format!("{name}.json"));
        let addition = match read_addition(&manifest)? {
            Some(found) if found.fingerprint != fingerprint => {
                return Err(DataError::AdditionTaken {
                    corpus: corpus.to_string(),
                    name: name.to_string(),
                    by: found.by,
                });
            }
            Some(found) => found,
            None => Addition {
                format: FORMAT,
                name: name.to_string(),
                by: by.to_string(),
                fingerprint: fingerprint.to_string(),
                tally: BTreeMap::new(),
                records: 0,
                answers: 0,
                finished: false,
                labels: BTreeMap::new(),
                scores: BTreeMap::new(),
                verdicts: BTreeMap::new(),
                bytes: 0,
            },
        };
        let length = file.metadata().map_err(DataError::io(&path))?.len();
        if length < addition.bytes {
            return Err(DataError::file(&path, "the file is cut short", FIX));
        }
        let cut = file.set_len(addition.bytes);
        cut.and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(DataError::io(&path))?;
        Ok(Adding {
            manifest,
            path,
            file,
            addition,
        })
    }

    /// What is on disk of it.
    pub fn addition(&self) -> &Addition {
        &self.addition
    }

    /// Puts what the answers of some records are given on disk, in the order of the records; `through` counts the records
    /// that are gone through, those without remarks among them. The tally is added to what it was.
    ///
    /// # Errors
    /// The store cannot be written. Then nothing of it counts.
    pub fn commit(
        &mut self,
        lines: &[AddedTo],
        through: usize,
        tally: &BTreeMap<&str, usize>,
    ) -> Result<(), DataError> {
        let bytes = jsonl(lines).map_err(DataError::io(&self.path))?;
        let mut addition = self.addition.clone();
        for (what, n) in tally {
            *addition.tally.entry((*what).to_string()).or_default() += n;
        }
        for given in lines.iter().flat_map(|line| &line.remarks) {
            addition.answers += 1;
            for label in given.labels.keys() {
                *addition.labels.entry(label.clone()).or_default() += 1;
            }
            for score in &given.scores {
                *addition.scores.entry(score.name.clone()).or_default() += 1;
            }
            for verdict in &given.verdicts {
                *addition.verdicts.entry(verdict.name.clone()).or_default() += 1;
            }
        }
        let written = self.file.write_all(&bytes);
        written
            .and_then(|()| self.file.sync_data())
            .map_err(DataError::io(&self.path))?;
        addition.bytes += bytes.len() as u64;
        addition.records = through;
        self.write(addition)
    }

    /// Says that all records are gone through.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn finish(mut self) -> Result<Addition, DataError> {
        let finished = Addition {
            finished: true,
            ..self.addition.clone()
        };
        self.write(finished)?;
        Ok(self.addition)
    }

    fn write(&mut self, addition: Addition) -> Result<(), DataError> {
        let bytes = serde_json::to_vec_pretty(&addition)
            .map_err(|error| DataError::io(&self.manifest)(error.into()))?;
        let temporary = self.manifest.with_extension("json.new");
        write_synced(&temporary, &bytes)?;
        fs::rename(&temporary, &self.manifest).map_err(DataError::io(&self.manifest))?;
        self.addition = addition;
        Ok(())
    }
}

/// The additions to a corpus, by name.
///
/// # Errors
/// One of them is damaged.
pub fn additions(store: &Path, corpus: &str) -> Result<Vec<Addition>, DataError> {
    let folder = folder(store, corpus);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DataError::io(&folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(DataError::io(&folder))?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            found.extend(read_addition(&path)?);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Takes the additions to a corpus over into the folder that replaces it, where the records are the same.
///
/// # Errors
/// They are about other records; the store cannot be written.
pub(super) fn take_over(
    store: &Path,
    corpus: &str,
    to: &Path,
    same_records: bool,
) -> Result<(), DataError> {
    let additions = additions(store, corpus)?;
    if additions.is_empty() {
        return Ok(());
    }
    if !same_records {
        let names = additions.into_iter().map(|addition| addition.name);
        return Err(DataError::HasAdditions {
            corpus: corpus.to_string(),
            names: names.collect::<Vec<_>>().join(", "),
        });
    }
    let (from, to) = (folder(store, corpus), to.join(FOLDER));
    fs::create_dir_all(&to).map_err(DataError::io(&to))?;
    for addition in additions {
        for ending in ["jsonl", "json"] {
            let name = format!("{}.{ending}", addition.name);
            let path = from.join(&name);
            fs::hard_link(&path, to.join(&name))
                .or_else(|_| fs::copy(&path, to.join(&name)).map(drop))
                .map_err(DataError::io(&path))?;
        }
    }
    Ok(())
}

fn files(store: &Path, corpus: &str, name: &str) -> [PathBuf; 2] {
    let folder = folder(store, corpus);
    ["json", "jsonl"].map(|ending| folder.join(format!("{name}.{ending}")))
}

/// Checks that a corpus has an addition of this name.
///
/// # Errors
/// There is no such corpus, or it has none.
pub fn require_addition(store: &Path, corpus: &str, name: &str) -> Result<(), DataError> {
    let files = files(store, corpus, name);
    // One that is damaged can be removed as well.
    let is_there = is_name(corpus) && is_name(name) && files.iter().any(|file| file.is_file());
    if !is_there {
        super::require_corpus(store, corpus)?;
        let all = additions(store, corpus)?;
        let names: Vec<String> = all.into_iter().map(|addition| addition.name).collect();
        return Err(DataError::NoAddition {
            corpus: corpus.to_string(),
            name: name.to_string(),
            known: match names.is_empty() {
                true => "it has none".to_string(),
                false => format!("it has {}", names.join(", ")),
            },
        });
    }
    Ok(())
}

/// Removes an addition.
///
/// # Errors
/// The corpus has none of this name, or it cannot be removed.
pub fn delete_addition(store: &Path, corpus: &str, name: &str) -> Result<(), DataError> {
    require_addition(store, corpus, name)?;
    let files = files(store, corpus, name);
    // The manifest first: a file without one does not count.
    for path in files.iter().filter(|file| file.is_file()) {
        fs::remove_file(path).map_err(DataError::io(path))?;
    }
    Ok(())
}

fn folder(store: &Path, corpus: &str) -> PathBuf {
    set_dir(store, corpus).join(FOLDER)
}

fn read_addition(path: &Path) -> Result<Option<Addition>, DataError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DataError::io(path)(error)),
    };
    let addition: Addition = serde_json::from_slice(&bytes)
        .map_err(|error| DataError::file(path, error.to_string(), FIX))?;
    if addition.format > FORMAT {
        let what = "it was made by a newer version of the program";
        return Err(DataError::file(path, what, "update the program"));
    }
    let named = path.file_stem().and_then(|stem| stem.to_str());
    match is_name(&addition.name) && named == Some(&addition.name) {
        true => Ok(Some(addition)),
        false => Err(DataError::file(
            path,
            "its name is not that of the file",
            FIX,
        )),
    }
}

/// Gives records what was added to them, in their order.
pub(super) struct Merging(Vec<Reading>);

struct Reading {
    path: PathBuf,
    lines: io::Lines<io::Take<BufReader<File>>>,
    number: usize,
    /// The next line, and the record that it is about.
    next: Option<(usize, String)>,
}

impl Merging {
    pub fn open(store: &Path, corpus: &str) -> Result<Merging, DataError> {
        let folder = folder(store, corpus);
        let mut all = Vec::new();
        for addition in additions(store, corpus)? {
            let path = folder.join(format!("{}.jsonl", addition.name));
            let file = File::open(&path).map_err(DataError::io(&path))?;
            let mut reading = Reading {
                lines: BufReader::new(file).take(addition.bytes).lines(),
                path,
                number: 0,
                next: None,
            };
            reading.advance()?;
            all.push(reading);
        }
        Ok(Merging(all))
    }

    /// Adds what was said of the record at this place, from 0.
    pub fn add(&mut self, place: usize, record: &mut Record) -> Result<(), DataError> {
        for reading in &mut self.0 {
            while let Some((of, line)) = reading.next.take_if(|(of, _)| *of <= place) {
                if of == place {
                    let line = serde_json::from_str(&line).map_err(|error| error.to_string());
                    line.and_then(|line| apply(line, record))
                        .map_err(|what| reading.damaged(what))?;
                }
                reading.advance()?;
            }
        }
        Ok(())
    }
}

impl Reading {
    fn advance(&mut self) -> Result<(), DataError> {
        self.number += 1;
        let Some(line) = self.lines.next() else {
            self.next = None;
            return Ok(());
        };
        let line = line.map_err(DataError::io(&self.path))?;
        // Of most lines nothing else is read, where one record is looked for.
        let digits = line.strip_prefix(RECORD).unwrap_or_default();
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let record = digits[..end.unwrap_or(digits.len())].parse();
        let record = record.map_err(|_| self.damaged("is about no record".to_string()))?;
        self.next = Some((record, line));
        Ok(())
    }

    fn damaged(&self, what: String) -> DataError {
        DataError::line(&self.path, self.number, what, FIX)
    }
}

fn apply(line: AddedTo, record: &mut Record) -> Result<(), String> {
    for remarks in line.remarks {
        let (labels, scores) = match remarks.response {
            None => (&mut record.labels, &mut record.scores),
            Some(place) => {
                let response = record
                    .responses
                    .get_mut(place)
                    .ok_or_else(|| format!("record {:?} has no response {place}", record.id))?;
                (&mut response.labels, &mut response.scores)
            }
        };
        labels.extend(remarks.labels);
        scores.extend(remarks.scores);
        record.verdicts.extend(remarks.verdicts);
    }
    Ok(())
}
