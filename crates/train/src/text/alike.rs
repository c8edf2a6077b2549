//! Whether two names are one to a reader, however they were typed.

use tokenizers::normalizers::unicode::NFKC;
use tokenizers::{NormalizedString, Normalizer};

/// What texts have in common that differ by case, by blanks, by how letters are composed of characters, or by
/// characters that show nothing.
pub fn alike(text: &str) -> String {
    let composed = compose(text).to_lowercase();
    let visible: String = composed
        .chars()
        .filter(|letter| !is_unseen(*letter))
        .collect();
    // Some letters fall apart when they are put into lower case.
    let words: Vec<String> = visible.split_whitespace().map(compose).collect();
    words.join(" ")
}

fn compose(text: &str) -> String {
    let mut normal = NormalizedString::from(text);
    match NFKC.normalize(&mut normal) {
        Ok(()) => normal.get().to_string(),
        // It has nothing to fail at; the text itself is compared then.
        Err(_) => text.to_string(),
    }
}

/// Soft hyphens, joiners, marks of direction and the like.
fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_only_look_different_to_a_machine_are_alike() {
        for (one, other) in [
            ("Zoe\u{301}", "zo\u{e9}"),
            (" Ada  Lovelace ", "ADA\u{a0}LOVELACE"),
            ("\u{ff21}\u{ff12}", "a2"),
            ("Be\u{200b}n", "Ben"),
            ("\u{130}lkay", "i\u{307}lkay"),
            ("\u{3a3}\u{3a3}", "\u{3c3}\u{3c2}"),
        ] {
            assert_eq!(alike(one), alike(other), "{one} and {other}");
        }
        for (one, other) in [("Zoe", "Zo\u{e9}"), ("Ada B", "AdaB"), ("", "x")] {
            assert_ne!(alike(one), alike(other), "{one} and {other}");
        }
    }
}
