//! Words as NLTK 3.9's `word_tokenize` cuts them: sentences first, then the rules of its
//! `NLTKWordTokenizer`, which put spaces around whatever is a word of its own.
//!
//! The rules are NLTK's patterns and substitutions in NLTK's order. Two are written without look-ahead,
//! which `regex` lacks, and `\s` is Python's. `\w` and `\b` are Unicode's: they differ from Python's only for
//! combining marks, joiners and superscript digits. Must not know what words are for.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::compile;
use super::sentences::{is_space, sentences};

/// The words of a text, case kept.
pub fn word_tokenize(text: &str) -> Vec<String> {
    sentences(text)
        .iter()
        .flat_map(|sentence| sentence_words(sentence))
        .collect()
}

/// A pattern and what each of its matches becomes.
type Rule = (&'static str, &'static str);

/// Opening quotes, punctuation, brackets and dashes.
const RULES: [Rule; 16] = [
    // STARTING_QUOTES
    ("[«“‘„]|`+", " $0 "),
    ("^\"", "``"),
    ("``", " `` "),
    (r#"([ (\[{<])("|'{2})"#, "$1 `` "),
    // NLTK: (?i)(\')(?!re|ve|ll|m|t|s|d|n)(\w)\b
    (r"(?i)'([\w--[mtsdn]])\b", "' $1"),
    // PUNCTUATION
    (r#"([^.])(\.)([\])}>"'»”’ ]*)[\s\x1c-\x1f]*$"#, "$1 $2 $3 "),
    (r"([:,])([^\d])", " $1 $2"),
    ("([:,])$", " $1 "),
    (r"\.{2,}", " $0 "),
    ("[;@#$%&]", " $0 "),
    (r#"([^.])(\.)([\])}>"']*)[\s\x1c-\x1f]*$"#, "$1 $2$3 "),
    ("[?!]", " $0 "),
    ("([^'])' ", "$1 ' "),
    (r"\*", " $0 "),
    // PARENS_BRACKETS
    (r"[\]\[(){}<>]", " $0 "),
    // DOUBLE_DASHES
    ("--", " -- "),
];

/// Closing quotes and contractions, in a sentence with a space at either end.
const PADDED_RULES: [Rule; 16] = [
    // ENDING_QUOTES
    ("[»”’]", " $0 "),
    ("''", " '' "),
    ("\"", " '' "),
    (r"[\s\x1c-\x1f]+", " "),
    ("([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
    ("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
    // CONTRACTIONS2
    (r"(?i)\b(can)(not)\b", " $1 $2 "),
    (r"(?i)\b(d)('ye)\b", " $1 $2 "),
    (r"(?i)\b(gim)(me)\b", " $1 $2 "),
    (r"(?i)\b(gon)(na)\b", " $1 $2 "),
    (r"(?i)\b(got)(ta)\b", " $1 $2 "),
    (r"(?i)\b(lem)(me)\b", " $1 $2 "),
    (r"(?i)\b(more)('n)\b", " $1 $2 "),
    // NLTK: (?i)\b(wan)(?#X)(na)(?=\s)
    (r"(?i)\b(wan)(na)([\s\x1c-\x1f])", " $1 $2 $3"),
    // CONTRACTIONS3
    (r"(?i) ('t)(is)\b", " $1 $2 "),
    (r"(?i) ('t)(was)\b", " $1 $2 "),
];

fn sentence_words(sentence: &str) -> Vec<String> {
    static COMPILED: LazyLock<[Vec<(Regex, &str)>; 2]> = LazyLock::new(|| {
        let rule = |(pattern, by): &Rule| (compile(pattern), *by);
        [RULES, PADDED_RULES].map(|rules| rules.iter().map(rule).collect())
    });
    let [rules, padded_rules] = &*COMPILED;
    let text = format!(" {} ", apply(rules, sentence));
    apply(padded_rules, &text)
        .split(is_space)
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

fn apply<'a>(rules: &[(Regex, &str)], text: &'a str) -> Cow<'a, str> {
    rules.iter().fold(Cow::Borrowed(text), |text, (regex, by)| {
        let changed = match regex.replace_all(&text, *by) {
            Cow::Borrowed(_) => None,
            Cow::Owned(changed) => Some(changed),
        };
        changed.map_or(text, Cow::Owned)
    })
}
