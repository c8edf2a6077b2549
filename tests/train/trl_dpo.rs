//! Two whole steps of DPO against TRL's trainer (0.25.1), on the same tiny decoder, reference and pairs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use emprl::experiment::{Config, DpoSettings, Tuning};
use emprl::nn::llama::Llama;
use emprl::train::dpo::EncodedPreference;
use emprl::train::dpo::step::{DpoLearner, DpoOutcome, log_probs, step};
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Case {
    beta: f64,
    label_smoothing: f64,
    max_grad_norm: f64,
    learning_rate: f64,
    weight_decay: f64,
    pairs: Vec<Pair>,
    reference_norm: Vec<f32>,
    steps: Vec<BTreeMap<String, f64>>,
    weights: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct Pair {
    context: Vec<u32>,
    chosen: Vec<u32>,
    rejected: Vec<u32>,
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!(
        (got - expected).abs() <= TOLERANCE * scale,
        "{what}: {got} against {expected}"
    );
}

fn settings(case: &Case) -> DpoSettings {
    DpoSettings {
        tuning: Tuning::Full,
        beta: case.beta,
        label_smoothing: case.label_smoothing,
        max_gradient_norm: case.max_grad_norm,
        lr: case.learning_rate,
        weight_decay: case.weight_decay,
        ..Config::default().dpo
    }
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The fixture's model, with another last norm where one is given.
fn model(norm: Option<&[f32]>, folder: &Path, device: &Device) -> Policy {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama/llama_tied");
    let load = |folder: &Path| {
        Policy::from(emprl::nn::LanguageModel::Llama(
            Llama::load(folder, device).unwrap(),
        ))
    };
    let Some(norm) = norm else {
        return load(&fixture);
    };
    std::fs::copy(fixture.join("config.json"), folder.join("config.json")).unwrap();
    let file = std::fs::read(fixture.join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let norm = bytes(norm);
    let changed = tensors.tensors().into_iter().map(|(name, view)| {
        let view = match name.as_str() {
            "model.norm.weight" => {
                TensorView::new(Dtype::F32, view.shape().to_vec(), &norm).unwrap()
            }
            _ => view,
        };
        (name, view)
    });
    safetensors::serialize_to_file(changed, None, &folder.join("model.safetensors")).unwrap();
    load(folder)
}

fn check(expected: &BTreeMap<String, f64>, outcome: &DpoOutcome) {
    let pairs = &outcome.pairs;
    let mean = |of: &dyn Fn(&emprl::train::dpo::loss::PairFigures) -> f64| {
        pairs.iter().map(of).sum::<f64>() / pairs.len() as f64
    };
    let found = [
        ("loss", outcome.loss),
        ("rewards/chosen", mean(&|pair| pair.chosen_reward)),
        ("rewards/rejected", mean(&|pair| pair.rejected_reward)),
        (
            "rewards/margins",
            mean(&|pair| pair.chosen_reward - pair.rejected_reward),
        ),
        (
            "rewards/accuracies",
            mean(&|pair| f64::from(u8::from(pair.is_right()))),
        ),
        ("logps/chosen", mean(&|pair| pair.log_probs.chosen.into())),
        (
            "logps/rejected",
            mean(&|pair| pair.log_probs.rejected.into()),
        ),
        ("grad_norm", outcome.gradient_norm),
    ];
    assert_eq!(found.len(), expected.len());
    for (key, found) in found {
        close(key, found, expected[key]);
    }
    close("mean of the losses", mean(&|pair| pair.loss), outcome.loss);
}

fn replay(case: &Case) {
    let device = crate::device_support::device();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(case);
    let encoded = |pair: &Pair| EncodedPreference {
        context: pair.context.clone(),
        chosen: pair.chosen.clone(),
        rejected: pair.rejected.clone(),
    };
    let pairs: Vec<EncodedPreference> = case.pairs.iter().map(encoded).collect();
    let pairs: Vec<&EncodedPreference> = pairs.iter().collect();
    let reference = log_probs(
        &model(Some(&case.reference_norm), folder.path(), &device),
        &pairs,
    );
    let mut learner = DpoLearner {
        policy: model(None, folder.path(), &device)
            .for_tuning(settings.tuning)
            .train(),
        optimizer: AdamW::new(settings.weight_decay),
    };
    let total = case.steps.len() as u64;
    for (number, expected) in (0..).zip(&case.steps) {
        let outcome;
        (learner, outcome) = step(
            learner,
            &settings,
            &pairs,
            &reference,
            (number, total),
            &device,
        )
        .unwrap();
        check(expected, &outcome);
    }
    learner.policy.valid().model.save(folder.path()).unwrap();
    let file = std::fs::read(folder.path().join("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for (name, expected) in &case.weights {
        let tensor = tensors.tensor(name).unwrap();
        let numbers = tensor.data().chunks_exact(4);
        let numbers = numbers.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let numbers: Vec<f32> = numbers.collect();
        assert_eq!(numbers.len(), expected.len());
        for (found, expected) in numbers.iter().zip(expected) {
            close(name, (*found).into(), *expected);
        }
    }
}

fn case(place: usize) -> Case {
    let text = include_str!("../fixtures/trl_dpo.json");
    let mut cases: Vec<Case> = serde_json::from_str(text).unwrap();
    cases.swap_remove(place)
}

#[test]
fn two_steps_with_the_usual_settings() {
    replay(&case(0));
}

#[test]
fn two_steps_with_label_smoothing_and_without_clipping() {
    replay(&case(1));
}
