//! Reads preference pairs from JSONL, in TRL's shapes (`prompt`, `chosen`, `rejected` as texts or as lists of messages,
//! the prompt also as the beginning that both have in common) and in our own (`context`, `chosen`, `rejected`, or an
//! `idx` into a file of contexts).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{PairJudgement, PreferencePair};
use crate::data::error::DataError;
use crate::data::import::{FileReport, ImportReport, SkippedRow, read_text};
use crate::data::reader::{self, Wanted};
use crate::data::rows::Row;
use crate::data::sets::{Role, Turns};

const FIX: &str = "give each line {\"prompt\": …, \"chosen\": …, \"rejected\": …}, as texts or as lists of messages, \
                   or {\"context\": \"…\" or [\"…\", …], \"chosen\": \"…\", \"rejected\": \"…\"}";

/// Names of the fields that number contexts.
const NUMBERS: [&str; 3] = ["idx", "index", "id"];

/// Reads pairs from `path`; rows with an `idx` alone take their contexts from the file `contexts`.
///
/// # Errors
/// A file cannot be read, a line is no JSON object of a known shape, or no pair is left.
pub fn read(
    name: &str,
    path: &Path,
    contexts: Option<&Path>,
) -> Result<(Vec<PreferencePair>, ImportReport), DataError> {
    let (text, sha256) = read_text(path, "check the path")?;
    let numbered = contexts.map(numbered_contexts).transpose()?;
    let mut reading = Reading {
        path,
        contexts: numbered.as_ref(),
        systems: 0,
    };
    let file = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (mut pairs, mut skipped) = (Vec::new(), Vec::new());
    let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).lines();
    let mut rows = 0;
    for (line, text) in (1..).zip(lines).filter(|(_, text)| !text.trim().is_empty()) {
        rows += 1;
        match reading.pair(line, text)? {
            Ok(pair) => pairs.push(pair),
            Err(reason) => skipped.push(SkippedRow {
                file: file.clone(),
                line,
                reason,
            }),
        }
    }
    if pairs.is_empty() {
        let what = match skipped.first() {
            Some(first) => format!(
                "has no pair to learn from; line {}: {}",
                first.line, first.reason
            ),
            None => "has no rows".to_string(),
        };
        return Err(DataError::file(path, what, FIX));
    }
    let mut remarks = Vec::new();
    if reading.systems > 0 {
        remarks.push(format!(
            "{} had a system message, which is left out: a context is what speaker and listener said",
            match reading.systems {
                1 => "1 row".to_string(),
                n => format!("{n} rows"),
            }
        ));
    }
    let report = ImportReport {
        name: name.to_string(),
        files: vec![FileReport {
            file,
            read: rows,
            kept: pairs.len(),
            skipped: skipped.len(),
            sha256,
        }],
        skipped,
        preference_pairs: Some(pairs.len()),
        remarks,
        ..ImportReport::default()
    };
    Ok((pairs, report))
}

/// The contexts of a file, by their own numbers, else by their places from 0.
fn numbered_contexts(path: &Path) -> Result<BTreeMap<u64, Row>, DataError> {
    let rows = reader::read(path, Wanted::Contexts)?.rows;
    let numbers: Option<Vec<u64>> = rows.iter().map(|row| number(&row.fields)).collect();
    let numbers = numbers.unwrap_or_else(|| (0..rows.len() as u64).collect());
    let mut numbered = BTreeMap::new();
    for (number, row) in numbers.into_iter().zip(rows) {
        let line = row.line;
        if numbered.insert(number, row).is_some() {
            let what = format!("a second context has the number {number}");
            return Err(DataError::line(
                path,
                line,
                what,
                "number each context once",
            ));
        }
    }
    Ok(numbered)
}

fn number(fields: &Map<String, Value>) -> Option<u64> {
    NUMBERS.iter().find_map(|name| fields.get(*name)?.as_u64())
}

struct Reading<'a> {
    path: &'a Path,
    contexts: Option<&'a BTreeMap<u64, Row>>,
    /// Rows with a system message.
    systems: usize,
}

/// A context, and the two responses to it.
struct Responses {
    context: Vec<String>,
    roles: Vec<Role>,
    chosen: String,
    rejected: String,
}

