//! The distribution functions that tests and intervals need, on `statrs`.
//!
//! Relative errors stay below 1e-10 up to 30 000 trials. The normal distribution function uses the
//! incomplete gamma function, since statrs' error function is exact to 1e-10 only. Must not know what they
//! are used for.

use std::f64::consts::SQRT_2;

use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma;

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    match x > 0.0 {
        true => gamma::ln_gamma(x),
        false => f64::NAN,
    }
}

/// Probability of exactly `k` successes in `n` trials of probability `p`.
pub fn binomial_pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    if p <= 0.0 || p >= 1.0 {
        let certain = if p <= 0.0 { 0 } else { n };
        return if k == certain { 1.0 } else { 0.0 };
    }
    let (k, n) = (k as f64, n as f64);
    let ways = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

/// Probability of at most `k` successes in `n` trials of probability `p`.
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_cdf((n - k) as f64, k as f64 + 1.0, 1.0 - p)
}

/// The regularized incomplete beta function: the distribution function of Beta(a, b) at `x`. Not a number
/// unless a and b are positive.
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    checked_beta_reg(a, b, x.clamp(0.0, 1.0)).unwrap_or(f64::NAN)
}

/// The `share` quantile of Beta(a, b).
pub fn beta_quantile(a: f64, b: f64, share: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(a, b, x) < share)
}

/// The distribution function of the standard normal at `z`.
pub fn normal_cdf(z: f64) -> f64 {
    // Q(1/2, z²/2) = erfc(|z| / √2), which has no value at 0 there.
    let tails = gamma::checked_gamma_ur(0.5, z * z / 2.0).unwrap_or(1.0);
    if z > 0.0 {
        1.0 - 0.5 * tails
    } else {
        0.5 * tails
    }
}

/// The `share` quantile of the standard normal; infinite at 0 and 1.
pub fn normal_quantile(share: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * share)
}

/// Where `is_below` turns from true to false between `low` and `high`, to the last bit.
pub fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}
