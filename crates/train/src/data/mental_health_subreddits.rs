//! Reads Mental Health Subreddits, the public part of EPITOME: three CSV files, one per mechanism.
//!
//! Must not know where the set is kept.

use std::collections::HashMap;
use std::path::Path;

use super::empathy::{EmpathyLevel, Mechanism, UnreadLevel};
use super::error::DataError;
use super::import::{FileReport, ImportReport, SkippedRow, read_text};
use super::sets::MENTAL_HEALTH_SUBREDDITS;
use super::sets::{LabelledPair, LevelSet};

const HEADER: [&str; 6] = [
    "sp_id",
    "rp_id",
    "seeker_post",
    "response_post",
    "level",
    "rationales",
];
const FIX: &str = "give the folder with emotional-reactions-reddit.csv, \
                    interpretations-reddit.csv and explorations-reddit.csv";
const AGAIN: &str = "the file is truncated or damaged: get it again";

/// Name of a mechanism's file.
const fn file_name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::EmotionalReaction => "emotional-reactions-reddit.csv",
        Mechanism::Interpretation => "interpretations-reddit.csv",
        Mechanism::Exploration => "explorations-reddit.csv",
    }
}

/// Reads the three files from `dir` and merges them.
///
/// Rows belong together by post, response and occurrence (61 rows repeat a pair that was annotated
/// before). Texts are those of the first file that has the row: the files differ in white space. A
/// level that a file does not give is unknown. The set's fingerprint is empty; the library sets it.
///
/// # Errors
/// A file is missing, has another header, is truncated or not UTF-8, or holds no usable row.
pub fn read(dir: &Path) -> Result<(LevelSet, ImportReport), DataError> {
    let mut report = ImportReport {
        name: MENTAL_HEALTH_SUBREDDITS.to_string(),
        ..ImportReport::default()
    };
    let mut merged = Merged::default();
    for mechanism in Mechanism::ALL {
        read_file(dir, mechanism, &mut merged, &mut report)?;
    }
    check_same_rows(dir, &report.files)?;
    for mechanism in Mechanism::ALL {
        let remark = unknown_levels(&merged.pairs, mechanism, &report.skipped);
        report.remarks.extend(remark);
    }
    if merged.differing > 0 {
        let rows = if merged.differing == 1 {
            "row differs"
        } else {
            "rows differ"
        };
        report.remarks.push(format!(
            "{} {rows} from {} in the words of a text; the texts of that file are kept",
            merged.differing,
            file_name(Mechanism::EmotionalReaction)
        ));
    }
    report.labelled_pairs = Some(merged.pairs.len());
    let set = LevelSet {
        name: MENTAL_HEALTH_SUBREDDITS.to_string(),
        fingerprint: String::new(),
        pairs: merged.pairs,
    };
    Ok((set, report))
}

/// The pairs for which a mechanism's file gives no level, if there are any, and why.
fn unknown_levels(
    pairs: &[LabelledPair],
    mechanism: Mechanism,
    skipped: &[SkippedRow],
) -> Option<String> {
    /// Pairs that are named.
    const SHOWN: usize = 5;
    let unknown: Vec<&LabelledPair> = pairs
        .iter()
        .filter(|pair| pair.levels[mechanism.index()].is_none())
        .collect();
    if unknown.is_empty() {
        return None;
    }
    let file = file_name(mechanism);
    let name = |pair: &&LabelledPair| format!("{} {}", pair.seeker_id, pair.response_id);
    let mut names: Vec<String> = unknown.iter().take(SHOWN).map(name).collect();
    if unknown.len() > SHOWN {
        names.push(format!("{} more", unknown.len() - SHOWN));
    }
    let skipped = skipped.iter().filter(|row| row.file == file).count();
    let why = match skipped {
        0 => "has no row for".to_string(),
        1 => "has no usable row (1 was skipped) for".to_string(),
        more => format!("has no usable row ({more} were skipped) for"),
    };
    Some(format!(
        "{file} {why} {} of {} pairs, whose {} stays unknown (sp_id rp_id): {}",
        unknown.len(),
        pairs.len(),
        mechanism.title().to_lowercase(),
        names.join("; ")
    ))
}

/// All three files annotate the same pairs, so one with fewer rows has lost some.
fn check_same_rows(dir: &Path, files: &[FileReport]) -> Result<(), DataError> {
    let most = files.iter().max_by_key(|report| report.read);
    let least = files.iter().min_by_key(|report| report.read);
    match (most, least) {
        (Some(most), Some(least)) if most.read != least.read => {
            let what = format!("{} rows, but {} has {}", least.read, most.file, most.read);
            Err(DataError::file(&dir.join(&least.file), what, AGAIN))
        }
        _ => Ok(()),
    }
}

