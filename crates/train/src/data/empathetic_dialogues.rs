//! Reads EmpatheticDialogues in its original form.
//!
//! The files are called CSV but are not: columns are never quoted, quotation marks are part of the
//! text, and a comma inside a text is written `_comma_`. Copies that were saved again as CSV, by pandas for one, are
//! quoted, and are read so. Must not know the store.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::import::{FileReport, ImportReport, SkippedRow, SplitCount, read_text};
use super::sets::EMPATHETIC_DIALOGUES;
use super::sets::{BySplit, DialogueSet, Example, Role, Split};

/// The header of each file.
const HEADER: &str = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags";
const COLUMNS: usize = 8;
/// Some copies of the test file carry a ninth column, answers to choose from; it is not read.
const COLUMNS_WITH_CANDIDATES: usize = 9;
/// Folder inside the original archive.
const ARCHIVE_FOLDER: &str = "empatheticdialogues";
const FILES: [(Split, &str); 3] = [
    (Split::Train, "train.csv"),
    (Split::Validation, "valid.csv"),
    (Split::Test, "test.csv"),
];
const FIX: &str = "give the folder with train.csv, valid.csv and test.csv of EmpatheticDialogues";
const TRUNCATED: &str = "the file is truncated: get it again";

/// Reads `train.csv`, `valid.csv` and `test.csv` from `dir`, or from `empatheticdialogues/` inside it.
///
/// Whoever utters a conversation's first row is its speaker; each later utterance of anyone else is the
/// target of one example. The set's fingerprint is empty; the library sets it.
///
/// # Errors
/// A file is missing, has another header, is truncated or not UTF-8, or holds no usable row.
pub fn read(dir: &Path) -> Result<(DialogueSet, ImportReport), DataError> {
    let dir = locate(dir);
    let mut set = DialogueSet {
        name: EMPATHETIC_DIALOGUES.to_string(),
        ..DialogueSet::default()
    };
    let mut splits = BySplit::<SplitCount>::default();
    let mut report = ImportReport {
        name: EMPATHETIC_DIALOGUES.to_string(),
        ..ImportReport::default()
    };
    for (split, file) in FILES {
        let path = dir.join(file);
        let (text, sha256) = read_text(&path, FIX)?;
        let part = read_file(&path, file, &text)?;
        let skipped = part.skipped.len();
        if part.quoted {
            let remark = format!(
                "{file} is quoted as CSV; the quotation marks around columns are taken off"
            );
            report.remarks.push(remark);
        }
        report.files.push(FileReport {
            file: file.to_string(),
            read: part.kept + skipped,
            kept: part.kept,
            skipped,
            sha256,
        });
        report.skipped.extend(part.skipped);
        *set.conversations.get_mut(split) = part.conversations;
        *splits.get_mut(split) = SplitCount {
            conversations: part.conversations,
            pairs: part.examples.len(),
        };
        match split {
            Split::Train => set.train = part.examples,
            Split::Validation => set.validation = part.examples,
            Split::Test => set.test = part.examples,
        }
    }
    report.splits = Some(splits);
    Ok((set, report))
}

fn locate(dir: &Path) -> PathBuf {
    let inner = dir.join(ARCHIVE_FOLDER);
    if !dir.join(FILES[0].1).exists() && inner.is_dir() {
        inner
    } else {
        dir.to_path_buf()
    }
}

/// The contents of one file.
#[derive(Default)]
struct Part {
    examples: Vec<Example>,
    conversations: usize,
    kept: usize,
    skipped: Vec<SkippedRow>,
    /// Whether the file is quoted as CSV.
    quoted: bool,
}

/// The conversation being read.
struct Conversation {
    id: String,
    speaker: String,
    last: u32,
    utterances: Vec<String>,
    roles: Vec<Role>,
}

fn read_file(path: &Path, file: &str, text: &str) -> Result<Part, DataError> {
    let text = text.trim_start_matches('\u{feff}');
    let quoted = is_quoted(text);
    let rows = match quoted {
        true => quoted_rows(text),
        false => plain_rows(text),
    };
    let mut rows = rows.into_iter();
    let header = rows.next().map_or_else(Vec::new, |(_, columns)| columns);
    if header.join(",").trim_end() != HEADER {
        let what = "the first line is not the header of EmpatheticDialogues";
        return Err(DataError::line(path, 1, what, FIX));
    }
    let whole = text.ends_with('\n');
    let last_row = rows.len();
    let mut part = Part {
        quoted,
        ..Part::default()
    };
    let mut conversation: Option<Conversation> = None;
    for (index, (number, columns)) in rows.enumerate() {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        if columns.len() < COLUMNS && index + 1 == last_row && !whole {
            let what = format!("the last row has {} of {COLUMNS} columns", columns.len());
            return Err(DataError::line(path, number, what, TRUNCATED));
        }
        match part.take_row(&columns, &mut conversation) {
            Ok(()) => part.kept += 1,
            Err(reason) => part.skipped.push(SkippedRow {
                file: file.to_string(),
                line: number,
                reason,
            }),
        }
    }
    if part.examples.is_empty() {
        let what = match part.skipped.first() {
            Some(row) => format!("no row can be used; line {}: {}", row.line, row.reason),
            None => "there is no row after the header".to_string(),
        };
        return Err(DataError::file(path, what, TRUNCATED));
    }
    Ok(part)
}

