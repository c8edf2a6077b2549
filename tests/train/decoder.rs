//! A decoder of the Llama family does all that T5 does: it is tuned by maximum likelihood and PPO, whole or by a
//! prefix, answers, is scored, saved and read; pre-training refuses it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use emprl::data::Turns;
use emprl::experiment::{Config, Precision, Report, SamplingSettings, Stage, Tuning};
use emprl::metrics::declared;
use emprl::nn::adapter::Adapter;
use emprl::nn::llama::{Llama, LlamaConfig};
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::value_head::ValueHead;
use emprl::nn::{Dropout, LanguageModel};
use emprl::text::train_unigram;
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::identifier_set::IdentifierSet;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;
use emprl::train::plan::TimedPlan;
use emprl::train::policy::Policy;
use emprl::train::saved::{Drawing, SavedModel};
use emprl::train::session::Ended;

/// A Hugging Face folder of a random decoder, with a tokenizer of this project's.
pub fn write(folder: &Path) {
    let words =
        "i am so sorry to hear that what happened then you must be proud of her it is a good day";
    let tokenizer = train_unigram(words.split(' ').cycle().take(2000), 60, 0).unwrap();
    let shape = LlamaConfig {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 4,
        tie_word_embeddings: true,
        initializer_range: 0.2,
        eos_token_id: vec![1, 2],
        pad_token_id: Some(0),
        ..LlamaConfig::default()
    };
    Llama::new(&shape, &Device::flex(), 3).save(folder).unwrap();
    tokenizer.save(folder.join("tokenizer.json")).unwrap();
}

fn logits(policy: &Policy) -> Vec<f32> {
    let (contexts, responses) = ([vec![5, 6, 7], vec![8]], [vec![9, 1], vec![4, 5, 6]]);
    let (model, adapter) = (&policy.model, policy.adapter_weights());
    let hidden = model.forward(&contexts, &responses, adapter.as_ref(), &mut Dropout::off());
    let mut numbers: Vec<f32> = model.logits(hidden.clone()).into_data().iter().collect();
    if let Some(head) = &policy.value_head {
        numbers.extend(head.forward(hidden).into_data().iter::<f32>());
    }
    numbers
}

