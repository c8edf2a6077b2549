//! Rows to records, as a mapping says. Must not know how a mapping was found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cells::{self, is_missing, text_of as text, whole};
use super::find::split;
use super::forms::Form;
use super::mapping::{ContextColumns, Mapping, ResponseColumns, TurnColumn};
use super::reasoning::split_reasoning;
use super::record::{Labels, Record, Response, TARGET, Utterance};
use super::scores::{ScoreReader, Unread, score_list};
use super::verdicts::{undecided, verdict_list, verdicts};
use crate::data::error::DataError;
use crate::data::reader::source::{Found, Source};
use crate::data::sets::{Role, Split};

/// Under what label turns of the system's role are kept.
const SYSTEM_PROMPT: &str = "system_prompt";
/// Under what label the reasoning in a target is kept.
const REASONING: &str = "reasoning";

/// The columns of a row.
pub type Row = Map<String, Value>;

/// What a row does not say of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    Id,
    Conversation,
    Turn,
    /// One of several columns of turns, with others behind it.
    Said,
}

/// The records of a row, and what it does not say.
#[derive(Debug)]
pub struct ReadRow {
    pub records: Vec<Record>,
    pub unread: Vec<Unread>,
    /// Columns of verdicts that are empty.
    pub undecided: Vec<String>,
    /// Columns of ids, conversations and turns that are empty.
    pub without: Vec<(Lack, String)>,
    /// Turns of the listener that open a conversation, and make no record.
    pub opening: usize,
}

/// The records of a row whose place in the file, from 0, is `place`: one, or one for every turn of the listener.
///
/// # Errors
/// The row makes none: why, as the end of "line 3 …".
pub fn read(mapping: &Mapping, row: &Row, place: usize) -> Result<ReadRow, String> {
    let mut scores = ScoreReader::of(mapping.raters.as_ref(), row);
    let base = base(mapping, row, place, &mut scores)?;
    let (records, opening) = match &mapping.turns {
        Some(turns) if mapping.splits_turns() => of_turns(turns, row, base)?,
        _ => (vec![one(mapping, row, base, &mut scores)?], 0),
    };
    let of_row = [
        (Lack::Id, &mapping.id),
        (Lack::Conversation, &mapping.conversation),
        (Lack::Turn, &mapping.turn),
    ];
    let without = of_row.into_iter().filter_map(|(lack, column)| {
        let column = column.as_ref()?;
        let is_empty = text(row, column).is_none();
        // A table of our own leaves empty what a record does not have.
        let is_lack = is_empty && (lack == Lack::Id || !mapping.table);
        is_lack.then(|| (lack, column.clone()))
    });
    let mut without: Vec<(Lack, String)> = without.collect();
    if let Some(turns) = &mapping.turns {
        let is_empty = |column: &String| text(row, column).is_none();
        let end = turns.columns.iter().rposition(|column| !is_empty(column));
        let within = turns.columns.iter().take(end.unwrap_or(0));
        let empty = within.filter(|column| is_empty(column));
        without.extend(empty.map(|column| (Lack::Said, column.clone())));
    }
    Ok(ReadRow {
        records,
        unread: scores.unread,
        undecided: undecided(&mapping.verdicts, row),
        without,
        opening,
    })
}

/// The rows of a file with the first record that each makes. Those that make none are refused when they are read.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn rows_with_records(
    source: &Source,
    mapping: &Mapping,
) -> Result<impl Iterator<Item = Result<(Row, Record), DataError>>, DataError> {
    let found = source.rows()?.enumerate();
    Ok(found.filter_map(|(place, found)| match found {
        Err(error) => Some(Err(error)),
        Ok(Found::Problem { .. }) => None,
        Ok(Found::Row(row)) => {
            let row = cells::columns(row.fields);
            let read = read(mapping, &row, place).ok()?;
            let record = read.records.into_iter().next()?;
            Some(Ok((row, record)))
        }
    }))
}

