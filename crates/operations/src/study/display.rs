//! Recognises responses that were published as lower-case tokens, and detokenizes them.
//!
//! Only for display: what is scored is always the original response.

use std::borrow::Cow;

/// Responses that are sampled to classify a file.
const SAMPLED: usize = 2000;
/// A file is tokenized if at least this share of responses has no capital, and of punctuation a space before.
const THRESHOLD: f64 = 0.95;
/// Words that tokenizers split in two.
const JOINED: [(&str, &str); 7] = [
    ("can", "not"),
    ("gon", "na"),
    ("wan", "na"),
    ("got", "ta"),
    ("gim", "me"),
    ("lem", "me"),
    ("d", "'ye"),
];

/// Whether responses are lower-case tokens, as published outputs often are: hardly a capital, and spaces
/// before punctuation.
pub fn is_tokenized<'a>(responses: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut texts, mut lower, mut marks, mut parted) = (0.0, 0.0, 0.0, 0.0);
    for text in responses.into_iter().take(SAMPLED) {
        if !text.chars().any(char::is_alphabetic) {
            continue;
        }
        texts += 1.0;
        lower += f64::from(!text.chars().any(char::is_uppercase));
        let chars: Vec<char> = text.chars().collect();
        for pair in chars.windows(2).filter(|pair| is_closing_mark(pair[1])) {
            // The second of two marks, as in `?!`, does not count.
            if !is_closing_mark(pair[0]) {
                marks += 1.0;
                parted += f64::from(pair[0] == ' ');
            }
        }
    }
    texts > 0.0 && marks > 0.0 && lower / texts >= THRESHOLD && parted / marks >= THRESHOLD
}

/// A response as shown to people: detokenized if it is `tokenized`.
pub fn shown(response: &str, tokenized: bool) -> Cow<'_, str> {
    match tokenized {
        true => Cow::Owned(detokenize(response)),
        false => Cow::Borrowed(response),
    }
}

/// Joins the tokens and capitalizes sentences and `I`. Words keep their order and letters.
pub fn detokenize(response: &str) -> String {
    let mut out = String::with_capacity(response.len());
    let mut quote_open = false;
    let mut glue = true;
    let mut before = "";
    for token in response.split_whitespace() {
        let (text, opens, closes) = match token {
            "``" => ("\"", true, false),
            "''" => ("\"", false, true),
            "\"" => ("\"", !quote_open, quote_open),
            _ => (token, is_opening(token), attaches(before, token)),
        };
        if text == "\"" {
            quote_open = opens;
        }
        if !glue && !closes {
            out.push(' ');
        }
        out += text;
        glue = opens;
        before = token;
    }
    with_capitals(&out)
}

pub(super) fn is_closing_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '?' | '!' | ';' | ':')
}

fn is_opening(token: &str) -> bool {
    matches!(token, "(" | "[" | "{" | "$" | "#")
}

/// Whether a token is written without a space before it.
fn attaches(before: &str, token: &str) -> bool {
    let run = token.chars().all(|c| ".?!,".contains(c));
    let marks = run || matches!(token, ";" | ":" | ")" | "]" | "}" | "%");
    const ENDINGS: [&str; 7] = ["n't", "'s", "'m", "'re", "'ve", "'ll", "'d"];
    let ending = ENDINGS.contains(&&*token.replace('’', "'")) || token == "'";
    marks || ending || JOINED.contains(&(before, token))
}

/// Capitalizes the first letter of each sentence and the word `i`.
fn with_capitals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut starts = true;
    for (at, &c) in chars.iter().enumerate() {
        let in_word = |place: Option<&char>| place.is_some_and(|c| c.is_alphanumeric());
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let alone = !in_word(before) && !in_word(chars.get(at + 1));
        // `i.e.` and `i-` are not pronouns; after an apostrophe `i` is part of a word.
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        let pronoun = c == 'i'
            && alone
            && before.is_none_or(|c| c.is_whitespace() || "\"(".contains(*c))
            && !(next == '.' && in_word(chars.get(at + 2)))
            && next != '-';
        if c.is_alphanumeric() {
            if starts || pronoun {
                out.extend(c.to_uppercase());
            } else {
                out.push(c);
            }
            starts = false;
        } else {
            let ends = matches!(c, '.' | '?' | '!');
            let spaced = chars.get(at + 1).is_none_or(|c| c.is_whitespace());
            starts = starts || (ends && spaced);
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_sentences() {
        for (tokens, text) in [
            (
                "oh no ! i 'm so sorry . did n't you see it ?",
                "Oh no! I'm so sorry. Didn't you see it?",
            ),
            (
                "i ca n't , i wo n't , i can not",
                "I can't, I won't, I cannot",
            ),
            (
                "that 's it : $ 10 ( or 5 % ) ...",
                "That's it: $10 (or 5%)...",
            ),
            ("he said `` hi '' and i left", "He said \"hi\" and I left"),
            ("\" hi \" he said", "\"Hi\" he said"),
            ("so i.e. me and i", "So i.e. Me and I"),
            ("we 're gon na win ! ! i know", "We're gonna win!! I know"),
            ("ok :) bye", "Ok :) bye"),
            ("", ""),
        ] {
            assert_eq!(detokenize(tokens), text);
        }
    }

    #[test]
    fn only_lower_case_tokens_are_recognised() {
        let tokenized = ["oh no ! i am sorry .", "what happened ?", "yes"];
        assert!(is_tokenized(tokenized));
        assert!(!is_tokenized(["Oh no! I am sorry.", "What happened?"]));
        assert!(!is_tokenized(["oh no! i am sorry.", "what happened?"]));
        assert!(!is_tokenized(["Oh no ! I am sorry .", "What happened ?"]));
        assert!(!is_tokenized(["yes", "no"]), "no mark tells");
        assert!(!is_tokenized([]));
        assert_eq!(shown("ok .", false), "ok .");
        assert_eq!(shown("ok .", true), "Ok.");
    }
}
