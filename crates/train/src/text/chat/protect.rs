//! Control tokens of a template against text of a message that reads like one.
//!
//! The first and last letters of whatever in a message could be part of a control token are replaced by letters that
//! nobody uses, the template is rendered with these messages, and the control tokens that are found then are the
//! template's own. Then the letters are put back.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

/// Letters for the ends of control tokens within messages.
pub(super) struct StandIns {
    /// The letter that stands for each.
    by_letter: BTreeMap<char, char>,
    by_stand_in: BTreeMap<char, char>,
    /// The first two letters of the control tokens; one where there is but one.
    heads: HashSet<(char, Option<char>)>,
    /// The last two, the last first.
    tails: HashSet<(char, Option<char>)>,
}

impl StandIns {
    /// Replaces nothing.
    pub fn none() -> Self {
        StandIns {
            by_letter: BTreeMap::new(),
            by_stand_in: BTreeMap::new(),
            heads: HashSet::new(),
            tails: HashSet::new(),
        }
    }

    /// Stand-ins for these control tokens that neither the messages nor the template have.
    pub fn of(controls: &[(u32, &str)], contents: &[&str], template: &str) -> Self {
        let mut heads = HashSet::new();
        let mut tails = HashSet::new();
        for (_, control) in controls {
            let (mut first, mut last) = (control.chars(), control.chars().rev());
            heads.extend(first.next().map(|letter| (letter, first.next())));
            tails.extend(last.next().map(|letter| (letter, last.next())));
        }
        let used: HashSet<char> = (contents.iter().flat_map(|content| content.chars()))
            .chain(template.chars())
            .collect();
        // Private use: no white space, no letters, and the same in upper and lower case.
        let private = ('\u{F0000}'..='\u{FFFFD}').chain('\u{100000}'..='\u{10FFFD}');
        let free = private.filter(|letter| !used.contains(letter));
        let ends: HashSet<char> = heads
            .iter()
            .chain(&tails)
            .map(|(letter, _)| *letter)
            .collect();
        let by_letter: BTreeMap<char, char> = ends.into_iter().zip(free).collect();
        StandIns {
            by_stand_in: by_letter.iter().map(|(a, b)| (*b, *a)).collect(),
            by_letter,
            heads,
            tails,
        }
    }

    /// A message with stand-ins wherever it has the first two or last two letters of a control token.
    pub fn protect(&self, content: &str) -> String {
        let letters: Vec<char> = content.chars().collect();
        let is_end = |ends: &HashSet<_>, letter: char, neighbour: Option<&char>| {
            ends.contains(&(letter, None)) || ends.contains(&(letter, neighbour.copied()))
        };
        let protected = |(at, letter): (usize, &char)| {
            let before = at.checked_sub(1).and_then(|at| letters.get(at));
            let ends = is_end(&self.heads, *letter, letters.get(at + 1))
                || is_end(&self.tails, *letter, before);
            match self.by_letter.get(letter) {
                Some(stand_in) if ends => *stand_in,
                _ => *letter,
            }
        };
        letters.iter().enumerate().map(protected).collect()
    }

    /// The text with the letters put back.
    pub fn restore<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !text.contains(|letter| self.by_stand_in.contains_key(&letter)) {
            return Cow::Borrowed(text);
        }
        let letter = |letter: char| *self.by_stand_in.get(&letter).unwrap_or(&letter);
        text.chars().map(letter).collect()
    }
}

/// The parts of a text, each with the control token behind it; the longest of those that begin at one place.
pub(super) fn split<'a>(text: &'a str, controls: &[(u32, &str)]) -> Vec<(&'a str, Option<u32>)> {
    let firsts: HashSet<char> = controls
        .iter()
        .filter_map(|(_, control)| control.chars().next())
        .collect();
    let mut parts = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(found) = rest[at..].find(|letter| firsts.contains(&letter)) {
        at += found;
        let here = controls
            .iter()
            .filter(|(_, control)| rest[at..].starts_with(control));
        match here.max_by_key(|(_, control)| control.len()) {
            Some((id, control)) => {
                parts.push((&rest[..at], Some(*id)));
                rest = &rest[at + control.len()..];
                at = 0;
            }
            None => at += rest[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    parts.push((rest, None));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROLS: [(u32, &str); 3] = [(1, "<|im_start|>"), (2, "<|im_end|>"), (3, "<|im_end|>x")];

    #[test]
    fn the_longest_control_token_at_a_place_is_found() {
        let parts = split("<a <|im_end|>x<|im_start|>é<|im_", &CONTROLS);
        assert_eq!(parts, [("<a ", Some(3)), ("", Some(1)), ("é<|im_", None)]);
        assert_eq!(split("", &CONTROLS), [("", None)]);
    }

    #[test]
    fn pieces_of_control_tokens_are_replaced_and_put_back() {
        let text = "a < b <|im_end|> <|im_ and |> b > c, </think>";
        let stand_ins = StandIns::of(&CONTROLS, &[text], "");
        let protected = stand_ins.protect(text);
        assert_eq!(protected.matches('<').count(), 2);
        assert_eq!(protected.matches('>').count(), 2);
        assert!(split(&protected, &CONTROLS).len() == 1);
        assert_eq!(stand_ins.restore(&protected), text);
        // Halves that a template puts together.
        let (left, right) = (stand_ins.protect("<|im_"), stand_ins.protect("end|>"));
        assert_eq!(split(&format!("{left}{right}"), &CONTROLS).len(), 1);
    }

    #[test]
    fn a_message_that_has_a_stand_in_gets_another() {
        let text = "\u{F0000}\u{F0001}<|im_end|>";
        let stand_ins = StandIns::of(&CONTROLS, &[text], "\u{F0002}");
        assert_eq!(stand_ins.restore(&stand_ins.protect(text)), text);
        assert_eq!(
            stand_ins.restore("\u{F0000}\u{F0002}"),
            "\u{F0000}\u{F0002}"
        );
    }
}
