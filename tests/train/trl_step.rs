//! Two whole steps of PPO against the authors' trainer (TRL 0.9.6), on the same tiny T5 and the same
//! rollout, with its faults switched on: whole batches, gathered minibatches, single minibatches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use emprl::experiment::{Config, KlControlChoice, Tuning};
use emprl::nn::Generated;
use emprl::nn::t5::T5;
use emprl::nn::value_head::ValueHead;
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::algorithm::LearnerState;
use emprl::train::policy_gradient::rollout::Rollout;
use emprl::train::ppo::step::{PpoLearner, PpoState, StepOutcome, Stepper};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

type Rows = Vec<Vec<f32>>;

const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Case {
    minibatches: usize,
    accumulation: usize,
    max_norm: f64,
    head_weight: Vec<f32>,
    head_bias: Vec<f32>,
    reference_norm: Vec<f32>,
    contexts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
    ended: Vec<bool>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    scores: Vec<f32>,
    shaped: Vec<f32>,
    beta: f64,
    beta_after: f64,
    /// Log-probabilities of all tokens.
    drawn: Rows,
    old: Rows,
    reference: Rows,
    values: Rows,
    advantages: Rows,
    returns: Rows,
    updates: Vec<BTreeMap<String, f32>>,
    weights: BTreeMap<String, Vec<f32>>,
    head_weight: Vec<f32>,
    head_bias: Vec<f32>,
}

#[track_caller]
fn close(what: &str, got: &[f32], expected: &[f32]) {
    assert!(got.len() >= expected.len(), "{what}: {} numbers", got.len());
    for (place, (got, expected)) in got.iter().zip(expected).enumerate() {
        let scale = expected.abs().max(1.0);
        assert!(
            (got - expected).abs() <= TOLERANCE * scale,
            "{what} at {place}: {got} against {expected}"
        );
    }
}

#[track_caller]
fn rows_close(what: &str, got: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.len(), expected.len(), "{what}: tokens that count");
        close(what, got, expected);
    }
}

fn config(case: &Case) -> Config {
    let mut config = Config::default();
    config.ppo.tuning = Tuning::Full;
    config.ppo.batch = case.responses.len();
    config.ppo.minibatches = case.minibatches;
    config.ppo.accumulation = case.accumulation;
    config.ppo.equal_parts = true;
    config.ppo.lr = 1e-3;
    config.ppo.weight_decay = 0.0;
    config.ppo.max_gradient_norm = case.max_norm;
    config.ppo.clip_once = case.max_norm > 0.0;
    // TRL weighs half the squared error by 0.1.
    config.ppo.value_coefficient = 0.05;
    config.ppo.skip_first_token = true;
    config.reward.kl_control = KlControlChoice::Adaptive;
    config.reward.scale_scores = true;
    config.reward.normalise_scores = true;
    config.reward.whiten_rewards = true;
    config.reward.whiten_padding = true;
    config
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    bytes.chunks_exact(4).map(number).collect()
}

fn head(case: &Case, folder: &Path, device: &Device) -> ValueHead {
    let width = case.head_weight.len();
    let (weight, bias) = (bytes(&case.head_weight), bytes(&case.head_bias));
    let weight = TensorView::new(Dtype::F32, vec![width, 1], &weight).expect("a shape that fits");
    let bias = TensorView::new(Dtype::F32, vec![1], &bias).expect("a shape that fits");
    let path = folder.join("head.safetensors");
    safetensors::serialize_to_file([("weight", weight), ("bias", bias)], None, &path)
        .expect("a file of our own");
    ValueHead::load(width, &path, device).expect("what was just written")
}

/// The fixture's model, with another last norm where one is given.
fn model(norm: Option<&[f32]>, folder: &Path, device: &Device) -> T5 {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trl_step_model");
    let Some(norm) = norm else {
        return T5::load(&fixture, device).expect("the fixture's model");
    };
    std::fs::copy(fixture.join("config.json"), folder.join("config.json")).expect("a copy");
    let file = std::fs::read(fixture.join("model.safetensors")).expect("the fixture's weights");
    let tensors = SafeTensors::deserialize(&file).expect("the fixture's weights");
    let norm = bytes(norm);
    let changed = tensors.tensors().into_iter().map(|(name, view)| {
        let view = if name == "decoder.final_layer_norm.weight" {
            TensorView::new(Dtype::F32, view.shape().to_vec(), &norm).expect("a shape that fits")
        } else {
            view
        };
        (name, view)
    });
    safetensors::serialize_to_file(changed, None, &folder.join("model.safetensors"))
        .expect("a file of our own");
    T5::load(folder, device).expect("what was just written")
}

