//! How long an annotator looks at an item: the time it is in view, without the time they are away.
//!
//! Knows seconds, but no clock, window or key.

/// After so long without activity the annotator counts as away.
pub const AWAY_SECONDS: f64 = 120.0;

/// A timer of the attention to an item.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AttentionTimer {
    counted: f64,
    /// The last update, while the item is in view.
    since: Option<f64>,
    last_active: f64,
}

impl AttentionTimer {
    /// Advances to `now`, in seconds from any start. `in_view`: whether the item is in view from now on;
    /// `active`: whether the annotator moved or pressed something. Coming into view counts as activity.
    pub fn update(&mut self, now: f64, in_view: bool, active: bool) {
        if let Some(since) = self.since {
            self.counted += (now.min(self.last_active + AWAY_SECONDS) - since).max(0.0);
        }
        if active || self.since.is_none() {
            self.last_active = now;
        }
        self.since = in_view.then_some(now);
    }

    /// Returns the time so far in milliseconds, and starts again from 0.
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
        let mut attention = AttentionTimer::default();
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
