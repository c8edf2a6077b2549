//! Finds a mapping by looking: at what columns are called and what they hold.
//!
//! What is found is shown to a person, who may change it. Must not know any system's or file's own name.

mod listed;
mod own;
mod systems;
mod turns;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

pub use own::own_table;

use super::mapping::{ContextColumns, Mapping, ResponseColumns, ScoreColumn, VerdictColumns};
use super::names::{self, is_called, plain};
use super::profile::{Column, Profile};
use super::record::{EMOTION, Origin, SITUATION};
use crate::data::empathy::EmpathyLevel;
use crate::data::sets::Split;

/// The mapping of a file's columns; `name` is what its only system is called where the file does not say.
///
/// # Errors
/// No column holds responses, targets or conversations; the text says what is there instead.
pub fn find(profile: &Profile, name: &str) -> Result<Mapping, String> {
    let mut finder = Finder {
        profile,
        mapping: Mapping::new(),
        left: profile
            .columns
            .iter()
            .filter(|column| !column.is_empty())
            .collect(),
        to_keep: "map it as a label to keep them",
        not_understood: None,
    };
    if finder.has(&["chosen"]) && finder.has(&["rejected"]) {
        return Err("holds preference pairs (\"chosen\" and \"rejected\"), which `emprl data import preferences FILE` \
                    imports"
            .into());
    }
    finder.keys();
    finder.levels();
    finder.verdict_list();
    let pair = finder.pair();
    if !finder.alpaca() {
        finder.responses(name);
        finder.target();
        if !finder.turns() {
            finder.context();
        }
        finder.systems_by_themselves();
    }
    let fixed = match (&pair, &finder.mapping.responses[..]) {
        (None, [first, second]) => first.system.clone().zip(second.system.clone()),
        _ => None,
    };
    finder.verdicts(pair, fixed.map(|(first, second)| [first, second]), name);
    if !finder.mapping.splits_turns()
        && finder.mapping.target.is_none()
        && finder.mapping.responses.is_empty()
        && finder.mapping.verdicts.is_empty()
        && finder.mapping.verdict_list.is_none()
    {
        return Err(finder.nothing_to_read());
    }
    finder.known_labels();
    finder.rest();
    Ok(finder.mapping)
}

/// What columns are that are no keys and no texts.
pub struct RestOfColumns {
    /// Column by label.
    pub labels: BTreeMap<String, String>,
    pub scores: BTreeMap<String, ScoreColumn>,
    pub verdicts: BTreeMap<String, VerdictColumns>,
    /// Why a column is left out.
    pub left_out: BTreeMap<String, String>,
    /// Why a column of winners is none of verdicts on the two systems beside it.
    pub not_understood: Option<String>,
    /// Whether columns name the two systems.
    pub has_pair: bool,
}

/// The verdicts, labels and scores among the columns that are not `taken`. Systems may be those that are `known`; `name`
/// is the file's.
pub fn rest(
    profile: &Profile,
    taken: &[String],
    known: &BTreeSet<String>,
    name: &str,
) -> RestOfColumns {
    let mut finder = Finder {
        profile,
        mapping: Mapping::new(),
        left: profile
            .columns
            .iter()
            .filter(|column| !column.is_empty() && !taken.contains(&column.name))
            .collect(),
        to_keep: "--keep keeps them as a label",
        not_understood: None,
    };
    let pair = finder.pair();
    let has_pair = pair.is_some();
    let fixed = match has_pair {
        true => None,
        false => finder.named_pair(known),
    };
    finder.verdicts(pair, fixed, name);
    for response in std::mem::take(&mut finder.mapping.responses) {
        let reason = "texts of systems, which the corpus has".to_string();
        finder.mapping.left_out.insert(response.text, reason);
    }
    finder.rest();
    RestOfColumns {
        labels: finder.mapping.labels,
        scores: finder.mapping.scores,
        verdicts: finder.mapping.verdicts,
        left_out: finder.mapping.left_out,
        not_understood: finder.not_understood,
        has_pair,
    }
}

struct Finder<'a> {
    profile: &'a Profile,
    mapping: Mapping,
    /// Columns whose meaning is not found yet.
    left: Vec<&'a Column>,
    /// How a person keeps what is left out.
    to_keep: &'static str,
    /// Why a column of winners is none of verdicts on the two systems beside it.
    not_understood: Option<String>,
}