/// Pairs of all files so far.
#[derive(Default)]
struct Merged {
    pairs: Vec<LabelledPair>,
    places: HashMap<(String, String, usize), usize>,
    differing: usize,
}

impl Merged {
    fn add(&mut self, mechanism: Mechanism, occurrence: usize, row: Row) {
        let key = (row.seeker_id.clone(), row.response_id.clone(), occurrence);
        let place = *self.places.entry(key).or_insert_with(|| {
            self.pairs.push(LabelledPair {
                seeker_id: row.seeker_id.clone(),
                response_id: row.response_id.clone(),
                seeker_post: row.seeker_post.clone(),
                response_post: row.response_post.clone(),
                levels: [None; 3],
            });
            self.pairs.len() - 1
        });
        let pair = &mut self.pairs[place];
        pair.levels[mechanism.index()] = Some(row.level);
        let same = same_words(&pair.seeker_post, &row.seeker_post)
            && same_words(&pair.response_post, &row.response_post);
        self.differing += usize::from(!same);
    }
}

fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// One usable row.
struct Row {
    seeker_id: String,
    response_id: String,
    seeker_post: String,
    response_post: String,
    level: EmpathyLevel,
}

fn read_file(
    dir: &Path,
    mechanism: Mechanism,
    merged: &mut Merged,
    report: &mut ImportReport,
) -> Result<(), DataError> {
    let file = file_name(mechanism);
    let path = dir.join(file);
    let (text, sha256) = read_text(&path, FIX)?;
    let body = text.trim_start_matches('\u{feff}');
    let mut records = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(body.as_bytes())
        .into_records();
    let header = records.next().and_then(Result::ok).unwrap_or_default();
    if header != *HEADER.as_slice() {
        let what = format!("the header is not {}", HEADER.join(","));
        return Err(DataError::line(&path, 1, what, FIX));
    }
    let mut occurrences: HashMap<(String, String), usize> = HashMap::new();
    let (mut kept, mut skipped) = (0, 0);
    let records = records
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| DataError::file(&path, error.to_string(), AGAIN))?;
    let last = records.len().saturating_sub(1);
    for (index, record) in records.iter().enumerate() {
        let position = record.position();
        let line = position.map_or(0, |position| position.line() as usize);
        let start = position.map_or(0, |position| position.byte() as usize);
        if index == last && is_cut_off(&body[start..], record) {
            let what = "the last row is cut off";
            return Err(DataError::line(&path, line, what, AGAIN));
        }
        match parse_row(record) {
            Ok(row) => {
                let key = (row.seeker_id.clone(), row.response_id.clone());
                let occurrence = occurrences.entry(key).or_default();
                merged.add(mechanism, *occurrence, row);
                *occurrence += 1;
                kept += 1;
            }
            Err(reason) => {
                skipped += 1;
                report.skipped.push(SkippedRow {
                    file: file.to_string(),
                    line,
                    reason,
                });
            }
        }
    }
    if kept == 0 {
        let first = report.skipped.iter().find(|row| row.file == file);
        let (what, fix) = match first {
            Some(row) => (
                format!("no row can be used; line {}: {}", row.line, row.reason),
                "give the files as they were published",
            ),
            None => ("there is no row after the header".to_string(), AGAIN),
        };
        return Err(DataError::file(&path, what, fix));
    }
    report.files.push(FileReport {
        file: file.to_string(),
        read: kept + skipped,
        kept,
        skipped,
        sha256,
    });
    Ok(())
}

fn parse_row(record: &csv::StringRecord) -> Result<Row, String> {
    if record.len() != HEADER.len() {
        return Err(format!(
            "{} columns instead of {}",
            record.len(),
            HEADER.len()
        ));
    }
    let text = |column: usize| {
        let text = record[column].trim();
        match text.is_empty() {
            true => Err(format!("{} is empty", HEADER[column])),
            false => Ok(text.to_string()),
        }
    };
    let level = text(4)?;
    let level: EmpathyLevel = level
        .parse()
        .map_err(|error: UnreadLevel| error.to_string())?;
    Ok(Row {
        seeker_id: text(0)?,
        response_id: text(1)?,
        seeker_post: text(2)?,
        response_post: text(3)?,
        level,
    })
}

/// Whether the last row, with the text `rest` from its start to the end of the file, is incomplete:
/// columns are missing and no line end follows, or a quotation mark is open.
fn is_cut_off(rest: &str, record: &csv::StringRecord) -> bool {
    let open_quote = rest.matches('"').count() % 2 == 1;
    open_quote || (record.len() < HEADER.len() && !rest.ends_with('\n'))
}
