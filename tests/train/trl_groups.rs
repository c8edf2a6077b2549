//! Steps of GRPO and RLOO against TRL 0.25.1's trainers, on the same tiny Llama, completions and rewards: every loss
//! type, every scale of rewards, ratios by token and by response, parts of an update, two updates from each batch.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use emprl::experiment::{Config, LrSchedule, Tuning};
use emprl::nn::Generated;
use emprl::nn::llama::Llama;
use emprl::train::group::GroupMethod;
use emprl::train::group::settings::GroupSettings;
use emprl::train::group::step::{GroupOutcome, GroupState, GroupStepper};
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::algorithm::{Learner, LearnerState};
use emprl::train::policy_gradient::rollout::Rollout;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Fixture {
    group: usize,
    longest: usize,
    temperature: f64,
    lr: f64,
    max_norm: f64,
    /// By which the reference's last norm is multiplied.
    reference_norm: f32,
    contexts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
    ended: Vec<bool>,
    rewards: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    settings: Value,
    advantages: Vec<f64>,
    updates: Vec<Update>,
}

#[derive(Deserialize)]
struct Update {
    loss: f64,
    norm: f64,
    kl: Option<f64>,
    clip_low: f64,
    clip_high: f64,
    weights: std::collections::BTreeMap<String, Vec<f64>>,
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!(
        (got - expected).abs() <= TOLERANCE * scale,
        "{what}: {got} against {expected}"
    );
}

fn setting<T: DeserializeOwned>(case: &Case, name: &str) -> T {
    serde_json::from_value(case.settings[name].clone()).expect("a setting of this name")
}

fn config(fixture: &Fixture, case: &Case) -> Config {
    let mut config = Config::default();
    config.sampling.temperature = fixture.temperature;
    config.sampling.max_new_tokens = fixture.longest;
    let contexts = fixture.responses.len() / fixture.group;
    let grpo = &mut config.grpo;
    let rloo = &mut config.rloo;
    grpo.batch = contexts;
    rloo.batch = contexts;
    grpo.tuning = Tuning::Full;
    rloo.tuning = Tuning::Full;
    grpo.lr_schedule = LrSchedule::Constant;
    rloo.lr_schedule = LrSchedule::Constant;
    (grpo.lr, rloo.lr) = (fixture.lr, fixture.lr);
    (grpo.max_gradient_norm, rloo.max_gradient_norm) = (fixture.max_norm, fixture.max_norm);
    (grpo.num_generations, rloo.num_generations) = (fixture.group, fixture.group);
    if case.kind == "grpo" {
        grpo.num_iterations = setting(case, "num_iterations");
        grpo.gradient_accumulation_steps = setting(case, "parts");
        grpo.beta = setting(case, "beta");
        grpo.epsilon = setting(case, "epsilon");
        grpo.epsilon_high = setting(case, "epsilon_high");
        grpo.loss_type = setting(case, "loss_type");
        grpo.importance_sampling_level = setting(case, "importance_sampling_level");
        grpo.scale_rewards = setting(case, "scale_rewards");
    } else {
        rloo.num_iterations = setting(case, "num_iterations");
        rloo.gradient_accumulation_steps = setting(case, "parts");
        rloo.beta = setting(case, "beta");
        rloo.epsilon = setting(case, "epsilon");
        rloo.epsilon_high = setting(case, "epsilon_high");
        rloo.normalize_advantages = setting(case, "normalize_advantages");
    }
    config
}

/// The fixture's model, its last norm multiplied by `norm`.
fn model(norm: f32, folder: &Path, device: &Device) -> Llama {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trl_groups_model");
    std::fs::copy(fixture.join("config.json"), folder.join("config.json")).expect("a copy");
    let file = std::fs::read(fixture.join("model.safetensors")).expect("the fixture's weights");
    let tensors = SafeTensors::deserialize(&file).expect("the fixture's weights");
    let last = tensors.tensor("model.norm.weight").expect("a last norm");
    let scaled: Vec<u8> = numbers(last.data())
        .into_iter()
        .flat_map(|x| (x * norm).to_le_bytes())
        .collect();
    let scaled = TensorView::new(Dtype::F32, last.shape().to_vec(), &scaled).expect("its shape");
    let changed = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| match name.as_str() {
            "model.norm.weight" => (name, scaled.clone()),
            _ => (name, view),
        });
    safetensors::serialize_to_file(changed, None, &folder.join("model.safetensors"))
        .expect("a file of our own");
    Llama::load(folder, device).expect("what was just written")
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
    bytes.chunks_exact(4).map(number).collect()
}