/// What a record has whatever its shape.
fn base(
    mapping: &Mapping,
    row: &Row,
    place: usize,
    scores: &mut ScoreReader,
) -> Result<Record, String> {
    let cell = |column: &Option<String>| column.as_ref().and_then(|name| text(row, name));
    let id = cell(&mapping.id).map(|id| match mapping.table {
        true => id,
        false => whole(id),
    });
    if let (None, Some(column), false) = (&id, &mapping.id, mapping.verdicts.is_empty()) {
        return Err(format!(
            "has nothing in {column:?}, which says what its verdict is about"
        ));
    }
    let mut verdicts = verdicts(&mapping.verdicts, row)?;
    if let Some(column) = &mapping.verdict_list {
        verdicts.extend(verdict_list(column, row)?);
    }
    Ok(Record {
        // Among ids of the file a number would be taken for one of them.
        id: id.unwrap_or_else(|| match mapping.id {
            Some(_) => format!("row {}", place + 1),
            None => place.to_string(),
        }),
        conversation: cell(&mapping.conversation),
        turn: match cell(&mapping.turn) {
            Some(text) => Some(turn(&text)?),
            None => None,
        },
        split: match cell(&mapping.split) {
            Some(word) => Some(known_split(&word)?),
            None => None,
        },
        labels: labels(&mapping.labels, row),
        scores: scores.read(&mapping.scores, row),
        verdicts,
        ..Record::default()
    })
}

fn turn(text: &str) -> Result<u32, String> {
    whole(text.to_string())
        .parse()
        .map_err(|_| format!("has the turn {text:?}, which is no whole number"))
}

fn known_split(word: &str) -> Result<Split, String> {
    split(word).ok_or_else(|| {
        format!("is of the split {word:?}, which is neither train, validation nor test")
    })
}

pub(super) fn labels(columns: &BTreeMap<String, String>, row: &Row) -> Labels {
    let of = |(label, column): (&String, &String)| Some((label.clone(), text(row, column)?));
    columns.iter().filter_map(of).collect()
}

/// A record of a context and what answers it.
fn one(
    mapping: &Mapping,
    row: &Row,
    mut record: Record,
    scores: &mut ScoreReader,
) -> Result<Record, String> {
    if let Some(columns) = &mapping.context {
        record.context = context(columns, row)?;
    }
    if let Some(turns) = &mapping.turns {
        let (utterances, prompt) = utterances(turns, row)?;
        record.context = utterances;
        record
            .labels
            .extend(prompt.map(|text| (SYSTEM_PROMPT.to_string(), text)));
    }
    if mapping.has_context() && record.context.is_empty() && !mapping.table {
        return Err("has no context".into());
    }
    let target = mapping.target.as_ref().and_then(|column| text(row, column));
    record.target = target.map(|target| without_reasoning(&target, &mut record.labels));
    for columns in &mapping.responses {
        let Some(response) = response(columns, row, scores)? else {
            continue;
        };
        // As exports call the listener's own.
        let is_target = response.system == TARGET;
        match is_target && record.target.is_none() {
            true => {
                record.target = Some(response.text);
                record.labels.extend(response.labels);
                record.scores.extend(response.scores);
                let reasoning = response.reasoning.map(|text| (REASONING.to_string(), text));
                record.labels.extend(reasoning);
            }
            false => record.responses.push(response),
        }
    }
    if let Some(systems) = mapping
        .system_list
        .as_ref()
        .and_then(|column| row.get(column))
    {
        in_order(&mut record.responses, systems);
    }
    if let Some(column) = &mapping.score_list {
        listed_scores(column, row, &mut record)?;
    }
    let answered = record.target.is_some() || !record.responses.is_empty();
    let says_more = !record.context.is_empty() || !record.verdicts.is_empty();
    if mapping.table && says_more {
        return Ok(record);
    }
    if !answered && (mapping.target.is_some() || !mapping.responses.is_empty()) {
        let why = of_none(mapping, row).unwrap_or_default();
        return Err(format!("has neither a response nor a target{why}"));
    }
    Ok(record)
}

/// What stands in place of an answer and says that there is none, as the end of a sentence.
fn of_none(mapping: &Mapping, row: &Row) -> Option<String> {
    let responses = mapping.responses.iter().map(|response| &response.text);
    responses.chain(&mapping.target).find_map(|column| {
        let said = row.get(column)?.as_str()?.trim();
        (!said.is_empty()).then(|| format!(": {said:?} in {column:?} stands for none"))
    })
}

