use super::compare::{
    AlignedCurves, NotPaired, PairedRow, RunAnswers, correct, differing_settings, paired,
};
use super::*;
use crate::data::rows::Row;
use crate::experiment::{Config, Stage};
use crate::filter::{Vocabulary, complete, parse};
use crate::metrics::{Bootstrap, Estimate};
use crate::store::{MetricKey, RunId, RunStatus};

mod drawn;

fn entry(id: i64, seed: u64, kl: Option<f64>) -> Entry {
    let mut config = Config::default();
    config.set("run.seed", Value::Integer(seed as i64)).unwrap();
    config
        .set("ppo.lr", Value::Float(1e-4 * id as f64))
        .unwrap();
    let key = MetricKey {
        stage: Stage::Ppo,
        name: "ppo/kl/full".into(),
    };
    let keys = kl.map(|last| KeySummary {
        key,
        last,
        last_step: 9,
        last_wall_ms: 0,
        min: Some(last - 1.0),
        max: Some(last + 1.0),
        count: 10,
        nonfinite: 0,
    });
    Entry::new(CatalogRow {
        changes: Vec::new(),
        row: RunRow {
            id: RunId(id),
            name: format!("run {id}"),
            experiment: "quickstart".into(),
            seed,
            device: "flex".into(),
            status: RunStatus::Finished,
            stage: None,
            step: 0,
            total: 0,
            started: id,
            ended: None,
            heartbeat: 120_000,
            error: None,
            note: String::new(),
            tags: vec!["paper".into()],
            archived: false,
            deleted: None,
            summary: BTreeMap::new(),
        },
        config_toml: config.to_toml(),
        keys: keys.into_iter().collect(),
        results: vec![results("Generator", 40.0), results("EmpRL", 50.0)],
    })
}

fn results(system: &str, f1: f64) -> SystemResults {
    let estimate = |value| Estimate {
        value,
        low: value - 1.0,
        high: value + 1.0,
    };
    SystemResults {
        system: system.into(),
        split: "test".into(),
        n: 10,
        ppl: None,
        ppl_hf: None,
        dist_1: estimate(1.0),
        dist_2: estimate(2.0),
        ead: None,
        emp_f1: Some(estimate(f1)),
        mechanism_f1: None,
        mean_words: 9.0,
        truncation: None,
        controls: None,
        held_out: None,
        as_imported: None,
    }
}

#[test]
fn filters_ask_records_metrics_results_and_settings() {
    let run = entry(2, 7, Some(2.5));
    for (text, expected) in [
        ("status = finished and kl < 3 and tag:paper", true),
        ("ppo.lr >= 1e-4 and ppo.lr < 3e-4", true),
        ("max(kl) > 3 and min(ppo/kl/full) < 2", true),
        ("test.emp_f1 = 50", true),
        ("test.ppl < 100", false),
        ("run.seed = 7 and seed = 7", true),
        ("minutes < 3 and archived = no", true),
        ("\"run 2\" not failed", true),
        ("reward > 0", false),
    ] {
        let filter = parse(text, vocabulary()).unwrap();
        assert_eq!(filter.matches(&run), expected, "{text}");
    }
}

#[test]
fn reward_is_the_raw_reward_of_the_run_whichever_that_is() {
    let mut run = entry(2, 7, Some(2.5));
    let mut summary = run.metrics["ppo/kl/full"].clone();
    for (key, last) in [("ppo/reward/total", 12.0), ("ppo/reward/empathy", 0.5)] {
        (summary.key.name, summary.last) = (key.into(), last);
        run.metrics = [(key.into(), summary.clone())].into();
        assert_eq!(run.fact("reward", Part::Last), Fact::Number(last));
    }
}

#[test]
fn every_name_is_a_column_and_is_found_by_completion() {
    for name in vocabulary().names() {
        let column: Column = name.name.parse().unwrap();
        assert!(!column.title().is_empty() && !column.definition().is_empty());
        assert_eq!(column.to_string().parse::<Column>().unwrap(), column);
        let offers = complete(&name.name, name.name.len() - 1, vocabulary());
        assert!(!offers.is_empty(), "{}", name.name);
    }
    assert!("max(seed)".parse::<Column>().is_err());
    assert!("nothing".parse::<Column>().is_err());
    let column: Column = "max(kl)".parse().unwrap();
    assert_eq!(
        (column.title().as_str(), column.measured_on()),
        ("KL, max", Some("greatest"))
    );
    for column in DEFAULT_COLUMNS {
        assert!(column.parse::<Column>().is_ok(), "{column}");
    }
}

