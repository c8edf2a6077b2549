//! Completions and dialogs of path fields.

use super::remote::Keyed;
use crate::app::queries::paths::{PathKind, Picked};

/// Completions and dialogs of path fields, which are identified by their names.
#[derive(Debug, Default)]
pub struct Paths {
    /// Completions of the text that was typed.
    pub completions: Keyed<(String, PathKind), Vec<String>>,
    /// The field whose dialog is open.
    pub browsing: Option<String>,
    /// The outcome of a dialog, with its field.
    picked: Option<(String, Picked)>,
}

impl Paths {
    pub fn put_picked(&mut self, field: String, picked: Picked) {
        self.browsing = None;
        self.picked = Some((field, picked));
    }

    /// Whether a field's dialog gave a path that was not taken yet.
    pub fn has_picked(&self, field: &str) -> bool {
        let picked = self.picked.as_ref();
        picked.is_some_and(|(name, picked)| name == field && matches!(picked, Picked::Path(_)))
    }

    /// The outcome of a field's dialog, once.
    pub fn take_picked(&mut self, field: &str) -> Option<Picked> {
        let picked = self.picked.take_if(|(name, _)| name == field);
        picked.map(|(_, picked)| picked)
    }
}
