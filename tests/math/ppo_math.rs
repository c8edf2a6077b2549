//! The arithmetic of PPO against golden vectors: an independent loop, the authors' trainer
//! (TRL 0.9.6), and the promises that padding and empty responses change nothing.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use emprl::experiment::KlEstimator;
use emprl::train::policy_gradient::kl::{KlControl, full_kl};
use emprl::train::policy_gradient::rollout::PolicyEvaluation;
use emprl::train::policy_gradient::shaping::{ScoreShaper, ShapingConfig};
use emprl::train::ppo::advantage::{AdvantageEstimate, estimate};
use emprl::train::ppo::objective::{
    Minibatch, Objective, ObjectiveConfig, ObjectiveStatistics, ResponseRow, objective,
};
use emprl::train::ppo::token_rewards::token_rewards;
use emprl::train::ppo::whiten::{Variance, moments, whiten};
use emprl::train::score::{self, score};
use serde::Deserialize;

type Rows = Vec<Vec<f32>>;

fn fixture<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("a fixture of our own")
}

#[track_caller]
fn close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        let scale = expected.abs().max(1.0);
        assert!(
            (got - expected).abs() <= tolerance * scale,
            "{got} against {expected}"
        );
    }
}

#[track_caller]
fn rows_close(got: &[Vec<f32>], expected: &[Vec<f32>], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        close(got, expected, tolerance);
    }
}

#[derive(Deserialize)]
struct GaeCase {
    gamma: f32,
    lambda: f32,
    rewards: Vec<f32>,
    values: Vec<f32>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
}

#[test]
fn advantages_equal_an_independent_loop() {
    let cases: Vec<GaeCase> = fixture(include_str!("../fixtures/ppo_gae.json"));
    for case in cases {
        let got = estimate(&case.rewards, &case.values, case.gamma, case.lambda);
        close(&got.advantages, &case.advantages, 1e-5);
        close(&got.returns, &case.returns, 1e-5);
    }
}

#[derive(Deserialize)]
struct Trl {
    scores: Vec<f32>,
    old_log_probs: Rows,
    reference_log_probs: Rows,
    full_log_probs: Vec<Rows>,
    full_reference_log_probs: Vec<Rows>,
    values: Rows,
    penalties: std::collections::BTreeMap<String, Penalty>,
    objectives: Vec<TrlObjective>,
    shaping: Vec<Shaping>,
    adaptive_kl: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Penalty {
    kl: Rows,
    rewards: Rows,
    advantages: Rows,
    returns: Rows,
}

#[derive(Deserialize)]
struct TrlObjective {
    log_probs: Rows,
    values: Rows,
    entropy: Rows,
    log_probs_gradient: Rows,
    values_gradient: Rows,
    ratio_mean: f32,
    loss_policy: f32,
    loss_value: f32,
    loss_total: f32,
    policy_entropy: f32,
    policy_approxkl: f32,
    policy_policykl: f32,
    policy_clipfrac: f32,
    val_error: f32,
    val_clipfrac: f32,
    returns_mean: f32,
    returns_var: f32,
}

#[derive(Deserialize)]
struct Shaping {
    normalise: bool,
    clip: Option<f32>,
    scores: Rows,
    shaped: Rows,
}

fn trl() -> Trl {
    fixture(include_str!("../fixtures/ppo_trl.json"))
}

impl Trl {
    fn kl(&self, estimator: KlEstimator) -> Rows {
        (0..self.scores.len())
            .map(|row| {
                (0..self.values[row].len())
                    .map(|t| {
                        let full = full_kl(
                            &self.full_log_probs[row][t],
                            &self.full_reference_log_probs[row][t],
                        );
                        let log_prob = self.old_log_probs[row][t];
                        estimator.estimate(log_prob, self.reference_log_probs[row][t], full)
                    })
                    .collect()
            })
            .collect()
    }

    fn rewards(&self, estimator: KlEstimator) -> Rows {
        let kl = self.kl(estimator);
        kl.iter()
            .zip(&self.scores)
            .map(|(kl, score)| token_rewards(kl, 0.2, *score))
            .collect()
    }

