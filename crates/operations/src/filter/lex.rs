//! Splits a filter into tokens with their positions.

use std::ops::Range;

use super::{Compare, FilterError};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Quoted(String),
    Compare(Compare),
    Colon,
    Open,
    Close,
}

pub(super) type Placed = (Token, Range<usize>);

/// Whether a character is allowed in an unquoted word.
pub(crate) fn is_word(letter: char) -> bool {
    !letter.is_whitespace() && !"()<>=!~:\"".contains(letter)
}

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let (token, length) = match letter {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ':' => (Token::Colon, 1),
            '~' => (Token::Compare(Compare::Contains), 1),
            '"' => match rest[1..].find('"') {
                Some(end) => (Token::Quoted(rest[1..=end].to_string()), end + 2),
                None => {
                    let message = "this quote is not closed; end it with \"".to_string();
                    return Err(FilterError {
                        at: at..text.len(),
                        message,
                    });
                }
            },
            '<' | '>' | '=' | '!' => comparison(rest, at)?,
            _ => {
                let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_string()), end)
            }
        };
        found.push((token, at..at + length));
        at += length;
    }
    Ok(found)
}

fn comparison(rest: &str, at: usize) -> Result<(Token, usize), FilterError> {
    const SIGNS: [(&str, Compare); 7] = [
        ("<=", Compare::AtMost),
        (">=", Compare::AtLeast),
        ("!=", Compare::Unequal),
        ("==", Compare::Equal),
        ("<", Compare::Less),
        (">", Compare::Greater),
        ("=", Compare::Equal),
    ];
    SIGNS
        .into_iter()
        .find(|(sign, _)| rest.starts_with(sign))
        .map(|(sign, compare)| (Token::Compare(compare), sign.len()))
        .ok_or_else(|| FilterError {
            at: at..at + 1,
            message: "`!` goes before `=` only; use `not` to negate a condition".to_string(),
        })
}
