//! Seconds of one PPO step by phase, and tokens a second of generation, on random weights of
//! T5-small's shape: the work of `benches/peers/`.
//!
//! `cargo bench --bench ppo_step -- [DEVICE] [SHAPE]` prints one JSON line for each way of tuning. The step is the
//! trainer's own, with three identifiers of the same shape as its score. Shapes are `small`, `base`, and `calls`: the
//! layers of T5-base so narrow that what is left is the price of asking for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use emprl::data::Example;
use emprl::experiment::{Config, Report, Tuning};
use emprl::metrics::declared;
use emprl::nn::adapter::Adapter;
use emprl::nn::identifier::{AttentionConfig, AttentionIdentifier, Head, Pooling};
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::sampling::Sampling;
use emprl::nn::t5::{T5, T5Config};
use emprl::nn::{Dropout, LanguageModel, device, generate};
use emprl::text::train_unigram;
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::evaluate::Examiner;
use emprl::train::material::Encoded;
use emprl::train::model_tokenizer::ModelTokenizer;
use emprl::train::observer::{Directive, Observer};
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::trainer::{self, Inputs};
use emprl::train::ppo::Ppo;
use emprl::train::reward::{Candidate, Reward, Score};
use emprl::train::seed::{Draw, stream};
use emprl::train::session::Session;
use emprl::train::tensors::Tokens;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 8;
const SOURCE: usize = 64;
const NEW_TOKENS: usize = 24;
const STEPS: u64 = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    emprl::allocator::keep_freed_pages();
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let name = arguments.first().map_or("flex", String::as_str);
    let device = device::resolve(name)?;
    let shape = arguments.get(1).map_or("small", String::as_str);
    let config = shaped(shape).ok_or("shapes are small, base and calls")?;
    let model = LanguageModel::T5(T5::new(&config, &device, 1));
    let subject = Subject {
        device: &device,
        name,
        shape,
    };
    generation(&model, &subject);

    let identifier = AttentionConfig {
        encoder: config.clone(),
        pooling: Pooling::Max,
        head: Head::Linear,
    };
    let identifiers: Vec<_> = (0..3)
        .map(|seed| AttentionIdentifier::new(&identifier, &device, seed))
        .collect();
    let prefix = Prefix::new(
        &PrefixConfig {
            encoder: 40,
            decoder: 10,
            cross: 0,
            hidden: 512,
        },
        &config.shape(),
        &device,
        2,
    );
    step(&model, Some(prefix), Tuning::Prefix, &identifiers, &subject)?;
    step(&model, None, Tuning::Full, &identifiers, &subject)
}

/// What is measured.
struct Subject<'a> {
    device: &'a Device,
    name: &'a str,
    shape: &'a str,
}

fn shaped(name: &str) -> Option<T5Config> {
    let small = T5Config::default();
    let base = T5Config {
        d_model: 768,
        d_ff: 3072,
        num_layers: 12,
        num_decoder_layers: 12,
        num_heads: 12,
        ..small.clone()
    };
    match name {
        "small" => Some(small),
        "base" => Some(base),
        "calls" => Some(T5Config {
            d_model: 16,
            d_kv: 8,
            d_ff: 16,
            num_heads: 2,
            vocab_size: 256,
            ..base
        }),
        _ => None,
    }
}

fn ids(random: &mut ChaCha8Rng, length: usize, vocabulary: usize) -> Vec<u32> {
    (0..length)
        .map(|_| random.random_range(3..vocabulary as u32))
        .collect()
}

fn generation(model: &LanguageModel, subject: &Subject<'_>) {
    let mut random = stream(1, Draw::Answer, 0, 0);
    let vocabulary = model.shape().vocab_size;
    let contexts: Vec<Vec<u32>> = (0..BATCH)
        .map(|_| ids(&mut random, SOURCE, vocabulary))
        .collect();
    for (kind, greedy) in [("sampled", false), ("greedy", true)] {
        let sampling = Sampling {
            greedy,
            ..exactly()
        };
        let mut seconds: Vec<f64> = (0..6)
            .map(|turn| {
                let mut streams: Vec<_> = (0..BATCH)
                    .map(|row| stream(1, Draw::Rollout, turn, row as u64))
                    .collect();
                let clock = Instant::now();
                generate(model, None, &contexts, &sampling, &mut streams);
                clock.elapsed().as_secs_f64()
            })
            .skip(1)
            .collect();
        let seconds = median(&mut seconds);
        let rate = (BATCH * NEW_TOKENS) as f64 / seconds;
        println!(
            "{}",
            json!({"bench": "generation", "device": subject.name, "shape": subject.shape, "kind": kind, "seconds": seconds, "tokens_per_second": rate})
        );
    }
}

fn exactly() -> Sampling {
    Sampling {
        max_new_tokens: NEW_TOKENS,
        min_new_tokens: NEW_TOKENS,
        greedy: false,
        top_k: 20,
        top_p: 1.0,
        temperature: 0.9,
    }
}

