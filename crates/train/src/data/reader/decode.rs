//! Bytes to text: UTF-8, or UTF-16 that says so; anything else is refused by its name where it has one.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::import::utf8;

/// The first bytes of files that are not text, and what they are.
const SIGNATURES: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (
        b"PK\x03\x04",
        "a zip archive or an Excel workbook",
        "unpack it, or save it as CSV, first",
    ),
    (
        b"PAR1",
        "a Parquet file",
        "write its rows as JSONL or CSV first",
    ),
    (
        b"ARROW1",
        "an Arrow file",
        "write its rows as JSONL or CSV first",
    ),
    (
        b"\x93NUMPY",
        "a NumPy array",
        "write its rows as JSONL or CSV first",
    ),
];
/// Bytes that are searched for zeros.
const SEARCHED: usize = 4096;

/// The text, without a byte order mark and with `\n` at the end of lines, and notes on it.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<(String, Vec<String>), DataError> {
    for (signature, what, fix) in SIGNATURES {
        if bytes.starts_with(signature) {
            return Err(DataError::file(path, format!("is {what}, not text"), fix));
        }
    }
    let mut notes = Vec::new();
    let little = bytes.starts_with(b"\xff\xfe");
    let text = if little || bytes.starts_with(b"\xfe\xff") {
        notes.push("The file is UTF-16 and is read as such.".to_string());
        utf16(path, &bytes[2..], little)?
    } else {
        if bytes.iter().take(SEARCHED).any(|byte| *byte == 0) {
            let what = "has zero bytes: it is not text, or UTF-16 without a byte order mark";
            return Err(DataError::file(path, what, "save it as UTF-8"));
        }
        let fix = "save the file as UTF-8 (it may be Latin-1 or Windows-1252)";
        utf8(path, bytes, fix)?
    };
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_string(),
        None => text,
    };
    if text.contains('\r') && !text.contains('\n') && text.trim_end().contains('\r') {
        notes.push("Lines end in carriage returns alone and are read as lines.".to_string());
        return Ok((text.replace('\r', "\n"), notes));
    }
    Ok((text, notes))
}

fn utf16(path: &Path, bytes: &[u8], little: bool) -> Result<String, DataError> {
    let refused = || {
        let what = "starts like UTF-16 but is not";
        DataError::file(path, what, "save the file as UTF-8")
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| match little {
        true => u16::from_le_bytes(*pair),
        false => u16::from_be_bytes(*pair),
    });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match (text, rest) {
        (Ok(text), []) => Ok(text),
        _ => Err(refused()),
    }
}
