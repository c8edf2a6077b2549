//! Finds the mapping of a table that this program wrote: its titles say what each column is.

use std::collections::BTreeSet;

use super::super::cells;
use super::super::checks::counted;
use super::super::mapping::{ContextColumns, Mapping, ResponseColumns, ScoreColumn};
use super::super::profile::{Column, Profile};
use super::super::record::Score;
use super::super::scores::score_list;
use super::super::titles::{self, FIXED, SCORES, SYSTEMS, Titled, Titles, VERDICTS};
use super::super::verdicts::verdict_list;
use super::{origin, range};
use crate::data::error::DataError;
use crate::data::quoted_cell::from_quoted_cell;
use crate::data::reader::Form;
use crate::data::reader::source::{Found, Source};

/// The mapping of a table of our own, with what a person should know of it as a sentence; None of any other.
///
/// # Errors
/// The file is damaged.
pub fn own_table(
    source: &Source,
    profile: &Profile,
) -> Result<Option<(Mapping, Option<String>)>, DataError> {
    let column = |name: &str| profile.column(name);
    let lists_alone = |column: &Column| column.lists.count == column.present;
    if !FIXED.iter().all(|name| column(name).is_some())
        || !column("context").is_some_and(lists_alone)
    {
        return Ok(None);
    }
    let is_listed = |name: &str| column(name).is_some_and(|column| column.is_list());
    let (scores, verdicts) = (is_listed(SCORES), is_listed(VERDICTS));
    let in_order = is_listed(SYSTEMS);
    let listed = Listed::of(source, scores, verdicts)?;
    let systems = profile.columns.iter();
    let title = |column: &'_ Column| match source.form {
        Form::Table(_) => from_quoted_cell(&column.name).to_string(),
        _ => column.name.clone(),
    };
    let systems = systems.map(title).filter_map(|title| {
        let system = titles::answering(&title)?;
        Some(system.to_string())
    });
    let titles = Titles::new(systems, listed.verdicts.clone());

    let named = |name: &str| {
        let there = column(name).is_some_and(|column| !column.is_empty());
        there.then(|| name.to_string())
    };
    let mut mapping = Mapping {
        table: true,
        id: named("id"),
        conversation: named("conversation"),
        turn: named("turn"),
        split: named("split"),
        target: named("target"),
        context: named("context").map(|context| ContextColumns {
            text: vec![context],
            history: None,
        }),
        system_list: in_order.then(|| SYSTEMS.to_string()),
        score_list: scores.then(|| SCORES.to_string()),
        verdict_list: verdicts.then(|| VERDICTS.to_string()),
        ..Mapping::new()
    };
    for column in &profile.columns {
        if let Titled::Response(system) = titles.read(&title(column)) {
            mapping.responses.push(ResponseColumns {
                system: Some(system),
                text: column.name.clone(),
                ..ResponseColumns::default()
            });
        }
    }
    let says_something = mapping.target.is_some()
        || mapping.context.is_some()
        || mapping.verdict_list.is_some()
        || !mapping.responses.is_empty();
    if !says_something {
        return Ok(None);
    }
    let mut sums = Vec::new();
    for column in &profile.columns {
        let is_fixed = FIXED.contains(&column.name.as_str());
        match titles.read(&title(column)) {
            _ if column.is_empty() && is_fixed => {}
            _ if column.is_empty() => {
                let reason = "nothing in any row".to_string();
                mapping.left_out.insert(column.name.clone(), reason);
            }
            titled => {
                // A label of this name, as earlier versions wrote it.
                let is_label = column.name == SYSTEMS && !in_order;
                let titled = match is_label {
                    true => Titled::Remark {
                        system: None,
                        name: SYSTEMS.to_string(),
                        is_score: None,
                    },
                    false => titled,
                };
                if let Titled::Remark { system, name, .. } = &titled {
                    let is_listed = listed.scores.contains(&(system.clone(), name.clone()));
                    let sum = (column.name.clone(), system.clone(), name.clone());
                    sums.extend(is_listed.then_some(sum));
                }
                place(&mut mapping, &listed, column, titled);
            }
        }
    }
    sums.retain(|(column, ..)| mapping.left_out.contains_key(column));
    let differing = differing(source, &sums)?;
    Ok(Some((mapping, differing)))
}

