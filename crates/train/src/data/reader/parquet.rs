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
}

impl ParquetFile {
    /// # Errors
    /// It is damaged, or claims to become far larger than it could.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        let size = bytes.len() as u64;
        let file = ParquetFile {
            path: path.to_path_buf(),
            bytes: bytes.into(),
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
        Ok(file)
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
                    let fields = object(row);
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
