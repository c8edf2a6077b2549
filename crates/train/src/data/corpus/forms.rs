//! Turns that are written as one text: their fields between what stands in every one.

use serde_json::{Map, Value};

/// How a turn is written: `{who}: {text}`.
#[derive(Debug)]
pub struct Form(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Field(String),
}

impl Form {
    /// # Errors
    /// It is no form: why, as a sentence.
    pub fn parse(form: &str) -> Result<Form, String> {
        let wrong = |what: &str| format!("the form {form:?} {what}");
        let mut parts = Vec::new();
        let mut rest = form;
        while let Some((text, after)) = rest.split_once('{') {
            let (field, after) = after
                .split_once('}')
                .ok_or_else(|| wrong("opens a brace and does not close it"))?;
            if field.trim().is_empty() {
                return Err(wrong("has a field without a name"));
            }
            if text.is_empty() && matches!(parts.last(), Some(Part::Field(_))) {
                return Err(wrong("has nothing between two fields"));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_string()));
            }
            parts.push(Part::Field(field.trim().to_string()));
            rest = after;
        }
        if parts.is_empty() {
            return Err(wrong("has no field in braces"));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_string()));
        }
        Ok(Form(parts))
    }

    /// The fields of a turn; None where it is written in another way. A field ends at the first letter of what follows it.
    pub fn read(&self, turn: &str) -> Option<Map<String, Value>> {
        let mut fields = Map::new();
        let mut rest = turn.trim();
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Field(name) => {
                    let end = match parts.peek() {
                        Some(Part::Text(text)) => rest.find(text.chars().next()?)?,
                        _ => rest.len(),
                    };
                    let field = rest[..end].trim();
                    if field.is_empty() {
                        return None;
                    }
                    fields.insert(name.clone(), field.into());
                    rest = &rest[end..];
                }
            }
        }
        rest.is_empty().then_some(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_between_what_is_fixed() {
        let read = |form: &str, turn: &str| {
            let fields = Form::parse(form).unwrap().read(turn)?;
            Some(Value::Object(fields).to_string())
        };
        let form = "{weight} {who} [{strategy}] {text}";
        assert_eq!(
            read(form, " 1.0 1 [Question] Why [is] that? ").as_deref(),
            Some(r#"{"weight":"1.0","who":"1","strategy":"Question","text":"Why [is] that?"}"#)
        );
        assert_eq!(read(form, "1.0 0 Because."), None);
        assert_eq!(read(form, "1.0 0 Because [he said]."), None);
        assert_eq!(read(form, "1.0 1 [] Why?"), None);
        assert_eq!(
            read("<{text}>", "<a b>").as_deref(),
            Some(r#"{"text":"a b"}"#)
        );
        assert_eq!(read("<{text}>", "<a b> c"), None);
    }

    #[test]
    fn a_wrong_form_says_what_is_wrong() {
        for (form, said) in [
            ("{a}{b}", "nothing between"),
            ("{a", "does not close"),
            ("a", "no field"),
            ("{ } a", "without a name"),
        ] {
            let error = Form::parse(form).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
