//! Rubrics: how a judge is asked, and how its answer is read.
//!
//! Must not know where it is asked, nor what about.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::OperationError;
use super::read_text;
use super::template::Template;
use crate::data::corpus::record::Preferred;
use crate::store::Judged;
use crate::study::hex;
use crate::text::pattern::Pattern;

/// The rubrics that come with the program, by their names.
pub const BUILTIN: [(&str, &str); 2] = [
    (
        "rate",
        include_str!("../../../../../assets/endpoint/rate.toml"),
    ),
    (
        "compare",
        include_str!("../../../../../assets/endpoint/compare.toml"),
    ),
];

/// What a judge is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RubricKind {
    /// One response at a time, by a number.
    Rate,
    /// Two responses, in both orders.
    Compare,
}

impl RubricKind {
    pub const fn key(self) -> &'static str {
        match self {
            RubricKind::Rate => "rate",
            RubricKind::Compare => "compare",
        }
    }
}

/// A rubric as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    kind: RubricKind,
    prompt: String,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    range: Option<[f64; 2]>,
    #[serde(default)]
    words: Option<Words>,
    read: String,
    #[serde(default)]
    field: Option<String>,
}

/// The words of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    first: String,
    second: String,
    #[serde(default)]
    tie: Option<String>,
}

/// A rubric, checked.
#[derive(Clone, Debug)]
pub struct Rubric {
    pub name: String,
    pub kind: RubricKind,
    pub prompt: Template,
    /// What stands before the prompt as the system's message.
    pub system: Option<String>,
    /// Of the file, in hexadecimal.
    pub sha256: String,
    answers: Answers,
    reading: Reading,
}

/// What an answer can say.
#[derive(Clone, Debug)]
enum Answers {
    Range([f64; 2]),
    Words(Words),
}

/// Where an answer says it.
#[derive(Clone, Debug)]
enum Reading {
    /// In this field of the last JSON object.
    Json(String),
    /// In the first group of the last match.
    Pattern(Pattern),
}

impl Rubric {
    /// A rubric's file, or one that comes with the program: `rate` or `compare`.
    ///
    /// # Errors
    /// The file cannot be read, or is no rubric: what is wrong.
    pub fn open(given: &str) -> Result<Rubric, OperationError> {
        let builtin = BUILTIN.into_iter().find(|(name, _)| *name == given);
        let path = Path::new(given);
        match builtin.filter(|_| !path.exists()) {
            Some((_, text)) => Self::parse(path, text),
            None if !path.exists() => Err(OperationError::NoRubric {
                given: given.to_string(),
                known: BUILTIN.map(|(name, _)| name).join(" and "),
            }),
            None => Self::parse(path, &read_text(path)?),
        }
    }

    /// A rubric's text; `path` is for messages.
    ///
    /// # Errors
    /// It is no rubric: what is wrong.
    pub fn parse(path: &Path, text: &str) -> Result<Rubric, OperationError> {
        let wrong = |problem: String| OperationError::Rubric {
            path: path.to_path_buf(),
            problem,
        };
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if file.name.trim().is_empty() {
            return Err(wrong("`name` is empty; say what is judged".into()));
        }
        let known: &[&str] = match file.kind {
            RubricKind::Rate => &["context", "response"],
            RubricKind::Compare => &["context", "first", "second"],
        };
        let places = known.iter().map(|name| format!("{{{name}}}"));
        let places = places.collect::<Vec<_>>().join(", ");
        let prompt = Template::parse(&file.prompt, |name| known.contains(&name))
            .map_err(|name| wrong(format!("`prompt` has {{{name}}}; its places are {places}")))?;
        // A judge may be told not to read the context.
        let needed = known.iter().skip(1);
        if let Some(lacks) = needed
            .into_iter()
            .find(|name| !prompt.names().contains(name))
        {
            return Err(wrong(format!(
                "`prompt` lacks {{{lacks}}}; its places are {places}"
            )));
        }
        let answers = match (file.kind, file.range, file.words) {
            (RubricKind::Rate, Some([low, high]), None)
                if low < high && high.is_finite() && low.is_finite() =>
            {
                Answers::Range([low, high])
            }
            (RubricKind::Rate, ..) => {
                return Err(wrong(
                    "a rubric that rates has a `range`, the lowest number and the highest, and no `words`".into(),
                ));
            }
            (RubricKind::Compare, None, Some(words)) => Answers::Words(words),
            (RubricKind::Compare, ..) => {
                return Err(wrong(
                    "a rubric that compares has `words` (first, second and, if there are ties, tie), and no `range`".into(),
                ));
            }
        };
        let reading = match (file.read.as_str(), file.field) {
            ("json", Some(field)) => Reading::Json(field),
            ("json", None) => {
                return Err(wrong(
                    "`read` is \"json\", and no `field` says where in it the answer is".into(),
                ));
            }
            (pattern, None) => match Pattern::new(pattern) {
                Ok(pattern) if pattern.groups() > 0 => Reading::Pattern(pattern),
                Ok(_) => {
                    return Err(wrong(
                        "`read` is neither \"json\" nor a regular expression with a group around the answer".into(),
                    ));
                }
                Err(problem) => {
                    return Err(wrong(format!("`read` is no regular expression: {problem}")));
                }
            },
            (_, Some(_)) => {
                return Err(wrong(
                    "`field` is for `read = \"json\"`; leave it out".into(),
                ));
            }
        };
        Ok(Rubric {
            name: file.name.trim().to_string(),
            kind: file.kind,
            prompt,
            system: file.system,
            sha256: hex(&Sha256::digest(text.as_bytes())),
            answers,
            reading,
        })
    }

