//! Each rule alerts once, again only after its condition was false in between, and never if it is switched off.

use super::*;
use crate::experiment::{Severity, Stage};

fn monitor(change: impl FnOnce(&mut AlertSettings)) -> Monitor {
    let mut settings = AlertSettings {
        window: 5,
        ..AlertSettings::default()
    };
    change(&mut settings);
    let mut monitor = Monitor::new(settings);
    let begin = Report::event(Stage::Ppo, 0, EventKind::StageBegun { total: 100 });
    assert!(monitor.check(&begin).is_empty());
    monitor
}

/// An alert, with its stage and step.
fn event(alert: Report) -> ((Stage, u64), EventKind) {
    match alert {
        Report::Event { at, kind } => (at.unwrap(), kind),
        other => panic!("{other:?} is no alert"),
    }
}

/// The alerts over some steps of values: the step and the sentence.
fn alerts(
    monitor: &mut Monitor,
    values: impl Fn(u64) -> Vec<(&'static str, f64)>,
) -> Vec<(u64, String)> {
    let mut raised = Vec::new();
    for step in 1..=40 {
        let values = values(step)
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        let report = Report::Metrics {
            stage: Stage::Ppo,
            step,
            total: 100,
            values,
        };
        for alert in monitor.check(&report) {
            let ((_, step), kind) = event(alert);
            raised.push((step, kind.words(Some(Stage::Ppo), step)));
        }
    }
    raised
}

#[test]
fn a_value_that_is_not_finite_alerts_once_until_it_was_finite_again() {
    let mut monitor = monitor(|_| {});
    let lost = |step| matches!(step, 3..=5 | 9);
    let raised = alerts(&mut monitor, |step| {
        vec![(
            declared::VALUE_LOSS,
            if lost(step) { f64::NAN } else { 1.0 },
        )]
    });
    let steps: Vec<u64> = raised.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [3, 9]);
    assert!(raised[0].1.contains(declared::VALUE_LOSS));
}

#[test]
fn a_kl_above_its_limit_or_that_rises_fast_alerts() {
    let mut limit = monitor(|s| s.kl_factor = 0.0);
    let high = alerts(&mut limit, |step| {
        vec![(declared::KL_FULL, if step > 20 { 90.0 } else { 1.0 })]
    });
    assert_eq!(high.len(), 1, "{high:?}");
    assert!(high[0].1.contains("kl_limit"));
    let mut rise = monitor(|s| s.kl_limit = 0.0);
    let rose = alerts(&mut rise, |step| {
        vec![(declared::KL_FULL, if step > 20 { 9.0 } else { 1.0 })]
    });
    assert_eq!(rose.len(), 1, "{rose:?}");
    let mut off = monitor(|s| (s.kl_limit, s.kl_factor) = (0.0, 0.0));
    assert!(
        alerts(&mut off, |step| vec![(
            declared::KL_FULL,
            step as f64 * 9.0
        )])
        .is_empty()
    );
}

#[test]
fn answers_cut_off_a_reward_tied_to_length_and_one_that_stalls_alert() {
    let mut monitor = monitor(|s| s.stalled_after = 20);
    let raised = alerts(&mut monitor, |step| {
        vec![
            (declared::ENDED_SHARE, 0.0),
            (declared::EMPATHY_REWARD, -(step as f64)),
            (declared::RESPONSE_LENGTH, 3.0 + step as f64),
        ]
    });
    let has = |words: &str| {
        raised
            .iter()
            .filter(|(_, text)| text.contains(words))
            .count()
    };
    assert_eq!(
        (has("were cut"), has("are correlated"), has("has not risen")),
        (1, 1, 1),
        "{raised:?}"
    );
}

#[test]
fn the_rules_about_rewards_hold_for_any_reward_but_not_where_there_is_none() {
    let about_rewards = |reward: fn(u64) -> f64| {
        let mut monitor = monitor(|s| s.stalled_after = 20);
        alerts(&mut monitor, |step| {
            vec![
                (declared::TOTAL_REWARD, reward(step)),
                (declared::RESPONSE_LENGTH, 3.0 + step as f64),
            ]
        })
    };
    let other = about_rewards(|step| -(step as f64));
    let has = |words: &str| other.iter().any(|(_, text)| text.contains(words));
    assert!(has("are correlated") && has("has not risen"), "{other:?}");
    assert_eq!(about_rewards(|_| 0.0), []);
}