/// Puts responses in the order of a list of their systems; those that it lacks come last.
fn in_order(responses: &mut [Response], systems: &Value) {
    let Some(systems) = cells::list(systems) else {
        return;
    };
    let place = |response: &Response| {
        let mut systems = systems.iter();
        let found = systems.position(|system| system.as_str() == Some(&response.system));
        found.unwrap_or(usize::MAX)
    };
    responses.sort_by_key(place);
}

/// Gives a record and its responses the scores of a list.
fn listed_scores(column: &str, row: &Row, record: &mut Record) -> Result<(), String> {
    for (system, score) in score_list(column, row)? {
        let Some(system) = system else {
            record.scores.push(score);
            continue;
        };
        let mut responses = record.responses.iter_mut();
        let response = responses.find(|response| response.system == system);
        let response = response.ok_or_else(|| {
            format!("has a score of {system:?} in {column:?}, which has no response in it")
        })?;
        response.scores.push(score);
    }
    Ok(())
}

/// What the listener said, whose reasoning becomes a label where none is there yet.
fn without_reasoning(said: &str, labels: &mut Labels) -> String {
    let (reasoning, answer) = with_answer(said);
    if let Some(reasoning) = reasoning {
        let label = labels.entry(REASONING.to_string());
        label.or_insert_with(|| reasoning.to_string());
    }
    answer.to_string()
}

/// Reasoning and answer; a text that is reasoning alone stays whole, since no answer is empty.
fn with_answer(said: &str) -> (Option<&str>, &str) {
    match split_reasoning(said) {
        (_, "") => (None, said),
        parts => parts,
    }
}

/// What a system answered; None where its cell is empty.
fn response(
    columns: &ResponseColumns,
    row: &Row,
    scores: &mut ScoreReader,
) -> Result<Option<Response>, String> {
    let Some(said) = text(row, &columns.text) else {
        return Ok(None);
    };
    let system = match (&columns.system, &columns.system_column) {
        (Some(system), _) => system.clone(),
        (None, Some(column)) => {
            text(row, column).ok_or_else(|| format!("has no system in {column:?}"))?
        }
        (None, None) => return Err("has a response of no system".into()),
    };
    let cell = |column: &Option<String>| column.as_ref().and_then(|column| text(row, column));
    let (reasoning, answer) = with_answer(&said);
    Ok(Some(Response {
        system,
        text: answer.to_string(),
        reasoning: cell(&columns.reasoning).or_else(|| reasoning.map(str::to_string)),
        audio: cell(&columns.audio),
        labels: labels(&columns.labels, row),
        scores: scores.read(&columns.scores, row),
    }))
}

fn context(columns: &ContextColumns, row: &Row) -> Result<Vec<Utterance>, String> {
    let mut context = Vec::new();
    if let Some(history) = columns.history.as_ref().and_then(|column| row.get(column)) {
        context = said(history, true)?;
    }
    let cells: Vec<&Value> = columns
        .text
        .iter()
        .filter_map(|column| row.get(column))
        .filter(|cell| !is_missing(cell))
        .collect();
    match &cells[..] {
        [] => Ok(context),
        [only] if cells::list(only).is_some() => {
            context.extend(said(only, false)?);
            Ok(context)
        }
        several => {
            let texts: Vec<String> = several
                .iter()
                .filter_map(|cell| cells::text(cell))
                .collect();
            if !texts.is_empty() {
                context.push(Utterance::new(Role::Speaker, texts.join("\n")));
            }
            Ok(context)
        }
    }
}

/// The utterances in a cell: a text, a list of texts whose sides alternate, of turns, of words, or of pairs, which two
/// words would be taken for in a `history` alone.
fn said(cell: &Value, history: bool) -> Result<Vec<Utterance>, String> {
    let Some(items) = cells::list(cell) else {
        let text = cells::text(cell);
        return Ok(text
            .map(|text| Utterance::new(Role::Speaker, text))
            .into_iter()
            .collect());
    };
    if items.iter().any(Value::is_object) {
        return turns_of_known_roles(&items);
    }
    let pair = |item: &Value| item.as_array().is_some_and(|pair| pair.len() == 2);
    let has_space = |item: &Value| {
        let words = item.as_array().into_iter().flatten();
        words
            .filter_map(Value::as_str)
            .any(|text| text.trim().contains(' '))
    };
    let pairs =
        !items.is_empty() && items.iter().all(pair) && (history || items.iter().any(has_space));
    let mut texts = Vec::new();
    for item in items.iter() {
        match item {
            Value::Array(both) if pairs => texts.extend(both.iter().map(cells::text)),
            // The words of an utterance, as some of the field's own programs write it.
            Value::Array(words) => {
                let words: Vec<String> = words.iter().filter_map(cells::text).collect();
                texts.push((!words.is_empty()).then(|| words.join(" ")));
            }
            item => texts.push(cells::text(item)),
        }
    }
    let turn = |(at, text): (usize, Option<String>)| Some(Utterance::new(Role::of(&[], at), text?));
    Ok(texts.into_iter().enumerate().filter_map(turn).collect())
}

