//! Lists, dictionaries and texts as Python prints them: what a cell of a table holds where a program wrote `str(list)`.

use serde_json::{Map, Number, Value};

/// How deep lists may be in lists.
const DEEPEST: usize = 16;

/// The value that a text prints, if it is one throughout.
pub fn literal(text: &str) -> Option<Value> {
    let mut parser = Parser { rest: text.trim() };
    let value = parser.value(0)?;
    parser.rest.trim_start().is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            _ if depth > DEEPEST => None,
            '[' => self.list(']', depth),
            '(' => self.list(')', depth),
            '{' => self.dictionary(depth),
            '\'' | '"' => self.text().map(Value::String),
            _ => self.word(),
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, letter: char) -> bool {
        self.space();
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        while !self.eat(end) {
            items.push(self.value(depth + 1)?);
            // NumPy prints the objects of an array without commas.
            let comma = self.eat(',');
            let next = self.rest.starts_with(['{', '[', '\'', '"', end]);
            if !comma && !next {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut fields = Map::new();
        while !self.eat('}') {
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            if !self.eat(':') {
                return None;
            }
            fields.insert(key, self.value(depth + 1)?);
            if !self.eat(',') && !self.rest.starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(fields))
    }

    fn text(&mut self) -> Option<String> {
        let mut letters = self.rest.char_indices();
        let (_, quote) = letters.next()?;
        let mut text = String::new();
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.rest = &self.rest[at + letter.len_utf8()..];
                    return Some(text);
                }
                '\\' => {
                    let digits = match letters.next()?.1 {
                        'n' => {
                            text.push('\n');
                            continue;
                        }
                        't' => {
                            text.push('\t');
                            continue;
                        }
                        'r' => {
                            text.push('\r');
                            continue;
                        }
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        other => {
                            text.push(other);
                            continue;
                        }
                    };
                    let mut code = 0;
                    for _ in 0..digits {
                        code = code * 16 + letters.next()?.1.to_digit(16)?;
                    }
                    text.push(char::from_u32(code)?);
                }
                _ => text.push(letter),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "None" | "null" | "nan" => Some(Value::Null),
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            _ => match word.parse::<i64>() {
                Ok(number) => Some(number.into()),
                Err(_) => Number::from_f64(word.parse().ok()?).map(Value::Number),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_python_prints_is_read() {
        for (text, value) in [
            ("['it\\'s', \"isn't\"]", json!(["it's", "isn't"])),
            ("[]", json!([])),
            (
                "[{'from': 'human', 'value': 'a\\nb\\xe9\\u2019'}]",
                json!([{"from": "human", "value": "a\nbé’"}]),
            ),
            (
                "[{'a': None}\n {'a': 1.5}]",
                json!([{"a": null}, {"a": 1.5}]),
            ),
            ("('x', True, -2,)", json!(["x", true, -2])),
        ] {
            assert_eq!(literal(text), Some(value), "{text}");
        }
        let deep = "[".repeat(100_000);
        for text in [
            "['a' 3]",
            "['a",
            "['a'] b",
            "[a]",
            "",
            "['\\ud800']",
            "{'a'}",
            &deep,
        ] {
            assert_eq!(literal(text), None, "{text:.20}");
        }
    }
}
