//! What stands in the place of a value that is not there: that it is on its way, or why it failed.

use eframe::egui::Ui;

use super::button::Button;
use super::notice::{self, Tone};
use super::text as words;
use crate::app::state::remote::Remote;

/// What is said of a value that is not there.
#[derive(Clone, Copy, Debug)]
pub struct RemoteWords<'a> {
    /// While it is on its way.
    pub pending: &'a str,
    /// The title of why it failed.
    pub failed: &'a str,
    /// The button beside that, if there is one.
    pub action: Option<&'a str>,
}

impl<'a> RemoteWords<'a> {
    /// With a button that tries again.
    pub fn retry(pending: &'a str, failed: &'a str) -> Self {
        RemoteWords {
            pending,
            failed,
            action: Some("Try again"),
        }
    }
}

/// Draws it. True when the button was clicked. Draws nothing of a value that is there.
pub fn remote_ui<T, P>(ui: &mut Ui, remote: &Remote<T, P>, said: RemoteWords<'_>) -> bool {
    if let Some(why) = remote.failure() {
        return failure_ui(ui, why, said);
    }
    if remote.value().is_none() {
        words::secondary(ui, said.pending);
    }
    false
}

/// Draws why a value is not there. True when the button was clicked.
pub fn failure_ui(ui: &mut Ui, why: &str, said: RemoteWords<'_>) -> bool {
    let mut clicked = false;
    notice::strip(ui, Tone::Bad, said.failed, why, |ui| {
        if let Some(action) = said.action {
            clicked = Button::secondary(action).clicked(ui);
        }
    });
    clicked
}
