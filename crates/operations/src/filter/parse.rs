//! Parses filters; errors have a position.

use std::borrow::Cow;
use std::ops::Range;

use super::lex::{Placed, Token, tokens};
use super::{Compare, Filter, FilterError, Kind, Name, Node, Operand, Part, Vocabulary};

/// How deep parentheses and `not` can be nested.
const MAX_DEPTH: usize = 64;
const DAY_MS: i64 = 86_400_000;

/// Parses a filter; an empty one matches everything.
///
/// # Errors
/// What is wrong, where, and how to fix it.
pub fn parse(text: &str, vocabulary: &dyn Vocabulary) -> Result<Filter, FilterError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::everything());
    }
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        end: text.len(),
        vocabulary,
    };
    let node = parser.alternatives()?;
    match parser.peek() {
        None => Ok(Filter(node)),
        Some((_, place)) => Err(error(
            place.clone(),
            "this parenthesis closes nothing; take it out",
        )),
    }
}

fn error(at: Range<usize>, message: impl Into<String>) -> FilterError {
    FilterError {
        at,
        message: message.into(),
    }
}

struct Parser<'a> {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    end: usize,
    vocabulary: &'a dyn Vocabulary,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.at)
    }

    fn take(&mut self) -> Option<Placed> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// The position after the last token, where something is missing.
    fn here(&self) -> Range<usize> {
        let end = self
            .at
            .checked_sub(1)
            .map_or(0, |last| self.tokens[last].1.end);
        end..(end + 1).min(self.end.max(end + 1))
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some((Token::Word(word), _)) if word.eq_ignore_ascii_case(keyword))
            // A setting can have this name: then it is compared.
            && !matches!(self.tokens.get(self.at + 1), Some((Token::Compare(_) | Token::Colon, _)))
    }

    fn alternatives(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.conditions()?];
        while self.is_keyword("or") {
            self.at += 1;
            nodes.push(self.conditions()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn conditions(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.term()?];
        loop {
            if self.is_keyword("and") {
                self.at += 1;
            } else if self.is_keyword("or") || matches!(self.peek(), None | Some((Token::Close, _)))
            {
                return Ok(one_or(nodes, Node::All));
            }
            nodes.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(error(
                self.here(),
                "this is nested too deeply; take some parentheses out",
            ));
        }
        let node = if self.is_keyword("not") {
            self.at += 1;
            Node::Not(Box::new(self.term()?))
        } else {
            self.plain_term()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn plain_term(&mut self) -> Result<Node, FilterError> {
        for keyword in ["and", "or"] {
            if self.is_keyword(keyword) {
                let place = self.tokens[self.at].1.clone();
                return Err(error(
                    place,
                    format!("a condition is missing before this `{keyword}`"),
                ));
            }
        }
        let Some((token, place)) = self.take() else {
            let [_, example] = self.vocabulary.example();
            let message = format!("a condition is missing here, such as `{example}`");
            return Err(error(self.here(), message));
        };
        match token {
            Token::Open => {
                let node = self.alternatives()?;
                match self.take() {
                    Some((Token::Close, _)) => Ok(node),
                    _ => Err(error(
                        place,
                        "this parenthesis is not closed; end it with )",
                    )),
                }
            }
            Token::Quoted(text) => Ok(Node::Mentions(text.to_lowercase())),
            Token::Word(word) => self.after_word(word, place),
            Token::Close => Err(error(
                place,
                "a condition is missing before this parenthesis",
            )),
            Token::Compare(_) | Token::Colon => {
                let [example, _] = self.vocabulary.example();
                let message = format!("a name is missing before this sign, such as `{example}`");
                Err(error(place, message))
            }
        }
    }

    fn after_word(&mut self, word: String, place: Range<usize>) -> Result<Node, FilterError> {
        let part = Part::ALL.into_iter().find(|part| part.key() == word);
        let (name, place, part) = match (part, self.peek()) {
            (Some(part), Some((Token::Open, open))) if open.start == place.end => {
                let (name, place) = self.of_part(part)?;
                (name, place, Some(part))
            }
            _ => (word, place, None),
        };
        let compare = match self.peek() {
            Some((Token::Compare(compare), _)) => *compare,
            Some((Token::Colon, _)) => Compare::Contains,
            _ if part.is_some() => {
                return Err(error(
                    self.here(),
                    "a comparison is missing here, such as `< 3`",
                ));
            }
            _ => return Ok(Node::Mentions(name.to_lowercase())),
        };
        let sign = self.take().map_or(place.clone(), |(_, sign)| sign);
        if name.eq_ignore_ascii_case("has") {
            let (asked, at) = self.value(&sign)?;
            return Ok(Node::Has(self.known(&asked, at)?.into_owned().name));
        }
        let known = self.known(&name, place.clone())?.into_owned();
        if part.is_some_and(|part| part != Part::Last)
            && known.kind != (Kind::Number { curve: true })
        {
            return Err(error(
                place,
                format!("`{}` is no curve: it has one value only", known.name),
            ));
        }
        self.comparison(&known, part.unwrap_or_default(), compare, sign)
    }

    fn of_part(&mut self, part: Part) -> Result<(String, Range<usize>), FilterError> {
        self.at += 1;
        let found = match self.take() {
            Some((Token::Word(name) | Token::Quoted(name), place)) => (name, place),
            _ => {
                let [example, _] = self.vocabulary.example();
                let message = format!("a name is missing here, such as {}({example})", part.key());
                return Err(error(self.here(), message));
            }
        };
        match self.take() {
            Some((Token::Close, _)) => Ok(found),
            _ => Err(error(found.1, "a parenthesis is missing after this name")),
        }
    }

    fn value(&mut self, sign: &Range<usize>) -> Result<(String, Range<usize>), FilterError> {
        match self.take() {
            Some((Token::Word(value) | Token::Quoted(value), place)) => Ok((value, place)),
            _ => Err(error(sign.clone(), "a value is missing after this sign")),
        }
    }

    fn known(&self, name: &str, at: Range<usize>) -> Result<Cow<'_, Name>, FilterError> {
        if let Some(known) = self.vocabulary.name(name) {
            return Ok(known);
        }
        let names = self
            .vocabulary
            .names()
            .iter()
            .map(|known| known.name.as_str());
        let more =
            nearest(name, names).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        Err(error(at, format!("there is nothing called `{name}`{more}")))
    }

    fn comparison(
        &mut self,
        known: &Name,
        part: Part,
        compare: Compare,
        sign: Range<usize>,
    ) -> Result<Node, FilterError> {
        let (value, place) = self.value(&sign)?;
        let with = operand(known, compare, &value, place)?;
        let ordered = !matches!(
            compare,
            Compare::Equal | Compare::Unequal | Compare::Contains
        );
        let has_order = match known.kind {
            Kind::Number { .. } | Kind::Day => true,
            Kind::Any => matches!(with, Operand::Number(_)),
            _ => false,
        };
        if ordered && !has_order {
            let message = format!(
                "`{}` is not a number, so `{}` means nothing; use =, != or ~",
                known.name,
                compare.symbol()
            );
            return Err(error(sign, message));
        }
        Ok(Node::Compare {
            with,
            name: known.name.clone(),
            part,
            compare,
        })
    }
}

fn one_or(mut nodes: Vec<Node>, several: impl Fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => several(nodes),
    }
}

