//! TensorBoard's event files, as TensorFlow, PyTorch, tensorboardX and this program write them: scalars (also as tensors,
//! which is TensorFlow 2's way), texts, and hyperparameters. What it writes of pictures and histograms is counted alone.
//!
//! The framing is that of `report::tensorboard`; fields of protocol buffers that are not known are passed over.

mod proto;

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use self::proto::{Content, Event, Fields};
use super::{LoggedNote, LoggedRun, Tracker, TrackerError, counted, moment};
use crate::data::regular_file::open_regular_file;
use crate::experiment::Severity;
use crate::report::tensorboard::masked;

/// The longest text that is kept as a note, in characters.
const LONGEST_NOTE: usize = 2_000;

/// A run from the event files of one folder, in the order of their names; None where they log no scalars.
///
/// # Errors
/// A file cannot be read. Where one is cut off or damaged, what is before is read, and that is said.
pub(super) fn read(name: &str, files: &[PathBuf]) -> Result<Option<LoggedRun>, TrackerError> {
    let mut run = LoggedRun::new(Tracker::Tensorboard, name);
    let mut seen = Seen::default();
    for path in files {
        let records = Records::open(path)?;
        run.files.push(path.clone());
        read_file(records, path, &mut run, &mut seen)?;
    }
    // A file's first record says when it was begun, to the microsecond, and the first scalar what and when.
    run.key = match seen.first_scalar {
        Some(first) => format!("tensorboard {first}"),
        None => return Ok(None),
    };
    for (what, tags) in seen.left_out {
        let tags = counted(tags.len(), "tag", "tags");
        run.remarks.push(format!(
            "{what} of {tags} left out: only numbers are plotted"
        ));
    }
    if seen.bad_steps > 0 {
        let values = counted(seen.bad_steps, "value has", "values have");
        run.remarks
            .push(format!("{values} a step below 0, and left out"));
    }
    Ok(Some(run))
}

/// What was found on the way.
#[derive(Default)]
struct Seen {
    first_scalar: Option<String>,
    /// The tags of what is no number, by what it is.
    left_out: BTreeMap<&'static str, std::collections::BTreeSet<String>>,
    bad_steps: usize,
}

fn read_file(
    mut records: Records,
    path: &Path,
    run: &mut LoggedRun,
    seen: &mut Seen,
) -> Result<(), TrackerError> {
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut head = Vec::new();
    loop {
        let record = match records.next().map_err(TrackerError::read(path))? {
            Next::Record(record) => record,
            Next::End => return Ok(()),
            Next::Cut => {
                run.cut = true;
                let words = format!(
                    "{file} ends in the middle of a record, after {}: read up to there",
                    counted(records.read, "event", "events")
                );
                run.remarks.push(words);
                return Ok(());
            }
            Next::Damaged => {
                run.cut = true;
                let words = format!(
                    "{file} is damaged at byte {}, after {}: a checksum is wrong; read up to there",
                    records.at,
                    counted(records.read, "event", "events")
                );
                run.remarks.push(words);
                return Ok(());
            }
        };
        if head.is_empty() {
            head.clone_from(&record);
        }
        let Some(event) = Event::read(&record) else {
            run.remarks.push(format!(
                "event {} of {file} is not one of TensorBoard's",
                records.read
            ));
            continue;
        };
        let wall_ms = moment::of_seconds(event.wall_time);
        for value in event.values {
            match value.content {
                Content::Scalar(number) => {
                    let Ok(step) = u64::try_from(event.step) else {
                        seen.bad_steps += 1;
                        continue;
                    };
                    if seen.first_scalar.is_none() {
                        let both = Sha256::new()
                            .chain_update(&head)
                            .chain_update(&record)
                            .finalize();
                        let hex = both.iter().take(16).map(|byte| format!("{byte:02x}"));
                        seen.first_scalar = Some(hex.collect());
                    }
                    run.push(&value.tag, (step, number, wall_ms));
                }
                Content::Text(text) => {
                    let step = u64::try_from(event.step).unwrap_or_default();
                    take_text(run, &value.tag, text, step, wall_ms);
                }
                Content::Settings(settings) => run.settings.extend(settings),
                Content::Other(what) => {
                    seen.left_out.entry(what).or_default().insert(value.tag);
                }
            }
        }
    }
}