/// Runs the trainer for a few steps and prints the median of each phase.
fn step(
    model: &LanguageModel,
    prefix: Option<Prefix>,
    tuning: Tuning,
    identifiers: &[AttentionIdentifier],
    subject: &Subject<'_>,
) -> Result<(), Box<dyn std::error::Error>> {
    let device = subject.device;
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.ppo.tuning = tuning;
    config.ppo.steps = STEPS;
    config.ppo.batch = BATCH;
    config.ppo.evaluate_every = 1_000_000;
    config.run.checkpoint_every = 0;
    config.sampling.max_new_tokens = NEW_TOKENS;
    config.sampling.min_new_tokens = NEW_TOKENS;
    config.evaluation.samples = 1;
    let tokenizer = train_unigram(["a short text of our own", "to cut into pieces"], 200, 10)?;
    let mut random = stream(2, Draw::Answer, 0, 0);
    let vocabulary = model.shape().vocab_size;
    let train: Vec<Encoded> = (0..BATCH * STEPS as usize)
        .map(|_| Encoded {
            example: Example {
                conversation: String::new(),
                turn: 1,
                emotion: String::new(),
                situation: String::new(),
                roles: Vec::new(),
                context: vec![],
                target: String::new(),
            },
            source: ids(&mut random, SOURCE, vocabulary),
            target: ids(&mut random, NEW_TOKENS, vocabulary),
        })
        .collect();
    let mut reward = SixEncoders {
        identifiers,
        contexts: (0..BATCH)
            .map(|_| ids(&mut random, SOURCE, vocabulary))
            .collect(),
        responses: (0..BATCH)
            .map(|_| ids(&mut random, NEW_TOKENS, vocabulary))
            .collect(),
        device: device.clone(),
    };
    let tokenizer = ModelTokenizer::new(tokenizer, None, &model.config()).unwrap();
    let examiner = Examiner {
        tokenizer: &tokenizer,
        identifiers: None,
        auditors: &[],
        sampling: exactly(),
        weights: [1.0; 3],
        batch: 1,
        resamples: 10,
        ppl_batch: 0,
        run_seed: 1,
        device: device.clone(),
        search: None,
    };
    let mut phases = Phases::default();
    let mut session = Session {
        config: &config,
        device: device.clone(),
        checkpoints: Checkpoints::of(folder.path()),
        observer: &mut phases,
    };
    let inputs = Inputs {
        train: &train,
        validation: &train[..1],
        tokenizer: &tokenizer,
        reward: &mut reward,
        examiner: &examiner,
        base: matches!(tuning, Tuning::Prefix).then(|| Path::new("t5")),
    };
    let generator = Policy {
        model: model.clone(),
        adapter: prefix.map(Adapter::Prefix),
        value_head: None,
    };
    let trainable = generator
        .adapter
        .as_ref()
        .map_or(model.num_params(), Module::num_params);
    trainer::train(&Ppo, &mut session, inputs, &generator)?;
    let mut line = json!({
        "bench": "ppo_step", "device": subject.name, "shape": subject.shape, "tuning": tuning, "trainable": trainable
    });
    let mut total = 0.0;
    for (phase, key) in [
        ("generation", declared::ROLLOUT_SECONDS),
        ("reward", declared::REWARD_SECONDS),
        ("update", declared::UPDATE_SECONDS),
    ] {
        let mut seconds: Vec<f64> = phases.0.remove(key).unwrap_or_default().split_off(1);
        let seconds = median(&mut seconds);
        total += seconds;
        line[phase] = json!(seconds);
    }
    line["total"] = json!(total);
    println!("{line}");
    Ok(())
}

/// What the trainer says of each phase's time, by step.
#[derive(Default)]
struct Phases(BTreeMap<String, Vec<f64>>);

impl Observer for Phases {
    fn report(&mut self, report: Report) {
        if let Report::Metrics { values, .. } = report {
            for (key, value) in values {
                self.0.entry(key).or_default().push(value);
            }
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

/// Three identifiers' forward passes over fixed tokens: six encoders, as in the peer's script.
struct SixEncoders<'a> {
    identifiers: &'a [AttentionIdentifier],
    contexts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
    device: Device,
}

impl Reward for SixEncoders<'_> {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        let contexts = Tokens::pad(&self.contexts, &self.device);
        let responses = Tokens::pad(&self.responses, &self.device);
        for identifier in self.identifiers {
            let logits = identifier.forward(
                contexts.ids.clone(),
                &contexts.mask,
                responses.ids.clone(),
                &responses.mask,
                &mut Dropout::off(),
            );
            std::hint::black_box(logits.into_data());
        }
        Ok((0..candidates.len())
            .map(|row| Score::from(row as f32 / BATCH as f32))
            .collect())
    }
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