/// Where columns that sum up scores say something else than these, as a sentence; each with the system and the score.
fn differing(
    source: &Source,
    sums: &[(String, Option<String>, String)],
) -> Result<Option<String>, DataError> {
    if sums.is_empty() {
        return Ok(None);
    }
    let mut seen = Differing::default();
    for found in source.rows()? {
        let Found::Row(row) = found? else { continue };
        let line = row.line;
        let mut row = cells::columns(row.fields);
        if matches!(source.form, Form::Table(_)) {
            row.values_mut().for_each(cells::without_apostrophe);
        }
        // A list that is none is said of its row when that is read.
        let Ok(scores) = score_list(SCORES, &row) else {
            continue;
        };
        for (column, system, name) in sums {
            let of = scores.iter().filter(|(of, _)| of == system);
            let mean = Score::mean(of.map(|(_, score)| score), name);
            let written = row.get(column).and_then(cells::number);
            let is_same = match (mean, written) {
                (Some(mean), Some(written)) => (mean - written).abs() <= 1e-9 * mean.abs().max(1.0),
                (mean, written) => mean.is_none() && written.is_none(),
            };
            if !is_same {
                seen.values += 1;
                if seen.shown.len() < SHOWN {
                    seen.shown.push(format!("{column:?} in line {line}"));
                }
            }
        }
    }
    let values = counted(seen.values, "score differs", "scores differ");
    let more = match seen.values.saturating_sub(seen.shown.len()) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Ok((seen.values > 0).then(|| {
        format!(
            "{values} from what {SCORES:?} lists, which counts: {}{more}. Without the column {SCORES:?} those of the others are \
             read.",
            seen.shown.join(", ")
        )
    }))
}

/// What is named of scores that differ; the rest is counted.
const SHOWN: usize = 5;

#[derive(Default)]
struct Differing {
    values: usize,
    /// The first.
    shown: Vec<String>,
}

/// What lists say one by one, so that columns of sums need not.
#[derive(Default)]
struct Listed {
    /// By system and name.
    scores: BTreeSet<(Option<String>, String)>,
    /// What was asked, and the two systems in the order of their names.
    verdicts: BTreeSet<[String; 3]>,
}

impl Listed {
    fn of(source: &Source, scores: bool, verdicts: bool) -> Result<Listed, DataError> {
        let mut listed = Listed::default();
        if !scores && !verdicts {
            return Ok(listed);
        }
        for found in source.rows()? {
            let Found::Row(row) = found? else { continue };
            let row = cells::columns(row.fields);
            // A list that is none is said of its row when that is read.
            if scores && let Ok(found) = score_list(SCORES, &row) {
                let names = found
                    .into_iter()
                    .map(|(system, score)| (system, score.name));
                listed.scores.extend(names);
            }
            if verdicts && let Ok(found) = verdict_list(VERDICTS, &row) {
                for verdict in found {
                    let [first, second] = verdict.pair().map(str::to_string);
                    listed.verdicts.insert([verdict.name, first, second]);
                }
            }
        }
        Ok(listed)
    }
}

/// Puts a column where its title says.
fn place(mapping: &mut Mapping, listed: &Listed, column: &Column, titled: Titled) {
    let name = column.name.clone();
    match titled {
        Titled::Fixed => {
            let is_read = mapping.columns().contains(&name.as_str());
            if !is_read {
                let reason = "no list, as exports write it".to_string();
                mapping.left_out.insert(name, reason);
            }
        }
        Titled::Response(_) => {}
        Titled::Verdict => {
            let reason = format!("sums up what {VERDICTS} says");
            mapping.left_out.insert(name, reason);
        }
        Titled::Reasoning(system) => {
            if let Some(response) = response_of(mapping, &system) {
                response.reasoning = Some(name);
            }
        }
        Titled::Audio(system) => {
            if let Some(response) = response_of(mapping, &system) {
                response.audio = Some(name);
            }
        }
        Titled::Remark {
            system,
            name: called,
            is_score,
        } => {
            let is_listed = listed.scores.contains(&(system.clone(), called.clone()));
            if is_listed && is_score != Some(false) {
                let reason = format!("sums up what {SCORES} says");
                mapping.left_out.insert(name, reason);
                return;
            }
            let is_score = is_score.unwrap_or_else(|| column.is_score());
            let (labels, scores) = match system {
                None => (&mut mapping.labels, &mut mapping.scores),
                Some(system) => match response_of(mapping, &system) {
                    Some(response) => (&mut response.labels, &mut response.scores),
                    None => return,
                },
            };
            if is_score {
                let score = ScoreColumn {
                    column: name,
                    range: range(&called),
                    decimal_comma: column.has_decimal_commas(),
                    origin: origin(&called),
                    named_by: None,
                };
                scores.insert(called, score);
            } else {
                labels.insert(called, name);
            }
        }
    }
}

fn response_of<'a>(mapping: &'a mut Mapping, system: &str) -> Option<&'a mut ResponseColumns> {
    let mut responses = mapping.responses.iter_mut();
    responses.find(|response| response.system.as_deref() == Some(system))
}
