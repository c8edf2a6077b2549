//! Path fields: completion, and the system's file dialog.

use super::Core;
use crate::app::jobs::{AtClose, Lane};
use crate::app::queries::paths::{PathKind, Picked, completions, containing, pick};

impl Core {
    /// Looks up completions of what was typed; only the latest text matters.
    pub fn complete_path(&mut self, typed: String, kind: PathKind) {
        let key = (typed.clone(), kind);
        let known = match kind {
            PathKind::Model => containing(&typed, &self.state.library.folders),
            PathKind::Folder | PathKind::File | PathKind::NewFile => Vec::new(),
        };
        let pending = self.jobs.ask(Lane::Paths, move |_| {
            Ok([known, completions(&typed, kind)].concat())
        });
        self.state.paths.completions.load(key, pending);
    }

    /// Opens the system's file dialog for a field.
    pub fn browse(&mut self, field: String, kind: PathKind) {
        if self.state.paths.browsing.is_some() {
            return;
        }
        self.state.paths.browsing = Some(field.clone());
        let title = field.clone();
        self.spawn_then(
            "The file dialog",
            AtClose::Abandon,
            move |_| Ok(pick(&title, kind)),
            move |core, picked| match picked {
                Ok(picked) => {
                    if picked == Picked::NoDialog {
                        core.log_error(
                            "no file dialog opens on this machine; type or paste the path",
                        );
                    }
                    core.state.paths.put_picked(field, picked);
                }
                Err(why) => {
                    core.state.paths.browsing = None;
                    core.log_error(format!("the system's dialog did not open: {why}"));
                }
            },
        );
    }
}
