//! PPO, GRPO and RLOO learn: a task whose best policy is known is solved from nothing, through the same trainer
//! and the same interface of rewards as the empathy reward.

use std::path::Path;

use emprl::data::Example;
use emprl::experiment::{Config, LrSchedule, Report, Tuning};
use emprl::metrics::declared;
use emprl::nn::t5::{T5, T5Config};
use emprl::text::{EOS, Tokenizer, train_unigram};
use emprl::train::TrainError;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::evaluate::{Examiner, sampling};
use emprl::train::group::GroupMethod;
use emprl::train::material::Encoded;
use emprl::train::model_tokenizer::ModelTokenizer;
use emprl::train::observer::{Directive, Observer};
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::algorithm::Algorithm;
use emprl::train::policy_gradient::trainer::{Inputs, train};
use emprl::train::ppo::Ppo;
use emprl::train::reward::{Candidate, Reward, Score};
use emprl::train::session::Session;

const COLOURS: [&str; 4] = ["red", "blue", "green", "white"];
const THINGS: [&str; 4] = ["hat", "dog", "car", "tree"];
/// Tokens of a response at most.
const PLACES: usize = 3;
const STEPS: u64 = 120;

/// The rule: say the colour of the context in every place. Always right is 1; the best that does not
/// look at the context is one over the number of colours.
struct SayTheColour;

fn colour(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| COLOURS.contains(word))
}

impl Reward for SayTheColour {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        Ok(candidates
            .iter()
            .map(|candidate| {
                let context = candidate.example.context_text();
                let right = colour(&context);
                let said = candidate
                    .response
                    .split_whitespace()
                    .filter(|word| Some(*word) == right);
                Score::from(said.count() as f32 / PLACES as f32)
            })
            .collect())
    }
}

/// Every colour of every thing, as a dialogue.
fn examples(tokenizer: &Tokenizer) -> Vec<Encoded> {
    let mut examples = Vec::new();
    for colour in COLOURS {
        for thing in THINGS {
            let context = format!("my {thing} is {colour}");
            let mut source = tokenizer.encode_plain(&context);
            source.push(EOS);
            let mut target = tokenizer.encode_plain(colour);
            target.push(EOS);
            examples.push(Encoded {
                example: Example {
                    conversation: examples.len().to_string(),
                    turn: 2,
                    emotion: "content".into(),
                    situation: String::new(),
                    context: vec![context],
                    roles: Vec::new(),
                    target: colour.into(),
                },
                source,
                target,
            });
        }
    }
    examples
}

/// Keeps the score of every step.
#[derive(Default)]
struct Scores(Vec<f64>);

impl Observer for Scores {
    fn report(&mut self, report: Report) {
        if let Report::Metrics { values, .. } = report {
            let is_score = |key: &str| declared::as_of_ppo(key) == declared::SHAPED_SCORE;
            let score = values.iter().find(|(key, _)| is_score(key));
            self.0.extend(score.map(|(_, value)| *value));
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

fn settings() -> Config {
    let mut config = Config::default();
    config.sampling.max_new_tokens = PLACES;
    config.sampling.top_k = 0;
    config.sampling.temperature = 1.0;
    config.ppo.tuning = Tuning::Full;
    config.ppo.steps = STEPS;
    config.ppo.batch = 64;
    config.ppo.lr = 3e-3;
    config.ppo.evaluate_every = STEPS;
    config.reward.beta = 0.01;
    config.grpo.tuning = Tuning::Full;
    config.grpo.steps = STEPS;
    config.grpo.batch = 16;
    config.grpo.num_generations = 4;
    config.grpo.num_iterations = 4;
    config.grpo.lr = 3e-3;
    config.grpo.lr_schedule = LrSchedule::Constant;
    config.grpo.evaluate_every = STEPS;
    config.rloo.tuning = Tuning::Full;
    config.rloo.steps = STEPS;
    config.rloo.batch = 16;
    config.rloo.num_generations = 4;
    config.rloo.num_iterations = 4;
    config.rloo.lr = 3e-3;
    config.rloo.lr_schedule = LrSchedule::Constant;
    config.rloo.beta = 0.01;
    config.rloo.evaluate_every = STEPS;
    config.evaluation.resamples = 10;
    config
}

fn learn(algorithm: &impl Algorithm, folder: &Path, seed: u64) -> Vec<f64> {
    let mut config = settings();
    config.run.seed = seed;
    let words = COLOURS.iter().chain(&THINGS).chain(&["my", "is"]);
    let tokenizer = train_unigram(words.cycle().take(1000), 48, 0).unwrap();
    let device = crate::device_support::device();
    let shape = T5Config {
        vocab_size: tokenizer.vocab_size(),
        d_model: 32,
        d_kv: 16,
        d_ff: 64,
        num_layers: 1,
        num_decoder_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    let generator = Policy {
        model: T5::new(&shape, &device, seed).into(),
        adapter: None,
        value_head: None,
    };
    let examples = examples(&tokenizer);
    let tokenizer = ModelTokenizer::new(tokenizer, None, &generator.model.config()).unwrap();
    // Sixteen examples, four times over: a batch of 64 sees each of them.
    let train_examples: Vec<Encoded> = examples.iter().cycle().take(64).cloned().collect();
    let mut scores = Scores::default();
    let mut session = Session {
        config: &config,
        device: device.clone(),
        checkpoints: Checkpoints::of(folder),
        observer: &mut scores,
    };
    let examiner = Examiner {
        tokenizer: &tokenizer,
        identifiers: None,
        auditors: &[],
        sampling: sampling(&config.sampling),
        weights: [1.0; 3],
        batch: 16,
        resamples: 10,
        ppl_batch: 0,
        run_seed: seed,
        device,
        search: None,
    };
    let inputs = Inputs {
        train: &train_examples,
        validation: &examples,
        tokenizer: &tokenizer,
        reward: &mut SayTheColour,
        examiner: &examiner,
        base: None,
    };
    let trained = train(algorithm, &mut session, inputs, &generator).unwrap();
    assert!(trained.is_some());
    scores.0
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

fn solves(algorithm: &impl Algorithm) {
    let folder = tempfile::tempdir().unwrap();
    let scores = learn(algorithm, folder.path(), 1);
    assert_eq!(scores.len(), STEPS as usize);
    let (first, last) = (mean(&scores[..5]), mean(&scores[scores.len() - 10..]));
    println!("reward {first:.3} at first, {last:.3} at last");
    assert!(first < 0.15, "the task begins near chance: {first}");
    assert!(last > 0.9, "the best policy has 1: {last}");
}

#[test]
fn a_policy_that_knows_nothing_learns_to_say_the_colour() {
    solves(&Ppo);
}

#[test]
fn grpo_learns_it_from_the_differences_within_groups() {
    solves(&GroupMethod::Grpo);
}

#[test]
fn rloo_learns_it_too() {
    solves(&GroupMethod::Rloo);
}