fn rollout(fixture: &Fixture) -> Rollout {
    let rows = fixture.responses.iter().zip(&fixture.ended);
    Rollout {
        contexts: fixture.contexts.clone(),
        generated: rows
            .map(|(tokens, ended)| Generated {
                tokens: tokens.clone(),
                log_probs: vec![0.0; tokens.len()],
                ended: *ended,
            })
            .collect(),
        responses: vec![String::new(); fixture.responses.len()],
    }
}

/// The policy after the first `updates` updates of a case, and what the step said.
fn stepped(fixture: &Fixture, case: &Case, updates: usize) -> (Policy, GroupOutcome) {
    let device = crate::device_support::device();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut config = config(fixture, case);
    config.grpo.num_iterations = updates;
    config.rloo.num_iterations = updates;
    let policy = Policy::from(emprl::nn::LanguageModel::from(model(
        1.0,
        folder.path(),
        &device,
    )));
    let reference = model(fixture.reference_norm, folder.path(), &device);
    let reference = Policy::from(emprl::nn::LanguageModel::from(reference));
    let method = match case.kind.as_str() {
        "grpo" => GroupMethod::Grpo,
        _ => GroupMethod::Rloo,
    };
    let learner = Learner {
        policy: policy.for_tuning(Tuning::Full).train(),
        optimizer: AdamW::new(0.0),
        state: GroupState::new(&config),
    };
    let stepper = GroupStepper {
        method,
        settings: GroupSettings::of(method, &config),
        reference: &reference,
        device: &device,
    };
    let done = stepper.step(learner, &rollout(fixture), &fixture.rewards, 0);
    let (learner, outcome) = done.expect("a step without trouble");
    (learner.policy.valid(), outcome)
}

fn check(fixture: &Fixture, case: &Case) {
    let what = |name: &str| format!("{name} of {} {}", case.kind, case.settings);
    for (at, expected) in case.updates.iter().enumerate() {
        let (policy, outcome) = stepped(fixture, case, at + 1);
        for (got, expected) in outcome.advantages.iter().zip(&case.advantages) {
            close(&what("an advantage"), f64::from(*got), *expected);
        }
        assert_eq!(outcome.updates.len(), at + 1);
        let update = &outcome.updates[at];
        let found = &update.statistics;
        close(&what("the loss"), found.loss.into(), expected.loss);
        close(&what("the gradients' norm"), update.norm, expected.norm);
        let tokens_alike = case.settings["parts"] == json!(1);
        if let Some(kl) = expected
            .kl
            .filter(|_| tokens_alike && case.settings["beta"] != json!(0.0))
        {
            close(&what("the KL"), found.kl.into(), kl);
        }
        close(
            &what("the share clipped below"),
            found.clip_low.into(),
            expected.clip_low,
        );
        close(
            &what("the share clipped above"),
            found.clip_high.into(),
            expected.clip_high,
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        policy
            .model
            .save(folder.path())
            .expect("a folder of our own");
        let file = std::fs::read(folder.path().join("model.safetensors")).expect("just written");
        let weights = SafeTensors::deserialize(&file).expect("just written");
        for (name, expected) in &expected.weights {
            let tensor = weights.tensor(name).expect("the same names");
            for (got, expected) in numbers(tensor.data()).into_iter().zip(expected) {
                close(&what(name), got.into(), *expected);
            }
        }
    }
}

fn check_all(wanted: impl Fn(&Case) -> bool) {
    let text = include_str!("../fixtures/trl_groups.json");
    let fixture: Fixture = serde_json::from_str(text).expect("a fixture of our own");
    let cases: Vec<&Case> = fixture.cases.iter().filter(|case| wanted(case)).collect();
    assert!(!cases.is_empty());
    for case in cases {
        check(&fixture, case);
    }
}

#[test]
fn grpo_of_every_loss_type_scale_and_range() {
    check_all(|case| {
        case.kind == "grpo"
            && case.settings["parts"] == json!(1)
            && case.settings["importance_sampling_level"] == json!("token")
    });
}

#[test]
fn grpo_with_one_ratio_for_a_response() {
    check_all(|case| case.settings["importance_sampling_level"] == json!("sequence"));
}

#[test]
fn grpo_in_parts_whose_gradients_are_gathered() {
    check_all(|case| case.settings["parts"] == json!(2));
}

#[test]
fn rloo_with_the_kl_in_its_reward() {
    check_all(|case| case.kind == "rloo");
}