    /// Whitened advantages and returns.
    fn estimates(&self, estimator: KlEstimator) -> (Rows, Rows) {
        let estimates: Vec<AdvantageEstimate> = self
            .rewards(estimator)
            .iter()
            .zip(&self.values)
            .map(|(rewards, values)| estimate(rewards, values, 1.0, 0.95))
            .collect();
        let mut advantages: Rows = estimates.iter().map(|row| row.advantages.clone()).collect();
        whiten(&mut advantages, Variance::Unbiased, true);
        (
            advantages,
            estimates.into_iter().map(|row| row.returns).collect(),
        )
    }
}

#[test]
fn rewards_advantages_and_returns_equal_the_authors_trainer() {
    let trl = trl();
    for (name, estimator) in [
        ("kl", KlEstimator::K1),
        ("abs", KlEstimator::Abs),
        ("mse", KlEstimator::Mse),
        ("full", KlEstimator::Full),
    ] {
        let expected = &trl.penalties[name];
        rows_close(&trl.kl(estimator), &expected.kl, 1e-5);
        rows_close(&trl.rewards(estimator), &expected.rewards, 1e-5);
        let (advantages, returns) = trl.estimates(estimator);
        rows_close(&advantages, &expected.advantages, 1e-5);
        rows_close(&returns, &expected.returns, 1e-5);
    }
}

#[test]
fn score_shaping_and_adaptive_kl_equal_the_authors_trainer() {
    for case in trl().shaping {
        let config = ShapingConfig {
            scale: true,
            normalise: case.normalise,
            clip: case.clip,
        };
        let mut shaper = ScoreShaper::new(config);
        for (scores, shaped) in case.scores.iter().zip(&case.shaped) {
            close(&shaper.shape(scores), shaped, 1e-5);
        }
    }
    let mut control = KlControl::adaptive(0.2);
    for (measured, beta) in trl().adaptive_kl {
        control.update(measured, 8);
        assert!((control.beta() - beta).abs() < 1e-12);
    }
}

/// The fixture's old policy as logits, each position shifted, since a softmax does not mind; pads
/// hold `filler`.
fn logits(rows: &[Rows], filler: f32, dtype: DType) -> Tensor<3> {
    let (tokens, vocabulary) = (7, rows[0][0].len());
    let mut numbers = Vec::new();
    for row in rows {
        for (t, position) in row.iter().enumerate() {
            numbers.extend(position.iter().map(|x| x + t as f32 - 3.0));
        }
        numbers.extend(vec![filler; (tokens - row.len()) * vocabulary]);
    }
    let data = TensorData::new(numbers, [rows.len(), tokens, vocabulary]);
    Tensor::from_data(data, (&crate::device_support::device().autodiff(), dtype)).require_grad()
}

/// The actions of the fixture, found again by their log-probabilities.
fn actions(trl: &Trl) -> Vec<Vec<u32>> {
    let find = |position: &Vec<f32>, log_prob: &f32| {
        position
            .iter()
            .position(|x| (x - log_prob).abs() < 1e-6)
            .unwrap() as u32
    };
    trl.full_log_probs
        .iter()
        .zip(&trl.old_log_probs)
        .map(|(row, taken)| row.iter().zip(taken).map(|(p, x)| find(p, x)).collect())
        .collect()
}

#[test]
fn scores_equal_the_authors_trainer_and_the_softmax_s_own_graph() {
    let trl = trl();
    let actions = actions(&trl);
    let [pass, graph] = [(DType::F32, 55.0), (DType::F64, 0.0)].map(|(dtype, filler)| {
        let logits = logits(&trl.full_log_probs, filler, dtype);
        let scores = score(logits.clone(), &actions);
        rows_close(&scores.log_prob_rows, &trl.old_log_probs, 1e-5);
        let numbers: Vec<f32> = scores.log_probs.clone().into_data().iter().collect();
        let entropy: Vec<f32> = scores.entropy.into_data().iter().collect();
        for (row, length) in trl.values.iter().map(Vec::len).enumerate() {
            let at = row * 7;
            close(&numbers[at..][..length], &trl.old_log_probs[row], 1e-5);
            close(
                &entropy[at..][..length],
                &trl.objectives[0].entropy[row],
                1e-5,
            );
            assert!(
                numbers[at + length..][..7 - length]
                    .iter()
                    .all(|x| *x == 0.0)
            );
            assert!(
                entropy[at + length..][..7 - length]
                    .iter()
                    .all(|x| *x == 0.0)
            );
        }
        // Uneven weights, so that every position's gradient is its own.
        let weights = Tensor::<1, Int>::arange(0..28, &crate::device_support::device())
            .float()
            .reshape([4, 7]);
        let loss = (scores.log_probs * weights.cast(logits.dtype())).sum();
        let gradient = logits.grad(&loss.backward()).unwrap();
        gradient.into_data().iter().collect::<Vec<f32>>()
    });
    close(&pass, &graph, 1e-5);
    assert!(pass.iter().any(|x| *x != 0.0));
}

#[test]
fn scoring_without_gradient_and_empty_responses() {
    let trl = trl();
    let plain = logits(&trl.full_log_probs, f32::NAN, DType::F32).inner();
    let scores = score(plain.clone(), &actions(&trl));
    assert!(!scores.log_probs.is_tracked());
    rows_close(&scores.log_prob_rows, &trl.old_log_probs, 1e-5);
    let none = score(plain.autodiff().require_grad(), &vec![vec![]; 4]);
    assert_eq!(none.log_prob_rows, vec![Vec::<f32>::new(); 4]);
    let numbers: Vec<f32> = none.log_probs.into_data().iter().collect();
    assert!(numbers.iter().all(|x| *x == 0.0));
}

#[test]
fn the_full_divergence_is_the_same_from_logits() {
    let trl = trl();
    let [policy, reference] = [&trl.full_log_probs, &trl.full_reference_log_probs]
        .map(|rows| logits(rows, f32::NAN, DType::F32));
    let lengths: Vec<usize> = trl.values.iter().map(Vec::len).collect();
    let got = score::full_kl(policy.clone(), reference, &lengths);
    rows_close(&got, &trl.penalties["full"].kl, 1e-5);
    let zero = score::full_kl(policy.clone(), policy, &lengths);
    assert!(zero.iter().flatten().all(|x| x.abs() < 1e-6));
}

/// A minibatch and an evaluation with graphs, padded to `tokens` with `filler`.
struct Setting {
    minibatch: Minibatch,
    log_probs: Tensor<2>,
    values: Tensor<2>,
    entropy: Tensor<2>,
}

fn padded(rows: &[Vec<f32>], tokens: usize, filler: f32, device: &Device) -> Tensor<2> {
    let mut numbers = Vec::new();
    for row in rows {
        numbers.extend(row);
        numbers.extend(vec![filler; tokens - row.len()]);
    }
    Tensor::from_data(TensorData::new(numbers, [rows.len(), tokens]), device)
}

impl Setting {
    fn new(trl: &Trl, case: &TrlObjective, tokens: usize, filler: f32) -> Self {
        let device = crate::device_support::device().autodiff();
        let (advantages, returns) = trl.estimates(KlEstimator::K1);
        let rows: Vec<ResponseRow> = (0..advantages.len())
            .map(|row| ResponseRow {
                log_probs: &trl.old_log_probs[row],
                values: &trl.values[row],
                advantages: &advantages[row],
                returns: &returns[row],
            })
            .collect();
        Self {
            minibatch: Minibatch::new(&rows, tokens, &device),
            log_probs: padded(&case.log_probs, tokens, filler, &device).require_grad(),
            values: padded(&case.values, tokens, filler, &device).require_grad(),
            entropy: padded(&case.entropy, tokens, filler, &device),
        }
    }