#[test]
fn what_is_missing_stands_last_in_both_orders() {
    let (a, b, c) = (
        entry(1, 1, Some(2.0)),
        entry(2, 1, None),
        entry(3, 1, Some(1.0)),
    );
    let column: Column = "kl".parse().unwrap();
    for (descending, expected) in [(true, [1, 3, 2]), (false, [3, 1, 2])] {
        let mut runs = [&a, &b, &c];
        sort_entries(&mut runs, &column, descending);
        assert_eq!(runs.map(|run| run.row.id.0), expected);
    }
}

#[test]
fn groups_tell_mean_deviation_and_n() {
    let runs = [
        entry(1, 1, Some(1.0)),
        entry(2, 1, Some(3.0)),
        entry(3, 2, None),
    ];
    let runs: Vec<&Entry> = runs.iter().collect();
    let found = groups(&runs, &"seed".parse().unwrap());
    assert_eq!(found.len(), 2);
    let kl: Column = "kl".parse().unwrap();
    let spread = found[0].spread(&kl).unwrap();
    assert_eq!((spread.mean, spread.n), (2.0, 2));
    assert!((spread.deviation.unwrap() - 2f64.sqrt()).abs() < 1e-12);
    assert_eq!(found[1].spread(&kl), None);
}

#[test]
fn a_band_is_mean_and_deviation_with_n() {
    let a = [(1, 1.0), (2, 2.0), (3, f64::NAN)];
    let b = [(1, 3.0), (2, 4.0)];
    let band_of = AlignedCurves::new(&[&a, &b], 400).band(0.0);
    assert_eq!(band_of.len(), 2);
    assert_eq!(
        (band_of[0].step, band_of[0].spread.mean, band_of[0].spread.n),
        (1, 2.0, 2)
    );
    let long: Vec<(u64, f64)> = (0..10_000).map(|step| (step, 5.0)).collect();
    let summed = AlignedCurves::new(&[&long, &long], 100).band(0.0);
    assert_eq!(summed.len(), 101, "every hundredth, and the last");
    assert_eq!((summed[1].step, summed[100].step), (100, 9_999));
    assert!(
        summed
            .iter()
            .all(|point| point.spread.mean == 5.0 && point.spread.n == 2)
    );
    assert!(summed.is_sorted_by(|a, b| a.step < b.step));
    assert!(AlignedCurves::new(&[], 100).band(0.0).is_empty());
}

#[test]
fn a_band_is_of_curves_that_are_smoothed_before() {
    let a = [(1, 0.0), (2, 2.0)];
    let b = [(1, 4.0), (2, 2.0), (4, 8.0)];
    let found = AlignedCurves::new(&[&a, &b], 400).band(0.5);
    // By a weight of 0.5 the second is a third of the first value and two thirds of its own.
    let smooth = [(0.0 + 2.0 * 2.0) / 3.0, (4.0 + 2.0 * 2.0) / 3.0];
    let mean = (smooth[0] + smooth[1]) / 2.0;
    let deviation = (smooth[1] - smooth[0]) / 2f64.sqrt();
    assert!((found[1].spread.mean - mean).abs() < 1e-12);
    assert!((found[1].spread.deviation.unwrap() - deviation).abs() < 1e-12);
    let last = found[2];
    assert_eq!(
        (last.step, last.spread.n, last.spread.deviation),
        (4, 1, None)
    );
}

#[test]
fn only_settings_that_differ_are_shown() {
    let (a, b) = (entry(1, 1, None), entry(2, 2, None));
    let rows = differing_settings(&[&a, &b]);
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths, ["run.seed", "ppo.lr"]);
    assert!(differing_settings(&[&a]).is_empty());
}

#[test]
fn what_a_sweep_varied_stands_before_what_one_run_has_alone_and_the_seed_last() {
    let mut runs: Vec<Entry> = (1..=4).map(|seed| entry(1, seed, None)).collect();
    for (at, run) in runs.iter_mut().enumerate() {
        let rate = [1e-4, 2e-4][at % 2];
        run.settings.insert("ppo.lr".into(), Value::Float(rate));
    }
    runs[0]
        .settings
        .insert("reward.beta".into(), Value::Float(0.5));
    let entries: Vec<&Entry> = runs.iter().collect();
    let rows = super::compare::ranked_settings(&entries);
    let ranked: Vec<(&str, usize)> = rows
        .iter()
        .map(|row| (row.path.as_str(), row.distinct()))
        .collect();
    assert_eq!(ranked, [("ppo.lr", 2), ("reward.beta", 2), ("run.seed", 4)]);
}

