//! A line of JSON that a program logs while it runs: what `emprl record` reads.
//!
//! ```text
//! {"step": 10, "loss": 0.7, "rewards/margins": 0.1}      numbers by any names; nested ones are joined by /
//! {"config": {"learning_rate": 1e-4}}                    settings
//! {"step": 10, "samples": [{"context": …, "response": …, "target": …}]}
//! {"step": 10, "event": "checkpoint", "text": "saved"}   something to be noted; "severity": "warning" or "alert"
//! {"total_steps": 500}                                   steps that are expected
//! {"finish": "completed"}                                or "failed" (with "error"), "stopped", "interrupted";
//!                                                        "expected" at the beginning: the end will be said
//! ```
//! The step is `step`, else `global_step`, `train/global_step` or `_step`; without one it is one more than the last.
//! `NaN`, `Infinity` and `-Infinity`, as Python writes them, are values.

use serde_json::{Map, Value};

use super::moment;
use crate::data::Role;
use crate::experiment::{RunStatus, SampleDialogue, Severity};

/// The names that a step goes by, the first that is there counts.
const STEPS: [&str; 4] = ["step", "global_step", TRAINER_STEP, "_step"];
/// The step of the training where Transformers logs to W&B, which counts something else in its own.
pub(super) const TRAINER_STEP: &str = "train/global_step";
/// When it was logged, in seconds since the Unix epoch, as W&B writes it.
const MOMENT: &str = "_timestamp";
/// The most samples of one line.
const MOST_SAMPLES: usize = 256;

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub step: Option<u64>,
    pub wall_ms: Option<i64>,
    /// By the names the program gave.
    pub values: Vec<(String, f64)>,
    /// Fields that hold no number and mean nothing else.
    pub unused: Vec<String>,
    pub settings: Option<Map<String, Value>>,
    pub samples: Vec<SampleDialogue>,
    /// Samples that have no response, or are too many.
    pub samples_left_out: usize,
    pub event: Option<(Severity, String)>,
    pub total_steps: Option<u64>,
    pub finish: Option<Finish>,
}

/// What is said of the end of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// It will be said.
    Expected,
    /// This is it; with the error of a run that failed.
    Now(RunStatus, Option<String>),
}

/// Why a line says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("no JSON ({0})")]
    NotJson(String),
    #[error("over 16 MB long")]
    TooLong,
    #[error("JSON, but no object; write one such as {{\"step\": 1, \"loss\": 0.5}}")]
    NotAnObject,
    #[error("its {name} is {value}, and a step is a whole number from 0 on")]
    Step { name: &'static str, value: String },
    #[error("\"finish\" is completed, failed, stopped, interrupted or expected, not {0}")]
    Finish(String),
    #[error("\"{0}\" is no object")]
    NoObject(&'static str),
    #[error(
        "\"samples\" is no list of objects such as {{\"context\": \"…\", \"response\": \"…\"}}"
    )]
    Samples,
}

impl LineError {
    /// Whether the line may have been cut off.
    pub fn is_broken_json(&self) -> bool {
        matches!(self, LineError::NotJson(_))
    }
}

/// Reads a line.
///
/// # Errors
/// It is no object of JSON, or a field that has a meaning has no such value.
pub fn read(text: &str) -> Result<Line, LineError> {
    let value = value_of(text).map_err(|error| LineError::NotJson(error.to_string()))?;
    let Value::Object(mut fields) = value else {
        return Err(LineError::NotAnObject);
    };
    let mut line = Line {
        settings: match fields.shift_remove("config") {
            None | Some(Value::Null) => None,
            Some(Value::Object(settings)) => Some(settings),
            Some(_) => return Err(LineError::NoObject("config")),
        },
        ..Line::default()
    };
    if let Some(finish) = fields.shift_remove("finish") {
        let error = fields.shift_remove("error").map(words);
        line.finish = Some(finish_of(&words(finish), error)?);
    }
    if let Some(event) = fields.shift_remove("event") {
        let severity = match fields.shift_remove("severity").map(words).as_deref() {
            Some("warning" | "warn") => Severity::Warning,
            Some("alert" | "error") => Severity::Alert,
            _ => Severity::Info,
        };
        let text = fields.shift_remove("text").map(words).unwrap_or_default();
        let text = match (words(event), text.as_str()) {
            (event, "") => event,
            (event, text) => format!("{event}: {text}"),
        };
        line.event = Some((severity, text));
    }
    if let Some(samples) = fields.shift_remove("samples") {
        let Value::Array(samples) = samples else {
            return Err(LineError::Samples);
        };
        for (index, sample) in samples.into_iter().enumerate() {
            let Value::Object(sample) = sample else {
                return Err(LineError::Samples);
            };
            match sample_of(index as u32, &sample) {
                Some(sample) if index < MOST_SAMPLES => line.samples.push(sample),
                _ => line.samples_left_out += 1,
            }
        }
    }
    line.total_steps = fields.get("total_steps").and_then(whole);
    if line.total_steps.is_some() {
        fields.shift_remove("total_steps");
    }
    numbers(fields, &STEPS, &mut line)?;
    Ok(line)
}

