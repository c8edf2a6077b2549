//! Plain text: one response, or one context, a line.

use std::path::Path;

use serde_json::Value;

use super::blocks::labels_of_blocks;
use super::{Wanted, named, plain_row};
use crate::data::error::DataError;
use crate::data::rows::Row;

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
    if let Some((separator, line)) = numbered_lines(text) {
        let what = format!(
            "every line begins with a number and a {separator}, as {} does: this looks like a table without a \
             header",
            named(&[line])
        );
        let fix = format!(
            "give it a first line that names the columns, such as `idx` and `{}`, or write the texts alone, one a \
             line",
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

/// Fewest lines that look like rows of a table by more than chance.
const FEWEST_ROWS: usize = 3;

/// What stands after the number that each of several lines begins with, and the first line.
fn numbered_lines(text: &str) -> Option<(&'static str, &str)> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let first = lines().next()?;
    lines().nth(FEWEST_ROWS - 1)?;
    let found = [('\t', "tab"), (',', "comma")]
        .into_iter()
        .find(|(separator, _)| lines().all(|line| starts_with_number_cell(line, *separator)));
    found.map(|(_, name)| (name, first))
}

/// Whether a line begins with a cell that is a number. `3, I think` and `1,000 of them` are text.
fn starts_with_number_cell(line: &str, separator: char) -> bool {
    let line = line.trim_start_matches(['"', ' ']);
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(cell) = after.trim_start_matches('"').strip_prefix(separator) else {
        return false;
    };
    let digits = cell.chars().take_while(char::is_ascii_digit).count();
    after.len() < line.len() && (separator == '\t' || !(cell.starts_with(' ') || digits == 3))
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
