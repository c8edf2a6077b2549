//! A run's progress on stderr: a bar for each stage with its main figures, and notes above the bars. If stderr
//! is not a terminal, a line at the end of each stage and at evaluations.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::output::{duration, stderr_line};
use crate::engine::{Message, MessageKind};
use crate::experiment::{Alert, EventKind, Report, Severity, Stage};
use crate::metrics::{Digits, declared};
use crate::text::shown::one_line;

/// A figure beside a bar: its name, and the metrics of which it shows the latest.
type Figure = (&'static str, &'static [&'static str]);

fn figures(stage: Stage) -> &'static [Figure] {
    match stage {
        Stage::Pretraining => &[("loss", &[declared::PRETRAINING_LOSS])],
        Stage::Identifiers => &[
            ("loss", &declared::IDENTIFIER_LOSS),
            ("weighted F1", &declared::IDENTIFIER_WEIGHTED_F1),
        ],
        Stage::Generator => &[
            ("loss", &[declared::GENERATOR_LOSS]),
            ("PPL", &[declared::GENERATOR_PPL]),
        ],
        Stage::Ppo => &[
            ("reward", &declared::RAW_REWARDS),
            ("KL", &[declared::KL_FULL]),
            ("Emp-F1", &[declared::VALIDATION_EMP_F1]),
            ("gain", &[declared::VALIDATION_EMP_F1_GAIN]),
        ],
        Stage::Dpo => &[
            ("loss", &[declared::DPO_LOSS]),
            ("margin", &[declared::DPO_MARGIN]),
            ("accuracy", &[declared::DPO_VALIDATION_ACCURACY]),
            ("gain", &[declared::VALIDATION_EMP_F1_GAIN]),
        ],
        Stage::Grpo => &[
            ("reward", &["grpo/reward/empathy", "grpo/reward/total"]),
            ("KL", &["grpo/kl/full"]),
            ("Emp-F1", &[declared::VALIDATION_EMP_F1]),
            ("gain", &[declared::VALIDATION_EMP_F1_GAIN]),
        ],
        Stage::Rloo => &[
            ("reward", &["rloo/reward/empathy", "rloo/reward/total"]),
            ("KL", &["rloo/kl/full"]),
            ("Emp-F1", &[declared::VALIDATION_EMP_F1]),
            ("gain", &[declared::VALIDATION_EMP_F1_GAIN]),
        ],
        Stage::Evaluation | Stage::Recorded => &[],
    }
}

/// The bars of all runs that are watched.
pub struct Bars {
    bars: MultiProgress,
    /// None if stderr is not a terminal.
    style: Option<ProgressStyle>,
    quiet: bool,
    /// Whether there can be several runs, so that each line has to name its own.
    named: bool,
}

impl Bars {
    /// Shows nothing unless `visible`.
    pub fn new(visible: bool, named: bool) -> Self {
        // Fits 80 columns with the figures of PPO.
        let template = match named {
            true => "{prefix:<19} {bar:6} {steps:>9}  {wide_msg}",
            false => "{prefix:<12} {bar:6} {steps:>9}  {wide_msg}",
        };
        Bars {
            bars: MultiProgress::new(),
            style: ProgressStyle::with_template(template)
                .ok()
                .filter(|_| visible && std::io::stderr().is_terminal())
                .map(|style| style.progress_chars("━╸─").with_key("steps", steps)),
            quiet: !visible,
            named,
        }
    }
}

pub struct Progress<'a> {
    bars: &'a Bars,
    /// Before each line: the run, where there can be several.
    label: String,
    current: Option<Current>,
    /// Why stderr could not be written, until that is taken.
    lost: Cell<Option<io::Error>>,
    /// Nothing more is written there.
    is_lost: Cell<bool>,
    /// Appended to suggested commands.
    store_argument: String,
}

/// The stage in progress.
struct Current {
    stage: Stage,
    bar: ProgressBar,
    begun: Instant,
    step: u64,
    total: u64,
    latest: Vec<Option<f64>>,
}

impl<'a> Progress<'a> {
    pub fn new(bars: &'a Bars, store_argument: String) -> Self {
        Progress {
            bars,
            label: String::new(),
            current: None,
            lost: Cell::default(),
            is_lost: Cell::new(false),
            store_argument,
        }
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        let line = &format!("{}{line}", self.label);
        let written = match self.bars.style {
            _ if self.bars.quiet || self.is_lost.get() => Ok(()),
            Some(_) => self.bars.bars.println(one_line(line)),
            None => stderr_line(line),
        };
        if let Err(error) = written {
            self.is_lost.set(true);
            self.lost.set(Some(error));
        }
    }

    /// Why stderr was lost; reported once.
    pub fn take_lost(&self) -> Option<io::Error> {
        self.lost.take()
    }

    pub fn show(&mut self, message: &Message) {
        if self.bars.named {
            self.label = format!("run {}: ", message.run);
        }
        match &message.kind {
            MessageKind::Report(Report::Event { kind, .. }) => self.event(message, kind),
            MessageKind::Report(Report::Metrics {
                step,
                total,
                values,
                ..
            }) => self.advance(*step, *total, values),
            _ => {}
        }
    }

