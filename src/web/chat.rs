//! OpenAI's documents: what is asked under `/v1/chat/completions`, and what is answered.

use serde_json::{Map, Value, json};

use crate::data::Role;
use crate::experiment::{Config, SamplingSettings};
use crate::operations::endpoint::PROMPT_CUT;

/// A temperature below this always takes the likeliest token.
const GREEDY: f64 = 0.01;
const MOST_STOPS: usize = 16;
/// Tokens of the longest answer; who allows more gets at most these.
const LONGEST: i64 = 512;

/// A request that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub utterances: Vec<String>,
    pub roles: Vec<Role>,
    pub sampling: SamplingSettings,
    pub greedy: bool,
    /// None: another one each time.
    pub seed: Option<u64>,
    /// The answer ends before any of these.
    pub stop: Vec<String>,
    pub stream: bool,
    /// Whether a stream ends with the tokens.
    pub stream_usage: bool,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub message: String,
}

impl Problem {
    pub fn new(status: u16, message: impl Into<String>) -> Problem {
        Problem {
            status,
            message: message.into(),
        }
    }

    pub fn document(&self) -> Value {
        let kind = match self.status {
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": null, "code": self.status}})
    }
}

/// Fields that change answers in a way that this server has not, with what they may hold all the same.
const WITHOUT: [(&str, &[&str]); 12] = [
    ("n", &["1"]),
    ("tools", &["[]"]),
    ("tool_choice", &["\"none\"", "\"auto\""]),
    ("functions", &["[]"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("logit_bias", &["{}"]),
    ("frequency_penalty", &["0", "0.0"]),
    ("presence_penalty", &["0", "0.0"]),
    ("response_format", &["{\"type\":\"text\"}"]),
    ("modalities", &["[\"text\"]"]),
    ("audio", &[]),
];

/// Reads a request to the model `name`, whose settings are `config`.
///
/// # Errors
/// It is none, is to another model, or asks for what cannot be done.
pub fn parse(body: &[u8], name: &str, config: &Config) -> Result<Asked, Problem> {
    let wrong = |message: String| Problem::new(400, message);
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| wrong(format!("the request is no JSON: {error}")))?;
    let Value::Object(request) = request else {
        return Err(wrong("the request is no JSON object".into()));
    };
    match request.get("model") {
        Some(Value::String(model)) if model == name => {}
        Some(Value::String(model)) => {
            return Err(Problem::new(
                404,
                format!("there is no model {model:?} here; it is {name:?}"),
            ));
        }
        _ => return Err(wrong(format!("`model` is missing; it is {name:?}"))),
    }
    for (field, allowed) in WITHOUT {
        if let Some(value) = request.get(field).filter(|value| !value.is_null())
            && !allowed.contains(&value.to_string().as_str())
        {
            return Err(wrong(format!(
                "`{field}` cannot be had from this model; leave it out"
            )));
        }
    }
    let (utterances, roles) = messages(&request).map_err(wrong)?;
    let mut config = config.clone();
    let number = |field: &str| match request.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| wrong(format!("`{field}` is no number"))),
    };
    let whole = |field: &str| match request.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_i64().map(Some);
            number.ok_or_else(|| wrong(format!("`{field}` is no whole number")))
        }
    };
    let temperature = number("temperature")?;
    let greedy = temperature.is_some_and(|temperature| (0.0..GREEDY).contains(&temperature));
    let longest = match whole("max_completion_tokens")? {
        Some(longest) => Some(longest),
        None => whole("max_tokens")?,
    };
    let settings = [
        (
            "sampling.temperature",
            temperature.filter(|_| !greedy).map(toml::Value::from),
            "temperature",
        ),
        (
            "sampling.top_p",
            number("top_p")?.map(toml::Value::from),
            "top_p",
        ),
        (
            "sampling.max_new_tokens",
            longest.map(|longest| longest.min(LONGEST).into()),
            "max_tokens",
        ),
    ];
    for (path, value, field) in settings {
        if let Some(value) = value {
            let set = config.set(path, value);
            set.map_err(|problem| wrong(format!("`{field}`: {}", problem.message)))?;
        }
    }
    let mut sampling = config.sampling;
    sampling.min_new_tokens = sampling.min_new_tokens.min(sampling.max_new_tokens);
    let flag = |fields: &Map<String, Value>, field: &str| match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(format!("`{field}` is neither true nor false"))),
    };
    let options = request.get("stream_options").and_then(Value::as_object);
    Ok(Asked {
        utterances,
        roles,
        sampling,
        greedy,
        seed: whole("seed")?.map(|seed| seed as u64),
        stop: stops(request.get("stop")).map_err(wrong)?,
        stream: flag(&request, "stream")?,
        stream_usage: options.map_or(Ok(false), |options| flag(options, "include_usage"))?,
    })
}

