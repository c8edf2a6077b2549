//! Any system's responses: read from a file, aligned with their contexts, and checked row by row.
//!
//! Knows rows and contexts; must not know studies.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::contexts::{CONVERSATION, INDEX, OrderedContexts, TURN, whole_number};
use super::display::is_tokenized;
use super::error::StudyError;
use super::hex;
use crate::data::DataError;
use crate::data::rows::{Row, parse_jsonl, read};

/// How rows are matched to contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignBy {
    /// The first row answers the first context, and so on.
    Order,
    /// A field `index` or `idx`, from 0, or from 1 where no row has 0 and one has the number of contexts.
    Index,
    /// The fields `conversation` (or `conv_id`) and `turn`.
    ConversationTurn,
    /// The words of the field `context`.
    Words,
}

/// A problem with a row or a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum Problem {
    /// The context has no response. `place` is its index, from 0; `line` a line of the file, from 1.
    Missing { place: usize },
    /// A second row answers the same context; the first counts.
    #[serde(rename = "doubled")]
    Duplicate {
        place: usize,
        line: usize,
        /// Line of the first.
        first: usize,
    },
    /// The response is empty: it counts in scores, but no study shows it.
    Empty { place: usize, line: usize },
    /// The row's context is not the one it is aligned with; it is left out.
    Misaligned { line: usize, why: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { place } => write!(f, "context {}: no response", place + 1),
            Problem::Duplicate { place, line, first } => write!(
                f,
                "line {line}: a second response to context {}, after line {first}; the first counts",
                place + 1
            ),
            Problem::Empty { place, line } => {
                write!(
                    f,
                    "line {line}: the response to context {} is empty",
                    place + 1
                )
            }
            Problem::Misaligned { line, why } => write!(f, "line {line}: {why}; left out"),
        }
    }
}

/// A system's responses, by the index of their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemResponses {
    /// Rows of the file.
    pub rows: usize,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    pub aligned_by: AlignBy,
    /// Whether they are lower-case tokens, which are detokenized for people.
    pub tokenized: bool,
    /// By context, as in the file.
    pub answers: Vec<Option<String>>,
    /// Those of contexts last.
    pub problems: Vec<Problem>,
}

impl SystemResponses {
    /// Responses that our own model generated for every context, in order.
    pub fn generated(answers: Vec<String>) -> SystemResponses {
        let mut hasher = Sha256::new();
        let mut problems = Vec::new();
        for (place, answer) in answers.iter().enumerate() {
            hasher.update(format!("{answer}\n").as_bytes());
            if answer.trim().is_empty() {
                let line = place + 1;
                problems.push(Problem::Empty { place, line });
            }
        }
        SystemResponses {
            rows: answers.len(),
            sha256: hex(&hasher.finalize()),
            aligned_by: AlignBy::Order,
            tokenized: is_tokenized(answers.iter().map(String::as_str)),
            answers: answers.into_iter().map(Some).collect(),
            problems,
        }
    }

    /// See [`duplicate_share`].
    pub fn duplicate_share(&self) -> Option<f64> {
        duplicate_share(self.answers.iter().flatten().map(String::as_str))
    }
}

/// The fraction of responses that repeat an earlier one exactly; None without responses.
pub fn duplicate_share<'a>(responses: impl IntoIterator<Item = &'a str>) -> Option<f64> {
    let (mut seen, mut all) = (HashSet::new(), 0usize);
    for response in responses {
        seen.insert(response);
        all += 1;
    }
    (all > 0).then(|| (all - seen.len()) as f64 / all as f64)
}

/// Reads a file of responses and aligns it with `order`: CSV with a header if it ends in `.csv`, JSONL if the
/// first character is `{`, else plain text with one response per line. Without `by`, rows are aligned by the
/// best that all of them offer: conversation and turn, index, words, order.
///
/// # Errors
/// The file cannot be read, has no rows, cannot be aligned as requested, has another number of rows than
/// contexts when aligned in order, or no row matches a context.
pub fn import(
    path: &Path,
    order: &OrderedContexts,
    by: Option<AlignBy>,
) -> Result<SystemResponses, StudyError> {
    let text = read(path)?;
    let rows = rows_of(path, &text)?;
    if rows.is_empty() {
        let path = path.to_path_buf();
        return Err(StudyError::NoResponses { path });
    }
    let by = by.unwrap_or_else(|| best_of(&rows));
    let (answers, problems) = align(path, &rows, order, by)?;
    let tokenized = is_tokenized(answers.iter().flatten().map(String::as_str));
    Ok(SystemResponses {
        rows: rows.len(),
        sha256: hex(&Sha256::digest(text.as_bytes())),
        aligned_by: by,
        tokenized,
        answers,
        problems,
    })
}

fn rows_of(path: &Path, text: &str) -> Result<Vec<Row>, StudyError> {
    let is_csv = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    if is_csv {
        return csv_rows(path, text);
    }
    if text.trim_start().starts_with('{') {
        return Ok(parse_jsonl(path, text)?);
    }
    let row = |(at, line): (usize, &str)| {
        let mut row = Row::new(Vec::new(), line);
        row.context = None;
        row.line = at + 1;
        row
    };
    Ok(text.lines().enumerate().map(row).collect())
}

