//! The few distribution functions that tests and intervals need, to about 1e-13.
//!
//! Gamma by Stirling's series, beta and normal by series and continued fractions, quantiles by
//! bisection. Must not know what they are used for.

/// Coefficients of Stirling's series, B(2k) / (2k (2k - 1)).
const STIRLING: [f64; 7] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
];
/// From here on the series is exact to the last bit.
const STIRLING_FROM: f64 = 15.0;
const ROUNDS: usize = 500;
const TINY: f64 = 1e-300;

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let mut shifted = x;
    let mut product = 1.0;
    while shifted < STIRLING_FROM {
        product *= shifted;
        shifted += 1.0;
    }
    let inverse = 1.0 / shifted;
    let square = inverse * inverse;
    let series = STIRLING.iter().rev().fold(0.0, |sum, c| sum * square + c) * inverse;
    let half_ln_tau = 0.5 * std::f64::consts::TAU.ln();
    (shifted - 0.5) * shifted.ln() - shifted + half_ln_tau + series - product.ln()
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

/// The regularized incomplete beta function: the distribution function of Beta(a, b) at `x`.
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    // The fraction converges fast below the mean; above it the other tail is taken.
    if x < (a + 1.0) / (a + b + 2.0) {
        front.exp() * beta_fraction(a, b, x) / a
    } else {
        1.0 - front.exp() * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// Continued fraction of the incomplete beta function, evaluated from the front.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let terms = (1..ROUNDS * 20).map(|step| {
        let m = (step / 2) as f64;
        if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    });
    let mut above = 1.0;
    let mut below = 0.0;
    let mut value = 1.0;
    for term in terms {
        below = 1.0 / away_from_zero(1.0 + term * below);
        above = away_from_zero(1.0 + term / above);
        let factor = above * below;
        value *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    1.0 / value
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < TINY { TINY } else { value }
}

/// The `share` quantile of Beta(a, b).
pub fn beta_quantile(a: f64, b: f64, share: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_cdf(a, b, x) < share)
}

/// The distribution function of the standard normal at `z`.
pub fn normal_cdf(z: f64) -> f64 {
    let tail = 0.5 * erfc(z.abs() / std::f64::consts::SQRT_2);
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The `share` quantile of the standard normal; infinite at 0 and 1.
pub fn normal_quantile(share: f64) -> f64 {
    if share <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if share >= 1.0 {
        return f64::INFINITY;
    }
    if share == 0.5 {
        return 0.0;
    }
    if share > 0.5 {
        return -normal_quantile(1.0 - share);
    }
    bisect(-40.0, 0.0, |z| normal_cdf(z) < share)
}

/// 2/√π ∫ exp(-t²) from x ≥ 0 to infinity.
fn erfc(x: f64) -> f64 {
    let square = x * x;
    if square < 2.0 {
        // erf(x) = 2/√π exp(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1))
        let mut term = x;
        let mut sum = x;
        for n in 1..ROUNDS {
            term *= 2.0 * square / (2 * n + 1) as f64;
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return 1.0 - sum * (-square).exp() * std::f64::consts::FRAC_2_SQRT_PI;
    }
    // x + (1/2)/(x + 1/(x + (3/2)/(x + …))), from the back
    let fraction = (1..=200)
        .rev()
        .fold(x, |below, n| x + 0.5 * f64::from(n) / below);
    (-square).exp() * 0.5 * std::f64::consts::FRAC_2_SQRT_PI / fraction
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
