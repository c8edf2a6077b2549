use burn::tensor::{Device, TensorData};

use super::*;
use crate::experiment::SamplingSettings;
use crate::nn::LanguageModel;
use crate::nn::adapter::Adapter;
use crate::nn::prefix::{Prefix, PrefixConfig};
use crate::nn::t5::{T5, T5Config};
use crate::nn::value_head::ValueHead;
use crate::text::train_unigram;
use crate::train::evaluate::sampling;
use crate::train::seed::{Draw, stream};

/// A policy ready for `tuning`, the reference it started as, and a rollout of it.
fn stage(tuning: Tuning) -> (Policy, Policy, Rollout) {
    let device = Device::flex();
    let words = ["one", "two", "three", "four", "five"];
    let tokenizer = train_unigram(words.iter().cycle().take(500), 30, 0).unwrap();
    let shape = T5Config {
        vocab_size: tokenizer.vocab_size(),
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 2,
        num_decoder_layers: 2,
        num_heads: 2,
        ..T5Config::default()
    };
    let t5 = T5::new(&shape, &device, 3);
    let prefix = PrefixConfig {
        encoder: 3,
        decoder: 2,
        cross: 1,
        hidden: 8,
    };
    let prefix = Prefix::new(&prefix, &shape.shape(), &device, 4);
    let reference = Policy {
        model: t5.into(),
        adapter: Some(Adapter::Prefix(prefix)),
        value_head: None,
    };
    let mut policy = reference.clone();
    policy.value_head = Some(ValueHead::new(shape.d_model, &device));
    let contexts: Vec<Vec<u32>> = (1..=6_u32).map(|n| (3..4 + n).collect()).collect();
    let mut streams: Vec<_> = (0..6).map(|row| stream(1, Draw::Rollout, 0, row)).collect();
    let settings = sampling(&SamplingSettings::default());
    let rollout = Rollout::sample(&policy, contexts, &settings, &mut streams, &tokenizer);
    (policy.for_tuning(tuning).train(), reference, rollout)
}

/// Ratio times advantage and the squared error of the values, over real tokens.
fn loss(old: &Old, now: PolicyEvaluation) -> Tensor<1> {
    let row = |numbers: &[f32]| {
        let data = TensorData::new(numbers.to_vec(), [1, numbers.len()]);
        Tensor::<2>::from_data(data, &Device::flex())
    };
    let of_row = |at: usize| {
        let real = |all: &Tensor<2>| {
            all.clone()
                .narrow(0, at, 1)
                .narrow(1, 0, old.values[at].len())
        };
        let ratio = (real(&now.log_probs) - row(&old.log_probs[at])).exp();
        let error = real(&now.values) - row(&old.returns[at]);
        (error.square() - ratio * row(&old.advantages[at])).sum()
    };
    (0..old.values.len())
        .map(of_row)
        .fold(Tensor::zeros([1], &Device::flex()), |all, row| all + row)
}

fn outcome(
    tuning: Tuning,
    change: impl FnOnce(&mut Policy, &mut Rollout),
) -> Result<String, TrainError> {
    let (mut policy, reference, mut rollout) = stage(tuning);
    change(&mut policy, &mut rollout);
    check(&Subject {
        policy: &policy,
        tuning,
        reference: &reference,
        rollout: &rollout,
        untouched: true,
        loss: &loss,
    })
}

#[test]
fn a_sound_stage_passes_whatever_is_trained() {
    for tuning in [Tuning::Prefix, Tuning::Full, Tuning::Both] {
        let seen = outcome(tuning, |_, _| {}).unwrap();
        assert!(seen.starts_with("Self-checks passed"), "{seen}");
    }
    let frozen = outcome(Tuning::Both, |_, _| {}).unwrap();
    assert!(frozen.contains("none of the 0 frozen"), "{frozen}");
}

#[test]
fn what_is_frozen_by_mistake_is_named() {
    let error = outcome(Tuning::Full, |policy, _| {
        *policy = policy.clone().for_tuning(Tuning::Prefix);
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`model.") && error.contains("no gradient"),
        "{error}"
    );
}

#[test]
fn what_is_trained_by_mistake_is_named() {
    let error = outcome(Tuning::Prefix, |policy, _| {
        *policy = policy.clone().for_tuning(Tuning::Both);
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`model.") && error.contains("frozen"),
        "{error}"
    );
}

#[test]
fn a_policy_that_is_not_its_reference_is_refused() {
    let error = outcome(Tuning::Both, |policy, rollout| {
        let device = Device::flex();
        let other = LanguageModel::new(&policy.model.config(), &device, 99);
        let mut streams: Vec<_> = (0..6).map(|row| stream(1, Draw::Rollout, 0, row)).collect();
        let settings = sampling(&SamplingSettings::default());
        let mut sampler = policy.valid();
        sampler.model = other.clone();
        let adapter = sampler.adapter_weights();
        rollout.generated = crate::nn::generate(
            &other,
            adapter.as_ref(),
            &rollout.contexts,
            &settings,
            &mut streams,
        );
        *policy = sampler.for_tuning(Tuning::Both).train();
    });
    assert!(matches!(
        error,
        Err(TrainError::SelfCheck(CheckError::Kl { largest })) if largest > 1e-2
    ));
}

#[test]
fn decoding_that_disagrees_is_refused() {
    for wrong in [-0.5, f32::NAN] {
        let error = outcome(Tuning::Prefix, |_, rollout| {
            rollout.generated[5].log_probs[0] += wrong;
        });
        assert!(matches!(error, Err(TrainError::RolloutDisagrees { .. })));
    }
}