    fn objective(&self, config: &ObjectiveConfig) -> Objective {
        let now = PolicyEvaluation {
            log_probs: self.log_probs.clone(),
            values: self.values.clone(),
            entropy: self.entropy.clone(),
            truncated_entropy: None,
        };
        objective(config, &self.minibatch, now)
    }

    /// Gradients of the loss at log-probabilities and values, pads included.
    fn gradients(&self, loss: &Tensor<1>, tokens: usize) -> [Rows; 2] {
        let grads = loss.backward();
        [&self.log_probs, &self.values].map(|tensor| {
            let numbers: Vec<f32> = tensor.grad(&grads).unwrap().into_data().iter().collect();
            numbers.chunks(tokens).map(<[f32]>::to_vec).collect()
        })
    }
}

fn figures(statistics: &ObjectiveStatistics) -> [f32; 10] {
    [
        statistics.policy_loss,
        statistics.value_loss,
        statistics.total_loss,
        statistics.entropy,
        statistics.approximate_kl,
        statistics.policy_kl,
        statistics.clip_fraction,
        statistics.value_error,
        statistics.value_clip_fraction,
        statistics.ratio_mean,
    ]
}

/// TRL's `vf_coef` of 0.1 with its ½ before the square.
fn as_trl() -> ObjectiveConfig {
    ObjectiveConfig {
        value_coefficient: 0.05,
        ..Default::default()
    }
}

#[test]
fn losses_statistics_and_gradients_equal_the_authors_trainer() {
    let trl = trl();
    for case in &trl.objectives {
        let setting = Setting::new(&trl, case, 6, 0.0);
        let Objective {
            loss,
            statistics,
            skip,
        } = setting.objective(&as_trl());
        assert!(!skip);
        close(
            &figures(&statistics),
            &[
                case.loss_policy,
                2.0 * case.loss_value,
                case.loss_total,
                case.policy_entropy,
                case.policy_approxkl,
                case.policy_policykl,
                case.policy_clipfrac,
                case.val_error,
                case.val_clipfrac,
                case.ratio_mean,
            ],
            1e-5,
        );
        let [log_probs, values] = setting.gradients(&loss, 6);
        for (got, expected) in log_probs.iter().zip(&case.log_probs_gradient) {
            close(&got[..expected.len()], expected, 1e-5);
        }
        for (got, expected) in values.iter().zip(&case.values_gradient) {
            close(&got[..expected.len()], expected, 1e-5);
        }
        let (_, returns) = trl.estimates(KlEstimator::K1);
        let of_returns = moments(&returns, Variance::Unbiased);
        close(
            &[of_returns.mean as f32, of_returns.variance as f32],
            &[case.returns_mean, case.returns_var],
            1e-5,
        );
    }
}

#[test]
fn the_papers_value_loss_has_no_half() {
    let trl = trl();
    let setting = Setting::new(&trl, &trl.objectives[1], 6, 0.0);
    let statistics = setting.objective(&ObjectiveConfig::default()).statistics;
    let expected = statistics.policy_loss + 0.1 * statistics.value_loss;
    close(&[statistics.total_loss], &[expected], 1e-6);
    let unclipped = ObjectiveConfig {
        value_clip_range: None,
        ..Default::default()
    };
    let statistics = setting.objective(&unclipped).statistics;
    assert_eq!(statistics.value_loss, statistics.value_error);
    assert_eq!(statistics.value_clip_fraction, 0.0);
}

#[test]
fn the_first_epoch_has_ratio_one() {
    let trl = trl();
    let setting = Setting::new(&trl, &trl.objectives[0], 6, 0.0);
    let statistics = setting.objective(&ObjectiveConfig::default()).statistics;
    assert!(statistics.log_ratio_max < 1e-4);
    assert!((statistics.ratio_max - 1.0).abs() < 1e-3);
    assert_eq!(statistics.clip_fraction, 0.0);
}

#[test]
fn pads_and_their_number_change_nothing() {
    let trl = trl();
    for case in &trl.objectives {
        let plain = Setting::new(&trl, case, 6, 0.0);
        let expected = plain.objective(&as_trl());
        let [expected_log_probs, expected_values] = plain.gradients(&expected.loss, 6);
        // Columns of pads change the order of summation, hence the last digit.
        for (tokens, filler, tolerance) in [
            (6, 77.0, 0.0),
            (9, -3.5, 1e-6),
            (11, f32::NEG_INFINITY, 1e-6),
            (6, f32::NAN, 0.0),
        ] {
            let setting = Setting::new(&trl, case, tokens, filler);
            let got = setting.objective(&as_trl());
            close(
                &figures(&got.statistics),
                &figures(&expected.statistics),
                tolerance,
            );
            let [log_probs, values] = setting.gradients(&got.loss, tokens);
            for (got, expected) in log_probs
                .iter()
                .chain(&values)
                .zip(expected_log_probs.iter().chain(&expected_values))
            {
                close(&got[..6], expected, tolerance);
                assert!(got[6..].iter().all(|x| *x == 0.0));
            }
        }
    }
}

fn simple(rows: &[&[f32]], log_prob: f32) -> (Setting, usize) {
    let device = crate::device_support::device().autodiff();
    let tokens = 2;
    let rows: Vec<ResponseRow> = rows
        .iter()
        .map(|row| ResponseRow {
            log_probs: row,
            values: row,
            advantages: row,
            returns: row,
        })
        .collect();
    let tensor = Tensor::full([rows.len(), tokens], log_prob, &device);
    let setting = Setting {
        minibatch: Minibatch::new(&rows, tokens, &device),
        log_probs: tensor.clone().require_grad(),
        values: tensor.clone().require_grad(),
        entropy: tensor,
    };
    (setting, tokens)
}

#[test]
fn masks_of_none_and_one_give_no_nan() {
    let (setting, tokens) = simple(&[&[], &[]], -2.0);
    let got = setting.objective(&ObjectiveConfig::default());
    assert_eq!(got.statistics, Default::default());
    for gradient in setting.gradients(&got.loss, tokens) {
        assert!(gradient.iter().flatten().all(|x| *x == 0.0));
    }
    let (setting, tokens) = simple(&[&[], &[-1.0]], -1.5);
    let got = setting.objective(&ObjectiveConfig::default());
    assert!(got.statistics.total_loss.is_finite());
    assert_eq!(got.statistics.ratio_mean, got.statistics.ratio_max);
    let [log_probs, _] = setting.gradients(&got.loss, tokens);
    assert!(log_probs[1][0] != 0.0 && log_probs[0] == [0.0, 0.0] && log_probs[1][1] == 0.0);
}

#[test]
fn a_ratio_past_the_threshold_asks_to_skip() {
    let (setting, _) = simple(&[&[-4.0, -4.0]], -1.0);
    let got = setting.objective(&ObjectiveConfig::default());
    assert!(got.skip && got.statistics.ratio_mean > 20.0);
    let lenient = ObjectiveConfig {
        ratio_threshold: 30.0,
        ..Default::default()
    };
    assert!(!setting.objective(&lenient).skip);
}