    fn event(&mut self, message: &Message, kind: &EventKind) {
        let (run, step) = (message.run, message.step);
        match (kind, message.stage) {
            (EventKind::StageBegun { total }, Some(stage)) => self.begin(stage, *total),
            (EventKind::StageDone, _) => self.end(step),
            (EventKind::Status { status }, _) if self.current.is_none() => {
                self.say(&format!("Run {run} is {status}"));
            }
            (_, stage) => {
                let Some(severity) = kind.severity() else {
                    return;
                };
                let mark = match severity {
                    Severity::Info => "note",
                    Severity::Warning => "warning",
                    Severity::Alert => "alert",
                };
                let words = kind.words(message.stage, step);
                match stage {
                    Some(stage) => {
                        self.say(&format!("{mark}: {} step {step}: {words}", stage.title()))
                    }
                    None => self.say(&format!("{mark}: {words}")),
                }
                if severity == Severity::Alert {
                    let argument = &self.store_argument;
                    // Levels are those of an evaluation, the rest is of a step.
                    let what = match kind {
                        EventKind::Alert(Alert::Levels { .. }) => "samples",
                        _ => "rollout",
                    };
                    self.say(&format!(
                        "  To see what it is about: `emprl runs {what} {run} --step {step}{argument}`"
                    ));
                }
            }
        }
    }

    /// Ends the current bar; those of finished stages stay on screen.
    pub fn clear(&mut self) {
        if let Some(current) = self.current.take() {
            current.bar.abandon();
        }
    }

    fn begin(&mut self, stage: Stage, total: u64) {
        self.clear();
        let bar = match &self.bars.style {
            Some(style) => {
                let bar = self.bars.bars.add(ProgressBar::new(total));
                bar.set_style(style.clone());
                bar.set_prefix(format!("{}{}", self.label, stage.title()));
                bar.enable_steady_tick(Duration::from_secs(1));
                bar
            }
            None => ProgressBar::hidden(),
        };
        // A stage without steps takes what another run has done.
        if self.bars.style.is_none() && total > 0 {
            self.say(&format!("{}: at most {total} steps", stage.title()));
        }
        self.current = Some(Current {
            stage,
            bar,
            begun: Instant::now(),
            step: 0,
            total,
            latest: vec![None; figures(stage).len()],
        });
    }

    fn advance(&mut self, step: u64, total: u64, values: &[(String, f64)]) {
        let Some(current) = &mut self.current else {
            return;
        };
        (current.step, current.total) = (step, total);
        let mut evaluated = false;
        for ((_, keys), latest) in figures(current.stage).iter().zip(&mut current.latest) {
            for (key, value) in values {
                if keys.contains(&key.as_str()) {
                    *latest = Some(*value);
                    evaluated |= key == declared::VALIDATION_EMP_F1;
                }
            }
        }
        current.bar.set_length(total);
        current.bar.set_position(step);
        current.bar.set_message(current.message());
        // The last one is printed at the end of the stage.
        if evaluated && step < total && self.bars.style.is_none() {
            let line = current.line();
            self.say(&line);
        }
    }

    fn end(&mut self, step: u64) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        current.step = step;
        current.bar.set_length(step.max(1));
        current.bar.set_position(step);
        current.total = step;
        current.bar.set_message(current.message());
        current.bar.finish();
        if self.bars.style.is_none() {
            let elapsed = duration(current.begun.elapsed().as_millis() as i64);
            self.say(&format!("{}: done in {elapsed}", current.line()));
        }
    }
}

impl Current {
    /// `loss 2.31 · PPL 12.41`
    fn figures(&self) -> String {
        let known = figures(self.stage).iter().zip(&self.latest);
        let texts: Vec<String> = known
            .filter_map(|((name, keys), value)| {
                let digits = keys.first().map_or(Digits::LOGGED, |key| Digits::of(key));
                Some(format!("{name} {}", digits.write((*value)?)))
            })
            .collect();
        texts.join(" · ")
    }

    /// The estimated time left, or the time it took, and the figures.
    fn message(&self) -> String {
        let left = self.total.saturating_sub(self.step);
        let spent = self.begun.elapsed().as_secs();
        let time = match self.step {
            0 => String::new(),
            _ if left == 0 => short(spent),
            step => format!("{} left", short(spent.saturating_mul(left) / step)),
        };
        format!("{time:<8}  {}", self.figures())
    }

    fn line(&self) -> String {
        let figures = self.figures();
        let separator = if figures.is_empty() { "" } else { "  " };
        format!(
            "{} {}/{}{separator}{figures}",
            self.stage.title(),
            self.step,
            self.total
        )
    }
}

fn steps(state: &ProgressState, out: &mut dyn fmt::Write) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{}/{}", state.pos(), state.len().unwrap_or(0));
}

/// A short duration: `54s`, `3m20s`, `2h05m`.
fn short(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}
