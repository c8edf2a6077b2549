//! The widgets that pages are made of. Each draws its input and reports interactions.
//!
//! Knows the theme and the vocabulary of runs; must not know the store, the engine and the shell.

mod axes;
pub mod button;
pub mod cells;
pub mod chart;
pub mod dialogue;
pub mod field;
pub mod found;
pub mod icon;
pub mod identifiers;
pub mod layout;
pub mod level_shares;
pub mod levels;
pub mod modal;
pub mod notice;
pub mod path_field;
pub mod record;
pub mod remote;
pub mod results;
pub mod scatter;
pub mod stages;
pub mod status;
pub mod text;
pub mod ticks;
pub mod tokens;