/// A text is settings where it is an object of JSON, as Transformers logs its arguments, else a note.
fn take_text(run: &mut LoggedRun, tag: &str, text: String, step: u64, wall_ms: Option<i64>) {
    let tag = tag.strip_suffix("/text_summary").unwrap_or(tag);
    if let Ok(Value::Object(fields)) = serde_json::from_str(&text) {
        match tag {
            "args" => run.settings.extend(fields),
            tag => {
                run.settings.insert(tag.to_string(), Value::Object(fields));
            }
        }
        return;
    }
    let text: String = text.chars().take(LONGEST_NOTE).collect();
    run.note(LoggedNote {
        step,
        wall_ms,
        severity: Severity::Info,
        text: format!("{tag}: {text}"),
    });
}

/// The records of a file.
struct Records {
    file: BufReader<std::fs::File>,
    /// Bytes that are still to come.
    left: u64,
    /// Bytes before the record that is read.
    at: u64,
    /// Records that were read.
    read: usize,
}

enum Next {
    Record(Vec<u8>),
    End,
    Cut,
    Damaged,
}

impl Records {
    fn open(path: &Path) -> Result<Records, TrackerError> {
        let file = open_regular_file(path).map_err(TrackerError::read(path))?;
        let left = file.metadata().map_err(TrackerError::read(path))?.len();
        Ok(Records {
            file: BufReader::new(file),
            left,
            at: 0,
            read: 0,
        })
    }

    fn next(&mut self) -> std::io::Result<Next> {
        const HEAD: u64 = 12;
        const TAIL: u64 = 4;
        if self.left == 0 {
            return Ok(Next::End);
        }
        if self.left < HEAD {
            return Ok(Next::Cut);
        }
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let check = self.check()?;
        if check != masked(&length) {
            return Ok(Next::Damaged);
        }
        let length = u64::from_le_bytes(length);
        match length.checked_add(HEAD + TAIL) {
            // What is left of the file bounds what is taken of memory.
            Some(whole) if whole <= self.left => {
                let mut record = vec![0; length as usize];
                self.file.read_exact(&mut record)?;
                if self.check()? != masked(&record) {
                    return Ok(Next::Damaged);
                }
                self.left -= whole;
                self.at += whole;
                self.read += 1;
                Ok(Next::Record(record))
            }
            _ => Ok(Next::Cut),
        }
    }

    fn check(&mut self) -> std::io::Result<u32> {
        let mut check = [0; 4];
        self.file.read_exact(&mut check)?;
        Ok(u32::from_le_bytes(check))
    }
}

/// The hyperparameters of the plugin of that name: the content of the tag `_hparams_/session_start_info`.
fn hyperparameters(content: &[u8]) -> Option<Map<String, Value>> {
    const SESSION_START: u64 = 3;
    let start = Fields::new(content).find_map(|field| field.bytes_of(SESSION_START))?;
    let mut settings = Map::new();
    for entry in Fields::new(start).filter_map(|field| field.bytes_of(1)) {
        let name = Fields::new(entry).find_map(|field| field.bytes_of(1));
        let value = Fields::new(entry).find_map(|field| field.bytes_of(2));
        let (Some(name), Some(value)) = (name, value) else {
            continue;
        };
        let value = Fields::new(value).find_map(|field| match field.number {
            2 => serde_json::Number::from_f64(field.double()?).map(Value::Number),
            3 => Some(Value::String(
                String::from_utf8_lossy(field.bytes()?).into_owned(),
            )),
            4 => Some(Value::Bool(field.varint()? != 0)),
            _ => None,
        });
        if let Some(value) = value {
            settings.insert(String::from_utf8_lossy(name).into_owned(), value);
        }
    }
    Some(settings)
}