/// What was said. A model of dialogues knows two sides: what the system says is said by the speaker.
fn messages(request: &Map<String, Value>) -> Result<(Vec<String>, Vec<Role>), String> {
    let messages = request.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or("`messages` is missing, or no list")?;
    let mut said = (Vec::new(), Vec::new());
    for (place, message) in messages.iter().enumerate() {
        let role = match message["role"].as_str() {
            Some("user" | "system" | "developer") => Role::Speaker,
            Some("assistant") => Role::Listener,
            _ => {
                return Err(format!(
                    "`messages[{place}].role` is not user, assistant or system"
                ));
            }
        };
        let text = match &message["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts.iter().map(|part| match part["type"].as_str() {
                    Some("text") => part["text"].as_str().ok_or(()),
                    _ => Err(()),
                });
                let texts = texts.collect::<Result<Vec<&str>, ()>>();
                let texts = texts
                    .map_err(|()| format!("`messages[{place}].content` has more than text"))?;
                texts.join("")
            }
            _ => return Err(format!("`messages[{place}].content` is no text")),
        };
        said.0.push(text);
        said.1.push(role);
    }
    if said.0.iter().all(|text| text.trim().is_empty()) {
        return Err("`messages` say nothing".to_string());
    }
    Ok(said)
}

fn stops(given: Option<&Value>) -> Result<Vec<String>, String> {
    let stops = match given {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(stops)) => {
            let stops = stops.iter().map(|stop| stop.as_str().map(str::to_string));
            stops
                .collect::<Option<Vec<String>>>()
                .ok_or("`stop` is a text or a list of texts")?
        }
        Some(_) => return Err("`stop` is a text or a list of texts".to_string()),
    };
    if stops.len() > MOST_STOPS || stops.iter().any(String::is_empty) {
        return Err(format!(
            "`stop` has at most {MOST_STOPS} texts, none of them empty"
        ));
    }
    Ok(stops)
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub text: String,
    /// Whether it ended by itself, or before a stop, rather than at the longest length.
    pub ended: bool,
    pub prompt_tokens: usize,
    pub answer_tokens: usize,
    /// Whether the conversation is longer than the model reads, so that its beginning was left out.
    pub prompt_cut: bool,
}

impl Finished {
    fn reason(&self) -> &'static str {
        if self.ended { "stop" } else { "length" }
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.answer_tokens,
            "total_tokens": self.prompt_tokens + self.answer_tokens,
        })
    }
}

/// What every document about one answer begins with.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: String,
    /// Seconds since the Unix epoch.
    pub created: u64,
    pub model: String,
    /// What the answer was drawn with.
    pub seed: u64,
}

impl Head {
    fn document(&self, object: &str, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "seed": self.seed,
            "choices": choices,
        })
    }

    pub fn whole(&self, finished: &Finished) -> Value {
        let choice = json!([{
            "index": 0,
            "message": {"role": "assistant", "content": finished.text},
            "logprobs": null,
            "finish_reason": finished.reason(),
        }]);
        let mut document = self.document("chat.completion", choice);
        document["usage"] = finished.usage();
        document[PROMPT_CUT] = finished.prompt_cut.into();
        document
    }

    fn chunk(&self, delta: Value, reason: Option<&str>) -> String {
        let choice =
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]);
        event(&self.document("chat.completion.chunk", choice))
    }

    pub fn first_chunk(&self) -> String {
        self.chunk(json!({"role": "assistant", "content": ""}), None)
    }

    pub fn text_chunk(&self, text: &str) -> String {
        self.chunk(json!({"content": text}), None)
    }

    pub fn last_chunks(&self, finished: &Finished, with_usage: bool) -> String {
        let mut text = self.chunk(json!({}), Some(finished.reason()));
        if with_usage {
            let mut usage = self.document("chat.completion.chunk", json!([]));
            usage["usage"] = finished.usage();
            usage[PROMPT_CUT] = finished.prompt_cut.into();
            text += &event(&usage);
        }
        text + "data: [DONE]\n\n"
    }
}