#[test]
fn a_policy_is_read_as_it_was_saved() {
    let (source, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let device = crate::device_support::device();
    write(source.path());
    let (mut policy, tokenizer) = Policy::load(source.path(), &device).unwrap();
    assert!(matches!(policy.model, LanguageModel::Llama(_)));
    let lengths = PrefixConfig {
        encoder: 7,
        decoder: 3,
        cross: 2,
        hidden: 6,
    };
    let prefix = Prefix::new(&lengths, &policy.model.shape(), &device, 4);
    // A decoder alone has a decoder's prefix alone.
    assert_eq!((prefix.config().encoder, prefix.config().cross), (0, 0));
    let without = logits(&policy);
    policy.adapter = Some(Adapter::Prefix(prefix));
    policy.value_head = Some(ValueHead::new(16, &device));
    policy.save(saved.path(), &tokenizer, None).unwrap();
    let (read, _) = Policy::load(saved.path(), &device).unwrap();
    assert_eq!(logits(&read), logits(&policy));
    assert_ne!(logits(&read)[..without.len()], without[..]);
}

#[test]
fn answers_are_scored_as_they_were_drawn_and_exported_models_give_the_same() {
    let (source, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let exported = to.path().join("exported");
    let device = crate::device_support::device_name();
    let model = SavedModel::open(source.path(), &device).unwrap();
    let utterances = ["i am proud of her", "what a day", ""].map(str::to_string);
    let contexts: Vec<Turns<'_>> = utterances.chunks(1).map(Turns::alternating).collect();
    let settings = SamplingSettings::default();
    let drawing = Drawing {
        settings: &settings,
        greedy: false,
        seed: 3,
    };
    let answers = model.answer(&contexts, 40, &drawing, 8, &mut |_| {});
    let answers = answers.unwrap();
    let pairs: Vec<(Turns<'_>, &[u32])> = contexts
        .iter()
        .zip(&answers)
        .map(|(context, answer)| (*context, answer.tokens.as_slice()))
        .collect();
    let scores = model.score(&pairs, 40, 8, &mut |_| {}).unwrap();
    for (answer, scores) in answers.iter().zip(scores) {
        assert_eq!(answer.log_probs.len(), scores.len());
        for (drawn, scored) in answer.log_probs.iter().zip(scores) {
            assert!((drawn - scored).abs() < 1e-4, "{drawn} {scored}");
        }
        let ends = answer.tokens.iter().filter(|id| [1, 2].contains(*id));
        assert_eq!(ends.count(), usize::from(answer.ended));
    }
    let written = model.export(&exported).unwrap();
    assert!(written.files.contains(&"config.json".to_string()));
    let again = SavedModel::open(&exported, &device).unwrap();
    let repeated = again.answer(&contexts, 40, &drawing, 8, &mut |_| {});
    assert_eq!(repeated.unwrap(), answers);
}

/// The last value of every metric.
#[derive(Default)]
struct Metrics {
    first: BTreeMap<String, f64>,
    last: BTreeMap<String, f64>,
}

impl Observer for Metrics {
    fn report(&mut self, report: Report) {
        if let Report::Metrics { values, .. } = report {
            for (key, value) in values {
                self.first.entry(key.clone()).or_insert(value);
                self.last.insert(key, value);
            }
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

pub fn settings(source: &Path, tuning: Tuning) -> Config {
    let mut config = crate::quickstart_support::quickstart();
    config.run.device = crate::device_support::device_name();
    config.run.stages = vec![Stage::Generator, Stage::Ppo, Stage::Evaluation];
    config.model.source = source.display().to_string();
    config.data.train_limit = 24;
    config.data.validation_limit = 8;
    config.data.test_limit = 6;
    config.generator.tuning = tuning;
    config.generator.epochs = 12;
    config.generator.batch = 8;
    config.generator.lr = 1e-2;
    config.generator.validate_every = 12;
    config.prefix.decoder = 3;
    config.prefix.hidden = 16;
    config.lora.rank = 4;
    config.ppo.tuning = tuning;
    config.ppo.steps = 3;
    config.ppo.batch = 4;
    config.ppo.minibatches = 2;
    config.ppo.evaluate_every = 2;
    config.reward.empathy = false;
    config.evaluation.subset = 4;
    config.evaluation.resamples = 20;
    config
}

fn run(config: &Config, folder: &Path) -> Result<Metrics, TrainError> {
    let mut metrics = Metrics::default();
    let checkpoints = Checkpoints::of(&folder.join("run"));
    let ended = pipeline::run(config, folder, checkpoints, None, &mut metrics)?;
    assert_eq!(ended, Ended::Done);
    Ok(metrics)
}

/// PPO begins with its own checks: ratio 1, pads change nothing, KL 0, gradients only where they belong.
#[test]
fn every_tuning_goes_through_maximum_likelihood_and_ppo() {
    for tuning in [Tuning::Full, Tuning::Prefix, Tuning::Both, Tuning::Lora] {
        let (source, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(source.path());
        let config = settings(source.path(), tuning);
        let plan = TimedPlan::of(&config, folder.path()).unwrap();
        assert!(plan.speed > 0.0);
        let metrics = run(&config, folder.path()).unwrap();
        let loss = declared::GENERATOR_LOSS;
        let (first, last) = (metrics.first[loss], metrics.last[loss]);
        assert!(last < first, "{tuning:?}: {first} {last}");
        assert!(metrics.last[declared::VALIDATION_PPL].is_finite());
        let checkpoints = Checkpoints::of(&folder.path().join("run"));
        let saved = checkpoints.latest(Stage::Ppo).unwrap().unwrap();
        let device = crate::device_support::device();
        let (policy, _) = Policy::load(&saved.folder, &device).unwrap();
        assert_eq!(policy.adapter.is_some(), tuning.has_adapter());
        assert_eq!(policy.prefix().is_some(), tuning.has_prefix());
        assert!(policy.value_head.is_some());
        if tuning.has_lora() {
            // Other programs read no adapter: it is in the weights.
            let open = |folder: &Path| {
                SavedModel::open(folder, &crate::device_support::device_name()).unwrap()
            };
            let (tuned, exported) = (open(&saved.folder), folder.path().join("exported"));
            assert!(tuned.export(&exported).unwrap().merged_lora);
            let merged = open(&exported);
            assert_eq!(merged.anatomy().lora, None);
            let said = ["i am proud of her".to_string()];
            let pairs = [(Turns::alternating(&said), &[5, 9, 1][..])];
            let scores = |model: &SavedModel| model.score(&pairs, 40, 1, &mut |_| {}).unwrap();
            for (a, b) in scores(&tuned)[0].iter().zip(&scores(&merged)[0]) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}

/// The stages in f32 and in bf16, on the same draws: PPO's own checks pass, and what is learnt is nearly the same.
#[test]
fn frozen_weights_in_bf16_teach_what_they_teach_in_f32() {
    if crate::device_support::device_name() != "flex" {
        return;
    }
    for tuning in [Tuning::Prefix, Tuning::Lora] {
        let source = tempfile::tempdir().unwrap();
        write(source.path());
        let mut config = settings(source.path(), tuning);
        let [wide, half] = [Precision::F32, Precision::Bf16].map(|precision| {
            config.run.precision = precision;
            run(&config, tempfile::tempdir().unwrap().path()).unwrap()
        });
        let loss = declared::GENERATOR_LOSS;
        assert!(half.last[loss] < half.first[loss], "{tuning:?} learns");
        let ppl = declared::VALIDATION_PPL;
        let (wide, half) = (wide.last[ppl], half.last[ppl]);
        assert_ne!(wide, half, "{tuning:?} rounds");
        assert!((half / wide).ln().abs() < 0.02, "{tuning:?}: {wide} {half}");
    }
}

#[test]
fn identifiers_of_another_run_reward_it_and_are_copied_into_it() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let mut other = crate::quickstart_support::quickstart();
    other.run.device = crate::device_support::device_name();
    other.run.stages = vec![Stage::Identifiers];
    other.model.vocabulary = 300;
    other.model.layers = 1;
    crate::quickstart_support::with_hasty_identifiers(&mut other);
    let mut config = settings(source.path(), Tuning::Prefix);
    config.run.stages.insert(0, Stage::Identifiers);
    config.identifiers.source = "1".into();
    config.reward.empathy = true;

    let runs = store.path().join("runs");
    let begin = |number: &str, config: &Config| {
        let checkpoints = Checkpoints::of(&runs.join(number));
        let mut metrics = Metrics::default();
        pipeline::run(config, store.path(), checkpoints, None, &mut metrics).map(|_| metrics)
    };
    let refused = pipeline::fingerprints(&config, store.path()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("identifiers.source names run 1, which does not exist"),
        "{refused}"
    );
    begin("1", &other).unwrap();
    let found = pipeline::fingerprints(&config, store.path()).unwrap();
    assert_eq!(found["identifiers"].len(), 64);
    let metrics = begin("2", &config).unwrap();
    assert!(metrics.last[declared::EMPATHY_REWARD] > 0.0);
    assert!(metrics.last[declared::VALIDATION_EMP_F1] > 0.0);

    // What it took is its own: it goes on where the other is gone.
    fs::remove_dir_all(runs.join("1")).unwrap();
    assert!(begin("2", &config).is_ok());
    let own = Checkpoints::of(&runs.join("2")).latest(Stage::Identifiers);
    let own = own.unwrap().unwrap();
    assert!(own.listing.done);
    assert!(IdentifierSet::is_in(&own.folder));

    config.identifiers.source = source.path().display().to_string();
    let refused = begin("3", &config).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("there are no identifiers"), "{refused}");
}

#[test]
fn pretraining_refuses_a_decoder_before_anything_is_written() {
    let (source, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(source.path());
    let mut config = settings(source.path(), Tuning::Full);
    config.run.stages.insert(0, Stage::Pretraining);
    let error = pipeline::fingerprints(&config, folder.path()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("needs a T5") && said.contains("Llama"),
        "{said}"
    );
    assert!(matches!(
        run(&config, folder.path()),
        Err(TrainError::NotT5 { .. })
    ));
}
