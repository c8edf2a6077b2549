//! Self-checks before the first update of a policy, on its own first rollout: decoding and scoring agree, the
//! ratio is 1, pads change nothing, an untrained policy equals its reference, and gradients reach the trained
//! parameters and no others.
//!
//! Changes nothing and draws nothing, so the checks do not affect the run.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::rollout::{
    PolicyEvaluation, PolicyOutput, Rollout, Scored, against_reference, forward, forward_rows,
};
use crate::experiment::Tuning;
use crate::nn::is_in_bf16;
use crate::train::policy::Policy;
use crate::train::tensors::{floats, scalar, to_rows};
use crate::train::{CheckError, TrainError};

/// Responses used by the costlier checks.
const ROWS: usize = 4;
/// Columns of padding that a longer row adds to contexts and responses.
const EXTRA: usize = 3;

/// What is checked.
pub struct Subject<'a> {
    /// With autodiff, as it is about to be trained.
    pub policy: &'a Policy,
    pub tuning: Tuning,
    pub reference: &'a Policy,
    /// Sampled from `policy`.
    pub rollout: &'a Rollout,
    /// Whether the policy is still equal to the reference; false in a resumed run.
    pub untouched: bool,
    /// The stage's own objective.
    pub loss: &'a dyn Fn(&Old, PolicyEvaluation) -> Tensor<1>,
}

/// The largest differences that count as rounding.
struct Tolerance {
    log_prob: f32,
    /// Of norms of gradients, relative.
    gradient: f64,
}

impl Tolerance {
    /// Of a policy with weights in bf16 every product rounds its input, so that a difference in the last place of an f32
    /// may become one of 2^-9.
    fn of(policy: &Policy) -> Self {
        match is_in_bf16(&policy.model) {
            false => Tolerance {
                log_prob: 1e-3,
                gradient: 1e-3,
            },
            true => Tolerance {
                log_prob: 0.1,
                gradient: 0.1,
            },
        }
    }
}

/// Runs every check; returns the results in a sentence.
///
/// # Errors
/// The first check that fails.
pub fn check(subject: &Subject<'_>) -> Result<String, TrainError> {
    let Subject {
        policy,
        rollout,
        loss,
        ..
    } = subject;
    let all = rollout.generated.len();
    let part = 0..all.min(ROWS);
    let whole = forward(&policy.valid(), rollout, 0..all, None);
    let tolerance = Tolerance::of(policy);
    let decoding = check_decoding(rollout, &whole.log_probs, tolerance.log_prob)?;

    // The old pass is over the whole batch, the new one over a part of it, so that widths differ.
    let now = forward(policy, rollout, part.clone(), None);
    let mut values = to_rows(whole.evaluation.values, rollout.lengths());
    values.truncate(part.len());
    let old = Old::new(&whole.log_probs[part.clone()], values);
    let logits = now.logits;
    let log_probs = now.log_probs;
    let clean = loss(&old, now.evaluation);
    let ratio = largest_difference(&log_probs, &old.log_probs);
    if !within(ratio, tolerance.log_prob) {
        return Err(CheckError::Ratio { largest: ratio }.into());
    }

    let kl = match subject.untouched {
        true => Some(check_kl(subject, &log_probs, logits, tolerance.log_prob)?),
        false => None,
    };
    let padded = forward_padded(policy, rollout, part.len());
    let pads = largest_difference(&log_probs, &padded.log_probs);
    let padded = loss(&old, padded.evaluation);
    let losses = [&clean, &padded].map(|loss| scalar(loss.clone().inner()));
    let losses = (losses[0] - losses[1]).abs();
    check_pads("log-probabilities", pads.into(), tolerance.log_prob.into())?;
    check_pads("loss", losses, tolerance.log_prob.into())?;
    let clean = gradients(policy, subject.tuning, clean)?;
    let padded = gradients(policy, subject.tuning, padded)?;
    let apart = (clean.norm - padded.norm).abs() / clean.norm;
    check_pads("gradient norm", apart, tolerance.gradient)?;

    let kl = match kl {
        Some(kl) => format!("KL of the untouched policy 0 (off by {kl:.1e})"),
        None => "KL not checked, since the policy has moved".to_string(),
    };
    Ok(format!(
        "Self-checks passed: decoding and scoring agree (off by {decoding:.1e}); ratio 1 before the first \
         update (off by {ratio:.1e}); pads change nothing (log-probabilities off by {pads:.1e}, gradients \
         by {apart:.1e}); {kl}; gradients reach all {} trained tensors and none of the {} frozen ones",
        clean.trained, clean.frozen
    ))
}

