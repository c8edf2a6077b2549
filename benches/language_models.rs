//! Seconds and peak memory of decoders with LoRA on random weights: the work of `benches/peers/language_models.py`.
//!
//! `cargo bench --bench language_models -- [smollm2 | qwen] [f32 | bf16] [DEVICE] [WORK …]` prints one JSON line for each
//! work.
//! The peak of memory is that of the works so far; name one work to have its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)] // a failed bench says why

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use emprl::experiment::{Config, Precision, Tuning};
use emprl::nn::llama::{Family, Llama, LlamaConfig};
use emprl::nn::sampling::Sampling;
use emprl::nn::value_head::ValueHead;
use emprl::nn::{Dropout, LanguageModel, device, generate, in_bf16};
use emprl::text::{Tokenizer, train_unigram};
use emprl::train::group::GroupMethod;
use emprl::train::group::settings::GroupSettings;
use emprl::train::group::step::{GroupState, GroupStepper};
use emprl::train::likelihood::cross_entropy;
use emprl::train::optimizer::AdamW;
use emprl::train::policy::{Policy, fresh_adapter};
use emprl::train::policy_gradient::algorithm::{Learner, LearnerState};
use emprl::train::policy_gradient::rollout::Rollout;
use emprl::train::ppo::step::{PpoLearner, PpoState, Stepper};
use emprl::train::seed::{Draw, stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 8;
const CONTEXT: usize = 64;
const NEW_TOKENS: usize = 32;
/// Measured repetitions after one that is not.
const REPEATS: u64 = 3;
/// Of a GRPO step: contexts, and responses to each; also the parts whose gradients are gathered.
const GROUPS: usize = 4;
const WORKS: [&str; 4] = ["generation", "supervised", "ppo", "grpo"];

fn main() {
    emprl::allocator::keep_freed_pages();
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let asks = |word: &str| arguments.iter().any(|argument| argument == word);
    let (name, shape) = match asks("qwen") {
        true => ("Qwen2.5-0.5B", qwen()),
        false => ("SmolLM2-135M", smollm2()),
    };
    let asked: Vec<&str> = WORKS.into_iter().filter(|work| asks(work)).collect();
    let works = if asked.is_empty() { &WORKS[..] } else { &asked };
    let precision = if asks("bf16") {
        Precision::Bf16
    } else {
        Precision::F32
    };
    let known = ["smollm2", "qwen", "f32", "bf16"];
    let mut rest = arguments.iter().map(String::as_str);
    let device_name = rest.find(|word| !known.contains(word) && !WORKS.contains(word));
    let device_name = device_name.unwrap_or("flex");
    let device = device::resolve(device_name).unwrap();
    let bench = Bench::new(&shape, precision, device);
    for work in works {
        let mut figures = match *work {
            "generation" => bench.generation(),
            "supervised" => bench.supervised(),
            "grpo" => bench.grpo(),
            _ => bench.ppo(),
        };
        let mut line = json!({
            "bench": work, "model": name, "device": device_name, "precision": precision, "batch": BATCH, "context": CONTEXT,
            "new_tokens": NEW_TOKENS, "processor": processor(),
            "threads": std::thread::available_parallelism().map_or(1, usize::from),
        });
        for (key, numbers) in &mut figures.seconds {
            line[key] = json!(median(numbers));
        }
        line["peak_gb"] = json!(peak_bytes() as f64 / 1e9);
        println!("{line}");
    }
}

fn smollm2() -> LlamaConfig {
    LlamaConfig {
        vocab_size: 49_152,
        hidden_size: 576,
        intermediate_size: 1_536,
        num_hidden_layers: 30,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        head_dim: 64,
        rope_theta: 100_000.0,
        tie_word_embeddings: true,
        ..LlamaConfig::default()
    }
}

fn qwen() -> LlamaConfig {
    LlamaConfig {
        model_type: Family::Qwen2,
        vocab_size: 151_936,
        hidden_size: 896,
        intermediate_size: 4_864,
        num_hidden_layers: 24,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        head_dim: 64,
        rope_theta: 1_000_000.0,
        tie_word_embeddings: true,
        ..LlamaConfig::default()
    }
}

struct Bench {
    config: Config,
    device: Device,
    policy: Policy,
    vocabulary: u32,
}

/// Seconds of each repetition, by phase; those of the processor, of all cores together, under "processor_seconds".
#[derive(Default)]
struct Figures {
    seconds: BTreeMap<&'static str, Vec<f64>>,
}

impl Figures {
    fn add(&mut self, phase: &'static str, seconds: f64) {
        self.seconds.entry(phase).or_default().push(seconds);
    }

    /// Runs `work` once unmeasured and then `REPEATS` times.
    fn measure(&mut self, mut work: impl FnMut(&mut Figures, u64)) {
        work(&mut Figures::default(), 0);
        for turn in 1..=REPEATS {
            let (clock, processor) = (Instant::now(), processor_seconds());
            work(self, turn);
            self.add("seconds", clock.elapsed().as_secs_f64());
            self.add("processor_seconds", processor_seconds() - processor);
        }
    }
}

impl Bench {
    fn new(shape: &LlamaConfig, precision: Precision, device: Device) -> Self {
        let mut model = LanguageModel::from(Llama::new(shape, &device, 1));
        if precision == Precision::Bf16 {
            model = in_bf16(model);
        }
        let mut config = Config::default();
        config.ppo.tuning = Tuning::Lora;
        config.ppo.batch = BATCH;
        config.grpo.tuning = Tuning::Lora;
        config.grpo.batch = GROUPS;
        config.grpo.num_generations = BATCH;
        config.grpo.gradient_accumulation_steps = GROUPS;
        config.grpo.beta = 0.04;
        config.lora.dropout = 0.0;
        let adapter = fresh_adapter(&config, Tuning::Lora, &model, &device).unwrap();
        let policy = Policy {
            model,
            adapter,
            value_head: Some(ValueHead::new(shape.hidden_size, &device)),
        };
        Bench {
            config,
            device,
            policy: policy.for_tuning(Tuning::Lora),
            vocabulary: shape.vocab_size as u32,
        }
    }

    fn rows(&self, random: &mut ChaCha8Rng, length: usize) -> Vec<Vec<u32>> {
        let mut row = || -> Vec<u32> {
            let words = (0..length).map(|_| random.random_range(3..self.vocabulary));
            words.collect()
        };
        (0..BATCH).map(|_| row()).collect()
    }

    fn contexts(&self, turn: u64) -> Vec<Vec<u32>> {
        self.rows(&mut stream(1, Draw::Answer, turn, 0), CONTEXT)
    }

    fn generation(&self) -> Figures {
        let mut figures = Figures::default();
        let weights = self.policy.adapter_weights();
        figures.measure(|_, turn| {
            let contexts = self.contexts(turn);
            let model = &self.policy.model;
            generate(
                model,
                weights.as_ref(),
                &contexts,
                &exactly(),
                &mut streams(turn, BATCH),
            );
        });
        figures
    }

    fn supervised(&self) -> Figures {
        let mut figures = Figures::default();
        let (mut policy, mut optimizer) = (Some(self.policy.clone().train()), AdamW::new(0.0));
        figures.measure(|_, turn| {
            let contexts = self.contexts(turn);
            let targets = self.rows(&mut stream(2, Draw::Answer, turn, 0), NEW_TOKENS);
            let taken = policy.take().unwrap();
            let (model, adapter) = (&taken.model, taken.adapter_weights());
            let dropout = &mut Dropout::off();
            let hidden = model.forward(&contexts, &targets, adapter.as_ref(), dropout);
            let loss = cross_entropy(model.logits(hidden), &targets);
            let gradients = GradientsParams::from_grads(loss.backward(), &taken);
            policy = Some(optimizer.step(1e-4, taken, gradients, 1.0).0);
        });
        figures
    }

    /// The step without its reward: the scores are given.
    fn ppo(&self) -> Figures {
        let mut figures = Figures::default();
        let tokenizer: Tokenizer = train_unigram(["a text to cut into pieces"], 200, 10).unwrap();
        let reference = Policy {
            value_head: None,
            ..self.policy.clone()
        };
        let stepper = Stepper {
            config: &self.config,
            reference: &reference,
            device: &self.device,
        };
        let mut learner = Some(PpoLearner {
            policy: self.policy.clone().train(),
            optimizer: AdamW::new(0.0),
            state: PpoState::new(&self.config),
        });
        let scores: Vec<f32> = (0..BATCH).map(|row| row as f32 / BATCH as f32).collect();
        figures.measure(|figures, turn| {
            let taken = learner.take().unwrap();
            let clock = Instant::now();
            let rollout = Rollout::sample(
                &taken.policy.valid(),
                self.contexts(turn),
                &exactly(),
                &mut streams(turn, BATCH),
                &tokenizer,
            );
            figures.add("generation_seconds", clock.elapsed().as_secs_f64());
            let done = stepper.step(taken, &rollout, &scores, turn);
            let (next, outcome) = done.map_err(|failed| failed.error).unwrap();
            figures.add("reference_seconds", outcome.reference_seconds);
            figures.add("update_seconds", outcome.update_seconds);
            learner = Some(next);
        });
        figures
    }

    /// One update on the responses to a few contexts, without its reward: the scores are given.
    fn grpo(&self) -> Figures {
        let mut figures = Figures::default();
        let tokenizer: Tokenizer = train_unigram(["a text to cut into pieces"], 200, 10).unwrap();
        let policy = Policy {
            value_head: None,
            ..self.policy.clone()
        };
        let stepper = GroupStepper {
            method: GroupMethod::Grpo,
            settings: GroupSettings::of(GroupMethod::Grpo, &self.config),
            reference: &policy,
            device: &self.device,
        };
        let mut learner = Some(Learner {
            policy: policy.clone().train(),
            optimizer: AdamW::new(0.0),
            state: GroupState::new(&self.config),
        });
        let rows = GROUPS * BATCH;
        let scores: Vec<f32> = (0..rows).map(|row| row as f32 / rows as f32).collect();
        figures.measure(|figures, turn| {
            let taken = learner.take().unwrap();
            let contexts = &self.contexts(turn)[..GROUPS];
            let contexts = contexts
                .iter()
                .flat_map(|context| vec![context.clone(); BATCH]);
            let clock = Instant::now();
            let rollout = Rollout::sample(
                &taken.policy.valid(),
                contexts.collect(),
                &exactly(),
                &mut streams(turn, rows),
                &tokenizer,
            );
            figures.add("generation_seconds", clock.elapsed().as_secs_f64());
            let done = stepper.step(taken, &rollout, &scores, turn);
            let (next, outcome) = done.map_err(|failed| failed.error).unwrap();
            figures.add("reference_seconds", outcome.reference_seconds);
            figures.add("update_seconds", outcome.update_seconds);
            learner = Some(next);
        });
        figures
    }
}

fn streams(turn: u64, rows: usize) -> Vec<ChaCha8Rng> {
    let rows = 0..rows as u64;
    rows.map(|row| stream(1, Draw::Rollout, turn, row))
        .collect()
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

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or("unknown", |(_, name)| name).to_string()
}

/// What this process has had of all cores; 0 where the system does not say.
fn processor_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in brackets, may have spaces.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let times = fields.split(' ').skip(11).take(2);
    times
        .filter_map(|time| time.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}

/// The most resident memory since the process began; 0 where the system does not say.
fn peak_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
