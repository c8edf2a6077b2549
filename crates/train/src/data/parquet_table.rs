//! A table as Parquet: columns of text or of 64-bit numbers, empty cells as nulls.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// What is in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    Number(f64),
}

impl Cell {
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
        }
    }
}

/// Rows that are in memory at once.
const GROUP: usize = 10_000;

/// A Parquet file that is written row by row.
pub struct ParquetTable<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    numbers: Vec<bool>,
    rows: Vec<Vec<Option<Cell>>>,
}

impl<W: Write + Send> ParquetTable<W> {
    /// Begins a file with these columns: titles, and whether each is of numbers.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new<'a>(file: W, columns: impl Iterator<Item = (&'a str, bool)>) -> io::Result<Self> {
        let (titles, numbers): (Vec<&str>, Vec<bool>) = columns.unzip();
        let fields = titles.iter().zip(&numbers).map(|(title, number)| {
            let (physical, logical) = match number {
                true => (PhysicalType::DOUBLE, None),
                false => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            };
            Type::primitive_type_builder(title, physical)
                .with_logical_type(logical)
                .with_repetition(Repetition::OPTIONAL)
                .build()
                .map(Arc::new)
        });
        let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
        let schema = Type::group_type_builder("records")
            .with_fields(fields)
            .build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        Ok(ParquetTable {
            writer: SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?,
            numbers,
            rows: Vec::new(),
        })
    }

    /// Adds a row: a cell for each column, None where it is empty.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&mut self, cells: Vec<Option<Cell>>) -> io::Result<()> {
        self.rows.push(cells);
        if self.rows.len() == GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.writer.next_row_group()?;
        for (place, number) in self.numbers.iter().enumerate() {
            let cells = || rows.iter().map(|row| row[place].as_ref());
            let there: Vec<i16> = cells().map(|cell| i16::from(cell.is_some())).collect();
            let Some(mut column) = group.next_column()? else {
                break;
            };
            if *number {
                let values: Vec<f64> = cells()
                    .filter_map(|cell| match cell? {
                        Cell::Number(number) => Some(*number),
                        Cell::Text(_) => None,
                    })
                    .collect();
                column
                    .typed::<DoubleType>()
                    .write_batch(&values, Some(&there), None)?;
            } else {
                let values: Vec<ByteArray> = cells()
                    .filter_map(|cell| Some(ByteArray::from(cell?.text().into_bytes())))
                    .collect();
                column
                    .typed::<ByteArrayType>()
                    .write_batch(&values, Some(&there), None)?;
            }
            column.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.writer.close()?;
        Ok(())
    }
}
