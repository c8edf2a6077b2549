//! `emprl runs`: filtered, kept in order, compared and exported.

use crate::cli_support::{Place, short};

#[test]
fn runs_are_filtered_tagged_deleted_compared_and_exported() {
    let place = Place::new();
    for seed in ["1", "2"] {
        place.lines(&short(&["--seed", seed, "--name", &format!("seed {seed}")]));
    }
    let ids = |arguments: &[&str]| -> Vec<i64> {
        let runs = place.json(&[&["runs", "list"], arguments].concat());
        let runs = runs.as_array().unwrap().clone();
        runs.iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&[]), [2, 1]);
    assert_eq!(ids(&["--filter", "seed = 1 and status = finished"]), [1]);
    assert_eq!(ids(&["--filter", "test.emp_f1 > 1000"]), [0i64; 0]);
    assert_eq!(ids(&["--sort", "seed", "--ascending"]), [1, 2]);
    let wrong = place.run(&["runs", "list", "--filter", "sead = 1"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("did you mean `seed`"),
        "{}",
        wrong.stderr
    );

    place.ok(&["runs", "tag", "1", "--add", "paper"]);
    assert_eq!(ids(&["--filter", "tag:paper"]), [1]);
    place.ok(&["runs", "note", "1", "the first"]);
    assert_eq!(place.json(&["runs", "note", "1"])["note"], "the first");
    place.ok(&["runs", "archive", "1"]);
    assert_eq!(ids(&[]), [2]);
    assert_eq!(ids(&["--all"]), [2, 1]);
    place.ok(&["runs", "archive", "1", "--back"]);
    place.ok(&["runs", "delete", "2"]);
    assert_eq!(ids(&[]), [1]);
    assert_eq!(ids(&["--deleted"]), [2]);
    place.ok(&["runs", "undelete", "2"]);
    assert_eq!(place.run(&["runs", "delete", "2", "--for-good"]).code, 1);

    let grouped = place.ok(&["runs", "list", "--group", "experiment"]);
    assert!(grouped.contains('±'), "{grouped}");
    let compared = place.json(&["runs", "compare", "1", "2", "--resamples", "50"]);
    assert_eq!(compared["settings"]["run.seed"], serde_json::json!([1, 2]));
    let difference = &compared["differences"][0];
    // Each seed draws test examples of its own; some are the same.
    assert!(difference["n"].as_u64().unwrap() > 0, "{difference}");
    for figure in ["validation/dist_1", "validation/emp_f1"] {
        let bounds = ["low", "value", "high"];
        let bounds = bounds.map(|bound| difference["figures"][figure][bound].as_f64().unwrap());
        assert!(bounds.is_sorted(), "{figure} {bounds:?}");
    }
    assert!(
        place
            .ok(&["runs", "compare", "1", "2", "--format", "latex"])
            .contains("\\begin{tabular}")
    );

    let plot = |metric: &str, file: &str, more: &[&str]| {
        let file = place.path().join(file).display().to_string();
        let drawing = ["--plot", metric, "--file", &file, "--resamples", "10"];
        place.run(&[&["runs", "compare", "1", "2"][..], &drawing, more].concat())
    };
    let reward = "ppo/reward/empathy";
    assert_eq!(plot(reward, "curve.svg", &["--smoothing", "0.9"]).code, 0);
    let drawn = std::fs::read_to_string(place.path().join("curve.svg")).unwrap();
    assert!(drawn.contains("seed 1 #1") && drawn.contains("seed 2 #2"));
    assert_eq!(plot(reward, "band.csv", &["--bands"]).code, 0);
    let points = std::fs::read_to_string(place.path().join("band.csv")).unwrap();
    assert!(points.contains("(n = 2)"), "one line for both: {points}");
    for (metric, file, says) in [
        (reward, "curve.svg", "already exists"),
        (reward, "curve.pdf", ".svg, .png or .csv"),
        ("ppo/empathy_reward", "x.svg", "did you mean ppo/"),
    ] {
        let refused = plot(metric, file, &[]);
        assert!(
            refused.code > 0 && refused.stderr.contains(says),
            "{}",
            refused.stderr
        );
    }

    for (format, file) in [("csv", "metrics.csv"), ("jsonl", "run.json")] {
        let folder = place.path().join(format).display().to_string();
        place.ok(&["runs", "export", "1", "--format", format, &folder]);
        assert!(place.path().join(format).join(file).is_file());
        let again = place.run(&["runs", "export", "1", "--format", format, &folder]);
        assert_eq!(again.code, 1);
        assert!(again.stderr.contains("already exists"), "{}", again.stderr);
    }
    let folder = place.path().join("board").display().to_string();
    let done = place.json(&["runs", "export", "1", "--format", "tensorboard", &folder]);
    assert!(done["points"].as_u64().unwrap() > 100, "{done}");
}