impl Reading<'_> {
    fn wrong(&self, line: usize, what: impl Into<String>) -> DataError {
        DataError::line(self.path, line, what, FIX)
    }

    /// The pair of a line, or why it cannot be learnt from.
    fn pair(
        &mut self,
        line: usize,
        text: &str,
    ) -> Result<Result<PreferencePair, String>, DataError> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            self.wrong(
                line,
                format!("no JSON from character {} on", error.column()),
            )
        })?;
        let Value::Object(fields) = value else {
            return Err(self.wrong(line, "no JSON object"));
        };
        let (Some(chosen), Some(rejected)) = (fields.get("chosen"), fields.get("rejected")) else {
            return Err(self.wrong(line, "the row has no \"chosen\" and \"rejected\""));
        };
        let read = match (chosen, rejected) {
            (Value::String(chosen), Value::String(rejected)) => {
                self.of_texts(line, &fields, chosen, rejected)?
            }
            (Value::Array(chosen), Value::Array(rejected)) => {
                self.of_messages(line, &fields, chosen, rejected)?
            }
            _ => {
                return Err(self.wrong(
                    line,
                    "\"chosen\" and \"rejected\" are neither two texts nor two lists of messages",
                ));
            }
        };
        let responses = match read {
            Ok(responses) => responses,
            Err(reason) => return Ok(Err(reason)),
        };
        let judgement = match fields.get("judgement") {
            None | Some(Value::Null) => None,
            Some(found) => Some(
                serde_json::from_value::<PairJudgement>(found.clone())
                    .map_err(|error| self.wrong(line, format!("\"judgement\": {error}")))?,
            ),
        };
        Ok(responses.checked().map(|responses| PreferencePair {
            context: responses.context,
            roles: responses.roles,
            chosen: responses.chosen,
            rejected: responses.rejected,
            judgement,
        }))
    }

    /// Responses as texts: with `context`, a `prompt`, a number, or after the beginning that both have in common.
    fn of_texts(
        &self,
        line: usize,
        fields: &Map<String, Value>,
        chosen: &str,
        rejected: &str,
    ) -> Result<Result<Responses, String>, DataError> {
        let of = |context: Vec<String>, roles: Vec<Role>, chosen: &str, rejected: &str| Responses {
            context,
            roles,
            chosen: chosen.trim().to_string(),
            rejected: rejected.trim().to_string(),
        };
        if let Some(prompt) = fields.get("prompt") {
            return match prompt {
                Value::String(prompt) => Ok(Ok(of(
                    vec![prompt.trim().to_string()],
                    Vec::new(),
                    chosen,
                    rejected,
                ))),
                _ => Err(self.wrong(line, "\"prompt\" is no text, where the responses are texts")),
            };
        }
        if fields.contains_key("context") {
            let row = Row::from_value(self.path, line, Value::Object(fields.clone()))?;
            let turns = row.require_turns(self.path)?;
            return Ok(Ok(of(
                turns.utterances.to_vec(),
                turns.roles.to_vec(),
                chosen,
                rejected,
            )));
        }
        if let Some(number) = number(fields) {
            let Some(contexts) = self.contexts else {
                return Err(self.wrong(
                    line,
                    format!("number {number} is of a context that is not here (name the file of contexts)"),
                ));
            };
            let Some(row) = contexts.get(&number) else {
                return Ok(Err(format!("there is no context number {number}")));
            };
            let turns = row.turns().unwrap_or(Turns::alternating(&[]));
            return Ok(Ok(of(
                turns.utterances.to_vec(),
                turns.roles.to_vec(),
                chosen,
                rejected,
            )));
        }
        let prompt = common_beginning(chosen, rejected);
        if prompt.trim().is_empty() {
            return Ok(Err(
                "it has no prompt, and the two texts do not begin alike".into(),
            ));
        }
        Ok(Ok(of(
            vec![prompt.trim().to_string()],
            Vec::new(),
            &chosen[prompt.len()..],
            &rejected[prompt.len()..],
        )))
    }

    /// Responses as messages, after those of the prompt or after those that both have in common.
    fn of_messages(
        &mut self,
        line: usize,
        fields: &Map<String, Value>,
        chosen: &[Value],
        rejected: &[Value],
    ) -> Result<Result<Responses, String>, DataError> {
        let (mut chosen, mut rejected) =
            (self.messages(line, chosen)?, self.messages(line, rejected)?);
        let mut prompt = match fields.get("prompt") {
            Some(Value::Array(prompt)) => self.messages(line, prompt)?,
            None | Some(Value::Null) => {
                let alike = chosen.iter().zip(&rejected).take_while(|(a, b)| a == b);
                let alike = alike.count();
                rejected.drain(..alike);
                chosen.drain(..alike).collect()
            }
            Some(_) => {
                return Err(self.wrong(
                    line,
                    "\"prompt\" is no list of messages, where the responses are",
                ));
            }
        };
        let all = prompt.len();
        prompt.retain(|(role, _)| role.is_some());
        self.systems += usize::from(prompt.len() < all);
        let ([(Some(Role::Listener), one)], [(Some(Role::Listener), other)]) =
            (&chosen[..], &rejected[..])
        else {
            return Ok(Err(
                "after the prompt there is not one message of the assistant on each side".into(),
            ));
        };
        let (roles, context): (Vec<Role>, Vec<String>) = prompt
            .into_iter()
            .filter_map(|(role, text)| Some((role?, text)))
            .unzip();
        Ok(Ok(Responses {
            context,
            roles: Role::kept(&roles),
            chosen: one.clone(),
            rejected: other.clone(),
        }))
    }

    /// Who said what; a system's message has no role.
    fn messages(
        &self,
        line: usize,
        list: &[Value],
    ) -> Result<Vec<(Option<Role>, String)>, DataError> {
        let text = |message: &Value, key: &str| message.get(key)?.as_str().map(str::to_string);
        let message = |message: &Value| {
            let Some((role, content)) = text(message, "role").zip(text(message, "content")) else {
                return Err(self.wrong(
                    line,
                    "a message has no \"role\" and \"content\", both texts",
                ));
            };
            let role = match role.as_str() {
                "user" => Some(Role::Speaker),
                "assistant" => Some(Role::Listener),
                "system" => None,
                other => {
                    return Err(self.wrong(
                        line,
                        format!("the role {other:?} is none of system, user and assistant"),
                    ));
                }
            };
            Ok((role, content.trim().to_string()))
        };
        list.iter().map(message).collect()
    }
}