#[test]
fn answers_that_become_alike_alert() {
    let mut monitor = monitor(|_| {});
    let dist = alerts(&mut monitor, |step| {
        vec![(
            declared::VALIDATION_DIST_2,
            if step == 1 { 20.0 } else { 5.0 },
        )]
    });
    assert_eq!(dist.len(), 1);
    assert_eq!(duplicate_share(["a", "b", "a", "a"].into_iter()), 0.75);
    assert_eq!(duplicate_share(["a", "b"].into_iter()), 0.0);
}

/// A rule: what switches it off, words of it, and values of a step at which it is right or wrong. It is
/// wrong from step 21 to 40 and from step 61 on.
struct Case {
    off: fn(&mut AlertSettings),
    words: &'static str,
    severity: Severity,
    values: fn(step: u64, wrong: bool) -> Vec<(&'static str, f64)>,
}

/// One of two lists that have nothing to do with each other.
fn by_turns(step: u64, pattern: [f64; 4]) -> f64 {
    pattern[step as usize % 4]
}

const CASES: [Case; 9] = [
    Case {
        off: |s| s.kl_limit = 0.0,
        words: "above alerts.kl_limit = 30",
        severity: Severity::Alert,
        values: |_, wrong| vec![(declared::KL_FULL, if wrong { 40.0 } else { 20.0 })],
    },
    Case {
        off: |s| s.kl_factor = 0.0,
        words: "more than 4 times",
        severity: Severity::Warning,
        values: |_, wrong| vec![(declared::KL_FULL, if wrong { 9.0 } else { 1.0 })],
    },
    Case {
        off: |s| s.dist_share = 0.0,
        words: "Dist-2 fell from 20.00 to 5.00",
        severity: Severity::Alert,
        values: |_, wrong| vec![(declared::VALIDATION_DIST_2, if wrong { 5.0 } else { 20.0 })],
    },
    Case {
        off: |s| s.level_share = 0.0,
        words: "98.6 % of the responses have the same level of exploration, which 64.4 % of the targets have",
        severity: Severity::Alert,
        values: |_, wrong| {
            let share = if wrong { 98.6 } else { 85.7 };
            vec![
                // As often in the targets, so that there is nothing to tell.
                (declared::VALIDATION_COMMONEST_KEYS[1], 99.0),
                (declared::VALIDATION_COMMONEST_OF_TARGETS_KEYS[1], 98.0),
                (declared::VALIDATION_COMMONEST_KEYS[2], share),
                (declared::VALIDATION_COMMONEST_OF_TARGETS_KEYS[2], 64.4),
            ]
        },
    },
    Case {
        off: |s| s.cut_share = 0.0,
        words: "were cut off at the length limit",
        severity: Severity::Warning,
        values: |_, wrong| vec![(declared::ENDED_SHARE, if wrong { 0.0 } else { 1.0 })],
    },
    Case {
        off: |s| s.zero_std_share = 0.0,
        words: "had responses of equal reward",
        severity: Severity::Warning,
        values: |_, wrong| vec![(declared::GROUP_ZERO_STD, if wrong { 1.0 } else { 0.5 })],
    },
    // Watched in whichever stage it is logged.
    Case {
        off: |s| s.kl_limit = 0.0,
        words: "above alerts.kl_limit = 30",
        severity: Severity::Alert,
        values: |_, wrong| vec![("rloo/kl/full", if wrong { 40.0 } else { 20.0 })],
    },
    Case {
        off: |s| s.length_correlation = 0.0,
        words: "Reward and response length are correlated",
        severity: Severity::Warning,
        values: |step, wrong| {
            let reward = by_turns(step, [0.4, 0.6, 0.4, 0.6]);
            let length = match wrong {
                true => 10.0 * reward,
                false => by_turns(step, [4.0, 4.0, 6.0, 6.0]),
            };
            vec![
                (declared::EMPATHY_REWARD, reward),
                (declared::RESPONSE_LENGTH, length),
            ]
        },
    },
    Case {
        off: |s| s.stalled_after = 0,
        words: "The mean reward has not risen",
        severity: Severity::Warning,
        values: |step, wrong| {
            let reward = if wrong {
                step.next_multiple_of(40) - 20
            } else {
                step
            };
            vec![(declared::EMPATHY_REWARD, reward as f64)]
        },
    },
];

fn is_wrong(step: u64) -> bool {
    matches!(step, 21..=40 | 61..)
}

/// The alerts of a case over 80 steps: steps and severities.
fn alerts_of(case: &Case, change: impl FnOnce(&mut AlertSettings)) -> Vec<(u64, Severity)> {
    let mut monitor = monitor(|settings| {
        settings.stalled_after = 12;
        change(settings);
    });
    let mut raised = Vec::new();
    for step in 1..=80 {
        let values = (case.values)(step, is_wrong(step));
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_string(), value));
        let report = Report::Metrics {
            stage: Stage::Ppo,
            step,
            total: 100,
            values: values.collect(),
        };
        for alert in monitor.check(&report) {
            let (at, kind) = event(alert);
            assert_eq!(at, (Stage::Ppo, step), "it leads to its step");
            if kind.words(Some(at.0), at.1).contains(case.words) {
                raised.push((step, kind.severity().unwrap()));
            }
        }
    }
    raised
}