#[test]
fn results_say_how_far_each_run_is_from_the_baseline_and_what_was_changed() {
    let mut runs = [entry(1, 1, None), entry(1, 2, None)];
    for (at, run) in runs.iter_mut().enumerate() {
        run.row.id = RunId(at as i64 + 1);
        run.results = vec![results("EmpRL", 50.0 + at as f64)];
    }
    runs[1].changes.push(learning_rate(5, 2e-4));
    let entries: Vec<&Entry> = runs.iter().collect();
    let estimate = serde_json::json!({"value": 1.0, "low": 0.5, "high": 1.5});
    let difference = super::compare::PairedDifference {
        estimate: serde_json::from_value(estimate).unwrap(),
        p: 0.01,
        corrected_p: 0.02,
    };
    let paired = super::compare::Paired {
        n: 50,
        same_identifiers: true,
        matched_length: None,
        rows: vec![PairedRow {
            metric: crate::metrics::declared::VALIDATION_EMP_F1,
            outcome: Ok(difference),
        }],
    };
    let found = super::load::Comparison {
        differences: vec![Some(paired)],
        ..super::load::Comparison::default()
    };
    let sheet = super::sheets::results_sheet(&entries, Some(&found));
    let at = |head: &str| sheet.columns.iter().position(|(title, _)| title == head);
    let column = at("Δ Emp-F1").unwrap();
    assert_eq!(at("Δ PPL"), None);
    let mut cells: Vec<&str> = sheet.rows.iter().map(|row| row[column].as_str()).collect();
    cells.sort_unstable();
    assert_eq!(cells, ["1.00 [0.50, 1.50]", "–"]);
    assert!(
        sheet
            .rows
            .iter()
            .any(|row| row[0].ends_with("#2, changed on the way"))
    );
    let changes = super::sheets::changes_sheet(&entries).unwrap();
    assert_eq!(
        changes.rows[0][1..],
        ["ppo.lr", "1e-4 until step 5, then 2e-4"]
    );
    assert_eq!(super::sheets::changes_sheet(&entries[..1]), None);
}

fn rows(of: &[(&str, &str, f64, [u8; 3])]) -> Vec<Row> {
    of.iter()
        .map(|(context, response, nll, levels)| {
            let mut row = Row::new(vec![context.to_string()], response.to_string());
            row.set("target_nll", serde_json::json!(nll));
            row.set("target_tokens", serde_json::json!(4));
            row.set("target_levels", serde_json::json!([1, 1, 1]));
            row.set("levels", serde_json::json!(levels));
            row.set("shuffled_levels", serde_json::json!(levels));
            let audit = serde_json::json!({"target_levels": [1, 1, 1], "levels": levels});
            row.set("held_out", serde_json::json!({"run 9": audit}));
            row
        })
        .collect()
}

#[test]
fn systems_are_ranked_as_auditors_judge_them_once_all_are_judged() {
    let figure = |value: f64| serde_json::json!({"value": value, "low": value, "high": value});
    let judged = |system: &str, own: f64, held_out: Option<f64>| {
        let f1 = [figure(50.0), figure(50.0), figure(50.0)];
        let shares = [[0.0; 3]; 3];
        let mut row = results(system, 50.0);
        let controls = serde_json::json!({
            "shuffled": figure(49.0), "gain": figure(own), "constant": null, "macro_f1": f1,
            "kappa": [null, null, null], "target_shares": shares, "response_shares": shares,
        });
        row.controls = Some(serde_json::from_value(controls).unwrap());
        row.held_out = held_out.map(|gain| {
            let figures = serde_json::json!({
                "emp_f1": figure(48.0), "mechanism_f1": f1, "shuffled": figure(47.0),
                "gain": figure(gain), "kappa": [null, null, null], "mean_kappa": null, "auditors": [],
            });
            serde_json::from_value(figures).unwrap()
        });
        row
    };
    let ranked = |results: Vec<SystemResults>| {
        let mut run = entry(1, 1, None);
        run.results = results;
        let sheet = super::sheets::results_sheet(&[&run], None);
        let order: Vec<String> = sheet.rows.iter().map(|row| row[1].clone()).collect();
        (order, sheet.notes.join(" "))
    };
    let (order, notes) = ranked(vec![
        judged("Pleaser", 5.0, Some(0.1)),
        judged("Reader", 1.0, Some(0.9)),
    ]);
    assert_eq!(order, ["Reader", "Pleaser"]);
    assert!(notes.contains("as auditors judge it"), "{notes}");
    let (order, notes) = ranked(vec![
        judged("Reader", 1.0, Some(0.9)),
        judged("Pleaser", 5.0, None),
    ]);
    assert_eq!(order, ["Pleaser", "Reader"]);
    assert!(
        notes.contains("as the reward's own identifiers judge it"),
        "{notes}"
    );
    assert!(
        notes.contains("Pleaser: judged by the reward's own identifiers alone"),
        "{notes}"
    );
}

