//! Sentences as NLTK's `PunktSentenceTokenizer` splits them, with its English parameters.
//!
//! Kiss and Strunk's algorithm (2006) in the form of NLTK 3.9: a full stop, question or exclamation mark
//! ends a sentence unless its context says otherwise. The parameters come from the crate `punkt_n`, whose
//! own splitter differs from NLTK's: it leaves closing quotes to the next sentence.

use std::iter;
use std::ops::Range;
use std::sync::LazyLock;

use punkt_n::TrainingData;
use regex::Regex;

use super::compile;

const SEEN_MID_UPPER: u8 = 1 << 2;
const SEEN_UPPER: u8 = 0b0000_1110;
const SEEN_START_LOWER: u8 = 1 << 4;
const SEEN_LOWER: u8 = 0b0111_0000;
const NUMBER: &str = "##number##";

// Parts of NLTK's patterns.
/// `\s` as Python has it.
const SPACE: &str = r"[\s\x1c-\x1f]";
const NON_SPACE: &str = r"[^\s\x1c-\x1f]";
/// A character that cannot stand inside a word.
const NON_WORD: &str = r#"[)";}\]*:@'({\[!?]"#;
/// A character that a word can start with.
const WORD_START: &str = r#"[^("`{\[:;&#*@)}\]\-,\s\x1c-\x1f]"#;
/// Two or more dashes or full stops, or spaced full stops.
const MULTIPLE: &str = r"(?:-{2,}|\.{2,}|(?:\.[\s\x1c-\x1f]){2,}\.)";

// NLTK's patterns themselves. What it looks ahead to stands outside the groups here.
/// Behind a mark that may end a sentence; the group is the next token.
static AFTER_MARK: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!("^(?:{NON_WORD}|{SPACE}+({NON_SPACE}+))")));
/// A token, in one of three groups.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let end = format!("{SPACE}|$|{NON_WORD}|{MULTIPLE}");
    let word = format!("({WORD_START}{NON_SPACE}*?)(?:{end}|,(?:{end}))");
    compile(&format!("^(?:({MULTIPLE})|{word}|(.))"))
});
/// Quotes and brackets that close a sentence, and the white space behind them.
static CLOSERS: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r#"^(["')\]}}]+)(?:({SPACE}+)|--|$)"#)));
static IS_NUMBER: LazyLock<Regex> = LazyLock::new(|| compile(r"^-?[.,]?\d[\d,.-]*$"));
/// A letter and a full stop.
static IS_INITIAL: LazyLock<Regex> = LazyLock::new(|| compile(r"^[\p{L}\p{N}_--\d]\.$"));
static ENGLISH: LazyLock<TrainingData> = LazyLock::new(TrainingData::english);

/// White space, as Python has it.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The sentences of a text, without the white space between them.
pub fn sentences(text: &str) -> Vec<&str> {
    realigned(text, slices(text))
        .into_iter()
        .map(|range| &text[range])
        .collect()
}

/// A mark that may end a sentence, and what follows it.
#[derive(Clone)]
struct Candidate {
    /// Where the mark is.
    at: usize,
    /// End of the non-word character or of the next token behind it.
    context_end: usize,
    /// Start of the next token, where white space follows.
    next_token: Option<usize>,
}

fn candidates(text: &str) -> impl Iterator<Item = Candidate> {
    text.match_indices(['.', '?', '!']).filter_map(|(at, _)| {
        let behind = at + 1;
        let found = AFTER_MARK.captures(&text[behind..])?;
        Some(Candidate {
            at,
            context_end: behind + found[0].len(),
            next_token: found.get(1).map(|token| behind + token.start()),
        })
    })
}