    /// The lowest and the highest score, if it rates.
    pub fn range(&self) -> Option<[f64; 2]> {
        match self.answers {
            Answers::Range(range) => Some(range),
            Answers::Words(_) => None,
        }
    }

    /// What an answer says; None where it cannot be understood.
    pub fn read(&self, answer: &str) -> Option<Judged> {
        let said = match &self.reading {
            Reading::Json(field) => last_in_json(answer, field)?,
            Reading::Pattern(pattern) => pattern.last_group(answer)?.to_string(),
        };
        let said = said.trim();
        match &self.answers {
            Answers::Range([low, high]) => {
                let value: f64 = said.parse().ok()?;
                (*low..=*high)
                    .contains(&value)
                    .then_some(Judged::Score(value))
            }
            Answers::Words(words) => {
                let is = |word: &str| word.trim().to_lowercase() == said.to_lowercase();
                let preferred = match said {
                    _ if is(&words.first) => Preferred::First,
                    _ if is(&words.second) => Preferred::Second,
                    _ if words.tie.as_deref().is_some_and(is) => Preferred::Tie,
                    _ => return None,
                };
                Some(Judged::Verdict(preferred))
            }
        }
    }
}

/// What the last JSON object in a text that has this field says in it.
fn last_in_json(text: &str, field: &str) -> Option<String> {
    let begins = text
        .match_indices('{')
        .map(|(at, _)| at)
        .collect::<Vec<_>>();
    for at in begins.into_iter().rev().take(MOST_OBJECTS) {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            continue;
        };
        match value.get(field) {
            Some(Value::String(text)) => return Some(text.clone()),
            Some(Value::Number(number)) => return Some(number.to_string()),
            _ => {}
        }
    }
    None
}

/// Objects that are tried, from the end.
const MOST_OBJECTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn rubric(text: &str) -> Result<Rubric, String> {
        Rubric::parse(Path::new("r.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_rubrics_of_the_program_read_what_they_ask_for() {
        let rate = Rubric::open("rate").unwrap();
        assert_eq!(rate.range(), Some([1.0, 5.0]));
        let score = |text: &str| match rate.read(text) {
            Some(Judged::Score(value)) => Some(value),
            _ => None,
        };
        assert_eq!(score("It is warm.\n{\"score\": 4}"), Some(4.0));
        assert_eq!(score("```json\n{\"score\": \"2\"}\n```"), Some(2.0));
        // The last counts: what goes before is thought.
        assert_eq!(
            score("{\"score\": 1}, or rather {\"score\": 3}."),
            Some(3.0)
        );
        for text in [
            "4",
            "{\"score\": 6}",
            "{\"score\": null}",
            "{\"score\": ",
            "",
            "{{{",
        ] {
            assert_eq!(score(text), None, "{text}");
        }
        let compare = Rubric::open("compare").unwrap();
        for (text, found) in [
            ("{\"better\": \"A\"}", Some(Preferred::First)),
            ("{\"better\": \"b\"}", Some(Preferred::Second)),
            ("{\"better\": \"Tie\"}", Some(Preferred::Tie)),
            ("{\"better\": \"C\"}", None),
        ] {
            assert_eq!(compare.read(text), found.map(Judged::Verdict), "{text}");
        }
    }

    #[test]
    fn an_answer_can_be_read_by_a_regular_expression() {
        let text = "name = 'w'\nkind = 'rate'\nrange = [1, 10]\nread = 'Rating: *\\[\\[(\\d+)\\]\\]'\nprompt = '{response}'";
        let rubric = rubric(text).unwrap();
        assert_eq!(
            rubric.read("Rating: [[3]] … Rating: [[10]]"),
            Some(Judged::Score(10.0))
        );
        assert_eq!(rubric.read("Rating: [[11]]"), None);
    }

    #[test]
    fn what_is_wrong_with_a_rubric_is_said() {
        let good = "name = 'w'\nkind = 'rate'\nrange = [1, 5]\nread = 'json'\nfield = 's'\nprompt = '{response}'\n";
        assert!(rubric(good).is_ok());
        for (from, to, said) in [
            (
                "{response}",
                "{respons}",
                "its places are {context}, {response}",
            ),
            ("{response}", "{context}", "lacks {response}"),
            ("range = [1, 5]", "range = [5, 1]", "has a `range`"),
            ("range = [1, 5]\n", "", "has a `range`"),
            (
                "kind = 'rate'",
                "kind = 'compare'",
                "its places are {context}, {first}, {second}",
            ),
            ("field = 's'\n", "", "no `field`"),
            ("'json'\nfield = 's'", "'[a'", "no regular expression"),
            ("'json'\nfield = 's'", "'a'", "a group around the answer"),
            ("name = 'w'", "name = 'w'\nnmae = 'x'", "nmae"),
        ] {
            let error = rubric(&good.replace(from, to)).unwrap_err();
            assert!(
                error.contains(said) && error.starts_with("r.toml: "),
                "{error}"
            );
        }
    }
}
