//! Rows of a Parquet file, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

use super::source::{Found, FoundRow};
use crate::data::error::DataError;

pub(super) const SIGNATURE: &[u8] = b"PAR1";

/// How much the pages of a file may become, for each of its bytes; dictionaries of repeated texts come to some hundred.
const MOST_TIMES: u64 = 2000;
/// What they may become in any case.
const FREE_BYTES: u64 = 64 << 20;
const FIX: &str =
    "the file is damaged, or of a kind that is not read: write it again, by pandas for one";

/// A Parquet file in memory, still packed.
#[derive(Debug, Clone)]
pub(super) struct ParquetFile {
    path: PathBuf,
    bytes: bytes::Bytes,
    index: Option<RangeIndex>,
}

/// The index of a table of pandas that is in no column, as it only counts.
#[derive(Debug, Clone, PartialEq)]
struct RangeIndex {
    name: String,
    start: i64,
    step: i64,
}

/// What pandas calls a column for an index without a name.
const UNNAMED: &str = "__index_level_0__";
/// What an index without a name is called, in any form of file.
const INDEX: &str = "index";

impl RangeIndex {
    /// The index in what pandas says of a file; None where it has no name and counts from 0, as it does unasked.
    fn of(pandas: &str, columns: &[&str]) -> Option<RangeIndex> {
        let said: Value = serde_json::from_str(pandas).ok()?;
        let [index] = &said.get("index_columns")?.as_array()?[..] else {
            return None;
        };
        if index.get("kind")? != "range" {
            return None;
        }
        let number = |key: &str| index.get(key).and_then(Value::as_i64);
        let (start, step) = (number("start")?, number("step")?);
        let name = index.get("name").and_then(Value::as_str);
        let is_usual = name.is_none() && start == 0 && step == 1;
        let name = name.unwrap_or(INDEX);
        (!is_usual && !columns.contains(&name)).then(|| RangeIndex {
            name: name.to_string(),
            start,
            step,
        })
    }

    fn at(&self, place: usize) -> Option<i64> {
        let place = i64::try_from(place).ok()?;
        self.start.checked_add(self.step.checked_mul(place)?)
    }
}

impl ParquetFile {
    /// # Errors
    /// It is damaged, or claims to become far larger than it could.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        let size = bytes.len() as u64;
        let mut file = ParquetFile {
            path: path.to_path_buf(),
            bytes: bytes.into(),
            index: None,
        };
        let unpacked = file.caught(|| {
            let reader = file.reader()?;
            let groups = reader.metadata().row_groups().iter();
            Ok(groups
                .map(|group| u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX))
                .fold(0, u64::saturating_add))
        })?;
        if unpacked > FREE_BYTES.max(size.saturating_mul(MOST_TIMES)) {
            let what = "is a Parquet file that becomes far larger than texts do";
            return Err(DataError::file(path, what, FIX));
        }
        file.index = file.caught(|| {
            let reader = file.reader()?;
            let file = reader.metadata().file_metadata();
            let said = file.key_value_metadata().into_iter().flatten();
            let mut said = said.filter(|of| of.key == "pandas");
            let fields = file.schema().get_fields().iter();
            let columns: Vec<&str> = fields.map(|field| field.name()).collect();
            let pandas = said.find_map(|of| of.value.as_deref());
            Ok(pandas.and_then(|pandas| RangeIndex::of(pandas, &columns)))
        })?;
        Ok(file)
    }

    /// What a person should know of how it is read, as a sentence.
    pub fn note(&self) -> Option<String> {
        let index = self.index.as_ref()?;
        Some(format!(
            "The index of pandas, which the file keeps apart from its columns, is read as the column {:?}: it begins at {}.",
            index.name, index.start
        ))
    }

    fn reader(&self) -> Result<SerializedFileReader<bytes::Bytes>, ParquetError> {
        SerializedFileReader::new(self.bytes.clone())
    }

    /// Calls the library, which panics at some damaged files.
    fn caught<T>(&self, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
        let wrong = |what: &str| DataError::file(&self.path, what, FIX);
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => Err(wrong(&format!(
                "is no Parquet file that can be read ({error})"
            ))),
            Err(_) => Err(wrong("is a damaged Parquet file")),
        }
    }

    /// The rows, numbered from 1.
    pub fn into_rows(self) -> Result<impl Iterator<Item = Result<Found, DataError>>, DataError> {
        let mut rows = Some(self.caught(|| Ok(RowIter::from_file_into(Box::new(self.reader()?))))?);
        let mut line = 0;
        Ok(std::iter::from_fn(move || {
            let mut open = rows.take()?;
            line += 1;
            let next = self.caught(|| open.next().transpose());
            match next {
                Ok(None) => None,
                Ok(Some(row)) => {
                    rows = Some(open);
                    let mut fields = object(row);
                    if let Some(unnamed) = fields.remove(UNNAMED) {
                        fields.entry(INDEX).or_insert(unnamed);
                    }
                    let index = self.index.as_ref();
                    if let Some((index, value)) = index.and_then(|of| Some((of, of.at(line - 1)?)))
                    {
                        fields.insert(index.name.clone(), Value::from(value));
                    }
                    Some(Ok(Found::Row(FoundRow { line, fields })))
                }
                Err(error) => Some(Err(error)),
            }
        }))
    }
}

fn object(row: Row) -> Map<String, Value> {
    let columns = row.into_columns().into_iter();
    columns.map(|(name, field)| (name, value(&field))).collect()
}

/// A cell as JSON; what has no likeness there, such as a decimal, as text.
fn value(field: &Field) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(is) => Value::Bool(*is),
        Field::Byte(n) => Value::from(*n),
        Field::Short(n) => Value::from(*n),
        Field::Int(n) => Value::from(*n),
        Field::Long(n) => Value::from(*n),
        Field::UByte(n) => Value::from(*n),
        Field::UShort(n) => Value::from(*n),
        Field::UInt(n) => Value::from(*n),
        Field::ULong(n) => Value::from(*n),
        Field::Float(n) => float(f64::from(*n)),
        Field::Double(n) => float(*n),
        Field::Str(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => Value::String(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Group(row) => {
            let fields = row.get_column_iter();
            Value::Object(
                fields
                    .map(|(name, field)| (name.clone(), value(field)))
                    .collect(),
            )
        }
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        Field::MapInternal(map) => {
            let entry = |(key, of): &(Field, Field)| match key {
                Field::Str(key) => (key.clone(), value(of)),
                other => (other.to_string(), value(of)),
            };
            Value::Object(map.entries().iter().map(entry).collect())
        }
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_only_counts_is_read_where_it_says_something() {
        let index = |of: &str| {
            let pandas = format!("{{\"index_columns\": [{of}]}}");
            RangeIndex::of(&pandas, &["text"]).map(|of| (of.at(2), of.name))
        };
        for (of, expected) in [
            (
                r#"{"kind": "range", "name": "item", "start": 1, "stop": 9, "step": 1}"#,
                Some((Some(3), "item".to_string())),
            ),
            (
                r#"{"kind": "range", "name": null, "start": 4, "stop": 9, "step": 2}"#,
                Some((Some(8), "index".to_string())),
            ),
            (
                r#"{"kind": "range", "name": null, "start": 0, "stop": 9, "step": 1}"#,
                None,
            ),
            (
                r#"{"kind": "range", "name": "text", "start": 1, "stop": 9, "step": 1}"#,
                None,
            ),
            (r#""item""#, None),
        ] {
            assert_eq!(index(of), expected, "{of}");
        }
    }
}