/// Turns in a column that the mapping does not take for turns: under the names that roles and texts usually have.
fn turns_of_known_roles(items: &[Value]) -> Result<Vec<Utterance>, String> {
    use super::names::{self, Side};

    let field = |turn: &Value, names: &[&str]| {
        names
            .iter()
            .find_map(|name| turn.get(name).and_then(cells::text))
    };
    let mut context = Vec::new();
    for turn in items {
        // As exports of this program write them.
        if let Ok(utterance) = serde_json::from_value::<Utterance>(turn.clone()) {
            context.push(utterance);
            continue;
        }
        let text = field(turn, names::TURN_TEXT).ok_or("has a turn without a text")?;
        let role = field(turn, names::TURN_ROLE).unwrap_or_default();
        match names::side(&role) {
            Some(Side::Speaker) => context.push(Utterance::new(Role::Speaker, text)),
            Some(Side::Listener) => context.push(Utterance::new(Role::Listener, text)),
            Some(Side::System) => {}
            None => {
                return Err(format!(
                    "has a turn of {role:?}, who is neither speaker nor listener"
                ));
            }
        }
    }
    Ok(context)
}

/// The turns of a conversation that has a column for each, and what the system's role says.
fn turns_in_columns(
    turns: &TurnColumn,
    row: &Row,
) -> Result<(Vec<Utterance>, Option<String>), String> {
    let named = !turns.speaker.is_empty() || !turns.listener.is_empty();
    let mut said = Vec::new();
    let mut prompts: Vec<String> = Vec::new();
    for (at, column) in turns.columns.iter().enumerate() {
        let Some(text) = text(row, column) else {
            continue;
        };
        if turns.system.contains(column) {
            prompts.push(text);
            continue;
        }
        let role = match named {
            true if turns.listener.contains(column) => Role::Listener,
            true => Role::Speaker,
            false => Role::of(&[], at),
        };
        let mut labels = Labels::new();
        let text = match role {
            Role::Speaker => text,
            Role::Listener => without_reasoning(&text, &mut labels),
        };
        said.push(Utterance {
            labels,
            ..Utterance::new(role, text)
        });
    }
    match said.is_empty() {
        true => Err(format!("has no turn in {}", quoted(&turns.columns))),
        false => Ok((said, (!prompts.is_empty()).then(|| prompts.join("\n")))),
    }
}

/// `"a", "b" and 3 more`.
fn quoted(names: &[String]) -> String {
    const NAMED: usize = 2;
    let named: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("{name:?}"))
        .collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join(" or "),
        more => format!("{} or {more} more", named.join(", ")),
    }
}

