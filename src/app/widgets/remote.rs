//! The placeholder of a value that is loading, or why it failed.

use eframe::egui::Ui;

use super::button::Button;
use super::notice::{self, Tone};
use super::text as words;
use crate::app::state::remote::Remote;

/// The words of a placeholder.
#[derive(Clone, Copy, Debug)]
pub struct RemoteWords<'a> {
    pub pending: &'a str,
    /// The title of a failure.
    pub failed: &'a str,
    /// The button of a failure, if any.
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

/// Draws the placeholder, unless the value is there. True when the button was clicked.
pub fn remote_ui<T, P>(ui: &mut Ui, remote: &Remote<T, P>, words: RemoteWords<'_>) -> bool {
    if let Some(why) = remote.failure() {
        return failure_ui(ui, why, words);
    }
    if remote.value().is_none() {
        words::secondary(ui, words.pending);
    }
    false
}

/// Draws a failure. True when the button was clicked.
pub fn failure_ui(ui: &mut Ui, why: &str, words: RemoteWords<'_>) -> bool {
    let mut clicked = false;
    notice::strip(ui, Tone::Bad, words.failed, why, |ui| {
        if let Some(action) = words.action {
            clicked = Button::secondary(action).clicked(ui);
        }
    });
    clicked
}
