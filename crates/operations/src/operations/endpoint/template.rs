//! Prompts with places for what is asked about: `{context}`, `{response}` and the like.
//!
//! A place is a known name in braces. Other braces are text, so that a prompt can show JSON; what is put in is never
//! looked at for places. Must not know what the names stand for.

use crate::data::Turns;

/// A prompt, cut at its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Of a name.
    Place(String),
}

impl Template {
    /// Reads a prompt; `is_known` says which names there are.
    ///
    /// # Errors
    /// What looks like a place has no known name: the name.
    pub fn parse(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain += &rest[..at];
            let after = &rest[at + 1..];
            let name = after.split_once('}').map(|(name, _)| name);
            match name.filter(|name| looks_like_a_name(name)) {
                Some(name) if is_known(name) => {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Place(name.to_string()));
                    rest = &after[name.len() + 1..];
                }
                Some(name) => return Err(name.to_string()),
                None => {
                    plain.push('{');
                    rest = after;
                }
            }
        }
        plain += rest;
        parts.push(Part::Text(plain));
        Ok(Template { parts })
    }

    /// The names of its places, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for part in &self.parts {
            if let Part::Place(name) = part
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// The prompt with what `of` gives for each name.
    pub fn filled<'a>(&self, of: impl Fn(&str) -> Option<&'a str>) -> String {
        let part = |part: &'_ Part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(name) => of(name).unwrap_or_default().to_string(),
        };
        let text: String = self.parts.iter().map(part).collect();
        text.trim().to_string()
    }
}

/// `example_1.context` does, `"score": 1` does not.
fn looks_like_a_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(fits)
}

/// What was said, a line each with who said it.
pub fn conversation(turns: Turns<'_>) -> String {
    let line =
        |(role, text): (crate::data::Role, &str)| format!("{}: {}", role.title(), text.trim());
    turns.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, String> {
        Template::parse(text, |name| ["context", "response"].contains(&name))
    }

    #[test]
    fn places_are_known_names_and_other_braces_are_text() {
        let template = parse("{context}\nA: {response} {\"score\": 3} { x } {} {context").unwrap();
        assert_eq!(template.names(), ["context", "response"]);
        let of = |name: &str| {
            Some(if name == "context" {
                "{response}"
            } else {
                "{context}"
            })
        };
        assert_eq!(
            template.filled(of),
            "{response}\nA: {context} {\"score\": 3} { x } {} {context"
        );
    }

    #[test]
    fn a_misspelt_place_is_said() {
        assert_eq!(parse("{contxt}"), Err("contxt".to_string()));
    }

    #[test]
    fn a_conversation_says_who_said_what() {
        let said = ["I am sad. ".to_string(), "Why?".to_string()];
        assert_eq!(
            conversation(Turns::alternating(&said)),
            "Speaker: I am sad.\nListener: Why?"
        );
    }
}
