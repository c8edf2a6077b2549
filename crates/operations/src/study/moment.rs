//! Moments as records and exports write them.

use time::OffsetDateTime;
use time::macros::format_description;

/// RFC 3339 in UTC, always with three decimals, so that moments sort as text. `ms` counts from the Unix epoch;
/// `None` if the year has no four digits.
pub fn rfc3339(ms: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok()?;
    moment
        .format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        ))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_three_decimals() {
        for (ms, expected) in [
            (1_764_165_898_290, "2025-11-26T14:04:58.290Z"),
            (1_764_165_898_000, "2025-11-26T14:04:58.000Z"),
            (7, "1970-01-01T00:00:00.007Z"),
        ] {
            assert_eq!(rfc3339(ms).unwrap(), expected);
        }
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
