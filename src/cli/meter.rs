//! How far a command has come with its rows: one bar on stderr, for a person only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `rows` rows; hidden where stderr is no terminal.
pub fn meter(rows: usize, doing: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows as u64);
    if let Ok(style) =
        ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {elapsed}, {eta} left")
    {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.with_prefix(doing)
}
