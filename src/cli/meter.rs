//! Progress bars for rows and bytes, on stderr if that is a terminal.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::output::{count, line_on_stderr};
use crate::operations::{Progress, fetch};
use crate::text::shown::one_line;

/// A bar over `rows` rows; hidden if stderr is not a terminal.
pub fn meter(rows: usize, doing: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows as u64);
    if let Ok(style) = ProgressStyle::with_template(
        "{prefix} {bar:24} {pos}/{len} {per_sec}, {elapsed}, {eta} left",
    ) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.with_prefix(doing)
}

/// The progress of an operation: a new bar for each of its parts, or now and then a line where there is no terminal.
#[derive(Default)]
pub struct Bars(Option<Part>);

struct Part {
    doing: String,
    bar: ProgressBar,
    began: Instant,
    /// Rows that were done when it began.
    before: usize,
    said: Instant,
}

/// Between two lines.
const SAID_EVERY: Duration = Duration::from_secs(30);

impl Bars {
    pub fn show(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        let same = |part: &Part| part.doing == one_line(progress.doing);
        if !self.0.as_ref().is_some_and(same) {
            self.clear();
            let doing = one_line(progress.doing).into_owned();
            let now = Instant::now();
            let bar = meter(progress.of, doing.clone());
            // What was done before says nothing of the speed.
            bar.set_position(progress.done as u64);
            bar.reset_eta();
            self.0 = Some(Part {
                bar,
                doing,
                began: now,
                before: progress.done,
                said: now,
            });
        }
        if let Some(part) = &mut self.0 {
            part.bar.set_position(progress.done as u64);
            if part.bar.is_hidden() && part.said.elapsed() >= SAID_EVERY {
                part.said = Instant::now();
                line_on_stderr(&part.line(progress));
            }
        }
        ControlFlow::Continue(())
    }

    pub fn clear(&mut self) {
        if let Some(part) = self.0.take() {
            part.bar.finish_and_clear();
        }
    }
}

impl Part {
    fn line(&self, progress: Progress<'_>) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        let rate = progress.done.saturating_sub(self.before) as f64 / seconds;
        let left = progress.of.saturating_sub(progress.done) as f64 / rate.max(f64::MIN_POSITIVE);
        // A part that has hardly begun has no end in sight.
        let left = Duration::try_from_secs_f64(left.round()).unwrap_or(Duration::MAX);
        format!(
            "{}: {} of {}, {rate:.1} a second, {} left",
            self.doing,
            count(progress.done as u64),
            count(progress.of as u64),
            HumanDuration(left),
        )
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
