//! SentencePiece's normalisation table (`precompiled_charsmap`), checked before the library walks it.
//!
//! The table is a double array of bytes, as Darts writes it, and the texts that replace what it finds, each
//! ended by a zero byte. The library trusts both: an entry that points outside them would end the program.

use tokenizers::normalizers::Precompiled;

/// T5's is 240 KB; no published one is larger than 1 MB.
const LARGEST: usize = 4 << 20;
/// Longest replacement in bytes. NFKC's longest is 33.
const LONGEST_REPLACEMENT: usize = 64;

/// Reads a table, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Precompiled, String> {
    let wrong = |what: &str| format!("its normalizer's precompiled_charsmap {what}");
    if bytes.len() > LARGEST {
        return Err(wrong("is larger than any tokenizer's of T5's kind"));
    }
    check(bytes).ok_or_else(|| wrong("is damaged"))?;
    Precompiled::from(bytes).map_err(|error| wrong(&format!("cannot be read: {error}")))
}

/// Whether every walk that begins at the root stays inside the table. None if one does not.
fn check(bytes: &[u8]) -> Option<()> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let size = u32::from_le_bytes(*size) as usize;
    let (units, texts) = rest.split_at_checked(size)?;
    let (units, odd) = units.as_chunks::<4>();
    let units: Vec<usize> = units
        .iter()
        .map(|unit| u32::from_le_bytes(*unit) as usize)
        .collect();
    let texts = std::str::from_utf8(texts).ok()?;
    if !odd.is_empty() {
        return None;
    }

    let mut seen = vec![false; units.len()];
    let mut nodes = vec![offset(*units.first()?)];
    while let Some(node) = nodes.pop() {
        // Children lie where one byte is flipped into the node's place: in its block of 256.
        if node | 0xFF >= units.len() {
            return None;
        }
        if std::mem::replace(&mut seen[node], true) {
            continue;
        }
        for byte in 1..=0xFF {
            let place = node ^ byte;
            let unit = units[place];
            if unit & (1 << 31 | 0xFF) != byte {
                continue;
            }
            let child = place ^ offset(unit);
            if unit >> 8 & 1 == 1 {
                let value = units.get(child)? & ((1 << 31) - 1);
                let replacement = texts.get(value..)?.bytes().take(LONGEST_REPLACEMENT + 1);
                let length = replacement.take_while(|byte| *byte != 0).count();
                if length > LONGEST_REPLACEMENT {
                    return None;
                }
            }
            nodes.push(child);
        }
    }
    Some(())
}

/// How far a unit's children are from it.
fn offset(unit: usize) -> usize {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with one entry, `a` to `text`.
    fn table(value: u32, text: &str) -> Vec<u8> {
        let mut units = [0_u32; 512];
        // The root's children begin at 256; that of `a` is a leaf, whose value is its own child.
        units[0] = 256 << 10;
        units[256 ^ 0x61] = 0x61 | 1 << 8 | (256 ^ 0x61 ^ 256) << 10;
        units[256] = value | 1 << 31;
        let mut bytes = 2048_u32.to_le_bytes().to_vec();
        bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(text.bytes());
        bytes
    }

    #[test]
    fn a_sound_table_is_read() {
        let found = read(&table(2, "x\0bc\0")).unwrap();
        assert_eq!(found.normalize_string("a-a"), "bc-bc");
    }

    #[test]
    fn a_table_that_leads_outside_itself_is_refused() {
        let whole = table(2, "x\0bc\0");
        for cut in [0, 3, 4, 5, 100, 2051] {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
        let far = |at: usize, unit: u32| {
            let mut bytes = whole.clone();
            bytes[4 + 4 * at..][..4].copy_from_slice(&unit.to_le_bytes());
            read(&bytes).unwrap_err()
        };
        assert!(far(0, 512 << 10).contains("damaged"));
        assert!(far(0, u32::MAX).contains("damaged"));
        assert!(far(256 ^ 0x61, 0x61 | 1 << 8 | 0x7FFF << 10).contains("damaged"));
        // Values: beyond the texts, inside a character, and a text that would flood memory.
        assert!(read(&table(100, "x\0")).is_err());
        assert!(read(&table(1, "é\0")).is_err());
        assert!(read(&table(0, &"y".repeat(1_000))).is_err());
        let huge = vec![0xFF; 64];
        assert!(read(&huge).is_err());
    }

    /// A node that is its own child is walked once.
    #[test]
    fn a_circle_ends() {
        let mut bytes = table(0, "\0");
        let circle: u32 = 0x61 | (0x61 << 10);
        bytes[4 + 4 * (256 ^ 0x61)..][..4].copy_from_slice(&circle.to_le_bytes());
        read(&bytes).unwrap();
    }
}
