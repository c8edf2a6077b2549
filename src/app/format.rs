//! Numbers, sizes and times as a person reads them.
//!
//! Pure text; knows no colour and no widget.

use time::{OffsetDateTime, UtcOffset};

use crate::metrics::written::grouped;
use crate::metrics::{Digits, declared};

const THIN: char = '\u{2009}';
const MINUS: char = '\u{2212}';

/// A number that no metric declares: three significant digits, thin spaces between thousands.
pub fn number(value: f64) -> String {
    figure(value, Digits::LOGGED)
}

/// A value of a metric, by its name in the store.
pub fn metric(key: &str, value: f64) -> String {
    figure(value, Digits::of(key))
}

/// `digits` significant digits; whole numbers keep all of theirs.
pub fn significant(value: f64, digits: usize) -> String {
    figure(value, Digits::Significant(digits))
}

pub fn fixed(value: f64, decimals: usize) -> String {
    figure(value, Digits::Decimals(decimals))
}

pub fn figure(value: f64, digits: Digits) -> String {
    if value.is_infinite() {
        return if value > 0.0 {
            "∞".into()
        } else {
            format!("{MINUS}∞")
        };
    }
    typeset(&digits.write(value))
}

/// A figure with its sign, as of a difference.
pub fn signed(value: f64, digits: Digits) -> String {
    let words = figure(value, digits);
    // A value that rounds to zero has no sign.
    let some = words.bytes().any(|byte| matches!(byte, b'1'..=b'9')) || value.is_infinite();
    match value > 0.0 && some {
        true => format!("+{words}"),
        false => words,
    }
}

/// Typesets the numbers in a text: a real minus sign, thin spaces between thousands.
pub fn typeset(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number.find(|letter: char| !letter.is_ascii_digit());
        let (digits, after) = number.split_at(end.unwrap_or(number.len()));
        let fraction = before.ends_with('.');
        let sign = before
            .strip_suffix('-')
            // A sign belongs to a number or an exponent, not to a word such as Dist-1.
            .filter(|word| *word == "e" || !word.ends_with(char::is_alphanumeric));
        match sign {
            Some(before) => {
                out.push_str(before);
                out.push(MINUS);
            }
            None => out.push_str(before),
        }
        match fraction {
            true => out.push_str(digits),
            false => out.push_str(&grouped(digits, THIN)),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The reward of a response; in words where it is almost zero.
pub fn reward(value: f64) -> String {
    match value > 0.0 && value < 0.001 {
        true => "below 0.001".into(),
        false => metric(declared::EMPATHY_REWARD, value),
    }
}

pub fn count(value: u64) -> String {
    grouped(&value.to_string(), THIN)
}

/// A count with its noun, in the singular or the plural.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", count(n as u64)),
    }
}

pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        return format!("{bytes}{THIN}B");
    }
    format!("{}{THIN}{}", significant(value, 2), UNITS[unit])
}

/// A duration, to a useful precision.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".into();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..600 => format!("{} min {} s", whole / 60, whole % 60),
        600..3600 => format!("{} min", whole / 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Time left, rounded so that it does not flicker.
pub fn left(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "time left unknown".into();
    }
    match seconds.round() as u64 {
        0..10 => "a few seconds left".into(),
        s @ 10..60 => format!("{} s left", s.div_ceil(10) * 10),
        s @ 60..3600 => format!("{} min left", s.div_ceil(60)),
        s @ 3600..86_400 => format!("{} h {} min left", s / 3600, s % 3600 / 60),
        s => format!("{} d {} h left", s / 86_400, s % 86_400 / 3600),
    }
}

/// Formats times in the local time zone.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    offset: UtcOffset,
}

impl Default for Clock {
    /// Universal time.
    fn default() -> Self {
        Clock {
            offset: UtcOffset::UTC,
        }
    }
}

