//! Words as NLTK 3.9's `word_tokenize` cuts them: sentences first, then the rules of the Penn Treebank
//! with NLTK's changes for quotes.
//!
//! The rules are a sequence of rewritings that put spaces around what is a word of its own; they are in the
//! order of NLTK's and each does what the pattern in its comment does. Must not know what words are for.

use super::classes::{is_digit, is_space, is_word};
use super::sentences::sentences;

/// The words of a text, case kept.
pub fn word_tokenize(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for sentence in sentences(text) {
        words.extend(sentence_words(&sentence));
    }
    words
}

/// The words of one sentence.
fn sentence_words(sentence: &str) -> Vec<String> {
    let mut text: Vec<char> = sentence.chars().collect();
    text = opening_quotes(text);
    text = punctuation(text);
    text = rewrite(text, around(|c| "[](){}<>".contains(c)));
    text = rewrite(text, around_literal("--"));
    text.insert(0, ' ');
    text.push(' ');
    text = closing_quotes(text);
    text = contractions(text);
    text.split(|&c| is_space(c))
        .filter(|word| !word.is_empty())
        .map(|word| word.iter().collect())
        .collect()
}

/// One rule: looks at the text at a place and, where it applies, writes what stands there instead
/// and says how many characters it replaced; else 0.
fn rewrite(text: Vec<char>, rule: impl Fn(&[char], usize, &mut Vec<char>) -> usize) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut at = 0;
    while at < text.len() {
        let replaced = rule(&text, at, &mut out);
        if replaced == 0 {
            out.push(text[at]);
            at += 1;
        } else {
            at += replaced;
        }
    }
    out
}

