//! What a model has around the ids of a text: BERT's `[CLS]` and `[SEP]`, Llama 3's begin of text.

use serde::Deserialize;
use serde_json::{Value, json};
use tokenizers::processors::template::TemplateProcessing;

/// Ids before and behind those of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub before: Vec<u32>,
    pub after: Vec<u32>,
}

/// Ids around a text; the longest published template has two.
const MOST_PIECES: usize = 16;

#[derive(Deserialize)]
#[serde(tag = "type")]
enum ProcessorPart {
    /// Moves offsets, which nothing here uses.
    ByteLevel,
    TemplateProcessing {
        single: Vec<TemplatePiece>,
    },
    BertProcessing {
        sep: (String, u32),
        cls: (String, u32),
    },
    Sequence {
        processors: Vec<ProcessorPart>,
    },
}

#[derive(Deserialize)]
enum TemplatePiece {
    SpecialToken {
        id: String,
    },
    #[serde(rename = "Sequence")]
    Text {},
}

impl Frame {
    /// The frame of a file's `post_processor`.
    pub fn read(
        processor: Option<Value>,
        tokenizer: &tokenizers::Tokenizer,
    ) -> Result<Self, String> {
        let mut frame = Frame::default();
        if let Some(processor) = processor.filter(|processor| !processor.is_null()) {
            let part: ProcessorPart = serde_json::from_value(processor)
                .map_err(|error| format!("its post-processor is not read: {error}"))?;
            frame.extend(part, tokenizer)?;
        }
        Ok(frame)
    }

    fn extend(
        &mut self,
        part: ProcessorPart,
        tokenizer: &tokenizers::Tokenizer,
    ) -> Result<(), String> {
        let control = |token: &str| {
            let added = tokenizer.get_added_tokens_decoder();
            let id = tokenizer.token_to_id(token);
            id.filter(|id| added.get(id).is_some_and(|token| token.special))
                .ok_or_else(|| format!("its post-processor adds {token:?}, no control token"))
        };
        match part {
            ProcessorPart::ByteLevel => {}
            ProcessorPart::TemplateProcessing { single } => {
                let text = |piece: &TemplatePiece| matches!(piece, TemplatePiece::Text {});
                let mut texts = single.iter().filter(|piece| text(piece));
                let (Some(_), None) = (texts.next(), texts.next()) else {
                    return Err("its post-processor does not have the text once".into());
                };
                let mut side = &mut self.before;
                for piece in single {
                    match piece {
                        TemplatePiece::SpecialToken { id } => side.push(control(&id)?),
                        TemplatePiece::Text {} => side = &mut self.after,
                    }
                }
            }
            ProcessorPart::BertProcessing { sep, cls } => {
                self.before.push(control(&cls.0)?);
                self.after.push(control(&sep.0)?);
            }
            ProcessorPart::Sequence { processors } => {
                for part in processors {
                    self.extend(part, tokenizer)?;
                }
            }
        }
        match self.before.len() + self.after.len() {
            ..=MOST_PIECES => Ok(()),
            _ => Err(format!(
                "its post-processor adds more than {MOST_PIECES} tokens"
            )),
        }
    }

    /// The library's processor that does the same; none where nothing is added.
    pub fn processor(
        &self,
        name: impl Fn(u32) -> String,
    ) -> Result<Option<TemplateProcessing>, serde_json::Error> {
        if *self == Frame::default() {
            return Ok(None);
        }
        let tokens = |ids: &[u32]| -> Vec<Value> {
            let token = |id: &u32| json!({"SpecialToken": {"id": name(*id), "type_id": 0}});
            ids.iter().map(token).collect()
        };
        let (before, after) = (tokens(&self.before), tokens(&self.after));
        let text = |text: &str| vec![json!({"Sequence": {"id": text, "type_id": 0}})];
        let special = self.before.iter().chain(&self.after).map(|id| {
            let name = name(*id);
            let token = json!({"id": name, "ids": [id], "tokens": [name]});
            (name, token)
        });
        let single = [&before[..], &text("A"), &after].concat();
        let pair = [&single[..], &text("B"), &after].concat();
        serde_json::from_value(json!({
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": special.collect::<serde_json::Map<_, _>>(),
        }))
        .map(Some)
    }
}