fn operand(
    known: &Name,
    compare: Compare,
    value: &str,
    at: Range<usize>,
) -> Result<Operand, FilterError> {
    let lower = value.to_lowercase();
    match &known.kind {
        Kind::Number { .. } => value
            .replace(['_', '\u{2009}'], "")
            .parse()
            .map(Operand::Number)
            .map_err(|_| {
                error(
                    at,
                    format!("`{}` is a number, and `{value}` is none", known.name),
                )
            }),
        Kind::Text | Kind::List => Ok(Operand::Text(lower)),
        Kind::Any if compare == Compare::Contains => Ok(Operand::Text(lower)),
        Kind::Any => Ok(match (lower.as_str(), value.parse()) {
            ("yes" | "true", _) => Operand::Flag(true),
            ("no" | "false", _) => Operand::Flag(false),
            (_, Ok(number)) => Operand::Number(number),
            (_, Err(_)) => Operand::Text(lower),
        }),
        Kind::Choice(words) if words.iter().any(|word| word.to_lowercase() == lower) => {
            Ok(Operand::Text(lower))
        }
        Kind::Choice(words) => {
            let message = format!(
                "`{}` is never `{value}`, but one of {}",
                known.name,
                words.join(", ")
            );
            Err(error(at, message))
        }
        Kind::Flag => match lower.as_str() {
            "yes" | "true" => Ok(Operand::Flag(true)),
            "no" | "false" => Ok(Operand::Flag(false)),
            _ => Err(error(at, format!("`{}` is yes or no", known.name))),
        },
        Kind::Day => day(value)
            .map(|first| Operand::Day(first, first + DAY_MS - 1))
            .ok_or_else(|| error(at, format!("`{}` is a day, such as 2026-11-21", known.name))),
    }
}

/// The first millisecond of a day, in UTC.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year: i32 = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day: u8 = parts.next()?.parse().ok()?;
    if parts.next().is_some() {
        return None;
    }
    let month = time::Month::try_from(month).ok()?;
    let date = time::Date::from_calendar_date(year, month, day).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp() * 1000)
}

/// The most similar name, if any is similar; the shorter one of a tie.
fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    names
        .map(|name| {
            let tail = name.rsplit(['.', '/']).next().unwrap_or(name);
            let likeness =
                strsim::jaro_winkler(&lower, name).max(strsim::jaro_winkler(&lower, tail));
            (likeness, name)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.len().cmp(&a.1.len())))
        .map(|(_, name)| name)
}
