//! Plain text: one response, or one context, a line.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::{Wanted, named, plain_row};
use crate::data::error::DataError;
use crate::data::rows::Row;

/// Lines that are looked at to tell what a text is.
const SAMPLED: usize = 400;

/// Of responses every line counts, an empty one as an empty response; only the end of the last line adds none.
/// Of contexts blank lines are left out.
pub(super) fn rows(
    path: &Path,
    text: &str,
    wanted: Wanted,
    notes: &mut Vec<String>,
) -> Result<Vec<Row>, DataError> {
    if let Some(labels) = labels_of_blocks(text) {
        let what = format!(
            "holds blocks of labelled lines ({}), not a {} a line",
            named(&labels),
            wanted.field()
        );
        let fix = format!(
            "write rows {{\"{}\": \"…\", …}}, or the texts alone, one a line",
            wanted.field()
        );
        return Err(DataError::file(path, what, fix));
    }
    if wanted == Wanted::Contexts {
        let blank = text.lines().filter(|line| line.trim().is_empty()).count();
        if blank > 0 {
            notes.push(match blank {
                1 => "1 blank line is left out.".to_string(),
                _ => format!("{blank} blank lines are left out."),
            });
        }
    }
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| wanted == Wanted::Responses || !line.trim().is_empty());
    let quoted = quoted_lines(text);
    if quoted {
        notes.push("Every line is in quotation marks, which are taken off.".to_string());
    }
    let row = |(index, line): (usize, &str)| {
        let text = match unquoted(line).filter(|_| quoted) {
            Some(text) => text,
            None => line.to_string(),
        };
        plain_row(text, index + 1, wanted)
    };
    Ok(lines.map(row).collect())
}

fn unquoted(line: &str) -> Option<String> {
    match serde_json::from_str(line.trim()) {
        Ok(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether every one of several lines is a JSON string.
fn quoted_lines(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    text.trim_start().starts_with('"')
        && text.trim_end().contains('\n')
        && lines.all(|line| unquoted(line).is_some())
}

/// The labels of a text in blocks such as `Context:… Pred:… Ref:…`, as several authors publish: nearly every line
/// starts with one of a few words and a colon.
fn labels_of_blocks(text: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .take(SAMPLED)
        .collect();
    let mut order: Vec<&str> = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for found in lines.iter().filter_map(|line| label(line)) {
        let count = counts.entry(found).or_default();
        if *count == 0 {
            order.push(found);
        }
        *count += 1;
    }
    order.retain(|label| counts[label] > 1);
    let labelled: usize = order.iter().map(|label| counts[label]).sum();
    let blocks =
        lines.len() >= 4 && (2..=12).contains(&order.len()) && labelled * 10 >= lines.len() * 9;
    blocks.then_some(order)
}

/// The word before a line's first colon.
fn label(line: &str) -> Option<&str> {
    let (label, _) = line.split_once(':')?;
    let label = label.trim();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let fits = !label.is_empty() && label.len() <= 24 && label.chars().all(is_word);
    fits.then_some(label)
}