impl<'a> Finder<'a> {
    fn has(&self, names: &[&str]) -> bool {
        self.left
            .iter()
            .any(|column| is_called(&column.name, names))
    }

    /// The first column with one of these names, in their order, that fits; it is found then.
    fn take(&mut self, names: &[&str], fits: impl Fn(&Column) -> bool) -> Option<&'a Column> {
        let at = names.iter().find_map(|name| {
            let is = |column: &&Column| plain(&column.name) == *name && fits(column);
            self.left.iter().position(is)
        })?;
        Some(self.left.remove(at))
    }

    fn take_name(&mut self, names: &[&str], fits: impl Fn(&Column) -> bool) -> Option<String> {
        self.take(names, fits).map(|column| column.name.clone())
    }

    /// Keeps a column as a label; where the name is taken it has the column's as well.
    fn label(&mut self, name: &str, column: String) {
        let mut label = name.to_string();
        while self.mapping.labels.contains_key(&label) {
            label = format!("{label} ({column})");
        }
        self.mapping.labels.insert(label, column);
    }

    fn forget(&mut self, name: &str) {
        self.left.retain(|column| column.name != name);
    }

    /// What numbers the rows.
    fn keys(&mut self) {
        let rows = self.profile.rows;
        // A few may be repeated: which, is said when they are read.
        let different = |column: &Column| {
            let values = column.values();
            values.is_none_or(|values| 10 * values.len() >= 9 * column.present)
        };
        // Some rows may lack theirs, and are named when they are read.
        let key = |column: &Column| !column.is_list() && 2 * column.present > rows;
        let id =
            |column: &Column| !column.is_list() && 2 * column.present > rows && different(column);
        let named = |column: &Column| id(column) && !counts_rows(column);
        let found = self.take_name(names::ID, named);
        self.mapping.id = found.or_else(|| self.take_name(names::ID, id));
        let named = |column: &Column| key(column) && column.mean_words() < 2.0;
        self.mapping.conversation = self.take_name(names::CONVERSATION, named);
        let number = |column: &Column| key(column) && column.is_number();
        self.mapping.turn = self.take_name(names::TURN, number);
        let split = |column: &Column| {
            let values = column.values();
            values.is_some_and(|values| values.iter().all(|value| split(value).is_some()))
        };
        self.mapping.split = self.take_name(names::SPLIT, split);
    }

    /// Columns of the three empathy levels; all three or none.
    fn levels(&mut self) {
        let is_level = |column: &Column| {
            let values = column.values();
            values.is_some_and(|values| {
                values
                    .iter()
                    .all(|value| value.parse::<EmpathyLevel>().is_ok())
            })
        };
        let of = |column: &&'a Column| {
            let mechanism = names::mechanism(&column.name).filter(|_| is_level(column));
            mechanism.map(|mechanism| (mechanism.key().to_string(), column.name.clone()))
        };
        let found: BTreeMap<String, String> = self.left.iter().filter_map(of).collect();
        if found.len() == 3 {
            for column in found.values() {
                self.forget(column);
            }
            self.mapping.labels.extend(found);
        }
    }

    fn alpaca(&mut self) -> bool {
        let texts = |column: &Column| column.is_text() || column.is_number();
        if !self.has(&["instruction"]) || !self.has(&["output"]) {
            return false;
        }
        let Some(instruction) = self.take(&["instruction"], texts) else {
            return false;
        };
        let input = self.take_name(&["input"], texts);
        // The same instruction in every row says what to do, not what was said.
        let constant = self.profile.rows > 1
            && instruction.present == self.profile.rows
            && instruction.values().is_some_and(|values| values.len() == 1);
        let text = match (constant, input) {
            (true, Some(input)) => {
                self.label("system_prompt", instruction.name.clone());
                vec![input]
            }
            (_, input) => [Some(instruction.name.clone()), input]
                .into_iter()
                .flatten()
                .collect(),
        };
        self.mapping.context = Some(ContextColumns {
            text,
            history: self.take_name(&["history"], |column| column.is_list()),
        });
        let output = self.take_name(&["output"], |_| true);
        let rows = self.profile.rows;
        let named = |column: &Column| {
            !column.is_list() && column.present == rows && column.mean_words() < 4.0
        };
        match (self.take_name(names::SYSTEM, named), output) {
            (Some(system), Some(text)) => self.mapping.responses.push(ResponseColumns {
                system_column: Some(system),
                text,
                ..ResponseColumns::default()
            }),
            (_, output) => self.mapping.target = output,
        }
        true
    }

    fn target(&mut self) {
        let texts = |column: &Column| column.is_text() && !column.is_list();
        self.mapping.target = self.take_name(names::TARGET, texts);
    }

    /// A column of lists of turns.
    fn turns(&mut self) -> bool {
        let of = |column: &Column| turns::turn_column(&column.name, &column.lists);
        let fits = |column: &Column| column.is_list() && of(column).is_some();
        let named = self.take(names::TURN_LISTS, fits);
        let lists: Vec<&Column> = self
            .left
            .iter()
            .copied()
            .filter(|column| fits(column))
            .collect();
        let column = match (named, &lists[..]) {
            (Some(column), _) => column,
            (None, [only]) if only.lists.are_turns() => {
                self.forget(&only.name);
                only
            }
            _ => return self.turns_in_columns(),
        };
        // Texts alone are a context where something else answers them.
        self.mapping.turns = of(column);
        // Where nothing else answers, a system's name says whose the listener's turns are.
        if self.mapping.splits_turns() {
            let rows = self.profile.rows;
            let named = |column: &Column| {
                !column.is_list() && column.present == rows && column.mean_words() < 4.0
            };
            let system = self.take_name(names::SYSTEM, named);
            if let Some(turns) = &mut self.mapping.turns {
                turns.system_column = system;
            }
        }
        self.mapping.turns.is_some()
    }

    fn context(&mut self) {
        let list = |column: &Column| column.is_list() && column.lists.are_texts();
        let prose = |column: &Column| list(column) || column.is_prose();
        let any = |column: &Column| list(column) || column.is_text();
        let found = self.take_name(names::CONTEXT, prose);
        let Some(text) = found.or_else(|| self.take_name(names::CONTEXT, any)) else {
            return;
        };
        let lists = |column: &Column| column.is_list();
        self.mapping.context = Some(ContextColumns {
            text: vec![text],
            history: self.take_name(&["history", "dialogue_history", "dialog_history"], lists),
        });
    }

    /// Emotion and situation, under the names that examples have.
    fn known_labels(&mut self) {
        let text = |column: &Column| !column.is_list();
        let category = |column: &Column| column.is_category();
        if let Some(column) = self.take_name(names::SITUATION, text) {
            self.label(SITUATION, column);
        }
        let emotion = self.take_name(names::EMOTION, category);
        // EmpatheticDialogues calls the emotion `context` and the situation `prompt`.
        let emotion = emotion.or_else(|| {
            let as_there = self.has(&["prompt"]);
            self.take_name(&["context"], |column| as_there && column.is_category())
        });
        if let Some(column) = &emotion {
            self.label(EMOTION, column.clone());
            if is_called(column, &["context"])
                && let Some(prompt) = self.take_name(&["prompt"], text)
            {
                self.label(SITUATION, prompt);
            }
        }
    }

    /// What is not found yet is a score, a label, or left out with the reason.
    fn rest(&mut self) {
        for column in std::mem::take(&mut self.left) {
            let name = column.name.clone();
            let is_key = numbers_rows(&name);
            let is_score = column.is_score() && !is_key;
            // As exports of this program nest them.
            let nested = |kind: &str| name.strip_prefix(kind).unwrap_or(&name).to_string();
            let is_label = column.is_category()
                || column.booleans == column.present
                || name.starts_with("labels.") && !column.is_list();
            if is_label && !is_score {
                self.label(&nested("labels."), name);
            } else if is_score {
                let mut called = nested("scores.");
                while self.mapping.scores.contains_key(&called) {
                    called = format!("{called} ({name})");
                }
                let found = score(column, &called);
                self.mapping.scores.insert(called, found);
            } else {
                let reason = match column.values() {
                    _ if let Some(reason) = column.is_nearly_score().filter(|_| !is_key) => reason,
                    _ if is_key && column.present < self.profile.rows => {
                        let missing = self.profile.rows - column.present;
                        format!(
                            "missing in {missing} of {} rows, so it is no id",
                            self.profile.rows
                        )
                    }
                    _ if column.is_list() => {
                        format!("lists; {}", self.to_keep)
                    }
                    Some(_) if column.is_number() || column.mean_words() < 2.0 => {
                        "numbers, names or times of rows".to_string()
                    }
                    _ => format!(
                        "texts of {:.0} words; {}",
                        column.mean_words(),
                        self.to_keep
                    ),
                };
                self.mapping.left_out.insert(name, reason);
            }
        }
        // Alpaca has both even where neither is used.
        let is_alpaca = self.mapping.context.as_ref().is_some_and(|context| {
            let mut texts = context.text.iter();
            texts.any(|name| is_called(name, &["instruction"]))
        });
        for column in &self.profile.columns {
            let is_usual = is_alpaca && is_called(&column.name, &["input", "history"]);
            if column.is_empty() && !is_usual {
                self.mapping
                    .left_out
                    .insert(column.name.clone(), "nothing in any row".into());
            }
        }
    }

    /// What the file holds instead of responses.
    fn nothing_to_read(&self) -> String {
        const SHOWN: usize = 20;
        let mut there: Vec<String> = self
            .profile
            .columns
            .iter()
            .take(SHOWN)
            .map(|column| format!("{:?} ({})", column.name, column.kind()))
            .collect();
        if self.profile.columns.len() > SHOWN {
            there.push(format!("{} more", self.profile.columns.len() - SHOWN));
        }
        let by_utterance = self.mapping.conversation.is_some()
            && self.mapping.context.as_ref().is_some_and(|context| {
                context
                    .text
                    .iter()
                    .any(|name| is_called(name, &["utterance", "text"]))
            });
        let by_id = self.mapping.id.is_some() || self.has(names::ID);
        let why = match () {
            () if self.not_understood.is_some() => "",
            () if by_utterance => "; each row seems to be one utterance of a conversation",
            () if by_id => {
                "; where its ids are those of a corpus in the store, `emprl corpus join CORPUS FILE` adds to that what is \
                 said here"
            }
            () => "",
        };
        let winner = self.not_understood.iter();
        let winner: String = winner.map(|why| format!("; {why}")).collect();
        format!(
            "no column holds responses, targets or whole conversations{winner}{why}; it has {}",
            there.join(", ")
        )
    }
}

