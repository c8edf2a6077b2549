//! What goes to an OpenAI-style endpoint, what comes back, and what that costs.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::OperationError;
use crate::data::corpus::split_reasoning;
use crate::fetch::{ChatServer, Key, Retry};
use crate::store::RecordedAnswer;

/// Where and how a language model is asked.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub address: String,
    pub model: String,
    /// The environment variable with the key; None: no key is sent.
    pub key_variable: Option<String>,
    /// Whether that variable must be set; else there may be no key.
    pub needs_key: bool,
    pub temperature: f64,
    pub top_p: Option<f64>,
    pub max_tokens: Option<u32>,
    pub seed: u64,
    /// Fields of the request in place of the others; null leaves one out.
    pub fields: Map<String, Value>,
    /// Requests at once.
    pub at_once: usize,
    /// How often one may fail, and the first pause.
    pub retry: Retry,
    /// How long one may take.
    pub timeout: Duration,
    pub prices: Option<Prices>,
}

/// In an answer of `emprl serve-model`: whether it read only the end of the conversation. Others' servers refuse such a
/// request, or do not say.
pub const PROMPT_CUT: &str = "prompt_cut";

/// Of a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prices {
    pub prompt: f64,
    pub answer: f64,
}

impl Endpoint {
    /// The key; None where there need be none.
    pub(super) fn key(&self) -> Result<Option<Key>, OperationError> {
        let Some(variable) = &self.key_variable else {
            return Ok(None);
        };
        match Key::from_variable(variable)? {
            None if self.needs_key => Err(OperationError::NoKey {
                variable: variable.clone(),
            }),
            key => Ok(key),
        }
    }

    pub(super) fn server(&self) -> Result<ChatServer, OperationError> {
        Ok(ChatServer::at(&self.address, self.key()?, self.retry)?)
    }

    /// A request. `draw` is what is added to the seed, so that repeats are drawn anew.
    pub(super) fn body(&self, system: Option<&str>, prompt: &str, draw: u64) -> Value {
        let mut messages = Vec::new();
        if let Some(system) = system {
            messages.push(json!({"role": "system", "content": system}));
        }
        messages.push(json!({"role": "user", "content": prompt}));
        let mut body = Map::new();
        body.insert("model".into(), self.model.clone().into());
        body.insert("messages".into(), messages.into());
        body.insert("temperature".into(), json!(self.temperature));
        if let Some(top_p) = self.top_p {
            body.insert("top_p".into(), json!(top_p));
        }
        if let Some(max_tokens) = self.max_tokens {
            body.insert("max_tokens".into(), json!(max_tokens));
        }
        body.insert("seed".into(), json!(self.seed.wrapping_add(draw)));
        for (name, value) in &self.fields {
            match value {
                Value::Null => body.shift_remove(name),
                value => body.insert(name.clone(), value.clone()),
            };
        }
        body.into()
    }
}

/// What an endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatAnswer {
    pub text: String,
    /// It ended at the longest length.
    pub cut: bool,
    /// The server says that it read only the end of the prompt.
    pub prompt_cut: bool,
    /// Tokens of the prompt and of the answer, where it says them.
    pub usage: Option<(u64, u64)>,
}

impl ChatAnswer {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// It is none as OpenAI's are: why.
    pub fn read(body: &str) -> Result<ChatAnswer, String> {
        let answer: Value = serde_json::from_str(body)
            .map_err(|error| format!("the answer is no JSON: {error}"))?;
        let choice = &answer["choices"][0];
        let content = &choice["message"]["content"];
        let text = match content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts.iter().filter_map(|part| part["text"].as_str());
                texts.collect()
            }
            // It would not say, or all its tokens went into thinking.
            Value::Null if choice["message"].is_object() => String::new(),
            _ => {
                let says = answer["error"]["message"].as_str().unwrap_or_default();
                let says: String = says.chars().take(200).collect();
                let why = "the answer has no choices[0].message.content";
                return Err(format!(
                    "{why}{}{says}",
                    if says.is_empty() { "" } else { ": " }
                ));
            }
        };
        let tokens = |name: &str| answer["usage"][name].as_u64();
        Ok(ChatAnswer {
            text,
            cut: choice["finish_reason"] == "length",
            prompt_cut: answer[PROMPT_CUT] == true,
            usage: tokens("prompt_tokens").zip(tokens("completion_tokens")),
        })
    }

    /// The text without what a model thought before it, as some servers leave it there.
    pub fn said(&self) -> &str {
        split_reasoning(self.text.trim()).1
    }
}