/// A row's line, counted from 1, and its columns.
type Columns = (usize, Vec<String>);

/// Rows of the original form: a line each, cut at every comma.
fn plain_rows(text: &str) -> Vec<Columns> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let columns = |line: &str| -> Vec<String> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split(',').map(str::to_string).collect()
    };
    let lines = text.split('\n').enumerate();
    lines
        .map(|(index, line)| (index + 1, columns(line)))
        .collect()
}

/// Rows of a copy that was saved as CSV, without their quotation marks.
fn quoted_rows(text: &str) -> Vec<Columns> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let row = |record: csv::StringRecord| {
        let line = record.position().map_or(0, csv::Position::line) as usize;
        (line, record.iter().map(str::to_string).collect())
    };
    // The text is valid UTF-8 and rows may have any length, so none is refused.
    reader.records().flatten().map(row).collect()
}

/// Whether a text is quoted as RFC 4180 says, throughout: every quotation mark opens a column, closes it, or is one
/// of two inside; and some column needs or has it. In the original form marks are part of the texts, and stand
/// anywhere.
fn is_quoted(text: &str) -> bool {
    let mut needed = text.starts_with('"');
    let mut chars = text.chars().peekable();
    let mut at_start = true;
    while let Some(c) = chars.next() {
        match c {
            '"' if at_start => {
                loop {
                    match chars.next() {
                        None => return false,
                        Some('"') if chars.peek() == Some(&'"') => {
                            chars.next();
                            needed = true;
                        }
                        Some('"') => break,
                        Some(',' | '\n') => needed = true,
                        Some(_) => {}
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                    return false;
                }
                at_start = false;
            }
            '"' => return false,
            _ => at_start = matches!(c, ',' | '\n'),
        }
    }
    needed
}

impl Part {
    /// Adds one row to its conversation, or says why it cannot be used.
    fn take_row(
        &mut self,
        columns: &[&str],
        conversation: &mut Option<Conversation>,
    ) -> Result<(), String> {
        if !(COLUMNS..=COLUMNS_WITH_CANDIDATES).contains(&columns.len()) {
            return Err(format!("{} columns instead of {COLUMNS}", columns.len()));
        }
        let (id, speaker) = (columns[0], columns[4]);
        if id.is_empty() {
            return Err("no conversation identifier".to_string());
        }
        let turn: u32 = columns[1]
            .parse()
            .map_err(|_| format!("the utterance index {:?} is no number", columns[1]))?;
        let utterance = plain(columns[5]);
        if utterance.is_empty() {
            return Err("the utterance is empty".to_string());
        }
        match conversation.as_mut().filter(|open| open.id == id) {
            None if turn != 1 => {
                return Err(format!("the conversation starts with utterance {turn}"));
            }
            None => {
                self.conversations += 1;
                *conversation = Some(Conversation {
                    id: id.to_string(),
                    speaker: speaker.to_string(),
                    last: turn,
                    utterances: vec![utterance],
                    roles: vec![Role::Speaker],
                });
            }
            Some(open) if turn != open.last + 1 => {
                return Err(format!("utterance {turn} follows utterance {}", open.last));
            }
            Some(open) => {
                let role = match speaker == open.speaker {
                    true => Role::Speaker,
                    false => Role::Listener,
                };
                if role == Role::Listener {
                    self.examples.push(Example {
                        conversation: id.to_string(),
                        turn,
                        emotion: columns[2].to_string(),
                        situation: plain(columns[3]),
                        context: open.utterances.clone(),
                        roles: Role::kept(&open.roles),
                        target: utterance.clone(),
                    });
                }
                open.last = turn;
                open.utterances.push(utterance);
                open.roles.push(role);
            }
        }
        Ok(())
    }
}

/// A text as it was written: commas restored, white space at the ends removed.
fn plain(column: &str) -> String {
    column.replace("_comma_", ",").trim().to_string()
}
