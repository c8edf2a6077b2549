//! Responses that were published as tokens in lower case: recognised, and put as people write.
//!
//! For the eyes only: what is scored is always the response as it came. Knows texts only.

use std::borrow::Cow;

/// Responses looked at when a file is judged.
const LOOKED_AT: usize = 2000;
/// Share of responses without a capital, and of marks with a blank before them, from which a file counts as
/// tokenised.
const ENOUGH: f64 = 0.95;
/// Halves that tokenizers part and people write as one word.
const JOINED: [(&str, &str); 7] = [
    ("can", "not"),
    ("gon", "na"),
    ("wan", "na"),
    ("got", "ta"),
    ("gim", "me"),
    ("lem", "me"),
    ("d", "'ye"),
];

/// Whether responses are tokens in lower case, as published outputs often are: hardly a capital, and blanks
/// before the marks.
pub fn is_tokenized<'a>(responses: impl IntoIterator<Item = &'a str>) -> bool {
    let (mut texts, mut lower, mut marks, mut parted) = (0.0, 0.0, 0.0, 0.0);
    for text in responses.into_iter().take(LOOKED_AT) {
        if !text.chars().any(char::is_alphabetic) {
            continue;
        }
        texts += 1.0;
        lower += f64::from(!text.chars().any(char::is_uppercase));
        let chars: Vec<char> = text.chars().collect();
        for pair in chars.windows(2).filter(|pair| is_closing_mark(pair[1])) {
            // The second of two marks, as in `?!`, says nothing.
            if !is_closing_mark(pair[0]) {
                marks += 1.0;
                parted += f64::from(pair[0] == ' ');
            }
        }
    }
    texts > 0.0 && marks > 0.0 && lower / texts >= ENOUGH && parted / marks >= ENOUGH
}

/// A response as it is shown to people: put as they write where it is `tokenized`, else as it is.
pub fn shown(response: &str, tokenized: bool) -> Cow<'_, str> {
    match tokenized {
        true => Cow::Owned(detokenize(response)),
        false => Cow::Borrowed(response),
    }
}

/// Joins the tokens of a response and gives sentences and `I` their capitals. Words keep their order and
/// letters.
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

fn is_closing_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '?' | '!' | ';' | ':')
}

fn is_opening(token: &str) -> bool {
    matches!(token, "(" | "[" | "{" | "$" | "#")
}

/// Whether a token is written without a blank before it.
fn attaches(before: &str, token: &str) -> bool {
    let run = token.chars().all(|c| ".?!,".contains(c));
    let marks = run || matches!(token, ";" | ":" | ")" | "]" | "}" | "%");
    let ending = matches!(
        token,
        "n't"
            | "'s"
            | "'m"
            | "'re"
            | "'ve"
            | "'ll"
            | "'d"
            | "'"
            | "n’t"
            | "’s"
            | "’m"
            | "’re"
            | "’ve"
            | "’ll"
            | "’d"
    );
    marks || ending || JOINED.contains(&(before, token))
}

/// Capitals at the beginning, after the end of a sentence, and for the word `i`.
fn with_capitals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut starts = true;
    for (at, &c) in chars.iter().enumerate() {
        let in_word = |place: Option<&char>| place.is_some_and(|c| c.is_alphanumeric());
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let alone = !in_word(before) && !in_word(chars.get(at + 1));
        // `i.e.` and `i-` are no pronouns, and an apostrophe before it makes it a part of a word.
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
