//! The DPO stage: pairs that were never seen are told apart, from a run's own generator and from a model as it is.

use std::collections::BTreeMap;
use std::path::Path;

use emprl::experiment::{Config, EventKind, Report, Stage, Tuning};
use emprl::metrics::{SystemResults, declared};
use emprl::train::checkpoint::Checkpoints;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;
use emprl::train::plan::Plan;
use emprl::train::policy::Policy;
use emprl::train::session::Ended;

use crate::preference_support as pairs;

/// What a run said.
#[derive(Default)]
struct Record {
    first: BTreeMap<String, f64>,
    last: BTreeMap<String, f64>,
    notes: Vec<String>,
    results: Vec<SystemResults>,
    steps: u64,
}

impl Observer for Record {
    fn report(&mut self, report: Report) {
        match report {
            Report::Metrics {
                stage,
                step,
                values,
                ..
            } => {
                if stage == Stage::Dpo {
                    self.steps = step;
                }
                for (key, value) in values {
                    self.first.entry(key.clone()).or_insert(value);
                    self.last.insert(key, value);
                }
            }
            Report::Event {
                kind: EventKind::Note { text, .. },
                ..
            } => self.notes.push(text),
            Report::Results { system } => self.results.push(system),
            _ => {}
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

fn settings() -> Config {
    let mut config = crate::quickstart_support::tiny();
    config.run.device = crate::device_support::device_name();
    config.run.stages = vec![Stage::Generator, Stage::Dpo, Stage::Evaluation];
    config.data.train_limit = 64;
    config.data.validation_limit = 8;
    config.data.test_limit = 6;
    config.model.vocabulary = 500;
    config.generator.tuning = Tuning::Both;
    config.generator.epochs = 2;
    config.prefix.encoder = 4;
    config.prefix.decoder = 3;
    config.prefix.hidden = 16;
    config.dpo.tuning = Tuning::Both;
    config.dpo.epochs = 12;
    config.dpo.batch = 6;
    config.dpo.lr = 2e-3;
    config.dpo.validation_share = 0.2;
    config.dpo.evaluate_every = 20;
    config.evaluation.subset = 4;
    config
}

fn run(config: &Config, store: &Path) -> Record {
    assert_eq!(config.problems(), []);
    let mut record = Record::default();
    let checkpoints = Checkpoints::of(&store.join("run"));
    let ended = pipeline::run(config, store, checkpoints, None, &mut record).unwrap();
    assert_eq!(ended, Ended::Done);
    record
}

fn names(record: &Record) -> Vec<&str> {
    record
        .results
        .iter()
        .map(|row| row.system.as_str())
        .collect()
}

#[test]
fn held_out_pairs_are_told_apart() {
    let store = tempfile::tempdir().unwrap();
    pairs::import(store.path());
    let config = settings();
    let plan = Plan::of(&config, store.path()).unwrap();
    let dpo = plan
        .stages
        .iter()
        .find(|plan| plan.stage == Stage::Dpo)
        .unwrap();
    let record = run(&config, store.path());
    // 24 of 30 contexts, 6 pairs a batch, 12 times.
    assert_eq!((record.steps, dpo.steps), (48, 48));
    // Before the first step the policy is the reference.
    let before = |key: &str| record.first[key];
    assert_eq!(before(declared::DPO_VALIDATION_MARGIN), 0.0);
    assert!((before(declared::DPO_VALIDATION_LOSS) - 2f64.ln()).abs() < 1e-9);
    assert_eq!(before(declared::DPO_VALIDATION_ACCURACY), 0.0);
    let after = |key: &str| record.last[key];
    assert!(after(declared::DPO_VALIDATION_ACCURACY) >= 0.9);
    assert!(after(declared::DPO_VALIDATION_MARGIN) > 0.5);
    assert!(after(declared::DPO_VALIDATION_LOSS) < 0.5);
    assert!(after(declared::DPO_LOSS) < before(declared::DPO_LOSS));
    assert!(
        after(declared::VALIDATION_PPL).is_finite(),
        "dialogues are evaluated too"
    );
    assert_eq!(names(&record), ["Generator", "DPO"]);
    let said = record
        .notes
        .iter()
        .find(|note| note.contains("Preference pairs"))
        .unwrap();
    assert!(said.contains("24 for training, 6 for validation"), "{said}");
    assert_eq!(
        pipeline::fingerprints(&config, store.path()).unwrap()["preferences"].len(),
        64
    );
}

#[test]
fn a_model_as_it_is_starts_the_policy_and_stays_the_reference() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    crate::decoder::write(source.path());
    for tuning in [Tuning::Lora, Tuning::Full] {
        let mut config = settings();
        config.run.stages = vec![Stage::Dpo, Stage::Evaluation];
        config.model.source = source.path().display().to_string();
        config.dpo.tuning = tuning;
        config.dpo.max_steps = 6;
        config.dpo.lr = 1e-2;
        config.lora.rank = 4;
        let folder = store.path().join(format!("{tuning:?}"));
        pairs::import(&folder_of(&folder));
        let record = run(&config, &folder);
        assert!((record.first[declared::DPO_VALIDATION_LOSS] - 2f64.ln()).abs() < 1e-9);
        assert!(
            record.last[declared::DPO_VALIDATION_MARGIN] > 0.0,
            "{tuning:?}"
        );
        assert_eq!(names(&record), ["Generator", "DPO"]);
        let saved = Checkpoints::of(&folder.join("run"))
            .latest(Stage::Dpo)
            .unwrap()
            .unwrap();
        // LoRA alone is saved; the model's weights stay where they are.
        let copied = saved.folder.join("model.safetensors").is_file();
        assert_eq!(copied, tuning == Tuning::Full);
        let (policy, _) = Policy::load(&saved.folder, &crate::device_support::device()).unwrap();
        assert_eq!(policy.adapter.is_some(), tuning == Tuning::Lora);
        assert!(policy.value_head.is_none());
    }
    // Without dialogues to evaluate, none are read.
    let mut config = settings();
    config.run.stages = vec![Stage::Dpo];
    config.model.source = source.path().display().to_string();
    config.data.dialogues = "empathetic-dialogues".into();
    config.dpo.tuning = Tuning::Full;
    config.dpo.max_steps = 2;
    let folder = folder_of(&store.path().join("alone"));
    pairs::import(&folder);
    let record = run(&config, &folder);
    assert!(!record.last.contains_key(declared::VALIDATION_PPL));
    assert!(record.last.contains_key(declared::DPO_VALIDATION_LOSS));
}

fn folder_of(path: &Path) -> std::path::PathBuf {
    std::fs::create_dir_all(path).unwrap();
    path.to_path_buf()
}

#[test]
fn contradictions_are_refused_beside_their_setting() {
    let refused = |change: fn(&mut Config)| -> Vec<String> {
        let mut config = settings();
        change(&mut config);
        config
            .problems()
            .into_iter()
            .map(|problem| problem.path)
            .collect()
    };
    assert!(refused(|_| {}).is_empty());
    type Wrong = (&'static str, fn(&mut Config));
    let changes: [Wrong; 8] = [
        ("run.stages", |c| c.run.stages = vec![Stage::Dpo]),
        ("run.stages", |c| c.run.stages.insert(1, Stage::Ppo)),
        ("dpo.tuning", |c| c.dpo.tuning = Tuning::Lora),
        ("data.preferences", |c| c.data.preferences = " ".into()),
        ("dpo.beta", |c| c.dpo.beta = 0.0),
        ("dpo.max_completion_length", |c| {
            c.dpo.max_completion_length = 2000;
        }),
        ("evaluation.best_of", |c| c.evaluation.best_of = 1),
        ("evaluation.best_of", |c| c.evaluation.best_of = 8),
    ];
    for (path, change) in changes {
        assert!(refused(change).iter().any(|found| found == path), "{path}");
    }
    let store = tempfile::tempdir().unwrap();
    let missing = pipeline::fingerprints(&settings(), store.path()).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("emprl data import preferences FILE"),
        "{missing}"
    );
}
