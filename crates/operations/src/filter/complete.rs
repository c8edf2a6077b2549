//! Completions: names, operators, values, and the words between conditions.

use std::ops::Range;

use super::lex::{Token, is_word, tokens};
use super::{Kind, Vocabulary};

const MAX_COMPLETIONS: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes it replaces.
    pub at: Range<usize>,
    pub insert: String,
    pub help: String,
}

/// The completions at `cursor`, in bytes.
pub fn complete(text: &str, cursor: usize, vocabulary: &dyn Vocabulary) -> Vec<Completion> {
    let cursor = (0..=cursor.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let before = &text[..cursor];
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, letter)| is_word(*letter))
        .last()
        .map_or(cursor, |(at, _)| at);
    let typed = before[start..].to_lowercase();
    // No completions inside an open quote.
    let Ok(earlier) = tokens(&before[..start]) else {
        return Vec::new();
    };
    let offer = |insert: &str, help: &str| Completion {
        at: start..cursor,
        insert: insert.to_string(),
        help: help.to_string(),
    };
    let last = earlier.last().map(|(token, _)| token);
    let asked = match last {
        Some(Token::Compare(_) | Token::Colon) => {
            earlier.iter().rev().find_map(|(token, _)| match token {
                Token::Word(word) => Some(word.as_str()),
                _ => None,
            })
        }
        _ => None,
    };
    let mut found: Vec<Completion> = Vec::new();
    match asked {
        Some("has") => names(vocabulary, &typed, &mut found, &offer),
        Some(name) => {
            let known = vocabulary.name(name);
            let words: &[String] = match known.as_ref().map(|known| &known.kind) {
                Some(Kind::Choice(words)) => words,
                Some(Kind::Flag) => &["yes".to_string(), "no".to_string()],
                _ => &[],
            };
            let fitting = words
                .iter()
                .filter(|word| word.to_lowercase().starts_with(&typed));
            found.extend(fitting.map(|word| offer(word, "")));
        }
        None => {
            let follows = matches!(last, Some(Token::Word(word)) if !is_joint(word))
                || matches!(last, Some(Token::Close | Token::Quoted(_)));
            if typed.is_empty()
                && let Some(Token::Word(word)) = last
                && let Some(known) = vocabulary.name(word)
                && !is_value(&earlier)
            {
                let signs: &[&str] = match known.kind {
                    Kind::Number { .. } | Kind::Day => &["<", ">", "="],
                    Kind::Text => &["~", "=", "!="],
                    _ => &["=", "!="],
                };
                found.extend(signs.iter().map(|sign| offer(sign, "compares")));
            }
            if follows {
                let joints = ["and", "or"]
                    .into_iter()
                    .filter(|word| word.starts_with(&typed));
                found.extend(joints.map(|word| offer(word, "joins conditions")));
            }
            if !typed.is_empty() || !follows {
                names(vocabulary, &typed, &mut found, &offer);
            }
        }
    }
    found.retain(|completion| completion.insert != before[start..]);
    found.truncate(MAX_COMPLETIONS);
    found
}

/// Whether the last token is the right side of a comparison.
fn is_value(tokens: &[(Token, Range<usize>)]) -> bool {
    let before = tokens.len().checked_sub(2).and_then(|at| tokens.get(at));
    matches!(before, Some((Token::Compare(_) | Token::Colon, _)))
}

fn is_joint(word: &str) -> bool {
    ["and", "or", "not"]
        .iter()
        .any(|joint| word.eq_ignore_ascii_case(joint))
}

/// Names that start with the typed text, then those that contain it.
fn names(
    vocabulary: &dyn Vocabulary,
    typed: &str,
    found: &mut Vec<Completion>,
    offer: &dyn Fn(&str, &str) -> Completion,
) {
    let all = vocabulary.names();
    let begins = |name: &str| name.to_lowercase().starts_with(typed);
    let holds = |name: &str| name.to_lowercase().contains(typed);
    found.extend(
        all.iter()
            .filter(|n| begins(&n.name))
            .map(|n| offer(&n.name, &n.help)),
    );
    let others = all.iter().filter(|n| !begins(&n.name) && holds(&n.name));
    found.extend(others.map(|n| offer(&n.name, &n.help)));
}
