//! Texts as the rows of tokens that a model reads and predicts. Knows no data sets and no weights.
//!
//! A model with a chat template reads a context as a conversation of user and assistant, as it was trained to; every
//! other reads the utterances joined by a space.

use std::ops::Deref;
use std::path::Path;

use super::error::TrainError;
use crate::data::batch::{cut_context, cut_target, is_cut};
use crate::data::{Role, Turns};
use crate::nn::LanguageModelConfig;
use crate::text::Tokenizer;
use crate::text::chat::{self, ChatError, ChatTemplate, Message};

/// A model's tokenizer, its chat template, and what contexts and responses end with.
#[derive(Clone)]
pub struct ModelTokenizer {
    tokenizer: Tokenizer,
    chat: Option<ChatTemplate>,
    context_end: Option<u32>,
    response_end: Option<u32>,
}

const FILE: &str = "tokenizer.json";

impl Deref for ModelTokenizer {
    type Target = Tokenizer;

    fn deref(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl ModelTokenizer {
    /// # Errors
    /// The chat template fails for a short conversation.
    pub fn new(
        tokenizer: Tokenizer,
        chat: Option<ChatTemplate>,
        model: &LanguageModelConfig,
    ) -> Result<Self, ChatError> {
        let eos = model.eos_token_ids();
        let end_of_turn = match &chat {
            Some(chat) => end_of_turn(chat, &tokenizer, eos)?,
            None => None,
        };
        Ok(ModelTokenizer {
            tokenizer,
            chat,
            context_end: model.context_end(),
            response_end: end_of_turn.or(eos.first().copied()),
        })
    }

    /// Whether control tokens that stand in a text become these tokens.
    #[must_use]
    pub fn with_special_tokens(self, in_texts: bool) -> Self {
        ModelTokenizer {
            tokenizer: self.tokenizer.with_special_tokens(in_texts),
            ..self
        }
    }

    /// The template that contexts are written by.
    pub fn chat(&self) -> Option<&ChatTemplate> {
        self.chat.as_ref()
    }

    /// Writes the tokenizer and the template into a folder.
    pub fn save(&self, folder: &Path) -> Result<(), TrainError> {
        self.tokenizer.save(folder.join(FILE))?;
        if let Some(chat) = &self.chat {
            chat.save(folder)?;
        }
        Ok(())
    }

    /// A context of at most `max_tokens`: of a conversation its latest messages, of a text its end.
    ///
    /// # Errors
    /// The chat template refuses the conversation, or takes all the tokens itself.
    pub fn context(&self, turns: Turns<'_>, max_tokens: usize) -> Result<Vec<u32>, TrainError> {
        match &self.chat {
            Some(chat) => self.conversation(chat, messages(turns), max_tokens),
            None => {
                let ids = self.tokenizer.encode_plain(&turns.text());
                Ok(cut_context(&ids, max_tokens, self.context_end))
            }
        }
    }

    /// Whether [`ModelTokenizer::context`] leaves the beginning of a context out.
    ///
    /// # Errors
    /// As [`ModelTokenizer::context`].
    pub fn is_cut(&self, turns: Turns<'_>, max_tokens: usize) -> Result<bool, TrainError> {
        match &self.chat {
            Some(chat) => {
                let ids = chat.encode(&self.tokenizer, &messages(turns), true)?;
                Ok(ids.len() > max_tokens)
            }
            None => {
                let ids = self.tokenizer.encode_plain(&turns.text());
                Ok(is_cut(&ids, max_tokens, self.context_end))
            }
        }
    }

    /// A response, cut from the right to `max_tokens`.
    pub fn response(&self, text: &str, max_tokens: usize) -> Vec<u32> {
        let ids = self.tokenizer.encode_plain(text);
        cut_target(&ids, max_tokens, self.response_end)
    }

    /// Leaves out the oldest messages, then the beginning of the last, until the rest fits.
    fn conversation(
        &self,
        chat: &ChatTemplate,
        messages: Vec<Message>,
        max_tokens: usize,
    ) -> Result<Vec<u32>, TrainError> {
        let encode = |messages: &[Message]| chat.encode(&self.tokenizer, messages, true);
        let mut messages = messages.as_slice();
        loop {
            let ids = encode(messages)?;
            if ids.len() <= max_tokens {
                return Ok(ids);
            }
            messages = match messages {
                [] => return Err(TrainError::TemplateTooLong { max_tokens }),
                [last] => return self.end_of_message(chat, last, max_tokens),
                // A conversation begins with the user, as some templates insist.
                [_, second, rest @ ..] if second.role != chat::Role::User && !rest.is_empty() => {
                    rest
                }
                [_, rest @ ..] => rest,
            };
        }
    }

    /// As much of the end of a message as fits.
    fn end_of_message(
        &self,
        chat: &ChatTemplate,
        message: &Message,
        max_tokens: usize,
    ) -> Result<Vec<u32>, TrainError> {
        let starts: Vec<usize> = message.content.char_indices().map(|(at, _)| at).collect();
        let from = |at: usize| {
            let content = starts
                .get(at)
                .map_or("", |start| &message.content[*start..]);
            let message = Message::new(message.role, content);
            chat.encode(&self.tokenizer, &[message], true)
        };
        // The fewest letters to leave out. A longer text has more tokens, but for rare pairs of letters.
        let (mut too_few, mut enough) = (0, starts.len());
        while too_few + 1 < enough {
            let middle = usize::midpoint(too_few, enough);
            match from(middle)?.len() <= max_tokens {
                true => enough = middle,
                false => too_few = middle,
            }
        }
        let ids = from(enough)?;
        match ids.len() <= max_tokens {
            true => Ok(ids),
            false => Err(TrainError::TemplateTooLong { max_tokens }),
        }
    }
}

/// The speaker is the model's user, the listener its assistant. What one side says in a row is one message.
fn messages(turns: Turns<'_>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for (role, utterance) in turns.iter() {
        let role = match role {
            Role::Speaker => chat::Role::User,
            Role::Listener => chat::Role::Assistant,
        };
        match messages.last_mut() {
            Some(last) if last.role == role => {
                last.content.push('\n');
                last.content.push_str(utterance);
            }
            _ => messages.push(Message::new(role, utterance)),
        }
    }
    messages
}

/// The token that the template ends the assistant's message with, if it is one of those that end a response.
fn end_of_turn(
    chat: &ChatTemplate,
    tokenizer: &Tokenizer,
    eos: &[u32],
) -> Result<Option<u32>, ChatError> {
    let hello = |role| Message::new(role, "Hello");
    let messages = [hello(chat::Role::User), hello(chat::Role::Assistant)];
    let ids = chat.encode(tokenizer, &messages, false)?;
    Ok(ids.into_iter().rev().find(|id| eos.contains(id)))
}
