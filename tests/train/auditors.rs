//! Auditors judge every evaluation, are named beside what they find, and change nothing of what they judge.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use emprl::engine::worker;
use emprl::experiment::{Config, EventKind, Report, Stage};
use emprl::metrics::{SystemResults, declared};
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;

#[derive(Default)]
struct Seen {
    /// The last value of every metric.
    last: BTreeMap<String, f64>,
    results: Vec<SystemResults>,
    notes: Vec<String>,
}

impl Observer for Seen {
    fn report(&mut self, report: Report) {
        match report {
            Report::Metrics { values, .. } => self.last.extend(values),
            Report::Results { system } => self.results.push(system),
            Report::Event {
                kind: EventKind::Note { text, .. },
                ..
            } => self.notes.push(text),
            _ => {}
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

fn quickstart(seed: u64, stages: &[Stage]) -> Config {
    let mut config = crate::quickstart_support::quickstart();
    config.run.seed = seed;
    config.run.device = crate::device_support::device_name();
    config.run.stages = stages.to_vec();
    config.data.train_limit = 24;
    config.data.validation_limit = 8;
    config.data.test_limit = 6;
    config.model.vocabulary = 300;
    config.model.layers = 1;
    crate::quickstart_support::with_hasty_identifiers(&mut config);
    config.generator.epochs = 1;
    config.ppo.steps = 3;
    config.ppo.batch = 4;
    config.ppo.evaluate_every = 2;
    config.evaluation.subset = 4;
    config.evaluation.resamples = 20;
    config
}

fn run(config: &Config, store: &Path, number: &str) -> Result<Seen, TrainError> {
    let mut seen = Seen::default();
    let checkpoints = Checkpoints::of(&store.join("runs").join(number));
    pipeline::run(config, store, checkpoints, None, &mut seen)?;
    Ok(seen)
}

/// A store in which runs 1 and 2 have identifiers of different seeds.
fn store() -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    for (number, seed) in [("1", 1), ("2", 2)] {
        run(
            &quickstart(seed, &[Stage::Identifiers]),
            store.path(),
            number,
        )
        .unwrap();
    }
    store
}

const ALL: [Stage; 4] = [
    Stage::Identifiers,
    Stage::Generator,
    Stage::Ppo,
    Stage::Evaluation,
];

#[test]
fn they_judge_every_evaluation_and_change_nothing_of_it() {
    let store = store();
    let mut config = quickstart(1, &ALL);
    config.identifiers.source = "1".into();
    let plain = run(&config, store.path(), "3").unwrap();
    config.identifiers.auditors = "2, logistic".into();
    let audited = run(&config, store.path(), "4").unwrap();

    for key in [
        declared::VALIDATION_EMP_F1_HELD_OUT,
        declared::VALIDATION_EMP_F1_HELD_OUT_SHUFFLED,
        declared::VALIDATION_EMP_F1_HELD_OUT_GAIN,
    ] {
        assert!(
            audited.last.contains_key(key) && !plain.last.contains_key(key),
            "{key}"
        );
    }
    let [generator, policy] = audited.results.as_slice() else {
        panic!("{:?}", audited.results);
    };
    for row in [generator, policy] {
        let found = row.held_out.as_ref().unwrap();
        assert_eq!(found.names(), "run 2, logistic");
        let [first, second] = [0, 1].map(|at: usize| found.auditors[at].figures.emp_f1.value);
        assert!((found.mean.emp_f1.value - (first + second) / 2.0).abs() < 1e-9);
        assert!(found.mean.gain.is_some());
    }
    assert!(plain.results.iter().all(|row| row.held_out.is_none()));
    let note = "Weighted F1 on labelled pairs";
    assert!(
        audited.notes.iter().any(|text| text.contains(note)),
        "{:?}",
        audited.notes
    );

    // All else is the same, to the last bit of the weights.
    for (one, other) in plain.results.iter().zip(&audited.results) {
        let mut other = other.clone();
        other.held_out = None;
        assert_eq!(*one, other);
    }
    let weights = |number: &str| {
        let run = store.path().join("runs").join(number);
        let last = Checkpoints::of(&run).latest(Stage::Ppo).unwrap().unwrap();
        let mut files: Vec<_> = fs::read_dir(last.folder).unwrap().flatten().collect();
        files.sort_by_key(|file| file.file_name());
        let weights = files
            .into_iter()
            .filter(|file| file.path().extension().is_some_and(|e| e == "safetensors"));
        weights
            .map(|file| fs::read(file.path()).unwrap())
            .collect::<Vec<_>>()
    };
    assert!(!weights("3").is_empty() && weights("3") == weights("4"));

    // Each answer is kept with what they find, so that runs can be compared by example.
    let rows = store.path().join("runs/4/responses/emprl.jsonl");
    let rows = fs::read_to_string(rows).unwrap();
    let row: serde_json::Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    for auditor in ["run 2", "logistic"] {
        for levels in ["target_levels", "levels", "shuffled_levels"] {
            let found = row["held_out"][auditor][levels].as_array();
            assert_eq!(found.map(Vec::len), Some(3), "{auditor} {levels}");
        }
    }
}

#[test]
fn without_identifiers_of_its_own_a_run_is_judged_by_auditors_alone() {
    let store = store();
    let mut config = quickstart(3, &[Stage::Generator, Stage::Evaluation]);
    config.identifiers.auditors = "2".into();
    let seen = run(&config, store.path(), "3").unwrap();
    let [only] = seen.results.as_slice() else {
        panic!("{:?}", seen.results);
    };
    assert_eq!(only.emp_f1, None);
    assert_eq!(only.held_out.as_ref().unwrap().names(), "run 2");
}

#[test]
fn what_cannot_judge_is_refused_before_anything_is_written() {
    let store = store();
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = quickstart(1, &ALL);
        change(&mut config);
        let refused = pipeline::fingerprints(&config, store.path()).unwrap_err();
        refused.to_string()
    };
    for (setting, change) in [
        (
            "identifiers.source",
            &(|config: &mut Config| config.identifiers.source = "77".into()) as &dyn Fn(&mut _),
        ),
        ("identifiers.auditors", &|config: &mut Config| {
            config.identifiers.auditors = "77".into();
        }),
    ] {
        let said = refused(change);
        let expected = format!("{setting} names run 77, which does not exist; runs 1, 2 have some");
        assert_eq!(said, expected);
    }
    fs::create_dir_all(store.path().join("runs/5")).unwrap();
    let said = refused(&|config| config.identifiers.auditors = "5".into());
    assert!(
        said.contains("run 5, which has no finished identifiers"),
        "{said}"
    );
    let said = refused(&|config| config.identifiers.auditors = "/nowhere".into());
    assert!(said.contains("as identifiers.auditors, give"), "{said}");

    // A copy has the weights that give the reward, whatever it is called.
    let own = Checkpoints::of(&store.path().join("runs/1"));
    let own = own.latest(Stage::Identifiers).unwrap().unwrap().folder;
    let said = refused(&|config| {
        config.identifiers.source = "1".into();
        config.identifiers.auditors = own.display().to_string();
    });
    assert!(
        said.contains("has the same weights as the identifiers that give the reward"),
        "{said}"
    );
}

/// A run that repeats run 1 trains run 1's weights again, which no fingerprint can tell beforehand.
#[test]
fn an_auditor_with_the_weights_that_a_run_trained_itself_ends_it() {
    let store = store();
    let mut config = quickstart(1, &ALL);
    config.identifiers.auditors = "1".into();
    let refused = run(&config, store.path(), "3").map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, TrainError::AuditorRewards { .. }),
        "{refused}"
    );
    let run = Checkpoints::of(&store.path().join("runs/3"));
    assert_eq!(
        run.latest(Stage::Generator).unwrap(),
        None,
        "before the next stage"
    );
}

#[test]
fn auditors_are_among_the_fingerprints_of_a_run() {
    let store = store();
    let mut config = quickstart(3, &ALL);
    config.identifiers.auditors = "2, logistic".into();
    let new = worker::new_run(store.path(), "quickstart", "one", &config).unwrap();
    assert_eq!(new.fingerprints["auditor run 2"].len(), 64);
    assert!(new.config_toml.contains("auditors = \"2, logistic\""));
}