#[test]
fn differences_are_of_the_same_examples_in_whichever_order() {
    let first = rows(&[
        ("a", "one two", 4.0, [1, 1, 1]),
        ("b", "three", 8.0, [1, 0, 1]),
        ("x", "y", 1.0, [0, 0, 0]),
    ]);
    let second = rows(&[
        ("b", "three", 8.0, [1, 0, 1]),
        ("a", "one two", 4.0, [1, 1, 1]),
    ]);
    let bootstrap = Bootstrap {
        resamples: 50,
        seed: 1,
    };
    let same = paired(
        &RunAnswers::new(&first),
        &RunAnswers::new(&second),
        &bootstrap,
    );
    assert_eq!(
        (same.n, same.same_identifiers, same.rows.len()),
        (2, true, 15)
    );
    let held_out = |row: &&PairedRow| ["Gain, held out", "κ, held out"].contains(&&*row.title());
    let kappa = |row: &&PairedRow| declared::VALIDATION_KAPPA_KEYS.contains(&row.metric);
    for row in same.rows.iter().filter(|row| !kappa(row) && !held_out(row)) {
        let found = row.outcome.unwrap();
        let interval = (found.estimate.low, found.estimate.high);
        assert_eq!((interval, found.p), ((0.0, 0.0), 1.0), "{}", row.title());
    }
    // What they find of shuffled answers was not kept, and all targets have one level.
    let outcomes: Vec<_> = same
        .rows
        .iter()
        .filter(held_out)
        .map(|row| row.outcome)
        .collect();
    assert_eq!(outcomes, [Err(NotPaired::NotKept), Err(NotPaired::Nothing)]);
    for row in same.rows.iter().filter(kappa) {
        // All targets have one level: κ is 0, or undefined.
        assert!(row.outcome.is_ok_and(|of| of.estimate.value == 0.0) || row.outcome.is_err());
    }
    let plain: Vec<Row> = ["a", "b"]
        .map(|context| Row::new(vec![context.to_string()], "one"))
        .to_vec();
    let old = paired(
        &RunAnswers::new(&plain),
        &RunAnswers::new(&plain),
        &bootstrap,
    );
    assert_eq!(old.rows[0].outcome, Err(NotPaired::NotKept));
    let gain = old
        .rows
        .iter()
        .find(|row| row.title() == "Gain over shuffled");
    assert_eq!(gain.unwrap().outcome, Err(NotPaired::NotKept));
    assert!(old.rows[1].outcome.is_ok());
}

#[test]
fn p_values_are_corrected_over_all_that_is_shown_together() {
    let run = |level: u8| {
        let of: Vec<(String, [u8; 3])> =
            (0..30).map(|at| (at.to_string(), [level, 1, 1])).collect();
        let of: Vec<(&str, &str, f64, [u8; 3])> = of
            .iter()
            .map(|(context, levels)| (context.as_str(), "one", 4.0, *levels))
            .collect();
        RunAnswers::new(&rows(&of))
    };
    let bootstrap = Bootstrap {
        resamples: 99,
        seed: 1,
    };
    let (first, other) = (run(1), run(0));
    let mut found = [
        Some(paired(&other, &first, &bootstrap)),
        None,
        Some(paired(&first, &first, &bootstrap)),
    ];
    correct(&mut found);
    let of = |at: usize, metric: &str| {
        let rows = &found[at].as_ref().unwrap().rows;
        let row = rows.iter().find(|row| row.metric == metric).unwrap();
        row.outcome.unwrap()
    };
    let low = of(0, declared::VALIDATION_EMP_F1);
    assert_eq!(low.p, 0.01);
    let tests = found.iter().flatten().flat_map(|of| &of.rows);
    let count = tests.filter(|row| row.outcome.is_ok()).count();
    assert!((low.corrected_p - (0.01 * count as f64).min(1.0)).abs() < 1e-9);
    assert_eq!(of(2, declared::VALIDATION_EMP_F1).corrected_p, 1.0);
}

