//! The protocol buffers of event files, as far as they are needed: an event, its summary, a tensor.
//!
//! Knows no file. Whatever the bytes are, reading ends.

use serde_json::{Map, Value as Json};

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub number: u64,
    content: Wire<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

impl<'a> Field<'a> {
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self.content {
            Wire::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn bytes_of(&self, number: u64) -> Option<&'a [u8]> {
        self.bytes().filter(|_| self.number == number)
    }

    pub fn varint(&self) -> Option<u64> {
        match self.content {
            Wire::Varint(value) => Some(value),
            _ => None,
        }
    }

    pub fn double(&self) -> Option<f64> {
        match self.content {
            Wire::Fixed64(bytes) => Some(f64::from_le_bytes(bytes)),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self.content {
            Wire::Fixed32(bytes) => Some(f64::from(f32::from_le_bytes(bytes))),
            _ => None,
        }
    }
}

/// The fields of a message, until its end or the first byte that is none of it.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Fields {
            rest: message,
            broken: false,
        }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for at in 0..10 {
            let byte = *self.rest.get(at)?;
            value |= u64::from(byte & 0x7F).checked_shl(7 * at as u32)?;
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.take(8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(self.take(4)?.try_into().ok()?),
            _ => return None,
        };
        Some(Field {
            number: tag >> 3,
            content,
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() || self.broken {
            return None;
        }
        let field = self.field();
        self.broken = field.is_none();
        field
    }
}

/// What was logged at one moment.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// Seconds since the Unix epoch.
    pub wall_time: f64,
    pub step: i64,
    pub values: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Value {
    pub tag: String,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(f64),
    Text(String),
    Settings(Map<String, Json>),
    /// What it is instead.
    Other(&'static str),
}

impl Event {
    /// None where the bytes are no message.
    pub fn read(record: &[u8]) -> Option<Event> {
        let mut event = Event::default();
        let mut fields = Fields::new(record);
        for field in fields.by_ref() {
            match field.number {
                1 => event.wall_time = field.double().unwrap_or_default(),
                2 => event.step = field.varint().unwrap_or_default() as i64,
                5 => {
                    let summary = Fields::new(field.bytes().unwrap_or_default());
                    let values = summary.filter_map(|value| value.bytes_of(1));
                    event.values.extend(values.filter_map(Value::read));
                }
                _ => {}
            }
        }
        (!fields.broken).then_some(event)
    }
}

impl Value {
    /// None of a value without a content, as a tag alone.
    fn read(message: &[u8]) -> Option<Value> {
        let mut tag = String::new();
        let mut content = None;
        let mut plugin = None;
        for field in Fields::new(message) {
            match field.number {
                1 => tag = String::from_utf8_lossy(field.bytes()?).into_owned(),
                2 => content = Some(Content::Scalar(field.float()?)),
                4 => content = Some(Content::Other("pictures")),
                5 => content = Some(Content::Other("histograms")),
                6 => content = Some(Content::Other("sounds")),
                8 => content = tensor(field.bytes()?),
                9 => plugin = plugin_of(field.bytes()?),
                _ => {}
            }
        }
        match plugin {
            Some(("hparams", data)) => {
                content = super::hyperparameters(data).map(Content::Settings);
            }
            Some(("images", _)) => content = Some(Content::Other("pictures")),
            Some(("histograms", _)) => content = Some(Content::Other("histograms")),
            _ => {}
        }
        Some(Value {
            tag,
            content: content?,
        })
    }
}

/// The name and the data of the plugin that a value is for.
fn plugin_of(metadata: &[u8]) -> Option<(&str, &[u8])> {
    let plugin = Fields::new(metadata).find_map(|field| field.bytes_of(1))?;
    let name = Fields::new(plugin).find_map(|field| field.bytes_of(1))?;
    let data = Fields::new(plugin).find_map(|field| field.bytes_of(2));
    Some((std::str::from_utf8(name).ok()?, data.unwrap_or_default()))
}

/// The one number of a tensor, or its text.
fn tensor(message: &[u8]) -> Option<Content> {
    let (mut kind, mut raw, mut size, mut text) = (0, None, 1u64, None);
    let mut typed = None;
    for field in Fields::new(message) {
        match field.number {
            1 => kind = field.varint()?,
            2 => {
                for dimension in Fields::new(field.bytes()?).filter_map(|of| of.bytes_of(2)) {
                    let length = Fields::new(dimension).find(|of| of.number == 1);
                    let length = length.and_then(|of| of.varint()).unwrap_or(0);
                    size = size.saturating_mul(length);
                }
            }
            4 => raw = field.bytes(),
            8 => text = text.or(field.bytes()),
            5 | 6 | 7 | 10 | 11 | 13 | 16 | 17 => typed = typed.or_else(|| first_of(field)),
            _ => {}
        }
    }
    if let Some(text) = text {
        return Some(Content::Text(String::from_utf8_lossy(text).into_owned()));
    }
    let half = |bits: u64| match kind {
        // BFloat16 is the upper half of a float.
        14 => f64::from(f32::from_bits((bits as u32) << 16)),
        _ => half_float(bits as u16),
    };
    let value = match (raw, typed) {
        (Some(raw), _) if size == 1 => in_content(kind, raw, half),
        (None, Some((13, bits))) if size == 1 => Some(half(bits as u64)),
        (None, Some((_, value))) if size == 1 => Some(value),
        // A tensor of nothing but zeros may leave them out.
        (None, None) if size == 1 && kind != 0 => Some(0.0),
        _ => None,
    };
    Some(value.map_or(Content::Other("tensors"), Content::Scalar))
}

/// The first value of a field of a tensor, with the field's number; of half floats their bits.
fn first_of(field: Field<'_>) -> Option<(u64, f64)> {
    let value = match (field.number, field.content) {
        (5, Wire::Bytes(bytes)) => f64::from(f32::from_le_bytes(bytes.get(..4)?.try_into().ok()?)),
        (5, Wire::Fixed32(bytes)) => f64::from(f32::from_le_bytes(bytes)),
        (6, Wire::Bytes(bytes)) => f64::from_le_bytes(bytes.get(..8)?.try_into().ok()?),
        (6, Wire::Fixed64(bytes)) => f64::from_le_bytes(bytes),
        (number, Wire::Bytes(bytes)) => whole(number, Fields::new(bytes).varint()?),
        (number, Wire::Varint(value)) => whole(number, value),
        _ => return None,
    };
    Some((field.number, value))
}

/// Whole numbers are signed but for the last two kinds.
fn whole(number: u64, value: u64) -> f64 {
    match number {
        16 | 17 => value as f64,
        _ => value as i64 as f64,
    }
}

/// The number in the plain bytes of a tensor.
fn in_content(kind: u64, raw: &[u8], half: impl Fn(u64) -> f64) -> Option<f64> {
    fn bytes<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
        raw.try_into().ok()
    }
    Some(match kind {
        1 => f64::from(f32::from_le_bytes(bytes(raw)?)),
        2 => f64::from_le_bytes(bytes(raw)?),
        3 => f64::from(i32::from_le_bytes(bytes(raw)?)),
        4 | 10 => f64::from(u8::from_le_bytes(bytes(raw)?)),
        5 => f64::from(i16::from_le_bytes(bytes(raw)?)),
        6 => f64::from(i8::from_le_bytes(bytes(raw)?)),
        9 => i64::from_le_bytes(bytes(raw)?) as f64,
        17 => f64::from(u16::from_le_bytes(bytes(raw)?)),
        14 | 19 => half(u64::from(u16::from_le_bytes(bytes(raw)?))),
        22 => f64::from(u32::from_le_bytes(bytes(raw)?)),
        23 => u64::from_le_bytes(bytes(raw)?) as f64,
        _ => return None,
    })
}

/// The value of a half float by its bits.
fn half_float(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    let value = match (exponent, fraction == 0.0) {
        (0, _) => fraction * 2f64.powi(-24),
        (31, true) => f64::INFINITY,
        (31, false) => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    sign * value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_have_their_values() {
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x7C00, f64::INFINITY),
        ] {
            assert_eq!(half_float(bits), value);
        }
        assert!(half_float(0x7E00).is_nan());
    }

    #[test]
    fn a_message_that_is_none_ends() {
        for bytes in [
            &[0xFF; 12][..],
            &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0x0B],
            &[],
        ] {
            Fields::new(bytes).for_each(drop);
            let _ = Event::read(bytes);
        }
        assert!(Event::read(&[0x0B]).is_none());
    }
}
