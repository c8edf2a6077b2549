//! What is known for fields of paths.

use super::remote::Keyed;
use crate::app::queries::paths::{PathKind, Picked};

/// What is known for fields of paths. Fields are told apart by their names.
#[derive(Debug, Default)]
pub struct Paths {
    /// What completes a text that was typed.
    pub completions: Keyed<(String, PathKind), Vec<String>>,
    /// The field whose dialog is open.
    pub browsing: Option<String>,
    /// What was chosen in a dialog, for the field of that name.
    picked: Option<(String, Picked)>,
}

impl Paths {
    /// The dialog of a field was closed.
    pub fn put_picked(&mut self, field: String, picked: Picked) {
        self.browsing = None;
        self.picked = Some((field, picked));
    }

    /// What came of the dialog of a field, once.
    pub fn take_picked(&mut self, field: &str) -> Option<Picked> {
        let picked = self.picked.take_if(|(name, _)| name == field);
        picked.map(|(_, picked)| picked)
    }
}
