//! Bytes to text: UTF-8, UTF-16 with or without a byte order mark, else Windows-1252; other files are refused by
//! their names where they have one.

use std::fmt;
use std::path::Path;

use crate::data::error::DataError;
use crate::data::import::utf8;

/// The first bytes of files that are not text, and what they are.
const SIGNATURES: [(&[u8], &str, &str); 5] = [
    (
        b"\x1f\x8b",
        "a gzip archive in another archive",
        "unpack it first",
    ),
    (
        b"PK\x03\x04",
        "a zip archive in another archive",
        "unpack it first",
    ),
    (
        b"ARROW1",
        "an Arrow file",
        "write its rows as Parquet, JSONL or CSV first",
    ),
    (
        b"\x93NUMPY",
        "a NumPy array",
        "write its rows as JSONL or CSV first",
    ),
    (b"%PDF", "a PDF", "write its rows as JSONL or CSV first"),
];
/// The byte order mark, as a character.
const MARK: char = '\u{feff}';
/// Bytes that are searched for zeros.
const SEARCHED: usize = 4096;

/// How a text was written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
    /// Also Latin-1, of which it is a superset.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16 => "UTF-16",
            Encoding::Windows1252 => "Windows-1252 (Latin-1)",
        })
    }
}

pub(super) struct Decoded {
    /// Without a byte order mark.
    pub text: String,
    pub encoding: Encoding,
    /// Each a sentence.
    pub notes: Vec<String>,
}

/// The text of a file that is no archive.
///
/// # Errors
/// It is none, or none in an encoding that is known.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<Decoded, DataError> {
    for (signature, what, fix) in SIGNATURES {
        if bytes.starts_with(signature) {
            return Err(DataError::file(path, format!("is {what}, not text"), fix));
        }
    }
    let mut notes = Vec::new();
    let (text, encoding) = if let Some((little, mark)) = byte_order(&bytes) {
        notes.push(match mark {
            2 => "The file is UTF-16 and is read as such.".to_string(),
            _ => "The file has no byte order mark and is taken for UTF-16.".to_string(),
        });
        (utf16(path, &bytes[mark..], little)?, Encoding::Utf16)
    } else {
        if bytes.iter().take(SEARCHED).any(|byte| *byte == 0) {
            let what = "has zero bytes: it is not text";
            return Err(DataError::file(path, what, "save it as UTF-8"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => (text, Encoding::Utf8),
            Err(error) => {
                let text = windows_1252(path, error.into_bytes())?;
                notes.push(
                    "The file is not UTF-8 and is taken for Windows-1252 (Latin-1): look whether letters with accents \
                     are right."
                        .to_string(),
                );
                (text, Encoding::Windows1252)
            }
        }
    };
    let mut text = text;
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
    }
    let old_lines = text.contains('\r') && !text.contains('\n') && text.trim_end().contains('\r');
    if old_lines {
        notes.push("Lines end in carriage returns alone and are read as lines.".to_string());
    }
    Ok(Decoded {
        text: if old_lines {
            text.replace('\r', "\n")
        } else {
            text
        },
        encoding,
        notes,
    })
}

/// Whether the bytes are UTF-16 with the smaller byte first, and the length of the mark that says so; without a mark,
/// nearly every other byte must be zero, as in texts of Western languages.
fn byte_order(bytes: &[u8]) -> Option<(bool, usize)> {
    match bytes {
        [0xff, 0xfe, ..] => return Some((true, 2)),
        [0xfe, 0xff, ..] => return Some((false, 2)),
        _ => {}
    }
    let (pairs, _) = bytes[..bytes.len().min(SEARCHED)].as_chunks::<2>();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
    let nearly_all = pairs.len() - pairs.len() / 5;
    match (zeros(0), zeros(1)) {
        _ if pairs.len() < 2 => None,
        (0, second) if second >= nearly_all => Some((true, 0)),
        (first, 0) if first >= nearly_all => Some((false, 0)),
        _ => None,
    }
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

/// What Windows-1252 has between 0x80 and 0x9f, where Latin-1 has control characters; five are no character.
const WINDOWS: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘',
    '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Bytes that are not UTF-8 as Windows-1252, unless they are neither: a damaged UTF-8 file has letters that are right.
fn windows_1252(path: &Path, bytes: Vec<u8>) -> Result<String, DataError> {
    let letter = |byte: u8| match byte {
        0x80..=0x9f => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    let is_text = |byte: &u8| {
        let control = *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
        letter(*byte) != '\0' && !control
    };
    let right = |chunk: std::str::Utf8Chunk<'_>| !chunk.valid().is_ascii();
    // JSON is UTF-8 by its definition.
    let json =
        bytes.trim_ascii_start().starts_with(b"{") || bytes.trim_ascii_start().starts_with(b"[");
    if json || !bytes.iter().all(is_text) || bytes.utf8_chunks().any(right) {
        let fix = "save the file as UTF-8";
        return utf8(path, bytes, fix);
    }
    Ok(bytes.into_iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<(String, Encoding, usize), String> {
        decode(Path::new("a.txt"), bytes.to_vec())
            .map(|found| (found.text, found.encoding, found.notes.len()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_encoding_is_found_and_said() {
        let text = "Ça va “bien” –\n";
        let units =
            |to: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(to).collect() };
        let mut marked = vec![0xff, 0xfe];
        marked.extend(units(u16::to_le_bytes));
        let latin = b"\xc7a va \x93bien\x94 \x96\n".to_vec();
        for (bytes, encoding, notes) in [
            (text.as_bytes().to_vec(), Encoding::Utf8, 0),
            (
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                Encoding::Utf8,
                0,
            ),
            (marked, Encoding::Utf16, 1),
            (latin, Encoding::Windows1252, 1),
        ] {
            assert_eq!(decoded(&bytes), Ok((text.to_string(), encoding, notes)));
        }
        let plain = "id,text\n1,Hello\n";
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = plain.encode_utf16().flat_map(order).collect();
            assert_eq!(decoded(&bytes), Ok((plain.to_string(), Encoding::Utf16, 1)));
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let damaged = ["né\nné ".as_bytes(), b"\xff\n"].concat();
        for bytes in [&damaged[..], b"{\"a\": 1}\n{\"a\": \"\xe9\"}\n"] {
            assert!(decoded(bytes).unwrap_err().contains("line 2"));
        }
        for bytes in [
            &b"\x89PNG\r\n\x1a\n\xff"[..],
            b"a\x81b",
            b"a\0b\xff",
            b"\xff\xfeabc",
        ] {
            assert!(decoded(bytes).is_err(), "{bytes:?}");
        }
    }
}
