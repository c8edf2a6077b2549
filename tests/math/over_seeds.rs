//! Aggregates over seeds are those of rliable, corrected p-values those of statsmodels.

use emprl::metrics::bootstrap::percentile;
use emprl::metrics::paired_tests::holm;
use emprl::metrics::rliable::{
    interquartile_mean, optimality_gap, performance_profile, probability_of_improvement,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    holm: Vec<Family>,
}

/// Scores of two systems, `[run][task]`, and what rliable makes of them.
#[derive(Deserialize)]
struct Case {
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    iqm: f64,
    optimality_gap: f64,
    mean: f64,
    improvement: f64,
    thresholds: Vec<f64>,
    profile: Vec<f64>,
    draws: Vec<Vec<usize>>,
    iqm_interval: [f64; 2],
}

#[derive(Deserialize)]
struct Family {
    p: Vec<f64>,
    corrected: Vec<f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/over_seeds.json")).unwrap()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
}

fn task(scores: &[Vec<f64>], at: usize) -> Vec<f64> {
    scores.iter().map(|run| run[at]).collect()
}

#[test]
fn aggregates_are_those_of_rliable() {
    for case in fixture().cases {
        let all = case.x.concat();
        near(interquartile_mean(&all).unwrap(), case.iqm);
        near(optimality_gap(&all, 0.7).unwrap(), case.optimality_gap);
        near(all.iter().sum::<f64>() / all.len() as f64, case.mean);
        let tasks = case.x[0].len();
        let improvement: f64 = (0..tasks)
            .map(|at| probability_of_improvement(&task(&case.x, at), &task(&case.y, at)).unwrap())
            .sum();
        near(improvement / tasks as f64, case.improvement);
        let profile = performance_profile(&all, &case.thresholds).unwrap();
        for (found, expected) in profile.into_iter().zip(case.profile) {
            near(found, expected);
        }
    }
}

#[test]
fn intervals_are_those_of_the_same_draws() {
    for case in fixture().cases {
        let figure = |draw: &Vec<usize>| {
            let drawn: Vec<Vec<f64>> = draw.iter().map(|run| case.x[*run].clone()).collect();
            interquartile_mean(&drawn.concat()).unwrap()
        };
        let mut figures: Vec<f64> = case.draws.iter().map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        near(percentile(&figures, 0.025).unwrap(), case.iqm_interval[0]);
        near(percentile(&figures, 0.975).unwrap(), case.iqm_interval[1]);
    }
}

#[test]
fn holms_correction_is_that_of_statsmodels() {
    for family in fixture().holm {
        for (found, expected) in holm(&family.p).into_iter().zip(family.corrected) {
            near(found, expected);
        }
    }
}