impl Clock {
    /// Call before other threads start: reading the time zone is not safe afterwards.
    pub fn local() -> Self {
        Clock {
            offset: UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC),
        }
    }

    fn at(&self, unix_ms: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(self.offset)
    }

    /// "today 14:05", "yesterday 14:05", "12 Nov 14:05", "12 Nov 2024".
    pub fn relative(&self, unix_ms: i64, now_ms: i64) -> String {
        let (then, now) = (self.at(unix_ms), self.at(now_ms));
        let days = (now.date() - then.date()).whole_days();
        let clock = format!("{:02}:{:02}", then.hour(), then.minute());
        let month = &then.month().to_string()[..3];
        match days {
            0 => format!("today {clock}"),
            1 => format!("yesterday {clock}"),
            _ if then.year() == now.year() => format!("{} {month} {clock}", then.day()),
            _ => format!("{} {month} {}", then.day(), then.year()),
        }
    }

    /// The time of day, to the second.
    pub fn time(&self, unix_ms: i64) -> String {
        let t = self.at(unix_ms);
        format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }

    pub fn exact(&self, unix_ms: i64) -> String {
        let t = self.at(unix_ms);
        format!(
            "{} {} {} {:02}:{:02}:{:02} {}",
            t.day(),
            t.month(),
            t.year(),
            t.hour(),
            t.minute(),
            t.second(),
            match self.offset {
                offset if offset.is_utc() => "UTC".to_string(),
                offset => format!(
                    "UTC{:+03}:{:02}",
                    offset.whole_hours(),
                    offset.minutes_past_hour().unsigned_abs()
                ),
            }
        )
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub clock: Clock,
    /// Milliseconds since the Unix epoch.
    pub ms: i64,
}

impl Now {
    /// A time as [`Clock::relative`] words it today.
    pub fn relative(&self, unix_ms: i64) -> String {
        self.clock.relative(unix_ms, self.ms)
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// With its first letter in upper case.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.12345, "0.123"),
            (0.012345, "0.0123"),
            (1.0, "1.00"),
            (9.996, "10.0"),
            (12.345, "12.3"),
            (123.45, "123"),
            (1234.5, "1\u{2009}234"),
            (999.6, "1\u{2009}000"),
            (-1.5, "\u{2212}1.50"),
            (1.41e-5, "1.41e\u{2212}5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "\u{2212}∞"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(fixed(12_345.678, 2), "12\u{2009}345.68");
    }

    #[test]
    fn figures_have_the_digits_of_their_metric() {
        assert_eq!(metric(declared::VALIDATION_EMP_F1, 64.5), "64.50");
        assert_eq!(metric(declared::KL_FULL, -0.012_34), "\u{2212}0.0123");
        assert_eq!(signed(1.5, Digits::RESULT), "+1.50");
        assert_eq!(signed(-1.5, Digits::RESULT), "\u{2212}1.50");
        assert_eq!(signed(0.001, Digits::RESULT), "0.00");
        assert_eq!(typeset("Dist-1"), "Dist-1");
        assert_eq!(
            typeset("-1.25 [-1234.00, 0.50]"),
            "\u{2212}1.25 [\u{2212}1\u{2009}234.00, 0.50]"
        );
    }

    #[test]
    fn sizes_and_durations() {
        assert_eq!(bytes(512), "512\u{2009}B");
        assert_eq!(bytes(1_340_000_000), "1.3\u{2009}GB");
        assert_eq!(duration(95.0), "1 min 35 s");
        assert_eq!(left(95.0), "2 min left");
        assert_eq!(left(41.0), "50 s left");
        assert_eq!(left(f64::NAN), "time left unknown");
    }

    #[test]
    fn times_name_the_day() {
        let clock = Clock::default();
        let noon = 1_700_000_000_000;
        assert_eq!(clock.relative(noon, noon), "today 22:13");
        assert_eq!(clock.relative(noon, noon + 7_200_000), "yesterday 22:13");
        assert_eq!(clock.relative(noon, noon + 86_400_000 * 3), "14 Nov 22:13");
        assert_eq!(clock.exact(noon), "14 November 2023 22:13:20 UTC");
    }
}