/// What a series took.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    pub answers: u64,
    pub empty: u64,
    /// Answers that ended at the longest length.
    pub cut: u64,
    /// Answers to prompts of which the server says that it read the end alone.
    pub prompts_cut: u64,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    /// Answers that do not say their tokens.
    pub without_usage: u64,
    /// By the given prices; None without them.
    pub cost: Option<f64>,
}

impl Tally {
    pub(super) fn of<'a>(
        exchanges: impl Iterator<Item = &'a RecordedAnswer>,
        prices: Option<Prices>,
    ) -> Tally {
        let mut tally = Tally::default();
        for exchange in exchanges {
            let answer = ChatAnswer::read(&exchange.answer).unwrap_or_default();
            tally.answers += 1;
            tally.empty += u64::from(answer.said().is_empty());
            tally.cut += u64::from(answer.cut);
            tally.prompts_cut += u64::from(answer.prompt_cut);
            match answer.usage {
                Some((prompt, answer)) => {
                    tally.prompt_tokens += prompt;
                    tally.answer_tokens += answer;
                }
                None => tally.without_usage += 1,
            }
        }
        tally.cost = prices.map(|prices| {
            let of = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
            of(tally.prompt_tokens, prices.prompt) + of(tally.answer_tokens, prices.answer)
        });
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_tokens() {
        let body = r#"{"choices":[{"message":{"content":" Oh. "},"finish_reason":"length"}],
                       "usage":{"prompt_tokens":7,"completion_tokens":2}}"#;
        let answer = ChatAnswer::read(body).unwrap();
        assert_eq!(
            (answer.said(), answer.cut, answer.usage),
            ("Oh.", true, Some((7, 2)))
        );
        let of = |content: &str| {
            ChatAnswer::read(&format!(
                r#"{{"choices":[{{"message":{{"content":{content}}}}}]}}"#
            ))
        };
        assert_eq!(of(r#""<think>Hm.</think>\n\nOh.""#).unwrap().said(), "Oh.");
        assert_eq!(of(r#""<think>Hm.""#).unwrap().said(), "<think>Hm.");
        assert_eq!(
            of(r#"[{"type":"text","text":"Oh."}]"#).unwrap().said(),
            "Oh."
        );
        assert_eq!(of("null").unwrap(), ChatAnswer::default());
        assert!(of("3").is_err());
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (body, said) in [
            ("<html>", "no JSON"),
            ("{}", "has no choices"),
            ("[]", "has no choices"),
            (r#"{"choices":[]}"#, "has no choices"),
            (
                r#"{"error":{"message":"overloaded"}}"#,
                "content: overloaded",
            ),
        ] {
            let error = ChatAnswer::read(body).unwrap_err();
            assert!(error.contains(said), "{body}: {error}");
        }
    }

    #[test]
    fn tokens_are_counted_and_cost_what_they_cost() {
        let exchange = |usage: &str| RecordedAnswer {
            item: String::new(),
            answer: format!(r#"{{"choices":[{{"message":{{"content":""}}}}]{usage}}}"#),
            judged: None,
        };
        let all = [
            exchange(r#","usage":{"prompt_tokens":1000000,"completion_tokens":500000}"#),
            exchange(""),
        ];
        let prices = Prices {
            prompt: 0.5,
            answer: 1.5,
        };
        let tally = Tally::of(all.iter(), Some(prices));
        assert_eq!((tally.answers, tally.empty, tally.without_usage), (2, 2, 1));
        assert_eq!(tally.cost, Some(1.25));
        assert_eq!(Tally::of(all.iter(), None).cost, None);
    }
}
