//! Whether a preference can be due to chance: the exact sign test, and confidence intervals of a share.
//!
//! Knows counts only.

use serde::{Deserialize, Serialize};

use super::special::{beta_quantile, binomial_cdf, normal_quantile};
use super::{Figure, Undefined};

/// A share with its confidence interval, as fractions of 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub count: u64,
    pub of: u64,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Two-sided p of the exact binomial sign test: the probability of a split at least as uneven as this one
/// if both sides are equally good. Ties are left out.
///
/// # Errors
/// [`Undefined::NoData`] without wins and losses.
pub fn sign_test(wins: u64, losses: u64) -> Figure {
    let n = wins + losses;
    if n == 0 {
        return Err(Undefined::NoData);
    }
    Ok((2.0 * binomial_cdf(wins.min(losses), n, 0.5)).min(1.0))
}

/// Wilson's score interval of a share at the given confidence, such as 0.95.
///
/// # Errors
/// [`Undefined::NoData`] without trials, [`Undefined::Mismatch`] where `count` exceeds `of`.
pub fn wilson(count: u64, of: u64, confidence: f64) -> Result<Share, Undefined> {
    let share = fraction(count, of)?;
    let z = normal_quantile(0.5 + confidence / 2.0);
    let n = of as f64;
    let square = z * z / n;
    let middle = (share + square / 2.0) / (1.0 + square);
    let half = (share * (1.0 - share) / n + square / (4.0 * n)).sqrt() * z / (1.0 + square);
    Ok(Share {
        count,
        of,
        value: share,
        low: if count == 0 { 0.0 } else { middle - half },
        high: if count == of { 1.0 } else { middle + half },
    })
}

/// The exact interval of Clopper and Pearson at the given confidence.
pub fn clopper_pearson(count: u64, of: u64, confidence: f64) -> Result<Share, Undefined> {
    let value = fraction(count, of)?;
    let tail = (1.0 - confidence) / 2.0;
    let (won, lost) = (count as f64, (of - count) as f64);
    let low = match count {
        0 => 0.0,
        _ => beta_quantile(won, lost + 1.0, tail),
    };
    let high = match of - count {
        0 => 1.0,
        _ => beta_quantile(won + 1.0, lost, 1.0 - tail),
    };
    Ok(Share {
        count,
        of,
        value,
        low,
        high,
    })
}

fn fraction(count: u64, of: u64) -> Figure {
    match of {
        0 => Err(Undefined::NoData),
        _ if count > of => Err(Undefined::Mismatch),
        _ => Ok(count as f64 / of as f64),
    }
}
