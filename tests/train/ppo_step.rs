//! What a whole step must do whatever the fixture: gathered parts equal one batch, responses with nothing
//! in them do no harm, and every fault of the authors' trainer changes the step only where it is asked for.

use burn::module::Module;
use emprl::experiment::{Config, KlControlChoice, KlEstimator, Tuning};
use emprl::nn::Generated;
use emprl::nn::t5::{T5, T5Config};
use emprl::nn::value_head::ValueHead;
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::algorithm::LearnerState;
use emprl::train::policy_gradient::rollout::Rollout;
use emprl::train::ppo::step::{PpoLearner, PpoState, StepOutcome, Stepper};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::SafeTensors;

const VOCABULARY: u32 = 40;
const EOS: u32 = 1;

fn settings() -> Config {
    let mut config = Config::default();
    config.ppo.tuning = Tuning::Full;
    config.ppo.batch = 32;
    config.ppo.lr = 1e-3;
    config.ppo.epochs = 1;
    config.ppo.max_gradient_norm = 0.0;
    config
}

fn t5(seed: u64) -> T5 {
    let shape = T5Config {
        vocab_size: VOCABULARY as usize,
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_decoder_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    T5::new(&shape, &crate::device_support::device(), seed)
}

/// Responses of these lengths, eos included; the policy's own log-probabilities are found by the step.
fn rollout(lengths: impl Iterator<Item = usize>) -> Rollout {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut words = |count: usize| -> Vec<u32> {
        let mut words: Vec<u32> = (1..count)
            .map(|_| random.random_range(3..VOCABULARY))
            .collect();
        words.push(EOS);
        words
    };
    let (mut contexts, mut generated) = (Vec::new(), Vec::new());
    for length in lengths {
        contexts.push(words(6));
        generated.push(Generated {
            tokens: words(length),
            log_probs: vec![0.0; length],
            ended: true,
        });
    }
    Rollout {
        responses: vec![String::new(); contexts.len()],
        contexts,
        generated,
    }
}

fn scores(count: usize) -> Vec<f32> {
    (0..count).map(|row| (row % 5) as f32 / 5.0).collect()
}

/// Steps one after another from the same start; the last one's figures, and the weights after it.
fn after(config: &Config, rollout: &Rollout, steps: u64) -> (StepOutcome, Vec<f32>, PpoState) {
    let device = crate::device_support::device();
    let reference = Policy {
        model: t5(2).into(),
        adapter: None,
        value_head: None,
    };
    let stepper = Stepper {
        config,
        reference: &reference,
        device: &device,
    };
    let policy = Policy {
        model: t5(1).into(),
        adapter: None,
        value_head: Some(ValueHead::new(16, &device)),
    };
    let mut learner = PpoLearner {
        policy: policy.for_tuning(config.ppo.tuning).train(),
        optimizer: AdamW::new(0.0),
        state: PpoState::new(config),
    };
    let scores = scores(rollout.generated.len());
    let mut last = None;
    for number in 0..steps {
        let stepped;
        (learner, stepped) = stepper
            .step(learner, rollout, &scores, number)
            .expect("a step without trouble");
        last = Some(stepped);
    }
    let weights = weights(&learner.policy.valid());
    (last.expect("at least one step"), weights, learner.state)
}

fn weights(policy: &Policy) -> Vec<f32> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    policy
        .model
        .save(folder.path())
        .expect("a folder of our own");
    let file = std::fs::read(folder.path().join("model.safetensors")).expect("what was written");
    let tensors = SafeTensors::deserialize(&file).expect("what was written");
    let mut names = tensors.names();
    names.sort();
    let mut numbers = Vec::new();
    for name in names {
        let data = tensors.tensor(name).expect("a name it gave").data();
        let number = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        numbers.extend(data.chunks_exact(4).map(number));
    }
    numbers
}

fn furthest(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let apart = one.iter().zip(other).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, f32::max)
}

