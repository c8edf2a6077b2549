//! Jinja as Transformers sets it up for chat templates: blocks without their white space, loop controls, Python's
//! methods of strings, `tojson` as Python writes JSON, `raise_exception`, `strftime_now`. With limits.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State};
use minijinja_contrib::pycompat;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use time::OffsetDateTime;
use time::format_description::parse_strftime_owned;

use crate::text::sentences::is_space;

/// What a rendering may cost at least, and more for each message and byte. An instruction costs 1, 64 bytes cost 1; a
/// published template takes about 100 for a message.
const FUEL: u64 = 20_000;
const FUEL_OF_MESSAGE: u64 = 400;
const BYTES_OF_FUEL: u64 = 4;
/// Stack that a rendering can use for each unit of fuel: one instruction can put a value into another, and a value that
/// is written takes 600 bytes for each that is in it.
const STACK_OF_FUEL: usize = 1_024;
const LEAST_STACK: usize = 2 << 20;
/// Bytes of a `tojson`.
const LONGEST_JSON: usize = 1 << 20;
/// Macros and loops within each other.
const DEEPEST: usize = 60;
/// Largest indentation of `tojson`.
const WIDEST: usize = 16;

/// An environment for one template.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    match syntax {
        Ok(syntax) => environment.set_syntax(syntax),
        Err(error) => unreachable!("the usual delimiters are sound: {error}"),
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_recursion_limit(DEEPEST);
    environment.set_unknown_method_callback(method);
    // They write a value that is deep in others in time and memory by the square of its depth.
    environment.remove_filter("pprint");
    environment.remove_global("debug");
    environment.add_filter("tojson", to_json);
    environment.add_filter("trim", |text: String, letters: Option<String>| {
        let trimmed = match &letters {
            None => text.trim_matches(is_space),
            Some(letters) => text.trim_matches(|letter| letters.contains(letter)),
        };
        trimmed.to_string()
    });
    environment.add_function("raise_exception", |what: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, what.clone()).with_source(Raised(what)))
    });
    environment
}

/// Fuel and stack for a conversation of so many messages and bytes.
pub(super) fn limits(messages: usize, bytes: usize) -> (u64, usize) {
    let fuel = FUEL + FUEL_OF_MESSAGE * messages as u64 + bytes as u64 / BYTES_OF_FUEL;
    (fuel, LEAST_STACK + STACK_OF_FUEL * fuel as usize)
}

/// Offers `strftime_now`, which writes `date`.
pub(super) fn add_date(environment: &mut Environment<'_>, date: OffsetDateTime) {
    environment.add_function("strftime_now", move |format: &str| {
        let failed =
            |what: &dyn fmt::Display| Error::new(ErrorKind::InvalidOperation, what.to_string());
        let format = parse_strftime_owned(format).map_err(|error| failed(&error))?;
        date.format(&format).map_err(|error| failed(&error))
    });
}

/// Python's methods of strings, lists and mappings.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    // Python's white space is more than Rust's.
    if let (Some(text), []) = (value.as_str(), args) {
        match name {
            "strip" => return Ok(text.trim_matches(is_space).into()),
            "lstrip" => return Ok(text.trim_start_matches(is_space).into()),
            "rstrip" => return Ok(text.trim_end_matches(is_space).into()),
            _ => {}
        }
    }
    pycompat::unknown_method_callback(state, value, name, args)
}

/// What `raise_exception` was called with.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl StdError for Raised {}

/// What the template raised, if that is why it ended.
pub(super) fn raised(error: &Error) -> Option<String> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(Raised(what)) = error.downcast_ref() {
            return Some(what.clone());
        }
        source = error.source();
    }
    None
}

/// Python's `json.dumps(value, ensure_ascii=False)`, of which `indent` is offered.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Characters are kept in either case, but a template may say so.
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let mut json = Bounded(Vec::new());
    let written = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut json, Python)),
        Some(indent) => {
            let spaces = [b' '; WIDEST];
            let pretty = PrettyFormatter::with_indent(&spaces[..indent.min(WIDEST)]);
            value.serialize(&mut Serializer::with_formatter(&mut json, pretty))
        }
    };
    let failed = |what: String| Error::new(ErrorKind::BadSerialization, what);
    written.map_err(|error| failed(error.to_string()))?;
    String::from_utf8(json.0).map_err(|error| failed(error.to_string()))
}

/// A text of at most [`LONGEST_JSON`] bytes.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_JSON {
            return Err(io::Error::other("the JSON is too long"));
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON on one line, with spaces behind commas and colons.
struct Python;

impl Python {
    fn separate<W: io::Write + ?Sized>(writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }
}

impl Formatter for Python {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Python::separate(writer, first)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Python::separate(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