/// The turns of a conversation, and what the system's role says.
fn utterances(turns: &TurnColumn, row: &Row) -> Result<(Vec<Utterance>, Option<String>), String> {
    if !turns.columns.is_empty() {
        return turns_in_columns(turns, row);
    }
    let cell = row.get(&turns.list).filter(|cell| !is_missing(cell));
    let cell = cell.ok_or_else(|| format!("has no turns in {:?}", turns.list))?;
    let items = match &turns.separator {
        None => cells::list(cell).ok_or_else(|| format!("has no list in {:?}", turns.list))?,
        Some(separator) => {
            let whole = cells::text(cell);
            let whole = whole.ok_or_else(|| format!("has no text in {:?}", turns.list))?;
            Cow::Owned(written(&whole, separator, &turns.forms)?)
        }
    };
    let mut said = Vec::with_capacity(items.len());
    let mut prompts: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let fields = match (item, &turns.text) {
            (Value::Object(fields), Some(_)) => cells::columns(fields.clone()),
            (item, None) => {
                let text =
                    cells::text(item).ok_or_else(|| format!("has no text as turn {}", at + 1))?;
                said.push(Utterance::new(Role::of(&[], at), text));
                continue;
            }
            _ => return Err(format!("has something without fields as turn {}", at + 1)),
        };
        let field = |name: &Option<String>| name.as_ref().and_then(|name| text(&fields, name));
        // A turn without words, such as a picture, was not said.
        let Some(text) = field(&turns.text) else {
            continue;
        };
        let role = match &turns.role {
            None => Role::of(&[], at),
            Some(column) => {
                let role = text_or(&fields, column, at)?;
                let is = |names: &[String]| names.contains(&role);
                match () {
                    () if is(&turns.speaker) => Role::Speaker,
                    () if is(&turns.listener) => Role::Listener,
                    () if is(&turns.system) => {
                        prompts.push(text);
                        continue;
                    }
                    () => {
                        return Err(format!(
                            "has turn {} of {role:?}, who is neither speaker nor listener in the mapping",
                            at + 1
                        ));
                    }
                }
            }
        };
        let mut labels = labels(&turns.labels, &fields);
        let text = match role {
            Role::Speaker => text,
            Role::Listener => without_reasoning(&text, &mut labels),
        };
        said.push(Utterance {
            role,
            text,
            labels,
            audio: field(&turns.audio),
        });
    }
    Ok((said, (!prompts.is_empty()).then(|| prompts.join("\n"))))
}

/// The turns of a text, as objects where they have forms.
fn written(whole: &str, separator: &str, forms: &[String]) -> Result<Vec<Value>, String> {
    let read: Vec<Form> = forms
        .iter()
        .map(|form| Form::parse(form))
        .collect::<Result<_, _>>()?;
    let turns = whole.split(separator).map(str::trim);
    let turns = turns.filter(|turn| !turn.is_empty()).enumerate();
    let item = |(at, turn): (usize, &str)| match read.is_empty() {
        true => Ok(Value::from(turn)),
        false => {
            let fields = read.iter().find_map(|form| form.read(turn));
            fields.map(Value::Object).ok_or_else(|| {
                let forms: Vec<String> = forms.iter().map(|form| format!("{form:?}")).collect();
                format!(
                    "has turn {} that is not written as {}",
                    at + 1,
                    forms.join(" or ")
                )
            })
        }
    };
    turns.map(item).collect()
}

fn text_or(fields: &Row, column: &str, at: usize) -> Result<String, String> {
    text(fields, column).ok_or_else(|| format!("has no role in turn {}", at + 1))
}