/// The last candidate of each word, with the text from the start of that word to the end of its context.
fn contexts(text: &str) -> Vec<(Candidate, Range<usize>)> {
    let mut found = Vec::new();
    let mut previous: Option<Candidate> = None;
    let mut word = 0..0;
    for candidate in candidates(text) {
        let last_space =
            text[word.end..candidate.at].rfind([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
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

fn slices(text: &str) -> Vec<Range<usize>> {
    let mut slices = Vec::new();
    let mut last_break = 0;
    for (candidate, context) in contexts(text) {
        if contains_break(&text[context]) {
            slices.push(last_break..candidate.at + 1);
            last_break = candidate.next_token.unwrap_or(candidate.at + 1);
        }
    }
    let end = text.trim_end_matches(is_space).len();
    slices.push(last_break..end.max(last_break));
    slices
}

/// Moves closing quotes and brackets that follow a sentence into it.
fn realigned(text: &str, slices: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut moved = 0;
    let mut rest = slices.into_iter().peekable();
    while let Some(slice) = rest.next() {
        let start = (slice.start + moved).min(slice.end);
        let next = rest.peek().cloned().unwrap_or(slice.end..slice.end);
        let length = |group: Option<regex::Match<'_>>| group.map_or(0, |found| found.len());
        let (closers, spaces) = match CLOSERS.captures(&text[next.clone()]) {
            Some(found) => (length(found.get(1)), length(found.get(2))),
            None => (0, 0),
        };
        moved = closers + spaces;
        sentences.push(match closers {
            0 => start..slice.end,
            _ => start..next.start + closers,
        });
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// A token of a context, annotated.
struct Token<'a> {
    text: &'a str,
    /// In lower case; the same for all numbers.
    kind: String,
    /// Whether a sentence ends with it.
    breaks: bool,
    abbreviation: bool,
    ellipsis: bool,
}

impl<'a> Token<'a> {
    /// First pass, on the token alone.
    fn new(text: &'a str) -> Self {
        let lower = text.to_lowercase();
        let mut token = Token {
            kind: match IS_NUMBER.is_match(&lower) {
                true => NUMBER.to_string(),
                false => lower,
            },
            text,
            breaks: false,
            abbreviation: false,
            ellipsis: false,
        };
        if let "." | "?" | "!" = text {
            token.breaks = true;
        } else if text.bytes().all(|byte| byte == b'.') {
            token.ellipsis = true;
        } else if let Some(word) = text.strip_suffix('.').filter(|word| !word.ends_with('.')) {
            let word = word.to_lowercase();
            let last_part = word.rsplit('-').next().unwrap_or(&word);
            token.abbreviation =
                ENGLISH.contains_abbrev(&word) || ENGLISH.contains_abbrev(last_part);
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
        self.text.starts_with(char::is_uppercase)
    }

    fn starts_lower(&self) -> bool {
        self.text.starts_with(char::is_lowercase)
    }

    /// Second pass, on the next token.
    fn revise(&mut self, next: &Token<'_>) {
        if !self.text.ends_with('.') {
            return;
        }
        let data = &*ENGLISH;
        let initial = IS_INITIAL.is_match(self.text);
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

    /// Whether this token starts a sentence, by how the word is usually written; none if unknown.
    fn may_start_sentence(&self) -> Option<bool> {
        if let ";" | ":" | "," | "." | "!" | "?" = self.text {
            return Some(false);
        }
        let seen = ENGLISH.get_orthographic_context(self.kind_without_break());
        if self.starts_upper() && seen & SEEN_LOWER != 0 && seen & SEEN_MID_UPPER == 0 {
            return Some(true);
        }
        let lower_inside = seen & SEEN_UPPER != 0 || seen & SEEN_START_LOWER == 0;
        (self.starts_lower() && lower_inside).then_some(false)
    }
}

fn contains_break(context: &str) -> bool {
    let mut tokens: Vec<Token<'_>> = context.split('\n').flat_map(line_tokens).collect();
    for index in 1..tokens.len() {
        let (before, from) = tokens.split_at_mut(index);
        before[index - 1].revise(&from[0]);
    }
    tokens.iter().rev().skip(1).any(|token| token.breaks)
}

fn line_tokens(line: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = line;
    iter::from_fn(move || {
        rest = rest.trim_start_matches(is_space);
        let found = TOKEN.captures(rest)?;
        let token = (1..=3).find_map(|group| found.get(group))?;
        rest = &rest[token.end()..];
        Some(Token::new(token.as_str()))
    })
}
