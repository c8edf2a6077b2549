//! The header of a GGUF file: metadata, and where each tensor lies. Every length in it is checked against the file
//! before anything of that length is made.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};

/// Bytes of a header. Llama 3's, with 128 256 tokens and 280 147 merges, has 8 MB.
const LARGEST_HEADER: u64 = 32 << 20;
const MOST_FIELDS: u64 = 4_096;
const MOST_TENSORS: u64 = 65_536;
/// Items of an array of the metadata.
const MOST_ITEMS: u64 = 1_000_000;
/// Bytes of a text. The longest that models have are chat templates.
const LONGEST_TEXT: u64 = 1 << 20;
const LONGEST_NAME: u64 = 1_024;

/// A value of the metadata; what nothing here reads is skipped.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::nn) enum Field {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Integers(Vec<i64>),
    Texts(Vec<String>),
    /// An array of anything else.
    Other,
}

/// A tensor as the header describes it.
pub(super) struct TensorInfo {
    pub name: String,
    /// Row by row, the outermost dimension first: the reverse of the file.
    pub shape: Vec<usize>,
    /// ggml's number of its format.
    pub format: u32,
    /// From the start of the data.
    pub offset: u64,
}

pub(super) struct Header {
    pub fields: BTreeMap<String, Field>,
    pub tensors: Vec<TensorInfo>,
    /// Where the data begin.
    pub data: u64,
}

/// ggml's numbers of the kinds of values.
mod kind {
    pub const U8: u32 = 0;
    pub const I8: u32 = 1;
    pub const U16: u32 = 2;
    pub const I16: u32 = 3;
    pub const U32: u32 = 4;
    pub const I32: u32 = 5;
    pub const F32: u32 = 6;
    pub const BOOL: u32 = 7;
    pub const TEXT: u32 = 8;
    pub const ARRAY: u32 = 9;
    pub const U64: u32 = 10;
    pub const I64: u32 = 11;
    pub const F64: u32 = 12;
}

/// Reads the header of a file of `length` bytes, or says what is wrong with it and where.
pub(super) fn read(file: &File, length: u64) -> Result<Header, String> {
    let mut reader = Reader {
        bytes: BufReader::new(file),
        at: 0,
        end: length.min(LARGEST_HEADER),
        length,
    };
    if reader.array()? != *b"GGUF" {
        return Err("does not begin with GGUF".into());
    }
    match reader.u32()? {
        2 | 3 => {}
        version if version.swap_bytes() < 0x100 => {
            return Err("is big-endian; this program reads little-endian GGUF".into());
        }
        version => {
            return Err(format!(
                "is GGUF version {version}; this program reads versions 2 and 3"
            ));
        }
    }
    let tensors = reader.count("tensors", MOST_TENSORS)?;
    let fields = reader.count("fields", MOST_FIELDS)?;
    let fields = reader.fields(fields)?;
    let tensors = (0..tensors)
        .map(|_| reader.tensor())
        .collect::<Result<_, _>>()?;
    let alignment = match fields.get("general.alignment") {
        None => 32,
        Some(Field::Integer(alignment @ 1..=0x10_0000)) if alignment.count_ones() == 1 => {
            *alignment as u64
        }
        Some(_) => return Err("has a general.alignment that is no power of two".into()),
    };
    Ok(Header {
        fields,
        tensors,
        data: reader.at.next_multiple_of(alignment),
    })
}

struct Reader<'a> {
    bytes: BufReader<&'a File>,
    at: u64,
    /// Where the header ends at the latest.
    end: u64,
    /// Of the file.
    length: u64,
}

