//! Windows over a text that is longer than an identifier reads: whole sentences, as many in a row as fit.
//!
//! Knows lengths through a test of its caller; must not know a tokenizer.

use crate::text::sentences;

/// Parts of `text` that `fits` holds for, which make up the text without white space between them. A sentence that does
/// not fit is parted between words; only a word that does not fit stays too long. The text itself where it fits.
pub fn windows(text: &str, fits: impl Fn(&str) -> bool) -> Vec<&str> {
    if fits(text) {
        return vec![text];
    }
    joined(text, &sentences(text), &fits)
        .into_iter()
        .flat_map(|window| match fits(window) {
            true => vec![window],
            false => {
                let words: Vec<&str> = window.split_whitespace().collect();
                joined(window, &words, &fits)
            }
        })
        .collect()
}

/// Neighbouring parts of `text`, which stand in it in this order, joined while they fit.
fn joined<'a>(text: &'a str, parts: &[&'a str], fits: &impl Fn(&str) -> bool) -> Vec<&'a str> {
    let place = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    };
    let mut windows: Vec<&str> = Vec::new();
    for part in parts {
        let part = place(part);
        let longer = windows
            .last()
            .map(|last| &text[place(last).start..part.end])
            .filter(|longer| fits(longer));
        match (longer, windows.last_mut()) {
            (Some(longer), Some(last)) => *last = longer,
            _ => windows.push(&text[part]),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most(words: usize) -> impl Fn(&str) -> bool {
        move |text| text.split_whitespace().count() <= words
    }

    #[test]
    fn sentences_are_joined_while_they_fit() {
        let text = "I am sorry. That is hard!  Did Mr. Hill call? He should.";
        assert_eq!(windows(text, at_most(20)), [text]);
        assert_eq!(
            windows(text, at_most(7)),
            ["I am sorry. That is hard!", "Did Mr. Hill call? He should."]
        );
        assert_eq!(windows(text, at_most(3))[0], "I am sorry.");
    }

    #[test]
    fn a_sentence_that_does_not_fit_is_parted_between_words() {
        let text = "Oh. one two three four five six seven. Yes.";
        assert_eq!(
            windows(text, at_most(3)),
            ["Oh.", "one two three", "four five six", "seven.", "Yes."]
        );
        let fits = |text: &str| text.len() <= 4;
        assert_eq!(
            windows("a Donaudampfschiff b", fits),
            ["a", "Donaudampfschiff", "b"]
        );
        assert_eq!(windows("", at_most(0)), [""]);
        assert!(windows("  ", |text| text.is_empty()).is_empty());
    }
}
