//! Agreement, tests, intervals, power and strengths are those of SciPy, scikit-learn and the literature, and
//! what has no value says so.

use emprl::metrics::Confusion;
use emprl::study::statistics::Undefined;
use emprl::study::statistics::agreement::{
    Metric, Weights, cohen_kappa, fleiss_kappa, krippendorff_alpha,
};
use emprl::study::statistics::bradley_terry::{PRIOR_WINS, bradley_terry, bradley_terry_or_prior};
use emprl::study::statistics::power::{
    ab_forecast, ab_power, detectable_mean_difference, detectable_share,
};
use emprl::study::statistics::significance::{clopper_pearson, sign_test, wilson};
use emprl::study::statistics::special::*;
use serde_json::Value;

fn fixture(part: &str) -> Value {
    let text = include_str!("../fixtures/study_statistics.json");
    serde_json::from_str::<Value>(text).unwrap()[part].take()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found - expected).abs() <= tolerance * expected.abs().max(1e-300)
}

/// Checks `function` of all but the last number of each row against the last.
fn check(rows: &Value, tolerance: f64, function: impl Fn(&[f64]) -> f64) {
    for row in rows.as_array().unwrap() {
        let row = numbers(row);
        let (expected, given) = row.split_last().unwrap();
        let found = function(given);
        assert!(
            near(found, *expected, tolerance),
            "{given:?}: {found} for {expected}"
        );
    }
}

#[test]
fn distribution_functions_are_scipys() {
    let rows = fixture("special");
    for row in rows["ln_gamma"].as_array().unwrap() {
        let (x, expected) = (row[0].as_f64().unwrap(), row[1].as_f64().unwrap());
        assert!(
            (ln_gamma(x) - expected).abs() < 1e-13 * expected.abs().max(1.0),
            "{x}"
        );
    }
    check(&rows["normal_cdf"], 1e-12, |x| normal_cdf(x[0]));
    check(&rows["normal_quantile"], 1e-12, |x| normal_quantile(x[0]));
    check(&rows["beta_cdf"], 1e-10, |x| beta_cdf(x[0], x[1], x[2]));
    check(&rows["beta_quantile"], 1e-11, |x| {
        beta_quantile(x[0], x[1], x[2])
    });
    check(&rows["binomial_pmf"], 1e-10, |x| {
        binomial_pmf(x[0] as u64, x[1] as u64, x[2])
    });
    check(&rows["binomial_cdf"], 1e-10, |x| {
        binomial_cdf(x[0] as u64, x[1] as u64, x[2])
    });
    assert!(ln_gamma(0.0).is_nan());
    assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
}

#[test]
fn tests_and_intervals_are_scipys() {
    for row in fixture("tests").as_array().unwrap() {
        let (wins, losses) = (
            row["wins"].as_u64().unwrap(),
            row["losses"].as_u64().unwrap(),
        );
        let p = sign_test(wins, losses).unwrap();
        assert!(near(p, row["p"].as_f64().unwrap(), 1e-11), "{row}: {p}");
        let ends = [
            ("wilson", wilson(wins, wins + losses, 0.95)),
            ("wilson80", wilson(wins, wins + losses, 0.8)),
            ("exact", clopper_pearson(wins, wins + losses, 0.95)),
        ];
        for (name, share) in ends {
            let share = share.unwrap();
            let expected = numbers(&row[name]);
            assert!(near(share.low, expected[0], 1e-11), "{name} {row}");
            assert!(near(share.high, expected[1], 1e-11), "{name} {row}");
        }
    }
}

#[test]
fn golden_values_of_the_sign_test_and_intervals() {
    let golden = [
        (48, 30, 0.053544),
        (60, 40, 0.056888),
        (5, 0, 0.0625),
        (50, 50, 1.0),
    ];
    for (wins, losses, p) in golden {
        assert!((sign_test(wins, losses).unwrap() - p).abs() < 5e-7);
    }
    assert_eq!(sign_test(0, 0), Err(Undefined::NoData));
    let exact = clopper_pearson(48, 78, 0.95).unwrap();
    let score = wilson(48, 78, 0.95).unwrap();
    let round = |x: f64| (x * 1e4).round() / 1e4;
    assert_eq!((round(exact.low), round(exact.high)), (0.4983, 0.7234));
    assert_eq!((round(score.low), round(score.high)), (0.5044, 0.7155));
    assert_eq!(wilson(0, 9, 0.95).unwrap().low, 0.0);
    assert_eq!(clopper_pearson(9, 9, 0.95).unwrap().high, 1.0);
    assert_eq!(wilson(0, 0, 0.95), Err(Undefined::NoData));
    assert_eq!(clopper_pearson(2, 1, 0.95), Err(Undefined::Mismatch));
}

/// The items of a table with one row a rater; `.` is missing.
fn items(raters: &[&str]) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<char>> = raters.iter().map(|row| row.chars().collect()).collect();
    let value = |row: &Vec<char>, at: usize| row[at].to_digit(10).map(f64::from);
    (0..rows[0].len())
        .map(|at| rows.iter().filter_map(|row| value(row, at)).collect())
        .collect()
}

