//! How figures are written: one rule for each metric, in the window, on the command line and in tables.

use super::bootstrap::Estimate;
use super::declared;

/// The digits of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Digits after the point.
    Decimals(usize),
    /// Significant digits; whole numbers keep all of theirs.
    Significant(usize),
}

impl Digits {
    /// Figures of a result table (PPL, and all that is in %), as the paper gives them.
    pub const RESULT: Digits = Digits::Decimals(2);
    /// Words per response.
    pub const WORDS: Digits = Digits::Decimals(1);
    /// What a trainer logs: losses, rewards, KL.
    pub const LOGGED: Digits = Digits::Significant(3);
    /// Agreement of annotators (kappa, alpha) and strengths of systems.
    pub const AGREEMENT: Digits = Digits::Decimals(3);
    /// Probabilities of tests.
    pub const P: Digits = Digits::Decimals(4);
    /// Mean scores of a rating from 1 to 5.
    pub const SCORE: Digits = Digits::Decimals(2);

    /// The digits of a metric, by its name in the store.
    pub fn of(key: &str) -> Digits {
        let unit = declared::declared(key).map_or("", |metric| metric.unit);
        let percent = ["%", "points"].contains(&unit);
        let kappa = key == declared::VALIDATION_KAPPA_HELD_OUT
            || declared::VALIDATION_KAPPA_KEYS.contains(&key)
            || declared::VALIDATION_KAPPA_HELD_OUT_KEYS.contains(&key);
        match key {
            declared::VALIDATION_PPL | declared::GENERATOR_PPL => Digits::RESULT,
            declared::VALIDATION_WORDS => Digits::WORDS,
            _ if percent => Digits::RESULT,
            _ if kappa => Digits::AGREEMENT,
            _ => Digits::LOGGED,
        }
    }

    /// Digits after the point; `None` where the value is written with an exponent.
    pub fn decimals(self, value: f64) -> Option<usize> {
        let digits = match self {
            Digits::Decimals(decimals) => return Some(decimals),
            Digits::Significant(digits) => digits as i32,
        };
        if value == 0.0 || !value.is_finite() {
            return Some(0);
        }
        let magnitude = value.abs().log10().floor() as i32;
        if !(-4..9).contains(&magnitude) {
            return None;
        }
        let rounding = 10f64.powi(magnitude - digits + 1);
        // 9.996 becomes 10.0, not 10.00.
        let rounded = ((value / rounding).round() * rounding).abs();
        let magnitude = rounded.log10().floor() as i32;
        Some((digits - 1 - magnitude).max(0) as usize)
    }

    /// The figure, never `-0.00`.
    pub fn write(self, value: f64) -> String {
        match (self, self.decimals(value)) {
            (_, Some(decimals)) => fixed(value, decimals),
            (Digits::Significant(digits), None) => format!("{value:.*e}", digits.max(1) - 1),
            (Digits::Decimals(_), None) => format!("{value}"),
        }
    }

    /// A figure with its interval: `64.50 [61.02, 68.11]`.
    pub fn with_interval(self, estimate: &Estimate) -> String {
        let [value, low, high] =
            [estimate.value, estimate.low, estimate.high].map(|each| self.write(each));
        format!("{value} [{low}, {high}]")
    }
}

/// With `decimals` digits after the point, never `-0.00`.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(none) if none.bytes().all(|byte| matches!(byte, b'0' | b'.')) => none.to_string(),
        _ => text,
    }
}

/// A count, with a thin space that does not break between groups of three digits.
pub fn count(number: u64) -> String {
    grouped(&number.to_string(), '\u{202f}')
}

/// Digits in groups of three.
pub fn grouped(digits: &str, space: char) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(space);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_one_way_to_be_written() {
        for (key, value, text) in [
            (declared::VALIDATION_PPL, 12.345, "12.35"),
            (declared::VALIDATION_DIST_1, 0.44, "0.44"),
            (declared::VALIDATION_EMP_F1, 64.4999, "64.50"),
            (declared::VALIDATION_EMP_F1_GAIN, 1.3, "1.30"),
            (declared::VALIDATION_KAPPA_KEYS[2], 0.10678, "0.107"),
            (declared::IDENTIFIER_ACCURACY[0], 87.681, "87.68"),
            (declared::EMPATHY_REWARD, 0.41649, "0.416"),
            (declared::EMPATHY_REWARD, 0.041649, "0.0416"),
            (declared::KL_FULL, 12.3456, "12.3"),
            (declared::GENERATOR_LEARNING_RATE, 1.41e-5, "1.41e-5"),
            (declared::POLICY_LOSS, 0.0, "0"),
        ] {
            assert_eq!(Digits::of(key).write(value), text, "{key}");
        }
    }

    #[test]
    fn nothing_is_less_than_nothing_by_rounding() {
        assert_eq!(Digits::RESULT.write(-0.004), "0.00");
        assert_eq!(Digits::RESULT.write(-0.0), "0.00");
        assert_eq!(Digits::RESULT.write(-0.005_1), "-0.01");
        assert_eq!(Digits::LOGGED.write(-0.0), "0");
        assert_eq!(Digits::LOGGED.write(f64::NAN), "NaN");
        let estimate = Estimate {
            value: -0.001,
            low: -1.5,
            high: 1.25,
        };
        assert_eq!(
            Digits::RESULT.with_interval(&estimate),
            "0.00 [-1.50, 1.25]"
        );
    }

    #[test]
    fn digits_that_count_do_not_grow_by_rounding() {
        assert_eq!(Digits::LOGGED.write(9.996), "10.0");
        assert_eq!(Digits::LOGGED.write(999.6), "1000");
        assert_eq!(Digits::LOGGED.write(1234.5), "1234");
    }
}
