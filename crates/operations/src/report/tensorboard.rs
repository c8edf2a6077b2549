//! TensorBoard's event files: records of protocol buffers, each with masked CRC-32C checks.
//!
//! ```text
//! record = length (8 bytes) | crc of the length (4) | event | crc of the event (4), little endian
//! event  = 1: wall time (double) | 2: step (int64) | 3: file version | 5: summary
//! summary = 1: value; value = 1: tag | 2: simple value (float)
//! ```

use std::io::{self, Write};

/// Writes events one after another.
pub struct EventWriter<W: Write> {
    to: W,
}

impl<W: Write> EventWriter<W> {
    /// Starts a file; its first event names the format.
    pub fn new(to: W, wall_ms: i64) -> io::Result<Self> {
        let mut writer = EventWriter { to };
        let mut event = wall_time(wall_ms);
        bytes_field(&mut event, 3, b"brain.Event:2");
        writer.record(&event)?;
        Ok(writer)
    }

    /// One value of a curve.
    pub fn scalar(&mut self, wall_ms: i64, step: u64, tag: &str, value: f64) -> io::Result<()> {
        let mut pair = Vec::new();
        bytes_field(&mut pair, 1, tag.as_bytes());
        pair.push(2 << 3 | 5);
        pair.extend((value as f32).to_le_bytes());
        let mut summary = Vec::new();
        bytes_field(&mut summary, 1, &pair);
        let mut event = wall_time(wall_ms);
        event.push(2 << 3);
        varint(&mut event, step);
        bytes_field(&mut event, 5, &summary);
        self.record(&event)
    }

    /// Flushes the file.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }

    fn record(&mut self, event: &[u8]) -> io::Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        self.to.write_all(&length)?;
        self.to.write_all(&masked(&length).to_le_bytes())?;
        self.to.write_all(event)?;
        self.to.write_all(&masked(event).to_le_bytes())
    }
}

fn wall_time(wall_ms: i64) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend((wall_ms as f64 / 1e3).to_le_bytes());
    event
}

fn bytes_field(to: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    to.push(number << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend(bytes);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// CRC-32C (Castagnoli), rotated and moved as TensorFlow's records have it.
pub fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize];
    !bytes.iter().fold(!0, step)
}

const fn table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_that_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn records_can_be_walked_and_their_checks_hold() {
        let mut writer = EventWriter::new(Vec::new(), 1_500).unwrap();
        writer.scalar(2_000, 300, "ppo/kl/full", 0.5).unwrap();
        let file = writer.finish().unwrap();
        let mut at = 0;
        let mut events = Vec::new();
        while at < file.len() {
            let length = u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
            let check = |from: usize| u32::from_le_bytes(file[from..from + 4].try_into().unwrap());
            assert_eq!(check(at + 8), masked(&file[at..at + 8]));
            let event = &file[at + 12..at + 12 + length];
            assert_eq!(check(at + 12 + length), masked(event));
            events.push(event.to_vec());
            at += 16 + length;
        }
        assert_eq!(events.len(), 2);
        assert!(events[0].ends_with(b"\x1a\x0dbrain.Event:2"));
        assert_eq!(&events[0][1..9], 1.5f64.to_le_bytes());
        // Step 300 is the varint AC 02.
        assert_eq!(&events[1][9..12], [0x10, 0xAC, 0x02]);
        assert!(events[1].ends_with(&0.5f32.to_le_bytes()));
    }
}
