//! What a model wrote before it answered, where it stands in the answer itself between tags.

/// The tags that models put around it.
const TAGS: [&str; 5] = ["think", "thinking", "thought", "reasoning", "analysis"];
/// Around the answer that follows.
const ANSWER: &str = "answer";

/// The reasoning at the beginning of an answer, and what is said after it, which may be nothing. Reasoning that does not
/// end is left where it is.
pub fn split_reasoning(text: &str) -> (Option<&str>, &str) {
    let found = TAGS.iter().find_map(|tag| inside(text, tag));
    // Where a chat template has opened it, a model closes it alone.
    let found = found.or_else(|| TAGS.iter().find_map(|tag| closed(text, tag)));
    let Some((reasoning, rest)) = found else {
        return (None, text);
    };
    let answer = match inside(rest, ANSWER) {
        Some((answer, "")) => answer,
        _ => rest,
    };
    (Some(reasoning).filter(|text| !text.is_empty()), answer)
}

/// Whether a text begins with reasoning that does not end.
pub(super) fn does_not_end(text: &str) -> bool {
    let text = text.trim();
    TAGS.iter().any(|tag| {
        let is_open = strip_tag(text, &format!("<{tag}>")).is_some();
        let close = format!("</{tag}>");
        is_open && !text.to_ascii_lowercase().contains(&close)
    })
}

/// What stands in this tag at the beginning of a text, and what follows, both without the white space around them.
fn inside<'a>(text: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    closed(strip_tag(text.trim(), &format!("<{tag}>"))?, tag)
}

/// What stands before a tag is closed that is not opened in a text, and what follows.
fn closed<'a>(text: &'a str, tag: &str) -> Option<(&'a str, &'a str)> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut places = text.match_indices('<').map(|(at, _)| at);
    let at = places.find(|at| {
        let rest = &text[*at..];
        strip_tag(rest, &open)
            .or_else(|| strip_tag(rest, &close))
            .is_some()
    })?;
    let rest = strip_tag(&text[at..], &close)?;
    Some((text[..at].trim(), rest.trim()))
}

fn strip_tag<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let head = text.get(..tag.len())?;
    head.eq_ignore_ascii_case(tag).then(|| &text[tag.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_in_tags_is_no_part_of_the_answer() {
        for (text, reasoning, answer) in [
            (
                "<think>She is sad.</think>\n\nI am sorry.",
                Some("She is sad."),
                "I am sorry.",
            ),
            (" <THINK>\nä < b\n</Think> Oh.", Some("ä < b"), "Oh."),
            ("<think></think>Oh.", None, "Oh."),
            (
                "<reasoning>x</reasoning><answer>Oh.</answer>",
                Some("x"),
                "Oh.",
            ),
            (
                "I think <think>so</think> too.",
                None,
                "I think <think>so</think> too.",
            ),
            ("<think>She is</think>", Some("She is"), ""),
            ("She is sad.</think>Oh.", Some("She is sad."), "Oh."),
            // Cut before it answered: a person must see that.
            ("<think>She is", None, "<think>She is"),
            ("Oh.", None, "Oh."),
            ("", None, ""),
        ] {
            assert_eq!(split_reasoning(text), (reasoning, answer), "{text}");
        }
    }
}
