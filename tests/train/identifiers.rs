//! Identifiers on encoders other than the run's T5: trained, saved, taken over by other runs, a reward of PPO; and those
//! that the paper's authors released.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use emprl::experiment::{
    Config, EventKind, ExperimentFile, IdentifierInit, PoolingChoice, Report, Stage, Tuning,
};
use emprl::metrics::declared;
use emprl::nn::identifier::IdentifierConfig;
use emprl::text::train_unigram;
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::identifier_set::IdentifierSet;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline::{self, Reuse};
use emprl::train::plan::Plan;
use emprl::train::saved::SavedIdentifiers;
use emprl::train::session::Ended;

use crate::decoder;

/// The last value of every metric, and what was noted.
#[derive(Default)]
struct Record {
    last: BTreeMap<String, f64>,
    notes: Vec<String>,
}

impl Observer for Record {
    fn report(&mut self, report: Report) {
        match report {
            Report::Metrics { values, .. } => self.last.extend(values),
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

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Identifiers alone, on the small BERT, in a few steps. No model of the run's own is there.
pub fn on_bert() -> Config {
    let mut config = ExperimentFile::preset("identifiers-minilm")
        .unwrap()
        .unwrap()
        .config;
    config.run.device = crate::device_support::device_name();
    config.run.checkpoint_every = 3;
    config.data.levels = "builtin".into();
    config.identifiers.encoder = fixture("bert_small").display().to_string();
    config.identifiers.batch = 128;
    config.identifiers.epochs = 2;
    config.identifiers.lr = 1e-2;
    config.identifiers.max_context = 12;
    config.identifiers.max_response = 12;
    config
}

fn begin(
    config: &Config,
    store: &Path,
    number: &str,
    reuse: Option<&Reuse>,
) -> Result<Record, TrainError> {
    let checkpoints = Checkpoints::of(&store.join("runs").join(number));
    let mut record = Record::default();
    let ended = pipeline::run(config, store, checkpoints, reuse, &mut record)?;
    assert_eq!(ended, Ended::Done);
    Ok(record)
}

fn saved(store: &Path, number: &str) -> PathBuf {
    let last = Checkpoints::of(&store.join("runs").join(number)).latest(Stage::Identifiers);
    let last = last.unwrap().unwrap();
    assert!(last.listing.done);
    last.folder
}

fn weights(folder: &Path) -> Vec<Vec<u8>> {
    ["emotional_reaction", "interpretation", "exploration"]
        .iter()
        .map(|name| fs::read(folder.join(format!("{name}.safetensors"))).unwrap())
        .collect()
}

#[test]
fn identifiers_on_a_bert_need_no_model_and_reward_a_decoder() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store.path();
    decoder::write(source.path());
    let config = on_bert();
    assert!(!config.reads_model() && !config.reads_dialogues());
    let found = pipeline::fingerprints(&config, store).unwrap();
    assert_eq!(found.keys().filter(|name| *name == "encoder").count(), 1);
    assert!(!found.contains_key("model"));
    let plan = Plan::of(&config, store).unwrap();
    assert!(plan.identifier.unwrap().trained > 1_000 && plan.stages[0].memory.activations > 0);
    let trained = begin(&config, store, "1", None).unwrap();
    assert!(trained.last[declared::IDENTIFIER_LOSS[2]].is_finite());

    let mut policy = decoder::settings(source.path(), Tuning::Lora);
    policy.run.stages.insert(0, Stage::Identifiers);
    policy.identifiers.source = "1".into();
    policy.reward.empathy = true;
    let given = Plan::of(&policy, store).unwrap();
    assert_eq!(given.stages[0].steps, 0);
    assert!(given.stages[0].memory.weights > 0 && given.stages[0].memory.activations == 0);
    let rewarded = begin(&policy, store, "2", None).unwrap();
    assert!(rewarded.last[declared::EMPATHY_REWARD] > 0.0);
    assert!(rewarded.last[declared::VALIDATION_EMP_F1] > 0.0);
    assert_eq!(weights(&saved(store, "2")), weights(&saved(store, "1")));

    let device = crate::device_support::device_name();
    let set = SavedIdentifiers::open(&saved(store, "2"), &device).unwrap();
    let pairs = [("my dog ran away", "i am so sorry"), ("i miss him", "ok")];
    let found = set.identify(&pairs, 1, &mut |_| {});
    for of_pair in &found {
        for of_mechanism in of_pair {
            assert!((of_mechanism.probs.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
    let together = set.identify(&pairs, 2, &mut |_| {});
    assert!((together[0][0].probs[0] - found[0][0].probs[0]).abs() < 1e-5);
}

#[test]
fn a_decoder_trains_identifiers_on_itself() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    decoder::write(source.path());
    let mut config = decoder::settings(source.path(), Tuning::Lora);
    config.run.stages.insert(0, Stage::Identifiers);
    config.reward.empathy = true;
    config.identifiers.init = IdentifierInit::Folder;
    config.identifiers.batch = 128;
    config.identifiers.epochs = 1;
    // Not as a T5.
    let refused = pipeline::fingerprints(&config, store.path()).unwrap_err();
    let words = refused.to_string();
    assert!(matches!(refused, TrainError::NoEncoder { .. }), "{words}");
    assert!(
        words.contains("Llama") && words.contains("\"policy\""),
        "{words}"
    );

    config.identifiers.encoder = "policy".into();
    config.generator.epochs = 1;
    pipeline::fingerprints(&config, store.path()).unwrap();
    let record = begin(&config, store.path(), "1", None).unwrap();
    assert!(record.last[declared::EMPATHY_REWARD] > 0.0);
    let shape = IdentifierSet::config_in(&saved(store.path(), "1")).unwrap();
    assert!(matches!(shape, IdentifierConfig::Pair(_)));

    // Alone, and by the state of the last token.
    config.run.stages = vec![Stage::Identifiers];
    config.identifiers.pooling = PoolingChoice::Cls;
    let record = begin(&config, store.path(), "2", None).unwrap();
    assert!(record.last[declared::IDENTIFIER_LOSS[0]].is_finite());
    assert_ne!(
        weights(&saved(store.path(), "2")),
        weights(&saved(store.path(), "1"))
    );
}

#[test]
fn with_a_seed_of_their_own_they_are_the_same_for_every_seed_of_the_run() {
    let store = tempfile::tempdir().unwrap();
    let store = store.path();
    let mut config = on_bert();
    config.identifiers.seed = 7;
    begin(&config, store, "1", None).unwrap();
    config.run.seed = 99;
    begin(&config, store, "2", None).unwrap();
    assert_eq!(weights(&saved(store, "2")), weights(&saved(store, "1")));
    config.identifiers.seed = 0;
    begin(&config, store, "3", None).unwrap();
    assert_ne!(weights(&saved(store, "3")), weights(&saved(store, "1")));

    // So a run of another seed takes them over.
    config.identifiers.seed = 7;
    let mut other = config.clone();
    other.run.seed = 1;
    let shared = config.shared_stages(&other);
    assert_eq!(shared.stages, [Stage::Identifiers]);
    let reuse = Reuse {
        run: "1".into(),
        run_folder: store.join("runs/1"),
        stages: shared.stages,
        differs: shared.differs,
    };
    let record = begin(&config, store, "4", Some(&reuse)).unwrap();
    assert!(
        record.notes[0].contains("Taken over from run 1"),
        "{:?}",
        record.notes
    );
    assert_eq!(weights(&saved(store, "4")), weights(&saved(store, "1")));
}

#[test]
fn what_does_not_suit_an_encoder_is_refused_before_anything_is_written() {
    let store = tempfile::tempdir().unwrap();
    let refusal = |change: &dyn Fn(&mut Config)| {
        let mut config = on_bert();
        change(&mut config);
        let refused = pipeline::fingerprints(&config, store.path()).unwrap_err();
        refused.to_string()
    };
    let long = refusal(&|config| config.identifiers.max_response = 13);
    assert!(
        long.contains("identifiers.max_context") && long.contains("25"),
        "{long}"
    );
    let t5 = fixture("t5_relu_tied").display().to_string();
    let pooled = refusal(&|config| {
        config.identifiers.encoder = t5.clone();
        config.identifiers.pooling = PoolingChoice::Cls;
    });
    assert!(pooled.contains("identifiers.pooling"), "{pooled}");
    let nothing = refusal(&|config| config.identifiers.encoder = "nowhere".into());
    assert!(nothing.contains("nowhere"), "{nothing}");
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().display().to_string();
    fs::write(
        folder.path().join("config.json"),
        r#"{"model_type": "roberta"}"#,
    )
    .unwrap();
    let other = refusal(&|config| config.identifiers.encoder = other.clone());
    assert!(
        other.contains("roberta") && other.contains("BERT"),
        "{other}"
    );
}

#[test]
fn the_authors_files_are_identifiers_of_a_run() {
    let (released, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pt = fixture("t5_identifier/mean_mlp.pt");
    for name in ["1667030885", "1667016350", "1667009478"] {
        let folder = released.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(&pt, folder.join("model.pt")).unwrap();
    }
    let mut config = on_bert();
    config.identifiers.encoder = "t5".into();
    config.identifiers.source = released.path().display().to_string();
    config.model.source = "t5-base".into();
    // Weights alone say neither shape nor tokens.
    let refused = pipeline::fingerprints(&config, store.path()).unwrap_err();
    let words = refused.to_string();
    assert!(
        words.contains("identifiers.encoder") && words.contains("config.json"),
        "{words}"
    );

    let t5 = tempfile::tempdir().unwrap();
    fs::copy(
        fixture("t5_identifier/config.json"),
        t5.path().join("config.json"),
    )
    .unwrap();
    let words = "i am so sorry to hear that what happened then you must be proud of her today";
    let tokenizer = train_unigram(words.split(' ').cycle().take(2_000), 50, 0).unwrap();
    tokenizer.save(t5.path().join("tokenizer.json")).unwrap();
    config.identifiers.encoder = t5.path().display().to_string();
    pipeline::fingerprints(&config, store.path()).unwrap();
    begin(&config, store.path(), "1", None).unwrap();
    let folder = saved(store.path(), "1");
    match IdentifierSet::config_in(&folder).unwrap() {
        IdentifierConfig::Attention(shape) => {
            let words = serde_json::to_string(&(shape.pooling, shape.head)).unwrap();
            assert_eq!(words, r#"["mean","mlp"]"#);
        }
        pair => panic!("{pair:?}"),
    }
    let device = crate::device_support::device_name();
    let set = SavedIdentifiers::open(&folder, &device).unwrap();
    assert_eq!(set.identify(&[("sorry", "what")], 1, &mut |_| {}).len(), 1);

    // The same under the mechanisms' names, with all that they need beside them.
    for name in ["emotional_reaction", "interpretation", "exploration"] {
        fs::copy(&pt, t5.path().join(format!("{name}.pt"))).unwrap();
    }
    config.identifiers.source = t5.path().display().to_string();
    config.identifiers.encoder = "t5".into();
    begin(&config, store.path(), "2", None).unwrap();
    assert_eq!(weights(&saved(store.path(), "2")), weights(&folder));
}
