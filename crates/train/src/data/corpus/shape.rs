//! How the rows of a file are laid out, as its mapping says. Must not know how a mapping was found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::mapping::Mapping;
use super::names::is_called;

/// How the rows of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A context and what answers it in a row.
    Flat,
    /// A column for each system.
    Wide,
    /// Instruction, input, output, history.
    Alpaca,
    /// Lists of turns with `role` and `content`.
    Messages,
    /// Lists of turns with `from` and `value`.
    ShareGpt,
    /// Lists of turns of another kind.
    Dialogues,
    /// A column for each turn.
    TurnColumns,
    /// Which of two systems is better, without their answers.
    Verdicts,
    /// Records as this program writes them.
    Records,
}

impl Shape {
    /// The shape that a mapping describes.
    pub fn of(mapping: &Mapping) -> Shape {
        let alpaca = mapping.context.as_ref().is_some_and(|context| {
            context
                .text
                .iter()
                .any(|name| is_called(name, &["instruction"]))
        });
        match &mapping.turns {
            Some(turns) if !turns.columns.is_empty() => Shape::TurnColumns,
            Some(turns) => match (turns.role.as_deref(), turns.text.as_deref()) {
                (Some("role"), Some("content")) => Shape::Messages,
                (Some("from"), Some("value")) => Shape::ShareGpt,
                _ => Shape::Dialogues,
            },
            None if mapping.records => Shape::Records,
            None if alpaca => Shape::Alpaca,
            None if mapping.responses.is_empty() && mapping.target.is_none() => Shape::Verdicts,
            None if mapping.responses.len() > 1 => Shape::Wide,
            None => Shape::Flat,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Flat => "flat rows: a context and what answers it",
            Shape::Wide => "wide rows: a column for each system",
            Shape::Alpaca => "Alpaca: instruction, input, output",
            Shape::Messages => "messages: lists of turns with role and content",
            Shape::ShareGpt => "ShareGPT: lists of turns with from and value",
            Shape::Dialogues => "dialogues: lists of turns",
            Shape::TurnColumns => "dialogues: a column for each turn",
            Shape::Verdicts => "verdicts: which of two systems is better",
            Shape::Records => "records, as emprl corpus export writes them",
        })
    }
}
