//! The ways in which rows are matched to contexts. Must not know how each is done.

use serde::{Deserialize, Serialize};

/// How rows are matched to contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignBy {
    /// The first row answers the first context, and so on.
    Order,
    /// A field `idx`, `index` or `id`: the contexts' own, or where they have none their place.
    Index,
    /// The fields `conversation` (or `conv_id`) and `turn`.
    ConversationTurn,
    /// The words of the field `context`.
    Words,
}

impl AlignBy {
    /// For a sentence: "by index".
    pub const fn words(self) -> &'static str {
        match self {
            AlignBy::Order => "in order",
            AlignBy::Index => "by index",
            AlignBy::ConversationTurn => "by conversation and turn",
            AlignBy::Words => "by the words of the context",
        }
    }
}