impl Reader<'_> {
    /// Makes sure that `count` more bytes are there.
    fn expect(&self, count: u64) -> Result<(), String> {
        match self.at.checked_add(count) {
            Some(end) if end <= self.end => Ok(()),
            _ if self.end < self.length => Err(format!(
                "has a header of more than {} MB, which no model has",
                LARGEST_HEADER >> 20
            )),
            _ => Err(format!(
                "ends within its header: {count} bytes are needed at byte {} of {}",
                self.at, self.length
            )),
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        self.expect(buffer.len() as u64)?;
        let problem = |error| format!("cannot be read at byte {}: {error}", self.at);
        self.bytes.read_exact(buffer).map_err(problem)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut buffer = [0; N];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    /// How many of something follow.
    fn count(&mut self, what: &str, most: u64) -> Result<u64, String> {
        match self.u64()? {
            count if count <= most => Ok(count),
            count => Err(format!(
                "has {count} {what} at byte {}; at most {most} are read",
                self.at - 8
            )),
        }
    }

    fn text(&mut self, longest: u64) -> Result<String, String> {
        let at = self.at;
        let length = self.u64()?;
        if length > longest {
            return Err(format!(
                "has a text of {length} bytes at byte {at}; at most {longest} are read"
            ));
        }
        self.expect(length)?;
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| format!("has a text at byte {at} that is not UTF-8"))
    }

    fn fields(&mut self, count: u64) -> Result<BTreeMap<String, Field>, String> {
        let mut fields = BTreeMap::new();
        for _ in 0..count {
            let name = self.text(LONGEST_NAME)?;
            let kind = self.u32()?;
            let field = match kind {
                kind::ARRAY => self.list(&name)?,
                kind => self.value(kind, &name)?,
            };
            if fields.insert(name.clone(), field).is_some() {
                return Err(format!("has the field `{name}` twice"));
            }
        }
        Ok(fields)
    }

    /// One value that is no array.
    fn value(&mut self, kind: u32, name: &str) -> Result<Field, String> {
        Ok(match kind {
            kind::U8 => Field::Integer(self.array().map(u8::from_le_bytes)?.into()),
            kind::I8 => Field::Integer(self.array().map(i8::from_le_bytes)?.into()),
            kind::U16 => Field::Integer(self.array().map(u16::from_le_bytes)?.into()),
            kind::I16 => Field::Integer(self.array().map(i16::from_le_bytes)?.into()),
            kind::U32 => Field::Integer(self.u32()?.into()),
            kind::I32 => Field::Integer(self.array().map(i32::from_le_bytes)?.into()),
            kind::U64 => Field::Integer(self.u64()?.into()),
            kind::I64 => Field::Integer(self.array().map(i64::from_le_bytes)?.into()),
            kind::F32 => Field::Float(shortest(self.array().map(f32::from_le_bytes)?)),
            kind::F64 => Field::Float(self.array().map(f64::from_le_bytes)?),
            kind::BOOL => Field::Bool(self.array::<1>()? != [0]),
            kind::TEXT => Field::Text(self.text(LONGEST_TEXT)?),
            other => {
                return Err(format!(
                    "has the field `{name}` of the unknown kind {other} at byte {}",
                    self.at - 4
                ));
            }
        })
    }

    fn list(&mut self, name: &str) -> Result<Field, String> {
        let kind = self.u32()?;
        let count = self.count("items in an array", MOST_ITEMS)?;
        if kind == kind::TEXT {
            // Each is at least its length.
            self.expect(8 * count)?;
            let texts = (0..count).map(|_| self.text(LONGEST_TEXT));
            return texts.collect::<Result<_, _>>().map(Field::Texts);
        }
        if kind == kind::ARRAY {
            return Err(format!(
                "has arrays in the array `{name}`, which no model has"
            ));
        }
        let mut integers = Vec::new();
        for _ in 0..count {
            if let Field::Integer(integer) = self.value(kind, name)? {
                integers.extend(i64::try_from(integer));
            }
        }
        Ok(match integers.len() as u64 == count {
            true => Field::Integers(integers),
            false => Field::Other,
        })
    }

    fn tensor(&mut self) -> Result<TensorInfo, String> {
        let name = self.text(LONGEST_NAME)?;
        let dimensions = self.u32()?;
        if !(1..=4).contains(&dimensions) {
            return Err(format!(
                "tensor `{name}` has {dimensions} dimensions at byte {}; from 1 to 4 are read",
                self.at - 4
            ));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            match usize::try_from(self.u64()?) {
                Ok(size) if size > 0 => shape.insert(0, size),
                _ => return Err(format!("tensor `{name}` has a dimension without numbers")),
            }
        }
        Ok(TensorInfo {
            name,
            shape,
            format: self.u32()?,
            offset: self.u64()?,
        })
    }
}

/// The f64 that is written as this f32 is: 1e-5 stays 1e-5.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