#[test]
fn golden_values_of_krippendorffs_alpha() {
    let canonical = items(&[
        "123321412...",
        "1233224125.3",
        ".3332342251.",
        "12332441251.",
    ]);
    let alpha = |metric| krippendorff_alpha(&canonical, metric).unwrap();
    let golden = [
        (Metric::Nominal, 0.743421),
        (Metric::Ordinal, 0.815388),
        (Metric::Interval, 0.849107),
        (Metric::Ratio, 0.797403),
    ];
    for (metric, expected) in golden {
        assert!(
            (alpha(metric) - expected).abs() < 5e-7,
            "{metric:?}: {}",
            alpha(metric)
        );
    }
    let three = items(&["123454", "123554", "223445"]);
    for (metric, expected) in [
        (Metric::Nominal, 0.464567),
        (Metric::Ordinal, 0.857413),
        (Metric::Interval, 0.880492),
    ] {
        assert!((krippendorff_alpha(&three, metric).unwrap() - expected).abs() < 5e-7);
    }
}

#[test]
fn golden_values_of_the_kappas() {
    // Fleiss 1971: 10 subjects, 14 raters, 5 categories.
    let table = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ];
    let subjects: Vec<Vec<usize>> = table
        .iter()
        .map(|counts| {
            (0..5)
                .flat_map(|label| vec![label; counts[label]])
                .collect()
        })
        .collect();
    assert!((fleiss_kappa(&subjects, 5).unwrap() - 0.209931).abs() < 5e-7);
    let votes = [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 2],
        [2, 2, 2],
        [1, 1, 0],
        [0, 0, 0],
    ];
    let votes: Vec<Vec<usize>> = votes.iter().map(|v| v.to_vec()).collect();
    assert!((fleiss_kappa(&votes, 3).unwrap() - 0.34375).abs() < 1e-12);

    let (first, second) = ([0, 1, 2, 3, 4, 3], [0, 1, 2, 4, 4, 3]);
    let kappa = |weights| cohen_kappa(&first, &second, 5, weights).unwrap();
    assert!((kappa(Weights::Unweighted) - 0.793103).abs() < 5e-7);
    assert!((kappa(Weights::Quadratic) - 0.958904).abs() < 5e-7);
}

#[test]
fn agreement_is_that_of_the_definitions() {
    let metrics = [
        ("nominal", Metric::Nominal),
        ("ordinal", Metric::Ordinal),
        ("interval", Metric::Interval),
        ("ratio", Metric::Ratio),
    ];
    let weights = [
        ("unweighted", Weights::Unweighted),
        ("linear", Weights::Linear),
        ("quadratic", Weights::Quadratic),
    ];
    for row in fixture("agreement").as_array().unwrap() {
        let items: Vec<Vec<f64>> = row["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        for (name, metric) in metrics {
            let found = krippendorff_alpha(&items, metric).unwrap();
            let expected = row["alpha"][name].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{name}: {found} for {expected}"
            );
        }
        let Some(fleiss) = row["fleiss"].as_f64() else {
            continue;
        };
        let labels = row["labels"].as_u64().unwrap() as usize;
        let labelled: Vec<Vec<usize>> = items
            .iter()
            .map(|item| item.iter().map(|value| *value as usize - 1).collect())
            .collect();
        assert!((fleiss_kappa(&labelled, labels).unwrap() - fleiss).abs() < 1e-12);
        let column = |at: usize| -> Vec<usize> { labelled.iter().map(|item| item[at]).collect() };
        for (name, weights) in weights {
            let found = cohen_kappa(&column(0), &column(1), labels, weights).unwrap();
            let expected = row["cohen"][name].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-12,
                "{name}: {found} for {expected}"
            );
            if weights == Weights::Unweighted {
                let pairs = column(0).into_iter().zip(column(1));
                let of_levels = Confusion::from_pairs(labels, pairs).kappa().unwrap();
                assert!((of_levels - expected).abs() < 1e-12, "{of_levels}");
            }
        }
    }
}