#[test]
fn seeds_of_the_same_settings_belong_together() {
    let (mut a, mut b, c) = (entry(1, 1, None), entry(1, 2, None), entry(2, 3, None));
    assert_eq!(
        super::compare::seed_groups(&[&a, &c, &b]),
        [vec![0, 2], vec![1]]
    );
    b.changes.push(learning_rate(7, 5e-4));
    assert_eq!(
        super::compare::seed_groups(&[&a, &b]).len(),
        2,
        "one was changed on the way"
    );
    let rows = differing_settings(&[&a, &b]);
    let rate = rows.iter().find(|row| row.path == "ppo.lr").unwrap();
    let changed = rate.values[1].as_ref().unwrap().words();
    assert_eq!(changed, "1e-4 until step 7, then 5e-4");
    b.changes.clear();
    a.settings.clear();
    b.settings.clear();
    assert_eq!(super::compare::seed_groups(&[&a, &b]).len(), 2);
}

fn learning_rate(after_step: u64, value: f64) -> MadeChange {
    let change = crate::experiment::Change::new("ppo.lr", value).unwrap();
    MadeChange { after_step, change }
}

#[test]
fn a_filter_compares_every_value_that_a_setting_had() {
    let (plain, mut changed) = (entry(1, 1, None), entry(1, 2, None));
    changed.changes.push(learning_rate(180, 2e-4));
    for (text, expected) in [
        ("ppo.lr = 1e-4", [true, false]),
        ("ppo.lr != 1e-4", [false, false]),
        ("not ppo.lr = 1e-4", [false, true]),
        ("ppo.lr = 2e-4", [false, false]),
        ("ppo.lr >= 1e-4", [true, true]),
        ("ppo.lr < 2e-4", [true, false]),
        ("has:ppo.lr", [true, true]),
        ("changed", [false, true]),
        ("not changed", [true, false]),
        ("has:changed", [false, true]),
        ("changed = ppo.lr", [false, true]),
        ("changed = reward.beta", [false, false]),
    ] {
        let filter = parse(text, vocabulary()).unwrap();
        let found = [&plain, &changed].map(|run| filter.matches(run));
        assert_eq!(found, expected, "{text}");
    }
    assert!(parse("changed = run.seed", vocabulary()).is_err());
    // A change to the value that it had is none.
    changed.changes[0] = learning_rate(180, 1e-4);
    let same = parse("ppo.lr = 1e-4 not changed", vocabulary()).unwrap();
    assert!(same.matches(&changed));
}

#[test]
fn a_changed_run_is_in_no_group_with_others() {
    let mut runs = [1, 2, 3].map(|seed| entry(1, seed, Some(seed as f64)));
    runs[1].changes.push(learning_rate(180, 2e-4));
    let runs: Vec<&Entry> = runs.iter().collect();
    let kl: Column = "kl".parse().unwrap();
    for by in ["experiment", "ppo.lr", "tag"] {
        let found = groups(&runs, &by.parse().unwrap());
        let means = found.iter().map(|group| group.spread(&kl).unwrap());
        let means: Vec<(f64, usize)> = means.map(|spread| (spread.mean, spread.n)).collect();
        assert_eq!(means, [(2.0, 2), (2.0, 1)], "{by}");
        let words = "ppo.lr 1e-4 until step 180, then 2e-4";
        let changed = found[1].changed_words(by);
        match by {
            "ppo.lr" => {
                assert_eq!(changed, [""; 0]);
                let Cell::Held(held) = &found[1].value else {
                    panic!("{:?}", found[1].value)
                };
                assert!(words.ends_with(&held.words()));
            }
            _ => assert_eq!(changed, [words]),
        }
    }
    let column: Column = "ppo.lr".parse().unwrap();
    let mut sorted = runs.clone();
    sort_entries(&mut sorted, &column, true);
    assert_eq!(sorted[0].row.seed, 2, "by the value it ended with");
}

#[test]
fn a_thinned_curve_keeps_extremes_and_gaps() {
    let mut curve: Vec<(u64, f64)> = (0..10_000).map(|step| (step, 0.5)).collect();
    curve[5_000].1 = 9.0;
    curve[7_000].1 = f64::NAN;
    let thin = super::compare::decimate(&curve, 100);
    assert!(
        thin.len() <= 300 && thin.contains(&(5_000.0, 9.0)),
        "{}",
        thin.len()
    );
    assert!(
        thin.iter()
            .any(|(step, value)| *step == 7_000.0 && value.is_nan())
    );
    assert!(thin.is_sorted_by(|a, b| a.0 < b.0));
}
