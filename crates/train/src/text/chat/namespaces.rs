//! Namespaces of a template, the only values that can be put into themselves. Writing such a value would not end, and
//! nothing that the template engine offers stops it, so a namespace may only be made and used by its fields, as
//! every published template does.

use std::collections::BTreeSet;

/// What makes a namespace.
const NAMESPACE: &str = "namespace";

/// A word or sign of a template's code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    Sign(char),
}

/// The name of something that is done with a whole namespace.
pub(super) fn used_whole(source: &str) -> Option<String> {
    let tokens = tokens(source);
    let made = |at: usize| match tokens.get(at..at + 4) {
        Some(
            [
                Token::Name("set"),
                Token::Name(name),
                Token::Sign('='),
                Token::Name(NAMESPACE),
            ],
        ) => Some(*name),
        _ => None,
    };
    let names: BTreeSet<&str> = (0..tokens.len()).filter_map(made).collect();
    let is_made_here = |at: usize| at > 0 && made(at - 1).is_some();
    let is_maker = |at: usize| {
        at >= 3 && made(at - 3).is_some() && tokens.get(at + 1) == Some(&Token::Sign('('))
    };
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(name) = *token else { continue };
        let after_dot = at > 0 && tokens[at - 1] == Token::Sign('.');
        let field_follows = tokens.get(at + 1) == Some(&Token::Sign('.'));
        let whole = match name {
            NAMESPACE => !is_maker(at),
            name => names.contains(name) && !field_follows && !is_made_here(at),
        };
        if whole && !after_dot {
            return Some(name.to_string());
        }
    }
    None
}

/// Words and signs within `{{ }}` and `{% %}`, without texts, numbers and white space.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        let Some(kind) = rest.chars().next() else {
            break;
        };
        match kind {
            '#' => rest = rest.find("#}").map_or("", |end| &rest[end + 2..]),
            '{' | '%' => rest = code(&rest[1..], kind, &mut tokens),
            _ => {}
        }
    }
    tokens
}

/// Adds the tokens of a block of this kind; returns what is behind its end.
fn code<'a>(mut rest: &'a str, kind: char, tokens: &mut Vec<Token<'a>>) -> &'a str {
    let end = if kind == '%' { "%}" } else { "}}" };
    let mut depth = 0_usize;
    while let Some(letter) = rest.chars().next() {
        if depth == 0 && rest.starts_with(end) {
            return &rest[end.len()..];
        }
        let length = match letter {
            '"' | '\'' => text_length(rest, letter),
            letter if letter.is_alphanumeric() || letter == '_' => {
                let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
                let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
                if !letter.is_numeric() {
                    tokens.push(Token::Name(&rest[..length]));
                }
                length
            }
            letter => {
                match letter {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if !letter.is_whitespace() {
                    tokens.push(Token::Sign(letter));
                }
                letter.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    rest
}

/// Bytes of the text that begins with this quotation mark.
fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_namespace_are_used_and_nothing_else() {
        for source in [
            "no ns here",
            "{% set ns = namespace(x=[], y='ns') %}{% set ns.x = ns.x + [1] %}ns {{ ns.x }}",
            "{%- set ns=namespace(a=1)-%}{{ m.ns ~ \"ns \\\" ns\" ~ ns . a }}{# ns #}",
            "{{ {1: {}} }} ns {% set ns = namespace() %}",
        ] {
            assert_eq!(used_whole(source), None, "{source}");
        }
        for source in [
            "{% set ns = namespace() %}{% set ns.x = ns %}",
            "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}",
            "{% set ns = namespace() %}{{ {1: {}} ~ ns }}",
            "{% set ns = namespace() %}{% set y = ns%}",
            "{% for x in [namespace()] %}{% set x.y = x %}{% endfor %}",
            "{% set f = namespace %}",
            "{% set ns = namespace %}{% set a = ns() %}",
            "{% macro m(a) %}{% set a.x = a %}{% endmacro %}{{ m(namespace()) }}",
        ] {
            assert!(used_whole(source).is_some(), "{source}");
        }
    }
}
