//! SentencePiece's own file, `spiece.model`: pieces and normaliser as the tokenizer.json that Transformers
//! converts it to.
//!
//! The file is a protobuf message of a few fields, all of which are read here: two numbers, two kinds of text.

use super::parts::{
    AddedPart, DecoderPart, MetaspacePart, NormalizerPart, SplitPart, TokenizerPart,
};
use super::vocabulary::{MOST_PIECES, ModelPart, Pieces};
use super::{Tokenizer, UNK, file};

/// `TrainerSpec.model_type` of a unigram model, which is also the default.
const UNIGRAM: u64 = 1;
/// `SentencePiece.type` of pieces that are found in texts.
const NORMAL: u64 = 1;
const USER_DEFINED: u64 = 4;
const BYTE: u64 = 6;

/// The tokenizer of a `spiece.model`, with `sentinels` tokens `<extra_id_n>` above its pieces, as T5 has them;
/// fewer if all together would be more than `rows`.
pub(super) fn read(bytes: &[u8], sentinels: usize, rows: usize) -> Result<Tokenizer, String> {
    let model = Model::parse(bytes).ok_or("no SentencePiece model: the file is damaged")?;
    if model.kind != UNIGRAM {
        return Err("the model is not a unigram model, as T5's is".into());
    }
    let found = model.pieces.len();
    if found > MOST_PIECES {
        return Err(format!("no tokenizer: more than {MOST_PIECES} pieces"));
    }
    let sentinels: Vec<String> = (0..sentinels.min(rows.saturating_sub(found)))
        .rev()
        .map(|index| format!("<extra_id_{index}>"))
        .filter(|name| model.pieces.iter().all(|piece| piece.text != *name))
        .collect();
    let mut vocab = Vec::new();
    let mut added_tokens = Vec::new();
    let controls = sentinels.iter().map(|name| Piece {
        text: name.clone(),
        score: 0.0,
        kind: 0,
    });
    for (id, piece) in model.pieces.into_iter().chain(controls).enumerate() {
        if ![NORMAL, BYTE].contains(&piece.kind) {
            added_tokens.push(AddedPart {
                id: id as u32,
                content: piece.text.clone(),
                special: piece.kind != USER_DEFINED,
                single_word: false,
                lstrip: false,
                rstrip: false,
                normalized: false,
            });
        }
        vocab.push((piece.text, f64::from(piece.score)));
    }
    let bytes = model.charsmap;
    file::build(TokenizerPart {
        added_tokens,
        normalizer: (!bytes.is_empty()).then_some(NormalizerPart::Charsmap(bytes)),
        pre_tokenizer: Some(SplitPart::Sequence {
            pretokenizers: vec![
                SplitPart::WhitespaceSplit,
                SplitPart::Metaspace(MetaspacePart::default()),
            ],
        }),
        post_processor: None,
        decoder: Some(DecoderPart::Metaspace(MetaspacePart::default())),
        model: ModelPart {
            unk_id: Some(model.unknown.unwrap_or(UNK as usize)),
            vocab: Pieces::Scored(vocab),
            byte_fallback: model.byte_fallback,
            ..ModelPart::default()
        },
    })
}

struct Piece {
    text: String,
    score: f32,
    kind: u64,
}

/// `ModelProto`.
#[derive(Default)]
struct Model {
    pieces: Vec<Piece>,
    kind: u64,
    unknown: Option<usize>,
    byte_fallback: bool,
    charsmap: Vec<u8>,
}

impl Model {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut model = Model {
            kind: UNIGRAM,
            ..Model::default()
        };
        for field in Fields(bytes) {
            match field? {
                (1, Value::Bytes(piece)) => model.pieces.push(Piece::parse(piece)?),
                (2, Value::Bytes(trainer)) => {
                    for field in Fields(trainer) {
                        match field? {
                            (3, Value::Number(kind)) => model.kind = kind,
                            (35, Value::Number(flag)) => model.byte_fallback = flag != 0,
                            _ => {}
                        }
                    }
                }
                (3, Value::Bytes(normalizer)) => {
                    for field in Fields(normalizer) {
                        if let (2, Value::Bytes(charsmap)) = field? {
                            model.charsmap = charsmap.to_vec();
                        }
                    }
                }
                _ => {}
            }
        }
        // The pieces themselves say which of them stands for unknown text.
        model.unknown = model.pieces.iter().position(|piece| piece.kind == 2);
        Some(model)
    }
}

impl Piece {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut piece = Piece {
            text: String::new(),
            score: 0.0,
            kind: NORMAL,
        };
        for field in Fields(bytes) {
            match field? {
                (1, Value::Bytes(text)) => piece.text = String::from_utf8(text.to_vec()).ok()?,
                (2, Value::Fixed(bits)) => piece.score = f32::from_bits(bits),
                (3, Value::Number(kind)) => piece.kind = kind,
                _ => {}
            }
        }
        Some(piece)
    }
}

enum Value<'a> {
    Number(u64),
    Fixed(u32),
    Bytes(&'a [u8]),
    /// Of eight bytes, which no field read here has.
    Double,
}

/// The fields of a protobuf message; None where it is damaged, which ends it.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.bytes(8).map(|_| Value::Double)?,
            2 => {
                let count = self.number()?;
                Value::Bytes(self.bytes(count)?)
            }
            5 => Value::Fixed(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, content) in fields {
            bytes.extend([number << 3 | 2, content.len() as u8]);
            bytes.extend(content);
        }
        bytes
    }

    fn piece(text: &str, score: f32, kind: u8) -> (u8, Vec<u8>) {
        let mut bytes = message(&[(1, text.bytes().collect())]);
        bytes.push(2 << 3 | 5);
        bytes.extend(score.to_le_bytes());
        bytes.extend([3 << 3, kind]);
        (1, bytes)
    }

    fn small() -> Vec<u8> {
        message(&[
            piece("<pad>", 0.0, 3),
            piece("</s>", 0.0, 3),
            piece("<unk>", 0.0, 2),
            piece("▁", -2.0, 1),
            piece("ab", -1.0, 1),
            piece("a", -3.0, 1),
        ])
    }

    #[test]
    fn pieces_and_sentinels_have_t5s_ids() {
        let tokenizer = read(&small(), 2, 8).unwrap();
        assert_eq!(tokenizer.encode("ab a"), [3, 4, 3, 5, 1]);
        assert_eq!(tokenizer.vocab_size(), 8);
        assert_eq!(
            (tokenizer.sentinel(0), tokenizer.sentinel(1)),
            (Some(7), Some(6))
        );
        assert_eq!(tokenizer.decode(&[3, 4, 3, 5, 7, 1]), "ab a");
        let few = read(&small(), 100, 7).unwrap();
        assert_eq!((few.vocab_size(), few.sentinel(0)), (7, Some(6)));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let whole = small();
        for cut in 1..whole.len() {
            let _ = read(&whole[..cut], 2, 8).map(|_| ()).map_err(|what| {
                assert!(!what.is_empty());
            });
        }
        assert!(read(&whole[..whole.len() - 1], 2, 8).is_err());
        assert!(read(&[0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], 2, 8).is_err());
        assert!(read(&[0x80; 12], 2, 8).is_err());
        let bpe = [whole, vec![2 << 3 | 2, 2, 3 << 3, 2]].concat();
        assert!(read(&bpe, 2, 8).unwrap_err().contains("unigram"));
    }
}
