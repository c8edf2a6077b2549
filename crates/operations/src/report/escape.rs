//! Text in the notations of tables: LaTeX, Markdown and CSV. What a text says is taken for nothing else there.

use crate::text::shown::acts;

/// For HTML, in text and in attributes between quotes. Each text stands in an element of its own, so that its direction
/// of writing does not reach beyond it.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(letter),
            '\r' => {}
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// For LaTeX, in text: no letter is taken for a command, for an option after `\\`, or for a ligature. Letters that the
/// fonts of a plain installation lack are written as code points, so that every document compiles.
pub(super) fn latex(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        let written = match letter {
            '\\' => "\\textbackslash{}",
            '{' => "\\{",
            '}' => "\\}",
            '$' => "\\$",
            '&' => "\\&",
            '#' => "\\#",
            '%' => "\\%",
            '_' => "\\_",
            '^' => "\\textasciicircum{}",
            '~' => "\\textasciitilde{}",
            '<' => "\\textless{}",
            '>' => "\\textgreater{}",
            '|' => "\\textbar{}",
            // Not `\textquotedbl`, which needs an encoding that a paper may not have; and babel gives `"` meanings.
            '"' => "\\char34{}",
            '\'' => "\\textquotesingle{}",
            '`' => "\\textasciigrave{}",
            '[' => "{[}",
            ']' => "{]}",
            '*' => "{*}",
            '-' => "{-}",
            '±' => "$\\pm$",
            '−' => "$-$",
            '·' => "$\\cdot$",
            '×' => "$\\times$",
            'α' => "$\\alpha$",
            'β' => "$\\beta$",
            'γ' => "$\\gamma$",
            'ε' => "$\\varepsilon$",
            'θ' => "$\\theta$",
            'κ' => "$\\kappa$",
            'λ' => "$\\lambda$",
            'π' => "$\\pi$",
            'ρ' => "$\\rho$",
            '→' => "$\\rightarrow$",
            '–' => "\\textendash{}",
            '—' => "\\textemdash{}",
            '‘' => "\\textquoteleft{}",
            '’' => "\\textquoteright{}",
            '“' => "\\textquotedblleft{}",
            '”' => "\\textquotedblright{}",
            '…' => "\\ldots{}",
            '€' => "\\texteuro{}",
            '\u{2009}' | '\u{202f}' => "\\,",
            '\u{a0}' => "~",
            '\n' | '\r' | '\t' => " ",
            ' '..='~' | '¡'..='¬' | '®'..='ÿ' => {
                out.push(letter);
                continue;
            }
            // Joiners and marks of emoji have no form of their own.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => "",
            other => {
                out += &format!("{{[}}U+{:04X}{{]}}", u32::from(other));
                continue;
            }
        };
        out += written;
    }
    out
}

/// For Markdown, within a line.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            '|' | '*' | '_' | '`' | '\\' | '<' | '[' | ']' | '#' | '~' | '&' => {
                out.extend(['\\', letter]);
            }
            _ if acts(letter) => out.extend(format!("\\\\u{{{:x}}}", u32::from(letter)).chars()),
            _ => out.push(letter),
        }
    }
    out
}

/// One line of CSV, without the line break.
pub(super) fn csv_line<S: AsRef<str>>(cells: &[S]) -> String {
    let quoted = |cell: &S| match cell.as_ref() {
        cell if cell.contains(['"', ',', '\n', '\r']) => {
            format!("\"{}\"", cell.replace('"', "\"\""))
        }
        cell => cell.to_string(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_a_command() {
        assert_eq!(
            latex(r"50% of $5 & {x}_1 #2 \n ~^"),
            r"50\% of \$5 \& \{x\}\_1 \#2 \textbackslash{}n \textasciitilde{}\textasciicircum{}"
        );
        assert_eq!(
            latex("“Hi” … café 😀"),
            "\\textquotedblleft{}Hi\\textquotedblright{} \\ldots{} café {[}U+1F600{]}"
        );
        // After a line's `\\` these would be its options.
        assert_eq!(latex("[ours]"), "{[}ours{]}");
        assert_eq!(latex("*x"), "{*}x");
        assert_eq!(latex("a\u{1b}\n你"), "a{[}U+001B{]} {[}U+4F60{]}");
        assert!(latex("a\u{7f}\u{9b}\u{202e}").is_ascii());
    }

    #[test]
    fn markdown_takes_nothing_for_a_sign() {
        assert_eq!(
            markdown("a|b_c <i> &amp; ~~d~~\ne"),
            r"a\|b\_c \<i> \&amp; \~\~d\~\~ e"
        );
        assert_eq!(markdown("x\u{1b}[1m"), r"x\\u{1b}\[1m");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(
            csv_line(&["a", "b,c", "d\"e", "f\ng"]),
            "a,\"b,c\",\"d\"\"e\",\"f\ng\""
        );
    }
}
