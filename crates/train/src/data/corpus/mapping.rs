//! The mapping: which column of a file is what. A small TOML file that can be sent to a colleague.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::forms::Form;
use super::record::Origin;
use crate::data::error::DataError;
use crate::data::regular_file::open_regular_file;

/// The version of mappings that this program reads and writes.
pub const MAPPING_FORMAT: u32 = 1;
/// Bytes of the largest mapping.
const LARGEST: u64 = 1 << 20;
const FIX: &str = "see what `emprl corpus inspect FILE` prints, and change that";

/// Which column is what. Columns of objects within objects have dots in their names: `scores.empathy`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub format: u32,
    /// Whether rows are records as `emprl corpus export` writes them; nothing else is said then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub records: bool,
    /// Whether rows are a table as `emprl corpus export` writes it: cells are read as they stand there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
    /// `false` where the first line of a table is a row: its columns are called 1, 2, and so on then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Column of the record's id; else rows are numbered from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether rows of one id are one record where nothing in them contradicts that, as where each system's answer has a row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_id: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// Column of `train`, `validation` (`valid`, `dev`) or `test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Column of the systems of a row in their order, as `emprl corpus export` writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_list: Option<String>,
    /// Column of all verdicts on a row's answers, as `emprl corpus export` writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_list: Option<String>,
    /// Column of all scores of a row's answers, as `emprl corpus export` writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_list: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextColumns>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnColumn>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<ResponseColumns>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raters: Option<RaterColumn>,
    /// Column by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, ScoreColumn>,
    /// By the verdict's name. Rows of one id are one record where there are any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, VerdictColumns>,
    /// Why a column is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, String>,
}

/// The context in columns of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextColumns {
    /// What was said last, or a list of all utterances; several columns are one utterance.
    pub text: Vec<String>,
    /// What was said before: a list of pairs, of utterances or of turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
}

/// A whole conversation in one column: a list of turns. Without target and responses every turn of the listener answers in
/// a record of its own; else the list is the context.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnColumn {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub list: String,
    /// In its place, columns of one turn each, in their order. Those that `speaker` and `listener` name are theirs; else the
    /// sides alternate, the speaker first. An empty cell is a turn that was not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What stands between turns, where the list is one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// How a turn that is one text is written, its fields in braces: `{weight} {who} [{strategy}] {text}`. Of several
    /// forms the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<String>,
    /// Whether the last turn alone is answered to: what the rows before said of the others is not said again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Column of the system whose responses the listener's turns are; of `target` they are targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_column: Option<String>,
    /// Field of a turn; without it turns are texts and the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Field of a turn; without it turns are texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Field of a turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// What the speaker's role is called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speaker: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listener: Vec<String>,
    /// Roles whose turns are kept as the label `system_prompt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<String>,
    /// Field of a turn by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl TurnColumn {
    fn check_columns(&self) -> Result<(), String> {
        if self.list.is_empty() == self.columns.is_empty() {
            return Err("[turns] needs either a list or columns of one turn each".into());
        }
        let of_list = self.separator.is_some()
            || !self.forms.is_empty()
            || self.role.is_some()
            || self.text.is_some()
            || self.audio.is_some()
            || !self.labels.is_empty();
        if !self.columns.is_empty() && of_list {
            return Err(
                "[turns] has columns of one turn each, which have neither separator, forms nor fields".into(),
            );
        }
        let named = !self.speaker.is_empty() || !self.listener.is_empty();
        let of_nobody = |column: &&String| {
            ![&self.speaker, &self.listener, &self.system]
                .into_iter()
                .any(|of| of.contains(column))
        };
        match self.columns.iter().find(of_nobody).filter(|_| named) {
            Some(column) => Err(format!(
                "[turns] has the column {column:?}, which is neither among speaker nor among listener"
            )),
            None => Ok(()),
        }
    }
}

