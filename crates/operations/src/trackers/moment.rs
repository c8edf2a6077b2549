//! Moments as other programs write them, in milliseconds since the Unix epoch. Knows no file.

use time::{Date, Month, Time, UtcOffset};

/// Reads `2026-11-27T22:58:45.095338+00:00`, with a blank for the `T` and without a zone (then UTC) too.
pub(super) fn of_text(text: &str) -> Option<i64> {
    let text = text.trim();
    let (day, rest) = text.split_once(['T', ' '])?;
    let mut parts = day.split('-');
    let year: i32 = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day: u8 = parts.next()?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let (clock, zone) = match rest.find(['+', '-', 'Z']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let mut parts = clock.split(':');
    let hour: u8 = parts.next()?.parse().ok()?;
    let minute: u8 = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next().unwrap_or("0").split_once('.') {
        Some((second, fraction)) => (second.to_string(), fraction.to_string()),
        None => (
            clock.split(':').nth(2).unwrap_or("0").to_string(),
            String::new(),
        ),
    };
    let thousandths: u16 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let time = Time::from_hms_milli(hour, minute, second.parse().ok()?, thousandths).ok()?;
    let offset = match zone {
        "" | "Z" => UtcOffset::UTC,
        zone => {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let hours: i8 = digits.get(..2)?.parse().ok()?;
            let minutes: i8 = digits.get(2..4).unwrap_or("0").parse().ok()?;
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?
        }
    };
    let moment = date.with_time(time).assume_offset(offset);
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

/// Reads seconds since the Unix epoch.
pub(super) fn of_seconds(seconds: f64) -> Option<i64> {
    // Up to the year 5000: anything later is no moment.
    (0.0..1e11)
        .contains(&seconds)
        .then(|| (seconds * 1e3).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_and_without_a_zone() {
        for (text, ms) in [
            ("1970-01-01T00:00:01.5+00:00", 1_500),
            ("1970-01-01 00:00:01", 1_000),
            ("1970-01-01T01:00:00.001999Z", 3_600_001),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:00-0130", 5_400_000),
        ] {
            assert_eq!(of_text(text), Some(ms), "{text}");
        }
        for wrong in [
            "",
            "yesterday",
            "1970-13-01T00:00:00",
            "1970-01-01T25:00:00",
            "1970-01-01Té",
        ] {
            assert_eq!(of_text(wrong), None, "{wrong}");
        }
        assert_eq!(of_seconds(1.25), Some(1_250));
        assert_eq!(of_seconds(f64::NAN), None);
    }
}