fn csv_rows(path: &Path, text: &str) -> Result<Vec<Row>, StudyError> {
    let wrong = |line: usize, what: String| {
        let fix = "give CSV with a header that names the columns, `response` among them";
        StudyError::Data(DataError::line(path, line, what, fix))
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader
        .headers()
        .map_err(|error| wrong(1, error.to_string()))?;
    let names: Vec<String> = head.iter().map(|name| name.trim().to_lowercase()).collect();
    if !names.iter().any(|name| name == "response") {
        return Err(wrong(1, "no column is called `response`".to_string()));
    }
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(line as usize, error.to_string())
        })?;
        let cell = |name: &str| {
            let at = names.iter().position(|known| known == name)?;
            record.get(at).filter(|cell| !cell.trim().is_empty())
        };
        let fields: Map<String, Value> = names
            .iter()
            .filter_map(|name| Some((name.clone(), cell(name)?.into())))
            .collect();
        rows.push(Row {
            context: cell("context").map(|text| vec![text.to_string()]),
            response: cell("response").map(str::to_string),
            fields,
            line: record.position().map_or(0, csv::Position::line) as usize,
        });
    }
    Ok(rows)
}

fn conversation(row: &Row) -> Option<&str> {
    CONVERSATION
        .iter()
        .find_map(|key| row.fields.get(*key)?.as_str())
}

fn turn(row: &Row) -> Option<u32> {
    u32::try_from(whole_number(row, &TURN)?).ok()
}

fn best_of(rows: &[Row]) -> AlignBy {
    let all = |has: &dyn Fn(&Row) -> bool| rows.iter().all(has);
    if all(&|row| conversation(row).is_some() && turn(row).is_some()) {
        AlignBy::ConversationTurn
    } else if all(&|row| whole_number(row, &INDEX).is_some()) {
        AlignBy::Index
    } else if all(&|row| row.context.is_some()) {
        AlignBy::Words
    } else {
        AlignBy::Order
    }
}

type Aligned = (Vec<Option<String>>, Vec<Problem>);

fn align(
    path: &Path,
    rows: &[Row],
    order: &OrderedContexts,
    by: AlignBy,
) -> Result<Aligned, StudyError> {
    if by == AlignBy::Order && rows.len() != order.len() {
        return Err(StudyError::Count {
            path: path.to_path_buf(),
            rows: rows.len(),
            contexts: order.len(),
            order: order.name.clone(),
        });
    }
    let finder = Finder::new(path, rows, order, by)?;
    let mut answers = vec![None; order.len()];
    let mut lines: HashMap<usize, usize> = HashMap::new();
    let mut problems = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let line = row.line;
        let place = match finder.place(at, row, &lines) {
            Ok(place) => place,
            Err(why) => {
                problems.push(Problem::Misaligned { line, why });
                continue;
            }
        };
        if let Some(&first) = lines.get(&place) {
            problems.push(Problem::Duplicate { place, line, first });
            continue;
        }
        lines.insert(place, line);
        let response = row.response.clone().unwrap_or_default();
        if response.trim().is_empty() {
            problems.push(Problem::Empty { place, line });
        }
        answers[place] = Some(response);
    }
    if lines.is_empty() {
        return Err(StudyError::NoMatch {
            path: path.to_path_buf(),
            rows: rows.len(),
            order: order.name.clone(),
            first: problems.first().map(Problem::to_string).unwrap_or_default(),
        });
    }
    let missing = (0..order.len()).filter(|place| answers[*place].is_none());
    problems.extend(missing.map(|place| Problem::Missing { place }));
    Ok((answers, problems))
}

/// Finds the context that a row answers.
struct Finder<'a> {
    order: &'a OrderedContexts,
    by: AlignBy,
    /// The index of the first context.
    base: u64,
}

impl<'a> Finder<'a> {
    fn new(
        path: &Path,
        rows: &[Row],
        order: &'a OrderedContexts,
        by: AlignBy,
    ) -> Result<Finder<'a>, StudyError> {
        let (field, has): (_, fn(&Row) -> bool) = match by {
            AlignBy::Order => ("line", |_| true),
            AlignBy::Index => ("index", |row| whole_number(row, &INDEX).is_some()),
            AlignBy::ConversationTurn => ("conversation and turn", |row| {
                conversation(row).is_some() && turn(row).is_some()
            }),
            AlignBy::Words => ("context", |row| row.context.is_some()),
        };
        let without = rows.iter().filter(|row| !has(row)).count();
        if without > 0 {
            return Err(StudyError::NoField {
                path: path.to_path_buf(),
                rows: without,
                field,
            });
        }
        let indices = || rows.iter().filter_map(|row| whole_number(row, &INDEX));
        let from_one = !indices().any(|index| index == 0)
            && indices().any(|index| index == order.len() as u64);
        let base = u64::from(from_one);
        Ok(Finder { order, by, base })
    }

    /// The index of the row's context, or why there is none.
    fn place(&self, at: usize, row: &Row, taken: &HashMap<usize, usize>) -> Result<usize, String> {
        let place = match self.by {
            AlignBy::Order => Ok(at),
            AlignBy::Index => {
                let index = whole_number(row, &INDEX).unwrap_or(u64::MAX);
                let place = index.checked_sub(self.base).map(|place| place as usize);
                let known = place.filter(|place| *place < self.order.len());
                known.ok_or_else(|| format!("there is no context of index {index}"))
            }
            AlignBy::ConversationTurn => {
                let (name, turn) = (conversation(row).unwrap_or(""), turn(row).unwrap_or(0));
                let known = self.order.at_turn(name, turn);
                known.ok_or_else(|| format!("there is no response at turn {turn} of {name}"))
            }
            AlignBy::Words => {
                let places = self.order.with_words(row.context.as_deref().unwrap_or(&[]));
                // Several contexts may have the same words: each row takes the next one.
                let free = places.iter().find(|place| !taken.contains_key(place));
                let found = free.or(places.first()).copied();
                found.ok_or_else(|| "there is no such context".to_string())
            }
        }?;
        match &row.context {
            Some(utterances) if !self.order.has_words(place, utterances) => {
                Err(format!("its context is not that of place {}", place + 1))
            }
            _ => Ok(place),
        }
    }
}