/// Token-by-token decoding and teacher forcing must agree, or the ratio is meaningless. Returns the largest
/// difference of a log-probability.
///
/// # Errors
/// They differ by more than rounding.
fn check_decoding(
    rollout: &Rollout,
    log_probs: &[Vec<f32>],
    tolerance: f32,
) -> Result<f32, TrainError> {
    let sampled: Vec<&[f32]> = rollout
        .generated
        .iter()
        .map(|row| row.log_probs.as_slice())
        .collect();
    let largest = largest_difference(&sampled, log_probs);
    if within(largest, tolerance) {
        return Ok(largest);
    }
    Err(TrainError::RolloutDisagrees { largest, tolerance })
}

/// Also refuses NaN.
fn within(difference: f32, tolerance: f32) -> bool {
    difference <= tolerance
}

/// Infinite where a difference is NaN.
fn largest_difference<A: AsRef<[f32]>, B: AsRef<[f32]>>(a: &[A], b: &[B]) -> f32 {
    let pairs = a.iter().zip(b);
    pairs
        .flat_map(|(a, b)| a.as_ref().iter().zip(b.as_ref()))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |largest: f32, difference| {
            if difference.is_nan() {
                f32::INFINITY
            } else {
                largest.max(difference)
            }
        })
}

fn check_pads(what: &'static str, largest: f64, tolerance: f64) -> Result<(), CheckError> {
    if largest <= tolerance {
        Ok(())
    } else {
        Err(CheckError::Pads { what, largest })
    }
}

/// The old policy's side of the objective, a number for each token of each response. Advantages alternate between 1
/// and -½.
pub struct Old {
    pub log_probs: Vec<Vec<f32>>,
    pub values: Vec<Vec<f32>>,
    pub advantages: Vec<Vec<f32>>,
    pub returns: Vec<Vec<f32>>,
}

impl Old {
    fn new(log_probs: &[Vec<f32>], values: Vec<Vec<f32>>) -> Self {
        let advantages: Vec<Vec<f32>> = log_probs
            .iter()
            .map(|row| {
                let signs = [1.0, -0.5].into_iter().cycle();
                signs.take(row.len()).collect()
            })
            .collect();
        let returns = advantages
            .iter()
            .zip(&values)
            .map(|(advantages, values)| advantages.iter().zip(values).map(|(a, v)| a + v).collect())
            .collect();
        Old {
            log_probs: log_probs.to_vec(),
            values,
            advantages,
            returns,
        }
    }
}

/// The KL of an untouched policy to its reference must be 0. Returns the largest at a token.
fn check_kl(
    subject: &Subject<'_>,
    log_probs: &[Vec<f32>],
    logits: Tensor<3>,
    tolerance: f32,
) -> Result<f32, TrainError> {
    let rows = log_probs.len();
    let rollout = Rollout {
        contexts: subject.rollout.contexts[..rows].to_vec(),
        generated: subject.rollout.generated[..rows].to_vec(),
        responses: subject.rollout.responses[..rows].to_vec(),
    };
    let (against, _) = against_reference(subject.reference, &rollout, logits, None);
    let zeros: Vec<Vec<f32>> = log_probs.iter().map(|row| vec![0.0; row.len()]).collect();
    let full = largest_difference(&against.full_kl, &zeros);
    let k1 = largest_difference(log_probs, &against.reference_log_probs);
    let largest = full.max(k1);
    if within(largest, tolerance) {
        Ok(largest)
    } else {
        Err(CheckError::Kl { largest }.into())
    }
}

