//! Strengths of several systems from who won against whom (Bradley and Terry), and their Elo form.
//!
//! Knows counts of wins only; a tie is half a win of each, which the caller adds.

use serde::Serialize;

use super::Undefined;

/// The centre of the Elo scale.
pub const ELO_CENTRE: f64 = 1000.0;
/// Wins added to both sides of every compared pair, where a system is undefeated.
pub const PRIOR_WINS: f64 = 0.5;
const MAX_ITERATIONS: usize = 200;

/// Strengths of systems, in their order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Strengths {
    /// Natural-log strengths, of sum 0: i beats j with probability 1 / (1 + exp(θj - θi)).
    pub theta: Vec<f64>,
    /// 1000 + 400 θ / ln 10.
    pub elo: Vec<f64>,
    /// Wins added to both sides of every compared pair; 0 where none were needed.
    pub prior: f64,
}

/// Maximum-likelihood strengths; `wins[i][j]` is how often i won against j, ties as halves.
///
/// # Errors
/// Fewer than two systems or no comparison; a table that is not square or not of finite counts; systems
/// that were not compared; or, without a prior, an undefeated system.
pub fn bradley_terry(wins: &[Vec<f64>], prior: f64) -> Result<Strengths, Undefined> {
    let n = wins.len();
    let is_valid = |count: &f64| count.is_finite() && *count >= 0.0;
    if wins
        .iter()
        .any(|row| row.len() != n || !row.iter().all(is_valid))
    {
        return Err(Undefined::Mismatch);
    }
    if n < 2 || wins.iter().flatten().all(|count| *count == 0.0) {
        return Err(Undefined::NoData);
    }
    let compared = |i: usize, j: usize| i != j && wins[i][j] + wins[j][i] > 0.0;
    if !all_reach_all(n, compared) {
        return Err(Undefined::NotCompared);
    }
    let with_prior = |i: usize, j: usize| match compared(i, j) {
        true => wins[i][j] + prior,
        false => 0.0,
    };
    let wins: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| with_prior(i, j)).collect())
        .collect();
    if !all_reach_all(n, |i, j| wins[i][j] > 0.0) {
        return Err(Undefined::Undefeated);
    }
    let theta = maximize(&wins).ok_or(Undefined::NoConvergence)?;
    let elo = theta
        .iter()
        .map(|theta| ELO_CENTRE + 400.0 * theta / std::f64::consts::LN_10)
        .collect();
    Ok(Strengths { theta, elo, prior })
}

/// As [`bradley_terry`], without a prior if that has a value, else with [`PRIOR_WINS`];
/// [`Strengths::prior`] says which.
///
/// # Errors
/// As [`bradley_terry`], except for undefeated systems.
pub fn bradley_terry_or_prior(wins: &[Vec<f64>]) -> Result<Strengths, Undefined> {
    match bradley_terry(wins, 0.0) {
        Err(Undefined::Undefeated) => bradley_terry(wins, PRIOR_WINS),
        strengths => strengths,
    }
}

/// Whether every node reaches every other along the arrows.
fn all_reach_all(n: usize, arrow: impl Fn(usize, usize) -> bool) -> bool {
    let reached_from_first = |arrow: &dyn Fn(usize, usize) -> bool| {
        let mut seen = vec![false; n];
        let mut open = vec![0];
        seen[0] = true;
        while let Some(node) = open.pop() {
            for next in (0..n).filter(|next| arrow(node, *next)) {
                if !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            }
        }
        seen.into_iter().all(|seen| seen)
    };
    reached_from_first(&arrow) && reached_from_first(&|from, to| arrow(to, from))
}

/// Newton's method on the concave log-likelihood, steps halved until it rises.
fn maximize(wins: &[Vec<f64>]) -> Option<Vec<f64>> {
    let n = wins.len();
    let mut theta = vec![0.0; n];
    let mut likelihood = log_likelihood(wins, &theta);
    for _ in 0..MAX_ITERATIONS {
        let step = newton_step(wins, &theta)?;
        let size = step.iter().fold(0.0, |size: f64, s| size.max(s.abs()));
        if size < 1e-13 {
            return Some(theta);
        }
        let mut scale = 1.0;
        loop {
            let tried: Vec<f64> = theta
                .iter()
                .zip(&step)
                .map(|(t, s)| t + scale * s)
                .collect();
            let value = log_likelihood(wins, &tried);
            // Near the top the likelihood is flat to the last bit, and the full step is right.
            if value >= likelihood || size * scale < 1e-7 {
                (theta, likelihood) = (tried, value);
                break;
            }
            scale /= 2.0;
        }
    }
    None
}

fn log_likelihood(wins: &[Vec<f64>], theta: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (i, row) in wins.iter().enumerate() {
        for (j, count) in row.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            sum -= count * ln_1p_exp(theta[j] - theta[i]);
        }
    }
    sum
}

/// ln(1 + exp(x)) without overflow.
fn ln_1p_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Solves (−H + 11ᵀ) step = gradient; the added ones keep the sum of strengths at 0.
fn newton_step(wins: &[Vec<f64>], theta: &[f64]) -> Option<Vec<f64>> {
    let n = wins.len();
    let mut system = vec![vec![1.0; n + 1]; n];
    for i in 0..n {
        system[i][n] = 0.0;
        for j in (0..n).filter(|j| *j != i) {
            let games = wins[i][j] + wins[j][i];
            let p = 1.0 / (1.0 + (theta[j] - theta[i]).exp());
            let curvature = games * p * (1.0 - p);
            system[i][n] += wins[i][j] - games * p;
            system[i][i] += curvature;
            system[i][j] -= curvature;
        }
    }
    solve(system)
}

/// Gauss's elimination with pivots; the last column is the right-hand side.
fn solve(mut system: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = system.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| {
            system[*a][column]
                .abs()
                .total_cmp(&system[*b][column].abs())
        })?;
        system.swap(column, pivot);
        let head = system[column].clone();
        if head[column] == 0.0 || !head[column].is_finite() {
            return None;
        }
        for (at, row) in system.iter_mut().enumerate() {
            if at != column {
                let factor = row[column] / head[column];
                row.iter_mut()
                    .zip(&head)
                    .for_each(|(x, h)| *x -= factor * h);
            }
        }
    }
    Some((0..n).map(|i| system[i][n] / system[i][i]).collect())
}