/// Takes step, moment and values out of the fields of a row; the step goes by one of these names.
pub(super) fn numbers(
    mut fields: Map<String, Value>,
    steps: &[&'static str],
    line: &mut Line,
) -> Result<(), LineError> {
    for name in steps.iter().copied() {
        match fields.get(name) {
            None | Some(Value::Null) => continue,
            Some(value) => {
                line.step = Some(whole(value).ok_or_else(|| LineError::Step {
                    name,
                    value: value.to_string().chars().take(40).collect(),
                })?);
                fields.shift_remove(name);
                break;
            }
        }
    }
    if let Some(seconds) = fields.get(MOMENT).and_then(Value::as_f64)
        && let Some(ms) = moment::of_seconds(seconds)
    {
        line.wall_ms = Some(ms);
        fields.shift_remove(MOMENT);
    }
    for (name, value) in fields {
        add(name, value, line);
    }
    Ok(())
}

/// Adds a field's number, or the numbers within it.
pub(super) fn add(name: String, value: Value, line: &mut Line) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                add(format!("{name}/{field}"), value, line);
            }
        }
        // Not set.
        Value::Null => {}
        value => match number(&value) {
            Some(value) => line.values.push((name, value)),
            None => line.unused.push(name),
        },
    }
}

/// The number that a value is; yes is 1 and no is 0.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::String(text) => nonfinite(text),
        _ => None,
    }
}

/// A number that JSON has no way to write.
fn nonfinite(text: &str) -> Option<f64> {
    match text {
        "NaN" | "nan" => Some(f64::NAN),
        "Infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A whole number from 0 on that a step can be; `10.0` too.
fn whole(value: &Value) -> Option<u64> {
    const MOST: u64 = i64::MAX as u64;
    let whole = match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let value = number.as_f64()?;
            (value >= 0.0 && value.fract() == 0.0 && value < 9e15).then_some(value as u64)
        }),
        _ => None,
    };
    whole.filter(|whole| *whole <= MOST)
}

fn finish_of(word: &str, error: Option<String>) -> Result<Finish, LineError> {
    let status = match word {
        "expected" => return Ok(Finish::Expected),
        "completed" | "finished" => RunStatus::Finished,
        "failed" => RunStatus::Failed,
        "stopped" => RunStatus::Stopped,
        "interrupted" => RunStatus::Interrupted,
        other => return Err(LineError::Finish(other.chars().take(40).collect())),
    };
    Ok(Finish::Now(status, error))
}

fn sample_of(index: u32, sample: &Map<String, Value>) -> Option<SampleDialogue> {
    let first = |names: &[&str]| names.iter().find_map(|name| sample.get(*name));
    let text = |names: &[&str]| first(names).map(last_said);
    let (context, roles) = first(&["context", "prompt"]).map(turns).unwrap_or_default();
    Some(SampleDialogue {
        index,
        emotion: text(&["emotion"]).unwrap_or_default(),
        situation: text(&["situation"]).unwrap_or_default(),
        context,
        roles: Role::kept(&roles),
        target: text(&["target", "reference"]).unwrap_or_default(),
        generated: text(&["response", "completion", "generated"])?,
        levels: Vec::new(),
        reward: first(&["reward"])
            .and_then(number)
            .filter(|reward| reward.is_finite()),
    })
}

/// The utterances of a context: a text, a list of texts, or messages with `role` and `content`.
fn turns(value: &Value) -> (Vec<String>, Vec<Role>) {
    let Value::Array(items) = value else {
        return (vec![words(value.clone())], Vec::new());
    };
    let said = |item: &Value| words(item.get("content").unwrap_or(item).clone());
    let role = |item: &Value| match item.get("role")?.as_str()? {
        "assistant" => Some(Role::Listener),
        _ => Some(Role::Speaker),
    };
    let roles = items.iter().enumerate();
    let roles = roles.map(|(turn, item)| role(item).unwrap_or(Role::of(&[], turn)));
    (items.iter().map(said).collect(), roles.collect())
}