fn rollout(case: &Case, step: &Step) -> Rollout {
    let rows = case.responses.iter().zip(&step.drawn).zip(&case.ended);
    Rollout {
        contexts: case.contexts.clone(),
        generated: rows
            .map(|((tokens, log_probs), ended)| Generated {
                tokens: tokens.clone(),
                log_probs: log_probs.clone(),
                ended: *ended,
            })
            .collect(),
        responses: vec![String::new(); case.responses.len()],
    }
}

fn check_numbers(step: &Step, stepped: &StepOutcome) {
    close("shaped scores", &stepped.shaped, &step.shaped);
    close("beta", &[stepped.beta as f32], &[step.beta as f32]);
    rows_close("log-probabilities", &stepped.old_log_probs, &step.old);
    let reference = &stepped.against.reference_log_probs;
    rows_close("the reference's", reference, &step.reference);
    rows_close("values", &stepped.old_values, &step.values);
    rows_close("advantages", &stepped.advantages, &step.advantages);
    rows_close("returns", &stepped.returns, &step.returns);
}

fn check_updates(step: &Step, stepped: &StepOutcome) {
    assert_eq!(stepped.updates.len(), step.updates.len());
    for (ours, theirs) in stepped.updates.iter().zip(&step.updates) {
        let ours = &ours.statistics;
        let pairs = [
            ("loss/policy", ours.policy_loss),
            ("loss/value", ours.value_loss * 0.5),
            ("loss/total", ours.total_loss),
            ("policy/entropy", ours.entropy),
            ("policy/approxkl", ours.approximate_kl),
            ("policy/policykl", ours.policy_kl),
            ("policy/clipfrac", ours.clip_fraction),
            ("val/error", ours.value_error),
            ("val/clipfrac", ours.value_clip_fraction),
        ];
        for (key, ours) in pairs {
            close(key, &[ours], &[theirs[key]]);
        }
    }
}

fn check_weights(step: &Step, policy: &Policy, folder: &Path) {
    policy.model.save(folder).expect("a folder of our own");
    let head = policy.value_head.as_ref().expect("the policy's head");
    head.save(&folder.join("after.safetensors"))
        .expect("a folder of our own");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("what was just written");
    let (t5, head) = (read("model.safetensors"), read("after.safetensors"));
    let t5 = SafeTensors::deserialize(&t5).expect("what was just written");
    for (name, expected) in &step.weights {
        let tensor = t5.tensor(name).expect("the same names");
        close(name, &numbers(tensor.data()), expected);
    }
    let head = SafeTensors::deserialize(&head).expect("what was just written");
    for (name, expected) in [("weight", &step.head_weight), ("bias", &step.head_bias)] {
        let tensor = head.tensor(name).expect("the same names");
        close(name, &numbers(tensor.data()), expected);
    }
}

fn replay(case: &Case) {
    let device = crate::device_support::device();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = config(case);
    let reference = Policy {
        model: model(Some(&case.reference_norm), folder.path(), &device).into(),
        adapter: None,
        value_head: None,
    };
    let policy = Policy {
        model: model(None, folder.path(), &device).into(),
        adapter: None,
        value_head: Some(head(case, folder.path(), &device)),
    };
    let policy = policy.for_tuning(config.ppo.tuning).train();
    let optimizer = AdamW::new(config.ppo.weight_decay);
    let mut learner = PpoLearner {
        policy,
        optimizer,
        state: PpoState::new(&config),
    };
    let stepper = Stepper {
        config: &config,
        reference: &reference,
        device: &device,
    };
    for (number, step) in (0..).zip(&case.steps) {
        let stepped;
        (learner, stepped) = stepper
            .step(learner, &rollout(case, step), &step.scores, number)
            .expect("a step without trouble");
        check_numbers(step, &stepped);
        check_updates(step, &stepped);
        check_weights(step, &learner.policy.valid(), folder.path());
        let beta = learner.state.kl_control.beta();
        assert!((beta - step.beta_after).abs() < 1e-9, "{beta} afterwards");
    }
}

fn case(place: usize) -> Case {
    let text = include_str!("../fixtures/trl_step.json");
    let mut cases: Vec<Case> = serde_json::from_str(text).expect("a fixture of our own");
    cases.swap_remove(place)
}

#[test]
fn whole_batches() {
    replay(&case(0));
}

#[test]
fn minibatches_gathered_for_one_update_and_clipped() {
    replay(&case(1));
}

#[test]
fn an_update_for_each_minibatch() {
    replay(&case(2));
}
