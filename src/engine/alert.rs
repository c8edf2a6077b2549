//! Rules that watch what a run reports, and tell a person when something goes wrong.
//!
//! Reads reports and writes notes; knows no trainer and no store. The rules' limits are settings of
//! the run (`alerts` in its file).

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::experiment::{AlertSettings, Report, SampleDialogue, Severity, Stage};
use crate::metrics::{declared, terms};
use crate::train::observer::{Directive, Observer, Wait};

/// What can go wrong. Each is told once, and again only after it had been right between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    NotFinite,
    KlLimit,
    KlRise,
    Duplicates,
    Dist,
    CutOff,
    Length,
    Stalled,
}

/// The rules, and what they remember of a stage.
#[derive(Debug)]
pub struct Monitor {
    settings: AlertSettings,
    stage: Option<Stage>,
    told: BTreeSet<Rule>,
    /// The last values of the metrics that rules look at; the raw reward of any run as [`RAW_REWARD`].
    recent: HashMap<&'static str, VecDeque<f64>>,
    first_dist: Option<f64>,
    /// The best mean reward so far, and the step it was reached at.
    best: Option<(f64, u64)>,
}

/// The raw reward, whichever metric a run logs it under.
const RAW_REWARD: &str = "raw reward";

/// The other metrics that are remembered over the window.
const WATCHED: [&str; 3] = [
    declared::KL_FULL,
    declared::ENDED_SHARE,
    declared::RESPONSE_LENGTH,
];

/// The name under which a metric is remembered, if rules look at it.
fn watched(metric: &str) -> Option<&'static str> {
    match terms::RAW_REWARDS.contains(&metric) {
        true => Some(RAW_REWARD),
        false => WATCHED.into_iter().find(|watched| *watched == metric),
    }
}

impl Monitor {
    pub fn new(settings: AlertSettings) -> Self {
        Monitor {
            settings,
            stage: None,
            told: BTreeSet::new(),
            recent: HashMap::new(),
            first_dist: None,
            best: None,
        }
    }

    /// What is to be told after a report.
    pub fn look(&mut self, report: &Report) -> Vec<Report> {
        match report {
            Report::Stage { stage, .. } => {
                *self = Monitor::new(self.settings.clone());
                self.stage = Some(*stage);
                Vec::new()
            }
            Report::Metrics {
                stage,
                step,
                values,
                ..
            } => {
                let found = self.metrics(*step, values);
                notes(*stage, *step, found)
            }
            Report::Samples {
                stage,
                step,
                dialogues,
            } => notes(*stage, *step, self.samples(dialogues)),
            _ => Vec::new(),
        }
    }

    fn metrics(&mut self, step: u64, values: &[(String, f64)]) -> Vec<(Severity, String)> {
        let mut found = Vec::new();
        let lost: Vec<&str> = values
            .iter()
            .filter(|(_, value)| !value.is_finite())
            .map(|(name, _)| name.as_str())
            .collect();
        let words = format!("{} is not finite", lost.join(", "));
        self.judge(
            Rule::NotFinite,
            !lost.is_empty(),
            Severity::Alert,
            words,
            &mut found,
        );
        let window = self.settings.window as usize;
        let mut fresh = false;
        for (name, value) in values {
            if let Some(name) = watched(name)
                && value.is_finite()
            {
                fresh = true;
                let recent = self.recent.entry(name).or_default();
                recent.push_back(*value);
                if recent.len() > 2 * window {
                    recent.pop_front();
                }
            }
            if name == declared::VALIDATION_DIST_2 {
                self.dist(*value, &mut found);
            }
        }
        if fresh {
            self.kl(window, &mut found);
            self.text(window, &mut found);
            self.stalled(step, window, &mut found);
        }
        found
    }

    /// Means of the last window and of the one before it, where both are full.
    fn means(&self, name: &str, window: usize) -> (Option<f64>, Option<f64>) {
        let Some(recent) = self.recent.get(name) else {
            return (None, None);
        };
        let mean = |values: &mut dyn Iterator<Item = &f64>| values.sum::<f64>() / window as f64;
        let last = (recent.len() >= window).then(|| mean(&mut recent.iter().rev().take(window)));
        let before = (recent.len() >= 2 * window)
            .then(|| mean(&mut recent.iter().rev().skip(window).take(window)));
        (last, before)
    }

    fn kl(&mut self, window: usize, found: &mut Vec<(Severity, String)>) {
        let limit = self.settings.kl_limit;
        let (last, before) = self.means(declared::KL_FULL, window);
        let Some(last) = last else { return };
        let words = format!(
            "The KL of a response is {last:.1} nats over {window} steps, above alerts.kl_limit = {limit}: \
             the policy runs away from the reference; raise reward.beta or lower ppo.lr"
        );
        let above = limit > 0.0 && last > limit;
        self.judge(Rule::KlLimit, above, Severity::Alert, words, found);
        let factor = self.settings.kl_factor;
        let Some(before) = before else { return };
        let words = format!(
            "The KL of a response rose from {before:.2} to {last:.2} nats within {window} steps, more than \
             {factor} times"
        );
        let rose = factor > 0.0 && last > 1.0 && last > before.max(0.05) * factor;
        self.judge(Rule::KlRise, rose, Severity::Warning, words, found);
    }

