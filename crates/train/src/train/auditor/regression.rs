//! Multinomial logistic regression with an L2 penalty, as scikit-learn's `LogisticRegression` defines it:
//! `C Σ_i -log p(y_i | x_i) + ½ ‖W‖²`, the intercepts without penalty.
//!
//! Minimised by Newton's method, each step by conjugate gradients (scikit-learn's `newton-cg`): the Hessian is never
//! formed.

use super::tfidf::SparseRow;
use crate::data::EmpathyLevel;

const CLASSES: usize = EmpathyLevel::ALL.len();
type Scores = [f64; CLASSES];

/// Labelled rows to learn from.
pub struct Examples<'a> {
    pub rows: &'a [SparseRow],
    /// The class of each row, from 0 to 2.
    pub classes: &'a [usize],
    /// Features are numbered below this.
    pub features: usize,
}

/// A trained regression.
pub struct Regression {
    /// Of each feature, then the intercepts; -∞ at the intercept of a class without examples.
    weights: Vec<Scores>,
}

const MOST_STEPS: usize = 100;
const MOST_DIRECTIONS: usize = 200;

impl Regression {
    /// Learns until no component of the gradient is above `tolerance`. A class without examples is never predicted.
    pub fn fit(examples: &Examples<'_>, c: f64, tolerance: f64) -> Self {
        let mut weights = vec![[0.0; CLASSES]; examples.features + 1];
        for (class, score) in weights[examples.features].iter_mut().enumerate() {
            if !examples.classes.contains(&class) {
                *score = f64::NEG_INFINITY;
            }
        }
        let mut state = State::at(examples, c, weights);
        for _ in 0..MOST_STEPS {
            if largest(&state.gradient) <= tolerance {
                break;
            }
            let direction = state.newton_direction(examples, c);
            let Some(next) = state.step_along(examples, c, &direction) else {
                break;
            };
            state = next;
        }
        Regression {
            weights: state.weights,
        }
    }

    /// Probabilities of the classes.
    pub fn probabilities(&self, row: &SparseRow) -> Scores {
        softmax(scores(&self.weights, row)).0
    }

    /// Weights of each feature by class, the last of them the intercepts.
    #[cfg(test)]
    pub fn weights(&self) -> &[Scores] {
        &self.weights
    }
}

/// The objective at some weights.
struct State {
    weights: Vec<Scores>,
    loss: f64,
    gradient: Vec<Scores>,
    /// Of each row.
    probabilities: Vec<Scores>,
}

impl State {
    fn at(examples: &Examples<'_>, c: f64, weights: Vec<Scores>) -> State {
        let features = examples.features;
        let mut gradient = weights.clone();
        gradient[features] = [0.0; CLASSES];
        let penalty: f64 = weights[..features].iter().flatten().map(|w| w * w).sum();
        let mut loss = penalty / 2.0;
        let mut probabilities = Vec::with_capacity(examples.rows.len());
        for (row, class) in examples.rows.iter().zip(examples.classes) {
            let all = scores(&weights, row);
            let (found, log_total) = softmax(all);
            loss += c * (log_total - all[*class]);
            let mut residual = found.map(|p| c * p);
            residual[*class] -= c;
            add(&mut gradient, row, residual);
            probabilities.push(found);
        }
        State {
            weights,
            loss,
            gradient,
            probabilities,
        }
    }

    /// The Hessian times `v`.
    fn hessian_times(&self, examples: &Examples<'_>, c: f64, v: &[Scores]) -> Vec<Scores> {
        let mut product = v.to_vec();
        product[examples.features] = [0.0; CLASSES];
        for (row, p) in examples.rows.iter().zip(&self.probabilities) {
            let z = scores(v, row);
            let mean: f64 = p.iter().zip(&z).map(|(p, z)| p * z).sum();
            let moved = std::array::from_fn(|class| c * p[class] * (z[class] - mean));
            add(&mut product, row, moved);
        }
        product
    }

    /// Solves `H d = -g` by conjugate gradients, the closer to the optimum the more exactly.
    fn newton_direction(&self, examples: &Examples<'_>, c: f64) -> Vec<Scores> {
        let mut direction = vec![[0.0; CLASSES]; self.weights.len()];
        let mut residual: Vec<Scores> = self.gradient.iter().map(|g| g.map(|g| -g)).collect();
        let mut search = residual.clone();
        let mut square = dot(&residual, &residual);
        let norm = square.sqrt();
        let goal = norm * norm.sqrt().min(0.1);
        for _ in 0..MOST_DIRECTIONS {
            if square.sqrt() <= goal {
                break;
            }
            let product = self.hessian_times(examples, c, &search);
            let curvature = dot(&search, &product);
            if curvature <= 0.0 {
                break;
            }
            let length = square / curvature;
            add_scaled(&mut direction, &search, length);
            add_scaled(&mut residual, &product, -length);
            let before = std::mem::replace(&mut square, dot(&residual, &residual));
            for (search, residual) in search.iter_mut().flatten().zip(residual.iter().flatten()) {
                *search = residual + square / before * *search;
            }
        }
        direction
    }

    /// Halves the step until the loss falls enough (Armijo); None where rounding lets it fall no further.
    fn step_along(&self, examples: &Examples<'_>, c: f64, direction: &[Scores]) -> Option<State> {
        let slope = dot(&self.gradient, direction);
        let lengths = std::iter::successors(Some(1.0), |length| Some(length / 2.0));
        let tried = lengths.take(30).map(|length| {
            let mut weights = self.weights.clone();
            add_scaled(&mut weights, direction, length);
            (length, State::at(examples, c, weights))
        });
        let mut falls = tried.filter(|(length, next)| {
            // Near the optimum the loss no longer tells two states apart, but the gradient does.
            let flat = 1e-12 * self.loss.abs();
            next.loss <= self.loss + 1e-4 * length * slope
                || (next.loss <= self.loss + flat
                    && largest(&next.gradient) < largest(&self.gradient))
        });
        falls.next().map(|(_, next)| next)
    }
}

/// `W x + b`.
fn scores(weights: &[Scores], row: &SparseRow) -> Scores {
    let mut scores = weights[weights.len() - 1];
    for (feature, x) in row {
        for (score, weight) in scores.iter_mut().zip(&weights[*feature]) {
            *score += weight * x;
        }
    }
    scores
}

/// Adds `scale xᵀ` of a row, and `scale` to the intercepts.
fn add(sum: &mut [Scores], row: &SparseRow, scale: Scores) {
    let last = sum.len() - 1;
    for (feature, x) in row.iter().chain(&[(last, 1.0)]) {
        for (sum, scale) in sum[*feature].iter_mut().zip(&scale) {
            *sum += scale * x;
        }
    }
}

/// Probabilities, and the logarithm of what they were divided by.
fn softmax(scores: Scores) -> (Scores, f64) {
    let largest = scores.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let exponents = scores.map(|score| (score - largest).exp());
    let total: f64 = exponents.iter().sum();
    (exponents.map(|e| e / total), largest + total.ln())
}

fn dot(a: &[Scores], b: &[Scores]) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| a * b).sum()
}

fn add_scaled(sum: &mut [Scores], of: &[Scores], scale: f64) {
    for (sum, of) in sum.iter_mut().flatten().zip(of.iter().flatten()) {
        *sum += scale * of;
    }
}

fn largest(values: &[Scores]) -> f64 {
    let sizes = values.iter().flatten().map(|value| value.abs());
    sizes.fold(0.0, f64::max)
}