/// What a system answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseColumns {
    /// What the system is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Column of what the system is called, where rows are of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_column: Option<String>,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// Column by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, ScoreColumn>,
}

/// Who gave the scores of a row. Rows that are about the same answers are one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaterColumn {
    pub column: String,
    /// Those in it who are language models and no people; their scores have their names before their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<String>,
}

/// A column of numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreColumn {
    pub column: String,
    /// Lowest and highest value that could be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Whether its numbers are written as `3,5`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Column of what was rated, where a row has a score of one thing among several: each of its values is a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<String>,
}

/// A column that says which of two answers is better.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictColumns {
    pub column: String,
    /// What the two systems are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systems: Option<[String; 2]>,
    /// Columns of what they are called, where rows are of several pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_columns: Option<[String; 2]>,
    /// What stands for the first system, beside its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// What stands for the second system, beside its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub second: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tie: Vec<String>,
    /// What the judge is called, where all rows are one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_column: Option<String>,
    /// Those in `judge_column` who are language models, whatever `origin` says of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Column of the system that was shown first, in the words of the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_first: Option<String>,
    /// Whether the first system was shown first in every row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
    /// Column of which of several times that the judge was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<String>,
}

impl VerdictColumns {
    fn check(&self) -> Result<(), String> {
        let column = &self.column;
        if self.systems.is_some() == self.system_columns.is_some() {
            return Err(format!(
                "the verdicts in {column:?} need either systems or system_columns, two each"
            ));
        }
        if let Some([first, second]) = self.systems.as_ref().or(self.system_columns.as_ref())
            && first == second
        {
            return Err(format!(
                "the verdicts in {column:?} compare {first:?} with itself"
            ));
        }
        let words = [&self.first, &self.second, &self.tie];
        let words: Vec<BTreeSet<String>> = words
            .into_iter()
            .map(|of| of.iter().map(|word| word.to_lowercase()).collect())
            .collect();
        let shared = (words.iter().enumerate()).find_map(|(at, of)| {
            words[at + 1..]
                .iter()
                .find_map(|other| of.intersection(other).next())
        });
        if let Some(word) = shared {
            return Err(format!(
                "the word {word:?} of the verdicts in {column:?} stands for two things"
            ));
        }
        if self.judge.is_some() && self.judge_column.is_some() {
            return Err(format!(
                "the verdicts in {column:?} have either a judge or a judge_column"
            ));
        }
        if !self.judges.is_empty() && self.judge_column.is_none() {
            return Err(format!(
                "the verdicts in {column:?} have judges and no judge_column that names them"
            ));
        }
        if self.shown_first.is_some() && self.in_order {
            return Err(format!(
                "the verdicts in {column:?} have either in_order or a column shown_first"
            ));
        }
        Ok(())
    }

    /// Every column that it reads.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let systems = self.system_columns.iter().flatten();
        let more = [&self.judge_column, &self.shown_first, &self.repeat];
        let more = more.into_iter().flatten();
        [&self.column]
            .into_iter()
            .chain(systems)
            .chain(more)
            .map(String::as_str)
    }
}

impl Mapping {
    /// A mapping of nothing.
    pub fn new() -> Self {
        Mapping {
            format: MAPPING_FORMAT,
            ..Mapping::default()
        }
    }

    /// The mapping of rows that are records already.
    pub fn of_records() -> Self {
        Mapping {
            records: true,
            ..Mapping::new()
        }
    }

    /// Reads a mapping file.
    ///
    /// # Errors
    /// It cannot be read, or is no mapping.
    pub fn read(path: &Path) -> Result<Mapping, DataError> {
        use std::io::Read;

        let file = open_regular_file(path).map_err(DataError::io(path))?;
        let mut text = String::new();
        file.take(LARGEST)
            .read_to_string(&mut text)
            .map_err(DataError::io(path))?;
        Mapping::from_toml(path, &text)
    }