    fn text(&mut self, window: usize, found: &mut Vec<(Severity, String)>) {
        if let (Some(ended), _) = self.means(declared::ENDED_SHARE, window) {
            let (cut, limit) = (1.0 - ended, self.settings.cut_share);
            let words = format!(
                "{:.0} % of the responses of the last {window} steps were cut at the longest length",
                100.0 * cut
            );
            let many = limit > 0.0 && cut > limit;
            self.judge(Rule::CutOff, many, Severity::Warning, words, found);
        }
        let of = |name| self.recent.get(name);
        if let (Some(reward), Some(length)) = (of(RAW_REWARD), of(declared::RESPONSE_LENGTH))
            && reward.len() >= 2 * window
            && length.len() == reward.len()
            && let Some(r) = correlation(reward, length)
        {
            let limit = self.settings.length_correlation;
            let words = format!(
                "Reward and length of responses go together (r = {r:.2} over {} steps): the reward may pay \
                 for length only",
                reward.len()
            );
            let tied = limit > 0.0 && r.abs() > limit;
            self.judge(Rule::Length, tied, Severity::Warning, words, found);
        }
    }

    fn stalled(&mut self, step: u64, window: usize, found: &mut Vec<(Severity, String)>) {
        let (Some(mean), _) = self.means(RAW_REWARD, window) else {
            return;
        };
        // A run without a reward logs 0 at every step; there is nothing that could rise.
        if mean == 0.0 && self.best.is_none() {
            return;
        }
        if self.best.is_none_or(|(best, _)| mean > best) {
            self.best = Some((mean, step));
        }
        let (after, since) = (
            self.settings.stalled_after,
            self.best.map_or(step, |(_, at)| at),
        );
        let still = step.saturating_sub(since);
        let words = format!("The mean reward has not risen for {still} steps, since step {since}");
        let stalled = after > 0 && still >= after;
        self.judge(Rule::Stalled, stalled, Severity::Warning, words, found);
    }

    fn dist(&mut self, now: f64, found: &mut Vec<(Severity, String)>) {
        let first = *self.first_dist.get_or_insert(now);
        let share = self.settings.dist_share;
        let words = format!(
            "Dist-2 fell from {first:.2} to {now:.2}: the answers become alike; look at the samples"
        );
        let fell = share > 0.0 && now < first * share;
        self.judge(Rule::Dist, fell, Severity::Alert, words, found);
    }

    fn samples(&mut self, dialogues: &[SampleDialogue]) -> Vec<(Severity, String)> {
        let mut found = Vec::new();
        let share = duplicate_share(dialogues.iter().map(|d| d.generated.trim()));
        let limit = self.settings.duplicate_share;
        let words = format!(
            "{:.0} % of the sample dialogues are answered in words that another is answered in too",
            100.0 * share
        );
        let many = limit > 0.0 && dialogues.len() > 2 && share > limit;
        self.judge(Rule::Duplicates, many, Severity::Alert, words, &mut found);
        found
    }

    /// Tells what has gone wrong since it was last right.
    fn judge(
        &mut self,
        rule: Rule,
        wrong: bool,
        severity: Severity,
        words: String,
        found: &mut Vec<(Severity, String)>,
    ) {
        if !wrong {
            self.told.remove(&rule);
        } else if self.told.insert(rule) {
            found.push((severity, words));
        }
    }
}

fn notes(stage: Stage, step: u64, found: Vec<(Severity, String)>) -> Vec<Report> {
    found
        .into_iter()
        .map(|(severity, text)| Report::Note {
            stage,
            step,
            severity,
            text,
        })
        .collect()
}

/// The share of texts that stand there more than once.
fn duplicate_share<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let all: usize = counts.values().sum();
    let twice: usize = counts.values().filter(|count| **count > 1).sum();
    twice as f64 / all.max(1) as f64
}

/// Pearson's r; none where one of them does not move.
fn correlation(a: &VecDeque<f64>, b: &VecDeque<f64>) -> Option<f64> {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    (aa > 1e-18 && bb > 1e-18).then(|| ab / (aa * bb).sqrt())
}

/// Hands on what a trainer reports, and after it what the rules say to it.
pub(super) struct Watched<'a> {
    observer: &'a mut dyn Observer,
    monitor: Monitor,
    /// Something was told since the rollout was last asked for.
    told: bool,
}

impl<'a> Watched<'a> {
    pub fn new(observer: &'a mut dyn Observer, settings: AlertSettings) -> Self {
        Watched {
            observer,
            monitor: Monitor::new(settings),
            told: false,
        }
    }
}

impl Observer for Watched<'_> {
    fn report(&mut self, report: Report) {
        let notes = self.monitor.look(&report);
        self.told |= !notes.is_empty();
        self.observer.report(report);
        notes
            .into_iter()
            .for_each(|note| self.observer.report(note));
    }

    fn directive(&mut self) -> Directive {
        self.observer.directive()
    }

    fn wants_rollout(&mut self) -> bool {
        std::mem::take(&mut self.told)
    }

    fn wait(&mut self) -> Wait {
        self.observer.wait()
    }
}

#[cfg(test)]
mod tests;