/// A record for every turn of the listener that something was said before, or for the last alone.
/// How many turns of the listener open the conversation, and make none, is returned as well.
fn of_turns(turns: &TurnColumn, row: &Row, base: Record) -> Result<(Vec<Record>, usize), String> {
    let (said, prompt) = utterances(turns, row)?;
    let system = turns.system_column.as_ref();
    let system = system.and_then(|column| text(row, column));
    let system = system.filter(|system| system != TARGET);
    let mut records = Vec::new();
    for (at, turn) in said.iter().enumerate() {
        let left_out = turns.last && at + 1 < said.len();
        if turn.role != Role::Listener || at == 0 || left_out {
            continue;
        }
        let mut record = Record {
            id: match turns.last {
                true => base.id.clone(),
                false => format!("{}:{}", base.id, at + 1),
            },
            turn: u32::try_from(at + 1).ok(),
            context: said[..at].to_vec(),
            ..base.clone()
        };
        if !turns.last {
            let conversation = base.conversation.as_ref().unwrap_or(&base.id);
            record.conversation = Some(conversation.clone());
        }
        match &system {
            None => {
                record.target = Some(turn.text.clone());
                record.labels.extend(turn.labels.clone());
            }
            Some(system) => {
                let mut labels = turn.labels.clone();
                record.responses = vec![Response {
                    system: system.clone(),
                    text: turn.text.clone(),
                    reasoning: labels.remove(REASONING),
                    audio: turn.audio.clone(),
                    labels,
                    scores: Vec::new(),
                }];
            }
        }
        record
            .labels
            .extend(prompt.clone().map(|text| (SYSTEM_PROMPT.to_string(), text)));
        records.push(record);
    }
    let first = said.first().map(|turn| turn.role);
    let opening = usize::from(first == Some(Role::Listener) && !turns.last);
    match records.is_empty() {
        true if turns.last => {
            Err("does not end with a turn of the listener after one of the speaker".into())
        }
        true => Err("has no turn of a listener after one of a speaker".into()),
        false => Ok((records, opening)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        match value {
            Value::Object(fields) => cells::columns(fields),
            other => panic!("{other} is no row"),
        }
    }

    fn records(mapping: &Mapping, row: &Row, place: usize) -> Result<Vec<Record>, String> {
        read(mapping, row, place).map(|read| read.records)
    }

    fn context_of(cell: Value) -> Result<Vec<(Role, String)>, String> {
        let mapping = Mapping {
            context: Some(ContextColumns {
                text: vec!["c".into()],
                history: None,
            }),
            target: Some("t".into()),
            ..Mapping::new()
        };
        let records = records(&mapping, &row(json!({"c": cell, "t": "Oh."})), 0)?;
        let context = records[0].context.iter();
        Ok(context.map(|said| (said.role, said.text.clone())).collect())
    }

    #[test]
    fn contexts_are_read_in_every_form() {
        let two = vec![
            (Role::Speaker, "a b".to_string()),
            (Role::Listener, "c".to_string()),
        ];
        for cell in [
            json!(["a b", "c"]),
            json!("['a b', 'c']"),
            json!([["a b", "c"]]),
            json!([["a", "b"], ["c"]]),
            json!([{"role": "user", "content": "a b"}, {"role": "assistant", "content": "c"}]),
        ] {
            assert_eq!(context_of(cell.clone()), Ok(two.clone()), "{cell}");
        }
        assert_eq!(
            context_of(json!(" [1] a ")),
            Ok(vec![(Role::Speaker, "[1] a".into())])
        );
        assert_eq!(context_of(json!("")), Err("has no context".into()));
        let odd = json!([{"role": "narrator", "content": "a"}]);
        assert!(context_of(odd).unwrap_err().contains("narrator"));
    }

    #[test]
    fn an_empty_answer_is_none() {
        let response = |system: &str| ResponseColumns {
            system: Some(system.into()),
            text: system.into(),
            ..ResponseColumns::default()
        };
        let mapping = Mapping {
            responses: vec![response("a"), response("b")],
            ..Mapping::new()
        };
        let found = records(&mapping, &row(json!({"a": "Yes.", "b": " "})), 4).unwrap();
        assert_eq!((found[0].responses.len(), found[0].id.as_str()), (1, "4"));
        let none = records(&mapping, &row(json!({"a": "", "b": null})), 4);
        assert_eq!(none, Err("has neither a response nor a target".into()));
    }

    #[test]
    fn reasoning_in_an_answer_is_kept_apart_from_it() {
        let mapping = Mapping {
            target: Some("t".into()),
            responses: vec![ResponseColumns {
                system: Some("a".into()),
                text: "a".into(),
                ..ResponseColumns::default()
            }],
            ..Mapping::new()
        };
        let both = row(json!({"t": "<think>Sad.</think>Oh.", "a": "<think>Why?</think> Why?"}));
        let found = &records(&mapping, &both, 0).unwrap()[0];
        assert_eq!(found.target.as_deref(), Some("Oh."));
        assert_eq!(found.labels[REASONING], "Sad.");
        let response = &found.responses[0];
        assert_eq!(
            (response.text.as_str(), response.reasoning.as_deref()),
            ("Why?", Some("Why?"))
        );

        let turns = Mapping {
            turns: Some(TurnColumn {
                list: "m".into(),
                role: Some("role".into()),
                text: Some("text".into()),
                speaker: vec!["user".into()],
                listener: vec!["assistant".into()],
                ..TurnColumn::default()
            }),
            ..Mapping::new()
        };
        let said = row(json!({"m": [
            {"role": "user", "text": "<think>x</think>I failed."},
            {"role": "assistant", "text": "<think>Sad.</think>Oh."},
        ]}));
        let found = &records(&turns, &said, 0).unwrap()[0];
        assert_eq!(found.context[0].text, "<think>x</think>I failed.");
        assert_eq!(found.target.as_deref(), Some("Oh."));
        assert_eq!(found.labels[REASONING], "Sad.");
    }

    #[test]
    fn every_turn_of_the_listener_is_a_target() {
        let mapping = Mapping {
            turns: Some(TurnColumn {
                list: "dialog".into(),
                role: Some("who".into()),
                text: Some("said".into()),
                speaker: vec!["S".into()],
                listener: vec!["L".into()],
                system: vec!["P".into()],
                labels: [("strategy".to_string(), "notes.strategy".to_string())].into(),
                ..TurnColumn::default()
            }),
            ..Mapping::new()
        };
        let found = row(json!({"dialog": [
            {"who": "P", "said": "Be kind."},
            {"who": "S", "said": "Hi."},
            {"who": "L", "said": "Hello.", "notes": {"strategy": "Question"}},
            {"who": "L", "said": "How are you?"},
        ]}));
        let records = records(&mapping, &found, 3).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].id, "3:2");
        assert_eq!(records[0].labels["strategy"], "Question");
        assert_eq!(records[0].labels["system_prompt"], "Be kind.");
        assert_eq!(records[1].context.len(), 2);
        assert_eq!(records[1].context[1].labels["strategy"], "Question");
        assert_eq!(records[1].conversation.as_deref(), Some("3"));
        let unknown = row(json!({"dialog": [{"who": "X", "said": "Hi."}]}));
        assert!(
            self::records(&mapping, &unknown, 0)
                .unwrap_err()
                .contains("\"X\"")
        );
    }

    #[test]
    fn turns_in_one_text_are_cut_and_read_by_their_forms() {
        let mapping = Mapping {
            turns: Some(TurnColumn {
                list: "1".into(),
                separator: Some(" EOS ".into()),
                forms: vec![
                    "{weight} {who} [{strategy}] {text}".into(),
                    "{weight} {who} {text}".into(),
                ],
                last: true,
                role: Some("who".into()),
                text: Some("text".into()),
                speaker: vec!["0".into()],
                listener: vec!["1".into()],
                labels: [("strategy".to_string(), "strategy".to_string())].into(),
                ..TurnColumn::default()
            }),
            ..Mapping::new()
        };
        let read = |text: &str| records(&mapping, &row(json!({"1": text})), 4);
        let text = "1.0 1 [Question] Why? EOS 0.0 0 I am sad.  EOS 1.0 1 [Comfort] Oh, [no].";
        let found = read(text).unwrap();
        let [record] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((record.id.as_str(), record.turn), ("4", Some(3)));
        assert_eq!(record.target.as_deref(), Some("Oh, [no]."));
        assert_eq!(record.labels["strategy"], "Comfort");
        assert_eq!(record.context[0].labels["strategy"], "Question");
        assert_eq!(record.context[1].role, Role::Speaker);
        let error = read("1.0 0 Hi. EOS Hello.").unwrap_err();
        assert!(
            error.starts_with("has turn 2 that is not written as"),
            "{error}"
        );
        let error = read("1.0 1 Hi. EOS 1.0 0 Hello.").unwrap_err();
        assert!(error.contains("end with a turn of the listener"), "{error}");
    }

    #[test]
    fn answers_of_a_named_system_are_its_responses() {
        let mapping = Mapping {
            turns: Some(TurnColumn {
                list: "m".into(),
                role: Some("from".into()),
                text: Some("value".into()),
                speaker: vec!["human".into()],
                listener: vec!["gpt".into()],
                system_column: Some("model".into()),
                ..TurnColumn::default()
            }),
            ..Mapping::new()
        };
        let said = |system: &str| {
            let turns =
                json!([{"from": "human", "value": "I failed."}, {"from": "gpt", "value": "Oh."}]);
            records(&mapping, &row(json!({"m": turns, "model": system})), 0).unwrap()
        };
        let of = |system: &str| {
            let record = &said(system)[0];
            let systems = record.responses.iter().map(|of| of.system.clone());
            (record.target.clone(), systems.collect::<Vec<_>>())
        };
        assert_eq!(of("anna"), (None, vec!["anna".to_string()]));
        assert_eq!(of("target"), (Some("Oh.".to_string()), Vec::new()));
    }
}
