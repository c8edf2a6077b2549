//! Progress bars for rows and bytes, on stderr if that is a terminal.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use crate::operations::{Progress, fetch};
use crate::text::shown::one_line;

/// A bar over `rows` rows; hidden if stderr is not a terminal.
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

/// The progress of an operation, with a new bar for each of its parts.
#[derive(Default)]
pub struct Bars(Option<(String, ProgressBar)>);

impl Bars {
    pub fn show(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let same = |(doing, _): &(String, ProgressBar)| *doing == one_line(progress.doing);
        if !self.0.as_ref().is_some_and(same) {
            self.clear();
            let doing = one_line(progress.doing).into_owned();
            self.0 = Some((doing.clone(), meter(progress.of, doing)));
        }
        if let Some((_, bar)) = &self.0 {
            bar.set_position(progress.done as u64);
        }
        ControlFlow::Continue(())
    }

    pub fn clear(&mut self) {
        if let Some((_, bar)) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

/// The progress of a fetch, in bytes.
#[derive(Default)]
pub struct ByteBar(Option<ProgressBar>);

impl ByteBar {
    pub fn show(&mut self, progress: fetch::Progress<'_>) -> ControlFlow<()> {
        let bar = self
            .0
            .get_or_insert_with(|| match std::io::stderr().is_terminal() {
                true => bytes_bar(),
                false => ProgressBar::hidden(),
            });
        bar.set_length(progress.of.max(progress.done));
        bar.set_position(progress.done);
        bar.set_message(one_line(progress.file).into_owned());
        ControlFlow::Continue(())
    }

    pub fn clear(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

fn bytes_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template =
        "{bar:24} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
