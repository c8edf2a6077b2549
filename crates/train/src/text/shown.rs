//! Text of other people where it is shown or copied: no character of it acts on the screen, the row, the spreadsheet or
//! the shell that it lands in.
//!
//! Must not know where the text comes from.

use std::borrow::Cow;

/// Text for a screen: control characters, and those that turn the direction of writing, are spelled out (`\u{1b}`).
/// Lines stay lines.
pub fn visible(text: &str) -> Cow<'_, str> {
    match text.contains("\r\n") {
        true => Cow::Owned(spelled_out(&text.replace("\r\n", "\n"), false).into_owned()),
        false => spelled_out(text, false),
    }
}

/// Text within a line of a list or a table: as [`visible`], with line breaks and tabs as `\n` and `\t`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    spelled_out(text, true)
}

/// Whether a character acts rather than shows: C0, C1, DEL, and the bidirectional overrides and isolates.
pub fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{2028}' | '\u{2029}')
}

fn spelled_out(text: &str, breaks: bool) -> Cow<'_, str> {
    let kept = |letter: char| !acts(letter) || (!breaks && matches!(letter, '\n' | '\t'));
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match kept(letter) {
            true => out.push(letter),
            false => out.extend(letter.escape_default()),
        }
    }
    Cow::Owned(out)
}

/// A text as a cell of a spreadsheet, which would take one that begins with `=`, `+`, `-`, `@`, a tab or a carriage
/// return for a formula: an apostrophe goes before it. A number stays a number.
pub fn cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match formula && text.parse::<f64>().is_err() {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// A word of a command that a person may copy into a shell.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,@%+".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Cow::Borrowed(text),
        // Between single quotes nothing has a meaning but the next one.
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

/// A named option with its value, such as `--store DIR`: joined by `=` where the value would be taken for an option.
pub fn shell_option(name: &str, value: &str) -> String {
    let separator = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{separator}{}", shell_word(value))
}

/// The last word of a command: behind `--` where it would be taken for an option.
pub fn shell_last(word: &str) -> String {
    let before = if word.starts_with('-') { "-- " } else { "" };
    format!("{before}{}", shell_word(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_acts_on_the_screen() {
        let text = "a\u{1b}[2Jb\u{7}\u{7f}\u{9b}31m\rc\u{202e}d\u{2066}\n\te";
        assert_eq!(
            visible(text),
            "a\\u{1b}[2Jb\\u{7}\\u{7f}\\u{9b}31m\\rc\\u{202e}d\\u{2066}\n\te"
        );
        assert_eq!(one_line("a\n\tb\r"), "a\\n\\tb\\r");
        assert_eq!(visible("one\r\ntwo\r\n"), "one\ntwo\n");
    }

    #[test]
    fn other_scripts_emoji_and_marks_stay_as_they_are() {
        for text in [
            "Œuvre – 你好 – שלום\u{200f} – नमस्ते – 👩\u{200d}👧🏽 – a\\n",
            "",
        ] {
            assert!(matches!(one_line(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_spreadsheet_computes_nothing() {
        for text in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
        ] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        for text in ["-1.5", "+3", "-1e-7", "1+1", "plain", "", "–", "'=1"] {
            assert_eq!(cell(text), text);
        }
    }

    #[test]
    fn a_shell_takes_a_word_as_it_is() {
        for (word, written) in [
            ("/home/a-b/store_1", "/home/a-b/store_1"),
            ("my store", "'my store'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("a;rm -rf b", "'a;rm -rf b'"),
            ("~x", "'~x'"),
            ("größe", "'größe'"),
        ] {
            assert_eq!(shell_word(word), written);
        }
        assert_eq!(shell_option("--store", "a b"), "--store 'a b'");
        assert_eq!(shell_option("--store", "-x y"), "--store='-x y'");
        assert_eq!(shell_last("-x"), "-- -x");
        assert_eq!(shell_last("x y"), "'x y'");
    }

    #[cfg(unix)]
    #[test]
    fn the_shell_itself_agrees() {
        for word in [
            "a b",
            "$(id)",
            "`id`",
            "it's \"so\"",
            "\\",
            "*",
            "!x",
            "-n",
            "a\nb",
            "#x",
            "ü😀",
        ] {
            let script = format!("printf %s {}", shell_word(word));
            let out = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            assert_eq!(out.unwrap().stdout, word.as_bytes(), "{script}");
        }
    }
}
