//! The language that narrows a table of runs: `status = finished and kl < 3 and tag:paper`.
//!
//! ```text
//! filter     = alternative { "or" alternative }
//! alternative = term { ["and"] term }
//! term       = "not" term | "(" filter ")" | comparison | text
//! comparison = subject ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | ":" ) value
//! subject    = name | "last(" name ")" | "min(" name ")" | "max(" name ")"
//! ```
//! `~` and `:` test whether a text contains another; a word alone is searched in all texts; `has:name` tests
//! whether there is a value. A comparison with a missing value is false. A comparison with a number that changed,
//! such as a setting during a run, is true if it holds for every value it had; so neither `lr = 1e-5` nor
//! `lr != 1e-5` finds a run that began with 1e-5 and went on with 2e-5.
//!
//! Knows no run: a [`Vocabulary`] lists the names, [`Facts`] gives their values.

mod complete;
mod lex;
mod parse;

use std::borrow::Cow;
use std::ops::Range;

pub use complete::{Completion, complete};
pub(crate) use lex::is_word;
pub use parse::parse;

/// The type of a name's values.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A curve has a last, minimum and maximum value.
    Number {
        curve: bool,
    },
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// Several words.
    List,
    /// Written as 2026-11-21.
    Day,
    /// Yes or no.
    Flag,
    /// Whatever a value looks like: a number, yes or no, or words.
    Any,
}

/// A name that a filter can use.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub name: String,
    pub kind: Kind,
    pub help: String,
}

/// The names that a filter can use.
pub trait Vocabulary {
    fn name(&self, name: &str) -> Option<Cow<'_, Name>>;
    /// In the order of completions.
    fn names(&self) -> &[Name];
    /// A name and a condition, for messages.
    fn example(&self) -> [&str; 2] {
        ["kl", "status = finished"]
    }
}

/// Which value of a curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    #[default]
    Last,
    Min,
    Max,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Last, Part::Min, Part::Max];

    /// The word in a filter.
    pub fn key(self) -> &'static str {
        match self {
            Part::Last => "last",
            Part::Min => "min",
            Part::Max => "max",
        }
    }
}

/// A row's value for a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Missing,
    Number(f64),
    /// Values that it had one after another: a comparison holds if it holds for each of them.
    Numbers(Vec<f64>),
    Text(String),
    List(Vec<String>),
    Flag(bool),
    /// Milliseconds since the Unix epoch.
    Moment(i64),
}

/// A row that can be filtered.
pub trait Facts {
    fn fact(&self, name: &str, part: Part) -> Fact;
    /// Whether any text of the row contains this lower-case text.
    fn mentions(&self, lower: &str) -> bool;
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Contains,
}

impl Compare {
    fn symbol(self) -> &'static str {
        match self {
            Compare::Equal => "=",
            Compare::Unequal => "!=",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::Greater => ">",
            Compare::AtLeast => ">=",
            Compare::Contains => "~",
        }
    }

    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Compare::Equal | Compare::Contains => left == right,
            Compare::Unequal => left != right,
            Compare::Less => left < right,
            Compare::AtMost => left <= right,
            Compare::Greater => left > right,
            Compare::AtLeast => left >= right,
        }
    }
}

/// The right side of a comparison.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Number(f64),
    /// In lower case.
    Text(String),
    Flag(bool),
    /// The first and the last millisecond of a day, in UTC.
    Day(i64, i64),
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Everything,
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Mentions(String),
    Has(String),
    Compare {
        name: String,
        part: Part,
        compare: Compare,
        with: Operand,
    },
}

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

/// A syntax error; `at` is in bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    pub at: Range<usize>,
    pub message: String,
}

impl FilterError {
    /// The text with the error marked below it.
    pub fn pointed(&self, text: &str) -> String {
        let before = text.get(..self.at.start).unwrap_or(text).chars().count();
        let width = text
            .get(self.at.clone())
            .map_or(1, |part| part.chars().count());
        format!(
            "{text}\n{}{}\n{}",
            " ".repeat(before),
            "^".repeat(width.max(1)),
            self.message
        )
    }
}

impl Filter {
    /// A filter that matches everything.
    pub fn everything() -> Filter {
        Filter(Node::Everything)
    }

    pub fn matches(&self, facts: &dyn Facts) -> bool {
        self.0.matches(facts)
    }

    /// The names whose values decide, with repetitions.
    pub fn names(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.0.names(&mut found);
        found
    }
}

impl Node {
    fn names<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Node::Everything => {}
            Node::Mentions(text) => {
                // Found by that word are runs whose settings changed.
                if "changed".contains(text) {
                    found.push("changed");
                }
            }
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| node.names(found)),
            Node::Not(node) => node.names(found),
            Node::Has(name) | Node::Compare { name, .. } => found.push(name),
        }
    }

    fn matches(&self, facts: &dyn Facts) -> bool {
        match self {
            Node::Everything => true,
            Node::All(nodes) => nodes.iter().all(|node| node.matches(facts)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(facts)),
            Node::Not(node) => !node.matches(facts),
            Node::Mentions(text) => facts.mentions(text),
            Node::Has(name) => match facts.fact(name, Part::Last) {
                Fact::Missing => false,
                Fact::Text(text) => !text.is_empty(),
                Fact::List(words) => !words.is_empty(),
                Fact::Flag(flag) => flag,
                Fact::Number(_) | Fact::Numbers(_) | Fact::Moment(_) => true,
            },
            Node::Compare {
                name,
                part,
                compare,
                with,
            } => fits(&facts.fact(name, *part), *compare, with),
        }
    }
}

fn fits(fact: &Fact, compare: Compare, with: &Operand) -> bool {
    match (fact, with) {
        (Fact::Number(value), Operand::Number(with)) => compare.holds(value, with),
        (Fact::Numbers(values), Operand::Number(with)) => {
            values.iter().all(|value| compare.holds(value, with))
        }
        (Fact::Flag(value), Operand::Flag(with)) => compare.holds(value, with),
        (Fact::Text(value), Operand::Text(with)) if compare == Compare::Contains => {
            value.to_lowercase().contains(with)
        }
        (Fact::Text(value), Operand::Text(with)) => compare.holds(&value.to_lowercase(), with),
        (Fact::List(words), Operand::Text(with)) => {
            let is_there = words.iter().any(|word| word.to_lowercase() == *with);
            is_there != (compare == Compare::Unequal)
        }
        (Fact::Moment(at), Operand::Day(first, last)) => match compare {
            Compare::Equal | Compare::Contains => (first..=last).contains(&at),
            Compare::Unequal => !(first..=last).contains(&at),
            Compare::Less => at < first,
            Compare::AtMost => at <= last,
            Compare::Greater => at > last,
            Compare::AtLeast => at >= first,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