#[test]
fn every_rule_alerts_once_and_again_only_after_its_condition_was_false() {
    for case in &CASES {
        let raised = alerts_of(case, |_| {});
        let [first, second] = &raised[..] else {
            panic!("{}: {raised:?}", case.words)
        };
        assert!((21..=40).contains(&first.0), "{}: {raised:?}", case.words);
        assert!((61..=80).contains(&second.0), "{}: {raised:?}", case.words);
        assert_eq!((first.1, second.1), (case.severity, case.severity));
    }
}

#[test]
fn a_rule_that_is_switched_off_is_silent() {
    for case in &CASES {
        assert_eq!(alerts_of(case, case.off), [], "{}", case.words);
    }
}

/// Five dialogues, the given number of them answered alike.
fn dialogues(alike: usize) -> Vec<SampleDialogue> {
    let dialogue = |index: usize| SampleDialogue {
        index: index as u32,
        emotion: String::new(),
        situation: String::new(),
        context: Vec::new(),
        roles: Vec::new(),
        target: String::new(),
        generated: match index < alike {
            true => "I see.".to_string(),
            false => format!("answer {index}"),
        },
        levels: Vec::new(),
        reward: None,
    };
    (0..5).map(dialogue).collect()
}

#[test]
fn dialogues_answered_alike_alert_once_until_they_differ_again() {
    let steps_of = |monitor: &mut Monitor| -> Vec<u64> {
        let alike = [0, 2, 3, 5, 2, 4];
        let notes = alike.into_iter().zip(1u64..).flat_map(|(alike, n)| {
            monitor.check(&Report::Samples {
                stage: Stage::Ppo,
                step: 10 * n,
                dialogues: dialogues(alike),
            })
        });
        let step = |note: Report| {
            let ((_, step), kind) = event(note);
            assert_eq!(kind.severity(), Some(Severity::Alert));
            let words = kind.words(None, step);
            assert!(words.contains("% of the sample dialogues"), "{words}");
            step
        };
        notes.map(step).collect()
    };
    assert_eq!(steps_of(&mut monitor(|_| {})), [30, 60]);
    assert_eq!(
        steps_of(&mut monitor(|s| s.duplicate_share = 0.0)),
        [0u64; 0]
    );
}

/// Hears everything, and says how often it was asked.
#[derive(Default)]
struct Recorded(Vec<Report>);

impl Observer for Recorded {
    fn report(&mut self, report: Report) {
        self.0.push(report);
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

#[test]
fn the_rollout_of_a_step_is_wanted_if_it_raised_an_alert() {
    let mut recorded = Recorded::default();
    let mut watched = Watched::new(&mut recorded, AlertSettings::default());
    let mut wanted = Vec::new();
    for step in 1..=5 {
        watched.report(Report::Metrics {
            stage: Stage::Ppo,
            step,
            total: 5,
            values: vec![(
                declared::VALUE_LOSS.to_string(),
                if step == 3 { f64::INFINITY } else { 1.0 },
            )],
        });
        if watched.wants_rollout() {
            wanted.push(step);
        }
    }
    assert_eq!(wanted, [3]);
    assert_eq!(recorded.0.len(), 6, "five steps and one note");
}