/// A text, or what the last of some messages says.
fn last_said(value: &Value) -> String {
    turns(value).0.pop().unwrap_or_default()
}

fn words(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// JSON as Python writes it: the three numbers that JSON does not have become texts, which [`number`] reads.
pub(super) fn value_of(text: &str) -> Result<Value, serde_json::Error> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        // Tried second: few lines have one.
        Err(error) => match with_nonfinite_quoted(text) {
            Some(quoted) => serde_json::from_str(&quoted),
            None => Err(error),
        },
    }
}

/// The same text with `NaN`, `Infinity` and `-Infinity` in quotes where they stand outside of texts; None without any.
fn with_nonfinite_quoted(text: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut at, mut in_text, mut found) = (0, false, false);
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let word = WORDS
            .iter()
            .find(|word| !in_text && rest.starts_with(**word));
        if let Some(word) = word {
            quoted += &format!("\"{word}\"");
            at += word.len();
            found = true;
            continue;
        }
        quoted.push(letter);
        at += letter.len_utf8();
        match letter {
            '"' => in_text = !in_text,
            '\\' if in_text => {
                if let Some(escaped) = text[at..].chars().next() {
                    quoted.push(escaped);
                    at += escaped.len_utf8();
                }
            }
            _ => {}
        }
    }
    found.then_some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trainers_log_is_read_as_it_is() {
        let line = read(
            r#"{"loss": 0.69, "objective/kl": 1.5, "epoch": 0.1, "step": 10, "eval": {"ppl": 3}}"#,
        );
        let line = line.unwrap();
        assert_eq!(line.step, Some(10));
        let names: Vec<&str> = line.values.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["loss", "objective/kl", "epoch", "eval/ppl"]);
        assert_eq!(
            read(r#"{"global_step": 3.0, "a": true}"#).unwrap().step,
            Some(3)
        );
        let line =
            read(r#"{"_step": 5, "train/global_step": 9, "_timestamp": 1.5, "x": 1}"#).unwrap();
        assert_eq!((line.step, line.wall_ms), (Some(9), Some(1_500)));
        assert_eq!(
            line.values,
            [("_step".to_string(), 5.0), ("x".to_string(), 1.0)]
        );
    }

    #[test]
    fn what_json_has_no_number_for_is_a_value_and_a_text_is_none() {
        let line = read(
            r#"{"step": 1, "a": NaN, "b": -Infinity, "c": [Infinity], "d": "NaN \" NaN", "e": null}"#,
        );
        let line = line.unwrap();
        assert!(line.values[0].1.is_nan());
        assert_eq!(line.values[1], ("b".to_string(), f64::NEG_INFINITY));
        assert_eq!(line.unused, ["c", "d"]);
    }

    #[test]
    fn wrong_lines_say_why() {
        for (text, part) in [
            ("step 3: loss 0.5", "no JSON"),
            ("{\"step\": 1", "no JSON"),
            ("[1, 2]", "no object"),
            ("{\"step\": -1, \"a\": 1}", "whole number"),
            ("{\"step\": 1.5}", "whole number"),
            ("{\"step\": \"3\"}", "whole number"),
            ("{\"finish\": \"perhaps\"}", "perhaps"),
            ("{\"config\": 3}", "config"),
            ("{\"samples\": {\"a\": 1}}", "samples"),
            ("{\"samples\": [1]}", "samples"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn samples_events_and_ends_are_told_apart_from_values() {
        let line = read(
            r#"{"step": 4, "samples": [{"prompt": [{"role": "user", "content": "Hi"}],
                "completion": [{"role": "assistant", "content": "Hello"}], "reward": 0.5}, {"context": "x"}],
                "event": "saved", "text": "to disk", "severity": "warning", "finish": "failed", "error": "no memory",
                "total_steps": 40}"#,
        );
        let line = line.unwrap();
        assert_eq!(line.samples[0].generated, "Hello");
        assert_eq!(line.samples[0].context, ["Hi"]);
        assert_eq!(line.samples_left_out, 1);
        assert_eq!(
            line.event,
            Some((Severity::Warning, "saved: to disk".to_string()))
        );
        let error = Some("no memory".to_string());
        assert_eq!(line.finish, Some(Finish::Now(RunStatus::Failed, error)));
        assert_eq!((line.total_steps, line.values.len()), (Some(40), 0));
    }
}
