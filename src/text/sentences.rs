//! Sentences as NLTK's `PunktSentenceTokenizer` splits them, with its English parameters.
//!
//! Kiss and Strunk's algorithm (2006) in the form of NLTK 3.9: a full stop, question or exclamation mark
//! ends a sentence unless what stands around it says otherwise. The parameters come from the crate
//! `punkt_n`; its own splitter differs from NLTK's (it moves no closing quotes), so the algorithm is here.

use std::iter;
use std::ops::Range;
use std::sync::OnceLock;

use punkt_n::TrainingData;

use super::classes::{is_digit, is_letter, is_space};

const SEEN_MID_UPPER: u8 = 1 << 2;
const SEEN_UPPER: u8 = 0b0000_1110;
const SEEN_START_LOWER: u8 = 1 << 4;
const SEEN_LOWER: u8 = 0b0111_0000;
const NUMBER: &str = "##number##";

/// The sentences of a text, without the white space between them.
pub fn sentences(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    realigned(&chars, slices(&chars))
        .into_iter()
        .map(|range| chars[range].iter().collect())
        .collect()
}

fn parameters() -> &'static TrainingData {
    static ENGLISH: OnceLock<TrainingData> = OnceLock::new();
    ENGLISH.get_or_init(TrainingData::english)
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | '?' | '!')
}

/// Characters that cannot stand inside a word.
fn is_non_word(c: char) -> bool {
    matches!(
        c,
        ')' | '"' | ';' | '}' | ']' | '*' | ':' | '@' | '\'' | '(' | '{' | '[' | '!' | '?'
    )
}

/// Characters that a word cannot start with.
fn cannot_start_word(c: char) -> bool {
    matches!(
        c,
        '(' | '"'
            | '`'
            | '{'
            | '['
            | ':'
            | ';'
            | '&'
            | '#'
            | '*'
            | '@'
            | ')'
            | '}'
            | ']'
            | '-'
            | ','
    )
}

/// A mark that may end a sentence, and what follows it.
#[derive(Clone)]
struct Candidate {
    /// Place of the mark.
    at: usize,
    /// End of the non-word character or of the next token behind it.
    context_end: usize,
    /// Start of the next token, where white space follows.
    next_token: Option<usize>,
}

fn candidates(text: &[char]) -> impl Iterator<Item = Candidate> {
    (0..text.len()).filter_map(|at| {
        if !ends_sentence(text[at]) {
            return None;
        }
        let follower = *text.get(at + 1)?;
        if is_non_word(follower) {
            return Some(Candidate {
                at,
                context_end: at + 2,
                next_token: None,
            });
        }
        let spaces = run(text, at + 1, is_space);
        let start = at + 1 + spaces;
        let token = run(text, start, |c| !is_space(c));
        (spaces > 0 && token > 0).then_some(Candidate {
            at,
            context_end: start + token,
            next_token: Some(start),
        })
    })
}

/// Number of characters from `start` on that fit.
fn run(text: &[char], start: usize, fits: impl Fn(char) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    rest.iter().take_while(|&&c| fits(c)).count()
}