#[test]
fn what_is_undefined_is_said_to_be_undefined() {
    let same = vec![vec![1, 1, 1]; 4];
    assert_eq!(fleiss_kappa(&same, 3), Err(Undefined::NoVariation));
    assert_eq!(fleiss_kappa(&[], 3), Err(Undefined::NoData));
    assert_eq!(fleiss_kappa(&[vec![0]], 3), Err(Undefined::NoPairs));
    assert_eq!(
        fleiss_kappa(&[vec![0, 1], vec![0]], 3),
        Err(Undefined::UnequalRaters)
    );
    assert_eq!(fleiss_kappa(&[vec![0, 3]], 3), Err(Undefined::Mismatch));
    for metric in [
        Metric::Nominal,
        Metric::Ordinal,
        Metric::Interval,
        Metric::Ratio,
    ] {
        let alpha = |items: &[Vec<f64>]| krippendorff_alpha(items, metric);
        assert_eq!(
            alpha(&[vec![2.0, 2.0], vec![2.0, 2.0]]),
            Err(Undefined::NoVariation)
        );
        assert_eq!(alpha(&[vec![2.0], vec![3.0]]), Err(Undefined::NoPairs));
        assert_eq!(alpha(&[]), Err(Undefined::NoData));
    }
    assert_eq!(
        krippendorff_alpha(&[vec![-1.0, 2.0]], Metric::Ratio),
        Err(Undefined::Negative)
    );
    let cohen = |a: &[usize], b: &[usize]| cohen_kappa(a, b, 3, Weights::Linear);
    assert_eq!(cohen(&[1, 1], &[1, 1]), Err(Undefined::NoVariation));
    assert_eq!(cohen(&[], &[]), Err(Undefined::NoData));
    assert_eq!(cohen(&[1], &[1, 2]), Err(Undefined::Mismatch));
    for undefined in [Undefined::NoVariation, Undefined::Undefeated] {
        assert!(
            serde_json::to_value(undefined)
                .unwrap()
                .as_str()
                .unwrap()
                .len()
                > 20
        );
    }
}

#[test]
fn power_is_that_of_the_binomial() {
    let power = fixture("power");
    check(&power["rows"], 1e-9, |x| ab_power(x[0] as u64, x[1], x[2]));
    let share = detectable_share(100, 0.0, 0.8).unwrap();
    assert!(near(
        share,
        power["detectable_share_100"].as_f64().unwrap(),
        1e-9
    ));
    let mean = detectable_mean_difference(100, 1.3).unwrap();
    assert!(near(
        mean,
        power["mean_difference_100_1.3"].as_f64().unwrap(),
        1e-11
    ));

    let forecast = ab_forecast(100, 0.0);
    let sixty = forecast.examples[1];
    assert_eq!((sixty.wins, sixty.losses), (60, 40));
    assert_eq!((sixty.p * 1e3).round(), 57.0, "not significant");
    let smallest = forecast.smallest_significant.unwrap();
    assert_eq!((smallest.wins, smallest.losses), (61, 39));

    let few = ab_forecast(5, 0.0);
    assert_eq!(few.smallest_significant, None);
    assert_eq!(few.detectable_share, None);
    let none = ab_forecast(0, 0.0);
    assert_eq!((none.decided, none.examples.len()), (0, 0));
    assert_eq!(detectable_mean_difference(0, 1.0), None);
}

#[test]
fn strengths_are_the_maximum_of_the_likelihood() {
    for row in fixture("strengths").as_array().unwrap() {
        let wins: Vec<Vec<f64>> = row["wins"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let found = bradley_terry(&wins, 0.0).unwrap();
        for (found, expected) in found.theta.iter().zip(numbers(&row["theta"])) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        assert!(found.theta.iter().sum::<f64>().abs() < 1e-12);
    }
}

#[test]
fn golden_values_of_bradley_terry() {
    let wins = vec![
        vec![0.0, 48.0, 60.0],
        vec![30.0, 0.0, 45.0],
        vec![25.0, 40.0, 0.0],
    ];
    let found = bradley_terry_or_prior(&wins).unwrap();
    let theta = [0.448067, -0.121945, -0.326122];
    let elo = [1077.8, 978.8, 943.3];
    for at in 0..3 {
        assert!((found.theta[at] - theta[at]).abs() < 5e-7);
        assert!((found.elo[at] - elo[at]).abs() < 0.05);
    }
    assert_eq!(found.prior, 0.0);
}

#[test]
fn an_undefeated_system_needs_a_prior_and_the_answer_says_so() {
    let wins = vec![vec![0.0, 9.0], vec![0.0, 0.0]];
    assert_eq!(bradley_terry(&wins, 0.0), Err(Undefined::Undefeated));
    let found = bradley_terry_or_prior(&wins).unwrap();
    assert_eq!(found.prior, PRIOR_WINS);
    // 9.5 against 0.5: exp(θ1 - θ2) = 19.
    assert!((found.theta[0] - found.theta[1] - 19f64.ln()).abs() < 1e-9);

    let apart = vec![
        vec![0.0, 1.0, 0.0, 0.0],
        vec![2.0, 0.0, 0.0, 0.0],
        vec![0.0, 0.0, 0.0, 3.0],
        vec![0.0, 0.0, 1.0, 0.0],
    ];
    assert_eq!(bradley_terry_or_prior(&apart), Err(Undefined::NotCompared));
    assert_eq!(
        bradley_terry(&[vec![0.0; 2], vec![0.0; 2]], 0.0),
        Err(Undefined::NoData)
    );
    assert_eq!(
        bradley_terry(&[vec![0.0; 2]], 0.0),
        Err(Undefined::Mismatch)
    );
}
