//! Rules that watch the reports of a run and raise alerts.
//!
//! Knows no trainer and no store. The rules' limits are `alerts` in the run's settings; their sentences are
//! those of [`Alert`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::{Discriminant, discriminant};

use crate::data::Mechanism;
use crate::experiment::{Alert, AlertSettings, EventKind, Report, SampleDialogue};
use crate::metrics::{declared, pearson};
use crate::train::observer::{Directive, Observer, Wait};

/// The rules and their state in a stage. A rule raises its alert once, and again only after its condition was
/// false in between.
#[derive(Debug)]
pub struct Monitor {
    settings: AlertSettings,
    raised: HashSet<Discriminant<Alert>>,
    /// The last values of watched metrics; the raw reward of any run as [`RAW_REWARD`].
    recent: HashMap<&'static str, VecDeque<f64>>,
    first_dist: Option<f64>,
    /// The best mean reward so far, and its step.
    best: Option<(f64, u64)>,
}

/// The raw reward, whichever metric a run logs it under.
const RAW_REWARD: &str = "raw reward";

/// The other metrics watched over the window.
const WATCHED: [&str; 4] = [
    declared::KL_FULL,
    declared::ENDED_SHARE,
    declared::RESPONSE_LENGTH,
    ZERO_STD,
];

/// The share of groups with equal rewards, as PPO would log it.
const ZERO_STD: &str = "ppo/group/zero_std";

/// By how much the targets must have a level less often than the responses.
const CLEARLY: f64 = 0.1;

/// The name under which a metric is watched, if it is, among others of the same step: PPO's, in whichever stage it is
/// logged.
fn watched(metric: &str, values: &[(String, f64)]) -> Option<&'static str> {
    let metric = declared::as_of_ppo(metric);
    let is_logged = |key: &&str| {
        values
            .iter()
            .any(|(name, _)| declared::as_of_ppo(name) == **key)
    };
    let mut raw_rewards = declared::RAW_REWARDS.into_iter();
    match raw_rewards.find(is_logged) == Some(&*metric) {
        true => Some(RAW_REWARD),
        false => WATCHED.into_iter().find(|watched| *watched == metric),
    }
}

impl Monitor {
    pub fn new(settings: AlertSettings) -> Self {
        Monitor {
            settings,
            raised: HashSet::new(),
            recent: HashMap::new(),
            first_dist: None,
            best: None,
        }
    }

    /// The alerts caused by a report.
    pub fn check(&mut self, report: &Report) -> Vec<Report> {
        let found = match report {
            Report::Event {
                kind: EventKind::StageBegun { .. },
                ..
            } => {
                *self = Monitor::new(self.settings.clone());
                Vec::new()
            }
            Report::Metrics { step, values, .. } => self.metrics(*step, values),
            Report::Samples { dialogues, .. } => self.samples(dialogues),
            _ => Vec::new(),
        };
        let (at, alerts) = (report.at(), found.into_iter().map(EventKind::Alert));
        alerts.map(|kind| Report::Event { at, kind }).collect()
    }

