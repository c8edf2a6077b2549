//! What a study of a given size can show. The test is the exact two-sided sign test at 5 %.

use serde::Serialize;

use super::significance::sign_test;
use super::special::{binomial_cdf, binomial_pmf, bisect, normal_quantile};

/// The significance level.
const ALPHA: f64 = 0.05;
const TARGET_POWER: f64 = 0.8;

/// A split of decided items and its sign test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Split {
    pub wins: u64,
    pub losses: u64,
    pub p: f64,
}

/// What an A/B test of this size can show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AbForecast {
    pub items: u64,
    pub tie_share: f64,
    pub decided: u64,
    /// The most even split that is significant, if any is.
    pub smallest_significant: Option<Split>,
    /// Splits near 55, 60, 65, 70 and 75 % with their p.
    pub examples: Vec<Split>,
    /// The true share of wins among decided items that is detected with 80 % power, if any is.
    pub detectable_share: Option<f64>,
}

/// The forecast for `items` items of which `tie_share` are ties.
pub fn ab_forecast(items: u64, tie_share: f64) -> AbForecast {
    let tie_share = tie_share.clamp(0.0, 1.0);
    let decided = ((1.0 - tie_share) * items as f64).round() as u64;
    let split = |wins: u64| {
        let losses = decided - wins;
        let p = sign_test(wins, losses).ok()?;
        Some(Split { wins, losses, p })
    };
    let at = |percent: u64| split((percent * decided + 50) / 100);
    AbForecast {
        items,
        tie_share,
        decided,
        smallest_significant: critical_wins(decided).and_then(split),
        examples: [55, 60, 65, 70, 75].into_iter().filter_map(at).collect(),
        detectable_share: detectable_share(items, tie_share, TARGET_POWER),
    }
}

/// Probability that the sign test over `items` items is significant, where each is a tie with `tie_share`
/// and a decided one is won with `win_share`.
pub fn ab_power(items: u64, win_share: f64, tie_share: f64) -> f64 {
    let criticals: Vec<Option<u64>> = (0..=items).map(critical_wins).collect();
    power_with(&criticals, items, win_share, tie_share)
}

/// The smallest share of wins above one half that is found with probability `power`.
pub fn detectable_share(items: u64, tie_share: f64, power: f64) -> Option<f64> {
    let criticals: Vec<Option<u64>> = (0..=items).map(critical_wins).collect();
    let found = |share: f64| power_with(&criticals, items, share, tie_share);
    (found(1.0) >= power).then(|| bisect(0.5, 1.0, |share| found(share) < power))
}

/// The smallest difference of two means over `items` paired items that is found with 80 % power at
/// 5 %, two-sided, where the differences of items have the standard deviation `deviation`; by the normal
/// approximation. None without items.
pub fn detectable_mean_difference(items: u64, deviation: f64) -> Option<f64> {
    let quantiles = normal_quantile(1.0 - ALPHA / 2.0) + normal_quantile(TARGET_POWER);
    (items > 0).then(|| quantiles * deviation / (items as f64).sqrt())
}

/// A typical standard deviation of paired differences of three raters' means on five-point scales.
const TYPICAL_DEVIATION: f64 = 1.0;

/// A forecast in a sentence or two.
pub fn forecast_words(forecast: &AbForecast) -> String {
    let ties = (100.0 * forecast.tie_share).round();
    let mut words = format!(
        "{} items, {ties:.0} % ties expected: {} decided.",
        forecast.items, forecast.decided
    );
    match &forecast.smallest_significant {
        Some(split) => {
            words += &format!(
                " The least uneven split that counts at 5 % is {}-{} (p = {:.3}).",
                split.wins, split.losses, split.p
            )
        }
        None => words += " No split of these can be significant at 5 %.",
    }
    if let Some(split) = forecast.examples.get(1) {
        words += &format!(" {}-{} has p = {:.3}.", split.wins, split.losses, split.p);
    }
    match forecast.detectable_share {
        Some(share) => {
            words += &format!(
                " A system that truly wins {:.0} % of decided items is found with 80 % power.",
                100.0 * share
            )
        }
        None => words += " No difference is found with 80 % power.",
    }
    words
}

/// The difference that a rating can show, in a sentence.
pub fn rating_words(contexts: u64) -> String {
    match detectable_mean_difference(contexts, TYPICAL_DEVIATION) {
        Some(least) => format!(
            "{contexts} contexts: a difference of {least:.2} points between two systems' means is found with \
             80 % power, where differences of contexts deviate by {TYPICAL_DEVIATION:.0} point."
        ),
        None => "Without contexts nothing can be shown.".to_string(),
    }
}

fn power_with(criticals: &[Option<u64>], items: u64, win_share: f64, tie_share: f64) -> f64 {
    let significant = |decided: u64| match criticals[decided as usize] {
        None => 0.0,
        Some(wins) => {
            let enough = binomial_cdf(decided - wins, decided, 1.0 - win_share);
            enough + binomial_cdf(decided - wins, decided, win_share)
        }
    };
    (0..=items)
        .map(|decided| (decided, binomial_pmf(decided, items, 1.0 - tie_share)))
        .filter(|(_, likely)| *likely > 0.0)
        .map(|(decided, likely)| likely * significant(decided))
        .sum()
}

/// The fewest wins of `decided` items that are significant.
fn critical_wins(decided: u64) -> Option<u64> {
    let significant = |wins: &u64| sign_test(*wins, decided - *wins).is_ok_and(|p| p <= ALPHA);
    // The p falls as wins grow from one half up.
    let (mut low, mut high) = (decided.div_ceil(2), decided);
    if decided == 0 || !significant(&high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if significant(&middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}
