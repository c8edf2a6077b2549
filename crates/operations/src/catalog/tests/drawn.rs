//! Lines of means over seeds: what they are named, how many runs they cover, how they are drawn.

use super::*;
use crate::catalog::figures::{figure, run_lines, seed_lines};

fn prepared(entries: &[&Entry], curves: &[&[(u64, f64)]]) -> super::compare::PreparedCurves {
    let curves: Vec<Vec<(u64, f64)>> = curves.iter().map(|curve| curve.to_vec()).collect();
    super::compare::prepare(entries, &curves, "ppo/kl/full")
}

#[test]
fn a_mean_counts_the_runs_that_have_a_value_at_each_step() {
    let (mut a, mut b) = (entry(1, 1, None), entry(1, 2, None));
    a.row.name = "sweep seed 1".into();
    b.row.name = "sweep seed 2".into();
    let entries = [&b, &a];
    let long: &[(u64, f64)] = &[(1, 1.0), (2, 2.0), (3, 3.0)];
    let line = |other: &[(u64, f64)]| {
        let curves = prepared(&entries, &[long, other]);
        seed_lines(&entries, &curves, 0.0).remove(0)
    };
    let both = line(&[(1, 3.0), (2, 4.0)]);
    assert_eq!(
        both.name,
        "quickstart (n 1–2, thin and no band where n = 1)"
    );
    assert_eq!(both.counts(), [2, 2, 1]);
    let band = both.band();
    assert!(band[1].0 < band[1].1 && band[2].0.is_nan() && band[2].1.is_nan());
    let one = line(&[]);
    assert_eq!(one.name, "quickstart (n = 1 of 2 runs, thin, no band)");
    assert!(one.band().iter().all(|(low, _)| low.is_nan()));
    assert_eq!(line(long).name, "quickstart (n = 2)");

    let drawn = figure(&entries, "ppo/kl/full", &[both], 0.0, &[]);
    let points = drawn.csv();
    let rows: Vec<&str> = points.lines().skip(1).collect();
    assert!(
        rows[0].ends_with(",2") && rows[2].ends_with(",3,3,,,1"),
        "{points}"
    );
    let svg = drawn.svg().unwrap();
    assert!(svg.contains("(n 1–2, thin and no band where n = 1)"));
    assert!(
        svg.contains("stroke-width=\"1\"") && svg.contains("<polygon"),
        "{svg}"
    );
}

#[test]
fn a_mean_is_named_for_what_its_runs_share_and_a_run_alone_for_itself() {
    let mut runs = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)].map(|(id, seed)| entry(id, seed, None));
    for (at, run) in runs.iter_mut().enumerate() {
        run.row.id = RunId(10 + at as i64);
        run.row.name = format!("sweep seed {}", run.row.seed);
    }
    let entries: Vec<&Entry> = runs.iter().collect();
    let curve: &[(u64, f64)] = &[(1, 1.0)];
    let curves = prepared(&entries, &[curve; 5]);
    let lines = seed_lines(&entries, &curves, 0.0);
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "quickstart, ppo.lr 1e-4 (n = 2)",
            "quickstart, ppo.lr 2e-4 (n = 2)",
            "sweep seed 1 #14 (n = 1, thin, no band)",
        ]
    );
    // Two seeds that were changed alike are a group, and told from those that were not.
    let mut changed = runs.clone();
    for run in &mut changed[2..4] {
        run.settings = runs[0].settings.clone();
        run.settings
            .insert("run.seed".into(), Value::Integer(run.row.seed as i64));
        run.changes.push(learning_rate(180, 2e-4));
    }
    let entries: Vec<&Entry> = changed[..4].iter().collect();
    let lines = seed_lines(&entries, &prepared(&entries, &[curve; 4]), 0.0);
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "quickstart, ppo.lr 1e-4 (n = 2)",
            "quickstart, ppo.lr 1e-4 until step 180, then 2e-4 (n = 2)",
        ]
    );
}