/// A forward pass on the first `rows` responses beside a row of junk that is longer than all of them, so that contexts
/// and responses have more padding than they need.
fn forward_padded(policy: &Policy, rollout: &Rollout, rows: usize) -> PolicyOutput {
    let vocabulary = policy.model.shape().vocab_size;
    let (mut contexts, mut responses) = rollout.tokens(0..rows);
    let longer = |rows: &[&[u32]]| -> Vec<u32> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let id = |column: usize| (7919 * (column + 1) % vocabulary) as u32;
        (0..longest + EXTRA).map(id).collect()
    };
    let (context, response) = (longer(&contexts), longer(&responses));
    contexts.push(&context);
    responses.push(&response);
    let PolicyOutput {
        evaluation,
        mut log_probs,
        logits,
        ..
    } = forward_rows(policy, &contexts, &responses, Scored::Tempered(1.0));
    log_probs.truncate(rows);
    let first = |numbers: Tensor<2>| numbers.narrow(0, 0, rows);
    PolicyOutput {
        evaluation: PolicyEvaluation {
            log_probs: first(evaluation.log_probs),
            values: first(evaluation.values),
            entropy: first(evaluation.entropy),
            truncated_entropy: None,
        },
        log_probs,
        logits: logits.narrow(0, 0, rows),
        full: None,
    }
}

/// Parameters that a loss's gradients reached.
struct Reached {
    trained: usize,
    frozen: usize,
    norm: f64,
}

/// Backpropagates a loss and checks every parameter of the policy.
fn gradients(policy: &Policy, tuning: Tuning, loss: Tensor<1>) -> Result<Reached, CheckError> {
    let gradients = GradientsParams::from_grads(loss.backward(), policy);
    let mut parameters = Parameters {
        gradients: &gradients,
        path: Vec::new(),
        found: Vec::new(),
    };
    policy.visit(&mut parameters);
    let (mut trained, mut frozen, mut norm) = (0, 0, 0.0);
    for (part, belongs) in [
        ("model", tuning.trains_model()),
        ("adapter", tuning.has_adapter()),
        ("value_head", true),
    ] {
        let (mut squares, mut any) = (0.0, false);
        for (path, gradient) in &parameters.found {
            if path.split('.').next() != Some(part) {
                continue;
            }
            any = true;
            let parameter = path.clone();
            match (belongs, gradient) {
                (true, None) => return Err(CheckError::NoGradient { parameter }),
                (false, Some(_)) => return Err(CheckError::StrayGradient { parameter }),
                (true, Some(square)) => {
                    trained += 1;
                    squares += square;
                }
                (false, None) => frozen += 1,
            }
        }
        if belongs && any && !(squares.is_finite() && squares > 0.0) {
            return Err(CheckError::Gradient {
                part: part.to_string(),
                norm: squares.sqrt(),
            });
        }
        norm += squares;
    }
    Ok(Reached {
        trained,
        frozen,
        norm: norm.sqrt(),
    })
}

/// Every parameter by its path, with the square of its gradient's norm where it has one.
struct Parameters<'a> {
    gradients: &'a GradientsParams,
    path: Vec<String>,
    found: Vec<(String, Option<f64>)>,
}

impl ModuleVisitor for Parameters<'_> {
    crate::nn::track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.get::<D>(param.id).map(|gradient| {
            let square = gradient.square().sum();
            floats(square).into_iter().map(f64::from).sum()
        });
        self.found.push((self.path.join("."), gradient));
    }
}

#[cfg(test)]
mod tests;
