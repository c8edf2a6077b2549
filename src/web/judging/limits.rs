//! How often a link may ask: often enough for who judges fast, too seldom for who tries to disturb.
//!
//! Knows moments that it is given, but no clock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Requests at once, and for each second after.
const AT_ONCE: f64 = 60.0;
const A_SECOND: f64 = 20.0;

/// So many requests, refilled as time passes.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    since: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Bucket {
        Bucket {
            left: AT_ONCE,
            since: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left = (self.left + passed * A_SECOND).min(AT_ONCE);
        self.since = now;
        let is_enough = self.left >= 1.0;
        if is_enough {
            self.left -= 1.0;
        }
        is_enough
    }
}

/// The limits of all links. Whoever comes by a token that has not opened anything yet shares one limit with all who do.
pub struct Limits {
    links: HashMap<String, Bucket>,
    strangers: Bucket,
}

impl Limits {
    pub fn new(now: Instant) -> Limits {
        Limits {
            links: HashMap::new(),
            strangers: Bucket::full(now),
        }
    }

    /// Whether a request by this token may be answered now.
    pub fn admit(&mut self, token: &str, now: Instant) -> bool {
        match self.links.get_mut(token) {
            Some(bucket) => bucket.take(now),
            None => self.strangers.take(now),
        }
    }

    /// This token opened a study: from now on it has a limit of its own.
    pub fn know(&mut self, token: &str, now: Instant) {
        if !self.links.contains_key(token) {
            self.links.insert(token.to_string(), Bucket::full(now));
        }
    }

    /// When to come again.
    pub const fn again() -> Duration {
        Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_judges_is_not_held_up_by_who_guesses() {
        let now = Instant::now();
        let mut limits = Limits::new(now);
        assert!(limits.admit("good", now));
        limits.know("good", now);
        let guesses = (0..1000).filter(|guess| limits.admit(&guess.to_string(), now));
        assert_eq!(guesses.count(), 59);
        assert!(limits.admit("good", now));
        let more = (0..1000).filter(|_| limits.admit("good", now));
        assert_eq!(more.count(), 59);
        // A second later there is room again.
        let later = now + Duration::from_secs(1);
        assert_eq!(
            (0..1000).filter(|_| limits.admit("good", later)).count(),
            20
        );
        assert!(limits.admit("another guess", later));
        assert_eq!(limits.links.len(), 1, "guesses take no room");
    }
}