#[test]
fn the_largest_numbers_are_averaged_and_drawn() {
    let (a, b) = (entry(1, 1, None), entry(1, 2, None));
    let entries = [&a, &b];
    let most: &[(u64, f64)] = &[(1, 1e308), (2, 1e308), (3, 0.5)];
    let least: &[(u64, f64)] = &[(1, -1e308), (2, 1e308), (3, 0.25)];
    let curves = prepared(&entries, &[most, least]);
    let lines = seed_lines(&entries, &curves, 0.0);
    let means: Vec<f64> = lines[0].points.iter().map(|(_, mean)| *mean).collect();
    assert_eq!(means, [0.0, 1e308, 0.375]);
    let deviation = lines[0].spreads[0].deviation.unwrap();
    assert!((deviation / 1e308 - 2f64.sqrt()).abs() < 1e-12);
    for lines in [
        lines,
        run_lines(&entries, &curves, 0.0),
        run_lines(&entries, &curves, 0.9),
    ] {
        let drawn = figure(&entries, "ppo/reward/total", &lines, 0.0, &[]);
        let svg = drawn.svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(svg.contains("1e308"), "{svg}");
        assert!(drawn.png().is_ok() && drawn.csv().lines().count() > 3);
    }
    // Each by itself keeps its values, too.
    let alone = run_lines(&entries, &curves, 0.0);
    let values: Vec<f64> = alone[1].points.iter().map(|(_, value)| *value).collect();
    assert_eq!(values, [-1e308, 1e308, 0.25]);
    // Both lines are apart: one on each half of the plot.
    let svg = figure(
        &entries,
        "ppo/reward/total",
        &run_lines(&entries, &curves, 0.0),
        0.0,
        &[],
    );
    let svg = svg.svg().unwrap();
    let lines = svg
        .lines()
        .filter(|line| line.starts_with("<polyline") && line.contains("stroke-width=\"2\""));
    let heights = lines.filter_map(|line| {
        let points = line.split("points=\"").nth(1)?;
        points.split([',', ' ']).nth(1)?.parse::<f64>().ok()
    });
    // Those of the legend come after.
    let heights: Vec<f64> = heights.take(2).collect();
    assert_eq!(heights.len(), 2, "{svg}");
    assert!((heights[0] - heights[1]).abs() > 100.0, "{heights:?}");
}

#[test]
fn values_of_another_distribution_are_named_and_averaged_with_no_others() {
    let key = |name: &str| crate::store::MetricKey {
        stage: crate::experiment::Stage::Ppo,
        name: name.into(),
    };
    let mut runs = [1, 2, 3, 4].map(|seed| entry(1, seed, Some(2.0)));
    for (at, run) in runs.iter_mut().enumerate() {
        run.row.id = RunId(at as i64);
        run.settings
            .insert("ppo.score_truncated".into(), Value::Boolean(true));
        if at >= 2 {
            // A run of this version logs both.
            let mut truncated = run.metrics["ppo/kl/full"].clone();
            truncated.key = key("ppo/kl/truncated");
            run.metrics.insert("ppo/kl/truncated".into(), truncated);
        }
    }
    let entries: Vec<&Entry> = runs.iter().collect();
    let curve: &[(u64, f64)] = &[(1, 1.0)];
    let curves = prepared(&entries, &[curve; 4]);
    assert_eq!(curves.truncated, [true, true, false, false]);
    let lines = seed_lines(&entries, &curves, 0.0);
    let named = lines.iter().map(|line| line.name.contains("truncated"));
    assert_eq!(named.collect::<Vec<_>>(), [false, true]);
    assert_eq!(
        lines
            .iter()
            .map(|line| line.counts()[0])
            .collect::<Vec<_>>(),
        [2, 2]
    );
    let named = run_lines(&entries, &curves, 0.0);
    assert!(named[0].name.ends_with(", of the truncated distribution"));
    assert!(!named[3].name.contains("truncated"));
    assert!(!runs[0].has_truncated("ppo/reward/empathy"));
}