impl Responses {
    /// Itself, or why nothing can be learnt from it.
    fn checked(self) -> Result<Self, String> {
        let blank = |text: &String| text.trim().is_empty();
        if self.context.iter().all(blank) {
            return Err("the context is empty".into());
        }
        if blank(&self.chosen) || blank(&self.rejected) {
            return Err("a response is empty".into());
        }
        if self.chosen == self.rejected {
            return Err("both responses are the same".into());
        }
        Ok(self)
    }
}

/// The longest beginning that both texts share, cut at the last space, so that no word is torn.
fn common_beginning<'a>(a: &'a str, b: &str) -> &'a str {
    let alike = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b);
    let end = alike.map_or(a.len().min(b.len()), |((at, _), _)| at);
    let end = a[..end].rfind(char::is_whitespace).unwrap_or(0);
    &a[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(lines: &str) -> Result<(Vec<PreferencePair>, ImportReport), DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pairs.jsonl");
        std::fs::write(&path, lines).unwrap();
        read("preferences", &path, None)
    }

    #[test]
    fn every_shape_gives_the_same_pair() {
        let user = r#"{"role": "user", "content": "I lost my job."}"#;
        let answer = |text: &str| format!(r#"{{"role": "assistant", "content": "{text}"}}"#);
        let (good, bad) = (answer("I am sorry."), answer("So what?"));
        for line in [
            r#"{"prompt": "I lost my job.", "chosen": " I am sorry.", "rejected": " So what?"}"#.to_string(),
            r#"{"chosen": "I lost my job. I am sorry.", "rejected": "I lost my job. So what?"}"#.to_string(),
            r#"{"context": ["I lost my job."], "chosen": "I am sorry.", "rejected": "So what?"}"#.to_string(),
            r#"{"context": "I lost my job.", "chosen": "I am sorry.", "rejected": "So what?", "idx": 3}"#.to_string(),
            format!(r#"{{"prompt": [{user}], "chosen": [{good}], "rejected": [{bad}]}}"#),
            format!(r#"{{"chosen": [{user}, {good}], "rejected": [{user}, {bad}]}}"#),
        ] {
            let (pairs, report) = read_lines(&line).unwrap();
            assert_eq!(pairs.len(), 1, "{line}");
            assert_eq!(pairs[0].context, ["I lost my job."], "{line}");
            assert_eq!(pairs[0].chosen, "I am sorry.", "{line}");
            assert_eq!(pairs[0].rejected, "So what?", "{line}");
            assert_eq!(report.preference_pairs, Some(1));
        }
    }

    #[test]
    fn what_is_written_for_other_programs_reads_the_same() {
        let line = r#"{"context": ["A.", "B.", "C."], "roles": ["speaker", "speaker", "listener"], "chosen": "D.", "rejected": "E.", "judgement": {"study": "u", "title": "t", "item": 4, "chosen_system": "x", "rejected_system": "y", "votes": {"chosen": 2, "rejected": 1, "tie": 0}}}"#;
        let (pairs, _) = read_lines(line).unwrap();
        assert_eq!(
            pairs[0].roles,
            [Role::Speaker, Role::Speaker, Role::Listener]
        );
        let (again, _) = read_lines(&super::super::trl_rows(&pairs)).unwrap();
        assert_eq!(again, pairs);
    }

    #[test]
    fn rows_that_teach_nothing_are_skipped_with_the_reason() {
        let (pairs, report) = read_lines(concat!(
            r#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#,
            "\n\n",
            r#"{"prompt": "a", "chosen": "b", "rejected": " b"}"#,
            "\n",
            r#"{"prompt": "", "chosen": "b", "rejected": "c"}"#,
            "\n",
            r#"{"chosen": "b", "rejected": "c"}"#,
            "\n",
            r#"{"prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a"}], "chosen": [{"role": "assistant", "content": "b"}], "rejected": [{"role": "assistant", "content": "c"}]}"#,
        ))
        .unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!(pairs[1].context, ["a"]);
        let reasons: Vec<_> = report
            .skipped
            .iter()
            .map(|row| (row.line, row.reason.as_str()))
            .collect();
        assert_eq!(
            reasons,
            [
                (3, "both responses are the same"),
                (4, "the context is empty"),
                (5, "it has no prompt, and the two texts do not begin alike"),
            ]
        );
        assert!(report.remarks[0].starts_with("1 row had a system message"));
    }

    #[test]
    fn a_foreign_row_is_refused_with_its_line() {
        for (line, said) in [
            (r#"{"prompt": "a"}"#, "no \"chosen\" and \"rejected\""),
            (r#"{"chosen": "a", "rejected": ["b"]}"#, "neither two texts"),
            (
                r#"{"prompt": 3, "chosen": "a", "rejected": "b"}"#,
                "\"prompt\" is no text",
            ),
            (
                r#"{"idx": 3, "chosen": "a", "rejected": "b"}"#,
                "name the file of contexts",
            ),
            (r#"{"prompt""#, "no JSON"),
        ] {
            let error = read_lines(line).unwrap_err().to_string();
            assert!(error.contains("line 1") && error.contains(said), "{error}");
        }
        assert!(
            read_lines("\n")
                .unwrap_err()
                .to_string()
                .contains("no rows")
        );
    }

    #[test]
    fn numbers_find_their_contexts() {
        let folder = tempfile::tempdir().unwrap();
        let (pairs, contexts) = (folder.path().join("p.jsonl"), folder.path().join("c.jsonl"));
        std::fs::write(&pairs, r#"{"idx": 1, "chosen": "a", "rejected": "b"}"#).unwrap();
        for (lines, found) in [
            ("{\"context\": \"x\"}\n{\"context\": \"y\"}", "y"),
            (
                "{\"context\": \"x\", \"idx\": 1}\n{\"context\": \"y\", \"idx\": 0}",
                "x",
            ),
        ] {
            std::fs::write(&contexts, lines).unwrap();
            let (read, _) = read("preferences", &pairs, Some(&contexts)).unwrap();
            assert_eq!(read[0].context, [found]);
        }
    }
}