/// A server-sent event.
pub fn event(document: &Value) -> String {
    format!("data: {document}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(more: &str) -> Result<Asked, Problem> {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}]{more}}}"#);
        parse(body.as_bytes(), "m", &Config::default())
    }

    #[test]
    fn a_request_says_how_it_is_answered() {
        let asked = parsed(
            r#","temperature":0.5,"top_p":0.9,"max_tokens":7,"seed":3,"stop":["\n"],"stream":true,
              "stream_options":{"include_usage":true},"n":1,"user":"x""#,
        )
        .unwrap();
        let sampling = &asked.sampling;
        assert_eq!(
            (
                sampling.temperature,
                sampling.top_p,
                sampling.max_new_tokens
            ),
            (0.5, 0.9, 7)
        );
        assert_eq!(
            (asked.greedy, asked.seed, asked.stream, asked.stream_usage),
            (false, Some(3), true, true)
        );
        assert_eq!(asked.stop, ["\n"]);
        assert_eq!(
            (asked.utterances, asked.roles),
            (vec!["Hi".to_string()], vec![Role::Speaker])
        );
        let plain = parsed("").unwrap();
        assert_eq!(plain.sampling, Config::default().sampling);
        assert_eq!(
            (plain.greedy, plain.seed, plain.stream),
            (false, None, false)
        );
        assert!(parsed(r#","temperature":0"#).unwrap().greedy);
        let long = parsed(r#","max_tokens":4096"#).unwrap();
        assert_eq!(long.sampling.max_new_tokens, 512);
        assert_eq!(
            parsed(r#","max_completion_tokens":1"#)
                .unwrap()
                .sampling
                .min_new_tokens
                .max(1),
            1
        );
    }

    #[test]
    fn both_sides_of_a_conversation_are_heard() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"Hi"}]},
                     {"role":"assistant","content":"Yes?"},{"role":"user","content":"Sad."}]}"#;
        let asked = parse(body.as_bytes(), "m", &Config::default()).unwrap();
        assert_eq!(asked.utterances, ["Be kind.", "Hi", "Yes?", "Sad."]);
        assert_eq!(
            asked.roles,
            [Role::Speaker, Role::Speaker, Role::Listener, Role::Speaker]
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_rather_than_left_out() {
        for (more, said) in [
            (r#","n":2"#, "`n` cannot"),
            (r#","tools":[{}]"#, "`tools` cannot"),
            (
                r#","response_format":{"type":"json_object"}"#,
                "`response_format` cannot",
            ),
            (r#","temperature":"hot""#, "`temperature` is no number"),
            (r#","temperature":11"#, "`temperature`: "),
            (r#","temperature":-1"#, "`temperature`: "),
            (r#","top_p":1.5"#, "`top_p`: "),
            (r#","max_tokens":0"#, "`max_tokens`: "),
            (r#","max_tokens":1.5"#, "`max_tokens` is no whole number"),
            (r#","stop":3"#, "`stop`"),
            (r#","stream":1"#, "`stream`"),
        ] {
            let problem = parsed(more).unwrap_err();
            assert!(
                problem.status == 400 && problem.message.contains(said),
                "{more}: {problem:?}"
            );
        }
        let of = |body: &str| parse(body.as_bytes(), "m", &Config::default()).unwrap_err();
        assert_eq!(of(r#"{"model":"gpt-4","messages":[]}"#).status, 404);
        for body in [
            "",
            "[]",
            "{}",
            r#"{"model":"m"}"#,
            r#"{"model":"m","messages":[]}"#,
            r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
        ] {
            assert_eq!(of(body).status, 400, "{body}");
        }
    }
}
