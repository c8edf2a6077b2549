//! Cells: rows as named columns, and what a cell holds as text, number or list.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::data::quoted_cell::from_quoted_cell;
use crate::data::reader::python;

/// How deep objects in objects become columns; deeper ones stay as they are.
const DEEPEST: usize = 6;
/// EmpatheticDialogues writes a comma inside a text so; texts copied from it keep that.
const COMMA: &str = "_comma_";

/// The columns of a row: fields of objects within it are called `outer.inner`.
pub fn columns(fields: Map<String, Value>) -> Map<String, Value> {
    if !fields.values().any(Value::is_object) {
        return fields;
    }
    let mut flat = Map::new();
    flatten(fields, "", 0, &mut flat);
    flat
}

fn flatten(fields: Map<String, Value>, prefix: &str, depth: usize, flat: &mut Map<String, Value>) {
    for (name, value) in fields {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) if depth < DEEPEST => {
                flatten(inner, &format!("{name}."), depth + 1, flat);
            }
            value => {
                flat.insert(name, value);
            }
        }
    }
}

/// Whether a cell says nothing: null, blank, or what people and pandas write for no number or an infinite one.
pub fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => matches!(
            text.trim(),
            "" | "nan" | "NaN" | "inf" | "-inf" | "n/a" | "N/A" | "#N/A" | "NA" | "<NA>"
        ),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Takes away the apostrophe that our exports put before what a spreadsheet would take for a formula.
pub fn without_apostrophe(value: &mut Value) {
    if let Value::String(text) = value {
        let read = from_quoted_cell(text);
        if read.len() < text.len() {
            *text = read.to_string();
        }
    }
}

/// Whether a cell of a score says in a word or a sign that there is none: `-`, `None`, `N/A`.
pub fn is_mark(value: &Value) -> bool {
    let Value::String(text) = value else {
        return false;
    };
    matches!(
        text.trim().to_lowercase().as_str(),
        "-" | "--"
            | "---"
            | "–"
            | "—"
            | "."
            | "?"
            | "none"
            | "null"
            | "nil"
            | "missing"
            | "not rated"
            | "unrated"
            | "na"
            | "n/a"
            | "n.a."
            | "#n/a"
            | "<na>"
            | "nan"
            | "inf"
            | "-inf"
    )
}

/// A cell as a text, without white space at its ends; None for a list or where there is nothing.
pub fn text(value: &Value) -> Option<String> {
    let text = match value {
        _ if is_missing(value) => return None,
        Value::String(text) => text.trim(),
        Value::Number(number) => return Some(number.to_string()),
        Value::Bool(is) => return Some(is.to_string()),
        _ => return None,
    };
    Some(match text.contains(COMMA) {
        true => text.replace(COMMA, ","),
        false => text.to_string(),
    })
}

/// A cell as a label: a text, or the texts of a list with semicolons between.
pub fn label(value: &Value) -> Option<String> {
    if let Some(items) = list(value).filter(|_| !is_missing(value)) {
        let texts: Vec<String> = items.iter().filter_map(text).collect();
        return (!texts.is_empty()).then(|| texts.join("; "));
    }
    text(value)
}

/// What a column of a row holds, as a label.
pub fn text_of(row: &Map<String, Value>, column: &str) -> Option<String> {
    row.get(column).and_then(label)
}

/// A whole number as such, also where pandas wrote it as `7.0`.
pub fn whole(text: String) -> String {
    match text.strip_suffix(".0") {
        Some(number) if number.parse::<u64>().is_ok() => number.to_string(),
        _ => text,
    }
}

/// A number in a column where `3,5` may be one.
pub fn number_written(value: &Value, decimal_comma: bool) -> Option<f64> {
    let with_point = |text: &String| decimals_after_comma(text).map(|_| text.replacen(',', ".", 1));
    match value {
        Value::String(text) if decimal_comma => match with_point(text) {
            Some(text) => number(&Value::String(text)),
            None => number(value),
        },
        value => number(value),
    }
}

/// Digits after the comma of a number that is written as `3,5`.
pub fn decimals_after_comma(text: &str) -> Option<usize> {
    let (whole, decimals) = text.trim().split_once(',')?;
    let whole = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(decimals)).then_some(decimals.len())
}

/// A cell as a number.
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A cell as a list: one, or a text that is one as JSON or Python print it.
pub fn list(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::Array(list) => Some(Cow::Borrowed(list)),
        Value::String(text) => {
            let text = text.trim();
            if !text.starts_with('[') || !text.ends_with(']') {
                return None;
            }
            let value = serde_json::from_str(text)
                .ok()
                .or_else(|| python::literal(text))?;
            match value {
                Value::Array(list) => Some(Cow::Owned(list)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_become_columns() {
        let Value::Object(fields) = json!({"a": 1, "b": {"c": {"d": "x"}, "e": []}, "f": {}})
        else {
            panic!("an object");
        };
        let flat = columns(fields);
        let names: Vec<&String> = flat.keys().collect();
        assert_eq!(names, ["a", "b.c.d", "b.e"]);
    }

    #[test]
    fn cells_are_read_as_they_were_meant() {
        assert!(is_mark(&json!(" None ")) && is_mark(&json!("N/A")) && is_mark(&json!("–")));
        assert!(!is_mark(&json!("")) && !is_mark(&json!(null)) && !is_mark(&json!("-1")));
        assert_eq!(text(&json!(" a_comma_ b\n")), Some("a, b".into()));
        assert_eq!(text(&json!("NaN")), None);
        assert_eq!(number(&json!(" 1.5 ")), Some(1.5));
        assert_eq!(number(&json!("inf")), None);
        assert_eq!(label(&json!("['a', 'b']")), Some("a; b".into()));
        assert_eq!(list(&json!("[1] I think")), None);
        assert_eq!(list(&json!("[\"a\"]")).map(|list| list.len()), Some(1));
    }
}