/// 4×8 gathered for one update, and 1×32: the norms of their gradients, and how far their weights are apart.
fn gathered_against_whole(rollout: &Rollout, equal_parts: bool) -> (f64, f32) {
    let mut config = settings();
    config.ppo.equal_parts = equal_parts;
    let (whole, whole_weights, _) = after(&config, rollout, 1);
    config.ppo.minibatches = 4;
    config.ppo.accumulation = 4;
    let (parts, weights, _) = after(&config, rollout, 1);
    assert_eq!((whole.updates.len(), parts.updates.len()), (1, 4));
    let norms = (whole.updates[0].norm, parts.updates[0].norm);
    (
        (norms.0 - norms.1).abs() / norms.0,
        furthest(&whole_weights, &weights),
    )
}

#[test]
fn four_parts_of_eight_equal_one_of_thirty_two() {
    let even = rollout([5; 32].into_iter());
    for equal_parts in [false, true] {
        let (norm, weights) = gathered_against_whole(&even, equal_parts);
        assert!(norm < 1e-5 && weights < 1e-5, "{norm} {weights}");
    }
}

#[test]
fn parts_of_unequal_length_equal_the_whole_when_weighed_by_their_tokens() {
    let uneven = rollout((0..32).map(|row| 2 + row / 4));
    let (norm, weights) = gathered_against_whole(&uneven, false);
    assert!(norm < 1e-5 && weights < 1e-5, "{norm} {weights}");
    let (norm, weights) = gathered_against_whole(&uneven, true);
    assert!(norm > 1e-3 && weights > 1e-5, "{norm} {weights}");
}

#[test]
fn without_learning_the_ratio_is_one_in_every_epoch_whatever_the_parts() {
    let uneven = rollout([2, 3, 5, 8, 3, 4, 6, 7, 2, 9].into_iter());
    for minibatches in [1, 3, 10] {
        for score_truncated in [false, true] {
            let mut config = settings();
            config.ppo.lr = 0.0;
            config.ppo.weight_decay = 0.0;
            config.ppo.epochs = 3;
            config.ppo.minibatches = minibatches;
            config.ppo.score_truncated = score_truncated;
            let (stepped, ..) = after(&config, &uneven, 1);
            assert_eq!(stepped.updates.len(), 3 * minibatches);
            for update in &stepped.updates {
                let figures = &update.statistics;
                let furthest = (figures.ratio_max.ln().abs()).max(figures.ratio_mean.ln().abs());
                assert!(furthest < 1e-4, "{furthest}");
                assert_eq!(figures.clip_fraction, 0.0);
            }
        }
    }
}

#[test]
fn responses_of_nothing_but_eos_do_no_harm() {
    let nothing = rollout([1; 4].into_iter());
    for skip_first_token in [false, true] {
        let mut config = settings();
        config.ppo.skip_first_token = skip_first_token;
        config.reward.whiten_rewards = true;
        let (stepped, weights, _) = after(&config, &nothing, 2);
        let counted = usize::from(!skip_first_token);
        assert!(stepped.advantages.iter().all(|row| row.len() == counted));
        assert!(weights.iter().all(|weight| weight.is_finite()));
        for update in &stepped.updates {
            assert!(update.statistics.total_loss.is_finite() && update.norm.is_finite());
        }
    }
}

/// Two steps of responses of several lengths, clipped, with the setting changed and without.
fn both(change: impl Fn(&mut Config)) -> [(StepOutcome, Vec<f32>, PpoState); 2] {
    let uneven = rollout([2, 3, 5, 8, 3, 4, 6, 7].into_iter());
    let mut config = settings();
    config.ppo.max_gradient_norm = 0.1;
    config.reward.whiten_rewards = true;
    let without = after(&config, &uneven, 2);
    change(&mut config);
    [without, after(&config, &uneven, 2)]
}

#[test]
fn the_first_token_counts_unless_the_fault_is_asked_for() {
    let [right, fault] = both(|config| config.ppo.skip_first_token = true);
    for (right, fault) in right.0.advantages.iter().zip(&fault.0.advantages) {
        assert_eq!(right.len(), fault.len() + 1);
    }
    assert!(furthest(&right.1, &fault.1) > 1e-4);
}

