//! What is tried again, how often and after what pause.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::{FetchError, Tracker};

/// The longest pause that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest pause that failures lead to.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a pause asks whether the fetch is to stop.
const NAP: Duration = Duration::from_millis(50);

/// How often a request may fail in a row, and the pause after the first failure; it doubles with each.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    pub times: u32,
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            times: 5,
            pause: Duration::from_millis(500),
        }
    }
}

/// Why a request failed.
pub(super) enum Trouble {
    /// It may succeed if it is made again.
    Passing {
        why: String,
        wait: Duration,
    },
    Lasting(FetchError),
}

impl Trouble {
    pub fn passing(why: impl ToString) -> Trouble {
        Trouble::Passing {
            why: why.to_string(),
            wait: Duration::ZERO,
        }
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Trouble::Lasting(error)
    }
}

/// The failures of one request in a row.
pub(super) struct Attempts {
    retry: Retry,
    failed: u32,
}

impl Attempts {
    pub fn new(retry: Retry) -> Attempts {
        Attempts { retry, failed: 0 }
    }

    /// Something arrived: the count begins anew.
    pub fn reset(&mut self) {
        self.failed = 0;
    }

    /// Waits before another attempt.
    ///
    /// # Errors
    /// The trouble is lasting, there was too much of it, or the fetch was stopped.
    pub fn again(
        &mut self,
        url: &str,
        trouble: Trouble,
        tracker: &mut Tracker<'_>,
    ) -> Result<(), FetchError> {
        let (why, wait) = match trouble {
            Trouble::Passing { why, wait } => (why, wait),
            Trouble::Lasting(error) => return Err(error),
        };
        self.failed += 1;
        if self.failed >= self.retry.times {
            return Err(FetchError::Cut {
                url: url.to_string(),
                times: self.failed,
                why,
            });
        }
        tracing::info!("{url}: {why}; trying again");
        let pause = self
            .retry
            .pause
            .saturating_mul(2u32.saturating_pow(self.failed - 1));
        // Who failed together does not come back together.
        let pause = pause.min(LONGEST_PAUSE).mul_f64(1.0 + 0.5 * chance());
        let until = Instant::now() + pause.max(wait.min(LONGEST_WAIT));
        while Instant::now() < until {
            tracker.tell()?;
            std::thread::sleep(NAP.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// A number from 0 to below 1, another one each time; nothing that is computed depends on it.
fn chance() -> f64 {
    let number = RandomState::new().build_hasher().finish();
    (number >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_spread_over_its_range() {
        let drawn: Vec<f64> = (0..1000).map(|_| chance()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