/// The last candidate of each word, with the text from the start of that word to the end of its context.
fn contexts(text: &[char]) -> Vec<(Candidate, Range<usize>)> {
    let mut found = Vec::new();
    let mut previous: Option<Candidate> = None;
    let mut word = 0..0;
    for candidate in candidates(text) {
        let before = &text[word.end..candidate.at];
        let last_space = before
            .iter()
            .rposition(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'));
        let start = match last_space {
            Some(index) if index > 0 => word.end + index + 1,
            _ => word.start,
        };
        if let Some(previous) = previous.filter(|_| word.end <= start) {
            found.push((previous.clone(), word.start..previous.context_end));
        }
        word = start..candidate.at;
        previous = Some(candidate);
    }
    if let Some(previous) = previous {
        found.push((previous.clone(), word.start..previous.context_end));
    }
    found
}

fn slices(text: &[char]) -> Vec<Range<usize>> {
    let mut slices = Vec::new();
    let mut last_break = 0;
    for (candidate, context) in contexts(text) {
        if contains_break(&text[context]) {
            slices.push(last_break..candidate.at + 1);
            last_break = candidate.next_token.unwrap_or(candidate.at + 1);
        }
    }
    let end = text
        .iter()
        .rposition(|&c| !is_space(c))
        .map_or(0, |last| last + 1);
    slices.push(last_break..end.max(last_break));
    slices
}

/// Moves closing quotes and brackets that follow a sentence into it.
fn realigned(text: &[char], slices: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut moved = 0;
    let mut rest = slices.into_iter().peekable();
    while let Some(slice) = rest.next() {
        let start = (slice.start + moved).min(slice.end);
        moved = 0;
        let Some(next) = rest.peek() else {
            sentences.push(start..slice.end);
            continue;
        };
        let following = &text[next.clone()];
        let closers = run(following, 0, |c| matches!(c, '"' | '\'' | ')' | ']' | '}'));
        let spaces = run(following, closers, is_space);
        let dashes = following[closers..].starts_with(&['-', '-']);
        if closers > 0 && (spaces > 0 || dashes || closers == following.len()) {
            sentences.push(start..next.start + closers);
            moved = closers + spaces;
        } else {
            sentences.push(start..slice.end);
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// A word of a context with what is known of it.
struct Token {
    text: Vec<char>,
    /// Lower case; numbers all alike.
    kind: String,
    breaks: bool,
    abbreviation: bool,
    ellipsis: bool,
}

impl Token {
    /// A token after the first pass, which looks at the token alone.
    fn new(text: &[char]) -> Token {
        let lower: String = text.iter().collect::<String>().to_lowercase();
        let mut token = Token {
            kind: if is_number(&lower) {
                NUMBER.to_string()
            } else {
                lower
            },
            text: text.to_vec(),
            breaks: false,
            abbreviation: false,
            ellipsis: false,
        };
        if text.len() == 1 && ends_sentence(text[0]) {
            token.breaks = true;
        } else if text.len() > 1 && text.iter().all(|&c| c == '.') {
            token.ellipsis = true;
        } else if text.ends_with(&['.']) && !text.ends_with(&['.', '.']) {
            let word: String = text[..text.len() - 1].iter().collect();
            let word = word.to_lowercase();
            let last_part = word.rsplit('-').next().unwrap_or(&word);
            let known = |word: &str| parameters().contains_abbrev(word);
            token.abbreviation = known(&word) || known(last_part);
            token.breaks = !token.abbreviation;
        }
        token
    }

    fn kind_without_period(&self) -> &str {
        match self.kind.strip_suffix('.') {
            Some(shorter) if !shorter.is_empty() => shorter,
            _ => &self.kind,
        }
    }

    fn kind_without_break(&self) -> &str {
        if self.breaks {
            self.kind_without_period()
        } else {
            &self.kind
        }
    }

    fn starts_upper(&self) -> bool {
        self.text[0].is_uppercase()
    }

    fn starts_lower(&self) -> bool {
        self.text[0].is_lowercase()
    }

    fn is_initial(&self) -> bool {
        matches!(self.text[..], [letter, '.'] if is_letter(letter))
    }

    /// Second pass: what the next token says of this one.
    fn revise(&mut self, next: &Token) {
        if self.text.last() != Some(&'.') {
            return;
        }
        let data = parameters();
        let initial = self.is_initial();
        let next_kind = next.kind_without_break();
        if data.contains_collocation(self.kind_without_period(), next_kind) {
            self.set_abbreviation();
            return;
        }
        let may_start = next.may_start_sentence();
        let frequent_starter = || next.starts_upper() && data.contains_sentence_starter(next_kind);
        if (self.abbreviation || self.ellipsis)
            && !initial
            && (may_start == Some(true) || frequent_starter())
        {
            self.breaks = true;
            return;
        }
        if initial || self.kind_without_period() == NUMBER {
            let never_lower = data.get_orthographic_context(next_kind) & SEEN_LOWER == 0;
            let name = may_start.is_none() && initial && next.starts_upper() && never_lower;
            if may_start == Some(false) || name {
                self.set_abbreviation();
            }
        }
    }

    fn set_abbreviation(&mut self) {
        self.breaks = false;
        self.abbreviation = true;
    }

    /// Whether the way this word is usually written says that it starts a sentence; none if unknown.
    fn may_start_sentence(&self) -> Option<bool> {
        if matches!(self.text[..], [';' | ':' | ',' | '.' | '!' | '?']) {
            return Some(false);
        }
        let seen = parameters().get_orthographic_context(self.kind_without_break());
        if self.starts_upper() && seen & SEEN_LOWER != 0 && seen & SEEN_MID_UPPER == 0 {
            return Some(true);
        }
        let lower_inside = seen & SEEN_UPPER != 0 || seen & SEEN_START_LOWER == 0;
        (self.starts_lower() && lower_inside).then_some(false)
    }
}

/// `-?[.,]?\d[\d,.-]*\.?` and nothing else.
fn is_number(word: &str) -> bool {
    let word = word.strip_prefix('-').unwrap_or(word);
    let mut chars = word.strip_prefix(['.', ',']).unwrap_or(word).chars();
    chars.next().is_some_and(is_digit) && chars.all(|c| is_digit(c) || matches!(c, ',' | '.' | '-'))
}

fn contains_break(context: &[char]) -> bool {
    let mut tokens: Vec<Token> = context
        .split(|&c| c == '\n')
        .flat_map(line_tokens)
        .collect();
    for index in 1..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        before[index - 1].revise(&from[0]);
    }
    tokens.iter().rev().skip(1).any(|token| token.breaks)
}

fn line_tokens(line: &[char]) -> impl Iterator<Item = Token> {
    let mut at = 0;
    iter::from_fn(move || {
        at += run(line, at, is_space);
        if at == line.len() {
            return None;
        }
        let length = token_length(line, at);
        let token = Token::new(&line[at..at + length]);
        at += length;
        Some(token)
    })
}

fn token_length(line: &[char], at: usize) -> usize {
    if let Some(length) = marks_length(line, at) {
        return length;
    }
    if cannot_start_word(line[at]) {
        return 1;
    }
    let ends = |at: usize| {
        line.get(at)
            .is_none_or(|&c| is_space(c) || is_non_word(c) || marks_length(line, at).is_some())
    };
    let mut length = 1;
    while !(ends(at + length) || (line[at + length] == ',' && ends(at + length + 1))) {
        length += 1;
    }
    length
}

/// Length of two or more dashes or full stops, or of spaced full stops, that start here.
fn marks_length(line: &[char], at: usize) -> Option<usize> {
    for mark in ['-', '.'] {
        let length = run(line, at, |c| c == mark);
        if length >= 2 {
            return Some(length);
        }
    }
    let spaced = |pair: usize| {
        line.get(at + 2 * pair) == Some(&'.')
            && line.get(at + 2 * pair + 1).is_some_and(|&c| is_space(c))
    };
    let pairs = (0..).take_while(|&pair| spaced(pair)).count();
    let closed = line.get(at + 2 * pairs) == Some(&'.');
    match pairs {
        2.. if closed => Some(2 * pairs + 1),
        3.. => Some(2 * pairs - 1),
        _ => None,
    }
}
