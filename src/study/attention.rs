//! How long somebody attends to an item: the time it is in view, without the time they are away.
//!
//! Knows seconds and no clock, no window and no key.

/// Somebody who gives no sign of life for longer than this is away; what is longer does not count. In seconds.
pub const AWAY_SECONDS: f64 = 120.0;

/// The time for which an item was attended to, as it goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Attention {
    counted: f64,
    /// Up to when it is counted, while somebody attends.
    since: Option<f64>,
    /// The last sign of life.
    sign: f64,
}

impl Attention {
    /// It is `now`, in seconds from any start; times only grow. `attends` says whether the item is in view of
    /// somebody from now on, `sign` whether they moved or pressed something. Beginning to attend is a sign.
    pub fn update(&mut self, now: f64, attends: bool, sign: bool) {
        if let Some(since) = self.since {
            self.counted += (now.min(self.sign + AWAY_SECONDS) - since).max(0.0);
        }
        if sign || self.since.is_none() {
            self.sign = now;
        }
        self.since = attends.then_some(now);
    }

    /// What is counted so far, in milliseconds; from here on it counts anew.
    pub fn take_ms(&mut self) -> u64 {
        let seconds = std::mem::take(&mut self.counted);
        (seconds * 1000.0).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_away_does_not_count() {
        let mut attention = Attention::default();
        attention.update(10.0, true, false);
        attention.update(13.0, true, true);
        assert_eq!(attention.take_ms(), 3000);
        // Another window has the keyboard for a minute.
        attention.update(15.0, false, true);
        attention.update(75.0, true, false);
        attention.update(76.0, true, true);
        assert_eq!(attention.take_ms(), 3000);
        // Lunch, with the page in view.
        attention.update(3676.0, true, true);
        assert_eq!(attention.take_ms(), 120_000);
        // However often the page is drawn meanwhile.
        for second in 3677..9000 {
            attention.update(f64::from(second), true, false);
        }
        assert_eq!(attention.take_ms(), 120_000);
        // Reading for long, with the hand on the mouse, counts.
        for second in 9000..9300 {
            attention.update(f64::from(second), true, second % 100 == 0);
        }
        assert_eq!(attention.take_ms(), 299_000);
    }
}