fn write(out: &mut Vec<char>, parts: &[&[char]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Spaces around each character that fits.
fn around(fits: impl Fn(char) -> bool) -> impl Fn(&[char], usize, &mut Vec<char>) -> usize {
    move |text, at, out| {
        if !fits(text[at]) {
            return 0;
        }
        write(out, &[&[' ', text[at], ' ']]);
        1
    }
}

/// Spaces around a run of at least `least` of one character.
fn around_run(mark: char, least: usize) -> impl Fn(&[char], usize, &mut Vec<char>) -> usize {
    move |text, at, out| {
        let length = text[at..].iter().take_while(|&&c| c == mark).count();
        if length < least {
            return 0;
        }
        write(out, &[&[' '], &text[at..at + length], &[' ']]);
        length
    }
}

/// Spaces around a literal text.
fn around_literal(literal: &str) -> impl Fn(&[char], usize, &mut Vec<char>) -> usize {
    replaced(literal, literal)
}

/// A literal text becomes another one with spaces around it.
fn replaced(literal: &str, by: &str) -> impl Fn(&[char], usize, &mut Vec<char>) -> usize {
    let literal: Vec<char> = literal.chars().collect();
    let by: Vec<char> = by.chars().collect();
    move |text, at, out| {
        if !text[at..].starts_with(&literal) {
            return 0;
        }
        write(out, &[&[' '], &by, &[' ']]);
        literal.len()
    }
}

fn opening_quotes(mut text: Vec<char>) -> Vec<char> {
    // ([«“‘„]|[`]+)
    text = rewrite(text, |text, at, out| match text[at] {
        '«' | '“' | '‘' | '„' => around(|_| true)(text, at, out),
        _ => around_run('`', 1)(text, at, out),
    });
    // ^"
    if text.first() == Some(&'"') {
        text.splice(0..1, ['`', '`']);
    }
    // (``)
    text = rewrite(text, around_literal("``"));
    // ([ ([{<])("|'{2})
    text = rewrite(text, |text, at, out| {
        let quote = match text[at + 1..] {
            ['"', ..] => 1,
            ['\'', '\'', ..] => 2,
            _ => 0,
        };
        if quote == 0 || !" ([{<".contains(text[at]) {
            return 0;
        }
        write(out, &[&[text[at]], &[' ', '`', '`', ' ']]);
        1 + quote
    });
    // (?i)(')(?!re|ve|ll|m|t|s|d|n)(\w)\b
    rewrite(text, |text, at, out| {
        let letter = match text[at..] {
            ['\'', c, ..] if is_word(c) => c,
            _ => return 0,
        };
        let alone = text.get(at + 2).is_none_or(|&c| !is_word(c));
        if !alone || "mtsdnMTSDN".contains(letter) {
            return 0;
        }
        write(out, &[&['\'', ' ', letter]]);
        2
    })
}

fn punctuation(mut text: Vec<char>) -> Vec<char> {
    // ([^.])(.)([\])}>"'»”’ ]*)\s*$ -> \1 \2 \3
    text = final_period(text, "])}>\"'»”’ ", &[' ', '.', ' ']);
    // ([:,])([^\d])
    text = rewrite(text, |text, at, out| match text[at..] {
        [mark @ (':' | ','), follower, ..] if !is_digit(follower) => {
            write(out, &[&[' ', mark, ' ', follower]]);
            2
        }
        _ => 0,
    });
    // ([:,])$
    if let Some(mark) = text.pop_if(|last| matches!(last, ':' | ',')) {
        text.extend([' ', mark, ' ']);
    }
    // \.{2,}
    text = rewrite(text, around_run('.', 2));
    // [;@#$%&]
    text = rewrite(text, around(|c| ";@#$%&".contains(c)));
    // ([^.])(.)([\])}>"']*)\s*$ -> \1 \2\3
    text = final_period(text, "])}>\"'", &[' ', '.']);
    // [?!]
    text = rewrite(text, around(|c| matches!(c, '?' | '!')));
    // ([^'])'␣
    text = rewrite(text, |text, at, out| match text[at..] {
        [before, '\'', ' ', ..] if before != '\'' => {
            write(out, &[&[before, ' ', '\'', ' ']]);
            3
        }
        _ => 0,
    });
    // [*]
    rewrite(text, around(|c| c == '*'))
}

/// Parts the full stop that ends the sentence, behind which only `closers` and white space stand.
fn final_period(mut text: Vec<char>, closers: &str, period: &[char]) -> Vec<char> {
    for at in 1..text.len() {
        if text[at] != '.' || text[at - 1] == '.' {
            continue;
        }
        let rest = &text[at + 1..];
        let length = rest.iter().take_while(|&&c| closers.contains(c)).count();
        if rest[length..].iter().all(|&c| is_space(c)) {
            let closing = rest[..length].to_vec();
            text.truncate(at);
            write(&mut text, &[period, &closing, &[' ']]);
            return text;
        }
    }
    text
}

fn closing_quotes(mut text: Vec<char>) -> Vec<char> {
    // ([»”’])
    text = rewrite(text, around(|c| matches!(c, '»' | '”' | '’')));
    // ''
    text = rewrite(text, around_literal("''"));
    // "
    text = rewrite(text, replaced("\"", "''"));
    // \s+
    text = rewrite(text, |text, at, out| {
        let spaces = text[at..].iter().take_while(|&&c| is_space(c)).count();
        if spaces > 0 {
            out.push(' ');
        }
        spaces
    });
    // ([^' ])('[sS]|'[mM]|'[dD]|')␣
    text = rewrite(text, |text, at, out| {
        let ending = match text[at + 1..] {
            ['\'', 's' | 'S' | 'm' | 'M' | 'd' | 'D', ' ', ..] => 2,
            ['\'', ' ', ..] => 1,
            _ => 0,
        };
        part_ending(text, at, ending, out)
    });
    // ([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T)␣
    rewrite(text, |text, at, out| {
        let ending = match text[at + 1..] {
            ['\'', 'l', 'l', ' ', ..]
            | ['\'', 'L', 'L', ' ', ..]
            | ['\'', 'r', 'e', ' ', ..]
            | ['\'', 'R', 'E', ' ', ..]
            | ['\'', 'v', 'e', ' ', ..]
            | ['\'', 'V', 'E', ' ', ..]
            | ['n', '\'', 't', ' ', ..]
            | ['N', '\'', 'T', ' ', ..] => 3,
            _ => 0,
        };
        part_ending(text, at, ending, out)
    })
}

/// Parts an ending of `length` characters and the space behind it from the character at `at`.
fn part_ending(text: &[char], at: usize, length: usize, out: &mut Vec<char>) -> usize {
    if length == 0 || matches!(text[at], '\'' | ' ') {
        return 0;
    }
    write(
        out,
        &[&[text[at], ' '], &text[at + 1..=at + length], &[' ']],
    );
    length + 2
}

/// What a contraction must be followed by.
#[derive(Clone, Copy, PartialEq)]
enum After {
    /// The end of a word.
    WordEnd,
    /// White space.
    Space,
}

fn contractions(mut text: Vec<char>) -> Vec<char> {
    let inside_words = [
        ("can", "not", After::WordEnd),
        ("d", "'ye", After::WordEnd),
        ("gim", "me", After::WordEnd),
        ("gon", "na", After::WordEnd),
        ("got", "ta", After::WordEnd),
        ("lem", "me", After::WordEnd),
        ("more", "'n", After::WordEnd),
        ("wan", "na", After::Space),
    ];
    for (first, second, after) in inside_words {
        text = rewrite(text, |text, at, out| {
            let starts_word = at == 0 || !is_word(text[at - 1]);
            if !starts_word {
                return 0;
            }
            part_contraction(text, at, (first, second), after, out)
        });
    }
    for second in ["is", "was"] {
        text = rewrite(text, |text, at, out| {
            if text[at] != ' ' {
                return 0;
            }
            match part_contraction(text, at + 1, ("'t", second), After::WordEnd, out) {
                0 => 0,
                replaced => replaced + 1,
            }
        });
    }
    text
}

/// Parts two literals, in any case, that stand at `at` one behind the other.
fn part_contraction(
    text: &[char],
    at: usize,
    (first, second): (&str, &str),
    after: After,
    out: &mut Vec<char>,
) -> usize {
    let wanted = first.chars().chain(second.chars());
    let length = first.len() + second.len();
    let Some(found) = text.get(at..at + length) else {
        return 0;
    };
    let same = wanted.zip(found).all(|(a, b)| a.eq_ignore_ascii_case(b));
    let follower = text.get(at + length).copied();
    let ended = match after {
        After::WordEnd => follower.is_none_or(|c| !is_word(c)),
        After::Space => follower.is_some_and(is_space),
    };
    if !same || !ended {
        return 0;
    }
    let (first, second) = found.split_at(first.len());
    write(out, &[&[' '], first, &[' '], second, &[' ']]);
    length
}