/// Whether a column's name ends as one of numbers of rows does, also as pandas calls one without a name: `Unnamed: 0`.
fn numbers_rows(name: &str) -> bool {
    let plain = plain(name);
    let name = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let last = name.rsplit('_').next().unwrap_or(name);
    let is_all = plain.len() == name.len() || last == "unnamed";
    is_all && names::NUMBERS_ROWS.contains(&last)
}

/// Whether a column may be nothing but the number of each row, as pandas writes it without being asked.
pub(super) fn counts_rows(column: &Column) -> bool {
    column.is_number() && is_called(&column.name, names::COUNTS)
}

fn score(column: &Column, name: &str) -> ScoreColumn {
    ScoreColumn {
        column: column.name.clone(),
        range: range(&column.name),
        decimal_comma: column.has_decimal_commas(),
        origin: origin(name),
        named_by: None,
    }
}

/// The lowest and highest value of a score, where its name says so: `empathy (1-5)`.
pub fn range(name: &str) -> Option<[f64; 2]> {
    let (_, ends) = name
        .trim()
        .strip_suffix([')', ']'])?
        .rsplit_once(['(', '['])?;
    let (lowest, highest) = ["-", "–", "..", " to "]
        .iter()
        .find_map(|to| ends.split_once(to))?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|of| of.is_finite());
    let (lowest, highest) = (number(lowest)?, number(highest)?);
    (lowest < highest).then_some([lowest, highest])
}

/// Who gave a score, where its name says so.
pub fn origin(name: &str) -> Option<Origin> {
    let plain = plain(name);
    let has = |words: &[&str]| plain.split('_').any(|word| words.contains(&word));
    match () {
        () if has(&["judge"]) => Some(Origin::Judge),
        () if has(&["human", "annotator", "worker"]) => Some(Origin::Human),
        () if has(&[
            "predicted",
            "prediction",
            "predictions",
            "pred",
            "prob",
            "probability",
        ]) =>
        {
            Some(Origin::Model)
        }
        () => None,
    }
}

/// Who those are whom a column of this name tells apart: people, unless it is called a judge's.
pub fn origin_of_raters(column: &str) -> Option<Origin> {
    let plain = plain(column);
    let rates = plain.split('_').any(|word| names::RATES.contains(&word));
    origin(column).or_else(|| rates.then_some(Origin::Human))
}

/// The split of a word.
pub(super) fn split(word: &str) -> Option<Split> {
    match plain(word).as_str() {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "val" | "dev" | "development" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}