    /// The mapping in a text; `path` is what errors call it.
    ///
    /// # Errors
    /// It is none.
    pub fn from_toml(path: &Path, text: &str) -> Result<Mapping, DataError> {
        let mapping: Mapping = toml::from_str(text).map_err(|error| {
            let error = error.to_string();
            let what = format!("is no mapping: {}", error.trim().replace('\n', " "));
            DataError::file(path, what, FIX)
        })?;
        mapping
            .check()
            .map_err(|what| DataError::file(path, what, FIX))?;
        Ok(mapping)
    }

    /// The mapping as a file.
    ///
    /// # Errors
    /// None that is known; writing TOML may fail in principle.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != MAPPING_FORMAT {
            return Err(format!(
                "the mapping has format {}, this program reads {MAPPING_FORMAT}",
                self.format
            ));
        }
        if self.records && *self != Mapping::of_records() {
            return Err("rows that are records need nothing else said".into());
        }
        if self.by_id && self.id.is_none() {
            return Err("by_id makes one record of the rows of one id, and no id is named".into());
        }
        if self.context.is_some() && self.turns.is_some() {
            return Err("the mapping has both [context] and [turns]".into());
        }
        if self
            .context
            .as_ref()
            .is_some_and(|context| context.text.is_empty())
        {
            return Err("[context] names no column as text".into());
        }
        if let Some(turns) = &self.turns {
            for form in &turns.forms {
                Form::parse(form)?;
            }
            turns.check_columns()?;
            if turns.separator.as_deref() == Some("") {
                return Err("[turns] has an empty separator".into());
            }
            if !turns.forms.is_empty() && turns.text.is_none() {
                return Err(
                    "[turns] has forms, and does not say which of their fields is the text".into(),
                );
            }
        }
        for verdicts in self.verdicts.values() {
            verdicts.check()?;
        }
        for score in self.score_columns() {
            if let Some([lowest, highest]) = score.range
                && !(lowest.is_finite() && highest.is_finite() && lowest < highest)
            {
                return Err(format!(
                    "the range of {:?} is {lowest} to {highest}; it goes from a lower number to a higher",
                    score.column
                ));
            }
        }
        let mut systems = Vec::new();
        for response in &self.responses {
            match (&response.system, &response.system_column) {
                (Some(_), None) | (None, Some(_)) => {}
                _ => {
                    return Err(format!(
                        "the responses in {:?} need either system or system_column",
                        response.text
                    ));
                }
            }
            if systems.contains(&&response.system) && response.system.is_some() {
                return Err(format!(
                    "two columns are the responses of {:?}",
                    response.system.as_deref().unwrap_or_default()
                ));
            }
            systems.push(&response.system);
        }
        Ok(())
    }

    /// Whether records have a context, by this mapping.
    pub fn has_context(&self) -> bool {
        self.context.is_some() || self.turns.is_some()
    }

    /// Whether every turn of the listener makes a record of its own.
    pub fn splits_turns(&self) -> bool {
        self.turns.is_some() && self.target.is_none() && self.responses.is_empty()
    }

    /// Whether several rows may be one record: those of several judges, raters, or pairs of systems.
    pub fn gathers(&self) -> bool {
        self.raters.is_some() || self.by_id || !self.verdicts.is_empty() && self.id.is_some()
    }

    /// Whether each row is one answer of a system that a column names, and rows of one id are one record.
    pub fn is_long(&self) -> bool {
        match &self.responses[..] {
            [only] => self.by_id && only.system_column.is_some(),
            _ => false,
        }
    }

    /// The scores of whole conversations, which every record of one has.
    pub fn conversation_scores(&self) -> impl Iterator<Item = &str> {
        let is_whole = self.splits_turns() && !self.turns.as_ref().is_some_and(|turns| turns.last);
        let scores = self.scores.keys().map(String::as_str);
        scores.filter(move |_| is_whole)
    }

    /// Every score column, those of responses among them.
    pub fn score_columns(&self) -> impl Iterator<Item = &ScoreColumn> {
        let of_responses = self.responses.iter();
        let of_responses = of_responses.flat_map(|response| response.scores.values());
        self.scores.values().chain(of_responses)
    }

    /// Every column that it reads.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = [
            &self.id,
            &self.conversation,
            &self.turn,
            &self.split,
            &self.target,
            &self.system_list,
            &self.verdict_list,
            &self.score_list,
        ]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
        if let Some(context) = &self.context {
            let all = context.text.iter().chain(&context.history);
            columns.extend(all.map(String::as_str));
        }
        if let Some(turns) = &self.turns {
            let all = turns.columns.iter().chain(&turns.system_column);
            columns.extend(Some(turns.list.as_str()).filter(|list| !list.is_empty()));
            columns.extend(all.map(String::as_str));
        }
        columns.extend(self.verdicts.values().flat_map(VerdictColumns::columns));
        columns.extend(self.raters.iter().map(|raters| raters.column.as_str()));
        for response in &self.responses {
            columns.push(&response.text);
            let more = [
                &response.system_column,
                &response.reasoning,
                &response.audio,
            ];
            columns.extend(more.into_iter().flatten().map(String::as_str));
            columns.extend(response.labels.values().map(String::as_str));
            columns.extend(response.scores.values().map(|score| score.column.as_str()));
        }
        columns.extend(self.labels.values().map(String::as_str));
        columns.extend(self.scores.values().map(|score| score.column.as_str()));
        let named_by = self.score_columns().filter_map(|of| of.named_by.as_deref());
        columns.extend(named_by);
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
format = 1
id = "n"
target = "gold"
[context]
text = ["said"]
[[responses]]
system = "a"
text = "response_a"
[responses.scores.rating]
column = "rating_a"
range = [1.0, 3.0]
origin = "human"
[labels]
emotion = "feeling"
[verdicts.warmth]
column = "warmer"
system_columns = ["x", "y"]
first = ["A"]
second = ["B"]
tie = ["="]
judge_column = "who"
judges = ["m"]
origin = "human"
[left_out]
notes = "a text of many values"
"#;

    #[test]
    fn a_mapping_comes_back_as_it_was_written() {
        let path = Path::new("m.toml");
        let mapping = Mapping::from_toml(path, WHOLE).unwrap();
        let again = Mapping::from_toml(path, &mapping.to_toml().unwrap()).unwrap();
        assert_eq!(again, mapping);
        assert_eq!(
            mapping.columns(),
            [
                "n",
                "gold",
                "said",
                "warmer",
                "x",
                "y",
                "who",
                "response_a",
                "rating_a",
                "feeling"
            ]
        );
    }

    #[test]
    fn a_wrong_mapping_says_what_is_wrong() {
        for (change, said) in [
            (("format = 1", "format = 2"), "has format 2"),
            (("system = \"a\"\n", ""), "either system or system_column"),
            (("target", "targets"), "targets"),
            (("text = [\"said\"]", "text = []"), "names no column"),
            (
                ("[1.0, 3.0]", "[3.0, nan]"),
                "from a lower number to a higher",
            ),
            (
                ("[labels]", "[turns]\nlist = \"x\"\n[labels]"),
                "both [context] and [turns]",
            ),
            (
                ("system_columns = [\"x\", \"y\"]\n", ""),
                "either systems or system_columns",
            ),
            (("[\"x\", \"y\"]", "[\"x\", \"x\"]"), "with itself"),
            (("[\"=\"]", "[\"a\"]"), "stands for two things"),
            (("judge_column", "judge"), "no judge_column that names them"),
        ] {
            let text = WHOLE.replacen(change.0, change.1, 1);
            let error = Mapping::from_toml(Path::new("m.toml"), &text).unwrap_err();
            assert!(error.to_string().contains(said), "{said}: {error}");
        }
    }
}
