//! Cells of separated tables that we write and read again: no spreadsheet takes one for a formula, and each comes back as it
//! was. Must not know what is in them.

use std::borrow::Cow;

/// Whether a spreadsheet would take a text for a formula.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err()
}

/// A text as a cell: before a formula, and before apostrophes that stand before one, goes an apostrophe.
pub fn quoted_cell(text: &str) -> Cow<'_, str> {
    match is_formula(text.trim_start_matches('\'')) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text of a cell that [`quoted_cell`] wrote.
pub fn from_quoted_cell(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_cell_computes_nothing_and_comes_back() {
        for text in ["=1+1", "'=1", "''-x", "-1.5", "'plain", "", "'", "@a"] {
            let written = quoted_cell(text);
            assert!(!written.starts_with(['=', '@']), "{written}");
            assert_eq!(from_quoted_cell(&written), text);
        }
    }
}
