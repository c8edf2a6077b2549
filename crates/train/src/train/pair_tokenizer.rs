//! A context and a response as identifiers read them.

use crate::data::batch::{cut_context, cut_target, is_cut};
use crate::metrics::TruncatedPair;
use crate::nn::identifier::{IdentifierConfig, PairEncoderConfig};
use crate::text::{EOS, Tokenizer};

/// An identifier's tokenizer, what stands around the texts, and how much of them is read.
#[derive(Clone)]
pub struct PairTokenizer {
    tokenizer: Tokenizer,
    /// Before a context.
    begin: Vec<u32>,
    /// Behind a context, and behind a response.
    end: Option<u32>,
    /// Tokens of the longest context and response, with what is around them.
    max_context: usize,
    max_response: usize,
}

/// A context and a response as tokens.
pub struct EncodedPair {
    pub context: Vec<u32>,
    pub response: Vec<u32>,
}

impl EncodedPair {
    /// Tokens of context and response.
    pub fn lengths(&self) -> (usize, usize) {
        (self.context.len(), self.response.len())
    }
}

impl PairTokenizer {
    /// For identifiers of the shape `network`, whose encoder reads the tokens of `tokenizer`.
    pub fn new(
        tokenizer: Tokenizer,
        network: &IdentifierConfig,
        max_context: usize,
        max_response: usize,
    ) -> Self {
        let (before, after) = tokenizer.around();
        let (begin, end) = match network {
            IdentifierConfig::Attention(_) => (Vec::new(), Some(EOS)),
            IdentifierConfig::Pair(pair) => match &pair.encoder {
                PairEncoderConfig::Bert(_) => (before.to_vec(), after.last().copied()),
                PairEncoderConfig::Llama(config) => {
                    (before.to_vec(), config.eos_token_ids().first().copied())
                }
            },
        };
        PairTokenizer {
            begin,
            end,
            tokenizer,
            max_context,
            max_response,
        }
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The most tokens that are read of a context and of a response.
    pub fn limits(&self) -> (usize, usize) {
        (self.max_context, self.max_response)
    }

    /// The end of the context and the beginning of the response.
    pub fn encode(&self, context: &str, response: &str) -> EncodedPair {
        let plain = |text: &str| self.tokenizer.encode_plain(text);
        let mut ids = self.begin.clone();
        ids.extend(cut_context(&plain(context), self.context_room(), self.end));
        EncodedPair {
            context: ids,
            response: cut_target(&plain(response), self.max_response, self.end),
        }
    }

    /// Which of the texts are longer than is read.
    pub fn truncated(&self, context: &str, response: &str) -> TruncatedPair {
        let is_longer =
            |text: &str, room| is_cut(&self.tokenizer.encode_plain(text), room, self.end);
        TruncatedPair {
            context: is_longer(context, self.context_room()),
            response: is_longer(response, self.max_response),
        }
    }

    fn context_room(&self) -> usize {
        self.max_context.saturating_sub(self.begin.len())
    }
}