    fn metrics(&mut self, step: u64, values: &[(String, f64)]) -> Vec<Alert> {
        let mut found = Vec::new();
        let metrics: Vec<String> = values
            .iter()
            .filter(|(_, value)| !value.is_finite())
            .map(|(name, _)| name.clone())
            .collect();
        let any = !metrics.is_empty();
        self.raise_if(any, Alert::NotFinite { metrics }, &mut found);
        let window = self.settings.window as usize;
        let mut fresh = false;
        for (name, value) in values {
            if let Some(name) = watched(name, values)
                && value.is_finite()
            {
                fresh = true;
                let recent = self.recent.entry(name).or_default();
                recent.push_back(*value);
                if recent.len() > 2 * window {
                    recent.pop_front();
                }
            }
            if name == declared::VALIDATION_DIST_2 && value.is_finite() {
                self.dist(*value, &mut found);
            }
        }
        self.levels(values, &mut found);
        if fresh {
            self.kl(window, &mut found);
            self.groups(window, &mut found);
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

    fn kl(&mut self, window: usize, found: &mut Vec<Alert>) {
        let limit = self.settings.kl_limit;
        let (last, before) = self.means(declared::KL_FULL, window);
        let Some(kl) = last else { return };
        let window = window as u64;
        let above = limit > 0.0 && kl > limit;
        self.raise_if(above, Alert::KlLimit { kl, window, limit }, found);
        let factor = self.settings.kl_factor;
        let Some(before) = before else { return };
        let rose = factor > 0.0 && kl > 1.0 && kl > before.max(0.05) * factor;
        let alert = Alert::KlRise {
            before,
            kl,
            window,
            factor,
        };
        self.raise_if(rose, alert, found);
    }

    /// Of algorithms that learn from the differences within groups of responses.
    fn groups(&mut self, window: usize, found: &mut Vec<Alert>) {
        let limit = self.settings.zero_std_share;
        let (Some(share), _) = self.means(ZERO_STD, window) else {
            return;
        };
        let window = window as u64;
        let many = limit > 0.0 && share > limit;
        self.raise_if(many, Alert::FlatGroups { share, window }, found);
    }

    fn text(&mut self, window: usize, found: &mut Vec<Alert>) {
        if let (Some(ended), _) = self.means(declared::ENDED_SHARE, window) {
            let (share, limit) = (1.0 - ended, self.settings.cut_share);
            let window = window as u64;
            let many = limit > 0.0 && share > limit;
            self.raise_if(many, Alert::CutOff { share, window }, found);
        }
        let of = |name| self.recent.get(name);
        if let (Some(reward), Some(length)) = (of(RAW_REWARD), of(declared::RESPONSE_LENGTH))
            && reward.len() >= 2 * window
            && length.len() == reward.len()
            && let Some(r) = pearson(reward.iter().copied().zip(length.iter().copied()))
        {
            let limit = self.settings.length_correlation;
            let steps = reward.len() as u64;
            let tied = limit > 0.0 && r.abs() > limit;
            self.raise_if(tied, Alert::Length { r, steps }, found);
        }
    }

    fn stalled(&mut self, step: u64, window: usize, found: &mut Vec<Alert>) {
        let (Some(mean), _) = self.means(RAW_REWARD, window) else {
            return;
        };
        // A run without a reward logs 0 at every step, which cannot rise.
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
        let steps = step.saturating_sub(since);
        let stalled = after > 0 && steps >= after;
        self.raise_if(stalled, Alert::Stalled { steps, since }, found);
    }

    fn dist(&mut self, now: f64, found: &mut Vec<Alert>) {
        let first = *self.first_dist.get_or_insert(now);
        let share = self.settings.dist_share;
        let fell = share > 0.0 && now < first * share;
        self.raise_if(fell, Alert::Dist { first, now }, found);
    }

    /// Of an evaluation: whether the responses have one level where the targets have several. The mechanism that is
    /// furthest off is named.
    fn levels(&mut self, values: &[(String, f64)], found: &mut Vec<Alert>) {
        let limit = self.settings.level_share;
        let share = |key: &str| {
            let (_, percent) = values.iter().find(|(name, _)| name == key)?;
            Some(percent / 100.0)
        };
        let shares = |mechanism: Mechanism| {
            let at = mechanism.index();
            let of_targets = share(declared::VALIDATION_COMMONEST_OF_TARGETS_KEYS[at])?;
            Some((
                mechanism,
                share(declared::VALIDATION_COMMONEST_KEYS[at])?,
                of_targets,
            ))
        };
        let off = |(_, share, of_targets): &(Mechanism, f64, f64)| share - of_targets;
        let has_collapsed =
            |of: &(Mechanism, f64, f64)| limit > 0.0 && of.1 > limit && off(of) >= CLEARLY;
        let all = Mechanism::ALL.into_iter().filter_map(shares);
        let furthest = all.max_by(|a, b| {
            has_collapsed(a)
                .cmp(&has_collapsed(b))
                .then(off(a).total_cmp(&off(b)))
        });
        let Some(furthest) = furthest else { return };
        let (mechanism, share, of_targets) = furthest;
        let alert = Alert::Levels {
            mechanism,
            share,
            of_targets,
        };
        self.raise_if(has_collapsed(&furthest), alert, found);
    }

    fn samples(&mut self, dialogues: &[SampleDialogue]) -> Vec<Alert> {
        let mut found = Vec::new();
        let share = duplicate_share(dialogues.iter().map(|d| d.generated.trim()));
        let limit = self.settings.duplicate_share;
        let many = limit > 0.0 && dialogues.len() > 2 && share > limit;
        self.raise_if(many, Alert::Duplicates { share }, &mut found);
        found
    }

    /// Adds the alert if its condition has become true.
    fn raise_if(&mut self, wrong: bool, alert: Alert, found: &mut Vec<Alert>) {
        let rule = discriminant(&alert);
        if !wrong {
            self.raised.remove(&rule);
        } else if self.raised.insert(rule) {
            found.push(alert);
        }
    }
}

/// The share of texts that occur more than once.
fn duplicate_share<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let all: usize = counts.values().sum();
    let twice: usize = counts.values().filter(|count| **count > 1).sum();
    twice as f64 / all.max(1) as f64
}

/// Forwards a trainer's reports, each followed by the alerts it causes.
pub(super) struct Watched<'a> {
    observer: &'a mut dyn Observer,
    monitor: Monitor,
    /// Whether an alert was raised since `wants_rollout` was last called.
    alerted: bool,
}

impl<'a> Watched<'a> {
    pub fn new(observer: &'a mut dyn Observer, settings: AlertSettings) -> Self {
        Watched {
            observer,
            monitor: Monitor::new(settings),
            alerted: false,
        }
    }
}

impl Observer for Watched<'_> {
    fn report(&mut self, report: Report) {
        let alerts = self.monitor.check(&report);
        self.alerted |= !alerts.is_empty();
        self.observer.report(report);
        for alert in alerts {
            self.observer.report(alert);
        }
    }

    fn directive(&mut self) -> Directive {
        self.observer.directive()
    }

    fn wants_rollout(&mut self) -> bool {
        std::mem::take(&mut self.alerted)
    }

    fn wait(&mut self) -> Wait {
        self.observer.wait()
    }
}

#[cfg(test)]
mod tests;