#[test]
fn whitened_padding_reaches_advantages_only_with_the_fault() {
    let [right, fault] = both(|config| config.reward.whiten_padding = true);
    let flat = |stepped: &StepOutcome| stepped.returns.concat();
    assert!(furthest(&flat(&right.0), &flat(&fault.0)) > 1e-3);
    assert!(furthest(&right.1, &fault.1) > 1e-5);
}

#[test]
fn every_update_is_clipped_unless_the_fault_is_asked_for() {
    let [right, fault] = both(|config| config.ppo.clip_once = true);
    assert!(right.0.updates[0].norm > 0.1, "clipping matters here");
    // Adam hardly minds the size of a gradient, but does mind that it changes from step to step.
    assert!(furthest(&right.1, &fault.1) > 1e-5);
}

#[test]
fn scores_of_what_was_drawn_differ_from_scores_over_all_tokens() {
    let uneven = rollout([2, 3, 5, 8, 3, 4, 6, 7].into_iter());
    let mut config = settings();
    // Before the first update both have the same policy.
    let all = after(&config, &uneven, 1);
    config.sampling.top_k = 20;
    config.sampling.temperature = 0.9;
    config.ppo.score_truncated = true;
    let drawn = after(&config, &uneven, 1);
    let flat = |stepped: &StepOutcome| stepped.old_log_probs.concat();
    assert!(furthest(&flat(&all.0), &flat(&drawn.0)) > 1e-2);

    // What is told of the full softmax is the same either way.
    assert!(all.0.full.is_none());
    let full = drawn.0.full.as_ref().unwrap();
    let close = |left: &[Vec<f32>], right: &[Vec<f32>]| {
        assert!(furthest(&left.concat(), &right.concat()) < 1e-5);
    };
    close(&full.log_probs, &all.0.old_log_probs);
    close(
        &full.against.reference_log_probs,
        &all.0.against.reference_log_probs,
    );
    close(&full.against.full_kl, &all.0.against.full_kl);
    assert!(
        furthest(
            &full.against.full_kl.concat(),
            &drawn.0.against.full_kl.concat()
        ) > 1e-3
    );
    let entropies = |stepped: &StepOutcome| stepped.updates[0].statistics;
    let (of_all, of_drawn) = (entropies(&all.0), entropies(&drawn.0));
    assert!((of_all.entropy - of_drawn.entropy).abs() < 1e-5);
    assert_eq!(of_all.truncated_entropy, None);
    let truncated = of_drawn.truncated_entropy.unwrap();
    assert!(truncated < of_drawn.entropy && truncated <= 20f32.ln());
}

#[test]
fn an_adaptive_coefficient_follows_the_estimate_that_is_penalised() {
    for estimator in [KlEstimator::K1, KlEstimator::Abs, KlEstimator::Full] {
        let uneven = rollout([2, 3, 5, 8].into_iter());
        let mut config = settings();
        config.reward.kl_control = KlControlChoice::Adaptive;
        config.reward.kl_estimator = estimator;
        config.reward.kl_horizon = 100.0;
        let target = config.reward.kl_target;
        let (stepped, _, state) = after(&config, &uneven, 1);
        let rows = stepped.old_log_probs.iter().enumerate();
        let sum: f32 = rows
            .flat_map(|(row, log_probs)| {
                let against = &stepped.against;
                (0..log_probs.len())
                    .map(move |t| {
                        let reference = against.reference_log_probs[row][t];
                        estimator.estimate(log_probs[t], reference, against.full_kl[row][t])
                    })
                    .collect::<Vec<_>>()
            })
            .sum();
        let error = (f64::from(sum) / 4.0 / target - 1.0).clamp(-0.2, 0.2);
        let expected = config.reward.beta * (1.0 + error * 4.0 / 100.0);
        let beta = state.kl_control.beta();
        assert!((beta - expected).abs() < 1e-9, "{estimator:?}: {beta}");
    }
}
